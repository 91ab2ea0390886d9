"""The holder of a container lease: a process of its own for each, from before the loop device until after it.

Theory of operation. One machine writes a container, or many read it: a file system in a file stands no second writer,
and no reader beside a writer. No share mode keeps one out (both clients' opens succeed); a byte-range lock far behind
the file's end does, where it reaches the server (lock.py): exclusive for a writer, shared for a reader.

PID 1 forks the holder (holders.py) before the loop device is attached, and hears what became of its try (Answer). The
holder opens the container itself, takes the lock itself and keeps both: cifs keeps locks by process and drops them at
that process's close. When the root is switched it goes over to the staged ramdisk as the image's entry point
/container_lease, with the same descriptors, and stands there with an argv[0] that begins with '@'
(ROOT_STORAGE_DAEMONS). The teardown has it give the lease back when the loop device is gone. Only GIVE_BACK and SIGKILL
end it: an init that ends all processes first still has the file system mounted.

Beside the container lies a Record that says who writes (record.py). It is never trusted as a lock: it is the name to be
shown, and tells three cases apart where the lock is free:

- no record: the last holder has given the lease back, and it is there to be taken;
- a record of another machine: that machine was cut off, or the server was restarted and has forgotten its locks. It
  takes its lock again as soon as it sees that (watch.py), so a newcomer holds back for a while first (admission.py);
- our own: we were switched off the hard way; what was ours is taken at once, unless the one that left it answers.

Who has seen that nobody claims the lock, puts its own record in that one's place, or, a reader, removes it: so that the
next newcomer need not wait again, and that a writer which comes back knows that it is too late.

A server may grant every lock to everybody (Samba's `locking = no`). That is found out before any of this is believed.

A lease that is lost in spite of all this is another machine's: fence.py stops what is still written here.
"""

from __future__ import annotations

import errno
import os
import sys
import time

from init.container_lease import fence, lent, lock, stale_connections
from init.container_lease.beside import Beside
from init.container_lease.messages import UNKEPT, Answer, Held
from init.container_lease.record import Record
from init.container_lease.record_file import SUFFIX, ask, read_record, remove_left_record, remove_record, write_record
from init.container_lease.watch import GRACE, Act, watch
from init.system import child, syscalls
from init.system.cmodules import signal
from init.system.files import read_text
from init.system.log import ALERT, WARNING
from init.system.mount_table import mounted_as, parse_mountinfo, read_mounts, server_of
from init.system.places import HOLDER, HOLDERS, RAMDISK
from init.system.stdlib import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from init import operations

GIVE_BACK, GO_OVER = signal.SIGUSR1, signal.SIGUSR2
_IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGQUIT, signal.SIGALRM)
_TRIES = 4  # for EAGAIN, cifs's word while it connects again


