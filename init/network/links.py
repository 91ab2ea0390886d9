"""Which of the kernel's links is which device."""

from __future__ import annotations

from init.network.state import Interface, NetworkError
from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from init.wire.netlink import Link

# Devices made of others or of nothing are asked only where the command line names them.
VIRTUAL = (
    "bond",
    "bridge",
    "dummy",
    "ifb",
    "ipvlan",
    "macvlan",
    "team",
    "tun",
    "vlan",
    "vrf",
    "vxlan",
    "wireguard",
)


def same_device(interface: Interface, links: Iterable[Link]) -> Link:
    """Find the device again, its kind and hardware first: bonds, VLANs and bridges share its address."""
    found = [link for link in links if link.mac == interface.mac or link.name == interface.device]
    if not found:
        raise NetworkError(f"network: {interface.device} ({interface.mac}) is gone", "was its driver unloaded?")
    return min(
        found,
        key=lambda link: (
            link.mac != interface.mac,
            link.kind != interface.kind,
            link.kind in VIRTUAL,
            link.name != interface.device,
        ),
    )
