"""Whoever holds the lease on a container: a process of its own for each, from before the loop device until after it.

claims.py forks it and hears what became of its try (claim.Answer). It opens the container itself, takes the lock itself
and keeps both: cifs keeps locks by process and drops them at that process's close. The root switched, it goes over to
the staged ramdisk as the image's entry point /claimant, with the same descriptors, and stands there with
an argv[0] that begins with '@' (ROOT_STORAGE_DAEMONS); the teardown ends it when the loop device is gone. Only
LET_GO and SIGKILL end it: an init that ends all processes first still has the file system mounted.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
import sys
import time

from init.container_lease import fence, record, stale_connections, watch
from init.container_lease.record import Answer, Claim, Record
from init.container_lease.record_file import read_record, remove_record, write_record
from init.system import syscalls
from init.system.cmodules import signal
from init.system.files import read_text
from init.system.log import ALERT
from init.system.places import BOOT_ID, HOLDER, HOLDERS, RAMDISK
from init.system.stdlib import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from init import operations

LET_GO, GO_OVER = signal.SIGUSR1, signal.SIGUSR2
_F_OFD_SETLK = 37
_DEAF = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGQUIT, signal.SIGALRM)
_TRIES = 4  # for EAGAIN, cifs's word while it connects again


class Held(NamedTuple):
    """What a claimant holds: descriptors of the container and its folder; how it locks; whose record it has left."""

    file: int
    folder: int
    write: bool
    stacking: bool
    beside: bool
    boot: str
    name: str


def lock(file: int, kind: int, offset: int = record.OFFSET) -> str:
    """Ask for the lease's lock as `kind` (fcntl.F_*LCK); answers "granted", "refused", or else the errno's name.

    An open file description's lock: only such a one may be asked for twice, which is how watch() looks after it.
    """
    wanted = struct.pack("@hhqqi4x", kind, os.SEEK_SET, offset, record.LENGTH, 0)  # struct flock
    try:
        fcntl.fcntl(file, _F_OFD_SETLK, wanted)
    except OSError as error:
        return "refused" if error.errno == errno.EACCES else errno.errorcode.get(error.errno or 0, "EIO")
    return "granted"


def let_go(pid: int, seconds: float = 10.0) -> str:
    """Have a claimant give its lease back and wait for its end; answers what went wrong, "" for nothing."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return ""
    try:
        os.kill(pid, LET_GO)
        poll = select.poll()
        poll.register(process, select.POLLIN)
        return "" if poll.poll(seconds * 1000) else f"not within {seconds:g} s"
    finally:
        os.close(process)


