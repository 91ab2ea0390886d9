"""One grammar of sizes, and where its two manuals differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from init.cmdline.size import losetup, tmpfs

LETTERS = ["", *"KMGT"]


@given(st.integers(0, 10**6), st.sampled_from(LETTERS), st.sampled_from(["", "iB"]))
def test_losetup(number: int, letter: str, more: str) -> None:
    assert losetup(f"{number}{letter}{more}") == number * 1024 ** LETTERS.index(letter)
    assert losetup(f"-{number}{letter}{more}") is None
    assert losetup(f"{number}{letter}{more}x") is None
    assert losetup(f"{number}{letter.lower()}") is None or not letter


@given(st.integers(0, 10**40), st.sampled_from(LETTERS), st.booleans())
def test_tmpfs(number: int, letter: str, small: bool) -> None:
    word = letter.lower() if small else letter
    assert tmpfs(f"{number}{word}") == number * 1024 ** LETTERS.index(letter)
    assert tmpfs(f"-{number}{word}") is None
    assert tmpfs(f"{number}{word}iB") is None


@pytest.mark.parametrize("text", ["", "K", "1KK", "1.5G", "1 G", "1Q", "0x10", "1B", "1kB", "\u0663G", "1\uff2b"])
def test_no_size(text: str) -> None:
    assert losetup(text) is None
    assert tmpfs(text) is None


@given(st.text(alphabet="0123456789KMGTiBkmgt", max_size=30))
def test_what_losetup_takes_is_what_the_kernel_can_count_to(text: str) -> None:
    number = losetup(text)
    assert number is None or 0 <= number < 1 << 63
    if number is not None and "i" not in text:
        assert tmpfs(text) == number


def test_where_counting_ends() -> None:
    assert losetup(str((1 << 63) - 1)) == (1 << 63) - 1
    assert losetup(str(1 << 63)) is losetup("8388608T") is losetup("0" * 19 + "1") is None
    assert losetup("8388607T") == 8388607 << 40
    assert (tmpfs(str(1 << 63)), tmpfs("8388608T"), tmpfs("0" * 19 + "1")) == (1 << 63, 1 << 63, 1)
