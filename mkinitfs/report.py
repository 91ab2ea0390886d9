"""Plans and outcomes as lines for people and as values for scripts. Contents of files are in neither."""

import json
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mkinitfs import __version__
from mkinitfs.build import Built, Packing, Prepared
from mkinitfs.console import human
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Bytes, Device, Directory, Entry, Fifo, File, Manifest, Symlink, Unpacked, follow
from mkinitfs.profile import Profile

_FORMATS = {Directory: stat.S_IFDIR, Symlink: stat.S_IFLNK, File: stat.S_IFREG, Fifo: stat.S_IFIFO}


def mode(entry: Entry) -> int:
    """The whole st_mode of an entry."""
    if isinstance(entry, Device):
        return (stat.S_IFBLK if entry.kind == "b" else stat.S_IFCHR) | entry.mode
    return _FORMATS[type(entry)] | (0o777 if isinstance(entry, Symlink) else entry.mode)


def size(entry: Entry) -> int:
    """Bytes of content; for a file that is stored unpacked, those of the packed one."""
    if isinstance(entry, File):
        return entry.content.size
    return len(entry.target) if isinstance(entry, Symlink) else 0


def archive_size(manifest: Manifest) -> int | None:
    """About how many bytes of archive `manifest` makes; None where files are yet to be unpacked."""
    if any(isinstance(entry, File) and isinstance(entry.content, Unpacked) for entry in manifest.values()):
        return None
    return sum(112 + len(path) + size(entry) for path, entry in manifest.items())


def columns(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Two columns, the first as wide as its widest."""
    listed = list(rows)
    width = max((len(name) for name, _ in listed), default=0)
    return (f"{name:<{width}}  {text}".rstrip() for name, text in listed)


def _label(path: str, entry: Entry) -> str:
    return f"/{path} -> {entry.target}" if isinstance(entry, Symlink) else f"/{path}"


def plan_lines(manifest: Manifest) -> Iterator[str]:
    """Mode, size, path, reason of each entry."""
    rows = [
        (f"{stat.filemode(mode(entry))} {size(entry):>9} {_label(path, entry)}", entry.reason)
        for path, entry in manifest.items()
    ]
    width = min(max((len(head) for head, _ in rows), default=0), 100)
    return (f"{head:<{width}}  {reason}" for head, reason in rows)


def plan_values(prepared: Prepared) -> dict[str, Any]:
    """The whole plan."""
    return {
        **_subject(prepared),
        "entries": [_entry_values(path, entry) for path, entry in prepared.plan.manifest.items()],
    }


def _subject(prepared: Prepared) -> dict[str, Any]:
    kernel, python = prepared.host.kernel, prepared.host.python
    return {
        "mkinitfs": __version__,
        "profile": prepared.profile.name,
        "sysroot": str(prepared.host.sysroot.root),
        "kernel": kernel.version if kernel else None,
        "python": python.name if python else None,
        "ramdisk_bytes": prepared.plan.ramdisk_size,
        "warnings": list(prepared.plan.warnings),
    }


def _entry_values(path: str, entry: Entry) -> dict[str, Any]:
    values: dict[str, Any] = {"path": path, "type": type(entry).__name__.lower(), "reason": entry.reason}
    match entry:
        case File():
            source = None if isinstance(entry.content, Bytes) else str(entry.content.path)
            values |= {"mode": f"{entry.mode:04o}", "size": size(entry), "source": source}
        case Symlink():
            values |= {"target": entry.target}
        case Device():
            values |= {"mode": f"{entry.mode:04o}", "device": f"{entry.kind} {entry.major}:{entry.minor}"}
        case _:
            values |= {"mode": f"{entry.mode:04o}"}
    return values


def why(manifest: Manifest, path: str) -> Iterator[str]:
    """The reason for `path`, then that of each path the reason names, and so on."""
    key = path.strip("/")
    if key not in manifest:  # by way of a link: /lib -> usr/lib
        key = follow(key, {name: entry.target for name, entry in manifest.items() if isinstance(entry, Symlink)})
    if key not in manifest:
        raise MkinitfsError(f"/{key}: would not be in the image", "mkinitfs plan lists what would")
    seen: set[str] = set()
    while key in manifest and key not in seen:
        seen.add(key)
        entry = manifest[key]
        yield f"{_label(key, entry)}: {entry.reason}"
        words = (word.strip("/,;()") for word in entry.reason.split() if word.startswith("/"))
        key = next((word for word in words if word in manifest), "")


def summary_values(prepared: Prepared, path: Path, packing: Packing, built: Built | None) -> dict[str, Any]:
    """What `build` did, or would do where `built` is None."""
    values = {
        **_subject(prepared),
        "entries": len(prepared.plan.manifest),
        "output": str(path),
        "written": built is not None,
    }
    values |= {"compression": packing.compression, "level": packing.level}
    if built:
        values |= {
            "size": built.size,
            "unpacked": built.unpacked,
            "sha256": built.sha256,
            "seconds": round(built.seconds, 3),
        }
    return values


def summary(prepared: Prepared, path: Path, packing: Packing, built: Built | None) -> str:
    """One line."""
    kernel = f", kernel {prepared.host.kernel.version}" if prepared.host.kernel else ""
    what = f"profile {prepared.profile.name}{kernel}, {len(prepared.plan.manifest)} entries"
    if prepared.plan.ramdisk_size:
        what += f", shutdown ramdisk {human(prepared.plan.ramdisk_size)}"
    if built is None:
        return f"{path}: not written (dry run): {what}"
    packed = f"{human(built.size)} ({packing.compression}, {human(built.unpacked)} unpacked)"
    return f"{path}: {packed}, {what}, {built.seconds:.1f} s"


def profile_values(profile: Profile) -> dict[str, Any]:
    """What a profile comes to, empty keys left out."""
    return {key: value for key, value in asdict(profile).items() if value}


def toml(values: Mapping[str, Any]) -> Iterator[str]:
    """Values of a profile in its own notation. JSON's strings and lists of strings are TOML's too."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            inner = ", ".join(f"{json.dumps(name)} = {json.dumps(text)}" for name, text in value.items())
            yield f"{key} = {{ {inner} }}"
        else:
            yield f"{key} = {json.dumps(value)}"
