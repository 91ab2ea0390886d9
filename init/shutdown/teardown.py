"""The teardown's effects: what order.plan() says, carried out, with nothing waiting for ever.

Each call that can hang on a dead server runs in a child process with a deadline. A busy mount is tried again,
then its users are named and ended, then it is forced; what could not be released is said on the console.
"""

from __future__ import annotations

import errno
import os
import sys
import time

from init.container_lease import holders
from init.keeper import release as keeper_release
from init.network.files import read_state
from init.network.restore import restore
from init.network.state import NetworkError
from init.shutdown import order
from init.shutdown.processes import kill_users
from init.system import console, syscalls
from init.system.child import UNANSWERED, bounded
from init.system.cmodules import signal
from init.system.files import read_text
from init.system.log import ERROR, NOTICE, WARNING, Say
from init.system.mount_table import mounted_as, read_loops, read_mounts, unescape
from init.system.stdlib import Any, Callable

FORCED = "; forced"
LONGEST_FORCED_CALL = 5.0  # seconds
LONGEST_NETWORK = 10.0  # seconds to set the network up again
FAREWELL = 2.0  # seconds for the kernel to close its connections: it does so after unmounting, in a thread of its own
_OPEN = ("01", "04")  # /proc/net/tcp: ESTABLISHED, FIN_WAIT1 (include/net/tcp_states.h)
FINAL = ("poweroff", "halt")  # a machine that comes back at once keeps its lease and with it its address
# Seconds since the teardown began. A server that is away for half a minute loses nothing; a machine whose server
# never comes back still ends within two.
END_USERS_AFTER, FORCE_AFTER, GIVE_UP_AFTER = 5.0, 30.0, 60.0