def hold(operation: operations.TakeContainerLease, us: Record, writer: int) -> None:
    """Try for the lease, answer on the pipe `writer`, and keep what was granted; returns only without."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (GIVE_BACK, GO_OVER))
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    os.setsid()
    syscalls.mark_root_storage_daemon()
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("-1000")  # a lock that is lost to a shortage of memory is a file system lost
        answer, held = _try(operation, us)
    except OSError as error:
        answer, held = Answer("failed", error.strerror or "", error.errno or 0), None
    os.write(writer, answer.encode())
    os.close(writer)
    if held:
        _keep(held)


def main() -> None:
    """Go on, on the ramdisk, with what was held before."""
    syscalls.mark_root_storage_daemon()
    held = Held.decode(sys.argv[1:])
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    _keep(held)


def _try(operation: operations.TakeContainerLease, us: Record) -> tuple[Answer, Held | None]:
    """Open the container and take the lock, if it may be taken. Raises OSError."""
    folder_path, _, name = operation.path.rpartition("/")
    # O_PATH: nothing is opened on the server for it
    folder = os.open(folder_path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    file = _open(name, operation.write, folder)
    mount = mounted_as(syscalls.device_of(file), read_mounts())
    if why := lock.kept_local(mount):
        return Answer("local", why), None
    outcome = _take_lock(file, operation.write)
    # SMB stacks shared locks, each to be held and pushed by itself: what is asked for again and again lies beside then.
    stacking = outcome == "granted" and (not operation.write or lock.take(file, write=True) == "granted")
    on_smb = mount is not None and mount.fstype in lock.SMB
    # Through SMB 1's UNIX extensions, whose locks are a process's, nothing shows from here: they are believed.
    doubtful = mount is not None and on_smb and stacking and "unix" not in mount.super_options
    if doubtful and not _is_kept(file, folder, name, write=operation.write):
        return Answer("local", UNKEPT), None
    text = read_record(folder, name)
    if refusal := _refusal(outcome, text, us, operation):
        return (_ask(refusal, folder, name) if refusal.verdict == "ours" else refusal), None
    held = Held(file, folder, operation.write, stacking, stacking and on_smb, False, us.boot, name)
    if not operation.write:
        return Answer("granted", _remove_left_record(held, text)), held
    said = _leave_record(held, us._replace(task=operation.task))
    return Answer("granted", said), held._replace(named=not said)


def _is_kept(file: int, folder: int, name: str, *, write: bool) -> bool:
    """Whether the server refuses what it has granted already; a reader that may not write has to believe it."""
    try:
        # What of SMB 1 was kept in this machine's memory goes to the server when the file is opened once more.
        other = _open(name, not write, folder)
    except OSError:
        return True
    try:
        if write:
            return lock.is_refused_twice(file, lock.OFFSET)
        return lock.take(other, write=True, offset=lock.PROBE) != "granted" or lock.is_refused_twice(other, lock.PROBE)
    finally:
        os.close(other)


def _open(name: str, write: bool, folder: int) -> int:
    """Open the container by flags that nobody else has: O_NONBLOCK means nothing for a file. Raises OSError.

    cifs lends a handle to a process that opens the same file with the same flags (cifs_open in fs/cifs/file.c), and
    after a server's restart the lock on one that the loop device had, too, was not asked for anew.
    """
    mode = os.O_RDWR if write else os.O_RDONLY
    return os.open(name, mode | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)


def _take_lock(file: int, write: bool) -> str:
    for _ in range(_TRIES):
        outcome = lock.take(file, write=write)
        if outcome != "EAGAIN":
            break
        time.sleep(0.5)
    return outcome


def _refusal(outcome: str, text: str, us: Record, operation: operations.TakeContainerLease) -> Answer | None:
    """Why the lease is not ours after the lock's `outcome`, with `text` beside the container; None where it is."""
    record = Record.decode(text)
    ours = False
    if record and record.is_machine(us):
        from init.container_lease import twin  # late: few boots need it

        ours = not twin.answers(record, us)
    if outcome in ("refused", "EAGAIN"):
        is_answered = record is not None and operation.asked and not record.asked
        return Answer("ours" if ours and not is_answered else "held", text)
    if outcome != "granted":
        return Answer("failed", f"the server grants no locks ({outcome})", getattr(errno, outcome, 0))
    return Answer("abandoned", text) if record and not ours and text != operation.over else None


def _ask(ours: Answer, folder: int, name: str) -> Answer:
    """Ask in the record that looks like this machine's, if nobody has: a twin that has the lock answers (beside.py)."""
    record = Record.decode(ours.text)
    if record and not record.asked:
        try:
            ask(folder, name)
        except OSError:
            pass  # it may not be written, or is no more
    return ours._replace(text=read_record(folder, name))


def _leave_record(held: Held, us: Record) -> str:
    """Say beside the container who writes it; answers what is to be known where that fails."""
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    try:
        write_record(held.folder, held.name, us._replace(since=now))
    except OSError as error:
        return f"{held.name}{SUFFIX} cannot be written, so nobody will be told whose it is: {error.strerror}"
    return ""


def _remove_left_record(held: Held, text: str) -> str:
    """Remove what a machine that does not write any more has left; answers what is to be known where that fails."""
    try:
        if Record.decode(text):
            remove_left_record(held.folder, held.name, text)
    except OSError as error:
        return (
            f"{held.name}{SUFFIX} cannot be removed from here ({error.strerror}): "
            f"until it is, every machine that reads waits {GRACE:g} s"
        )
    return ""


