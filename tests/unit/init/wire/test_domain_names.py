"""Lists of domains in DNS's wire format."""

import pytest

from init.wire import domain_names


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\3lab\7example\0\3eng\0\0\0\0", ("lab.example", "eng")),
        (b"\3lab", ()),  # without its end
        (b"", ()), (b"\3la", ()), (b"\3l b\0", ()), (b"\1-\0", ()),
        (b"\xc0\0", ()),  # a pointer, which DHCPv6 does not have
        ((b"\77" + b"a" * 63) * 4 + b"\0", ()),  # longer than a name can be
    ],
)  # fmt: skip
def test_names(value: bytes, expected: tuple[str, ...]) -> None:
    assert domain_names.names(value) == expected
