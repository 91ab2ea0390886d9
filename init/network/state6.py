"""What became of a device with IPv6, as a value."""

from __future__ import annotations

from init.cmdline.ip_request import AUTO6, DHCP6, EITHER6, Request
from init.network import state
from init.network.state import Interface
from init.wire import ip6
from init.wire.dhcp6_options import Lease6
from init.wire.ethernet import octets
from init.wire.exchange import FOREVER, INFINITE
from init.wire.netlink import Address, Link
from init.wire.netlink6 import RouterDns

_NEVER = float(INFINITE)  # how T1 and T2 are recorded where a lease is never renewed


def interface(
    request: Request, link: Link, address: Address, lease: Lease6 | None, told: RouterDns | None, metric: int
) -> Interface:
    """Return what became of a device; the command line wins over the router, and that over the lease."""
    router = {"dns": told.dns, "search": told.search} if told else {}
    fixed = {field: value for field, value in router.items() if value} | state.decided(request)
    protocol = "static" if request.client else request.autoconf
    if protocol == EITHER6:
        protocol = DHCP6 if lease and lease.address else AUTO6
    server = lease or Lease6("", b"")
    values = fixed | {
        "prefix": address.prefix,
        "dns": _with_link(fixed.get("dns", server.dns), link.name),
        "search": tuple(dict.fromkeys((*fixed.get("search", ()), *server.search))),
        "ntp": fixed.get("ntp", server.ntp),
        "fixed": tuple(sorted(fixed)),
    }
    made = Interface(link.name, link.mac, protocol, ip6.text(address.address), metric=metric, kind=link.kind, **values)
    return _timed(made, lease) if lease and lease.address else made


def renewed(old: Interface, lease: Lease6) -> Interface:
    """Return `old` with what a renewal brought; what the command line or a router has decided stays.

    A server need not say again what it has said before, so that nothing in its place changes nothing.
    """
    brought = {"dns": _with_link(lease.dns, old.device), "search": lease.search, "ntp": lease.ntp}
    new = {name: value for name, value in brought.items() if value and name not in old.fixed}
    return _timed(old._replace(address=lease.address, **new), lease)  # type: ignore[arg-type]


def _with_link(dns: tuple[str, ...], device: str) -> tuple[str, ...]:
    """A link-local address means a machine only together with its link (RFC 4007, 11.2)."""
    return tuple(f"{one}%{device}" if ip6.is_link_local(ip6.packed(one) or b"\0\0") else one for one in dns)


def _timed(made: Interface, lease: Lease6) -> Interface:
    """Add who gave the address, and for how long."""
    return made._replace(
        server=lease.server.hex(":"),
        lease_seconds=lease.seconds or 0,
        obtained=lease.obtained,
        renew_after=min(lease.renew_after, _NEVER),
        rebind_after=min(lease.rebind_after, _NEVER),
        preferred=INFINITE if lease.preferred is None else lease.preferred,
    )


def lease_of(made: Interface) -> Lease6:
    """Return the lease that `made` was made of, as far as a client needs it to go on."""
    return Lease6(
        made.address,
        octets(made.server),
        seconds=made.lease_seconds or None,
        preferred=None if made.preferred == INFINITE else made.preferred,
        renew_after=FOREVER if made.renew_after == _NEVER else made.renew_after,
        rebind_after=FOREVER if made.rebind_after == _NEVER else made.rebind_after,
        obtained=made.obtained,
    )
