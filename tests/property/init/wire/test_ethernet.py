"""Frames: what is built is read back, and what is damaged is refused or is what it says."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from init.wire import dhcp, ethernet
from init.wire.exchange import Outcome
from tests import dhcp_wire as wire
from tests.property.init.wire.damage import damaged, fuzzing


@given(st.binary(max_size=600))
def test_frames_read_back(payload: bytes) -> None:
    built = ethernet.udp((wire.SERVER_MAC, wire.MAC), (wire.SERVER, wire.ADDRESS), (67, 68), payload)
    assert ethernet.parse_udp(built, wire.MAC, 68) == ethernet.Datagram(wire.SERVER_MAC, wire.SERVER, payload)


@given(st.binary(min_size=1, max_size=100), st.integers(0, 10000), st.integers(1, 255))
def test_a_changed_byte_is_noticed(payload: bytes, position: int, change: int) -> None:
    built = bytearray(ethernet.udp((wire.SERVER_MAC, wire.MAC), (wire.SERVER, wire.ADDRESS), (67, 68), payload))
    at = 34 + 8 + position % len(payload)
    built[at] ^= change
    client = dhcp.Client(wire.MAC, 77, dhcp.Wish("dhcp"), 0.0)
    assert client.receive(bytes(built), 0.0) == Outcome("dropped", "UDP checksum is wrong")


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
        datagram = ethernet.parse_udp(frame, wire.MAC, 68, checksummed=checksummed)
        assert datagram.payload in frame
        assert datagram.source == frame[26:30]
        total = int.from_bytes(frame[16:18], "big")
        udp = 14 + (frame[14] & 15) * 4
        assert len(datagram.payload) == int.from_bytes(frame[udp + 4 : udp + 6], "big") - 8
        assert udp - 14 + 8 + len(datagram.payload) <= total <= len(frame) - 14
