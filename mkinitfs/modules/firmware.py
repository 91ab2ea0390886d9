"""Firmware that the modules of an image name in their .modinfo, built-in ones too, as files for the image.

The places are the kernel's own (drivers/base/firmware_loader/main.c, fw_path). Files packed as .xz or .zst
are stored unpacked under their plain name: the kernel tries that first, and the outer compression does
better.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from mkinitfs.archive.compress import default_threads, unpack_file
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Content, Entry, File, OnDisk, Symlink, Unpacked, follow
from mkinitfs.modules import info
from mkinitfs.modules.closure import Closure
from mkinitfs.modules.firmware_packages import Packages
from mkinitfs.sysroot import Found, Sysroot

# In the kernel's order: a plain file in any folder comes before a packed one.
_SUFFIXES = ("", ".zst", ".xz")
_FOLDERS = ("updates/{version}/", "updates/", "{version}/", "")
_NAMED = 3  # drivers, or files, that warnings name; more are counted


@dataclass(frozen=True, slots=True)
class Firmware:
    """What the drivers of an image get of the firmware they name."""

    entries: tuple[tuple[str, Entry], ...]  # for a Manifest
    warnings: tuple[str, ...]  # one for all that some package has, and one for each file that cannot be used
    details: tuple[str, ...]  # "firmware of DRIVER not found: FILE, ... (PACKAGE)": everything that is missing


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder of firmware."""

    tree: Sysroot
    base: str  # as a real path: on a usrmerged root the way there leads over a link that is not ours to bring
    first: bool  # links are kept in one tree only: in two the same name may be a link here and a folder there


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that can be used."""

    place: _Place
    file: Found
    suffix: str  # of its compression


@dataclass(slots=True)
class _Search:
    """The places of one build, the kernel's own before the target's, and what went wrong in them."""

    places: Sequence[_Place]
    version: str
    troubles: dict[str, str] = field(default_factory=dict)  # the first with each name that was asked for

    def files(self, wanted: str) -> list[_Found]:
        """The files that `wanted`, a name or a shell pattern, stands for.

        A name has the one file that the kernel would take; a pattern all that match, a plain one before a packed.
        """
        if wanted.startswith("/") or ".." in PurePosixPath(wanted).parts:
            return []
        pattern = any(mark in wanted for mark in "*?[")
        files: dict[str, _Found] = {}
        for place in self.places:
            for suffix in _SUFFIXES:
                for folder in _FOLDERS:
                    path = f"{place.base}/{folder.format(version=self.version)}{wanted}{suffix}"
                    for match in self._glob(place.tree, path, wanted) if pattern else [path]:
                        # "*" also takes a packed file's suffix in.
                        packed = suffix or next((end for end in _SUFFIXES[1:] if match.endswith(end)), "")
                        name = match.removeprefix(place.base).removesuffix(packed)
                        if name in files:
                            continue
                        if file := self._usable(place.tree, match, wanted, bool(packed)):
                            files[name] = _Found(place, file, packed)
                            if not pattern:
                                return list(files.values())
        return list(files.values())

    def _glob(self, tree: Sysroot, pattern: str, wanted: str) -> list[str]:
        try:
            return tree.glob(pattern)
        except MkinitfsError as error:
            self.troubles.setdefault(wanted, error.message)
            return []

    def _usable(self, tree: Sysroot, path: str, wanted: str, packed: bool) -> Found | None:
        """The regular file at `path`; where it cannot be read the kernel would try the next place, too."""
        try:
            if not tree.is_file(path):
                return None
            file = tree.require(path)
            if packed:
                unpack_file(tree.host(file.real))
            elif not os.access(tree.host(file.real), os.R_OK):
                raise MkinitfsError(f"{tree.host(file.real)}: Permission denied")
        except MkinitfsError as error:
            self.troubles.setdefault(wanted, error.message)
            return None
        return file


def named(closure: Closure) -> dict[str, tuple[str, ...]]:
    """The firmware that each chosen module and each built-in one names, modules without any left out.

    MkinitfsError names a truncated module. Packed modules have to be unpacked as a whole for it: threads, as
    the unpackers let go of Python's lock.
    """
    items = list(closure.chosen.values())
    with ThreadPoolExecutor(default_threads()) as pool:
        modinfos = pool.map(lambda item: info.read(closure.kernel.file(item.module.path)), items)
        files = [dict.fromkeys(records.get("firmware", ())) for records in modinfos]
    wanted = {item.module.name: tuple(names) for item, names in zip(items, files, strict=True) if names}
    builtin = set(closure.builtin)
    for driver, name in closure.kernel.builtin_info.get("firmware", ()) if builtin else ():
        if driver in builtin and name not in wanted.get(driver, ()):
            wanted[driver] = (*wanted.get(driver, ()), name)
    return wanted


def collect(closure: Closure, trees: Sequence[Sysroot], folder: str = "lib/firmware") -> Firmware:
    """Look up what the closure's modules name below each of `trees`; `folder` is where it goes in the image.

    The last tree is the target's, whose packages are named. Missing files are warnings, never errors: most
    drivers name more than one machine has, and many work without.
    """
    search = _Search(tuple(_places(trees)), closure.kernel.version)
    there: list[tuple[str, _Found]] = []
    missing: dict[str, list[str]] = {}
    for driver, names in named(closure).items():
        for name in names:
            files = search.files(name)
            there += [(driver, found) for found in files]
            if not files:
                missing.setdefault(driver, []).append(name)
    entries: dict[str, Entry] = {}
    for driver, found in sorted(there, key=lambda item: not item[1].place.first):
        kept = {} if found.place.first else {path: e.target for path, e in entries.items() if isinstance(e, Symlink)}
        for path, entry in _entries(found, f"firmware of kernel module {driver}"):
            entries.setdefault(follow(folder + path.removeprefix(found.place.base), kept), entry)
    partly = {driver for driver, _ in there}
    packages = Packages(trees[-1])
    told, rest = _troubles(search.troubles)
    absent = {driver: [name for name in names if name not in search.troubles] for driver, names in missing.items()}
    details = (
        f"firmware of {driver} not found: {', '.join(names)} ({_in_packages({packages.of(each) for each in names})})"
        for driver, names in absent.items()
        if names
    )
    warnings = (*_to_install(absent, partly, packages), *told)
    return Firmware(tuple(sorted(entries.items())), warnings, (*rest, *details))


def _troubles(troubles: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Warnings of the first files that cannot be used and of how many more there are, and those as details."""
    texts = [f"{text}: firmware left out" for text in dict.fromkeys(troubles.values())]
    more = len(texts) - _NAMED
    told = [*texts[:_NAMED], f"{more} more files of firmware left out (-v names them)"] if more > 1 else texts
    return told, texts[_NAMED:] if more > 1 else []


