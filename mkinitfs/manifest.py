"""What goes into an image: a sorted mapping from path to entry, in which every entry knows why it is there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mkinitfs.errors import MkinitfsError


@dataclass(frozen=True, slots=True)
class Bytes:
    """Content that is made here."""

    data: bytes

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class OnDisk:
    """Content that is read from `path` (already below the sysroot) while the image is written."""

    path: Path

    @property
    def size(self) -> int:
        """In bytes, as it lies there now."""
        return self.path.stat().st_size


@dataclass(frozen=True, slots=True)
class Unpacked:
    """Content of a .xz, .zst or .gz file, stored unpacked so that the outer compression does better."""

    path: Path

    @property
    def size(self) -> int:
        """In bytes, as it lies there now, packed."""
        return self.path.stat().st_size


Content = Bytes | OnDisk | Unpacked


@dataclass(frozen=True, slots=True)
class File:
    """A regular file."""

    content: Content
    mode: int  # permission bits only, e.g. 0o755
    reason: str


@dataclass(frozen=True, slots=True)
class Directory:
    """A folder."""

    mode: int
    reason: str


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link."""

    target: str  # kept exactly as it stands
    reason: str


@dataclass(frozen=True, slots=True)
class Device:
    """A device node."""

    kind: str  # "c" for a character device, "b" for a block device
    major: int
    minor: int
    mode: int
    reason: str


@dataclass(frozen=True, slots=True)
class Fifo:
    """A named pipe."""

    mode: int
    reason: str


Entry = File | Directory | Symlink | Device | Fifo


def _same(one: Entry, other: Entry) -> bool:
    """Whether two entries mean the same in the image, whatever their reasons."""
    if type(one) is not type(other):
        return False
    fields = [name for name in one.__slots__ if name != "reason"]
    return all(getattr(one, name) == getattr(other, name) for name in fields)


class Manifest(Mapping[str, Entry]):
    """An immutable, sorted mapping from image path (no leading slash: "usr/bin/busybox") to Entry.

    Parents of every path are added as folders of mode 0755 where they are not named.
    """

    def __init__(self, entries: Iterable[tuple[str, Entry]]) -> None:
        """Collect `entries`; two different contents for one path raise MkinitfsError naming both origins."""
        known: dict[str, Entry] = {}
        for path, entry in entries:
            first = known.setdefault(path, entry)
            if not _same(first, entry):
                raise MkinitfsError(
                    f"/{path}: two different entries: {first.reason}; {entry.reason}", "leave one of the two out"
                )
        for path in list(known):
            while "/" in path:
                child, path = path, path.rpartition("/")[0]
                parent = known.setdefault(path, Directory(0o755, f"parent of {child.rpartition('/')[2]}"))
                if not isinstance(parent, Directory):
                    raise MkinitfsError(f"/{path}: not a folder ({parent.reason}), yet /{child} lies in it")
        self._entries = dict(sorted(known.items()))

    def __getitem__(self, path: str) -> Entry:
        return self._entries[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def follow(path: str, links: Mapping[str, str]) -> str:
    """Where `path` ends in an image, "/" being its root: `links` maps the path of each link to its target.

    Paths come without leading slash, and whether anything is there is not asked. MkinitfsError for a circle.
    """
    done: list[str] = []
    rest = path.split("/")[::-1]
    for _ in range(10_000):
        if not rest:
            return "/".join(done)
        part = rest.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            del done[-1:]
            continue
        done.append(part)
        if (target := links.get("/".join(done))) is not None:
            done = [] if target.startswith("/") else done[:-1]
            rest.extend(target.split("/")[::-1])
    raise MkinitfsError(f"/{path.lstrip('/')}: its symbolic links lead in a circle")
