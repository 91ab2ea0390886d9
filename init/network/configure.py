"""The network's effects: devices made, found and set up, servers asked, addresses and routes assigned."""

from __future__ import annotations

import time

from init.cmdline.ip_request import Request
from init.network.links import MISSING_WAIT
from init.network.rtnetlink import Rtnetlink
from init.network.search import Search
from init.network.searches import Searches
from init.network.state import Network, NetworkError
from init.system.log import INFO, WARNING, Say
from init.system.stdlib import TYPE_CHECKING, Iterable, Iterator, Mapping
from init.wire import netlink
from init.wire.netlink import Link

if TYPE_CHECKING:
    from init.cmdline.devices import Device
    from init.network.made_devices import Maker

_NONE = Network(())


def configure(
    requests: Iterable[Request], devices: tuple[Device, ...] = (), *, deadline: float, say: Say, had: Network = _NONE
) -> Network:
    """Make `devices`, configure a device for each request, and return what came of it, in their order.

    `deadline` is on the monotonic clock; until then devices and carriers are waited for and servers asked again and
    again. Where one is configured, the others are waited for no longer than MISSING_WAIT. What is `had` already
    stays as it is, and comes first in what is returned. Raises NetworkError, which says what happened on each device.
    """
    wanted = [request for request in requests if not request.disabled]
    groups = Search.GROUPS
    for request in wanted:
        groups |= _kind_of_search(request).GROUPS
    try:
        with Rtnetlink(groups) as rtnetlink:
            rtnetlink.set_up_loopback()
            maker = _made(rtnetlink, devices, deadline, say) if devices else None
            links = rtnetlink.links()
            searches = list(_searches(rtnetlink, links, wanted, devices, say))
            for search in searches:
                search.leave_alone(had.interfaces)
            try:
                driven = Searches(rtnetlink, links, maker.further if maker else lambda: None, len(had.interfaces))
                interfaces, missing = driven.run(searches, deadline)
            except NetworkError as error:
                raise (maker.failure() if maker and maker.pending else error) from error
    except (OSError, netlink.NetlinkError) as error:
        raise NetworkError(f"network: {error}", "did the kernel leave out CONFIG_PACKET or a part of IPv4?") from error
    for one in missing:
        say(WARNING, f"network: goes on without {one.reason}")
    return Network((*had.interfaces, *interfaces), maker.made if maker else (), missing)


def _made(rtnetlink: Rtnetlink, devices: tuple[Device, ...], deadline: float, say: Say) -> Maker:
    """Make `devices`, and wait a little for what they stand on. Raises NetworkError, OSError."""
    from init.network.made_devices import Maker  # late: few boots need it

    maker = Maker(rtnetlink, devices, {}, say)
    maker.make(min(deadline, time.monotonic() + MISSING_WAIT))
    return maker


def _searches(
    rtnetlink: Rtnetlink, links: dict[int, Link], wanted: list[Request], devices: tuple[Device, ...], say: Say
) -> Iterator[Search]:
    above: Mapping[str, tuple[str, ...]] = {}
    if devices:
        from init.cmdline.devices import above as standing_on  # late: few boots need it

        above = standing_on(devices)
    for request in wanted:
        # The devices that are another request's; IPv4 and IPv6 may share one.
        taken = {other.device for other in wanted if other.six == request.six}
        search = _kind_of_search(request)(rtnetlink, links, request, taken, say, above)
        if search.superseded:
            left_out = f"{request.mac} (BOOTIF=) is left out"
            say(INFO, f"network: {left_out}: that card, or what is made of it, has an ip= of its own")
        else:
            yield search


def _kind_of_search(request: Request) -> type[Search]:
    if request.six:
        from init.network.search6 import Search6  # late: few boots need it

        return Search6
    return Search