def _in_packages(packages: set[str | None]) -> str:
    return ", ".join(sorted(each for each in packages if each)) or "in no package"


def _places(trees: Sequence[Sysroot]) -> Iterator[_Place]:
    """Each folder of firmware there is, once; unmerged trees may have two."""
    seen: set[tuple[Sysroot, str]] = set()
    for tree in trees:
        for path in ("/lib/firmware", "/usr/lib/firmware"):
            if (found := tree.find(path)) and (tree, found.real) not in seen:
                yield _Place(tree, found.real, not seen)
                seen.add((tree, found.real))


def _to_install(missing: Mapping[str, Sequence[str]], partly: set[str], packages: Packages) -> Iterator[str]:
    """One warning for all drivers whose missing files some package would bring.

    What the distribution does not have, or its installed package lacks, is nothing that can be mended; a driver with
    some of its files has those of the cards that its package knows.
    """
    wanted: dict[str, set[str]] = {}
    for driver, names in missing.items():
        for package in {packages.of(name) for name in names} if driver not in partly else ():
            if package and not packages.installed(package):
                wanted.setdefault(driver, set()).add(package)
    if wanted:
        drivers = sorted(wanted)
        who = ", ".join(drivers) if len(drivers) <= _NAMED else f"{len(drivers)} drivers"
        what = ", ".join(sorted(set().union(*wanted.values())))
        yield f"no firmware for {who}: where a machine has such a card, install {what} (-v names drivers and files)"


def _entries(found: _Found, reason: str) -> Iterator[tuple[str, Entry]]:
    """The file under its plain name, absolute; links on the way stay links where all of the way can be kept.

    It can where every link is relative and stays in the firmware tree: many names of linux-firmware share one
    file. Otherwise (/etc/alternatives) the content itself takes the asked name.
    """
    file, suffix, base, tree = found.file, found.suffix, found.place.base, found.place.tree
    path, real = file.path.removesuffix(suffix), file.real.removesuffix(suffix)
    links = [(link.removesuffix(suffix), target.removesuffix(suffix)) for link, target in file.links]
    kept = (
        found.place.first
        and real.startswith(f"{base}/")
        and not any(target.startswith("/") or not link.startswith(f"{base}/") or link == real for link, target in links)
    )
    content: Content = Unpacked(tree.host(file.real)) if suffix else OnDisk(tree.host(file.real))
    if kept:
        for link, target in links:
            yield link, Symlink(target, reason)
    yield (real if kept else path), File(content, 0o644, reason)
