"""Leaving the initramfs: the real root becomes the root, and the initramfs's memory is given back.

The initramfs cannot be unmounted (ramfs-rootfs-initramfs.rst), so it is emptied instead, and only once the
real init has really started: an init that cannot be executed must leave a working shell behind.
"""

from __future__ import annotations

import os
import stat
import sys

from init.shutdown import reboot_watch
from init.system import places, syscalls
from init.system.cmodules import signal, socket
from init.system.places import RAMDISK, SYSROOT
from init.system.spawn import PATH

# What systemd's INITRD_INTERFACE wants to find mounted in the new root.
KEPT = ("/dev", "/sys", "/run", "/proc")


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
        os.write(starting, b"-")  # the child hears that nothing is to be freed
        os.close(starting)
        os.waitpid(freeing, 0)
        _move_back(old_root, moved)
        raise


def leave_keeper() -> int:
    """Start the process that keeps the leases (keeper.py) for as long as the system runs; answers its PID.

    It stands on the staged ramdisk alone, writes to the kernel's log, and leaves the processor to the real
    init while it starts. It is there when this returns, since /run moves away next. Raises OSError.
    """
    failed, failing = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child:
        os.close(failing)
        answer = os.read(failed, 4096)  # nothing but the end of the pipe, once it has been executed
        os.close(failed)
        if answer:
            os.waitpid(child, 0)
            raise OSError(int(answer), os.strerror(int(answer)), places.KEEPER)
        return child
    try:
        log = os.open("/dev/kmsg", os.O_WRONLY)
        null = os.open("/dev/null", os.O_RDONLY)
        for number, descriptor in ((0, null), (1, log), (2, log)):
            os.dup2(descriptor, number)
        os.setsid()
        os.chroot(RAMDISK)
        os.chdir("/")
        os.setpriority(os.PRIO_PROCESS, 0, 10)
        os.execve(sys.executable, [sys.executable, "-ISB", places.KEEPER], {})
    except OSError as error:
        os.write(failing, str(error.errno or 0).encode())
    finally:
        os._exit(1)


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
    """Undo a switch that failed: from whichever root we stand in, back to the initramfs."""
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
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if found.st_dev != device:
                continue
            if stat.S_ISDIR(found.st_mode):
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


def start_in_namespace(argv: tuple[str, ...], environment: dict[str, str], listener_end: socket.socket) -> int:
    """Start `argv` as PID 1 of a PID and mount namespace of its own, /sysroot its root; answers its PID here.

    `listener_end` is a socket on which the child sends the descriptor of its reboot watch (rebootwatch.py).
    Raises OSError where the child could not execute it.
    """
    failed, failing = os.pipe2(os.O_CLOEXEC)
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    syscalls.unshare(syscalls.CLONE_NEWPID)  # for the next child (pid_namespaces(7)), and for that one only
    child = os.fork()
    if child != 0:
        syscalls.setns(own, syscalls.CLONE_NEWPID)
    os.close(own)
    if child == 0:
        try:
            os.close(failed)
            _begin_system(argv, environment, listener_end)
        except OSError as error:
            os.write(failing, f"{error.errno or 0} {error.strerror}: {error.filename}".encode())
        finally:
            os._exit(1)
    os.close(failing)
    answer = os.read(failed, 4096)  # nothing but the end of the pipe, once the init has been executed
    os.close(failed)
    if answer:
        os.waitpid(child, 0)
        number, _, text = answer.decode(errors="replace").partition(" ")
        raise OSError(int(number), text)
    return child


def _begin_system(argv: tuple[str, ...], environment: dict[str, str], listener_end: socket.socket) -> None:
    """In the child: its own mounts, its own /proc, then the real init."""
    os.setsid()
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
    _move_into(SYSROOT, tuple(point for point in KEPT if point != "/proc"), [])
    if not os.path.isdir(f"{SYSROOT}/proc"):
        os.mkdir(f"{SYSROOT}/proc")
    # /proc shows the PID namespace of whoever mounts it, so the real system gets one of its own.
    syscalls.mount("proc", f"{SYSROOT}/proc", "proc", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
    _make_root(SYSROOT)
    reboot_watch.install_and_send(listener_end)
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    os.execve(argv[0], argv, environment)


def become_supervisor(child: int, listener: int, panic: int) -> None:
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
    argv = [sys.executable, "-ISB", "/shutdown", "supervise", str(child), str(listener), str(panic)]
    os.execve(sys.executable, argv, {"PATH": PATH})