def release_all(old_root: str, say: Say) -> list[str]:
    """Release everything; answers what could not be released, one line each, empty when all is well."""
    syscalls.mount("", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
    _all_swap_off(say)
    started, delay, ended = time.monotonic(), 0.05, False
    troubles: dict[str, str] = {}
    hidden: dict[order.Unmount, str] = {}  # out of the mount table, but perhaps not released
    while (elapsed := time.monotonic() - started) < GIVE_UP_AFTER:
        mounts = read_mounts()
        plan = order.plan(mounts, read_loops(mounts), old_root, holders.notes())
        if not plan:
            troubles = {}
            break
        before, troubles = troubles, _release_each(plan, elapsed > FORCE_AFTER, hidden, say)
        if troubles and elapsed > END_USERS_AFTER and not ended:
            ended = True
            kill_users([one for one in plan if isinstance(one, order.Unmount) and one.describe() in troubles], say)
        if troubles and troubles == before:
            time.sleep(delay)
            delay = min(delay * 1.3, 1.0)
    troubles = {one.describe(): why for one, why in hidden.items()} | troubles
    return [f"{what}: {why}" for what, why in troubles.items()]


def _release_each(
    plan: tuple[order.Release, ...], forced: bool, hidden: dict[order.Unmount, str], say: Say
) -> dict[str, str]:
    """Carry a plan out; answers what went wrong, by what was to be done, and keeps `hidden` up to date."""
    troubles = {}
    for release in plan:
        trouble = _RELEASES[type(release)](release, forced)
        if isinstance(release, order.Unmount) and (UNANSWERED in trouble or FORCED in trouble):
            hidden[release] = trouble
        elif trouble:
            troubles[release.describe()] = trouble
        else:
            # With a loop device the kernel has let go of what was on it, too.
            device = release.path if isinstance(release, order.Detach) else None
            for one in [one for one in hidden if one == release or one.source == device]:
                del hidden[one]
            say(release.level, f"shutdown: {release.describe()}")
    return troubles


def _move(move: order.Move, _: bool) -> str:
    os.makedirs(move.target, exist_ok=True)
    return bounded(lambda: syscalls.mount(move.point, move.target, "", syscalls.MS_MOVE))


def _unmount(unmount: order.Unmount, forced: bool) -> str:
    trouble = bounded(lambda: syscalls.umount2(unmount.point, syscalls.MNT_DETACH if unmount.lazy else 0))
    if not trouble or not forced:
        return trouble
    # MNT_FORCE has the network file system fail what it waits for; MNT_DETACH takes it out of sight and
    # lets the kernel finish as soon as nobody uses it any more.
    if not bounded(lambda: syscalls.umount2(unmount.point, syscalls.MNT_FORCE), LONGEST_FORCED_CALL):
        return ""
    bounded(lambda: syscalls.umount2(unmount.point, syscalls.MNT_DETACH), LONGEST_FORCED_CALL)
    return trouble + FORCED


def _detach(detach: order.Detach, _: bool) -> str:
    return bounded(lambda: _detach_loop(detach.path))


def _detach_loop(path: str) -> None:
    """Detach a loop device and see that it is gone: the kernel says yes even where it only will later."""
    syscalls.loop_clear(path)
    if read_text(f"/sys/block/{os.path.basename(path)}/loop/backing_file").strip():
        raise OSError(errno.EBUSY, "still attached")


def _give_back(back: order.GiveBack, forced: bool) -> str:
    mounts = read_mounts()
    if any(loop.backing_device == back.device for loop in read_loops(mounts)) and not forced:
        return "a loop device stands on it"
    mount = mounted_as(back.device, mounts)
    return bounded(lambda: holders.end(back.pid, forced, f"{mount.point if mount else ''}/{back.path}"))


# Each answers why it failed, "" where it did not; the second argument is whether it may force its way.
_RELEASES: dict[type[order.Release], Callable[[Any, bool], str]] = {
    order.Move: _move,
    order.Unmount: _unmount,
    order.Detach: _detach,
    order.GiveBack: _give_back,
}


def _swap_off(path: str) -> str:
    return bounded(lambda: syscalls.swapoff(path))


def _all_swap_off(say: Say) -> None:
    for line in read_text("/proc/swaps").splitlines()[1:]:
        path = unescape(line.split()[0])
        trouble = _swap_off(path)
        say(WARNING if trouble else NOTICE, f"shutdown: swap off {path}: {trouble or 'done'}")


def bring_network_back(folder: str, say: Say) -> None:
    """Set up again what the real system may have taken down: the root's last writes go over it."""
    try:
        network = read_state(folder)
        if network.interfaces or network.made:
            restore(network, deadline=time.monotonic() + LONGEST_NETWORK, say=say)
    except NetworkError as error:
        say(ERROR, f"shutdown: {error.message}")


def connected(table: str) -> bool:
    """Whether /proc/net/tcp or tcp6 shows a connection whose other end has not heard of its end yet."""
    return any(line.split()[3] in _OPEN for line in table.splitlines()[1:])


def _close_connections() -> None:
    """Wait until the servers know that this machine has gone: the power is off soon, and they would wait for it."""
    deadline = time.monotonic() + FAREWELL
    while any(connected(read_text(f"/proc/net/{name}")) for name in ("tcp", "tcp6")) and time.monotonic() < deadline:
        time.sleep(0.02)


def release(verb: str, old_root: str, net_folder: str, say: Say) -> None:
    """Hand everything back; what could not be released is said on the console."""
    started = time.monotonic()
    bring_network_back(net_folder, say)
    left = release_all(old_root, say)
    if not left:
        _close_connections()
    if not left and verb in FINAL:
        keeper_release.give_back(read_state(net_folder), say)
    if left:
        bounded(os.sync)
        console.tell(["mkinitfs: NOT RELEASED:", *(f"  {line}" for line in left), "  the server may keep its locks"])
    else:
        say(NOTICE, f"shutdown: everything is released [{time.monotonic() - started:.2f} s]")


def finish(verb: str, old_root: str, net_folder: str, say: Say) -> None:
    """Hand everything back, then end the machine; does not return."""
    try:
        release(verb, old_root, net_folder, say)
    except Exception:  # a mistake of ours must not keep the machine from ending
        console.tell(["mkinitfs: the shutdown failed; this is a mistake in it. The server may keep its locks"])
        sys.__excepthook__(*sys.exc_info())
    end(verb, say)


def end(verb: str, say: Say) -> None:
    """End the machine; does not return. What cannot be done is followed by what is nearest to it."""
    for attempt in (verb, "reboot" if verb == "kexec" else "poweroff", "halt"):
        say(NOTICE, f"shutdown: {attempt}")
        try:
            syscalls.reboot(attempt)
        except OSError as error:
            say(ERROR, f"shutdown: {attempt}: {error.strerror}")
    while True:
        signal.pause()
