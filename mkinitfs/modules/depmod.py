"""The module indexes of one kernel, as depmod left them in lib/modules/VERSION, read with modprobe's rules.

Every file is read on first use: what a build does not ask for (modules.symbols, often modules.alias) costs
nothing. The rules are those of libkmod (modprobe(8), modules.dep(5)); `modprobe --show-depends` is the oracle
of the tests. What goes beyond modprobe is in closure.py.
"""

import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mkinitfs.errors import MkinitfsError
from mkinitfs.modules.softdep import Softdep, parse_softdeps
from mkinitfs.sysroot import Sysroot

COMPRESSED = (".xz", ".zst", ".gz")
WILDCARD = re.compile(r"[*?\[]")
# Of names with a colon, those of no device: linux/miscdevice.h, kmod's own, other ends of a wire, processors.
_DEVICE = re.compile(r"(?!devname:|symbol:|usbfunc:|cpu:|input:)[\w*-]+:")
_BRACKETS = re.compile(r"(\[[^\]]*\])")


@dataclass(frozen=True, slots=True)
class Module:
    """A loadable module, as modules.dep has it."""

    name: str
    path: str  # below the kernel's folder
    depends: tuple[str, ...]  # the names of all modules it needs, indirect ones included, in the order to load them

    @property
    def image_path(self) -> str:
        """Its path in the image, where modules are stored unpacked: ends in .ko."""
        return unpacked_path(self.path)


def unpacked_path(path: str) -> str:
    """The path of a module file without the suffix of its compression."""
    return path.removesuffix(next((suffix for suffix in COMPRESSED if path.endswith(suffix)), ""))


def module_name(path: str) -> str:
    """The module's name from its file: "kernel/crypto/ghash-generic.ko.xz" -> "ghash_generic"."""
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def remedy(directory: Path) -> str:
    """The command that makes the indexes of .../lib/modules/VERSION; depmod(8) looks below DIR/lib/modules."""
    root = directory.parents[2]
    return f"depmod {directory.name}" if root == Path("/") else f"depmod -b {root} {directory.name}"


def normalise(alias: str) -> str:
    """An alias with "-" as "_" except within brackets, as libkmod's alias_normalize() does it."""
    if "[" not in alias:
        return alias.replace("-", "_")
    parts = _BRACKETS.split(alias)
    return "".join(part if part.startswith("[") else part.replace("-", "_") for part in parts)


class Aliases:
    """Shell patterns and the modules they stand for, in file order; lookups take a hash, not a scan.

    A pattern is filed under its literal beginning; of the 26,000 patterns of a Debian kernel only those whose
    beginning fits are matched.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Take (pattern, module) pairs."""
        self._exact: dict[str, list[tuple[int, str]]] = {}
        self._wild: dict[str, list[tuple[int, str, str]]] = {}
        for number, (alias, module) in enumerate(pairs):
            pattern = normalise(alias)
            if wildcard := WILDCARD.search(pattern):
                self._wild.setdefault(pattern[: wildcard.start()], []).append((number, pattern, module))
            else:
                self._exact.setdefault(pattern, []).append((number, module))
        self._lengths = sorted({len(prefix) for prefix in self._wild})

    def __getitem__(self, alias: str) -> tuple[str, ...]:
        """Every module with a pattern that matches `alias`, each once, in file order."""
        name = normalise(alias)
        numbered = list(self._exact.get(name, ()))
        for length in self._lengths:
            if length > len(name):
                break
            for number, pattern, module in self._wild.get(name[:length], ()):
                if fnmatch.fnmatchcase(name, pattern):
                    numbered.append((number, module))
        return tuple(dict.fromkeys(module for _, module in sorted(numbered)))


def _alias_lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if line.startswith("alias "):
            pattern, _, module = line[6:].rpartition(" ")
            yield pattern, module.replace("-", "_")


