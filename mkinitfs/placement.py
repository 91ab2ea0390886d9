"""Where a path of ours comes to lie in an image whose folders may be links (/bin -> usr/bin)."""

from collections.abc import Iterator

from mkinitfs.manifest import Entry
from mkinitfs.sysroot import Sysroot


def place(sysroot: Sysroot, path: str) -> tuple[str, list[tuple[str, Entry]]]:
    """The image path for the absolute `path`, its folder's links followed, and those links as entries."""
    known, _, name = path.rpartition("/")
    rest = [name]
    while known and (found := sysroot.find_folder(known)) is None:
        known, _, name = known.rpartition("/")
        rest.insert(0, name)
    if not known or found is None:
        return "/".join(rest), []
    return "/".join([found.real, *rest]).lstrip("/"), found.link_entries()


def placed(sysroot: Sysroot, path: str, entry: Entry) -> Iterator[tuple[str, Entry]]:
    """`entry` at the absolute `path`, with the links on the way there."""
    real, links = place(sysroot, path)
    yield from links
    yield real, entry
