"""A lease given back to its server: the last thing that goes out."""

from __future__ import annotations

import fcntl
import time

from init.keeper import holding
from init.keeper.line import now, random
from init.network import sockets
from init.network.rtnetlink import Rtnetlink
from init.system.log import NOTICE, WARNING
from init.system.stdlib import TYPE_CHECKING
from init.wire import ethernet, netlink
from init.wire.bootp import CLIENT_PORT

if TYPE_CHECKING:
    from init.network.state import Network
    from init.system.log import Say

_SIOCOUTQ = 0x5411


def give_back(state: Network, say: Say) -> None:
    """Release every lease (RFC 2131, 4.4.6): the last thing that goes out, as nothing comes back."""
    for interface in state.interfaces:
        if interface.six:
            from init.keeper import release6

            release6.give_back(interface, say)
            continue
        frame = holding.release(interface, random(), now())
        if not frame:
            continue
        try:
            with Rtnetlink() as routes:
                link = routes.holder(interface.address)
            if link is None:
                continue
            opened = sockets.listen(link.name, ethernet.ETH_P_IP, CLIENT_PORT)
            try:
                opened.send(frame)
                _await_sent(opened)
            finally:
                opened.close()
            say(NOTICE, f"shutdown: {interface.device}: lease of {interface.address} given back to {interface.server}")
        except (OSError, netlink.NetlinkError) as error:
            say(WARNING, f"shutdown: {interface.device}: lease not given back: {error}")


def _await_sent(opened: sockets.Socket, patience: float = 1.0) -> None:
    """Wait until the card has taken the frame, and a moment for the wire: the machine's end comes next."""
    until = time.monotonic() + patience
    while any(fcntl.ioctl(opened, _SIOCOUTQ, bytes(4))) and time.monotonic() < until:
        time.sleep(0.005)
    time.sleep(0.02)
