"""The network's way back: what configure() had set up, set up again, whatever the real system made of it."""

from __future__ import annotations

import select
import time

from init.network.links import same_device
from init.network.rtnetlink import Rtnetlink
from init.network.state import Network, NetworkError
from init.system.stdlib import TYPE_CHECKING
from init.wire import netlink

if TYPE_CHECKING:
    from collections.abc import Callable


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
        with Rtnetlink() as kernel:
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
    kernel: Rtnetlink, network: Network, deadline: float, log: Callable[[str], None], now: Callable[[], float]
) -> None:
    """Make what the real system has taken apart; cards are known by their address. Raises NetworkError, OSError."""
    from init.cmdline import devices, ip_request
    from init.network import made_devices

    # A card that was given a name keeps the one that it has by now.
    again = [made for made in network.made if made.parameter != "ifname"]
    try:
        wanted = devices.parse((made.parameter, made.value) for made in again)
    except ip_request.GrammarError as error:
        raise NetworkError(f"network state: {error}") from error
    macs: dict[str, str] = {}
    for device, made in zip(wanted, again, strict=True):
        macs |= dict(zip(devices.lower(device), made.cards, strict=False))
    made_devices.make(kernel, wanted, macs, deadline=deadline, log=log, now=now)
