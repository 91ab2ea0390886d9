"""ARP, damaged."""

import contextlib

from hypothesis import given

from init.wire import arp, ethernet
from tests import dhcp_wire as wire
from tests.property.init.wire.damage import damaged, fuzzing


@fuzzing
@given(damaged(wire.arp_packet() + bytes(18)))
def test_arp(frame: bytes) -> None:
    with contextlib.suppress(ethernet.PacketError):
        sender = arp.parse(frame)
        assert (sender.mac, sender.address) == (frame[22:28], frame[28:32])
        assert len(sender.mac) == 6
    with contextlib.suppress(ethernet.PacketError):
        assert arp.parse(wire.arp_packet()).address == wire.ADDRESS
