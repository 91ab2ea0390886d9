"""A look at what a mounted share keeps of what a root needs: made in a temporary folder, forgotten, looked at again.

What cifs cannot hand to the server it may still show for as long as it remembers it (with dynperm, for one), so
between making and looking the kernel forgets what it knows of the files. All of this happens in a child process
with a deadline: the server may go away while it runs.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from init.boot.share_needs import USERS_FILES, Look
from init.operations import TryRoot
from init.system import child, mount_table, randomness
from init.system.cmodules import socket
from init.system.files import write_text
from init.system.stdlib import Callable, Iterator

Trial = Callable[[str], object]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_DONE = b"+"
_MAPPED = "mapped"  # said among the needs that are lacked
_USER, _GROUP = 1, 2  # anybody but root
_SCRIPT = "#!/bin/sh\nexit 0\n"
# Files that are set-user-ID in every Linux distribution that has them.
_SET_USER_ID = ("usr/bin/su", "bin/su", "usr/bin/passwd", "usr/bin/mount", "bin/mount", "usr/bin/chsh")


def probe(operation: TryRoot) -> Look:
    """What the mounted share lacks of what a root needs; nothing is written where it is read-only."""
    options = mount_options(operation.root)
    said, trouble = _in_child(_needs(operation), operation.seconds)
    lacks = tuple(need for need in said if need != _MAPPED)
    if "dynperm" in options:  # shown as long as the kernel remembers it, and never sent
        lacks += tuple(need for need in ("modes", "set-user-ID bits") if need not in lacks)
    return Look(lacks, options, trouble, _MAPPED in said)


def _needs(operation: TryRoot) -> Iterator[str]:
    if _has_mapped_names(operation.root):
        yield _MAPPED
    yield from _looked_at(operation.root) if operation.read_only else _tried(operation.root)


def _has_mapped_names(root: str) -> bool:
    """Whether Debian's most common name with a colon is there with U+F022 instead, as cifs stores it by mapposix.

    Where this mount maps names, too, both name the same file (convert_to_sfm_char in fs/smb/client/cifs_unicode.c).
    """
    for machine in ("amd64", "arm64", "i386", "armhf"):
        name = f"{root}/var/lib/dpkg/info/libc6:{machine}.list"
        if os.path.lexists(os.fsencode(name).replace(b":", b"\xef\x80\xa2")) and not os.path.lexists(name):
            return True
    return False


def mount_options(point: str) -> tuple[str, ...]:
    """The options of the topmost mount on `point`, as /proc/mounts has them: "ro" where mount or file system is."""
    mounts = [mount for mount in mount_table.read_mounts() if mount.point == point]
    if not mounts:
        return ()
    words = dict.fromkeys((*mounts[-1].options, *mounts[-1].super_options))
    return tuple(word for word in words if word != "rw" or "ro" not in words)


def _in_child(needs: Iterator[str], seconds: float) -> tuple[tuple[str, ...], str]:
    """What `needs` names, and why it did not come to its end, "" where it did."""

    def answer(answers: int) -> None:
        try:
            for need in needs:
                os.write(answers, need.encode() + b"\n")
            os.write(answers, _DONE)
        except OSError:
            pass  # without _DONE it is known that not all was tried

    said, ended = child.ask(answer, seconds)
    trouble = "" if said.endswith(_DONE) else "not all that a root needs could be tried on the share"
    if trouble and not ended:
        trouble += f": no answer within {seconds:g} s"
    return tuple(said.decode().split("\n")[:-1]), trouble


def _tried(root: str) -> Iterator[str]:
    """Make everything in a folder of its own, look at it again, remove it; yields what the share lacks."""
    os.umask(0)
    at = f"{root}/.mkinitfs-{randomness.draw(6).hex()}"
    try:
        os.mkdir(at, 0o700)
    except OSError:
        yield "writing"
        return
    try:
        yield from _make_and_see(at)
    finally:
        _remove(at)


def _make_and_see(at: str) -> Iterator[str]:
    made = []
    for need, make, see in TRIALS:
        try:
            make(at)
        except OSError as error:
            if error.errno in _FULL or need == "writing":
                yield "room" if error.errno in _FULL else need
                return  # nothing can be said of the rest
            yield need
        else:
            made.append((need, see))
    write_text("/proc/sys/vm/drop_caches", "2")  # dentries and inodes (sysctl/vm.rst), attributes with them
    for need, see in made:
        try:
            kept = see(at)
        except OSError:
            kept = False
        if not kept:
            yield need


def _remove(folder: str) -> None:
    # A server may list a name other than that which the file was made with, and then not know it.
    for name in dict.fromkeys([*_ODD_NAMES, *os.listdir(folder)]):
        path = f"{folder}/{name}"
        try:
            _remove(path) if stat.S_ISDIR(os.lstat(path).st_mode) else os.unlink(path)
        except OSError:
            pass
    os.rmdir(folder)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def _mode(path: str) -> int:
    return os.lstat(path).st_mode


def _make_new(at: str) -> None:
    _write(f"{at}/created", "")
    os.mkdir(f"{at}/folder", 0o777)


def _see_new_modes(at: str) -> bool:
    os.listdir(at)  # files still open to cifs (closetimeo=) are not forgotten, but take the modes that a listing tells
    return _mode(f"{at}/created") & 0o777 == 0o666 and _mode(f"{at}/folder") & 0o777 == 0o777


def _see_hard_link(at: str) -> bool:
    return os.path.samefile(f"{at}/new", f"{at}/link") and os.lstat(f"{at}/link").st_nlink == 2


def _see_device(at: str) -> bool:
    device = os.lstat(f"{at}/device")
    if not stat.S_ISCHR(device.st_mode) or device.st_rdev != os.makedev(1, 3):
        return False
    os.close(os.open(f"{at}/device", os.O_WRONLY))
    return True


def _make_socket(at: str) -> None:
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        one.bind(f"{at}/socket")
    finally:
        one.close()


def _with_mode(path: str, mode: int, text: str = "") -> None:
    _write(path, text)
    os.chmod(path, mode)


def _see_mode(at: str) -> bool:
    """The file's mode as it was set, and still so when somebody has read the file.

    Over the POSIX extensions it is 0755 then, for everybody, until the kernel asks again (6.12, 7.3): what is 0600
    can be read by all.
    """
    path = f"{at}/mode"
    return [_mode(path) & 0o777, _read(path), _mode(path) & 0o777] == [0o651, "text", 0o651]


def _make_set_user_id(at: str) -> None:
    _with_mode(f"{at}/setuid", 0o4755)
    os.mkdir(f"{at}/sticky")
    os.chmod(f"{at}/sticky", stat.S_ISVTX | stat.S_IRWXU)


def _see_set_user_id(at: str) -> bool:
    return bool(_mode(f"{at}/setuid") & stat.S_ISUID and _mode(f"{at}/sticky") & stat.S_ISVTX)


def _make_owner(at: str) -> None:
    _write(f"{at}/owner", "")
    os.chown(f"{at}/owner", 1, 2)


def _see_owner(at: str) -> bool:
    owned = os.lstat(f"{at}/owner")
    return (owned.st_uid, owned.st_gid) == (1, 2)


def _make_users_files(at: str) -> None:
    """In a folder of its own a user makes a file and writes to it again, and a folder with another one in it."""
    os.mkdir(f"{at}/home", 0o700)
    os.chown(f"{at}/home", _USER, _GROUP)
    os.chdir(f"{at}/home")  # as root, so that no folder above has to let the user in
    os.setegid(_GROUP)
    os.seteuid(_USER)
    try:
        _write("file", "one")
        with open("file", "a") as file:
            file.write("more")
        os.mkdir("folder")
        _write("folder/file", "")
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.chdir("/")


def _see_users_files(at: str) -> bool:
    return all(os.lstat(f"{at}/home/{name}").st_uid == _USER for name in ("file", "folder", "folder/file"))


def _see_script(at: str) -> bool:
    try:
        script = os.posix_spawn(f"{at}/script", ["script"], {})
    except PermissionError:
        return False
    except OSError:
        return True  # no shell in this image: nothing against the share
    return os.waitpid(script, 0)[1] == 0


def _locks(at: str) -> bool:
    """An exclusive lock is granted, and only advisory: what is locked can be read without asking."""
    _write(f"{at}/lock", "content")
    with open(f"{at}/lock", "r+") as one, open(f"{at}/lock") as other:
        fcntl.lockf(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return other.read() == "content"


def _make_case(at: str) -> None:
    _write(f"{at}/Case", "upper")
    _write(f"{at}/case", "lower")


def _see_case(at: str) -> bool:
    return {"Case", "case"} <= set(os.listdir(at)) and _read(f"{at}/Case") == "upper"


_ODD_NAMES = ("with:colon", "with\\x2d")


def _make_names(at: str) -> None:
    for name in _ODD_NAMES:
        _write(f"{at}/{name}", name)


def _see_names(at: str) -> bool:
    return set(_ODD_NAMES) <= set(os.listdir(at)) and all(_read(f"{at}/{name}") == name for name in _ODD_NAMES)


def _replacing(at: str) -> bool:
    """A file is replaced, and another removed, while it is read, as every package manager does.

    Whether the name then leads to the new content is not looked at: cifs up to 6.12 hands out an open handle of
    the same path again (cifs_open), and no option changes that.
    """
    _write(f"{at}/old", "old")
    _write(f"{at}/old.new", "new")
    with open(f"{at}/old") as reader:
        os.rename(f"{at}/old.new", f"{at}/old")
        os.unlink(f"{at}/old")
        return reader.read() == "old"


# What each need takes: making it, and seeing that it is there. Links are counted before the first listing, which tells
# no number of them where there are no extensions (ksmbd), but the modes as the server has them.
TRIALS: tuple[tuple[str, Trial, Trial], ...] = (
    ("writing", lambda at: _write(f"{at}/new", _SCRIPT), lambda at: _read(f"{at}/new") == _SCRIPT),
    ("hard links", lambda at: os.link(f"{at}/new", f"{at}/link"), _see_hard_link),
    ("the modes of new files", _make_new, _see_new_modes),
    ("symlinks", lambda at: os.symlink("there", f"{at}/symlink"), lambda at: os.readlink(f"{at}/symlink") == "there"),
    ("device nodes", lambda at: os.mknod(f"{at}/device", stat.S_IFCHR | 0o666, os.makedev(1, 3)), _see_device),
    ("fifos", lambda at: os.mkfifo(f"{at}/fifo"), lambda at: stat.S_ISFIFO(_mode(f"{at}/fifo"))),
    ("sockets", _make_socket, lambda at: stat.S_ISSOCK(_mode(f"{at}/socket"))),
    ("modes", lambda at: _with_mode(f"{at}/mode", 0o651, "text"), _see_mode),
    ("set-user-ID bits", _make_set_user_id, _see_set_user_id),
    ("owners", _make_owner, _see_owner),
    (USERS_FILES, _make_users_files, _see_users_files),
    ("executing scripts", lambda at: _with_mode(f"{at}/script", 0o755, _SCRIPT), _see_script),
    ("locks", lambda _: None, _locks),
    ("case in names", _make_case, _see_case),
    ("names with : and \\", _make_names, _see_names),
    ("replacing files in use", lambda _: None, _replacing),
)


def _looked_at(root: str) -> Iterator[str]:
    """What can be seen without writing; yields what the share lacks."""
    for need, see in LOOKS:
        try:
            fine = see(root)
        except OSError:
            fine = True  # nothing there to look at
        if not fine:
            yield need


def _see_no_emulated_links(root: str) -> bool:
    """Without mfsymlinks, symlinks that another client made by it are files (fs/smb/client/link.c)."""
    for name in ("bin", "sbin", "lib", "sbin/init", "bin/sh", "etc/os-release"):
        path = f"{root}/{name}"
        if os.path.isfile(path) and not os.path.islink(path) and os.stat(path).st_size == 1067:
            with open(path, "rb") as file:
                if file.read(5) == b"XSym\n":
                    return False
    return True


def _see_set_user_id_bits(root: str) -> bool:
    modes = [_mode(f"{root}/{name}") for name in _SET_USER_ID if os.path.lexists(f"{root}/{name}")]
    programs = [mode for mode in modes if stat.S_ISREG(mode)]
    return not programs or any(mode & stat.S_ISUID for mode in programs)


def _see_locks(root: str) -> bool:
    with open(f"{root}/etc/passwd") as file:
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return True


def _see_case_kept(root: str) -> bool:
    names = os.listdir(root)
    return not any(os.path.lexists(f"{root}/{name.swapcase()}") for name in names if name.swapcase() not in names)


def _option(word: str) -> Trial:
    return lambda root: word not in mount_options(root)


LOOKS: tuple[tuple[str, Trial], ...] = (
    ("symlinks", _see_no_emulated_links),
    ("device nodes", _option("nodev")),
    ("modes", lambda root: not _mode(f"{root}/etc/passwd") & 0o111),
    ("set-user-ID bits", _see_set_user_id_bits),
    ("owners", _option("forceuid")),
    ("executing scripts", _option("noexec")),
    ("locks", _see_locks),
    ("case in names", _see_case_kept),
)
