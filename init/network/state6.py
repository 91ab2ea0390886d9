"""What became of a device with IPv6, as a value."""

from __future__ import annotations

from init.cmdline import ip_request
from init.network import state
from init.network.state import Interface
from init.system.stdlib import TYPE_CHECKING
from init.wire import ip6
from init.wire.dhcp6_options import Lease6
from init.wire.netlink import FOREVER as ENDLESS

if TYPE_CHECKING:
    from init.cmdline.ip_request import Request
    from init.wire.netlink import Link
    from init.wire.netlink6 import Address6, Told

# So that the state's text can hold it and be read back by int(): longer than any machine runs.
_NEVER = float(ENDLESS)


def interface(
    request: Request, link: Link, found: Address6, lease: Lease6 | None, told: Told | None, metric: int
) -> Interface:
    """Return what became of a device; the command line wins over the router, and that over the lease."""
    dns = request.dns or (told.dns if told else ())
    fixed = set(state.fixed(request)) | ({"dns"} if dns else set())
    search = told.search if told else ()
    fixed |= {"search"} if search else set()
    found_by = request.autoconf
    if found_by == ip_request.EITHER:
        found_by = ip_request.DHCP if lease and lease.address else ip_request.AUTO
    made = Interface(
        device=link.name,
        mac=link.mac,
        protocol="static" if request.client else found_by,
        address=ip6.text(found.address),
        prefix=found.prefix,
        gateway=request.gateway,
        mtu=request.mtu,
        metric=metric,
        dns=_with_link(dns or (lease.dns if lease else ()), link.name),
        search=tuple(dict.fromkeys((*search, *(lease.search if lease else ())))),
        hostname=request.hostname,
        nis_domain=request.domain,
        bootserver=request.server,
        ntp=request.ntp or (lease.ntp if lease else ()),
        kind=link.kind,
        fixed=tuple(sorted(fixed)),
    )
    return _timed(made, lease) if lease and lease.address else made


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
        preferred=ENDLESS if lease.preferred is None else lease.preferred,
    )


def renewed(old: Interface, lease: Lease6) -> Interface:
    """Return `old` with what a renewal brought; what the command line or a router has decided stays.

    A server need not say again what it has said before, so that nothing in its place changes nothing.
    """
    brought = {"dns": _with_link(lease.dns, old.device), "search": lease.search, "ntp": lease.ntp}
    new = {name: value for name, value in brought.items() if value and name not in old.fixed}
    return _timed(old._replace(address=lease.address, **new), lease)  # type: ignore[arg-type]
