"""The network's effects: devices set up, servers asked, addresses and routes assigned, and all of it once
more at shutdown.

Which device it is, and what a server gives, is search.py's to find; formats are netstate.py's.
"""

from __future__ import annotations

import time

from init.network import state
from init.network.files import leave_files
from init.network.restore import restore
from init.network.rtnetlink import Rtnetlink
from init.network.search import Search
from init.network.state import Interface, Made, Network, NetworkError
from init.network.texts import resolv_conf
from init.system.log import WARNING
from init.system.stdlib import TYPE_CHECKING
from init.wire import netlink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from init.cmdline.devices import Device
    from init.cmdline.ip_request import Request
    from init.network.search import Log

__all__ = ["Interface", "Network", "NetworkError", "configure", "leave_files", "resolv_conf", "restore"]

_METRIC_STEP = 100


def configure(
    requests: Iterable[Request],
    devices: tuple[Device, ...] = (),
    *,
    deadline: float,
    log: Log,
    now: Callable[[], float] = time.monotonic,
) -> Network:
    """Make `devices`, configure a device for each request, in order, and return what came of it.

    `deadline` is a time on the clock `now`; until then devices and carriers are waited for and servers
    asked again and again. `log` takes one line at a time, and a level (as the kernel's) where it is worth more than
    others. Raises NetworkError, which says what happened on each device.
    """
    wanted = [request for request in requests if not request.disabled]
    groups = netlink.RTMGRP_LINK
    if any(request.six for request in wanted):
        from init.network import search6 as network_search6  # nobody else pays for it

        groups |= network_search6.GROUPS
    interfaces: list[Interface] = []
    made: tuple[Made, ...] = ()
    try:
        with Rtnetlink(groups) as kernel:
            kernel.set_up_loopback()
            above: Mapping[str, tuple[str, ...]] = {}
            if devices:
                from init.cmdline.devices import above as standing_on
                from init.network import made_devices  # as above

                made = made_devices.make(kernel, devices, {}, deadline=deadline, log=log, now=now)
                above = standing_on(devices)
            for request in wanted:
                alike = (other for other in wanted if other.six == request.six)
                taken = {other.device for other in alike}
                taken |= {interface.device for interface in interfaces if interface.six == request.six}
                metric = _METRIC_STEP * len(interfaces)
                if request.six:
                    search6 = network_search6.Search6(kernel, request, taken, log, now, above)
                    found = network_search6.configure(search6, request, metric, deadline)
                else:
                    search = Search(kernel, request, taken, log, now, above)
                    found = _configure(search, request, metric, deadline, log)
                if found is None:
                    log(f"{request.mac} (BOOTIF=) is left out: what is made of that card has an ip= of its own")
                    continue
                interfaces.append(found)
                log(found.describe())
    except (OSError, netlink.NetlinkError) as error:
        raise NetworkError(f"network: {error}", "did the kernel leave out CONFIG_PACKET or a part of IPv4?") from error
    return Network(tuple(interfaces), made)


def _configure(search: Search, request: Request, metric: int, deadline: float, log: Log) -> Interface | None:
    """Find the device of `request`, and give it the address of its lease or of the command line.

    None where another request means the same device.
    """
    if search.superseded:
        return None
    try:
        winner = search.run(deadline)
        link, lease = winner.link, winner.client.lease if winner.client else None
        if lease is None:
            from init.network import conflict  # only static addresses pay for it

            interface = state.static(request, link, metric)
            if trouble := conflict.found(search.kernel, link, interface.address):
                log(f"{link.name}: WARNING: {interface.address} {trouble}", WARNING)
        else:
            # Leases are kept by a clock that goes on while the machine sleeps.
            ahead = time.clock_gettime(time.CLOCK_BOOTTIME) - search.now()
            lease = lease._replace(obtained=lease.obtained + ahead)
            interface = state.leased(request, link, lease, metric)
        search.kernel.assign(link, interface)
    finally:
        search.finish()
    for reason in lease.ignored if lease else ():
        log(f"{link.name}: ignored {reason}")
    return interface
