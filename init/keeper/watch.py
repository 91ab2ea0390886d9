"""Puts the root's network back where the real system takes it down while it runs, or too early at its end.

Whoever stays behind has it as one more descriptor: the supervisor, or the keeper of the leases. A change is looked at
after SETTLE seconds, so that a restart of the network is no loss of it.
"""

from __future__ import annotations

import time

from init.network.restore import restore
from init.network.rtnetlink import Rtnetlink
from init.network.state import NetworkError
from init.system.log import INFO, WARNING
from init.system.stdlib import TYPE_CHECKING
from init.wire import netlink

if TYPE_CHECKING:
    from collections.abc import Callable

    from init.network.state import Interface, Network
    from init.wire.netlink import Link

SETTLE = 1.0
_GROUPS = netlink.RTMGRP_LINK | netlink.RTMGRP_IPV4_IFADDR | netlink.RTMGRP_IPV6_IFADDR
_LARGEST = 65536


def _bare(interface: Interface, link: Link, kernel: Rtnetlink) -> bool:
    """Whether the root's device is down or has no address left."""
    if interface.six:
        local = interface.protocol == "link6"
        return not link.up or not any(one.link_local == local for one in kernel.addresses6(link.number))
    return not link.up or not kernel.addresses(link.number)


class Watch:
    """Poll its fileno() for reading, no longer than until `look_at` (0 for ever), then call serve()."""

    def __init__(self, say: Callable[[int, str], None]) -> None:
        self._say = say
        self._kernel = Rtnetlink(_GROUPS)
        self._down: set[tuple[str, str]] = set()  # what was, if only for a moment: its routes are gone
        self.look_at = 0.0  # on the monotonic clock

    def fileno(self) -> int:
        return self._kernel.events.fileno()

    def serve(self, network: Network) -> None:
        """Take in what has changed and, once it is time to look, put back what `network` says. Never waits."""
        if self._changed():
            self.look_at = self.look_at or time.monotonic() + SETTLE
        if self.look_at and time.monotonic() >= self.look_at:
            self.look_at = 0.0
            self._look(network)

    def _changed(self) -> bool:
        """Whether anything was announced since."""
        changed = False
        try:
            while True:
                for message in netlink.messages(self._kernel.events.recv(_LARGEST)):
                    changed = True
                    link = netlink.link(message) if message.kind == netlink.RTM_NEWLINK else None
                    if link and not link.up:
                        self._down.add((link.mac, link.kind))
        except BlockingIOError:
            return changed
        except OSError:  # more was announced than the socket could hold
            return True

    def _lost(self, interface: Interface) -> bool:
        """Whether there is something to be put back."""
        mine = interface.mac, interface.kind
        for link in self._kernel.links().values():
            if (link.mac, link.kind) == mine:
                # As a part of a bridge it has no address of its own.
                return not link.master and (mine in self._down or _bare(interface, link, self._kernel))
        return interface.kind in ("bond", "vlan")  # taken apart; a card that is gone cannot be brought back

    def _look(self, network: Network) -> None:
        gone = tuple(interface for interface in network.interfaces if self._lost(interface))
        self._down.clear()
        if not gone:
            return
        self._say(WARNING, f"network: the root's {gone[0].device} was taken down; bringing it back")
        try:
            restore(
                network._replace(interfaces=gone),
                deadline=time.monotonic(),
                log=lambda line: self._say(INFO, f"network: {line}"),
            )
        except NetworkError as error:
            self._say(WARNING, error.message)
