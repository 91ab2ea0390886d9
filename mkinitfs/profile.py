"""Profiles: TOML files that say what an image holds, composed by `extends`, every mistake reported at once.

A profile is data: no file of the system is looked at here, so that the same profile serves every sysroot.
The keys are described in mkinitfs-profile(5).
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from mkinitfs.errors import MkinitfsError

HARDWARE_CLASSES = ("generic", "host")
Hardware = str | tuple[str, ...]

_ENTRY_POINT = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Profile:
    """What an image holds, parents included: lists keep their order, parents first, each word once.

    A program, applet, module or file that may be missing begins with "?".
    """

    name: str
    description: str = ""
    programs: tuple[str, ...] = ()
    applets: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    load: tuple[str, ...] = ()
    hardware: Hardware = ""  # one of HARDWARE_CLASSES or the names of drivers; "" is no driver at all
    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    symlinks: Mapping[str, str] = field(default_factory=dict)  # path -> target
    entry_points: Mapping[str, str] = field(default_factory=dict)  # path in the image -> `module:function`
    ramdisk: str = ""


def _text(value: object) -> str:
    return "" if isinstance(value, str) else f"expected a string, found {_kind(value)}"


def _words(value: object) -> str:
    if not isinstance(value, list):
        return f"expected a list of strings, found {_kind(value)}"
    strangers = [item for item in value if not isinstance(item, str) or not item.strip()]
    return f"expected a list of strings, found {strangers[0]!r} in it" if strangers else ""


def _paths(value: object) -> str:
    if not isinstance(value, list) or _words(value):
        return _words(value)
    return next(filter(None, (_path(path.removeprefix("?")) for path in value)), "")


def _path(path: str) -> str:
    if not path.startswith("/"):
        return f"{path!r} is not an absolute path"
    strange = {"", ".", ".."} & set(path[1:].split("/"))
    return f"{path!r} has {min(strange) or 'an empty part'} in it" if strange else ""


def _programs(value: object) -> str:
    return _words(value) or (_paths([each for each in value if "/" in each]) if isinstance(value, list) else "")


def _links(value: object) -> str:
    if not isinstance(value, dict):
        return f"expected a table of strings, found {_kind(value)}"
    if any(not isinstance(target, str) or not target for target in value.values()):
        return "expected a table of strings"
    return _paths(list(value))


def _entry_points(value: object) -> str:
    if not isinstance(value, dict) or _links(value):
        return _links(value)
    strange = (text for text in value.values() if not _ENTRY_POINT.fullmatch(text))
    return next((f"{text!r} is not of the form module:function" for text in strange), "")


def _hardware(value: object) -> str:
    if isinstance(value, str) and value not in HARDWARE_CLASSES:
        return f'{value!r} is none of "generic", "host" and a list of drivers'
    return "" if isinstance(value, str) else _words(value)


def _kind(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "a table"}
    return names.get(type(value), "a date or time")


# Key -> what is wrong with a value, "" where nothing is.
KEYS: dict[str, Callable[[object], str]] = {
    "description": _text,
    "extends": _words,
    "programs": _programs,
    "applets": _words,
    "modules": _words,
    "load": _words,
    "hardware": _hardware,
    "files": _paths,
    "directories": _paths,
    "symlinks": _links,
    "entry_points": _entry_points,
    "ramdisk": _text,
}


def _mistakes(values: Mapping[str, object]) -> Iterator[str]:
    """What is wrong with one file by itself, as `key: reason`."""
    for key, value in values.items():
        if check := KEYS.get(key):
            if mistake := check(value):
                yield f"{key}: {mistake}"
        else:
            near = difflib.get_close_matches(key, KEYS, 1)
            yield f"{key}: unknown key" + (f", did you mean {near[0]}?" if near else "")


class _Loader:
    """Reads a profile and all that it extends, each file once, and collects mistakes on the way."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = folders
        self.mistakes: list[str] = []
        self.order: list[dict[str, Any]] = []  # parents before children
        self._seen: set[Path] = set()

    def load(self, path: Path, chain: tuple[Path, ...] = ()) -> None:
        if path in chain:
            names = [step.stem for step in (*chain[chain.index(path) :], path)]
            self.mistakes.append(f"{chain[-1]}: extends: {path.stem} extends itself ({' -> '.join(names)})")
            return
        if path in self._seen:
            return
        self._seen.add(path)
        values = self._read(path)
        self.mistakes += [f"{path}: {mistake}" for mistake in _mistakes(values)]
        values = {key: value for key, value in values.items() if key in KEYS and not KEYS[key](value)}
        for parent in values.get("extends", []):
            if file := find(parent, self.folders, path.parent):
                self.load(file, (*chain, path))
            else:
                self.mistakes.append(f"{path}: extends: no profile {parent}{_nearest(parent, self.folders)}")
        ramdisk = values.get("ramdisk", "")
        if ramdisk and not find(ramdisk, self.folders, path.parent):
            self.mistakes.append(f"{path}: ramdisk: no profile {ramdisk}{_nearest(ramdisk, self.folders)}")
        self.order.append(values)

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            self.mistakes.append(f"{path}: {_with_line(str(error))}")
        except UnicodeDecodeError as error:
            self.mistakes.append(f"{path}: not UTF-8 text (byte {error.start})")
        except OSError as error:
            self.mistakes.append(f"{path}: {error.strerror}")
        return {}


