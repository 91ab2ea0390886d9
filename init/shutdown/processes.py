"""What the real system left running: found, ended."""

from __future__ import annotations

import os
import time

from init.container_lease import holder
from init.shutdown import order
from init.system.cmodules import signal
from init.system.files import read_text
from init.system.log import WARNING
from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    from init.system.log import Say


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
    needed = {claim.pid for claim in holder.claims()}  # until the loop device is gone: release_all() ends them
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
        say(WARNING, f"shutdown: processes that could not be ended: {names}")


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


def kill_holders(busy: list[order.Unmount], say: Say) -> None:
    """End what keeps these mounts busy, naming each."""
    needed = {claim.pid for claim in holder.claims()}  # for as long as a loop device stands there: _release()
    for operation in busy:
        for pid in sorted(set(holders(operation.point)) - needed):
            name = read_text(f"/proc/{pid}/comm").strip()
            say(WARNING, f"shutdown: {operation.point} is held by process {pid} ({name}), which is ended")
            _signal(pid, signal.SIGKILL)
