"""Unpack an image below a folder, and never anywhere else.

Every path is walked from the folder's own descriptor, one component at a time with O_NOFOLLOW, as openat2(2)
does with RESOLVE_IN_ROOT: a symbolic link on the way is followed as the kernel would follow it in the image,
with the folder as its root, whether it came from the image or lay there before. The last component is never
followed.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mkinitfs.archive.cpio import Member, Record
from mkinitfs.archive.image import link_key
from mkinitfs.errors import MkinitfsError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS = 40  # symbolic links on one path, as in the kernel (MAXSYMLINKS)

Place = tuple[str, ...]  # components below the folder, none of them a link


def extract(members: Iterable[Member], folder: Path) -> list[str]:
    """Unpack `members` below `folder`, which is made where it is missing; return warnings.

    Permissions, times, symbolic and hard links are restored; owners and devices for root only. A name with
    ".." raises MkinitfsError, and so does whatever cannot be written, with the member's name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise MkinitfsError.of(folder, error, "choose another folder") from error
    try:
        return _Extraction(root, folder).run(members)
    finally:
        os.close(root)


class _Extraction:
    """The state of one extraction: what is still to be done at its end, and the files that can be linked to."""

    def __init__(self, root: int, folder: Path) -> None:
        self._root = root
        self._folder = folder
        self._privileged = os.geteuid() == 0
        self._folders: dict[Place, Record] = {}
        self._files: dict[tuple[int, ...], tuple[Place, os.stat_result]] = {}  # by link_key()
        self._keys: dict[Place, tuple[int, ...]] = {}
        self._warnings: list[str] = []

    def run(self, members: Iterable[Member]) -> list[str]:
        for member in members:
            try:
                self._one(member)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                raise MkinitfsError(f"{self._folder}: /{member.record.name}: {reason}") from error
        self._finish()
        return self._warnings

    def _one(self, member: Member) -> None:
        parts = [part for part in member.record.name.split("/") if part not in {"", "."}]
        if ".." in parts:
            raise MkinitfsError(
                f"{self._folder}: {member.record.name}: leads out of the folder", "do not trust this image"
            )
        if not parts:
            self._folders[()] = member.record
            return
        with self._walk(parts[:-1]) as (parent, place):
            self._make(member, parent, parts[-1], (*place, parts[-1]))

    @contextmanager
    def _walk(self, parts: list[str]) -> Iterator[tuple[int, Place]]:
        """Open the folder that `parts` lead to, making what is missing: its descriptor, and where it really lies."""
        opened: list[int] = [os.dup(self._root)]
        place: list[str] = []
        rest, links = parts[::-1], 0
        try:
            while rest:
                part = rest.pop()
                if part in {"", "."}:
                    continue
                if part == "..":  # out of a link's target; the folder is its own parent
                    if place:
                        os.close(opened.pop())
                        place.pop()
                    continue
                target = _link_target(opened[-1], part)
                if target is None:
                    opened.append(_enter(opened[-1], part))
                    place.append(part)
                    continue
                links += 1
                if links > _MAX_LINKS:
                    raise ValueError("too many symbolic links on the way")
                if target.startswith("/"):
                    while place:
                        os.close(opened.pop())
                        place.pop()
                rest.extend(target.split("/")[::-1])
            yield opened[-1], tuple(place)
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def _make(self, member: Member, parent: int, name: str, place: Place) -> None:
        record = member.record
        if stat.S_ISDIR(record.mode):
            _make_folder(parent, name)
            self._folders[place] = record
            return
        _clear(parent, name)
        self._folders.pop(place, None)
        if old := self._keys.pop(place, None):  # its inode number may be given away again
            self._files.pop(old, None)
        if stat.S_ISREG(record.mode):
            self._file(member, parent, name, place)
        elif stat.S_ISLNK(record.mode):
            os.symlink(member.target, name, dir_fd=parent)
            self._restore_link(record, parent, name)
        else:
            self._special(record, parent, name)

    def _file(self, member: Member, parent: int, name: str, place: Place) -> None:
        key = link_key(member)
        if key is None or not self._linked(key, parent, name):
            descriptor = os.open(name, _FILE | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=parent)
        elif member.record.size:
            descriptor = os.open(name, _FILE | os.O_TRUNC, dir_fd=parent)
        else:
            return
        with os.fdopen(descriptor, "wb") as out:
            for chunk in member.chunks():
                out.write(chunk)
            out.flush()
            self._restore(member.record, descriptor)
            if key is not None and member.record.nlink > 1:
                self._files[key] = (place, os.fstat(descriptor))
                self._keys[place] = key

    def _linked(self, key: tuple[int, ...], parent: int, name: str) -> bool:
        """Make a hard link to the member of the same inode, if that is still the file that was written here."""
        if key not in self._files:
            return False
        place, status = self._files[key]
        with suppress(FileNotFoundError), self._walk(list(place[:-1])) as (folder, _):
            now = os.stat(place[-1], dir_fd=folder, follow_symlinks=False)
            if stat.S_ISREG(now.st_mode) and os.path.samestat(now, status):
                os.link(place[-1], name, src_dir_fd=folder, dst_dir_fd=parent, follow_symlinks=False)
                return True
        return False

    def _special(self, record: Record, parent: int, name: str) -> None:
        kind = stat.S_IFMT(record.mode)
        if kind == stat.S_IFIFO:
            os.mkfifo(name, 0o600, dir_fd=parent)
        elif kind in {stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK}:
            if not self._privileged:
                self._warnings.append(f"/{record.name}: device or socket passed over: only root can make it")
                return
            try:
                os.mknod(name, kind | 0o600, os.makedev(record.rdevmajor, record.rdevminor), dir_fd=parent)
            except (OSError, OverflowError) as error:
                self._warnings.append(f"/{record.name}: device or socket passed over: {error}")
                return
        else:
            self._warnings.append(f"/{record.name}: passed over: of no known kind (mode {record.mode:o})")
            return
        # Nothing else can have come in its place: O_PATH with O_NOFOLLOW pins what was just made.
        descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            self._restore_link(record, parent, name)
            Path(f"/proc/self/fd/{descriptor}").chmod(stat.S_IMODE(record.mode))
        finally:
            os.close(descriptor)

    def _restore(self, record: Record, descriptor: int) -> None:
        """Owner, then permissions (a new owner clears the set-id bits), then time."""
        if self._privileged:
            os.fchown(descriptor, _owner(record.uid), _owner(record.gid))
        os.fchmod(descriptor, stat.S_IMODE(record.mode))
        os.utime(descriptor, (record.mtime, record.mtime))

    def _restore_link(self, record: Record, parent: int, name: str) -> None:
        if self._privileged:
            os.chown(name, _owner(record.uid), _owner(record.gid), dir_fd=parent, follow_symlinks=False)
        os.utime(name, (record.mtime, record.mtime), dir_fd=parent, follow_symlinks=False)

    def _finish(self) -> None:
        """Folders last and innermost first: their content changes their time, and they may be read-only."""
        for place in sorted(self._folders, key=lambda place: (-len(place), place)):
            record = self._folders[place]
            try:
                descriptor = self._reopen(place)
            except OSError:
                continue  # a later member has replaced it
            try:
                self._restore(record, descriptor)
            except OSError as error:
                self._warnings.append(f"/{record.name}: permissions not restored: {error.strerror}")
            finally:
                os.close(descriptor)

    def _reopen(self, place: Place) -> int:
        """The folder at `place`, no link on the way being followed."""
        descriptor = os.dup(self._root)
        for part in place:
            parent = descriptor
            try:
                descriptor = os.open(part, _FOLDER, dir_fd=parent)
            finally:
                os.close(parent)
        return descriptor


def _owner(number: int) -> int:
    return -1 if number == 0xFFFFFFFF else number


def _link_target(parent: int, name: str) -> str | None:
    """Where the symbolic link `name` points to; None where it is none."""
    try:
        return os.readlink(name, dir_fd=parent)
    except OSError:
        return None


def _enter(parent: int, name: str) -> int:
    with suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=parent)
    return os.open(name, _FOLDER, dir_fd=parent)


def _make_folder(parent: int, name: str) -> None:
    """A folder to write in, in place of whatever else is there."""
    try:
        if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            return
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        pass
    os.mkdir(name, 0o700, dir_fd=parent)


def _clear(parent: int, name: str) -> None:
    """Remove what lies at `name`: a file, a link, or an empty folder."""
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        os.rmdir(name, dir_fd=parent)
