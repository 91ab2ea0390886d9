"""File access below an explicit root: every path and every symbolic link is read as if that root were `/`.

Nothing outside is ever looked at: an absolute link starts again at the root, and `..` stops there, as after a
chroot. Paths are absolute image paths ("/usr/bin/sh"); the real file of one is `Sysroot.host(real)`.
"""

import errno
import fnmatch
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Directory, Entry, File, OnDisk, Symlink

PROGRAM_FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")

_MAX_LINKS = 40  # the kernel's MAXSYMLINKS
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
_MODE = 0o755  # what is kept of a mode: no set-id bit, only the owner writes
_WILDCARD = re.compile(r"[*?[]")


@dataclass(frozen=True, slots=True)
class Found:
    """A path that exists."""

    path: str
    real: str  # the same without links
    links: tuple[tuple[str, str], ...]  # each one crossed on the way as (path, target), in order

    def link_entries(self) -> list[tuple[str, Entry]]:
        """The links crossed, for an image."""
        return [(link[1:], Symlink(target, f"leads to {self.real}")) for link, target in self.links]


class Sysroot:
    """A folder that holds a system. What was looked up is remembered: it must not change meanwhile."""

    def __init__(self, root: Path | str) -> None:
        """Raises MkinitfsError where `root` is no folder that can be read."""
        self.root = Path(root).absolute()
        self._prefix = os.fspath(self.root).rstrip("/")
        self._targets: dict[str, str | None] = {}
        self._found: dict[str, Found | None] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        try:
            with os.scandir(self.root):
                pass
        except OSError as error:
            hint = "give a folder that holds a system"
            raise MkinitfsError.of(f"{self.root}: sysroot", error, hint) from error

    def host(self, real: str) -> Path:
        """Where the image path `real`, free of links, lies on this machine."""
        return Path(self._prefix + real)

    def find(self, path: str) -> Found | None:
        """Follow `path` to its end; None where it, or what a link on it points to, is missing.

        Raises MkinitfsError for a loop of links and for a folder that may not be searched.
        """
        if path not in self._found:
            folder, _, name = path.rstrip("/").rpartition("/")
            if not folder or name in ("", ".", ".."):
                self._found[path] = self._walk(path, "", (), path)
            else:
                parent = self.find_folder(folder)
                self._found[path] = parent and self._walk(name, parent.real.rstrip("/"), parent.links, path)
        return self._found[path]

    def find_folder(self, path: str) -> Found | None:
        """Like `find`, for the folder part of many paths: walked once from the root."""
        if path not in self._found:
            self._found[path] = self._walk(path, "", (), path)
        return self._found[path]

    def _walk(self, path: str, here: str, links: tuple[tuple[str, str], ...], asked: str) -> Found | None:
        crossed = list(links)
        todo = path.split("/")[::-1]
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                here = here.rpartition("/")[0]
                continue
            current = f"{here}/{name}"
            try:
                target = self._target(current)
            except FileNotFoundError:
                return None
            if target is None:
                here = current
                continue
            crossed.append((current, target))
            if len(crossed) > _MAX_LINKS:
                hint = f"look at {self.host(current)}"
                raise MkinitfsError(f"{asked}: too many symbolic links, at {current}", hint)
            if target.startswith("/"):
                here = ""
            todo.extend(target.split("/")[::-1])
        return Found(asked, here or "/", tuple(dict.fromkeys(crossed)))

    def _target(self, path: str) -> str | None:
        """What the link at `path` points to, None where it is no link, or FileNotFoundError."""
        try:
            known = self._targets.get(path, "")
            if known != "":
                return known
            # one call for each component of each path: pathlib would double its time
            known = os.readlink(self._prefix + path)  # noqa: PTH115
        except OSError as error:
            if error.errno in _ABSENT:
                raise FileNotFoundError(path) from None
            if error.errno != errno.EINVAL:
                raise self.unreadable(path, error) from error
            known = None
        except ValueError:  # a NUL byte
            raise FileNotFoundError(path) from None
        self._targets[path] = known
        return known

    def unreadable(self, path: str, error: OSError) -> MkinitfsError:
        """The error to raise for a path that is there and cannot be read."""
        return MkinitfsError.of(f"{path}: cannot be read", error, f"it lies at {self.host(path)}")

    def require(self, path: str) -> Found:
        """Like `find`; raises MkinitfsError where the path is missing."""
        found = self.find(path)
        if found is None:
            raise MkinitfsError(f"{path}: not found below {self.root}", "install the package that brings it")
        return found

    def is_file(self, path: str) -> bool:
        """Whether `path` leads to a regular file."""
        found = self.find(path)
        return found is not None and stat.S_ISREG(self.stat(found.real).st_mode)

    def stat(self, real: str) -> os.stat_result:
        """The inode of a real path."""
        try:
            return os.lstat(self._prefix + real)
        except OSError as error:
            raise self.unreadable(real, error) from error

    def read(self, path: str, limit: int = -1) -> bytes:
        """The content of the regular file `path`, or its first `limit` bytes."""
        real = self.require(path).real
        if not stat.S_ISREG(self.stat(real).st_mode):  # opening a fifo would wait for its writer
            raise MkinitfsError(f"{path}: not a regular file")
        try:
            with self.host(real).open("rb", buffering=0) as stream:
                return stream.read(limit) or b""
        except OSError as error:
            raise self.unreadable(real, error) from error

    def read_text(self, path: str) -> str:
        """The content of a configuration file; bytes that are no UTF-8 are kept as surrogates."""
        return os.fsdecode(self.read(path))

    def names(self, folder: str) -> tuple[str, ...]:
        """The sorted names in `folder`, () where it is missing or no folder."""
        found = self.find_folder(folder)
        if found is None:
            return ()
        if found.real not in self._names:
            try:
                self._names[found.real] = tuple(sorted(each.name for each in self.host(found.real).iterdir()))
            except NotADirectoryError:
                self._names[found.real] = ()
            except OSError as error:
                raise self.unreadable(found.real, error) from error
        return self._names[found.real]

    def glob(self, pattern: str) -> list[str]:
        """The paths that match `pattern`, sorted, a leading dot only where the pattern has one (glob(3))."""
        paths = [""]
        for part in pattern.split("/"):
            if not part:
                continue
            if _WILDCARD.search(part):
                every = [(path, name) for path in paths for name in self.names(path or "/")]
                paths = [f"{path}/{name}" for path, name in every if _matches(name, part)]
            else:
                paths = [f"{path}/{part}" for path in paths]
        return [path for path in paths if path and self.find(path)]

    def entries(self, path: str, reason: str) -> list[tuple[str, Entry]]:
        """What an image needs for `path` to lead where it leads here: each link crossed, then its end.

        Raises MkinitfsError where it is missing, unreadable, or neither of both.
        """
        found = self.require(path)
        links = found.link_entries()
        mode = self.stat(found.real).st_mode
        if stat.S_ISDIR(mode):
            return [*links, (found.real[1:], Directory(mode & _MODE, reason))] if found.real != "/" else links
        if not stat.S_ISREG(mode):
            raise MkinitfsError(f"{path}: neither a file nor a folder")
        return [*links, (found.real[1:], File(OnDisk(self.host(found.real)), mode & _MODE, reason))]


def find_program(sysroot: Sysroot, name: str) -> str:
    """The path of program `name`, sought in PROGRAM_FOLDERS where it is none; MkinitfsError for a missing one."""
    places = [name] if name.startswith("/") else [f"{folder}/{name}" for folder in PROGRAM_FOLDERS]
    for path in places:
        if sysroot.is_file(path) and sysroot.stat(sysroot.require(path).real).st_mode & 0o111:
            return path
    raise MkinitfsError(
        f"{name}: program not found below {sysroot.root}",
        f"looked in {', '.join(PROGRAM_FOLDERS)}: install the package that brings it"
        if len(places) > 1
        else "install the package that brings it",
    )


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) and name.startswith(".") <= pattern.startswith(".")
