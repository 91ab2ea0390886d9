"""The network's way back: what configure() had set up, set up again, whatever the real system made of it."""

from __future__ import annotations

import time

from init.network.links import same_device
from init.network.rtnetlink import Refused, Rtnetlink
from init.network.state import Made, Network, NetworkError
from init.system.log import INFO, Say
from init.wire import netlink


def restore(network: Network, *, deadline: float, say: Say) -> None:
    """Bring every device back to what `network` says, and wait for its carrier until `deadline` on the monotonic clock;
    without harm where nothing is missing.

    The real system may have renamed the device, so it is known by its hardware address. Raises NetworkError.
    """
    try:
        with Rtnetlink() as rtnetlink:
            rtnetlink.set_up_loopback()
            if network.made:
                _make_again(rtnetlink, network.made, deadline, say)
            links = rtnetlink.links()
            for interface in network.interfaces:
                link = same_device(interface, links.values())
                rtnetlink.assign(link, interface, _refused(link, say))
                say(INFO, f"network: {interface.describe()} restored on {link.name}")
                while not links.get(link.number, link).carrier:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise NetworkError(f"network: {link.name}: no carrier", "was the cable pulled?")
                    rtnetlink.await_changes(links, left)
    except (OSError, netlink.NetlinkError) as error:
        raise NetworkError(f"network: {error}") from error


def _refused(link: netlink.Link, say: Say) -> Refused:
    return lambda reason: say(INFO, f"network: {link.name}: {reason}")


def _make_again(rtnetlink: Rtnetlink, before: tuple[Made, ...], deadline: float, say: Say) -> None:
    """Make what the real system has taken apart; cards are known by their address. Raises NetworkError, OSError."""
    from init.cmdline import devices, ip_request  # late: few boots need it
    from init.network.made_devices import Maker  # late: few boots need it

    # A card that was given a name keeps the one that it has by now.
    again = [made for made in before if made.parameter != "ifname"]
    try:
        wanted = devices.parse((made.parameter, made.value) for made in again)
    except ip_request.GrammarError as error:
        raise NetworkError(f"network state: {error}") from error
    macs: dict[str, str] = {}
    for device, made in zip(wanted, again, strict=True):
        macs |= dict(zip(devices.lower(device), made.cards, strict=False))
    maker = Maker(rtnetlink, wanted, macs, say)
    maker.make(deadline)
    if maker.pending:
        raise maker.failure()
