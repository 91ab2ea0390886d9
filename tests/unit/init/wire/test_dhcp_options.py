"""What the DHCP client makes of a packet: what it takes out of one, what is dropped and why."""

from __future__ import annotations

import pytest

from init.wire import ethernet
from init.wire.dhcp import SELECTING
from init.wire.dhcp_options import Route
from init.wire.exchange import Outcome
from tests import dhcp_wire as wire
from tests.dhcp_wire import ACK, NAK, OFFER
from tests.unit.init.wire.test_dhcp import HOUR, bound, new, only, rarp_reply, refused


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
    refused(client, wire.answer(question, OFFER, server=bytes(4)), "dropped", "no server identifier (option 54)")
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
    refused(client, wire.answer(request, ACK, HOUR, server=other), "dropped", "acknowledgement by another server")
    refused(client, wire.answer(request, NAK, server=other), "dropped", "refusal by another server")
    refused(
        client,
        wire.answer(request, ACK, HOUR, address=other),
        "dropped",
        "acknowledges another address than was offered",
    )
    refused(client, wire.answer(request, OFFER, server=other), "ignored", "offer is not expected while requesting")


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
    assert ethernet.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
    assert ethernet.checksum(b"\x01") == 0xFEFF
