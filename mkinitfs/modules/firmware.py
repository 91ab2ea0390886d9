"""Firmware that the modules of an image name in their .modinfo, as files for the image.

The places are the kernel's own (drivers/base/firmware_loader/main.c, fw_path). Files packed as .xz or .zst
are stored unpacked under their plain name: the kernel tries that first, and the outer compression does
better.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from mkinitfs.manifest import Content, Entry, File, OnDisk, Symlink, Unpacked
from mkinitfs.modules import info
from mkinitfs.modules.closure import Closure
from mkinitfs.sysroot import Found, Sysroot

# In the kernel's order: a plain file in any folder comes before a packed one.
_SUFFIXES = ("", ".zst", ".xz")
_FOLDERS = ("updates/{version}/", "updates/", "{version}/", "")


@dataclass(frozen=True, slots=True)
class Firmware:
    """What the drivers of an image get of the firmware they name."""

    entries: tuple[tuple[str, Entry], ...]  # for a Manifest
    warnings: tuple[str, ...]  # one, "driver: reason", for each driver that misses a file


def named(closure: Closure) -> dict[str, tuple[str, ...]]:
    """The firmware that each chosen module names, modules without any left out.

    MkinitfsError names a truncated module. Packed modules have to be unpacked as a whole for it: threads, as
    the unpackers let go of Python's lock.
    """
    items = list(closure.chosen.values())
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        modinfos = pool.map(lambda item: info.read(closure.kernel.file(item.module.path)), items)
        files = [dict.fromkeys(records.get("firmware", ())) for records in modinfos]
    return {item.module.name: tuple(names) for item, names in zip(items, files, strict=True) if names}


def collect(closure: Closure, sysroot: Sysroot, folder: str = "lib/firmware") -> Firmware:
    """Look up what the closure's modules name below `sysroot`; `folder` is where it goes in the image.

    Missing files are warnings, never errors: most drivers name more than one machine has, and many work
    without.
    """
    entries: dict[str, Entry] = {}
    warnings = []
    # As a real path: on a usrmerged root the way there leads over a link that is not ours to bring.
    tree = sysroot.find("/lib/firmware")
    base = tree.real if tree else "/lib/firmware"
    for driver, names in named(closure).items():
        missing = []
        for name in names:
            files = _find(sysroot, base, name, closure.kernel.version)
            if not files:
                missing.append(name)
            for file, suffix in files:
                reason = f"firmware of kernel module {driver}"
                for path, entry in _entries(sysroot, base, file, suffix, reason):
                    entries.setdefault(folder + path.removeprefix(base), entry)
        if missing:
            warnings.append(f"{driver}: firmware not found in {sysroot.host(base)}: {', '.join(missing)}")
    return Firmware(tuple(sorted(entries.items())), tuple(warnings))


def _find(sysroot: Sysroot, base: str, wanted: str, version: str) -> list[tuple[Found, str]]:
    """The files that `wanted`, a name or a shell pattern, stands for, each with the suffix it is packed by.

    A name has the one file that the kernel would take; a pattern all that match, a plain one before a packed.
    """
    if wanted.startswith("/") or ".." in PurePosixPath(wanted).parts:
        return []
    pattern = any(mark in wanted for mark in "*?[")
    files: dict[str, tuple[Found, str]] = {}
    for suffix in _SUFFIXES:
        for folder in _FOLDERS:
            path = f"{base}/{folder.format(version=version)}{wanted}{suffix}"
            for match in sysroot.glob(path) if pattern else [path]:
                # "*" also takes a packed file's suffix in.
                packed = suffix or next((end for end in _SUFFIXES[1:] if match.endswith(end)), "")
                if (file := sysroot.find(match)) and sysroot.is_file(match):
                    files.setdefault(match.removesuffix(packed), (file, packed))
                    if not pattern:
                        return list(files.values())
    return list(files.values())


def _entries(sysroot: Sysroot, base: str, file: Found, suffix: str, reason: str) -> Iterator[tuple[str, Entry]]:
    """The file under its plain name, absolute; links on the way stay links where all of the way can be kept.

    It can where every link is relative and stays in the firmware tree: many names of linux-firmware share one
    file. Otherwise (/etc/alternatives) the content itself takes the asked name.
    """
    path, real = file.path.removesuffix(suffix), file.real.removesuffix(suffix)
    links = [(link.removesuffix(suffix), target.removesuffix(suffix)) for link, target in file.links]
    kept = real.startswith(f"{base}/") and not any(
        target.startswith("/") or not link.startswith(f"{base}/") or link == real for link, target in links
    )
    content: Content = Unpacked(sysroot.host(file.real)) if suffix else OnDisk(sysroot.host(file.real))
    if kept:
        for link, target in links:
            yield link, Symlink(target, reason)
    yield (real if kept else path), File(content, 0o644, reason)
