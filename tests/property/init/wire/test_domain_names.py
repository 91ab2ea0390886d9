"""Lists of domains: what is built is read back, and nothing but names comes out."""

from hypothesis import given
from hypothesis import strategies as st

from init.wire import domain_names
from init.wire.entries import kept

name_lists = st.lists(st.lists(st.text("abz09_", min_size=1, max_size=20), min_size=1, max_size=4).map(".".join))


@given(name_lists)
def test_names_read_back(names: list[str]) -> None:
    wire = (b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0" for name in names)
    assert kept(domain_names.domains(b"".join(wire), pointers=False)) == (
        tuple(dict.fromkeys(names)),
        "" if names else "empty",
    )


@given(st.binary(max_size=80), st.booleans())
def test_names_are_names(value: bytes, pointers: bool) -> None:
    for name in kept(domain_names.domains(value, pointers=pointers))[0]:
        assert name.isascii() and name.isprintable()
        assert not set(name) & set(" '\"$`;%/\\")
