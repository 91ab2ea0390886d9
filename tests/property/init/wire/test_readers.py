"""A fuzzer for every reader of packets: real traffic, taken apart and put together wrongly.

Random bytes are stopped by the first check of a reader. So each example begins with a frame that is right and is
damaged at the places that say something: lengths, types, counts; cut, extended, or with a piece of another; and the
checksums are made right again, so that what lies behind them is reached. A reader may refuse (its own error only)
or take it; what it takes has to be what its values promise. Bounded: some hundreds of examples a reader.
"""

import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from init.wire import dhcp, dhcp_options, ethernet, netlink, rarp
from init.wire.ip4 import packed
from tests import dhcp_wire as wire
from tests.property.init.wire.test_dhcp import well_formed

fuzzing = settings(max_examples=300, deadline=None)
XID = 0x01020304
OPTIONS = (
    (1, bytes((255, 255, 255, 0))),
    (121, bytes((24, 10, 9, 8, 10, 0, 0, 1, 0, 10, 0, 0, 2))),
    (3, bytes((10, 0, 0, 1))),
    (6, bytes((10, 0, 0, 3, 10, 0, 0, 4))),
    (12, b"wall"),
    (15, b"lab.example"),
    (17, b"10.0.0.1:/srv/root"),
    (26, b"\x05\x78"),
    (40, b"lab.nis"),
    (42, bytes((10, 0, 0, 5))),
    (51, (600).to_bytes(4, "big")),
    (58, (250).to_bytes(4, "big")),
    (59, (500).to_bytes(4, "big")),
    (119, b"\x03eng\x03lab\x00\xc0\x04"),
)


@st.composite
def damaged(draw: st.DrawFn, good: bytes, first: int = 0) -> bytes:
    """`good`, wrong from the byte `first` on: bytes that are extreme, pieces lost, doubled or moved."""
    data = bytearray(good)
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(min(first, len(data)), len(data)))
        size = draw(st.integers(0, 40))
        match draw(st.sampled_from(("set", "set", "set", "cut", "drop", "double", "insert"))):
            case "set" if at < len(data):
                data[at] = draw(st.sampled_from((0, 1, 4, 53, 63, 64, 127, 128, 192, 254, 255)) | st.integers(0, 255))
            case "cut":
                del data[at:]
            case "drop":
                del data[at : at + size]
            case "double":
                data[at:at] = data[at : at + size]
            case "insert":
                data[at:at] = draw(st.binary(max_size=size))
    return bytes(data)


def question(client: dhcp.Client) -> bytes:
    """The frame that the client sent last."""
    return client.outgoing()[-1]


@fuzzing
@given(st.data(), st.sampled_from((wire.OFFER, wire.ACK, wire.NAK, 0)), st.sampled_from(("dhcp", "any", "bootp")))
def test_dhcp_and_bootp(data: st.DataObject, kind: int, autoconf: str) -> None:
    client = dhcp.Client(wire.MAC, XID, dhcp.Wish(protocol=autoconf), 0.0)
    asked = question(client)
    if kind in (wire.ACK, wire.NAK) and autoconf != "bootp":
        assert client.receive(wire.answer(asked, wire.OFFER, *OPTIONS), 0.0).kind == "offer"
        asked = question(client)
    told = [(53, bytes((kind,))), (54, wire.SERVER), *OPTIONS] if kind else list(OPTIONS)
    told.insert(2, (52, bytes((data.draw(st.integers(0, 4)),))))
    body = wire.payload(wire.xid_of(asked), wire.options(told), file=b"\x0c\x04wall\xff", sname=b"\x0f\x03lab\xff")
    # Up to chaddr (28 + 6 bytes) the packet is for us, or everything would be dropped there.
    body = body[:34] + data.draw(damaged(body[34:]))
    before = client.state
    outcome = client.receive(wire.frame(body), 1.0)
    if outcome.kind in ("ignored", "dropped"):
        assert outcome.reason
        assert client.state == before
    if client.lease is not None:
        well_formed(client.lease)


