"""RARP: the question, and what counts as its answer."""

from init.wire.exchange import Outcome
from tests import dhcp_wire as wire
from tests.unit.init.wire.test_dhcp import new, only, refused


def test_rarp() -> None:
    client = new("rarp")
    question = only(client)
    assert question[12:22] == b"\x80\x35\0\x01\x08\0\x06\x04\0\x03"
    assert client.receive(wire.rarp_reply(operation=3), 100.0).kind == "ignored"
    assert client.receive(wire.rarp_reply(target=wire.SERVER_MAC), 100.0).kind == "ignored"
    assert client.receive(wire.rarp_reply(), 100.0) == Outcome("answer")
    lease = client.lease
    assert lease and (lease.protocol, lease.address, lease.prefix) == ("rarp", "10.0.0.50", 8)


def test_rarp_by_another_server_than_the_one_named_is_dropped() -> None:
    client = new("both", server="10.0.0.9")
    assert len(client.outgoing()) == 2  # both protocols are asked
    refused(client, wire.rarp_reply(), "dropped", "RARP reply by another server")
    token_ring = wire.rarp_reply()[:14] + b"\0\6" + wire.rarp_reply()[16:]
    refused(client, token_ring, "dropped", "RARP for another network")
    assert client.receive(wire.rarp_reply(server=bytes((10, 0, 0, 9))), 100.0) == Outcome("answer")
    assert new("any").receive(wire.rarp_reply(), 100.0).kind == "dropped"
