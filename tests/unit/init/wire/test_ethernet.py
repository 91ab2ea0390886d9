"""Frames, IP and UDP: what is for us, and what is wrong."""

from init.wire import ethernet
from init.wire.exchange import Outcome
from tests import dhcp_wire as wire
from tests.dhcp_wire import OFFER
from tests.unit.init.wire.test_dhcp import new, only, refused


def test_the_internet_checksum() -> None:
    # The example of RFC 1071, section 3: the sum is ddf2.
    assert ethernet.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
    assert ethernet.checksum(b"\x01") == 0xFEFF


def test_a_partial_checksum_is_not_held_against_the_packet() -> None:
    client = new()
    good = wire.answer(only(client), OFFER)
    partial = good[:40] + b"\x12\x34" + good[42:]
    assert client.receive(partial, 100.0) == Outcome("dropped", "UDP checksum is wrong")
    assert client.receive(partial, 100.0, checksummed=False) == Outcome("offer")
    none = new()
    assert none.receive(good[:40] + bytes(2) + good[42:], 100.0) == Outcome("offer")


def test_other_traffic_is_ignored() -> None:
    client = new()
    question = only(client)
    good = wire.answer(question, OFFER)
    body = wire.payload(wire.xid_of(question), wire.options([(53, b"\x02"), (54, wire.SERVER)]))
    refused(client, b"", "ignored", "not IPv4")
    refused(client, good[:12] + b"\x86\xdd" + good[14:], "ignored", "not IPv4")
    refused(client, wire.SERVER_MAC + good[6:], "ignored", "for another machine")
    refused(client, good[:23] + b"\x06" + good[24:], "ignored", "not UDP")
    refused(client, wire.frame(body, ports=(53, 68)), "ignored", "for another port")


def test_a_damaged_frame_is_dropped_with_the_reason() -> None:
    client = new()
    good = wire.answer(only(client), OFFER)
    refused(client, good[:16] + b"\x00\x13" + good[18:], "dropped", "IP lengths contradict each other")
    refused(client, good[:14] + b"\x4f" + good[15:60], "dropped", "IP lengths contradict each other")
    refused(client, good[:26] + b"\x0b" + good[27:], "dropped", "IP header checksum is wrong")
    refused(client, good[:38] + b"\x00\x07" + good[40:], "dropped", "UDP length contradicts the IP length")
    refused(client, good[:60] + b"\x99" + good[61:], "dropped", "UDP checksum is wrong")


def test_octets() -> None:
    assert ethernet.octets("52:54:00:12:34:56") == wire.MAC
    assert ethernet.octets(wire.MAC.hex(":")) == wire.MAC
    assert ethernet.octets("") == b""