class Modules:
    """The modules of one kernel.

    `lookup` answers as modprobe does; a name that nothing knows gives an empty tuple, never an error.
    """

    def __init__(self, directory: Path, tree: Sysroot | None = None) -> None:
        """Take .../lib/modules/VERSION, the last part being the version whatever it is a link to.

        `tree` is the root below which it lies and its links are followed, this machine's own for None.
        MkinitfsError names the kernels there are where this is none.
        """
        self.directory = directory.absolute()
        self.version = directory.name
        self._tree = tree or Sysroot("/")
        self._folder = "/" + self.directory.relative_to(self._tree.root).as_posix()
        if not self._tree.is_file(f"{self._folder}/modules.dep"):
            if self._tree.find_folder(self._folder):
                raise MkinitfsError(f"{directory}/modules.dep: no such file", f"run: {remedy(self.directory)}")
            parent = self._folder.rpartition("/")[0]
            names = self._tree.names(parent)
            others = ", ".join(name for name in names if self._tree.is_file(f"{parent}/{name}/modules.dep"))
            raise MkinitfsError(
                f"kernel {self.version}: no modules in {directory.parent}", f"there are: {others or 'none'}"
            )

    def file(self, name: str) -> Path:
        """Where `name`, a path below the kernel's folder, lies on this machine; nothing need be there."""
        found = self._tree.find(f"{self._folder}/{name}")
        return self._tree.host(found.real) if found else self.directory / name

    def _text(self, name: str, required: bool = False) -> str:
        path = self.file(name)
        try:
            return path.read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            if required:
                raise MkinitfsError(f"{path}: no such file", f"run: {remedy(self.directory)}") from None
            return ""  # weakdep came with kmod 33, builtin.modinfo with Linux 5.2
        except OSError as error:
            raise MkinitfsError.of(path, error) from error

    @cached_property
    def lines(self) -> dict[str, tuple[str, str]]:
        """Name -> (path, the rest of its line in modules.dep), in file order."""
        lines = (line.partition(":") for line in self._text("modules.dep", required=True).splitlines())
        return {module_name(path): (path, needs) for path, colon, needs in lines if colon}

    @cached_property
    def own(self) -> frozenset[str]:
        """The paths, less compression, that the kernel's own makefiles built: modules.order; empty without one."""
        return frozenset(self._text("modules.order").split())

    @cached_property
    def replaced(self) -> dict[str, str]:
        """Name -> path, for the modules of the kernel's own tree that one from outside (updates/) takes the place of.

        modules.dep names only the one that is loaded, so this looks at the files.
        """
        outside = {name for name, (path, _) in self.lines.items() if not path.startswith("kernel/")}
        own = self.file("kernel")
        paths = (f"kernel/{path.relative_to(own).as_posix()}" for path in (own.rglob("*.ko*") if outside else ()))
        return {name: path for path in paths if (name := module_name(path)) in outside}

    @cached_property
    def devices(self) -> dict[str, list[str]]:
        """Name -> the patterns of the devices that the module answers to ("pci:v00008086d*..."), none left out."""
        devices: dict[str, list[str]] = {}
        for pattern, name in self.alias_lines:
            if _DEVICE.match(pattern):
                devices.setdefault(name, []).append(pattern)
        return devices

    @cached_property
    def builtin(self) -> dict[str, str]:
        """The names of what is built into the kernel, each with its path as if it were a module."""
        return {module_name(line): line for line in self.builtin_text.splitlines() if line}

    @cached_property
    def builtin_text(self) -> str:
        """modules.builtin as it stands."""
        return self._text("modules.builtin")

    @cached_property
    def alias_lines(self) -> tuple[tuple[str, str], ...]:
        """modules.alias: (pattern, module) pairs in file order."""
        return tuple(_alias_lines(self._text("modules.alias")))

    @cached_property
    def aliases(self) -> Aliases:
        """modules.alias, to look up in."""
        return Aliases(self.alias_lines)

    @cached_property
    def symbols(self) -> Aliases:
        """modules.symbols: "symbol:NAME" -> the module that exports it."""
        return Aliases(_alias_lines(self._text("modules.symbols")))

    @cached_property
    def builtin_info(self) -> dict[str, list[tuple[str, str]]]:
        """modules.builtin.modinfo: key ("alias", "softdep") -> (built-in module, value) pairs."""
        pairs: dict[str, list[tuple[str, str]]] = {}
        for record in self._text("modules.builtin.modinfo").split("\0"):
            origin, _, value = record.partition("=")
            name, _, key = origin.partition(".")
            pairs.setdefault(key, []).append((name.replace("-", "_"), value))
        return pairs

    @cached_property
    def builtin_aliases(self) -> Aliases:
        """The aliases of what is built in."""
        return Aliases((value, name) for name, value in self.builtin_info.get("alias", ()))

    @cached_property
    def softdeps(self) -> dict[str, Softdep]:
        """modules.softdep by module name."""
        return parse_softdeps(self._text("modules.softdep"))

    @cached_property
    def weakdeps(self) -> dict[str, tuple[str, ...]]:
        """modules.weakdep by module name: asked for by the module itself, so only put into the image."""
        weakdeps: dict[str, tuple[str, ...]] = {}
        for line in self._text("modules.weakdep").splitlines():
            match line.split():
                case ["weakdep", name, *words]:
                    name = name.replace("-", "_")
                    weakdeps[name] = weakdeps.get(name, ()) + tuple(words)
        return weakdeps

    def __contains__(self, name: str) -> bool:
        return name in self.lines

    def __getitem__(self, name: str) -> Module:
        """The loadable module of that exact name; KeyError where there is none (also for a built-in)."""
        path, needs = self.lines[name]
        # modules.dep lists what to load last first.
        return Module(name, path, tuple(module_name(word) for word in reversed(needs.split())))

    def lookup(self, name: str) -> tuple[str, ...]:
        """The modules, built-in ones included, that modprobe takes `name` for: a name, an alias, a symbol.

        The first index that knows the name answers alone, in libkmod's order (kmod_module_new_from_lookup).
        """
        plain = normalise(name)
        if plain in self.lines:
            return (plain,)
        if plain.startswith("symbol:"):
            return self.symbols[plain]
        if modules := self.aliases[plain]:
            return modules
        if plain in self.builtin:
            return (plain,)
        return self.builtin_aliases[plain]
