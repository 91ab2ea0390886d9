"""The holders of this machine's container leases, as PID 1 starts and ends them (theory of operation: holder.py)."""

from __future__ import annotations

import errno
import os
import select
import time

from init.container_lease import holder, stale_connections
from init.container_lease.messages import NO_ANSWER, Answer, HolderNote
from init.container_lease.record import Record
from init.container_lease.record_file import remove_record
from init.network.state import Network
from init.system import child
from init.system.cmodules import signal
from init.system.files import read_text
from init.system.mount_table import mount_of, read_mounts
from init.system.places import BOOT_ID, HOLDERS, HOLDERS_AT_BOOT, PRODUCT_UUID
from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    from init import operations

LONGEST_TRY = 60.0  # seconds; a server that has not answered a try by then may answer the next
LONGEST_FAREWELL = 10.0  # seconds for a holder to give its lease back
LONGEST_MOVE = 10.0  # seconds for one to stand on the ramdisk


class Holders:
    """The holders that this process has started, by the containers' paths."""

    def __init__(self) -> None:
        self._pids: dict[str, int] = {}
        self._ended: list[str] = []  # records of this machine before a power cut whose connections were ended
        os.makedirs(HOLDERS_AT_BOOT, exist_ok=True)
        if not os.path.lexists(HOLDERS):
            os.symlink(HOLDERS_AT_BOOT, HOLDERS)  # where a teardown looks, on the ramdisk or, the boot failed, here

    def take(self, operation: operations.TakeContainerLease, network: Network) -> Answer:
        """Try for the lease that `operation` names. Raises OSError."""
        self.give_back(operation.path)  # what a failed try may have left
        answer, pid = _start(operation, identity(network))
        if answer.verdict == "ours" and answer.text not in self._ended:
            self._ended.append(answer.text)
            before = Record.decode(answer.text) or Record()
            stale_connections.end(before.ports, before.addresses)
        if pid:
            self._pids[operation.path] = pid
            _leave_note(pid, operation.path)
        return answer

    def give_back(self, path: str) -> None:
        """Give one back, if it is held; its container is not attached."""
        if pid := self._pids.pop(path, 0):
            if give_back(pid):
                child.kill(pid)
            else:
                os.waitpid(pid, 0)
            os.unlink(f"{HOLDERS_AT_BOOT}/{pid}")

    def go_over(self) -> None:
        """Send every holder to the staged ramdisk: the initramfs is about to go. Raises OSError."""
        for pid in self._pids.values():
            _go_over(pid)
        self._pids = {}


def identity(network: Network) -> Record:
    """This machine, as it is to stand in a record."""
    cards = {read_text(f"/sys/class/net/{name}/address").strip() for name in os.listdir("/sys/class/net")}
    host = os.uname().nodename
    return Record(
        host="" if host == "(none)" else host,
        addresses=" ".join(interface.address for interface in network.interfaces),
        macs=" ".join(sorted(cards - {"", "00:00:00:00:00:00"})),
        machine=read_text(PRODUCT_UUID).strip().lower(),
        boot=read_text(BOOT_ID).strip(),
        ports=stale_connections.ports(),
    )


def _start(operation: operations.TakeContainerLease, us: Record) -> tuple[Answer, int]:
    """Try for the lease; answers what became of it, and the holder's PID where it is held (else 0).

    Raises OSError where fork(2) fails.
    """
    pid, answers = child.start(lambda writer: holder.hold(operation, us, writer))
    said, ended = child.read(answers, LONGEST_TRY)
    os.close(answers)
    answer = Answer.decode(said) if said and ended else NO_ANSWER
    if answer.verdict == "granted":
        return answer, pid
    child.kill(pid)
    return answer, 0


def _leave_note(pid: int, path: str) -> None:
    """Leave word of the holder of `path` for notes()."""
    mount = mount_of(path, read_mounts())
    device, below = (mount.device, path[len(mount.point) + 1 :]) if mount else ("0:0", path)
    with open(f"{HOLDERS_AT_BOOT}/{pid}", "w", errors="surrogateescape") as file:
        file.write(HolderNote(pid, device, below).encode())


def _go_over(pid: int) -> None:
    """Have a holder leave the initramfs for the staged ramdisk; it is there when this returns."""
    before = os.readlink(f"/proc/{pid}/root")
    os.kill(pid, holder.GO_OVER)
    deadline = time.monotonic() + LONGEST_MOVE
    while os.readlink(f"/proc/{pid}/root") == before and time.monotonic() < deadline:
        time.sleep(0.002)


def notes() -> list[HolderNote]:
    """Of every holder that went over to the ramdisk, asked there."""
    try:
        names = os.listdir(HOLDERS)
    except FileNotFoundError:
        return []
    texts = [(int(name), read_text(f"{HOLDERS}/{name}")) for name in names]
    return [HolderNote.decode(pid, text) for pid, text in texts if text]  # none: it was removed meanwhile


def give_back(pid: int) -> str:
    """Have a holder give its lease back and wait for its end; answers what went wrong, "" for nothing."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return ""
    try:
        os.kill(pid, holder.GIVE_BACK)
        poll = select.poll()
        poll.register(process, select.POLLIN)
        return "" if poll.poll(LONGEST_FAREWELL * 1000) else f"not within {LONGEST_FAREWELL:g} s"
    finally:
        os.close(process)


def end(pid: int, forced: bool, path: str) -> None:
    """Have one of notes() end, the lease with it; its container is at `path` now. Raises OSError where it does not."""
    if trouble := give_back(pid):
        if not forced:
            raise OSError(errno.ETIMEDOUT, trouble)
        os.kill(pid, signal.SIGKILL)
    os.unlink(f"{HOLDERS}/{pid}")
    folder_path, _, name = path.rpartition("/")
    try:
        folder = os.open(folder_path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        remove_record(folder, name, read_text(BOOT_ID).strip())  # where an init has killed the holder
    except OSError:
        pass
