"""The teardown's effects: what shutdown.plan() says, carried out, with nothing waiting for ever.

Each call that can hang on a dead server runs in a child process with a deadline. A busy mount is tried again,
then its holders are named and ended, then it is forced; what could not be released is said on the console.
"""

from __future__ import annotations

import errno
import os
import select
import sys
import time

from . import claimant, console, keeper, kernel, netrestore, netstate, shutdown
from .cheap import TYPE_CHECKING, signal
from .drivers import read_text
from .mounts import LoopDevice, MountPoint, mount_of, parse_mountinfo, unescape

if TYPE_CHECKING:
    from collections.abc import Callable

    Say = Callable[[int, str], None]

FORCED, UNANSWERED = "; forced", "no answer within"
PATIENCE = 20.0  # seconds for one call; an unmount that writes back to a slow share needs some
FORCED_PATIENCE = 5.0
FAREWELL = 2.0  # seconds for the kernel to close its connections: it does so after unmounting, in a thread of its own
_OPEN = ("01", "04")  # /proc/net/tcp: ESTABLISHED, FIN_WAIT1 (include/net/tcp_states.h)
FINAL = ("poweroff", "halt")  # a machine that comes back at once keeps its lease and with it its address
# Seconds since the teardown began. A server that is away for half a minute loses nothing; a machine whose server
# never comes back still ends within two.
END_HOLDERS_AFTER, FORCE_AFTER, GIVE_UP_AFTER = 5.0, 30.0, 60.0



def read_mounts() -> tuple[MountPoint, ...]:
    """The mount table as it is now."""
    return parse_mountinfo(read_text("/proc/self/mountinfo"))


def read_loops(mounts: tuple[MountPoint, ...]) -> tuple[LoopDevice, ...]:
    """The attached loop devices; where their files lie is told by their names.

    The device itself would ask the file's server (LOOP_GET_STATUS64 looks at the file's attributes), which may be gone.
    """
    found = []
    for name in sorted(os.listdir("/sys/block")):
        backing_file = read_text(f"/sys/block/{name}/loop/backing_file").strip()
        if backing_file:
            own = read_text(f"/sys/block/{name}/dev").strip()
            mount = mount_of(backing_file, mounts)
            found.append(LoopDevice(f"/dev/{name}", own, mount.device if mount else "0:0", backing_file))
    return tuple(found)


