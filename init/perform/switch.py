"""Leaving the initramfs: the real root becomes the root, and the initramfs's memory is given back.

The initramfs cannot be unmounted (ramfs-rootfs-initramfs.rst), so it is emptied instead, and only once the
real init has really started: where it cannot be executed a working shell must be left.
"""

from __future__ import annotations

import os
import stat

from init.operations import Supervise, SwitchRoot
from init.perform import ramdisk
from init.perform.machine import Machine
from init.system import child, syscalls
from init.system.cmodules import signal, socket
from init.system.log import ERROR, limit_kernel_log
from init.system.places import KEEPER, RAMDISK, SYSROOT
from init.system.spawn import PATH
from init.system.stdlib import Callable

# What systemd's INITRD_INTERFACE wants to find mounted in the new root.
KEPT = ("/dev", "/sys", "/run", "/proc")


def switch_root(machine: Machine, operation: SwitchRoot) -> None:
    """Become the real init; returns only by OSError."""
    _leave(machine)
    keeper = _leave_keeper(machine)
    try:
        become(operation.argv, machine.environment)
    except OSError:
        if keeper:
            os.kill(keeper, signal.SIGKILL)
            os.waitpid(keeper, 0)
        machine.renewal.start(machine.network)
        raise


def supervise(machine: Machine, operation: Supervise) -> None:
    """Start the real init in a namespace, and become its supervisor; returns only by OSError."""
    from init.shutdown.reboot_watch import install_and_send, receive  # late: few boots need it

    _leave(machine)
    ours, theirs = socket.socketpair()
    try:
        real_init = start_in_namespace(operation.argv, machine.environment, lambda: install_and_send(theirs))
        listener = receive(ours)
    finally:
        ours.close()
        theirs.close()
    become_supervisor(real_init, listener, machine.panic)


def _leave(machine: Machine) -> None:
    """The last things before the real init: no process of ours goes on in the initramfs."""
    if machine.patience:
        machine.patience.stop()
    if machine.drivers:
        machine.drivers.stop()
    machine.network = machine.renewal.stop(machine.network)
    if machine.holders and ramdisk.staged():
        machine.holders.go_over()
    machine.log.save()
    limit_kernel_log("ratelimit")  # the kernel's default


def _leave_keeper(machine: Machine) -> int:
    """Start the keeper where there is a network and a ramdisk to stand on; its PID, 0 for none.

    It keeps the DHCP leases (keeper/main.py) for as long as the system runs. It is there when this returns, since
    /run moves away next.
    """
    try:
        if machine.network.interfaces and ramdisk.staged():
            return child.executed(child.start_program(_become_keeper))
    except OSError as error:
        machine.say(ERROR, f"switch: nobody will keep the network: {error.strerror}")
    return 0


def _become_keeper() -> None:
    """On the staged ramdisk alone, writing to the kernel's log, behind the real init where both want the processor."""
    log = os.open("/dev/kmsg", os.O_WRONLY)
    null = os.open("/dev/null", os.O_RDONLY)
    for number, descriptor in ((0, null), (1, log), (2, log)):
        os.dup2(descriptor, number)
    os.setsid()
    os.chroot(RAMDISK)
    os.chdir("/")
    os.setpriority(os.PRIO_PROCESS, 0, 10)
    child.become_python(KEEPER)


def become(argv: tuple[str, ...], environment: dict[str, str]) -> None:
    """Make /sysroot the root and execute `argv`; returns only by OSError, and then everything is as before."""
    old_root = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    started, starting = os.pipe2(os.O_CLOEXEC)
    freeing = os.fork()
    if freeing == 0:
        _free_initramfs(old_root, started, starting)
    os.close(started)
    moved: list[str] = []
    try:
        _move_into(SYSROOT, KEPT, moved)
        _make_root(SYSROOT)
        os.execve(argv[0], argv, environment)
    except OSError:
        os.write(starting, b"-")  # nothing is to be freed
        os.close(starting)
        os.waitpid(freeing, 0)
        _move_back(old_root, moved)
        raise


