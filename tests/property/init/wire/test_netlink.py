"""rtnetlink: any bytes either read or raise NetlinkError."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from init.wire import netlink


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    with contextlib.suppress(netlink.NetlinkError):
        for message in netlink.messages(data):
            assert len(message.body) <= len(data)
    for read in (netlink.link, netlink.address, netlink.error_number):
        with contextlib.suppress(netlink.NetlinkError):
            read(netlink.Message(16, 0, 0, data))


@given(st.lists(st.tuples(st.integers(1, 0x3FFF), st.binary(max_size=30)), unique_by=lambda pair: pair[0]))
def test_attributes_read_back(pairs: list[tuple[int, bytes]]) -> None:
    data = b"".join(netlink.attribute(kind, value) for kind, value in pairs)
    assert netlink.attributes(data) == dict(pairs)
