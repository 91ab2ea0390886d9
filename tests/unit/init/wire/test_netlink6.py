"""What routers tell of DNS (RFC 8106), as the kernel hands it on."""

import struct

from init.wire import ip6, netlink, netlink6
from init.wire.netlink6 import RouterDns

LIFE = (600).to_bytes(4, "big")


def told(*options: bytes) -> RouterDns | None:
    """The options as a message of RTM_NEWNDUSEROPT by the device with the index 3."""
    area = b"".join(options)
    head = struct.pack("=BxHiBBHI", netlink.AF_INET6, len(area), 3, 134, 0, 0, 0)
    return netlink6.router_dns(netlink.Message(netlink6.RTM_NEWNDUSEROPT, 0, 0, head + area))


def servers(*addresses: str, life: bytes = LIFE) -> bytes:
    """A list of name servers."""
    body = b"".join(ip6.packed(address) or b"" for address in addresses)
    return bytes((25, 1 + len(body) // 8, 0, 0)) + life + body


def test_the_good_entries_are_kept() -> None:
    names = b"\3lab\0\3l b\0\2ok\0".ljust(16, b"\0")
    search = bytes((31, 3, 0, 0)) + LIFE + names
    assert told(servers("2001:db8::1", "::", "ff02::1", "2001:db8::2"), search) == RouterDns(
        3,
        ("2001:db8::1", "2001:db8::2"),
        ("lab", "ok"),
        (
            "dns of the router: :: is not a machine's address; ff02::1 is not a machine's address",
            "search of the router: not a host or domain name",
        ),
    )


def test_what_is_there_no_longer_is_not_told() -> None:
    assert told(servers("2001:db8::1", life=bytes(4)), servers("2001:db8::2")) == RouterDns(3, ("2001:db8::2",), ())
