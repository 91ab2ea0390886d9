"""Lists of domains in DNS's wire format."""

import pytest

from init.wire import domain_names
from init.wire.entries import kept


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\3lab\7example\0\3eng\0\0\0\0", ("lab.example", "eng")),
        (b"\3lab\0\3l b\0\1-\0\2ok\0\3end", ("lab", "ok")),  # what is good is kept
        (b"\3lab", ()),  # without its end
        (b"", ()), (b"\3la", ()), (b"\3l b\0", ()), (b"\1-\0", ()),
        (b"\xc0\0", ()),  # a pointer, which DHCPv6 does not have
        ((b"\77" + b"a" * 63) * 4 + b"\0", ()),  # longer than a name can be
    ],
)  # fmt: skip
def test_names(value: bytes, expected: tuple[str, ...]) -> None:
    assert kept(domain_names.domains(value, pointers=False))[0] == expected
