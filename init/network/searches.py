"""The searches for all devices that the command line asks for, driven together.

They wait for conditions only: for a device to appear and to have carrier (rtnetlink's own notifications) and for
packets, in one poll() whose time-out is the next thing that a client wants to do. As soon as one device is configured
the others have MISSING_WAIT: a machine with one cable of two is reached by that one.
"""

from __future__ import annotations

import select
import time

from init.network.links import MISSING_WAIT
from init.network.rtnetlink import Rtnetlink
from init.network.search import Search
from init.network.state import Interface, Missing, NetworkError
from init.system.stdlib import Callable
from init.wire.exchange import FOREVER
from init.wire.netlink import Link

_METRIC_STEP = 100


class Searches:
    """Searches in the order of the command line, on `links`; `further` makes what they may wait for.

    `before` is the number of devices that are configured already.
    """

    def __init__(
        self, rtnetlink: Rtnetlink, links: dict[int, Link], further: Callable[[], None], before: int = 0
    ) -> None:
        self._rtnetlink = rtnetlink
        self._links = links
        self._further = further
        self._before = before
        self._searches: list[Search] = []
        self._found: dict[Search, Interface] = {}
        self._failed: dict[Search, str] = {}
        self._until = FOREVER  # when what is not found by then is missing

    def run(self, searches: list[Search], deadline: float) -> tuple[tuple[Interface, ...], tuple[Missing, ...]]:
        """Return what was configured until `deadline` on the monotonic clock, and what is missing.

        Raises NetworkError where nothing was, and OSError.
        """
        self._searches, self._until = searches, deadline
        try:
            for search in searches:
                self._try(search, lambda one: one.begin())
            while not self._advance(time.monotonic()):
                self._wait()
        finally:
            for search in searches:
                search.finish({interface.device for interface in self._found.values()})
        lacking = [search for search in searches if search not in self._found and not search.superseded]
        missing = [(search, *self._failure(search)) for search in lacking]
        if missing and not self._found:
            reasons = "; ".join(dict.fromkeys(reason for _, reason, _ in missing))
            raise NetworkError(f"network: {reasons}", missing[0][2])
        interfaces = tuple(self._found[search] for search in searches if search in self._found)
        return interfaces, tuple(Missing(search.request, reason + search.FAMILY) for search, reason, _ in missing)

    def _failure(self, search: Search) -> tuple[str, str]:
        return (self._failed[search], search.HINT) if search in self._failed else search.failure()

    def _pending(self) -> list[Search]:
        done = self._found.keys() | self._failed.keys()
        return [search for search in self._searches if search not in done and not search.superseded]

    def _advance(self, now: float) -> bool:
        """Do for every search what is due; whether there is nothing more to wait for."""
        for search in self._pending():
            if search.advance(now):
                self._try(search, self._configure)
        return not self._pending() or time.monotonic() >= self._until

    def _configure(self, search: Search) -> None:
        self._found[search] = search.configure(_METRIC_STEP * (self._before + self._searches.index(search)))
        self._until = min(self._until, time.monotonic() + MISSING_WAIT)
        self._refresh()  # who asks about an address takes announcements in by itself

    def _try(self, search: Search, deed: Callable[[Search], None]) -> None:
        """Do what may fail for this search alone, where there are others."""
        try:
            deed(search)
        except OSError as error:
            if len(self._searches) == 1:
                raise
            self._failed[search] = f"{search.subject}: {error.strerror}"

    def _refresh(self) -> None:
        self._links.clear()
        self._links.update(self._rtnetlink.links())

    def _wait(self) -> None:
        """Sleep until a device changes, a packet comes, or something is due, and take it in."""
        poll = select.poll()
        poll.register(self._rtnetlink.events, select.POLLIN)
        due = self._until
        for search in self._pending():
            due = min((due, *search.deadlines()))
            for opened in search.listening():
                poll.register(opened, select.POLLIN)
        poll.poll(max(0, int((due - time.monotonic()) * 1000) + 1))
        self._rtnetlink.changes(self._links)
        self._further()
        for search in self._pending():
            search.follow_links()
            search.hear(time.monotonic())
