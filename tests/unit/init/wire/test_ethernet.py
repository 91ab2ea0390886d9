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
    refused(client, wire.frame(body, ports=(67, 53)), "ignored", "for another port")


def test_only_the_port_that_it_is_sent_to_counts() -> None:
    """Relays answer from 68, 1067 and others."""
    for port in (67, 68, 1067, 0, 65535):
        client = new()
        body = wire.payload(wire.xid_of(only(client)), wire.options([(53, b"\x02"), (54, wire.SERVER)]))
        assert client.receive(wire.frame(body, ports=(port, 68)), 100.0) == Outcome("offer")


def test_ip_options_and_padding() -> None:
    client = new()
    good = wire.answer(only(client), OFFER)
    header = bytearray(b"\x46" + good[15:34] + b"\x94\x04\0\0")  # router alert (RFC 2113)
    header[2:4], header[10:12] = (len(good) - 14 + 4).to_bytes(2, "big"), bytes(2)
    header[10:12] = ethernet.checksum(bytes(header)).to_bytes(2, "big")
    assert client.receive(good[:14] + bytes(header) + good[34:] + b"padded", 100.0) == Outcome("offer")


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
