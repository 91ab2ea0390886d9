"""The network's way back: what configure() had set up, set up again, whatever the real system made of it."""

from __future__ import annotations

import select
import time

from . import netlink
from .cheap import TYPE_CHECKING
from .netstate import Interface, Network, NetworkError
from .rtnl import Kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .netlink import Link

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


def restore(
    network: Network,
    *,
    deadline: float,
    log: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Bring every device back to what `network` says, and wait for its carrier; without harm where nothing
    is missing.

    The real system may have renamed the device, so it is known by its hardware address. Raises NetworkError.
    """
    try:
        with Kernel() as kernel:
            kernel.set_up_loopback()
            if network.made:
                make_again(kernel, network, deadline, log, now)
            links = kernel.links()
            for interface in network.interfaces:
                link = same_device(interface, links.values())
                kernel.assign(link, interface)
                log(f"{interface.describe()} restored on {link.name}")
                while not links.get(link.number, link).carrier:
                    left = deadline - now()
                    if left <= 0:
                        raise NetworkError(f"network: {link.name}: no carrier", "was the cable pulled?")
                    poll = select.poll()
                    poll.register(kernel.events, select.POLLIN)
                    poll.poll(int(left * 1000) + 1)
                    kernel.changes(links)
    except (OSError, netlink.NetlinkError) as error:
        raise NetworkError(f"network: {error}") from error


def make_again(
    kernel: Kernel, network: Network, deadline: float, log: Callable[[str], None], now: Callable[[], float]
) -> None:
    """Make what the real system has taken apart; cards are known by their address. Raises NetworkError, OSError."""
    from . import devices, ipconfig, virtual

    # A card that was given a name keeps the one that it has by now.
    again = [made for made in network.made if made.parameter != "ifname"]
    try:
        wanted = devices.parse((made.parameter, made.value) for made in again)
    except ipconfig.GrammarError as error:
        raise NetworkError(f"network state: {error}") from error
    macs: dict[str, str] = {}
    for device, made in zip(wanted, again, strict=True):
        macs |= dict(zip(devices.lower(device), made.cards, strict=False))
    virtual.make(kernel, wanted, macs, deadline=deadline, log=log, now=now)


def same_device(interface: Interface, links: Iterable[Link]) -> Link:
    """Find the device again, its kind and hardware first: bonds, VLANs and bridges share its address."""
    found = [link for link in links if link.mac == interface.mac or link.name == interface.device]
    if not found:
        raise NetworkError(
            f"network: {interface.device} ({interface.mac}) is gone", "was its driver unloaded?"
        )
    return min(
        found,
        key=lambda link: (
            link.mac != interface.mac,
            link.kind != interface.kind,
            link.kind in VIRTUAL,
            link.name != interface.device,
        ),
    )
