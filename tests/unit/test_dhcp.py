"""The DHCP client through time: every state, every way from one to the next, and what is dropped and why."""

from __future__ import annotations

import pytest

from init import dhcp, frames
from init.dhcp import REQUESTING, SELECTING, Client
from init.exchange import BOUND, REBINDING, RENEWING, Outcome
from init.ipconfig import Request
from init.options import Route
from tests import dhcp_wire as wire
from tests.dhcp_wire import ACK, NAK, OFFER

HOUR = (51, (3600).to_bytes(4, "big"))


def new(autoconf: str = "dhcp", **fields: str | bytes) -> Client:
    return Client(wire.MAC, 0x12345678, Request(autoconf=autoconf, **fields), 100.0)  # type: ignore[arg-type]


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
    client = new(hostname="box", domain="lab", client_id=b"\x01abc")
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
    assert wire.options_of(only(new(client="10.0.0.77")))[50] == bytes((10, 0, 0, 77))


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
    client = Client(wire.MAC, 5, Request(), 100.0, fresh=True)
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
    one, other = (Client(wire.MAC, xid, Request(), 0.0).deadline() for xid in (1, 2))
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
        refusal = client.receive(
            wire.answer(only(client), NAK, (56, b"no\nmore\x1b[0m"), address=bytes(4)), now
        )
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
    for autoconf, outcome in (("any", "answer"), ("", "answer"), ("both", "answer"), ("dhcp", "ignored")):
        client = new(autoconf)
        assert client.receive(wire.frame(wire.payload(0x12345678, b"")), 100.0).kind == outcome


def rarp_reply(target: bytes = wire.MAC, server: bytes = wire.SERVER, operation: int = 4) -> bytes:
    body = (
        b"\0\x01\x08\0\x06\x04"
        + operation.to_bytes(2, "big")
        + wire.SERVER_MAC
        + server
        + target
        + wire.ADDRESS
    )
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


def test_what_is_not_ours_is_ignored() -> None:
    client = new()
    question = only(client)
    good = wire.answer(question, OFFER)
    options = wire.options([(53, b"\x02"), (54, wire.SERVER)])
    xid = wire.xid_of(question)
    refused(client, b"", "ignored", "not IPv4")
    refused(client, good[:12] + b"\x86\xdd" + good[14:], "ignored", "not IPv4")
    refused(client, wire.SERVER_MAC + good[6:], "ignored", "for another machine")
    refused(client, good[:23] + b"\x06" + good[24:], "ignored", "not UDP")
    refused(client, wire.frame(wire.payload(xid, options), ports=(53, 68)), "ignored", "for another port")
    refused(client, wire.frame(wire.payload(xid, options, operation=1)), "ignored", "not a reply")
    refused(client, wire.frame(wire.payload(xid + 1, options)), "ignored", "answers another question (xid)")
    for fields in ({"mac": wire.SERVER_MAC}, {"hardware": 6}):
        frame = wire.frame(wire.payload(xid, options, **fields))
        refused(client, frame, "ignored", "answers another machine (chaddr)")
    refused(client, wire.answer(question, ACK, HOUR), "ignored", "ack is not expected while selecting")
    refused(client, wire.answer(question, 13), "ignored", "message type 13 is not expected while selecting")


def test_what_is_wrong_is_dropped_with_the_reason() -> None:
    client = new()
    question = only(client)
    good = wire.answer(question, OFFER)
    refused(client, good[:16] + b"\x00\x13" + good[18:], "dropped", "IP lengths contradict each other")
    refused(client, good[:14] + b"\x4f" + good[15:60], "dropped", "IP lengths contradict each other")
    refused(client, good[:26] + b"\x0b" + good[27:], "dropped", "IP header checksum is wrong")
    refused(client, good[:38] + b"\x00\x07" + good[40:], "dropped", "UDP length contradicts the IP length")
    refused(client, good[:60] + b"\x99" + good[61:], "dropped", "UDP checksum is wrong")
    refused(client, wire.frame(bytes(235)), "dropped", "235 bytes are no BOOTP message")
    refused(
        client,
        wire.answer(question, OFFER, address=b"\xe0\0\0\1"),
        "dropped",
        "the address offered is not the address of a machine",
    )
    refused(
        client, wire.answer(question, OFFER, server=bytes(4)), "dropped", "no server identifier (option 54)"
    )
    refused(
        client,
        wire.answer(question, OFFER, (53, b"\x02")),
        "dropped",
        "message type (option 53) is not one byte",
    )
    xid = wire.xid_of(question)
    for area, reason in (
        (b"\x35\x01", "option 53 runs past the end of its field"),
        (b"\x35", "option 53 runs past the end of its field"),
        (b"\x34\x01\x04\xff", "overload (option 52) is none of 1, 2, 3"),
        (b"\x34\x02\x01\x01\xff", "overload (option 52) is none of 1, 2, 3"),
    ):
        refused(client, wire.frame(wire.payload(xid, wire.COOKIE + area)), "dropped", reason)
    looped = wire.payload(xid, wire.COOKIE + b"\x34\x01\x01\xff", file=b"\x34\x01\x01\xff")
    refused(client, wire.frame(looped), "dropped", "overload (option 52) within an overloaded field")


