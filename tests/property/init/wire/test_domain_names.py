"""Lists of domains: what is built is read back, and nothing but names comes out."""

from hypothesis import given
from hypothesis import strategies as st

from init.wire import domain_names

name_lists = st.lists(st.lists(st.text("abz09_", min_size=1, max_size=20), min_size=1, max_size=4).map(".".join))


@given(name_lists)
def test_names_read_back(names: list[str]) -> None:
    wire = (b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0" for name in names)
    assert domain_names.names(b"".join(wire)) == tuple(dict.fromkeys(names))


@given(st.binary(max_size=80))
def test_names_are_names(value: bytes) -> None:
    for name in domain_names.names(value):
        assert name.isascii() and name.isprintable()
        assert not set(name) & set(" '\"$`;%/\\")
