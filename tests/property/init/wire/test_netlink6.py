"""rtnetlink for IPv6: any bytes either read or raise NetlinkError, and what routers tell is checked."""

import contextlib
import struct

from hypothesis import given
from hypothesis import strategies as st

from init.wire import ip6, netlink, netlink6

blobs = st.binary(max_size=80)


@given(st.integers(0, 65535), blobs, blobs)
def test_what_routers_tell(length: int, options: bytes, rest: bytes) -> None:
    head = struct.pack("=BxHiBBHI", 10, length, 3, 134, 0, 0, 0)
    told = netlink6.router_dns(netlink.Message(netlink6.RTM_NEWNDUSEROPT, 0, 0, head + options + rest))
    assert told
    assert told.link == 3
    assert all(ip6.is_host(ip6.packed(server) or b"") for server in told.dns)


@given(blobs)
def test_messages_only_raise_their_own_error(body: bytes) -> None:
    message = netlink.Message(0, 0, 0, body)
    for read in (netlink6.router_dns, netlink6.gateway, netlink6.router_flags):
        with contextlib.suppress(netlink.NetlinkError):
            read(message)
