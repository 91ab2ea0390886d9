"""Hostile packets: the client neither raises nor lets anything through that a lease may not hold."""

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from init.cmdline.ip_request import Request
from init.network import record as network_record
from init.network import state as network_state
from init.network import texts
from init.network.state import Network
from init.wire import dhcp, dhcp_options, ethernet
from init.wire.dhcp import SELECTING, Client
from init.wire.dhcp_options import Lease
from init.wire.exchange import BOUND, REBINDING, RENEWING, Outcome
from init.wire.ip4 import is_host, packed
from init.wire.netlink import Link
from tests import dhcp_wire as wire
from tests.unit.init.wire.test_arp import claim

LINK = Link(2, "eth0", "52:54:00:12:34:56", 1, 0x10043, 1500, "up", 0, "")
ARP = -1  # beside DHCP's types
KINDS = {"offer", "ack", "nak", "answer", "ignored", "dropped"}
codes = st.one_of(st.sampled_from(sorted(dhcp_options._READERS)), st.integers(0, 255))
pairs = st.lists(st.tuples(codes, st.binary(max_size=40)), max_size=8)


def new(autoconf: str) -> Client:
    return Client(wire.MAC, 77, dhcp.Wish(protocol=autoconf), 0.0)


def well_formed(lease: Lease) -> None:
    """Everything that may later reach a kernel, a file or a shell is what it claims to be."""
    for address in (lease.address, lease.server, *lease.gateways, *lease.dns, *lease.ntp):
        assert packed(address) is not None
    assert is_host(packed(lease.address) or b"\0")
    assert 0 < lease.prefix <= 32
    assert lease.mtu == 0 or 576 <= lease.mtu <= 65535
    for text in (lease.hostname, lease.domain, lease.nis_domain, *lease.search):
        assert text.replace(".", "").replace("-", "").replace("_", "").isalnum() or not text.strip(".-_")
        assert text.isascii()
    assert lease.root_path.isprintable()
    if lease.seconds is not None:
        assert 0 < lease.renew_after < lease.rebind_after < lease.seconds
    network = Network((network_state.leased(Request(), LINK, lease),))
    assert network_record.decode(network_record.encode(network)) == network
    assert all(line.count("=") >= 1 for line in texts.klibc_conf(network.interfaces[0], 1).splitlines())


@given(st.binary(max_size=700), st.sampled_from(["any", "dhcp", "bootp", "rarp", "both"]), st.booleans())
def test_noise_changes_nothing(frame: bytes, autoconf: str, checksummed: bool) -> None:
    client = new(autoconf)
    client.outgoing()
    assert client.receive(frame, 1.0, checksummed=checksummed).kind in ("ignored", "dropped")
    assert (client.state, client.outgoing(), client.lease) == (SELECTING, (), None)


@given(pairs, pairs, st.binary(min_size=4, max_size=4), st.binary(max_size=128), st.binary(max_size=64))
def test_hostile_options(
    offered: list[tuple[int, bytes]],
    acknowledged: list[tuple[int, bytes]],
    address: bytes,
    file: bytes,
    sname: bytes,
) -> None:
    client = new("any")
    (question,) = client.outgoing()
    for kind, told in ((wire.OFFER, offered), (wire.ACK, acknowledged)):
        frame = wire.answer(question, kind, *told, address=address, file=file, sname=sname)
        assert client.receive(frame, 1.0).kind in KINDS
        question = (*client.outgoing(), question)[0]
    assert (client.state == BOUND) is (client.lease is not None)
    if client.lease is not None:
        well_formed(client.lease)


@given(st.data())
def test_a_damaged_packet_is_refused_or_harmless(data: st.DataObject) -> None:
    client = new("any")
    (question,) = client.outgoing()
    for kind in (wire.OFFER, wire.ACK):
        good = wire.answer(
            question, kind, (51, b"\0\0\x0e\x10"), (15, b"lab"), (119, b"\x01a\0"), (121, b"\0\x0a\0\0\1")
        )
        frame = bytearray(good)
        for at, value in data.draw(
            st.lists(st.tuples(st.integers(0, len(frame) - 1), st.integers(0, 255)), max_size=4)
        ):
            frame[at] = value
        del frame[data.draw(st.integers(len(frame) - 40, len(frame))) :]
        # The checksum would stop nearly all of it, so it is said to be partial.
        assert client.receive(bytes(frame), 1.0, checksummed=False).kind in KINDS
        question = (*client.outgoing(), question)[0]
    if client.lease is not None:
        well_formed(client.lease)


@given(
    st.lists(st.tuples(st.floats(0, 0.02) | st.floats(0, 5000), st.sampled_from([0, 2, 5, 6, ARP])), max_size=30),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_time_and_answers_in_any_order(steps: list[tuple[float, int]], xid: int, probing: bool) -> None:
    client = Client(wire.MAC, xid, dhcp.Wish(), 0.0, probing=probing)
    now, question = 0.0, client.outgoing()[-1]

    def asked() -> bytes:
        """The last question to a server."""
        sent = (frame for frame in client.outgoing() if ethernet.ethertype(frame) == ethernet.ETH_P_IP)
        return (question, *sent)[-1]

    for wait, kind in steps:
        now += wait
        client.tick(now)
        question = asked()
        assert client.deadline() > now  # otherwise the caller would turn round and round
        if kind == ARP:
            client.receive(claim(), now)
        elif kind:
            client.receive(wire.answer(question, kind, (51, b"\0\0\x0e\x10")), now)
        question = asked()
        assert (client.lease is not None) == (client.state in (BOUND, RENEWING, REBINDING))
        assert client.state in {state for pair in dhcp._NEXT.items() for state in (pair[0][0], pair[1])}


@given(st.dictionaries(st.integers(1, 254).filter(lambda code: code != 52), st.binary(max_size=255), max_size=6))
def test_options_read_back(told: dict[int, bytes]) -> None:
    assert dhcp_options.split(dhcp_options.encode(0, told), b"", b"") == told


@given(st.binary(max_size=600))
def test_frames_read_back(payload: bytes) -> None:
    built = ethernet.udp((wire.SERVER_MAC, wire.MAC), (wire.SERVER, wire.ADDRESS), (67, 68), payload)
    assert ethernet.parse_udp(built, wire.MAC, (67, 68)) == ethernet.Datagram(wire.SERVER_MAC, wire.SERVER, payload)


@given(st.binary(min_size=1, max_size=100), st.integers(0, 10000), st.integers(1, 255))
def test_a_changed_byte_is_noticed(payload: bytes, position: int, change: int) -> None:
    built = bytearray(ethernet.udp((wire.SERVER_MAC, wire.MAC), (wire.SERVER, wire.ADDRESS), (67, 68), payload))
    at = 34 + 8 + position % len(payload)
    built[at] ^= change
    client = new("dhcp")
    assert client.receive(bytes(built), 0.0) == Outcome("dropped", "UDP checksum is wrong")


@settings(max_examples=25)
@given(st.text(alphabet=st.characters(min_codepoint=32, blacklist_categories=["Cs", "Cc"]), max_size=30))
def test_a_shell_reads_back_what_was_meant(text: str) -> None:
    conf = texts.klibc_conf(network_state.static(Request(client="1.2.3.4"), LINK)._replace(rootpath=text), 1)
    shown = subprocess.run(["sh", "-c", conf + 'printf %s "$ROOTPATH"'], capture_output=True, check=True)
    assert (shown.stdout.decode(), shown.stderr) == (text, b"")
