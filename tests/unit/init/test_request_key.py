"""What the kernel asks for, and what it is answered: the kernel's own texts of keys."""

import pytest

from init import request_key


@pytest.mark.parametrize(
    ("described", "name"),
    [
        (b"dns_resolver;0;0;3f010000;other\0", "other"),
        (b"dns_resolver;0;0;3f010000;nas.example.net\0", "nas.example.net"),
        (b"dns_resolver;0;0;3f010000;a:other\0", "other"),
        (b"dns_resolver;0;0;3f010000;od;d\xff\0", "od;d\udcff"),
        (b"cifs.spnego;0;0;39010000;ver=0x2;host=nas\0", ""),
        (b"dns_resolver;0;0;3f010000\0", ""),
        (b"dns_resolver;0;0;3f010000;\0", ""),
        (b"", ""),
    ],
)
def test_the_name_that_a_key_asks_for(described: bytes, name: str) -> None:
    assert request_key.server_name(described) == name


def test_an_address_ends_with_a_zero_byte() -> None:
    for text in ("10.0.2.2", "2001:db8::1", "fe80::1%2"):
        assert request_key.payload(text) == text.encode() + b"\0"
