"""The DHCP client through time: every state, and every way from one to the next."""

import itertools

import pytest

from init.wire import dhcp, ethernet
from init.wire.dhcp import PROBING, REQUESTING, SELECTING, Client
from init.wire.exchange import BOUND, REBINDING, RENEWING, Outcome
from tests import dhcp_wire as wire
from tests.dhcp_wire import ACK, NAK, OFFER


def new(autoconf: str = "dhcp", **fields: str | bytes) -> Client:
    return Client(wire.MAC, 0x12345678, dhcp.Wish(autoconf, **fields), 100.0)  # type: ignore[arg-type]


def only(client: Client) -> bytes:
    (frame,) = client.outgoing()
    return frame


def bound(*pairs: tuple[int, bytes], now: float = 100.0) -> Client:
    client = new()
    discover = only(client)
    assert client.receive(wire.answer(discover, OFFER), now) == Outcome("offer")
    assert client.receive(wire.answer(only(client), ACK, *(pairs or (wire.HOUR,))), now) == Outcome("ack")
    return client


def refused(client: Client, frame: bytes, kind: str, reason: str) -> None:
    """The whole frame is refused with `reason`, and nothing changes."""
    state, deadline = client.state, client.deadline()
    assert client.receive(frame, 100.0) == Outcome(kind, reason)
    assert (client.state, client.deadline(), client.outgoing()) == (state, deadline, ())


def test_asks_at_once_and_ends_bound() -> None:
    client = new(hostname="box", nis_domain="lab", client_id=b"\x01abc")
    discover = only(client)
    assert discover[:6] == b"\xff" * 6
    assert len(discover) >= 14 + 20 + 8 + 300
    sent = wire.options_of(discover)
    assert (sent[53], sent[61], sent[12], sent[40]) == (b"\x01", b"\x01abc", b"box", b"lab")
    assert {1, 3, 6, 15, 121}.issubset(sent[55])
    assert list(sent[55]).index(121) < list(sent[55]).index(3)  # RFC 3442
    client.receive(wire.answer(discover, OFFER), 100.0)
    assert client.state == REQUESTING
    request = only(client)
    sent = wire.options_of(request)
    assert (sent[53], sent[50], sent[54]) == (b"\x03", wire.ADDRESS, wire.SERVER)
    assert (wire.xid_of(request), wire.seconds_of(request)) == (wire.xid_of(discover), wire.seconds_of(discover))
    client.receive(wire.answer(request, ACK, wire.HOUR), 100.5)
    assert client.state == BOUND
    lease = client.lease
    assert lease and (lease.address, lease.server, lease.seconds) == ("10.0.0.50", "10.0.0.1", 3600)
    assert client.deadline() == 100.0 + 1800  # from the time of asking, RFC 2131 4.4.1


def test_asks_for_the_address_on_the_command_line() -> None:
    assert wire.options_of(only(new(address="10.0.0.77")))[50] == bytes((10, 0, 0, 77))


def test_waits_4_8_16_32_64_seconds_spread_by_one() -> None:
    client = new()
    now, waits = 100.0, []
    for _ in range(7):
        question = only(client)
        assert wire.seconds_of(question) == int(now - 100.0)
        waits.append(client.deadline() - now)
        client.tick(client.deadline() - 0.001)
        assert client.outgoing() == ()
        now = client.deadline()
        client.tick(now)
    for wait, expected in zip(waits, (4, 8, 16, 32, 64, 64, 64), strict=True):
        assert expected - 1 <= wait <= expected + 1
    assert len({round(wait % 1, 6) for wait in waits}) > 3
    one, other = (Client(wire.MAC, xid, dhcp.Wish(), 0.0).deadline() for xid in (1, 2))
    assert one != other  # two machines do not wait alike


def test_a_first_question_that_may_be_lost_is_repeated_and_once_more() -> None:
    client = Client(wire.MAC, 5, dhcp.Wish(), 100.0, fresh=True)
    first = only(client)
    assert client.deadline() == 100.0 + dhcp.SECOND_CHANCE
    client.repeat(101.0)
    second = only(client)
    assert (wire.xid_of(second), wire.options_of(second)) == (wire.xid_of(first), wire.options_of(first))
    assert client.deadline() == 101.0 + dhcp.SECOND_CHANCE
    client.tick(client.deadline())
    assert wire.xid_of(only(client)) == wire.xid_of(first)
    assert 3.0 <= client.deadline() - 101.5 <= 5.0
    client.receive(wire.answer(first, OFFER), 102.0)
    client.outgoing()
    client.repeat(102.0)
    assert client.outgoing() == ()


