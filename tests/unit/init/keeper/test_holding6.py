"""A lease of DHCPv6 kept for as long as the machine runs, on a clock of the test's own; what is common to both
families is in test_lease.py.
"""

from __future__ import annotations

import pytest

from init.cmdline.ip_request import Request
from init.keeper import holding6
from init.keeper.holding import Holding
from init.network import record as network_record
from init.network import state, state6
from init.network.state import Interface
from init.wire import dhcp6, dhcp6_options, ip6, netlink
from init.wire.dhcp6_options import Lease6, option
from init.wire.netlink import Link
from init.wire.netlink6 import Address6, Told
from tests.unit.init.wire.test_dhcp6 import ADDRESS, MAC, OTHER, SERVER, answer, ia

LINK = Link(2, "eth0", MAC.hex(":"), 1, 0x10043, 1500, "up", 0, "")
FOUND = Address6(2, ip6.packed(ADDRESS) or b"", 128, 0, 0)
LEASE = Lease6(ADDRESS, SERVER, 0, 600, 300, 150.0, 240.0, ("2001:db8::3",), ("lab",), ("2001:db8::5",), 1000.0)
DUID = SERVER.hex(":")


def interface(told: Told | None = None, lease: Lease6 = LEASE, **request: object) -> Interface:
    """Had at 1000 s for 600 s."""
    return state6.interface(Request(autoconf="dhcp6", **request), LINK, FOUND, lease, told, 100)  # type: ignore[arg-type]


def holding(**request: object) -> Holding:
    held = Holding(interface(**request), 7, 1001.0)
    assert (held.outgoing(), held.asking, held.deadline()) == ((), False, 1150.0)
    return held


def asked(held: Holding, now: float) -> tuple[int, bytes, dict[int, bytes]]:
    held.tick(now, ours=True)
    payload = held.outgoing()[-1]
    return payload[0], payload[1:4], dhcp6_options.split(payload[4:])


def said(held: Holding) -> str:
    text = "\n".join(f"<{level}> {line}" for level, line in held.news)
    held.news.clear()
    return text


def test_what_is_recorded() -> None:
    found = interface()
    assert (found.protocol, found.address, found.prefix, found.server) == ("dhcp6", ADDRESS, 128, DUID)
    times = found.lease_seconds, found.obtained, found.renew_after, found.rebind_after, found.preferred
    assert times == (600, 1000.0, 150.0, 240.0, 300)
    assert found.renewable
    assert network_record.decode(network_record.encode(state.Network((found,)))).interfaces == (found,)
    assert found.describe() == f"eth0: {ADDRESS}/128 (dhcp6), DNS 2001:db8::3"


def test_a_lease_without_end_is_recorded_and_never_renewed() -> None:
    found = interface(lease=Lease6(ADDRESS, SERVER))
    assert (found.lease_seconds, found.preferred, found.renewable) == (0, netlink.FOREVER, False)
    assert network_record.decode(network_record.encode(state.Network((found,)))).interfaces == (found,)
    client = holding6.resume(found, 7, 1.0)
    assert client.deadline() == dhcp6.FOREVER
    assert holding6.releasing(found, 7, 1e9) is not None


def test_five_renewals() -> None:
    held, now = holding(), 1000.0
    for _ in range(5):
        now += 150
        kind, xid, told = asked(held, now)
        assert (kind, told[dhcp6_options.SERVER_ID]) == (dhcp6.RENEW, SERVER)
        dns = option(dhcp6_options.DNS, ip6.packed("fe80::9") or b"")
        assert held.receive(answer(dhcp6.REPLY, xid, ia(), dns), now + 1)
        assert not held.asking
        assert (held.interface.obtained, held.interface.dns) == (now, ("fe80::9%eth0",))
        assert f"lease renewed by {DUID} for 600 s" in said(held)
    assert held.interface.search == ("lab",)  # nothing was said about it


def test_what_the_command_line_and_the_router_decided_stays() -> None:
    told = Told(2, ("2001:db8::9",), ("ra.lab",))
    held = Holding(interface(told, ntp=("2001:db8::8",)), 7, 1001.0)
    _, xid, _ = asked(held, 1150.0)
    new = (dhcp6_options.DNS, dhcp6_options.TIME_SERVERS)
    brought = [option(code, ip6.packed("2001:db8::66") or b"") for code in new]
    assert held.receive(answer(dhcp6.REPLY, xid, ia(), *brought, option(dhcp6_options.DOMAINS, b"\3new\0")), 1151.0)
    found = held.interface
    assert (found.dns, found.search, found.ntp) == (("2001:db8::9",), ("ra.lab", "lab"), ("2001:db8::8",))


def test_silence_to_the_end_and_beyond() -> None:
    held = holding()
    assert asked(held, 1150.0)[0] == dhcp6.RENEW
    assert f"<7> eth0: {ADDRESS}: asking {DUID} to renew the lease" in said(held)
    assert asked(held, 1240.0)[0] == dhcp6.REBIND
    assert f"<4> eth0: {ADDRESS}: no answer from {DUID}; asking every server, 360 s of the lease left" in said(held)
    kind, xid, told = asked(held, 1600.0)
    assert kind == dhcp6.SOLICIT
    assert (ip6.packed(ADDRESS) or b"") in told[dhcp6_options.IA_NA]
    assert "<3>" in (text := said(held))
    assert "HAS RUN OUT" in text
    assert held.interface == interface()
    assert not held.receive(answer(dhcp6.ADVERTISE, xid, ia(), server=OTHER), 1600.5)
    kind, xid, _ = asked(held, held.deadline())
    assert kind == dhcp6.REQUEST
    assert held.receive(answer(dhcp6.REPLY, xid, ia(), server=OTHER), 1602.0)
    assert f"<5> eth0: {ADDRESS}: given again by {OTHER.hex(':')} for 600 s" in said(held)


def test_a_server_that_forgot_and_one_that_insists_on_another() -> None:
    held = holding()
    _, xid, _ = asked(held, 1150.0)
    status = option(dhcp6_options.STATUS, b"\0\3")
    held.receive(answer(dhcp6.REPLY, xid, option(dhcp6_options.IA_NA, MAC[2:6] + bytes(8) + status)), 1150.1)
    assert "REFUSED by the server (status 3: no reason given); it stays" in said(held)
    (request,) = held.outgoing()
    assert request[0] == dhcp6.REQUEST
    assert held.receive(answer(dhcp6.REPLY, request[1:4], ia("2001:db8::77")), 1150.2)
    assert f"<2> eth0: 2001:db8::77: GIVEN INSTEAD OF {ADDRESS} by {DUID}, which insists" in said(held)
    assert held.interface.address == "2001:db8::77"


@pytest.mark.parametrize("changes", [{"protocol": "auto6"}, {"server": ""}])
def test_nothing_to_give_back(changes: dict[str, object]) -> None:
    for now in (1300.0, 1700.0):  # the second when it has run out by our clock
        assert holding6.releasing(interface(), 7, now) is not None
    assert holding6.releasing(interface()._replace(**changes), 7, 1300.0) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(("lease", "expected"), [(LEASE, "dhcp6"), (None, "auto6"), (Lease6("", SERVER), "auto6")])
def test_either_is_recorded_as_what_it_was(lease: Lease6 | None, expected: str) -> None:
    found = state6.interface(Request(autoconf="either6"), LINK, FOUND, lease, None, 0)
    assert found.protocol == expected
