"""A fuzzer for the readers of DHCPv6 and ARP: right messages, damaged where it says something, in every state."""

from __future__ import annotations

import contextlib
import struct

from hypothesis import given
from hypothesis import strategies as st

from init.cmdline.ip_request import Request
from init.keeper import holding6
from init.network import state6
from init.network.record import decode, encode
from init.network.state import Network
from init.wire import arp, dhcp6, dhcp6_options, ethernet, ip6
from init.wire.dhcp6 import Client
from init.wire.dhcp6_options import Lease6, option
from init.wire.exchange import BOUND, FOREVER
from init.wire.netlink import Link
from init.wire.netlink6 import Address6
from tests import dhcp_wire as wire
from tests.property.init.wire.test_readers import damaged, fuzzing
from tests.unit.init.wire.test_arp import claim
from tests.unit.init.wire.test_dhcp6 import ADDRESS, MAC, SERVER, ia

HEAD = option(dhcp6_options.CLIENT_ID, dhcp6_options.duid(MAC)) + option(dhcp6_options.SERVER_ID, SERVER)
GOOD = b"".join(
    (
        ia(inner=option(dhcp6_options.STATUS, b"\0\0fine")),
        option(dhcp6_options.RAPID_COMMIT),
        option(dhcp6_options.PREFERENCE, b"\xff"),
        option(dhcp6_options.DNS, bytes.fromhex("20010db8" + "00" * 11 + "03") * 2),
        option(dhcp6_options.DOMAINS, b"\3eng\3lab\0\3lab\0"),
        option(dhcp6_options.NTP, option(1, bytes.fromhex("20010db8" + "00" * 11 + "05"))),
        option(dhcp6_options.TIME_SERVERS, bytes.fromhex("20010db8" + "00" * 11 + "06")),
        option(dhcp6_options.SLOWEST_SOLICIT, (120).to_bytes(4, "big")),
        option(dhcp6_options.STATUS, b"\0\0"),
    )
)
LINK = Link(2, "eth0", MAC.hex(":"), 1, 0x10043, 1500, "up", 0, "")


def well_formed(lease: Lease6, now: float) -> None:
    """What may reach the kernel, a file or a log is what it claims to be."""
    if lease.address:
        address = ip6.packed(lease.address)
        assert address is not None
        assert ip6.is_host(address)
        assert not ip6.is_link_local(address)
    assert lease.seconds is None or lease.seconds >= 10
    assert lease.seconds is None or lease.renew_after == FOREVER or lease.renew_after < lease.seconds
    assert 5 <= lease.renew_after <= lease.rebind_after
    for one in (*lease.dns, *lease.ntp):
        assert ip6.packed(one) is not None
    for name in lease.search:
        assert name.isascii()
        assert name.isprintable()
        assert " " not in name
    found = Address6(2, ip6.packed(lease.address or "::2") or b"", 128, 0, 0)
    recorded = state6.interface(Request(autoconf="dhcp6"), LINK, found, lease, None, 0)
    assert decode(encode(Network((recorded,)))).interfaces == (recorded,)
    if lease.address:
        assert holding6.resume(recorded, 1, now).deadline() == lease.obtained + lease.renew_after


@fuzzing
@given(st.data(), st.sampled_from((0, 1, 2, 3, 4)), st.sampled_from((dhcp6.ADVERTISE, dhcp6.REPLY)))
def test_dhcp6_in_every_state(data: st.DataObject, steps: int, kind: int) -> None:
    client = Client(MAC, 1, 0.0)
    if steps:
        xid = client.outgoing()[-1][1:4]
        assert client.receive(bytes((dhcp6.REPLY,)) + xid + HEAD + GOOD, 0.1).kind == "ack"
        for due in (150.0, 240.0, 600.0)[: steps - 1]:  # renewing, rebinding, soliciting
            client.tick(due)
        if steps == 1:
            client.release(1.0)
    before, had = client.state, client.lease
    now = 700.0
    body = data.draw(damaged(GOOD))
    xid = client._xid.to_bytes(3, "big")
    outcome = client.receive(bytes((kind,)) + xid + HEAD + body, now)
    assert outcome.kind in ("offer", "ack", "nak", "ignored", "dropped")
    if outcome.kind in ("ignored", "dropped"):
        assert outcome.reason
        assert (client.state, client.lease) == (before, had)
    if client.state == BOUND:
        assert client.lease is not None
        well_formed(client.lease, now)
    client.tick(now)
    assert client.deadline() > now  # otherwise the caller would turn round and round
    for payload in client.outgoing():
        dhcp6_options.split(payload[4:])


@fuzzing
@given(damaged(GOOD), st.sampled_from((b"", MAC[2:6])), st.sampled_from(("", ADDRESS)))
def test_options_of_dhcp6(area: bytes, iaid: bytes, had: str) -> None:
    with contextlib.suppress(ethernet.PacketError):
        lease = dhcp6_options.lease(area, SERVER, iaid, had=had)
        assert bool(lease.address) == bool(iaid)
        well_formed(lease, 0.0)


@fuzzing
@given(st.lists(st.integers(0, 0xFFFFFFFF), min_size=4, max_size=4))
def test_lifetimes(times: list[int]) -> None:
    renew, rebind, preferred, valid = times
    body = (ip6.packed(ADDRESS) or b"") + struct.pack("!II", preferred, valid)
    area = option(
        dhcp6_options.IA_NA, MAC[2:6] + struct.pack("!II", renew, rebind) + option(dhcp6_options.IA_ADDRESS, body)
    )
    with contextlib.suppress(ethernet.PacketError):
        well_formed(dhcp6_options.lease(area, SERVER, MAC[2:6]), 0.0)


@fuzzing
@given(damaged(claim() + bytes(18)))
def test_arp(frame: bytes) -> None:
    with contextlib.suppress(ethernet.PacketError):
        found = arp.parse(frame)
        assert (found.mac, found.address) == (frame[22:28], frame[28:32])
        assert len(found.mac) == 6
    with contextlib.suppress(ethernet.PacketError):
        assert arp.parse(claim()).address == wire.ADDRESS
