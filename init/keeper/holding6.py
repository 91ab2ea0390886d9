"""What lease.py and ipv6.py need for DHCPv6: between a lease and what is recorded of it. Pure."""

from __future__ import annotations

from init.cmdline import ip_request
from init.network.state import Interface
from init.network.state6 import _NEVER
from init.wire import dhcp6
from init.wire.dhcp6_options import Lease6
from init.wire.exchange import FOREVER
from init.wire.netlink import FOREVER as ENDLESS


def resume(old: Interface, xid: int, now: float) -> dhcp6.Client:
    """Return the client of the boot once more."""
    lease = Lease6(
        old.address,
        bytes.fromhex(old.server.replace(":", "")),
        seconds=old.lease_seconds or None,
        preferred=None if old.preferred == ENDLESS else old.preferred,
        renew_after=FOREVER if old.renew_after == _NEVER else old.renew_after,
        rebind_after=FOREVER if old.rebind_after == _NEVER else old.rebind_after,
        obtained=old.obtained,
    )
    return dhcp6.Client.resume(bytes.fromhex(old.mac.replace(":", "")), xid, lease, now)


def releasing(old: Interface, xid: int, now: float) -> dhcp6.Client | None:
    """Return a client that gives the interface's lease back, whatever time it has left; None where it has none."""
    if old.protocol != ip_request.DHCP or not old.server:
        return None
    client = resume(old, xid, now)
    client.release(now)
    return client
