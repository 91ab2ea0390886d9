"""Which of the kernel's links is which device."""

from __future__ import annotations

from init.network.state import Interface, NetworkError
from init.system.stdlib import Iterable
from init.wire import netlink

MISSING_WAIT = 10.0  # seconds until a bond is made of fewer cards than it should have, and a boot goes on without one
# Kinds of devices that are made of others or of nothing: asked only where the command line names them.
VIRTUAL = (
    "bond", "bridge", "dummy", "ifb", "ipvlan", "macvlan", "team", "tun", "vlan", "vrf", "vxlan", "wireguard",
)  # fmt: skip


def same_device(interface: Interface, links: Iterable[netlink.Link]) -> netlink.Link:
    """Find the device again, its kind and hardware first: bonds, VLANs and bridges share its address."""
    alike = [link for link in links if link.mac == interface.mac or link.name == interface.device]
    if not alike:
        raise NetworkError(f"network: {interface.device} ({interface.mac}) is gone", "was its driver unloaded?")

    def unlikeness(link: netlink.Link) -> tuple[bool, ...]:
        other_kind, virtual = link.kind != interface.kind, link.kind in VIRTUAL
        return link.mac != interface.mac, other_kind, virtual, link.name != interface.device

    return min(alike, key=unlikeness)


def listed(links: Iterable[netlink.Link]) -> str:
    """Name the devices that there are, but lo, for an error."""
    others = (link for link in links if not link.flags & netlink.IFF_LOOPBACK)
    return ", ".join(f"{link.name} ({link.mac})" for link in others) or "none"
