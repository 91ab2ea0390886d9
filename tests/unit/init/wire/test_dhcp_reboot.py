"""An address of an earlier lease asked for again: a boot loader's, and one whose link was cut."""

import pytest

from init.wire import dhcp, dhcp_states
from init.wire.dhcp import Client, Wish
from init.wire.dhcp_options import Lease
from init.wire.dhcp_states import PROBING, REBOOTING, REQUESTING, SELECTING
from init.wire.exchange import BOUND, FOREVER, REBINDING, RENEWING, Outcome
from tests import dhcp_wire as wire
from tests.dhcp_wire import ACK, NAK, OFFER

LOADERS = Lease("static", "10.0.0.50", "", b"", 100.0, 24)
OTHER = bytes((10, 0, 0, 9))


def only(client: Client) -> bytes:
    (frame,) = client.outgoing()
    return frame


def rebooting() -> Client:
    return Client.reboot(wire.MAC, 7, Wish("dhcp", address=LOADERS.address), LOADERS, 100.0)


def kept() -> Client:
    """A client with an hour's lease since 100 s."""
    lease = Lease("dhcp", "10.0.0.50", "10.0.0.1", wire.SERVER_MAC, 100.0, 24, seconds=3600,
                  renew_after=1800.0, rebind_after=3150.0)  # fmt: skip
    return Client.resume(wire.MAC, 7, Wish("dhcp", address=lease.address), lease, 101.0)


def arrive(client: Client, state: str) -> float:
    """Have a kept client reach a state of its own accord; when."""
    now = 200.0
    while client.state != state:
        now = client.deadline()
        client.tick(now)
    client.outgoing()
    return now


def test_the_question_names_the_address_and_no_server() -> None:
    """RFC 2131, 4.3.2: option 50, no option 54, ciaddr 0, by broadcast."""
    client = rebooting()
    question = only(client)
    sent = wire.options_of(question)
    assert (client.state, sent[53], sent[50]) == (REBOOTING, b"\x03", wire.ADDRESS)
    assert 54 not in sent
    assert question[:6] == b"\xff" * 6
    assert question[14 + 20 + 8 + 12 :][:4] == bytes(4)
    assert client.lease is None


def test_whichever_server_acknowledges_is_asked_to_renew() -> None:
    client = rebooting()
    assert client.receive(wire.answer(only(client), ACK, wire.HOUR, server=OTHER), 100.1) == Outcome("ack")
    assert client.state == PROBING
    while client.lease is None:
        client.tick(client.deadline())
    lease = client.lease
    assert lease and (lease.protocol, lease.address, lease.server, lease.seconds) == (
        "dhcp", "10.0.0.50", "10.0.0.9", 3600,
    )  # fmt: skip
    assert client.deadline() == 100.0 + 1800


def test_an_acknowledgement_without_a_name_is_its_senders() -> None:
    client = rebooting()
    area = wire.options([(53, b"\x05"), wire.HOUR])
    client.receive(wire.frame(wire.payload(wire.xid_of(only(client)), area), source=OTHER), 100.1)
    while client.lease is None:
        client.tick(client.deadline())
    assert client.lease.server == "10.0.0.9"


def test_without_an_answer_the_address_stays_and_nobody_renews_it() -> None:
    client = rebooting()
    asked = [wire.options_of(only(client))]
    while client.lease is None:
        now = client.deadline()
        client.tick(now)
        asked += map(wire.options_of, client.outgoing())
    assert (client.state, client.lease, client.deadline(), now) == (BOUND, LOADERS, FOREVER, 103.5)
    assert len(asked) == dhcp.REQUEST_ATTEMPTS
    assert all(one[50] == wire.ADDRESS and one[53] == b"\x03" for one in asked)


def test_a_link_that_has_only_just_come_up_is_given_the_whole_time_again() -> None:
    client = rebooting()
    client.outgoing()
    client.tick(client.deadline())
    client.outgoing()
    client.repeat(103.0)
    assert wire.options_of(only(client))[50] == wire.ADDRESS
    assert client.deadline() == 103.0 + dhcp.SECOND_CHANCE


def test_a_refusal_is_followed_by_a_question_for_any_address() -> None:
    client = rebooting()
    outcome = client.receive(wire.answer(only(client), NAK, (56, b"wrong network"), server=OTHER), 100.1)
    assert (outcome, client.state) == (Outcome("nak", "wrong network"), SELECTING)
    discover = only(client)
    assert wire.options_of(discover)[53] == b"\x01"
    other = bytes((10, 0, 0, 77))
    assert client.receive(wire.answer(discover, OFFER, address=other), 100.2) == Outcome("offer")
    assert client.state == REQUESTING


def test_another_machine_that_has_the_address() -> None:
    client = rebooting()
    client.receive(wire.answer(only(client), ACK, wire.HOUR), 100.1)
    assert client.receive(wire.arp_packet(), 100.11).kind == "taken"
    assert client.state == SELECTING
    assert wire.options_of(client.outgoing()[-1])[53] == b"\x04"
    assert client.deadline() >= 100.1 + dhcp.DECLINE_WAIT


def test_an_acknowledgement_of_another_address_is_dropped() -> None:
    client = rebooting()
    outcome = client.receive(wire.answer(only(client), ACK, wire.HOUR, address=bytes((10, 0, 0, 77))), 100.1)
    assert (outcome.kind, client.state) == ("dropped", REBOOTING)


@pytest.mark.parametrize("state", [BOUND, RENEWING, REBINDING])
def test_a_link_that_was_cut(state: str) -> None:
    client = kept()
    now = arrive(client, state)
    client.moved(now)
    question = only(client)
    assert (client.state, wire.options_of(question)[50], 54 in wire.options_of(question)) == (
        REBOOTING, wire.ADDRESS, False,
    )  # fmt: skip
    assert client.receive(wire.answer(question, ACK, wire.HOUR), now + 0.1) == Outcome("ack")
    assert (client.state, client.deadline()) == (BOUND, now + 1800)  # without ARP: it is our own


def test_a_cut_link_without_an_answer_is_asked_for_any_address_after_half_a_minute() -> None:
    client = kept()
    client.moved(200.0)
    while client.state == REBOOTING:
        now = client.deadline()
        client.tick(now)
    assert client.state == SELECTING
    assert 25 < now - 200.0 < 31
    assert wire.options_of(client.outgoing()[-1])[50] == wire.ADDRESS
    client.moved(300.0)  # once more: no waiting for a minute
    assert wire.options_of(only(client))[53] == b"\x01"


@pytest.mark.parametrize("state", [REQUESTING, PROBING])
def test_a_cut_link_changes_nothing_of_a_question_under_way(state: str) -> None:
    client = Client(wire.MAC, 7, Wish("dhcp"), 100.0, probing=True)
    client.receive(wire.answer(only(client), OFFER), 100.0)
    request = client.outgoing()[0]
    if state == PROBING:
        client.receive(wire.answer(request, ACK, wire.HOUR), 100.0)
    client.moved(100.0)
    assert client.state == state


def test_every_way_out_of_rebooting() -> None:
    ways = {event: state for (old, event), state in dhcp_states.NEXT.items() if old == REBOOTING}
    assert ways == {"ack": PROBING, "nak": SELECTING, "silence": SELECTING, "alone": BOUND}
