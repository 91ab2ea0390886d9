"""The early init after the real one has started: PID 1 outside, waiting for the system inside to end.

It lives on the shutdown ramdisk alone. Kernel signals meant for init are handed on, orphans are reaped, the
root's leases are renewed (keeper/main.py), its network is put back where the real system's own shutdown takes it down
too early (the 2009 thread's `rc.inet1 stop`), and when PID 1 of the namespace is gone, everything is released.
"""

from __future__ import annotations

import os
import select
import time

from init.keeper import main as keeper_main
from init.keeper import watch
from init.network.files import read_state
from init.shutdown import reboot_watch
from init.shutdown.processes import send
from init.system import console, syscalls
from init.system.child import bounded
from init.system.cmodules import signal
from init.system.files import read_text
from init.system.log import CRITICAL, Say
from init.system.places import NETWORK, SYSROOT

# The kernel sends these to PID 1: Ctrl-Alt-Del, the keyboard's request, power failure.
HANDED_ON = (signal.SIGINT, signal.SIGWINCH, signal.SIGPWR)
# A process that has to write to a server that is gone cannot even be killed.
FORCE_AFTER = 30.0  # seconds for the system to end once it asked for that, or at least to write something back
FORCE_AGAIN = 5.0  # seconds between two pushes after that


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


def unwritten() -> int:
    """What is still to be written back anywhere, in kB (proc(5), meminfo)."""
    lines = read_text("/proc/meminfo").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Dirty:", "Writeback:")))


def _hold(path: str) -> int:
    """Keep a mount from being unmounted, though it be told to by force; -1 where there is none to hold."""
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return -1


class Supervisor:
    """Waits for the real system's end; `child` is its init's PID out here, `listener` is reboot_watch.receive()'s."""

    def __init__(self, child: int, listener: int, say: Say) -> None:
        self._child = child
        self._listener = listener
        self._announced = ""
        self._status: int | None = None  # of the child that has ended
        self._keeper = keeper_main.Keeper(read_state(NETWORK), NETWORK, say)
        self._watch = watch.Watch(say)
        self._force_at = 0.0  # on the monotonic clock; 0 for never
        self._unwritten = 0  # kB, at the last look
        self._forced = False

    def run(self) -> str:
        """Wait until the real init is gone; answers the verb to end with, "" for a crash."""
        wake, waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(waker)
        for number in HANDED_ON:
            signal.signal(number, lambda number, _: send(self._child, number))
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        poll.register(self._keeper, select.POLLIN)
        if self._listener >= 0:
            poll.register(self._listener, select.POLLIN)
        poll.register(self._watch, select.POLLIN)
        self._reap()  # a child that ended before the handler was there
        root = _hold(SYSROOT)
        while self._status is None:
            due = [at - time.monotonic() for at in (self._watch.look_at, self._force_at) if at]
            ready = dict(poll.poll(max(0.0, min(due)) * 1000 + 1 if due else None))
            self._serve(ready, wake, poll)
        if root >= 0:
            os.close(root)
        return verb_of(self._status, self._announced)

    def _serve(self, ready: dict[int, int], wake: int, poll: select.poll) -> None:
        if wake in ready:
            os.read(wake, 4096)
            self._reap()
        if self._listener in ready:
            if ready[self._listener] & select.POLLIN:
                self._announcement()
            else:  # no process is left that could call
                poll.unregister(self._listener)
                self._listener = -1
        if self._keeper.fileno() in ready:
            self._keeper.serve()
        self._watch.serve(self._keeper.network)
        if self._force_at and time.monotonic() >= self._force_at:
            self._force()

    def _force(self) -> None:
        """Have the root's file system fail what is waiting for its server, so that the rest of the system can end.

        A server that is merely slow is left in peace: as long as less and less is to be written, it works.
        """
        left, before = unwritten(), self._unwritten
        self._unwritten = left
        if left < before and not self._forced:
            self._force_at = time.monotonic() + FORCE_AFTER
            return
        self._force_at = time.monotonic() + FORCE_AGAIN
        if not self._forced:
            self._forced = True
            lines = ("the system does not end: its server does not answer", "what was not written back is lost")
            console.tell(["mkinitfs: NOT RELEASED:", *(f"  {line}" for line in lines)])
        bounded(lambda: syscalls.umount2(SYSROOT, syscalls.MNT_FORCE), FORCE_AGAIN)

    def _announcement(self) -> None:
        verb = reboot_watch.answer(self._listener)
        if verb:
            self._announced = verb
            self._force_at, self._unwritten = time.monotonic() + FORCE_AFTER, unwritten()
        if verb == "kexec":  # refused inside a namespace: ours to do, once everything is released
            os.kill(self._child, signal.SIGKILL)

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
            verb = reboot_watch.answer(listener)
            announced = verb or announced
            if verb == "kexec":
                os.kill(child, signal.SIGKILL)


def supervise(child: int, listener: int, panic: int, say: Say) -> str:
    """Wait for the real system's end; answers the verb to end the machine with."""
    try:
        syscalls.ctrl_alt_del_to_init()
        verb = Supervisor(child, listener, say).run()
    except Exception as error:  # the system inside is worth more than what failed out here
        say(CRITICAL, f"supervisor: {error!r}; waiting for the real init alone")
        signal.set_wakeup_fd(-1)
        verb = _wait_for(child, listener)
    if verb:
        return verb
    console.tell(["mkinitfs: the real init has ended without asking for it; what it stood on is released"])
    if panic > 0:
        time.sleep(panic)
    return "reboot" if panic else "halt"
