"""What the target's administrator and packages have set for modules: modprobe.d(5), read as libkmod reads it.

What has a say over a module of the image goes into it as one file, which /init and the modprobe of the image read
alike. Soft dependencies are resolved while it is built (depmod.py, index.py), and a module whose `install` command
does nothing (`install usb-storage /bin/false`) is left out: it is never to be loaded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Bytes, Entry, File
from mkinitfs.modules.closure import Closure
from mkinitfs.modules.depmod import Aliases, Modules, normalise
from mkinitfs.modules.softdep import Softdep, parse_softdep
from mkinitfs.sysroot import Sysroot

FOLDERS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
PATH = "etc/modprobe.d/mkinitfs.conf"
# The commands with which people switch a module off, whatever stands behind them for the shell.
NOTHING = re.compile(r"(((/usr)?/bin/)?(true|false)|(/usr)?/s?bin/nologin|exit [0-9]+|:)(\s[^;&|]*)?")
_OFF = ("off", "null")  # of an alias that is to lead nowhere


@dataclass(frozen=True, slots=True)
class Line:
    """One setting: the command, what it is for (a module, the pattern of an alias) and the rest of its line."""

    command: str
    name: str
    rest: str = ""

    def __str__(self) -> str:
        return f"{self.command} {self.name} {self.rest}".rstrip(" ")


@dataclass(frozen=True, slots=True)
class ModprobeConf:
    """The settings of all files, in the order in which they count."""

    lines: tuple[Line, ...] = ()
    private: frozenset[Line] = frozenset()  # from files that not everybody may read
    unread: tuple[str, ...] = ()  # what is wrong with files that cannot be read

    def of(self, command: str) -> Iterator[Line]:
        """The lines of one command."""
        return (line for line in self.lines if line.command == command)

    def softdeps(self) -> dict[str, Softdep]:
        """Soft dependencies by module name."""
        found: dict[str, Softdep] = {}
        for line in self.of("softdep"):
            found[line.name] = found.get(line.name, Softdep()) + parse_softdep(line.rest.split())
        return found

    def weakdeps(self) -> dict[str, tuple[str, ...]]:
        """Weak dependencies by module name."""
        found: dict[str, tuple[str, ...]] = {}
        for line in self.of("weakdep"):
            found[line.name] = (*found.get(line.name, ()), *line.rest.split())
        return found

    def aliases(self) -> Iterator[tuple[str, str]]:
        """(pattern, module) pairs."""
        return ((line.name, line.rest) for line in self.of("alias"))

    def without_switched_off(self, closure: Closure, asked: Iterable[str]) -> tuple[Closure, list[str]]:
        """The closure without the modules that are never to be loaded, and warnings.

        They tell of those that were `asked` for by name or that others need, of other commands, since early user space
        runs none, and of files that cannot be read.
        """
        commands = {line.name: line.rest for line in self.of("install") if line.name in closure.chosen}
        off = {name for name, command in commands.items() if NOTHING.fullmatch(command)}
        kept = {name: item for name, item in closure.chosen.items() if name not in off}
        needed = off & {*map(normalise, asked), *(name for item in kept.values() for name in item.module.depends)}
        warnings = list(self.unread)
        if needed:
            warnings.append(
                f"modprobe.d: install {_listed(needed)}: switched off, so left out, though the image asks for it; "
                "name no such module, or take that line away"
            )
        if others := set(commands) - off:
            warnings.append(
                f"modprobe.d: install {_listed(others)}: the command is not run in early user space, the module is "
                "loaded as it is; blacklist it there if it should not be"
            )
        return replace(closure, chosen=kept), warnings

    def entries(self, modules: Collection[str]) -> Iterator[tuple[str, Entry]]:
        """The file for an image that has `modules`, none where nothing has a say over them."""
        lines = list(dict.fromkeys(line for line in self.lines if _matters(line, modules)))
        if lines:
            text = "".join(f"{line}\n" for line in lines)
            mode = 0o600 if self.private.intersection(lines) else 0o644
            yield PATH, File(Bytes(text.encode(errors="surrogateescape")), mode, "modprobe.d of the target")


class ConfiguredModules(Modules):
    """The modules of a kernel with what modprobe.d says of their aliases and of what is loaded with them."""

    def __init__(self, directory: Path, tree: Sysroot, conf: ModprobeConf) -> None:
        super().__init__(directory, tree)
        self._conf = conf
        self._own = Aliases(conf.aliases())

    @cached_property
    def softdeps(self) -> dict[str, Softdep]:
        """All of them, modprobe.d's first."""
        softdeps = self._conf.softdeps()
        for name, softdep in super().softdeps.items():
            softdeps[name] = softdeps.get(name, Softdep()) + softdep
        return softdeps

    @cached_property
    def weakdeps(self) -> dict[str, tuple[str, ...]]:
        """All of them, modprobe.d's first."""
        weakdeps = self._conf.weakdeps()
        for name, words in super().weakdeps.items():
            weakdeps[name] = weakdeps.get(name, ()) + words
        return weakdeps

    def lookup(self, name: str) -> tuple[str, ...]:
        """An alias of modprobe.d comes before everything else, and one that leads nowhere hides the rest."""
        if own := self._own[name]:
            return tuple(module for module in own if module in self or module in self.builtin)
        return super().lookup(name)


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _matters(line: Line, modules: Collection[str]) -> bool:
    match line.command:
        case "alias":
            return line.rest in modules or line.rest in _OFF
        case "options" | "blacklist":
            return line.name in modules
    return False  # softdeps are in modules.dep