def test_a_request_without_answer_is_repeated_then_begun_anew() -> None:
    client = new()
    client.receive(wire.answer(only(client), OFFER), 100.0)
    first = only(client)
    for _ in range(dhcp.REQUEST_ATTEMPTS - 1):
        client.tick(client.deadline())
        assert wire.options_of(only(client)) == wire.options_of(first)
    client.tick(client.deadline())
    assert client.state == SELECTING
    question = only(client)
    assert wire.options_of(question)[53] == b"\x01"
    assert wire.xid_of(question) != wire.xid_of(first)


def test_one_refusal_begins_anew_at_once_and_many_do_not() -> None:
    client = new()
    now, pauses, sent = 100.0, [], client.outgoing()
    for _ in range(4):
        now = now if sent else max(now, client.deadline())
        client.tick(now)
        discover = (sent or client.outgoing())[0]
        client.receive(wire.answer(discover, OFFER), now)
        refusal = client.receive(wire.answer(only(client), NAK, (56, b"no\nmore\x1b[0m"), address=bytes(4)), now)
        assert refusal == Outcome("nak", "nomore[0m")
        assert client.state == SELECTING
        sent = client.outgoing()
        pauses.append(0.0 if sent else client.deadline() - now)
    assert pauses[0] == 0.0
    assert all(pause >= 3.0 for pause in pauses[1:])


def test_renews_by_unicast_rebinds_by_broadcast_and_loses_the_lease() -> None:
    client = bound()
    client.tick(100.0 + 1799)
    assert client.outgoing() == ()
    client.tick(100.0 + 1800)
    assert client.state == RENEWING
    renewal = only(client)
    assert (renewal[:6], renewal[26:34]) == (wire.SERVER_MAC, wire.ADDRESS + wire.SERVER)
    assert not wire.options_of(renewal).keys() & {50, 54}
    client.tick(100.0 + 3150)
    assert client.state == REBINDING
    assert only(client)[:6] == b"\xff" * 6
    client.tick(100.0 + 3599)
    assert client.lease
    client.outgoing()
    client.tick(100.0 + 3600)
    assert (client.lease, client.state) == (None, SELECTING)
    assert wire.options_of(only(client))[53] == b"\x01"


@pytest.mark.parametrize("moment", [1800.0, 3150.0])
def test_an_acknowledged_renewal_counts_from_its_question(moment: float) -> None:
    client = bound()
    client.tick(1900.0)
    question = only(client)
    if moment > 1800:
        client.tick(100.0 + moment)
        question = only(client)
    client.receive(wire.answer(question, ACK, wire.HOUR, server=bytes((10, 0, 0, 2))), 100.0 + moment + 2)
    assert client.state == BOUND
    assert client.deadline() == 100.0 + moment + 1800


def test_a_short_lease_is_asked_for_several_times_before_it_ends() -> None:
    client = bound((51, (60).to_bytes(4, "big")))
    questions = 0
    while client.lease:
        client.tick(client.deadline())
        questions += len(client.outgoing())
    assert questions >= 6
    assert client.state == SELECTING


def test_a_lease_without_end_is_never_renewed() -> None:
    client = bound((51, b"\xff" * 4))
    assert client.lease and client.lease.seconds is None
    assert client.deadline() == float("inf")


def test_the_servers_own_times_count_where_they_are_in_order() -> None:
    times = [(58, (600).to_bytes(4, "big")), (59, (900).to_bytes(4, "big"))]
    assert bound(wire.HOUR, *times).deadline() == 700.0
    assert bound(wire.HOUR, times[0], (59, bytes(4))).deadline() == 1900.0


def test_gives_the_lease_back() -> None:
    client = bound()
    frame = client.release()
    assert wire.options_of(frame) == {53: b"\x07", 54: wire.SERVER}
    assert frame[26:34] == wire.ADDRESS + wire.SERVER
    assert frame[42 + 12 : 42 + 16] == wire.ADDRESS
    assert new().release() == b""


def test_bootp() -> None:
    client = new("bootp")
    question = only(client)
    assert 53 not in wire.options_of(question)
    assert client.receive(wire.answer(question, 0, (1, b"\xff\xff\xff\x00")), 100.0) == Outcome("answer")
    lease = client.lease
    assert lease and (lease.protocol, lease.prefix, lease.seconds) == ("bootp", 24, None)
    assert lease.server == "10.0.0.1"
    assert client.release() == b""