def test_only_the_chosen_server_is_heard_while_requesting() -> None:
    client = new()
    client.receive(wire.answer(only(client), OFFER), 100.0)
    request = only(client)
    other = bytes((10, 0, 0, 66))
    refused(
        client, wire.answer(request, ACK, HOUR, server=other), "dropped", "acknowledgement by another server"
    )
    refused(client, wire.answer(request, NAK, server=other), "dropped", "refusal by another server")
    refused(
        client,
        wire.answer(request, ACK, HOUR, address=other),
        "dropped",
        "acknowledges another address than was offered",
    )
    refused(
        client, wire.answer(request, OFFER, server=other), "ignored", "offer is not expected while requesting"
    )


def test_a_partial_checksum_is_not_held_against_the_packet() -> None:
    client = new()
    good = wire.answer(only(client), OFFER)
    partial = good[:40] + b"\x12\x34" + good[42:]
    assert client.receive(partial, 100.0) == Outcome("dropped", "UDP checksum is wrong")
    assert client.receive(partial, 100.0, checksummed=False) == Outcome("offer")
    none = new()
    assert none.receive(good[:40] + bytes(2) + good[42:], 100.0) == Outcome("offer")


def test_every_truncation_of_every_packet_is_refused_without_a_change() -> None:
    for autoconf, frame in (
        ("dhcp", wire.answer(only(new()), OFFER, HOUR)),
        ("bootp", wire.answer(only(new()), 0)),
        ("rarp", rarp_reply()),
    ):
        assert new(autoconf).receive(frame, 100.0).kind in ("offer", "answer")
        assert new(autoconf).receive(frame + bytes(20), 100.0).kind in (
            "offer",
            "answer",
        )  # Ethernet's padding
        client = new(autoconf)
        client.outgoing()
        for length in range(len(frame)):
            assert client.receive(frame[:length], 100.0).kind in ("ignored", "dropped")
            assert (client.state, client.outgoing()) == (SELECTING, ())


def test_options_of_a_lease() -> None:
    client = bound(
        HOUR,
        (1, b"\xff\xff\xff\x80"),
        (3, bytes((10, 0, 0, 2)) + bytes((10, 0, 0, 3))),
        (6, bytes((1, 1, 1, 1)) * 2 + bytes((8, 8, 8, 8))),
        (12, b"box\0"),
        (15, b"lab.example."),
        (17, b"10.0.0.1:/srv/root"),
        (26, (1400).to_bytes(2, "big")),
        (40, b"nis"),
        (42, bytes((10, 0, 0, 4))),
        (119, b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04"),
    )
    lease = client.lease
    assert lease is not None
    assert (lease.prefix, lease.gateways, lease.dns) == (25, ("10.0.0.2", "10.0.0.3"), ("1.1.1.1", "8.8.8.8"))
    assert (lease.hostname, lease.domain, lease.nis_domain) == ("box", "lab.example", "nis")
    assert (lease.root_path, lease.mtu, lease.ntp) == ("10.0.0.1:/srv/root", 1400, ("10.0.0.4",))
    assert lease.search == ("eng.apple.com", "marketing.apple.com")  # the example of RFC 3397
    assert lease.ignored == ()


def test_static_routes_replace_the_router() -> None:
    routes = b"\x18\x0a\x01\x02\x0a\x00\x00\x05" + b"\x00\x0a\x00\x00\x06" + b"\x10\xc0\xa8\x00\x00\x00\x00"
    lease = bound(HOUR, (3, bytes((10, 0, 0, 2))), (121, routes)).lease
    assert lease is not None
    assert lease.gateways == ("10.0.0.6",)
    assert lease.routes == (Route("10.1.2.0", 24, "10.0.0.5"), Route("192.168.0.0", 16, ""))


def test_a_long_option_in_pieces_and_in_overloaded_fields_is_one() -> None:
    client = new()
    question = only(client)
    area = wire.options([(53, b"\x02"), (54, wire.SERVER), (52, b"\x03"), (17, b"/a")])
    body = wire.payload(wire.xid_of(question), area, file=b"\x11\x02/b\xff", sname=b"\x11\x02/c\xff")
    assert client.receive(wire.frame(body), 100.0) == Outcome("offer")
    assert client._offer is not None
    assert client._offer.root_path == "/a/b/c"


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (1, b"\xff\x00\xff\x00"),
        (1, b"\xff"),
        (3, b"\x7f\0\0\1"),
        (3, b"\x0a\0\0"),
        (6, b""),
        (12, b"$(reboot)"),
        (12, b"a b"),
        (15, b"a..b"),
        (15, b"x" * 64),
        (15, b"-a"),
        (17, b"/a\n/b"),
        (17, b"\xff\xfe"),
        (26, b"\0\x44"),
        (26, b"\x05"),
        (42, b"\xff" * 4),
        (51, b"\0"),
        (119, b"\x03abc"),
        (119, b"\xc0\x00"),
        (119, b"\x01a\xc0\x00"),
        (119, b"\x40"),
        (119, b"\x01\n\x00"),
        (121, b"\x21\1\1\1\1\1\1\1\1"),
        (121, b"\x18\x0a"),
        (121, b""),
        (121, b"\x00\x7f\0\0\1"),
    ],
)
def test_an_option_that_cannot_be_right_is_left_out_and_named(code: int, value: bytes) -> None:
    lease = bound(*([] if code == 51 else [HOUR]), (code, value)).lease
    assert lease is not None
    assert len(lease.ignored) == 1
    assert lease.ignored[0].startswith(f"option {code} (")


def test_the_internet_checksum() -> None:
    # The example of RFC 1071, section 3: the sum is ddf2.
    assert frames.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
    assert frames.checksum(b"\x01") == 0xFEFF
