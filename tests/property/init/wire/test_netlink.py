"""rtnetlink: any bytes either read or raise NetlinkError."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from init.wire import netlink
from tests import dhcp_wire as wire
from tests.property.init.wire.damage import damaged, fuzzing


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


def attribute(kind: int, value: bytes) -> bytes:
    """One of rtnetlink's, as linux/rtnetlink.h aligns it."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(kind: int, body: bytes) -> bytes:
    """A whole message."""
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 7, 0) + body


LINK = struct.pack("=BxHiII", 0, 1, 3, 0x11043, 0) + b"".join(
    (
        attribute(3, b"eth0\0"), attribute(1, wire.MAC), attribute(4, struct.pack("=I", 1500)), attribute(16, b"\6"),
        attribute(10, struct.pack("=I", 9)), attribute(18 | 0x8000, attribute(1, b"veth\0") + attribute(2, b"")),
    )
)  # fmt: skip
ADDRESS = struct.pack("=BBBBI", 2, 24, 0, 0, 3) + b"".join(
    (attribute(1, wire.ADDRESS), attribute(2, wire.ADDRESS), attribute(6, struct.pack("=IIII", 300, 600, 1, 1)))
)
ERROR = struct.pack("=i", -17) + bytes(16)
STREAM = message(16, LINK) + message(20, ADDRESS) + message(2, ERROR) + message(3, bytes(4))


def test_the_stream_that_is_damaged_below_is_read_whole() -> None:
    link, address, error, done = netlink.messages(STREAM)
    card = netlink.link(link)
    assert (card.name, card.mac, card.mtu) == ("eth0", "52:54:00:12:34:56", 1500)
    assert (card.master, card.kind, card.carrier) == (9, "veth", True)
    assert netlink.address(address)[:3] == (3, wire.ADDRESS, 24)
    assert (netlink.error_number(error), done.kind) == (17, netlink.NLMSG_DONE)


def test_a_stream_that_is_cut_off_is_refused() -> None:
    whole = [len(one.body) + 16 for one in netlink.messages(STREAM)]
    ends = {sum(whole[:count]) for count in range(len(whole) + 1)}
    for size in set(range(len(STREAM))) - ends:
        with pytest.raises(netlink.NetlinkError):
            list(netlink.messages(STREAM[:size]))
    # An attribute's padding may be missing behind the last.
    for size in (1, 3, 4, 8):
        with pytest.raises(netlink.NetlinkError):
            netlink.link(netlink.Message(16, 0, 0, LINK[: 16 + size]))
    assert netlink.link(netlink.Message(16, 0, 0, LINK[: 16 + 9])).name == "eth0"


@fuzzing
@given(damaged(STREAM))
def test_rtnetlink(stream: bytes) -> None:
    with contextlib.suppress(netlink.NetlinkError):
        for one in netlink.messages(stream):
            assert one.body in stream
            for read in (netlink.link, netlink.address, netlink.error_number):
                with contextlib.suppress(netlink.NetlinkError):
                    read(one)