def read(sysroot: Sysroot) -> ModprobeConf:
    """The settings of the system below `sysroot`. Of files of one name that of the first folder counts."""
    paths: dict[str, str] = {}
    for folder in FOLDERS:
        for name in sysroot.names(folder):
            if name.endswith(".conf"):
                paths.setdefault(name, f"{folder}/{name}")
    lines: list[Line] = []
    private: set[Line] = set()
    unread: list[str] = []
    for _, path in sorted(paths.items()):
        try:
            if not sysroot.is_file(path):  # a link to /dev/null switches a file off
                continue
            found = list(parse(sysroot.read_text(path)))
            mode = sysroot.stat(sysroot.require(path).real).st_mode
        except MkinitfsError as error:  # only root may read it: the image lacks a setting, but it can be built
            unread.append(f"{error.message}; its settings are not in the image")
            continue
        lines += found
        private.update(() if mode & 0o004 else found)
    return ModprobeConf(tuple(lines), frozenset(private), tuple(unread))


def parse(text: str) -> Iterator[Line]:
    """The settings of one file. What libkmod does not take for one is passed over, as it does."""
    for line in _joined(text).split("\n"):
        if line.startswith("#"):
            continue
        command, rest = _word(line)
        name, rest = _word(rest)
        if not _is_name(name):
            continue
        name = normalise(name)
        match command:
            case "blacklist":
                yield Line(command, name)
            case "alias" if _is_name(module := _word(rest)[0]):
                yield Line(command, name, normalise(module))
            case "options" | "install" | "softdep" | "weakdep" if rest:
                yield Line(command, name, rest.strip(" \t"))


def _joined(text: str) -> str:
    """A backslash joins two lines; before anything else it is dropped."""
    return re.sub(r"\\(\n|$|(.))", r"\2", text)


def _word(text: str) -> tuple[str, str]:
    """The first word and what follows."""
    word, *rest = re.split(r"[ \t]", text.lstrip(" \t"), maxsplit=1)
    return word, "".join(rest)


def _is_name(word: str) -> bool:
    """Whether libkmod takes it for the name of a module or an alias: its brackets are in pairs."""
    return bool(word) and not re.search(r"[\[\]]", re.sub(r"\[[^\]]*\]", "", word))
