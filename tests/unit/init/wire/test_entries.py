"""Lists of which the good entries are kept."""

from collections.abc import Iterator

from init.wire.entries import kept


def test_what_is_good_is_kept_and_the_rest_told() -> None:
    assert kept(iter(("a", "b", "a"))) == (("a", "b"), "")
    assert kept(iter(())) == ((), "empty")
    assert kept(iter(("a", ValueError("one"), "b", ValueError("one"), ValueError("two")))) == (("a", "b"), "one; two")
    assert kept(ValueError(f"{number}") for number in range(9)) == ((), "0; 1; 2; 3; 5 more")


def test_an_error_that_is_raised_ends_the_list() -> None:
    def ending() -> Iterator[str]:
        yield "a"
        raise ValueError("cut")

    assert kept(ending()) == (("a",), "cut")