@fuzzing
@given(st.data(), st.booleans())
def test_ethernet_ip_and_udp(data: st.DataObject, checksummed: bool) -> None:
    good = wire.frame(b"what it says")  # short, so that the headers are hit
    frame = data.draw(damaged(good, first=14))
    if len(frame) >= 34 and data.draw(st.booleans()):  # the header's checksum right again
        length = max(20, (frame[14] & 15) * 4)
        header = frame[14:24] + bytes(2) + frame[26 : 14 + length]
        frame = frame[:24] + ethernet.checksum(header).to_bytes(2, "big") + frame[26:]
    with contextlib.suppress(ethernet.PacketError):
        datagram = ethernet.parse_udp(frame, wire.MAC, (67, 68), checksummed=checksummed)
        assert datagram.payload in frame
        assert datagram.source == frame[26:30]
        total = int.from_bytes(frame[16:18], "big")
        udp = 14 + (frame[14] & 15) * 4
        assert len(datagram.payload) == int.from_bytes(frame[udp + 4 : udp + 6], "big") - 8
        assert udp - 14 + 8 + len(datagram.payload) <= total <= len(frame) - 14


@fuzzing
@given(st.data())
def test_rarp(data: st.DataObject) -> None:
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 4) + wire.SERVER_MAC + wire.SERVER + wire.MAC + wire.ADDRESS
    good = wire.MAC + wire.SERVER_MAC + b"\x80\x35" + body + bytes(18)
    frame = data.draw(damaged(good))
    with contextlib.suppress(ethernet.PacketError):
        reply = rarp.parse(frame, wire.MAC)
        assert (reply.server, reply.address) == (frame[28:32], frame[38:42])
    client = dhcp.Client(wire.MAC, XID, dhcp.Wish(protocol="rarp"), 0.0)
    if client.receive(frame, 1.0).kind == "answer":
        assert client.lease is not None
        well_formed(client.lease)


@fuzzing
@given(st.data(), st.sampled_from(OPTIONS))
def test_each_option_by_itself(data: st.DataObject, option: tuple[int, bytes]) -> None:
    code, good = option
    lease = dhcp_options.lease(
        {code: data.draw(damaged(good))},
        protocol="dhcp",
        address=wire.ADDRESS,
        next_server=bytes(4),
        server=wire.SERVER,
        server_mac=wire.SERVER_MAC,
        obtained=0.0,
    )
    well_formed(lease)
    for route in lease.routes:
        assert packed(route.destination) is not None
        assert 0 <= route.prefix <= 32


@pytest.mark.parametrize("size", range(1, 30))
def test_options_that_are_cut_off_are_refused(size: int) -> None:
    pairs = [(1, bytes(4)), (15, b"lab"), (121, bytes(18))]
    area = b"".join(bytes((code, len(value))) + value for code, value in pairs)[:size]
    if size in (6, 11):
        assert list(dhcp_options.split(area, b"", b"")) == [1, 15][: size // 5]
    else:
        with pytest.raises(ethernet.PacketError, match="runs past the end"):
            dhcp_options.split(area, b"", b"")


def attribute(kind: int, value: bytes) -> bytes:
    """One of rtnetlink's, as linux/rtnetlink.h aligns it."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(kind: int, body: bytes) -> bytes:
    """A whole message."""
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 7, 0) + body


LINK = struct.pack("=BxHiII", 0, 1, 3, 0x11043, 0) + b"".join(
    (
        attribute(3, b"eth0\0"),
        attribute(1, wire.MAC),
        attribute(4, struct.pack("=I", 1500)),
        attribute(16, b"\6"),
        attribute(10, struct.pack("=I", 9)),
        attribute(18 | 0x8000, attribute(1, b"veth\0") + attribute(2, b"")),
    )
)
ADDRESS = struct.pack("=BBBBI", 2, 24, 0, 0, 3) + b"".join(
    (attribute(1, wire.ADDRESS), attribute(2, wire.ADDRESS), attribute(6, struct.pack("=IIII", 300, 600, 1, 1)))
)
ERROR = struct.pack("=i", -17) + bytes(16)
STREAM = message(16, LINK) + message(20, ADDRESS) + message(2, ERROR) + message(3, bytes(4))


def test_the_stream_that_is_damaged_below_is_read_whole() -> None:
    link, address, error, done = netlink.messages(STREAM)
    found = netlink.link(link)
    assert (found.name, found.mac, found.mtu, found.operstate) == ("eth0", "52:54:00:12:34:56", 1500, "up")
    assert (found.master, found.kind, found.carrier) == (9, "veth", True)
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
        for found in netlink.messages(stream):
            assert found.body in stream
            for read in (netlink.link, netlink.address, netlink.error_number):
                with contextlib.suppress(netlink.NetlinkError):
                    read(found)
