"""IPv4 netmasks and prefix lengths."""

import pytest

from init.wire import ip4


@pytest.mark.parametrize(
    ("address", "prefix"), [("10.1.2.3", 8), ("127.0.0.1", 8), ("128.0.0.1", 16), ("191.9.9.9", 16), ("192.0.0.1", 24)]
)
def test_classful_netmask(address: str, prefix: int) -> None:
    assert ip4.classful_prefix(ip4.packed(address) or b"") == prefix


@pytest.mark.parametrize(("mask", "prefix"), [("255.255.255.0", 24), ("0.0.0.0", 0), ("255.255.255.255", 32)])
def test_prefix_length(mask: str, prefix: int) -> None:
    assert ip4.prefix_length(ip4.packed(mask) or b"") == prefix
    assert ip4.netmask_of(prefix) == mask
    assert ip4.prefix_length(b"\x00\xff\xff\xff") is None
