"""Whether another machine has an address: the question by ARP, and who answers it."""

import pytest

from init.wire import arp, ethernet
from init.wire.arp import Probe
from init.wire.exchange import FOREVER
from tests import dhcp_wire as wire


def test_the_question_is_as_rfc_5227_has_it() -> None:
    (frame,) = Probe(wire.MAC, wire.ADDRESS, 0.0).outgoing()
    body = bytes((0, 1, 8, 0, 6, 4, 0, 1)) + wire.MAC + bytes(4) + bytes(6) + wire.ADDRESS
    assert frame == b"\xff" * 6 + wire.MAC + b"\x08\x06" + body


@pytest.mark.parametrize(("pace", "wait"), [(0.001, arp.SHORTEST), (0.05, 0.05), (3.0, arp.LONGEST)])
def test_two_questions_at_the_networks_pace(pace: float, wait: float) -> None:
    probe = Probe(wire.MAC, wire.ADDRESS, 7.0, pace)
    for number in (1, 2):
        assert len(probe.outgoing()) == 1
        assert probe.deadline() == pytest.approx(7.0 + number * wait)
        assert not probe.over
        probe.tick(probe.deadline())
    assert (probe.over, probe.outgoing(), probe.deadline(), probe.owner) == (True, (), FOREVER, b"")


@pytest.mark.parametrize("operation", [1, 2])
def test_who_says_so_has_it(operation: int) -> None:
    probe = Probe(wire.MAC, wire.ADDRESS, 0.0)
    assert probe.receive(wire.arp_packet(operation=operation))
    assert (probe.owner, probe.over) == (wire.NEIGHBOUR_MAC, True)
    assert not probe.receive(wire.arp_packet(mac=wire.SERVER_MAC))


@pytest.mark.parametrize(
    "frame",
    [
        wire.arp_packet(address=bytes((10, 0, 0, 51))),
        wire.arp_packet(mac=wire.MAC),  # ourselves, by a bridge that sends back what it is sent
        wire.arp_packet(address=bytes(4)),  # somebody who asks as we do, as switches do that look after their ports
    ],
)
def test_who_does_not_say_so(frame: bytes) -> None:
    probe = Probe(wire.MAC, wire.ADDRESS, 0.0)
    assert not probe.receive(frame)
    assert not probe.over


@pytest.mark.parametrize(
    "frame",
    [
        wire.arp_packet()[:41], b"", wire.arp_packet(operation=3),
        wire.arp_packet()[:15] + b"\6" + wire.arp_packet()[16:], b"\0" * 60,
    ],
)  # fmt: skip
def test_what_is_no_arp(frame: bytes) -> None:
    with pytest.raises(ethernet.NotForUsError):
        Probe(wire.MAC, wire.ADDRESS, 0.0).receive(frame)