def release_all(old_root: str, say: Say) -> list[str]:
    """Release everything; answers what could not be released, one line each, empty when all is well."""
    kernel.mount("", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    _swap_off(say)
    started, delay, ended = time.monotonic(), 0.05, False
    troubles: dict[str, str] = {}
    hidden: dict[shutdown.Unmount, str] = {}  # out of the mount table, but perhaps not released
    while (elapsed := time.monotonic() - started) < GIVE_UP_AFTER:
        mounts = read_mounts()
        plan = shutdown.plan(mounts, read_loops(mounts), old_root, claimant.claims())
        if not plan:
            troubles = {}
            break
        before, troubles = troubles, {}
        for operation in plan:
            trouble = _release(operation, elapsed > FORCE_AFTER)
            if isinstance(operation, shutdown.Unmount) and (UNANSWERED in trouble or FORCED in trouble):
                hidden[operation] = trouble
            elif trouble:
                troubles[operation.describe()] = trouble
            else:
                # With a loop device the kernel has let go of what was on it, too.
                gone = operation.path if isinstance(operation, shutdown.Detach) else None
                hidden = {one: why for one, why in hidden.items() if one != operation and one.source != gone}
                say(operation.level, f"shutdown: {operation.describe()}")
        if troubles and elapsed > END_HOLDERS_AFTER and not ended:
            ended = True
            busy = [one for one in plan if isinstance(one, shutdown.Unmount) and one.describe() in troubles]
            _end_holders(busy, say)
        if troubles and troubles == before:
            time.sleep(delay)
            delay = min(delay * 1.3, 1.0)
    troubles = {one.describe(): why for one, why in hidden.items()} | troubles
    return [f"{what}: {why}" for what, why in troubles.items()]


def _release(operation: shutdown.Release, forced: bool) -> str:
    """Carry out one operation; answers why it failed, "" where it did not."""
    if isinstance(operation, shutdown.Move):
        os.makedirs(operation.target, exist_ok=True)
        return bounded(lambda: kernel.mount(operation.point, operation.target, "", kernel.MS_MOVE))
    if isinstance(operation, shutdown.Detach):
        return bounded(lambda: _detach(operation.path))
    if isinstance(operation, shutdown.LetGo):
        mounts = read_mounts()
        if any(loop.backing_device == operation.device for loop in read_loops(mounts)) and not forced:
            return "a loop device stands on it"
        points = [mount.point for mount in mounts if mount.device == operation.device]
        return bounded(lambda: claimant.end(operation.pid, forced, f"{''.join(points[:1])}/{operation.path}"))
    trouble = bounded(lambda: kernel.umount2(operation.point, kernel.MNT_DETACH if operation.lazy else 0))
    if trouble and forced:
        # MNT_FORCE has the network file system fail what it waits for; MNT_DETACH takes it out of sight and
        # lets the kernel finish as soon as nobody holds it any more.
        if not bounded(lambda: kernel.umount2(operation.point, kernel.MNT_FORCE), FORCED_PATIENCE):
            return ""
        bounded(lambda: kernel.umount2(operation.point, kernel.MNT_DETACH), FORCED_PATIENCE)
        return trouble + FORCED
    return trouble


def _detach(path: str) -> None:
    """Detach a loop device and see that it is gone: the kernel says yes even where it only will later."""
    kernel.loop_clear(path)
    if read_text(f"/sys/block/{os.path.basename(path)}/loop/backing_file").strip():
        raise OSError(errno.EBUSY, "still attached")


def bounded(action: Callable[[], None], seconds: float = PATIENCE) -> str:
    """Run `action` in a child process, at most `seconds`; answers what went wrong, "" for nothing."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            action()
            os.write(writer, b"+")
        except OSError as error:
            os.write(writer, (error.strerror or str(error)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    ready = poll.poll(seconds * 1000)
    answer = os.read(reader, 4096) if ready else b""
    os.close(reader)
    if not ready:
        os.kill(child, signal.SIGKILL)  # reaped when it can be: it may be stuck in the kernel
        return f"{UNANSWERED} {seconds:g} s"
    os.waitpid(child, 0)
    return "" if answer == b"+" else answer.decode(errors="replace") or "the call ended without an answer"


def _swap_off(say: Say) -> None:
    for line in read_text("/proc/swaps").splitlines()[1:]:
        path = unescape(line.split()[0])
        trouble = bounded(lambda path=path: kernel.swapoff(path))  # type: ignore[misc]
        say(4 if trouble else 5, f"shutdown: swap off {path}: {trouble or 'done'}")


def processes() -> list[int]:
    """Every user process but this one: kernel threads have no executable."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                os.readlink(f"/proc/{name}/exe")
            except OSError:
                continue
            found.append(int(name))
    return found


def end_processes(say: Say, patience: float = 5.0) -> None:
    """End what the real system left running: SIGTERM, some time, SIGKILL.

    A process whose argv[0] begins with '@' serves the root and is spared until the second signal
    (systemd, ROOT_STORAGE_DAEMONS).
    """
    spared = {pid for pid in processes() if read_text(f"/proc/{pid}/cmdline").startswith("@")}
    needed = {claim.pid for claim in claimant.claims()}  # until the loop device is gone: release_all() ends them
    for number, seconds, victims in (
        (signal.SIGTERM, patience, set(processes()) - spared),
        (signal.SIGKILL, patience, None),
    ):
        pids = (victims if victims is not None else set(processes())) - needed
        for pid in pids:
            _signal(pid, number)
        deadline = time.monotonic() + seconds
        while pids & set(processes()) and time.monotonic() < deadline:
            _reap()
            time.sleep(0.02)
    _reap()
    left = [pid for pid in processes() if pid not in needed]
    if left:
        names = ", ".join(f"{pid} ({read_text(f'/proc/{pid}/comm').strip()})" for pid in left)
        say(4, f"shutdown: processes that could not be ended: {names}")


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def holders(point: str) -> list[int]:
    """The processes that keep what is mounted on `point` busy: root, folder, program or files.

    Told by the names the kernel keeps of them: to look at the files themselves would wait for a dead server.
    """
    found = []
    for pid in processes():
        links = [f"/proc/{pid}/{name}" for name in ("root", "cwd", "exe")]
        try:
            links += [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue  # gone
        if any(f"{_target(link)}/".startswith(f"{point}/") for link in links):
            found.append(pid)
    return found


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


def _end_holders(busy: list[shutdown.Unmount], say: Say) -> None:
    needed = {claim.pid for claim in claimant.claims()}  # for as long as a loop device stands there: _release()
    for operation in busy:
        for pid in sorted(set(holders(operation.point)) - needed):
            name = read_text(f"/proc/{pid}/comm").strip()
            say(4, f"shutdown: {operation.point} is held by process {pid} ({name}), which is ended")
            _signal(pid, signal.SIGKILL)


def bring_network_back(folder: str, say: Say) -> None:
    """Set up again what the real system may have taken down: the root's last writes go over it."""
    state = read_text(f"{folder}/state")
    if not state:
        return
    try:
        netrestore.restore(
            netstate.decode(state),
            deadline=time.monotonic() + 10,
            log=lambda line: say(6, f"network: {line}"),
        )
    except netstate.NetworkError as error:
        say(3, f"shutdown: {error.message}")


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
        keeper.give_back(netstate.decode(read_text(f"{net_folder}/state")), say)
    if left:
        bounded(os.sync)
        console.tell(["mkinitfs: NOT RELEASED:", *(f"  {line}" for line in left), "  the server may keep its locks"])
    else:
        say(5, f"shutdown: everything is released [{time.monotonic() - started:.2f} s]")


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
        say(5, f"shutdown: {attempt}")
        try:
            kernel.reboot(attempt)
        except OSError as error:
            say(3, f"shutdown: {attempt}: {error.strerror}")
    while True:
        signal.pause()
