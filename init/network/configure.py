"""The network's effects: devices made, found and set up, servers asked, addresses and routes assigned."""

from __future__ import annotations

from init.cmdline.ip_request import Request
from init.network.rtnetlink import Rtnetlink
from init.network.search import Search
from init.network.state import Interface, Made, Network, NetworkError
from init.system.log import INFO, Say
from init.system.stdlib import TYPE_CHECKING, Iterable, Mapping
from init.wire import netlink

if TYPE_CHECKING:
    from init.cmdline.devices import Device

_METRIC_STEP = 100


def configure(requests: Iterable[Request], devices: tuple[Device, ...] = (), *, deadline: float, say: Say) -> Network:
    """Make `devices`, configure a device for each request, in order, and return what came of it.

    `deadline` is on the monotonic clock; until then devices and carriers are waited for and servers asked again and
    again. Raises NetworkError, which says what happened on each device.
    """
    wanted = [request for request in requests if not request.disabled]
    groups = Search.GROUPS
    for request in wanted:
        groups |= _kind_of_search(request).GROUPS
    interfaces: list[Interface] = []
    made: tuple[Made, ...] = ()
    above: Mapping[str, tuple[str, ...]] = {}
    try:
        with Rtnetlink(groups) as rtnetlink:
            rtnetlink.set_up_loopback()
            if devices:
                from init.cmdline.devices import above as standing_on  # late: few boots need it
                from init.network.made_devices import Maker  # late: few boots need it

                made = Maker(rtnetlink, {}, say).make(devices, deadline)
                above = standing_on(devices)
            for request in wanted:
                taken = _taken(request, wanted, interfaces)
                search = _kind_of_search(request)(rtnetlink, request, taken, say, above)
                if search.superseded:
                    left_out = f"{request.mac} (BOOTIF=) is left out"
                    say(INFO, f"network: {left_out}: what is made of that card has an ip= of its own")
                    continue
                interfaces.append(search.configure(_METRIC_STEP * len(interfaces), deadline))
    except (OSError, netlink.NetlinkError) as error:
        raise NetworkError(f"network: {error}", "did the kernel leave out CONFIG_PACKET or a part of IPv4?") from error
    return Network(tuple(interfaces), made)


def _kind_of_search(request: Request) -> type[Search]:
    if request.six:
        from init.network.search6 import Search6  # late: few boots need it

        return Search6
    return Search


def _taken(request: Request, requests: list[Request], interfaces: list[Interface]) -> set[str]:
    """The devices that are another request's; IPv4 and IPv6 may share one."""
    named = {other.device for other in requests if other.six == request.six}
    return named | {interface.device for interface in interfaces if interface.six == request.six}
