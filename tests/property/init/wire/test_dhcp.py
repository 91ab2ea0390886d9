"""Hostile packets: the client neither raises nor lets anything through that a lease may not hold."""

from hypothesis import given
from hypothesis import strategies as st

from init.cmdline.ip_request import Request
from init.network import record as network_record
from init.network import state as network_state
from init.network import texts
from init.network.state import Network
from init.wire import dhcp, dhcp_options, ethernet
from init.wire.dhcp import SELECTING, Client
from init.wire.dhcp_options import Lease
from init.wire.exchange import BOUND, REBINDING, RENEWING
from init.wire.ip4 import is_host, packed
from tests import dhcp_wire as wire
from tests.property.init.wire.damage import damaged, fuzzing
from tests.unit.init.network.samples import LINK

ARP = -1  # beside DHCP's types
CUT = -2  # the link was cut and is back
KINDS = {"offer", "ack", "nak", "answer", "ignored", "dropped"}
codes = st.one_of(st.sampled_from(sorted(dhcp_options.READERS)), st.integers(0, 255))
pairs = st.lists(st.tuples(codes, st.binary(max_size=40)), max_size=8)
OPTIONS = (
    (1, bytes((255, 255, 255, 0))), (121, bytes((24, 10, 9, 8, 10, 0, 0, 1, 0, 10, 0, 0, 2))),
    (3, bytes((10, 0, 0, 1))), (6, bytes((10, 0, 0, 3, 10, 0, 0, 4))), (12, b"wall"), (15, b"lab.example"),
    (17, b"10.0.0.1:/srv/root"), (26, b"\x05\x78"), (40, b"lab.nis"), (42, bytes((10, 0, 0, 5))),
    (51, (600).to_bytes(4, "big")), (58, (250).to_bytes(4, "big")), (59, (500).to_bytes(4, "big")),
    (119, b"\x03eng\x03lab\x00\xc0\x04"),
)  # fmt: skip


def new(autoconf: str) -> Client:
    return Client(wire.MAC, 77, dhcp.Wish(protocol=autoconf), 0.0)


def well_formed(lease: Lease) -> None:
    """Everything that may later reach a kernel, a file or a shell is what it says."""
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
    offered: list[tuple[int, bytes]], acknowledged: list[tuple[int, bytes]], address: bytes, file: bytes, sname: bytes
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
        told = ((51, b"\0\0\x0e\x10"), (15, b"lab"), (119, b"\x01a\0"), (121, b"\0\x0a\0\0\1"))
        frame = bytearray(wire.answer(question, kind, *told))
        changes = st.tuples(st.integers(0, len(frame) - 1), st.integers(0, 255))
        for at, value in data.draw(st.lists(changes, max_size=4)):
            frame[at] = value
        del frame[data.draw(st.integers(len(frame) - 40, len(frame))) :]
        # The checksum would stop nearly all of it, so it is said to be partial.
        assert client.receive(bytes(frame), 1.0, checksummed=False).kind in KINDS
        question = (*client.outgoing(), question)[0]
    if client.lease is not None:
        well_formed(client.lease)


@given(
    st.lists(st.tuples(st.floats(0, 0.02) | st.floats(0, 5000), st.sampled_from([0, 2, 5, 6, ARP, CUT])), max_size=30),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["new", "probing", "a loader's", "kept"]),
)
def test_time_and_answers_in_any_order(steps: list[tuple[float, int]], xid: int, beginning: str) -> None:
    had = Lease("dhcp", "10.0.0.50", "10.0.0.1", wire.SERVER_MAC, 0.0, 24, seconds=3600, renew_after=1800.0,
                rebind_after=3150.0)  # fmt: skip
    if beginning == "a loader's":
        client = Client.reboot(wire.MAC, xid, dhcp.Wish(), had._replace(protocol="static", seconds=None), 0.0)
    elif beginning == "kept":
        client = Client.resume(wire.MAC, xid, dhcp.Wish(), had, 0.0)
    else:
        client = Client(wire.MAC, xid, dhcp.Wish(), 0.0, probing=beginning == "probing")
    now, question = 0.0, (wire.frame(bytes(300)), *client.outgoing())[-1]

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
            client.receive(wire.arp_packet(), now)
        elif kind == CUT:
            client.moved(now)
        elif kind:
            client.receive(wire.answer(question, kind, (51, b"\0\0\x0e\x10")), now)
        question = asked()
        assert (client.lease is not None) == (client.state in (BOUND, RENEWING, REBINDING))
        assert client.state in {state for pair in dhcp.NEXT.items() for state in (pair[0][0], pair[1])}


@fuzzing
@given(st.data(), st.sampled_from((wire.OFFER, wire.ACK, wire.NAK, 0)), st.sampled_from(("dhcp", "any", "bootp")))
def test_dhcp_and_bootp(data: st.DataObject, kind: int, autoconf: str) -> None:
    client = new(autoconf)
    asked = client.outgoing()[-1]
    if kind in (wire.ACK, wire.NAK) and autoconf != "bootp":
        assert client.receive(wire.answer(asked, wire.OFFER, *OPTIONS), 0.0).kind == "offer"
        asked = client.outgoing()[-1]
    told = [(53, bytes((kind,))), (54, wire.SERVER), *OPTIONS] if kind else list(OPTIONS)
    told.insert(2, (52, bytes((data.draw(st.integers(0, 4)),))))
    body = wire.payload(wire.xid_of(asked), wire.options(told), file=b"\x0c\x04wall\xff", sname=b"\x0f\x03lab\xff")
    # Up to chaddr (28 + 6 bytes) the packet is for us, or everything would be dropped there.
    body = body[:34] + data.draw(damaged(body[34:]))
    before = client.state
    outcome = client.receive(wire.frame(body), 1.0)
    if outcome.kind in ("ignored", "dropped"):
        assert outcome.reason
        assert client.state == before
    if client.lease is not None:
        well_formed(client.lease)
