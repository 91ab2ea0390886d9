"""The DHCP client through time: every state, and every way from one to the next."""

from __future__ import annotations

import pytest

from init.wire import dhcp
from init.wire.dhcp import REQUESTING, SELECTING, Client
from init.wire.exchange import BOUND, REBINDING, RENEWING, Outcome
from tests import dhcp_wire as wire
from tests.dhcp_wire import ACK, NAK, OFFER

HOUR = (51, (3600).to_bytes(4, "big"))


def new(autoconf: str = "dhcp", **fields: str | bytes) -> Client:
    return Client(wire.MAC, 0x12345678, dhcp.Wish(autoconf, **fields), 100.0)  # type: ignore[arg-type]


def only(client: Client) -> bytes:
    (frame,) = client.outgoing()
    return frame


def bound(*pairs: tuple[int, bytes], now: float = 100.0) -> Client:
    client = new()
    discover = only(client)
    assert client.receive(wire.answer(discover, OFFER), now) == Outcome("offer")
    assert client.receive(wire.answer(only(client), ACK, *(pairs or (HOUR,))), now) == Outcome("ack")
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
    assert (wire.xid_of(request), wire.seconds_of(request)) == (
        wire.xid_of(discover),
        wire.seconds_of(discover),
    )
    client.receive(wire.answer(request, ACK, HOUR), 100.5)
    assert client.state == BOUND
    assert client.lease is not None
    assert (client.lease.address, client.lease.server, client.lease.seconds) == (
        "10.0.0.50",
        "10.0.0.1",
        3600,
    )
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


def test_two_machines_do_not_wait_alike() -> None:
    one, other = (Client(wire.MAC, xid, dhcp.Wish(), 0.0).deadline() for xid in (1, 2))
    assert one != other


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
    now, pauses = 100.0, []
    for _ in range(4):
        now = max(now, client.deadline()) if not (sent := client.outgoing()) else now
        client.tick(now)
        discover = (sent or client.outgoing())[0]
        client.receive(wire.answer(discover, OFFER), now)
        refusal = client.receive(wire.answer(only(client), NAK, (56, b"no\nmore\x1b[0m"), address=bytes(4)), now)
        assert refusal == Outcome("nak", "nomore[0m")
        assert client.state == SELECTING
        pauses.append(client.deadline() - now if not client._outgoing else 0.0)
    assert pauses[0] == 0.0
    assert all(pause >= 3.0 for pause in pauses[1:])


def test_renews_by_unicast_rebinds_by_broadcast_and_loses_the_lease() -> None:
    client = bound()
    client.tick(100.0 + 1799)
    assert client.outgoing() == ()
    client.tick(100.0 + 1800)
    assert client.state == RENEWING
    renewal = only(client)
    assert renewal[:6] == wire.SERVER_MAC
    assert renewal[26:34] == wire.ADDRESS + wire.SERVER
    assert 50 not in wire.options_of(renewal)
    assert 54 not in wire.options_of(renewal)
    client.tick(100.0 + 3150)
    assert client.state == REBINDING
    assert only(client)[:6] == b"\xff" * 6
    client.tick(100.0 + 3599)
    assert client.lease is not None
    client.outgoing()
    client.tick(100.0 + 3600)
    assert client.lease is None
    assert client.state == SELECTING
    assert wire.options_of(only(client))[53] == b"\x01"


@pytest.mark.parametrize("moment", [1800.0, 3150.0])
def test_an_acknowledged_renewal_counts_from_its_question(moment: float) -> None:
    client = bound()
    client.tick(1900.0)
    question = only(client)
    if moment > 1800:
        client.tick(100.0 + moment)
        question = only(client)
    client.receive(wire.answer(question, ACK, HOUR, server=bytes((10, 0, 0, 2))), 100.0 + moment + 2)
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
    assert client.lease is not None
    assert client.lease.seconds is None
    assert client.deadline() == float("inf")


def test_the_servers_own_times_count_where_they_are_in_order() -> None:
    times = [(58, (600).to_bytes(4, "big")), (59, (900).to_bytes(4, "big"))]
    assert bound(HOUR, *times).deadline() == 700.0
    assert bound(HOUR, times[0], (59, bytes(4))).deadline() == 1900.0


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
    assert client.lease is not None
    assert (client.lease.protocol, client.lease.prefix, client.lease.seconds) == ("bootp", 24, None)
    assert client.lease.server == "10.0.0.1"
    assert client.release() == b""


def test_a_bootp_answer_counts_for_any_protocol_but_not_for_dhcp() -> None:
    for autoconf, outcome in (("any", "answer"), (dhcp.Wish().protocol, "answer"), ("both", "answer"), ("dhcp", "ignored")):
        client = new(autoconf)
        assert client.receive(wire.frame(wire.payload(0x12345678, b"")), 100.0).kind == outcome


def rarp_reply(target: bytes = wire.MAC, server: bytes = wire.SERVER, operation: int = 4) -> bytes:
    body = b"\0\x01\x08\0\x06\x04" + operation.to_bytes(2, "big") + wire.SERVER_MAC + server + target + wire.ADDRESS
    return wire.MAC + wire.SERVER_MAC + b"\x80\x35" + body


def test_rarp() -> None:
    client = new("rarp")
    question = only(client)
    assert question[12:22] == b"\x80\x35\0\x01\x08\0\x06\x04\0\x03"
    assert client.receive(rarp_reply(operation=3), 100.0).kind == "ignored"
    assert client.receive(rarp_reply(target=wire.SERVER_MAC), 100.0).kind == "ignored"
    assert client.receive(rarp_reply(), 100.0) == Outcome("answer")
    assert client.lease is not None
    assert (client.lease.protocol, client.lease.address, client.lease.prefix) == ("rarp", "10.0.0.50", 8)


def test_rarp_by_another_server_than_the_one_named_is_dropped() -> None:
    client = new("both", server="10.0.0.9")
    assert len(client.outgoing()) == 2  # both protocols are asked
    refused(client, rarp_reply(), "dropped", "RARP reply by another server")
    assert client.receive(rarp_reply(server=bytes((10, 0, 0, 9))), 100.0) == Outcome("answer")
    assert new("any").receive(rarp_reply(), 100.0).kind == "dropped"
