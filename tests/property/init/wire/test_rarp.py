"""RARP, damaged."""

import contextlib

from hypothesis import given

from init.wire import dhcp, ethernet, rarp
from tests import dhcp_wire as wire
from tests.property.init.wire.damage import damaged, fuzzing
from tests.property.init.wire.test_dhcp import well_formed


@fuzzing
@given(damaged(wire.rarp_reply() + bytes(18)))
def test_rarp(frame: bytes) -> None:
    with contextlib.suppress(ethernet.PacketError):
        reply = rarp.parse(frame, wire.MAC)
        assert (reply.server, reply.address) == (frame[28:32], frame[38:42])
    client = dhcp.Client(wire.MAC, 77, dhcp.Wish(protocol="rarp"), 0.0)
    if client.receive(frame, 1.0).kind == "answer":
        assert client.lease is not None
        well_formed(client.lease)
