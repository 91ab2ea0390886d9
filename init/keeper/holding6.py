"""The client that goes on with a lease of DHCPv6, or gives it back."""

from __future__ import annotations

from init.cmdline import ip_request
from init.network import state6
from init.network.state import Interface
from init.wire import dhcp6
from init.wire.ethernet import octets


def resume(interface: Interface, xid: int, now: float) -> dhcp6.Client:
    """Return the client of the boot once more."""
    return dhcp6.Client.resume(octets(interface.mac), xid, state6.lease_of(interface), now)


def releasing(interface: Interface, xid: int, now: float) -> dhcp6.Client | None:
    """Return a client that gives the interface's lease back, whatever time it has left; None where it has none."""
    if interface.protocol != ip_request.DHCP6 or not interface.server:
        return None
    client = resume(interface, xid, now)
    client.release(now)
    return client
