"""The DHCPv6 client hears right messages, damaged where it says something, in every state, and noise."""

from hypothesis import given
from hypothesis import strategies as st

from init.cmdline.ip_request import Request
from init.keeper import holding6
from init.network import state6
from init.network.record import decode, encode
from init.network.state import Network
from init.wire import dhcp6, dhcp6_options, ip6
from init.wire.dhcp6 import Client
from init.wire.dhcp6_options import Lease6, option
from init.wire.exchange import BOUND, FOREVER
from init.wire.netlink import Address
from tests.property.init.wire.damage import damaged, fuzzing
from tests.unit.init.network.samples import LINK
from tests.unit.init.wire.test_dhcp6 import MAC, SERVER, answer, asked, ia

HEAD = option(dhcp6_options.CLIENT_ID, dhcp6_options.duid(MAC)) + option(dhcp6_options.SERVER_ID, SERVER)
GOOD = b"".join(
    (
        ia(inner=option(dhcp6_options.STATUS, b"\0\0fine")), option(dhcp6_options.RAPID_COMMIT),
        option(dhcp6_options.PREFERENCE, b"\xff"), option(dhcp6_options.DOMAINS, b"\3eng\3lab\0\3lab\0"),
        option(dhcp6_options.DNS, bytes.fromhex("20010db8" + "00" * 11 + "03") * 2),
        option(dhcp6_options.NTP, option(1, bytes.fromhex("20010db8" + "00" * 11 + "05"))),
        option(dhcp6_options.TIME_SERVERS, bytes.fromhex("20010db8" + "00" * 11 + "06")),
        option(dhcp6_options.SLOWEST_SOLICIT, (120).to_bytes(4, "big")), option(dhcp6_options.STATUS, b"\0\0"),
    )
)  # fmt: skip
blobs = st.binary(max_size=80)
codes = st.sampled_from([1, 2, 3, 5, 7, 13, 14, 23, 24, 31]) | st.integers(0, 65535)
option_lists = st.lists(st.builds(option, codes, blobs | st.just(ia()[4:])), max_size=6)
answer_lists = st.lists(st.tuples(st.sampled_from([2, 7]) | st.integers(0, 255), option_lists, blobs), max_size=4)


def well_formed(lease: Lease6, now: float) -> None:
    """What may reach the kernel, a file or a log is what it says."""
    if lease.address:
        address = ip6.packed(lease.address) or b""
        assert ip6.is_host(address) and not ip6.is_link_local(address)
    if lease.seconds is not None:
        assert lease.seconds >= 10 and (lease.renew_after == FOREVER or lease.renew_after < lease.seconds)
    assert 5 <= lease.renew_after <= lease.rebind_after
    for one in (*lease.dns, *lease.ntp):
        assert ip6.packed(one) is not None
    for name in lease.search:
        assert name.isascii() and name.isprintable() and " " not in name
    found = Address(2, ip6.packed(lease.address or "::2") or b"", 128, 0, 0)
    recorded = state6.interface(Request(autoconf="dhcp6"), LINK, found, lease, None, 0)
    assert decode(encode(Network((recorded,)))).interfaces == (recorded,)
    if lease.address:
        assert holding6.resume(recorded, 1, now).deadline() == lease.obtained + lease.renew_after


@fuzzing
@given(st.data(), st.sampled_from((0, 1, 2, 3, 4)), st.sampled_from((dhcp6.ADVERTISE, dhcp6.REPLY)))
def test_dhcp6_in_every_state(data: st.DataObject, steps: int, kind: int) -> None:
    client = Client(MAC, 1, 0.0)
    xid = client.outgoing()[-1][1:4]
    if steps:
        assert client.receive(bytes((dhcp6.REPLY,)) + xid + HEAD + GOOD, 0.1).kind == "ack"
        for due in (150.0, 240.0, 600.0)[: steps - 1]:  # renewing, rebinding, soliciting
            client.tick(due)
        if steps == 1:
            client.release(1.0)
        xid = client.outgoing()[-1][1:4]
    before, had = client.state, client.lease
    now = 700.0
    body = data.draw(damaged(GOOD))
    outcome = client.receive(bytes((kind,)) + xid + HEAD + body, now)
    assert outcome.kind in ("offer", "ack", "nak", "ignored", "dropped")
    if outcome.kind in ("ignored", "dropped"):
        assert outcome.reason
        assert (client.state, client.lease) == (before, had)
    if client.state == BOUND:
        assert client.lease
        well_formed(client.lease, now)
    client.tick(now)
    assert client.deadline() > now  # otherwise the caller would turn round and round
    for payload in client.outgoing():
        dhcp6_options.split(payload[4:])


@given(answer_lists, st.booleans())
def test_a_client_never_falls_and_takes_only_addresses_of_machines(
    answers: list[tuple[int, list[bytes], bytes]], stateless: bool
) -> None:
    client = dhcp6.Client(MAC, 1, 0.0, stateless=stateless)
    _, xid, _ = asked(client)
    for kind, options, rest in answers:
        outcome = client.receive(answer(kind, xid, *options) + rest, 0.5)
        assert outcome.kind in ("offer", "ack", "nak", "dropped", "ignored")
        client.tick(client.deadline() if client.deadline() < 1e9 else 0.0)
        for payload in client.outgoing():
            xid = payload[1:4]
            dhcp6_options.split(payload[4:])
    if client.lease and client.lease.address:
        assert ip6.is_host(ip6.packed(client.lease.address) or b"")
