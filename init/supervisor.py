"""The early init after the real one has started: PID 1 outside, waiting for the system inside to end.

It lives on the shutdown ramdisk alone. Kernel signals meant for init are handed on, orphans are reaped, the
root's leases are renewed (keeper.py), its network is put back where the real system's own shutdown takes it down
too early (the 2009 thread's `rc.inet1 stop`), and when PID 1 of the namespace is gone, everything is released.
"""

from __future__ import annotations

import os
import select
import time

from . import console, keeper, kernel, netlink, netstate, rebootwatch
from .cheap import TYPE_CHECKING, signal
from .drivers import read_text
from .netrestore import restore
from .netstate import NetworkError
from .rtnl import Kernel

if TYPE_CHECKING:
    from .teardown import Say

OLD_ROOT = "/sysroot"
NET_FOLDER = "/net"  # /run/initramfs/net, seen from the ramdisk as root
# The kernel sends these to PID 1: Ctrl-Alt-Del, the keyboard's request, power failure.
HANDED_ON = (signal.SIGINT, signal.SIGWINCH, signal.SIGPWR)
SETTLE = 1.0  # seconds a changed device is left alone, so that a restart of the network is no loss of it


def verb_of(status: int, announced: str) -> str:
    """What the real system asked for: its announced verb, else what the wait status says.

    reboot(2) in a PID namespace kills its init by SIGHUP for a restart and by SIGINT for the rest
    (kernel/pid_namespace.c); an init that ends in any other way has crashed, answered by "".
    """
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGHUP:
            return "reboot"
        if number == signal.SIGINT:
            return announced if announced in ("poweroff", "halt") else "poweroff"
        if number == signal.SIGKILL and announced == "kexec":
            return "kexec"
    return ""


def lost(interface: netstate.Interface, kernel_view: Kernel) -> bool:
    """Whether the root's device is down or has no address left."""
    for link in kernel_view.links().values():
        if (link.mac, link.kind) == (interface.mac, interface.kind):
            if interface.six:
                local = interface.protocol == "link6"
                found = kernel_view.addresses6(link.number)
                return not link.up or not any(one.link_local == local for one in found)
            return not link.up or not kernel_view.addresses(link.number)
    return interface.kind in ("bond", "vlan")  # taken apart; a card that is gone cannot be brought back


class Supervisor:
    """Waits for the real system's end; `child` is its init's PID out here."""

    def __init__(self, child: int, listener: int, say: Say) -> None:
        self._child = child
        self._listener = listener
        self._say = say
        self._announced = ""
        self._status: int | None = None
        self._leases = keeper.Keeper(netstate.decode(read_text(f"{NET_FOLDER}/state")), NET_FOLDER, say)
        self._look_at = 0.0

    def run(self) -> str:
        """Wait until the real init is gone; answers the verb to end with, "" for a crash."""
        wake, waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(waker)
        for number in HANDED_ON:
            signal.signal(number, lambda number, _: self._hand_on(number))
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        poll.register(self._leases, select.POLLIN)
        if self._listener >= 0:
            poll.register(self._listener, select.POLLIN)
        with Kernel(netlink.RTMGRP_LINK | netlink.RTMGRP_IPV4_IFADDR | netlink.RTMGRP_IPV6_IFADDR) as routes:
            poll.register(routes.events, select.POLLIN)
            self._reap()  # a child that ended before the handler was there
            while self._status is None:
                wait = max(0.0, self._look_at - time.monotonic()) if self._look_at else None
                ready = dict(poll.poll(None if wait is None else wait * 1000 + 1))
                self._serve(ready, wake, poll, routes)
        return verb_of(self._status, self._announced)

    def _serve(self, ready: dict[int, int], wake: int, poll: select.poll, routes: Kernel) -> None:
        if wake in ready:
            os.read(wake, 4096)
            self._reap()
        if self._listener in ready:
            if ready[self._listener] & select.POLLIN:
                self._announcement()
            else:  # nobody is left who could call
                poll.unregister(self._listener)
                self._listener = -1
        if self._leases.fileno() in ready:
            self._leases.serve()
        if routes.events.fileno() in ready:
            routes.changes(routes.links())
            self._look_at = self._look_at or time.monotonic() + SETTLE
        if self._look_at and time.monotonic() >= self._look_at:
            self._look_at = 0.0
            self._keep_network(routes)

    def _announcement(self) -> None:
        verb = rebootwatch.answer(self._listener)
        if verb:
            self._announced = verb
        if verb == "kexec":  # refused inside a namespace: ours to do, once everything is released
            os.kill(self._child, signal.SIGKILL)

    def _hand_on(self, number: int) -> None:
        try:
            os.kill(self._child, number)
        except ProcessLookupError:
            pass

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid == self._child:
                self._status = status

    def _keep_network(self, routes: Kernel) -> None:
        gone = [interface for interface in self._leases.network.interfaces if lost(interface, routes)]
        if not gone:
            return
        self._say(4, f"supervisor: the root's network is down ({gone[0].device}); bringing it back")
        try:
            restore(
                self._leases.network._replace(interfaces=tuple(gone)),
                deadline=time.monotonic(),
                log=lambda line: self._say(6, f"network: {line}"),
            )
        except NetworkError as error:
            self._say(4, f"supervisor: {error.message}")


def _wait_for(child: int, listener: int) -> str:
    """Wait for the real init and do no more than answer its reboot(2), which would never return otherwise."""
    announced = ""
    poll = select.poll()
    if listener >= 0:
        poll.register(listener, select.POLLIN)
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return verb_of(status, announced)
        for _, events in [] if pid else poll.poll(200):
            if not events & select.POLLIN:
                poll.unregister(listener)
                continue
            verb = rebootwatch.answer(listener)
            announced = verb or announced
            if verb == "kexec":
                os.kill(child, signal.SIGKILL)


def supervise(child: int, listener: int, panic: int, say: Say) -> str:
    """Wait for the real system's end; answers the verb to end the machine with."""
    try:
        kernel.ctrl_alt_del_to_init()
        verb = Supervisor(child, listener, say).run()
    except Exception as error:  # the system inside is worth more than what failed out here
        say(2, f"supervisor: {error!r}; waiting for the real init alone")
        signal.set_wakeup_fd(-1)
        verb = _wait_for(child, listener)
    if verb:
        return verb
    console.tell(["mkinitfs: the real init has ended without asking for it; what it stood on is released"])
    if panic > 0:
        time.sleep(panic)
    return "reboot" if panic else "halt"