def live(operation: operations.Claim, us: Record, writer: int) -> None:
    """Try, say what became of it, and keep what was granted; returns only without."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (LET_GO, GO_OVER))
    for deaf in _DEAF:
        signal.signal(deaf, signal.SIG_IGN)
    os.setsid()
    syscalls.mark_root_storage_daemon()
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("-1000")  # a lock that is lost to a shortage of memory is a file system lost
        answer, held = _try(operation, us)
    except OSError as error:
        answer, held = Answer("failed", error.strerror or "", error.errno or 0), None
    os.write(writer, f"{answer.verdict} {answer.errno} {answer.text}".encode(errors="replace"))
    os.close(writer)
    if held:
        _keep(held)


def _try(operation: operations.Claim, us: Record) -> tuple[Answer, Held | None]:
    """Open the container and take the lock, if it may be taken. Raises OSError."""
    folder_path, _, name = operation.path.rpartition("/")
    # O_PATH: nothing is opened on the server for it
    folder = os.open(folder_path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    file = _open(name, operation.write, folder)
    mountinfo, device = read_text("/proc/self/mountinfo"), syscalls.device_of(file)
    if why := record.kept_local(mountinfo, device):
        return Answer("local", why), None
    kind = fcntl.F_WRLCK if operation.write else fcntl.F_RDLCK
    for _ in range(_TRIES):
        outcome = lock(file, kind)
        if outcome != "EAGAIN":
            break
        time.sleep(0.5)
    text = read_record(folder, name)
    found = record.decode(text)
    ours = found is not None and found.is_machine(us)
    if outcome in ("refused", "EAGAIN"):
        return Answer("ours" if ours else "held", text), None
    if outcome != "granted":
        return Answer("failed", f"the server grants no locks ({outcome})", getattr(errno, outcome, 0)), None
    if found and not ours and text != operation.over:
        return Answer("abandoned", text), None
    # SMB stacks shared locks, each to be held and pushed by itself: what is asked for again and again lies beside then.
    stacking = not operation.write or lock(file, kind) == "granted"
    beside = stacking and record.kind_of(mountinfo, device) in record.SMB
    trouble = ""
    if operation.write:
        now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        try:
            write_record(folder, name, us._replace(since=now).encode(name))
        except OSError as error:
            trouble = f"{name}{record.SUFFIX} cannot be written, so nobody will be told whose it is: {error.strerror}"
    return Answer("granted", trouble), Held(file, folder, operation.write, stacking, beside, us.boot, name)


def _open(name: str, write: bool, folder: int) -> int:
    """Open the container by flags that nobody else has: O_NONBLOCK means nothing for a file. Raises OSError.

    cifs lends a handle to whoever opens the same file with the same flags (cifs_open in fs/cifs/file.c), and after a
    server's restart the lock on one that the loop device had, too, was not asked for anew.
    """
    mode = os.O_RDWR if write else os.O_RDONLY
    return os.open(name, mode | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)


def _keep(held: Held) -> None:
    """Do as watch() says until LET_GO; does not return."""
    kind = fcntl.F_WRLCK if held.write else fcntl.F_RDLCK
    outcome = ""
    acts = watch.watch(held.stacking)
    act = next(acts)
    try:
        while True:
            if act.do == "wait":
                _pause(held, act.seconds)
            elif act.do == "say":
                fence.say(act.level, f"lease: {held.name}: {act.text}")
            elif act.do == "reopen":
                outcome = _reopen(held)
            elif act.do == "relock" and held.beside:
                outcome = lock(held.file, fcntl.F_RDLCK, record.OFFSET + record.LENGTH)
                lock(held.file, fcntl.F_UNLCK, record.OFFSET + record.LENGTH)
            else:
                if act.do == "retake":
                    lock(held.file, fcntl.F_UNLCK)
                outcome = lock(held.file, kind)
                if act.do == "retake" and outcome == "granted" and held.write:
                    _name_ports(held)
            # cifs: EACCES for a lock in the way, EAGAIN while it connects; POSIX: EAGAIN for a lock in the way
            if outcome == "EAGAIN" and held.stacking:
                outcome = "refused"
            act = acts.send(outcome if outcome in ("granted", "refused") else "gone")
    except StopIteration:
        pass
    text = read_record(held.folder, held.name)
    found = record.decode(text)
    by = found.describe() if found and found.boot != held.boot else "another machine"
    if held.write:
        what = (*fence.stop(held.file), "what was not on the server by now is not saved")
    else:
        what = ("what is read here is being written there: start this machine again",)
    lines = (f"THE LEASE ON {held.name} IS LOST to {by}", *what)
    fence.say(ALERT, f"lease: {'; '.join(lines)}", console=(f"mkinitfs: {lines[0]}", *(f"  {line}" for line in what)))
    while True:
        _pause(held, 3600.0, lost=True)


def _name_ports(held: Held) -> None:
    """Have the record name the connections of now; those that it names were lost when the server was."""
    found = record.decode(read_record(held.folder, held.name))
    try:
        with fence.Folders("proc"):
            proc = f"{fence.HERE}/proc"
            server = record.server_of(read_text(f"{proc}/1/mountinfo"), syscalls.device_of(held.folder))
            ports = stale_connections.ports(proc, server)
        if found and found.boot == held.boot:
            write_record(held.folder, held.name, found._replace(ports=ports).encode(held.name))
    except OSError:
        pass  # a machine that comes back waits for the server then


def _pause(held: Held, seconds: float, *, lost: bool = False) -> None:
    """Wait, or do what a signal asks for."""
    got = signal.sigtimedwait((LET_GO, GO_OVER), seconds)
    if got is None:
        return
    if got.si_signo == LET_GO:
        if held.write and not lost:
            remove_record(held.folder, held.name, held.boot)
        os._exit(0)
    for descriptor in held[:2]:
        os.set_inheritable(descriptor, True)
    os.chroot(RAMDISK)
    os.chdir("/")
    # Nothing of /dev, which could not be unmounted as long as we live.
    nothing = os.open(f"{HOLDERS}/{os.getpid()}", os.O_RDONLY)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.setpriority(os.PRIO_PROCESS, 0, 10)  # the processor is the real init's while it starts
    words = [str(int(value)) for value in held[:5]]
    os.execve(sys.executable, [sys.executable, "-ISB", HOLDER, *words, held.boot, held.name], {})


def main() -> None:
    """Go on, on the ramdisk, with what was held before."""
    syscalls.mark_root_storage_daemon()
    file, folder, write, stacking, beside = (int(word) for word in sys.argv[1:6])
    boot, name = sys.argv[6:8]
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    _keep(Held(file, folder, bool(write), bool(stacking), bool(beside), boot, name))


def _reopen(held: Held) -> str:
    """Open the file anew in the old descriptor's place.

    To read through the old one would have the client open it again, too, but kernel 6.12's cifs was seen not to come
    back from such a read.
    """
    try:
        new = _open(held.name, held.write, held.folder)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "EIO")
    os.dup2(new, held.file, inheritable=False)
    os.close(new)
    return "granted"


def claims() -> list[Claim]:
    """The claimants that went over to the ramdisk, asked there."""
    found = []
    try:
        for pid in os.listdir(HOLDERS):
            with open(f"{HOLDERS}/{pid}", errors="surrogateescape") as file:
                device, _, name = file.read().partition(" ")
            found.append(Claim(int(pid), device, name))
    except FileNotFoundError:
        pass
    return found


def end(pid: int, forced: bool, path: str) -> None:
    """Have one of claims() end, the lease with it; its container is at `path` now. Raises OSError where it does not."""
    if trouble := let_go(pid):
        if not forced:
            raise OSError(errno.ETIMEDOUT, trouble)
        os.kill(pid, signal.SIGKILL)
    os.unlink(f"{HOLDERS}/{pid}")
    folder_path, _, name = path.rpartition("/")
    try:
        folder = os.open(folder_path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        remove_record(folder, name, read_text(BOOT_ID).strip())  # where an init has killed the claimant
    except OSError:
        pass