def _with_line(message: str) -> str:
    """`Invalid value (at line 3, column 5)` as `line 3: invalid value (column 5)`."""
    text, at, place = message.partition(" (at line ")
    line, comma, column = place.partition(", ")
    if not (at and comma):
        return message
    return f"line {line}: {text[:1].lower()}{text[1:]} ({column}"


def _nearest(name: str, folders: Sequence[Path]) -> str:
    near = difflib.get_close_matches(name, [known for known, _ in available(folders)], 1)
    return f", did you mean {near[0]}?" if near else ""


def available(folders: Sequence[Path]) -> list[tuple[str, Path]]:
    """Name and path of each profile in `folders`, by name; where two share a name, the earlier folder's."""
    profiles: dict[str, Path] = {}
    for folder in folders:
        for path in folder.glob("*.toml"):
            profiles.setdefault(path.stem, path)
    return sorted(profiles.items())


def find(name: str, folders: Sequence[Path], here: Path = Path()) -> Path | None:
    """The file of the profile `name`, None where there is none.

    A name with a slash or .toml at its end is a path that starts from `here`; others lie in `folders`.
    """
    if _is_path(name):
        return path if (path := here / name).is_file() else None
    return next((path for folder in folders if (path := folder / f"{name}.toml").is_file()), None)


def _is_path(name: str) -> bool:
    return "/" in name or name.endswith(".toml")


def load(name: str, folders: Sequence[Path]) -> Profile:
    """Read the profile `name` (or path) with all that it extends.

    Raises MkinitfsError that lists every mistake of every file involved.
    """
    path = find(name, folders)
    if path is None:
        if _is_path(name):
            raise MkinitfsError(
                f"profile {name}: no such file", "mkinitfs profiles lists those that a name is enough for"
            )
        known = ", ".join(known for known, _ in available(folders))
        raise MkinitfsError(f"profile {name}: not found{_nearest(name, folders)}", f"there are: {known}")
    loader = _Loader(folders)
    loader.load(path)
    merged = _merge(path.stem, loader.order)
    if loader.mistakes:
        count = len(loader.mistakes)
        raise MkinitfsError(
            loader.mistakes[0]
            if count == 1
            else "\n  ".join([f"profile {path.stem}: {count} mistakes", *loader.mistakes]),
            "mkinitfs-profile(5) describes every key",
        )
    return merged


def _merge(name: str, order: Sequence[Mapping[str, Any]]) -> Profile:
    """One value from parents and child: lists and tables grow, the last word of a single value wins."""
    merged: dict[str, Any] = {}
    for values in order:
        for key, value in values.items():
            if isinstance(value, list) and key != "hardware":
                merged[key] = tuple(dict.fromkeys([*merged.get(key, ()), *value]))
            elif isinstance(value, dict):
                merged[key] = {**merged.get(key, {}), **value}
            else:
                merged[key] = tuple(value) if isinstance(value, list) else value
    # A description speaks of one file only.
    merged["description"] = order[-1].get("description", "") if order else ""
    names = {item.name for item in fields(Profile)} - {"name"}
    return Profile(name, **{key: value for key, value in merged.items() if key in names})
