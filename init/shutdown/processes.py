"""The processes that the real system left running, found and ended, and the users of a mount among them.

The holders of container leases stay: the teardown ends each when its loop device is gone (order.GiveBack).
"""

from __future__ import annotations

import os
import time

from init.container_lease import holders
from init.shutdown.order import Unmount
from init.system.cmodules import signal
from init.system.files import read_text
from init.system.log import WARNING, Say

SETTLING = 5.0  # seconds after either signal


def processes() -> list[int]:
    """Every user process but this one: kernel threads have no executable."""
    pids = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                os.readlink(f"/proc/{name}/exe")
            except OSError:
                continue
            pids.append(int(name))
    return pids


def end_processes(say: Say, settling: float = SETTLING) -> None:
    """End what the real system left running: SIGTERM, some time, SIGKILL.

    A process whose argv[0] begins with '@' serves the root and is spared until the second signal
    (systemd, ROOT_STORAGE_DAEMONS).
    """
    spared = {pid for pid in processes() if read_text(f"/proc/{pid}/cmdline").startswith("@")}
    needed = {note.pid for note in holders.notes()}
    for number in (signal.SIGTERM, signal.SIGKILL):
        pids = set(processes()) - needed - (spared if number == signal.SIGTERM else set())
        for pid in pids:
            send(pid, number)
        deadline = time.monotonic() + settling
        while pids & set(processes()) and time.monotonic() < deadline:
            _reap()
            time.sleep(0.02)
    _reap()
    left = [pid for pid in processes() if pid not in needed]
    if left:
        names = ", ".join(f"{pid} ({read_text(f'/proc/{pid}/comm').strip()})" for pid in left)
        say(WARNING, f"shutdown: processes that could not be ended: {names}")


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended."""
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


def users(point: str) -> list[int]:
    """The processes that keep what is mounted on `point` busy: root, folder, program or files.

    Told by the names the kernel keeps of them: to look at the files themselves would wait for a dead server.
    """
    pids = []
    for pid in processes():
        links = [f"/proc/{pid}/{name}" for name in ("root", "cwd", "exe")]
        try:
            links += [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue  # gone
        if any(f"{_target(link)}/".startswith(f"{point}/") for link in links):
            pids.append(pid)
    return pids


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


def kill_users(busy: list[Unmount], say: Say) -> None:
    """End what keeps these mounts busy, naming each."""
    needed = {note.pid for note in holders.notes()}
    for operation in busy:
        for pid in sorted(set(users(operation.point)) - needed):
            name = read_text(f"/proc/{pid}/comm").strip()
            say(WARNING, f"shutdown: {operation.point} is held by process {pid} ({name}), which is ended")
            send(pid, signal.SIGKILL)