def _keep(held: Held) -> None:
    """Do as watch() says until the lease is given back or lost; does not return."""
    acts, beside = watch(held.stacking), Beside(held)
    act = next(acts)
    try:
        while True:
            outcome = _ACTS[act.do](held, act)
            # cifs: EACCES for a lock in the way, EAGAIN while it connects; POSIX: EAGAIN for a lock in the way
            if outcome == "EAGAIN" and held.stacking:
                outcome = "refused"
            if outcome not in ("granted", "refused"):
                outcome = "gone"
            elif act.do in ("relock", "retake"):
                outcome = beside.after(act.do, outcome)
            act = acts.send(outcome)
    except StopIteration:
        pass
    lock.drop(held.file)
    _stop_writing(held)
    while True:
        _pause(held, 3600.0, lost=True)


def _wait(held: Held, act: Act) -> str:
    _pause(held, act.seconds)
    return "granted"


def _warn(held: Held, act: Act) -> str:
    lent.say(WARNING, f"lease: {held.name}: {act.text}")
    return "granted"


def _relock(held: Held, _: Act) -> str:
    if not held.beside:
        return lock.take(held.file, write=held.write)
    outcome = lock.take(held.file, write=False, offset=lock.BESIDE)
    lock.drop(held.file, lock.BESIDE)
    return outcome


def _retake(held: Held, _: Act) -> str:
    lock.drop(held.file)
    outcome = lock.take(held.file, write=held.write)
    if outcome == "granted" and held.write:
        _name_ports(held)
    return outcome


def _reopen(held: Held, _: Act) -> str:
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


_ACTS: dict[str, Callable[[Held, Act], str]] = {
    "wait": _wait, "warn": _warn, "relock": _relock, "reopen": _reopen, "retake": _retake,
}  # fmt: skip


def _name_ports(held: Held) -> None:
    """Have the record name the connections of now; those that it names were lost when the server was."""
    record = Record.decode(read_record(held.folder, held.name))
    try:
        with lent.Folders("proc"):
            proc = f"{lent.HERE}/proc"
            mounts = parse_mountinfo(read_text(f"{proc}/1/mountinfo"))
            server = server_of(mounted_as(syscalls.device_of(held.folder), mounts))
            ports = stale_connections.ports(proc, server)
        if record and record.boot == held.boot:
            write_record(held.folder, held.name, record._replace(ports=ports))
    except (OSError, ValueError):  # ValueError: a mount table that cannot be read
        pass  # a machine that comes back waits for the server then


def _stop_writing(held: Held) -> None:
    """The lease is lost: stop what is written to the container, and say what came of it."""
    record = Record.decode(read_record(held.folder, held.name))
    by = record.describe() if record and record.boot != held.boot else "another machine"
    if held.write:
        what = (*fence.stop(held.file), "what was not on the server by now is not saved")
    else:
        what = ("what is read here is being written there: start this machine again",)
    lines = (f"THE LEASE ON {held.name} IS LOST to {by}", *what)
    lent.say(ALERT, f"lease: {'; '.join(lines)}", console=(f"mkinitfs: {lines[0]}", *(f"  {line}" for line in what)))


def _pause(held: Held, seconds: float, *, lost: bool = False) -> None:
    """Wait, or do what a signal asks for."""
    got = signal.sigtimedwait((GIVE_BACK, GO_OVER), seconds)
    if got is None:
        return
    if got.si_signo == GO_OVER:
        _go_over(held)
    if held.write and not lost:
        remove_record(held.folder, held.name, held.boot)
    os._exit(0)


def _go_over(held: Held) -> None:
    """Become the same holder on the staged ramdisk; does not return."""
    for descriptor in (held.file, held.folder):
        os.set_inheritable(descriptor, True)
    os.chroot(RAMDISK)
    os.chdir("/")
    # Nothing of /dev, which could not be unmounted as long as we live.
    nothing = os.open(f"{HOLDERS}/{os.getpid()}", os.O_RDONLY)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.setpriority(os.PRIO_PROCESS, 0, 10)  # the processor is the real init's while it starts
    child.become_python(HOLDER, *held.encode())
