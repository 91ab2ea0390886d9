"""A lease of DHCPv6 kept for as long as the machine runs, on a clock of the test's own; what is common to both
families is in test_holding.py.
"""

import pytest

from init.keeper import holding6
from init.keeper.holding import Holding
from init.wire import dhcp6, dhcp6_options, ip6
from init.wire.dhcp6_options import Lease6, option
from init.wire.exchange import FOREVER
from init.wire.netlink6 import RouterDns
from tests.unit.init.keeper.test_holding import said
from tests.unit.init.network.test_state6 import DUID, interface
from tests.unit.init.wire.test_dhcp6 import ADDRESS, MAC, OTHER, SERVER, answer, ia


def holding(**request: object) -> Holding:
    held = Holding(interface(**request), 7, 1001.0)
    assert (held.outgoing(), held.asking, held.deadline()) == ((), False, 1150.0)
    return held


def asked(held: Holding, now: float) -> tuple[int, bytes, dict[int, bytes]]:
    held.tick(now, ours=True)
    payload = held.outgoing()[-1]
    return payload[0], payload[1:4], dhcp6_options.split(payload[4:])


def test_a_lease_without_end_is_never_renewed() -> None:
    made = interface(lease=Lease6(ADDRESS, SERVER))
    assert holding6.resume(made, 7, 1.0).deadline() == FOREVER
    assert holding6.releasing(made, 7, 1e9) is not None


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
    told = RouterDns(2, ("2001:db8::9",), ("ra.lab",))
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
