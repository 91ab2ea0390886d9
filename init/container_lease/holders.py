"""The claimants that PID 1 has started (claimant.py), one for each container, and who this machine is."""

from __future__ import annotations

import os
import select
import sys
import time

from init.container_lease import holder, stale_connections
from init.container_lease.record import Answer, Record, decode
from init.system.cmodules import signal
from init.system.files import read_text
from init.system.mount_table import mount_of, parse_mountinfo
from init.system.places import BOOT_ID, HOLDERS, HOLDERS_AT_BOOT
from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    from init import operations
    from init.network.state import Network


class Claims:
    """What this machine holds, by the containers' paths."""

    def __init__(self) -> None:
        self._held: dict[str, int] = {}
        self._ended: list[str] = []  # records of this machine before a power cut whose connections were ended
        os.makedirs(HOLDERS_AT_BOOT, exist_ok=True)
        if not os.path.lexists(HOLDERS):
            os.symlink(HOLDERS_AT_BOOT, HOLDERS)  # where a teardown looks, on the ramdisk or, the boot failed, here

    def claim(self, operation: operations.Claim, network: Network) -> Answer:
        """Try for the lease that `operation` names. Raises OSError."""
        self.give_up(operation.path)  # what a failed try may have left
        answer, child = _start(operation, identity(network))
        if answer.verdict == "ours" and answer.text not in self._ended:
            self._ended.append(answer.text)
            before = decode(answer.text) or Record()
            stale_connections.end(before.ports, before.addresses)
        if child:
            self._held[operation.path] = child
            _note(child, operation.path)
        return answer

    def give_up(self, path: str) -> None:
        """Give one back, if it is held."""
        if child := self._held.pop(path, 0):
            _give_up(child)
            os.unlink(f"{HOLDERS_AT_BOOT}/{child}")

    def go_over(self) -> None:
        """Send every claimant to the staged ramdisk: the initramfs is about to go. Raises OSError."""
        for child in self._held.values():
            _go_over(child)
        self._held = {}


def identity(network: Network) -> Record:
    """This machine, as it is to stand in a record."""
    cards = {read_text(f"/sys/class/net/{name}/address").strip() for name in os.listdir("/sys/class/net")}
    host = os.uname().nodename
    return Record(
        host="" if host == "(none)" else host,
        addresses=" ".join(interface.address for interface in network.interfaces),
        macs=" ".join(sorted(cards - {"", "00:00:00:00:00:00"})),
        machine=read_text("/sys/class/dmi/id/product_uuid").strip().lower(),
        boot=read_text(BOOT_ID).strip(),
        ports=stale_connections.ports(),
    )


def _start(operation: operations.Claim, us: Record, seconds: float = 60.0) -> tuple[Answer, int]:
    """Try for the lease; answers what became of it, and the claimant's PID where it is held (else 0).

    A server that does not answer within `seconds` is a failure that may pass. Raises OSError where fork(2) fails.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            holder.live(operation, us, writer)
        except BaseException:  # nobody above may go on as PID 1
            sys.__excepthook__(*sys.exc_info())
        finally:
            os._exit(1)
    os.close(writer)
    said = _read_all(reader, seconds)
    os.close(reader)
    verdict, _, text = (said or "failed 110 the server does not answer").partition(" ")
    number, _, text = text.partition(" ")
    if verdict != "granted":
        _end(child)
        child = 0
    return Answer(verdict, text, int(number or 0)), child


def _read_all(reader: int, seconds: float) -> str:
    """What a pipe brings until its end, "" where that takes too long."""
    poll, data, end = select.poll(), b"", time.monotonic() + seconds
    poll.register(reader, select.POLLIN)
    while poll.poll(max(0.0, end - time.monotonic()) * 1000):
        more = os.read(reader, 8192)
        if not more:
            return data.decode(errors="replace")
        data += more
    return ""


def _end(child: int, seconds: float = 5.0) -> None:
    """Kill a child and reap it; one that is stuck in the kernel is left behind."""
    os.kill(child, signal.SIGKILL)
    end = time.monotonic() + seconds
    while not os.waitpid(child, os.WNOHANG)[0] and time.monotonic() < end:
        time.sleep(0.005)


def _give_up(pid: int) -> None:
    """End a claimant of ours whose container is not attached, and its lease with it."""
    if holder.let_go(pid):
        _end(pid)
    else:
        os.waitpid(pid, 0)


def _note(pid: int, path: str) -> None:
    """Leave word of the claimant of `path` for whoever ends it (claimant.claims())."""
    mount = mount_of(path, parse_mountinfo(read_text("/proc/self/mountinfo")))
    device, below = (mount.device, path[len(mount.point) + 1 :]) if mount else ("0:0", path)
    with open(f"{HOLDERS_AT_BOOT}/{pid}", "w", errors="surrogateescape") as file:
        file.write(f"{device} {below}")


def _go_over(pid: int) -> None:
    """Have a claimant leave the initramfs for the staged ramdisk; it is there when this returns."""
    before = os.readlink(f"/proc/{pid}/root")
    os.kill(pid, holder.GO_OVER)
    end = time.monotonic() + 10.0
    while os.readlink(f"/proc/{pid}/root") == before and time.monotonic() < end:
        time.sleep(0.002)
