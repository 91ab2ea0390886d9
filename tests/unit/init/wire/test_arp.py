"""Whether another machine has the address: the question by ARP, and what DHCP's client makes of the answer."""

from __future__ import annotations

import itertools

import pytest

from init.wire import arp, dhcp, ethernet
from init.wire.arp import Probe
from init.wire.dhcp import PROBING, REQUESTING, SELECTING, Client
from init.wire.exchange import BOUND, FOREVER, Outcome
from tests import dhcp_wire as wire
from tests.dhcp_wire import ACK, OFFER

OTHER = bytes.fromhex("525400aaaaaa")
HOUR = (51, (3600).to_bytes(4, "big"))


def claim(address: bytes = wire.ADDRESS, mac: bytes = OTHER, operation: int = 2) -> bytes:
    """An ARP packet by `mac`, which says that `address` is its own; written from RFC 826."""
    body = bytes((0, 1, 8, 0, 6, 4, 0, operation)) + mac + address + wire.MAC + bytes(4)
    return wire.MAC + mac + b"\x08\x06" + body


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
    assert (probe.over, probe.outgoing(), probe.deadline(), probe.holder) == (True, (), FOREVER, b"")


@pytest.mark.parametrize("operation", [1, 2])
def test_who_says_so_has_it(operation: int) -> None:
    probe = Probe(wire.MAC, wire.ADDRESS, 0.0)
    assert probe.receive(claim(operation=operation))
    assert (probe.holder, probe.over) == (OTHER, True)
    assert not probe.receive(claim(mac=wire.SERVER_MAC))


@pytest.mark.parametrize(
    "frame",
    [
        claim(address=bytes((10, 0, 0, 51))),
        claim(mac=wire.MAC),  # ourselves, by a bridge that sends back what it is sent
        claim(address=bytes(4)),  # somebody who asks as we do, as switches do that look after their ports
    ],
)
def test_who_does_not_say_so(frame: bytes) -> None:
    probe = Probe(wire.MAC, wire.ADDRESS, 0.0)
    assert not probe.receive(frame)
    assert not probe.over


@pytest.mark.parametrize(
    "frame", [claim()[:41], b"", claim(operation=3), claim()[:15] + b"\6" + claim()[16:], b"\0" * 60]
)
def test_what_is_no_arp(frame: bytes) -> None:
    with pytest.raises(ethernet.NotForUsError):
        Probe(wire.MAC, wire.ADDRESS, 0.0).receive(frame)


def requesting(*pairs: tuple[int, bytes]) -> tuple[Client, bytes]:
    """A client that has been offered an address, and its request."""
    client = Client(wire.MAC, 5, dhcp.Wish(protocol="dhcp", address="10.0.0.50"), 100.0, probing=True)
    (discover,) = client.outgoing()
    assert client.receive(wire.answer(discover, OFFER, *pairs), 100.001) == Outcome("offer")
    request, probe = client.outgoing()
    assert ethernet.ethertype(probe) == ethernet.ETH_P_ARP
    return client, request


def test_an_address_is_asked_for_while_the_server_is_asked_to_give_it() -> None:
    client, request = requesting()
    assert client.state == REQUESTING
    assert client.deadline() == pytest.approx(100.011)
    assert client.receive(wire.answer(request, ACK, HOUR), 100.002) == Outcome("ack")
    assert (client.state, client.lease) == (PROBING, None)
    client.tick(client.deadline())
    (second,) = client.outgoing()
    assert ethernet.ethertype(second) == ethernet.ETH_P_ARP
    assert client.deadline() == pytest.approx(100.021)
    client.tick(client.deadline())
    assert client.state == BOUND
    assert client.lease is not None
    assert client.deadline() == 100.001 + 1800  # counted from the request, not from the end of the question


def test_a_server_that_is_slower_costs_nothing_more() -> None:
    client, request = requesting()
    while client.deadline() < 100.5:
        client.tick(client.deadline())
    client.receive(wire.answer(request, ACK, HOUR), 100.5)
    assert client.state == BOUND


def declined(client: Client) -> bytes:
    """The one frame that is sent at once, a decline as RFC 2131's table 5 has it."""
    (decline,) = client.outgoing()
    told = wire.options_of(decline)
    assert told == {53: b"\x04", 50: wire.ADDRESS, 54: wire.SERVER}
    assert (decline[:6], wire.seconds_of(decline), decline[54:58]) == (b"\xff" * 6, 0, bytes(4))
    return decline


@pytest.mark.parametrize("early", [True, False])
def test_an_address_that_is_taken_is_declined_and_asked_again_after_ten_seconds(early: bool) -> None:
    client, request = requesting()
    steps = [lambda: client.receive(claim(), 100.003), lambda: client.receive(wire.answer(request, ACK, HOUR), 100.004)]
    outcomes = [step() for step in (steps if early else reversed(steps))]
    assert Outcome("taken", "10.0.0.50 is in use by 52:54:00:aa:aa:aa") in outcomes
    assert (client.state, client.lease) == (SELECTING, None)
    declined(client)
    assert client.deadline() == pytest.approx((100.004 if early else 100.003) + dhcp.DECLINE_WAIT)
    client.repeat(105.0)  # the kernel's word on the carrier comes late: that is no reason to ask sooner
    assert client.outgoing() == ()
    client.tick(client.deadline())
    (discover,) = client.outgoing()
    assert 50 not in wire.options_of(discover)  # the address on the command line is what somebody else has
    assert wire.xid_of(discover) != wire.xid_of(request)
    assert client.receive(claim(), 110.1).kind == "ignored"


def test_a_server_that_gives_the_same_again_is_not_asked_at_the_networks_speed() -> None:
    client, request = requesting()
    now, times = 100.002, []
    for _ in range(4):
        client.receive(claim(), now)
        client.receive(wire.answer(request, ACK, HOUR), now)
        declined(client)
        now = client.deadline()
        client.tick(now)
        times.append(now)
        (discover,) = client.outgoing()
        client.receive(wire.answer(discover, OFFER), now)
        request = client.outgoing()[0]
    assert all(later - earlier >= dhcp.DECLINE_WAIT for earlier, later in itertools.pairwise(times))


def test_bootp_knows_no_decline_and_is_not_held_up() -> None:
    client = Client(wire.MAC, 5, dhcp.Wish(protocol="any"), 100.0, probing=True)
    (question,) = client.outgoing()
    assert client.receive(wire.answer(question, 0), 100.1) == Outcome("answer")
    assert (client.state, client.outgoing()) == (BOUND, ())


def test_renewals_ask_nobody_but_the_server() -> None:
    client, request = requesting()
    client.receive(wire.answer(request, ACK, HOUR), 100.1)
    while client.state != BOUND:
        client.tick(client.deadline())
    client.outgoing()
    client.tick(client.deadline())
    (renewal,) = client.outgoing()
    assert client.receive(wire.answer(renewal, ACK, HOUR), 1900.2) == Outcome("ack")
    assert (client.state, client.outgoing()) == (BOUND, ())
