"""Puts the root's network back where the real system takes it down while it runs, or too early at its end.

The supervisor or the keeper's process has it as one more descriptor. A change is looked at after SETTLING, so that a
restart of the network is no loss of it.
"""

from __future__ import annotations

import time

from init.network.restore import restore
from init.network.rtnetlink import Rtnetlink
from init.network.state import Interface, Network, NetworkError
from init.system.log import WARNING, Say
from init.wire import netlink

SETTLING = 1.0  # seconds
_GROUPS = netlink.RTMGRP_LINK | netlink.RTMGRP_IPV4_IFADDR | netlink.RTMGRP_IPV6_IFADDR


def _bare(interface: Interface, link: netlink.Link, rtnetlink: Rtnetlink) -> bool:
    """Whether the root's device is down or has no address left."""
    if not link.up:
        return True
    if not interface.six:
        return not rtnetlink.addresses(link.number)
    local = interface.protocol == "link6"
    return not any(one.link_local == local for one in rtnetlink.addresses(link.number, netlink.AF_INET6))


class Watch:
    """Poll its fileno() for reading, no longer than until `look_at` (0 for ever), then call serve()."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._rtnetlink = Rtnetlink(_GROUPS)
        self._down: set[tuple[str, str]] = set()  # address and kind of what was down, if only for a moment: its routes
        # are gone
        self.look_at = 0.0  # on the monotonic clock

    def fileno(self) -> int:
        return self._rtnetlink.events.fileno()

    def serve(self, network: Network) -> None:
        """Take in what has changed and, once it is time to look, put back what `network` says. Never waits."""
        if self._changed():
            self.look_at = self.look_at or time.monotonic() + SETTLING
        if self.look_at and time.monotonic() >= self.look_at:
            self.look_at = 0.0
            self._look(network)

    def _changed(self) -> bool:
        changed = False
        try:
            for message in self._rtnetlink.announced():
                changed = True
                link = netlink.link(message) if message.kind == netlink.RTM_NEWLINK else None
                if link and not link.up:
                    self._down.add((link.mac, link.kind))
        except OSError:  # more was announced than the socket could hold
            return True
        return changed

    def _lost(self, interface: Interface) -> bool:
        mine = interface.mac, interface.kind
        for link in self._rtnetlink.links().values():
            if (link.mac, link.kind) == mine:
                # As a part of a bridge it has no address of its own.
                return not link.master and (mine in self._down or _bare(interface, link, self._rtnetlink))
        return interface.kind in ("bond", "vlan")  # taken apart; a card that is gone cannot be brought back

    def _look(self, network: Network) -> None:
        gone = tuple(interface for interface in network.interfaces if self._lost(interface))
        self._down.clear()
        if not gone:
            return
        self._say(WARNING, f"network: the root's {gone[0].device} was taken down; bringing it back")
        try:
            restore(network._replace(interfaces=gone), deadline=time.monotonic(), say=self._say)
        except NetworkError as error:
            self._say(WARNING, error.message)
