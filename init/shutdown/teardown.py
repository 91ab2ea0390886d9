"""The teardown's effects: what shutdown.plan() says, carried out, with nothing waiting for ever.

Each call that can hang on a dead server runs in a child process with a deadline. A busy mount is tried again,
then its holders are named and ended, then it is forced; what could not be released is said on the console.
"""

from __future__ import annotations

import errno
import os
import sys
import time

from init.container_lease import holder
from init.keeper import release as keeper_release
from init.network import record as network_record
from init.network import restore
from init.network import state as network_state
from init.shutdown import order
from init.shutdown.processes import kill_holders
from init.system import console, syscalls
from init.system.child import UNANSWERED, bounded
from init.system.cmodules import signal
from init.system.files import read_text
from init.system.log import ERROR, INFO, NOTICE, WARNING
from init.system.mount_table import read_loops, read_mounts, unescape
from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    from init.system.log import Say

FORCED = "; forced"
FORCED_PATIENCE = 5.0
FAREWELL = 2.0  # seconds for the kernel to close its connections: it does so after unmounting, in a thread of its own
_OPEN = ("01", "04")  # /proc/net/tcp: ESTABLISHED, FIN_WAIT1 (include/net/tcp_states.h)
FINAL = ("poweroff", "halt")  # a machine that comes back at once keeps its lease and with it its address
# Seconds since the teardown began. A server that is away for half a minute loses nothing; a machine whose server
# never comes back still ends within two.
END_HOLDERS_AFTER, FORCE_AFTER, GIVE_UP_AFTER = 5.0, 30.0, 60.0


def release_all(old_root: str, say: Say) -> list[str]:
    """Release everything; answers what could not be released, one line each, empty when all is well."""
    syscalls.mount("", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
    _swap_off(say)
    started, delay, ended = time.monotonic(), 0.05, False
    troubles: dict[str, str] = {}
    hidden: dict[order.Unmount, str] = {}  # out of the mount table, but perhaps not released
    while (elapsed := time.monotonic() - started) < GIVE_UP_AFTER:
        mounts = read_mounts()
        plan = order.plan(mounts, read_loops(mounts), old_root, holder.claims())
        if not plan:
            troubles = {}
            break
        before, troubles = troubles, {}
        for operation in plan:
            trouble = _release(operation, elapsed > FORCE_AFTER)
            if isinstance(operation, order.Unmount) and (UNANSWERED in trouble or FORCED in trouble):
                hidden[operation] = trouble
            elif trouble:
                troubles[operation.describe()] = trouble
            else:
                # With a loop device the kernel has let go of what was on it, too.
                gone = operation.path if isinstance(operation, order.Detach) else None
                hidden = {one: why for one, why in hidden.items() if one != operation and one.source != gone}
                say(operation.level, f"shutdown: {operation.describe()}")
        if troubles and elapsed > END_HOLDERS_AFTER and not ended:
            ended = True
            busy = [one for one in plan if isinstance(one, order.Unmount) and one.describe() in troubles]
            kill_holders(busy, say)
        if troubles and troubles == before:
            time.sleep(delay)
            delay = min(delay * 1.3, 1.0)
    troubles = {one.describe(): why for one, why in hidden.items()} | troubles
    return [f"{what}: {why}" for what, why in troubles.items()]


def _release(operation: order.Release, forced: bool) -> str:
    """Carry out one operation; answers why it failed, "" where it did not."""
    if isinstance(operation, order.Move):
        os.makedirs(operation.target, exist_ok=True)
        return bounded(lambda: syscalls.mount(operation.point, operation.target, "", syscalls.MS_MOVE))
    if isinstance(operation, order.Detach):
        return bounded(lambda: _detach(operation.path))
    if isinstance(operation, order.LetGo):
        mounts = read_mounts()
        if any(loop.backing_device == operation.device for loop in read_loops(mounts)) and not forced:
            return "a loop device stands on it"
        points = [mount.point for mount in mounts if mount.device == operation.device]
        return bounded(lambda: holder.end(operation.pid, forced, f"{''.join(points[:1])}/{operation.path}"))
    trouble = bounded(lambda: syscalls.umount2(operation.point, syscalls.MNT_DETACH if operation.lazy else 0))
    if trouble and forced:
        # MNT_FORCE has the network file system fail what it waits for; MNT_DETACH takes it out of sight and
        # lets the kernel finish as soon as nobody holds it any more.
        if not bounded(lambda: syscalls.umount2(operation.point, syscalls.MNT_FORCE), FORCED_PATIENCE):
            return ""
        bounded(lambda: syscalls.umount2(operation.point, syscalls.MNT_DETACH), FORCED_PATIENCE)
        return trouble + FORCED
    return trouble


def _detach(path: str) -> None:
    """Detach a loop device and see that it is gone: the kernel says yes even where it only will later."""
    syscalls.loop_clear(path)
    if read_text(f"/sys/block/{os.path.basename(path)}/loop/backing_file").strip():
        raise OSError(errno.EBUSY, "still attached")


def _swap_off(say: Say) -> None:
    for line in read_text("/proc/swaps").splitlines()[1:]:
        path = unescape(line.split()[0])
        trouble = bounded(lambda path=path: syscalls.swapoff(path))  # type: ignore[misc]
        say(WARNING if trouble else NOTICE, f"shutdown: swap off {path}: {trouble or 'done'}")


def bring_network_back(folder: str, say: Say) -> None:
    """Set up again what the real system may have taken down: the root's last writes go over it."""
    state = read_text(f"{folder}/state")
    if not state:
        return
    try:
        restore.restore(
            network_record.decode(state),
            deadline=time.monotonic() + 10,
            log=lambda line: say(INFO, f"network: {line}"),
        )
    except network_state.NetworkError as error:
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
        keeper_release.give_back(network_record.decode(read_text(f"{net_folder}/state")), say)
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
