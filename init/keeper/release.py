"""Leases given back to their servers: the last thing that goes out."""

from __future__ import annotations

import time

from init.keeper import holding
from init.keeper.line import now
from init.network import sockets
from init.network.rtnetlink import Rtnetlink
from init.network.state import Interface, Network
from init.system import syscalls
from init.system.log import NOTICE, WARNING, Say
from init.wire import ethernet, netlink
from init.wire.bootp import CLIENT_PORT

SENDING_WAIT = 1.0  # seconds for the card to take the frame
WIRE_WAIT = 0.02  # seconds for the frame to leave: the machine's end comes next


def give_back(network: Network, say: Say) -> None:
    """Release every lease whose address a device still has."""
    for interface in network.interfaces:
        release = _release
        if interface.six:
            from init.keeper.release6 import release6 as release  # late: few boots need it
        try:
            ending = release(interface)
        except (OSError, netlink.NetlinkError) as error:
            say(WARNING, f"shutdown: {interface.device}: lease not given back: {error}")
            continue
        if ending is not None:
            lease = f"lease of {interface.address} given back to {interface.server}"
            say(NOTICE, f"shutdown: {interface.device}: {lease}{ending}")


def _release(interface: Interface) -> str | None:
    """Tell the server (RFC 2131, 4.4.6), which answers nothing; None where there is nothing to be told.

    Raises OSError, NetlinkError.
    """
    frame = holding.release_frame(interface, sockets.new_xid(), now())
    if not frame:
        return None
    with Rtnetlink() as rtnetlink:
        link = rtnetlink.link_with(interface.address)
    if link is None:
        return None
    opened = sockets.listen(link.name, ethernet.ETH_P_IP, CLIENT_PORT)
    try:
        opened.send(frame)
        syscalls.await_sent(opened.fileno(), SENDING_WAIT)
        time.sleep(WIRE_WAIT)
    finally:
        opened.close()
    return ""