def _free_initramfs(old_root: int, started: int, starting: int) -> None:
    """In a child: wait until the pipe is closed by a successful exec, then empty the old root."""
    try:
        os.close(starting)
        if os.read(started, 1) == b"":
            empty(old_root)
    finally:
        os._exit(0)


def _move_into(new_root: str, points: tuple[str, ...], moved: list[str]) -> None:
    for point in points:
        target = new_root + point
        if not os.path.isdir(target):
            try:
                os.mkdir(target)
            except OSError as error:
                raise OSError(error.errno, f"the root has no folder {point} to mount on", target) from error
        syscalls.mount(point, target, "", syscalls.MS_MOVE)
        moved.append(point)


def _make_root(new_root: str) -> None:
    os.chdir(new_root)
    syscalls.mount(".", "/", "", syscalls.MS_MOVE)
    os.chroot(".")
    os.chdir("/")


def _move_back(old_root: int, moved: list[str]) -> None:
    """Undo a switch that failed, whether or not the root has changed: back to the initramfs."""
    new_root = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    if os.path.sameopenfile(new_root, old_root):
        for point in moved:
            syscalls.mount(SYSROOT + point, point, "", syscalls.MS_MOVE)
        return
    os.fchdir(old_root)
    os.chroot(".")
    os.fchdir(new_root)
    for point in moved:
        syscalls.mount(point[1:], point, "", syscalls.MS_MOVE)
    syscalls.mount(".", SYSROOT, "", syscalls.MS_MOVE)
    os.chdir("/")


def empty(folder: int) -> None:
    """Remove everything below an open folder that lies on the same file system."""
    device = os.fstat(folder).st_dev
    for name in os.listdir(folder):
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if status.st_dev != device:
                continue
            if stat.S_ISDIR(status.st_mode):
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                try:
                    empty(inner)
                finally:
                    os.close(inner)
                os.rmdir(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)
        except OSError:
            continue  # a mount point, or gone already: what stays costs memory, nothing else


def start_in_namespace(argv: tuple[str, ...], environment: dict[str, str], watch: Callable[[], None]) -> int:
    """Start `argv` as PID 1 of a PID and mount namespace of its own, /sysroot its root; answers its PID here.

    `watch` is what the child does last before it executes it: it has its reboot(2) watched (shutdown/reboot_watch.py).
    Raises OSError where the child could not execute it.
    """
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    syscalls.unshare(syscalls.CLONE_NEWPID)  # for the next child (pid_namespaces(7)), and for that one only
    real_init = child.start_program(lambda: _begin_system(argv, environment, watch))
    syscalls.setns(own, syscalls.CLONE_NEWPID)
    os.close(own)
    return child.executed(real_init)


def _begin_system(argv: tuple[str, ...], environment: dict[str, str], watch: Callable[[], None]) -> None:
    """In the child: its own mounts, its own /proc, then the real init."""
    os.setsid()
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
    _move_into(SYSROOT, tuple(point for point in KEPT if point != "/proc"), [])
    if not os.path.isdir(f"{SYSROOT}/proc"):
        os.mkdir(f"{SYSROOT}/proc")
    # /proc shows the PID namespace that it is mounted from, so the real system gets one of its own.
    syscalls.mount("proc", f"{SYSROOT}/proc", "proc", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
    _make_root(SYSROOT)
    watch()
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    os.execve(argv[0], argv, environment)


def become_supervisor(real_init: int, listener: int, panic: int) -> None:
    """Go over to the ramdisk with everything that is to be released, and stay there as the supervisor.

    The initramfs is emptied; the ramdisk, until now /run/initramfs, is the root of this process from here on,
    with the share at /share and the real root at /sysroot. Does not return.
    """
    old_root = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    syscalls.mount("", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
    for point in ("/dev", "/sys", "/proc", SYSROOT):
        os.makedirs(RAMDISK + point, exist_ok=True)
        syscalls.mount(point, RAMDISK + point, "", syscalls.MS_MOVE)
    _make_root(RAMDISK)
    empty(old_root)
    os.close(old_root)
    if listener >= 0:
        os.set_inheritable(listener, True)
    arguments = (str(real_init), str(listener), str(panic))
    child.become_python("/shutdown", "supervise", *arguments, environment={"PATH": PATH})