def test_a_bootp_answer_counts_for_any_protocol_but_not_for_dhcp() -> None:
    for autoconf, outcome in (("any", "answer"), ("both", "answer"), ("dhcp", "ignored")):
        assert new(autoconf).receive(wire.frame(wire.payload(0x12345678, b"")), 100.0).kind == outcome
    assert dhcp.Wish().protocol == "any"


def test_a_refusal_by_another_server_and_another_address_do_not_count_while_requesting() -> None:
    client = new()
    client.receive(wire.answer(only(client), OFFER), 100.0)
    request = only(client)
    other = bytes((10, 0, 0, 66))
    refused(client, wire.answer(request, NAK, server=other), "dropped", "refusal by another server")
    changed = wire.answer(request, ACK, wire.HOUR, address=other)
    refused(client, changed, "dropped", "acknowledges another address than was offered")
    stranger = wire.answer(request, ACK, wire.HOUR, mac=wire.NEIGHBOUR_MAC, server=other)
    refused(client, stranger, "ignored", "answers another machine (chaddr)")
    late = wire.answer(request[:46] + bytes(4) + request[50:], ACK, wire.HOUR, server=other)
    refused(client, late, "ignored", "answers another question (xid)")
    refused(client, wire.answer(request, OFFER, server=other), "ignored", "offer is not expected while requesting")


@pytest.mark.parametrize(
    ("told", "server"),
    [(b"\x0a\0\0\x42", "10.0.0.66"), (b"", "10.0.0.1"), (bytes(4), "10.0.0.1"), (b"xyz", "10.0.0.1")],
)
def test_an_acknowledgement_in_another_servers_name_is_one(told: bytes, server: str) -> None:
    """As relays and servers' twins give it: it is the address offered, and from then on it is that server's lease."""
    client = new()
    client.receive(wire.answer(only(client), OFFER), 100.0)
    assert client.receive(wire.answer(only(client), ACK, wire.HOUR, server=told), 100.0) == Outcome("ack")
    assert client.lease and (client.lease.address, client.lease.server) == ("10.0.0.50", server)
    client.tick(100.0 + 1800)
    assert only(client)[30:34] == bytes(map(int, server.split(".")))  # the renewal goes there


def test_every_truncation_of_every_packet_is_refused_without_a_change() -> None:
    for autoconf, frame in (
        ("dhcp", wire.answer(only(new()), OFFER, wire.HOUR)),
        ("bootp", wire.answer(only(new()), 0)),
        ("rarp", wire.rarp_reply()),
    ):
        assert new(autoconf).receive(frame, 100.0).kind in ("offer", "answer")
        assert new(autoconf).receive(frame + bytes(20), 100.0).kind in ("offer", "answer")  # Ethernet's padding
        client = new(autoconf)
        client.outgoing()
        for length in range(len(frame)):
            assert client.receive(frame[:length], 100.0).kind in ("ignored", "dropped")
            assert (client.state, client.outgoing()) == (SELECTING, ())


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
    assert client.receive(wire.answer(request, ACK, wire.HOUR), 100.002) == Outcome("ack")
    assert (client.state, client.lease) == (PROBING, None)
    client.tick(client.deadline())
    (second,) = client.outgoing()
    assert ethernet.ethertype(second) == ethernet.ETH_P_ARP
    assert client.deadline() == pytest.approx(100.021)
    client.tick(client.deadline())
    assert client.state == BOUND and client.lease
    assert client.deadline() == 100.001 + 1800  # counted from the request, not from the end of the question


def test_a_server_that_is_slower_costs_nothing_more() -> None:
    client, request = requesting()
    while client.deadline() < 100.5:
        client.tick(client.deadline())
    client.receive(wire.answer(request, ACK, wire.HOUR), 100.5)
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
    steps = [
        lambda: client.receive(wire.arp_packet(), 100.003),
        lambda: client.receive(wire.answer(request, ACK, wire.HOUR), 100.004),
    ]
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
    assert client.receive(wire.arp_packet(), 110.1).kind == "ignored"


def test_a_server_that_gives_the_same_again_is_not_asked_at_the_networks_speed() -> None:
    client, request = requesting()
    now, times = 100.002, []
    for _ in range(4):
        client.receive(wire.arp_packet(), now)
        client.receive(wire.answer(request, ACK, wire.HOUR), now)
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
    client.receive(wire.answer(request, ACK, wire.HOUR), 100.1)
    while client.state != BOUND:
        client.tick(client.deadline())
    client.outgoing()
    client.tick(client.deadline())
    (renewal,) = client.outgoing()
    assert client.receive(wire.answer(renewal, ACK, wire.HOUR), 1900.2) == Outcome("ack")
    assert (client.state, client.outgoing()) == (BOUND, ())
