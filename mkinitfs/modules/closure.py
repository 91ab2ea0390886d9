"""From the modules that a profile asks for to all that must be in the image, each with the reason for it.

Beyond what modprobe loads it follows weak dependencies, softdeps of every kind and what modules ask for by name
while they work (needs.py), because nothing can be fetched later. Built-ins count as satisfied; what they ask for
in turn is followed as well.
"""

import difflib
import fnmatch
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Content, Entry, File, OnDisk, Unpacked
from mkinitfs.modules.depmod import COMPRESSED, WILDCARD, Module, Modules, normalise, remedy, unpacked_path
from mkinitfs.modules.needs import BUSES, NEEDS, OFFLOAD, PHYLIB, PHYLIB_CALLS
from mkinitfs.modules.outside import calls, home
from mkinitfs.modules.softdep import Softdep

# The crypto API's name of an instance, e.g. "crypto-gcm(aes)" or "crypto-authenc(hmac(sha1),cbc(aes))".
_INSTANCE = re.compile(r"crypto[-_]([^(),]+)\((.+)\)")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A module of the image."""

    module: Module
    why: str  # e.g. "dependency of cifs, profile cifs"

    @property
    def reason(self) -> str:
        """The manifest's reason, e.g. "kernel module netfs: dependency of cifs, profile cifs"."""
        return f"kernel module {self.module.name}: {self.why}"


@dataclass(frozen=True, slots=True)
class Closure:
    """The modules for the image."""

    kernel: Modules
    chosen: Mapping[str, Chosen]  # by name, sorted
    builtin: tuple[str, ...]  # what the kernel itself already satisfies

    def entries(self, folder: str = "lib/modules") -> Iterator[tuple[str, Entry]]:
        """The .ko files for a Manifest, unpacked; `folder` is "usr/lib/modules" where /lib is a link."""
        for item in self.chosen.values():
            path = self.kernel.file(item.module.path)
            if not path.is_file():
                raise MkinitfsError(
                    f"{path}: no such file, though modules.dep names it", f"run: {remedy(self.kernel.directory)}"
                )
            content: Content = Unpacked(path) if path.suffix in COMPRESSED else OnDisk(path)
            image_path = f"{folder}/{self.kernel.version}/{item.module.image_path}"
            yield image_path, File(content, 0o644, item.reason)

    def loaded(self, names: Iterable[str]) -> tuple[str, ...]:
        """The modules of the image that `names` stand for, in their order; as in closure_of(), built-ins left out."""
        modules = (module for name in names for module in resolve(self.kernel, name.removeprefix("?")))
        return tuple(dict.fromkeys(module for module in modules if module in self.chosen))


def resolve(kernel: Modules, name: str) -> tuple[str, ...]:
    """The modules, built-in ones included, that `name` stands for; empty where nothing answers to it.

    Beside what modprobe knows: a folder ("kernel/drivers/net/phy/", all below it), a pattern on the path as
    in modules.dep without a compression suffix ("kernel/fs/nls/*.ko"; what takes the place of a kernel's own
    module answers to that one's path, too), a pattern on names or on the aliases as they are written ("nls_*",
    "mdio:*"), an instance of the crypto API ("crypto-gcm(aes)": the template and its parameters).
    """
    if "/" in name and ":" not in name:
        pattern = name + "*" if name.endswith("/") else name
        paths = [(module, {path, home(kernel, module)}) for module, (path, _) in kernel.lines.items()]
        paths += [(module, {path}) for module, path in kernel.builtin.items() if module not in kernel]
        return tuple(m for m, both in paths if any(fnmatch.fnmatchcase(unpacked_path(p), pattern) for p in both))
    if modules := kernel.lookup(name):
        return modules
    if WILDCARD.search(name):
        return _matching(kernel, normalise(name))
    if instance := _INSTANCE.fullmatch(name):
        template, parameters = instance.groups()
        if start := kernel.lookup(f"crypto-{template}"):
            parts = [part for part in re.split(r"[(),]+", parameters) if part]
            rest = (module for part in parts for module in kernel.lookup(f"crypto-{part}"))
            return tuple(dict.fromkeys((*start, *rest)))
    return ()


def _matching(kernel: Modules, pattern: str) -> tuple[str, ...]:
    names = fnmatch.filter([*kernel.lines, *sorted(kernel.builtin)], pattern)
    aliases = (module for alias, module in kernel.alias_lines if fnmatch.fnmatchcase(normalise(alias), pattern))
    return tuple(dict.fromkeys([*names, *aliases]))


def _resolve_soft_need(kernel: Modules, name: str) -> tuple[str, ...]:
    """As resolve(), without offload engines where something else provides the name."""
    modules = resolve(kernel, name)
    engines = {module for module in modules if module in kernel and kernel[module].path.startswith(OFFLOAD)}
    if engines and (engines < set(modules) or kernel.builtin_aliases[normalise(name)]):
        return tuple(module for module in modules if module not in engines)
    return modules


def _soft_needs(kernel: Modules, name: str, asked_for: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """What module `name` would like to have beside its hard dependencies: (name or alias, why)."""
    softdep = kernel.softdeps.get(name, Softdep())
    for need in (*softdep.pre, *softdep.plain, *softdep.post):
        yield need, f"softdep of {name}"
    for need in kernel.weakdeps.get(name, ()):
        yield need, f"weak dependency of {name}"
    for need in asked_for.get(name, ()):
        yield need, f"{name} asks for {need}"
    for bus, controllers in BUSES.items():
        if any(device.startswith(f"{bus}:") for device in kernel.devices.get(name, ())):
            yield from ((need, f"{name} is for devices on {bus}") for need in controllers)
    if PHYLIB in asked_for and PHYLIB in kernel.builtin and calls(kernel, name, PHYLIB_CALLS):
        yield PHYLIB, f"{name} stands on {PHYLIB}"


def closure_of(kernel: Modules, requests: Iterable[tuple[str, str]]) -> Closure:
    """The closure of (name, origin) pairs such as ("cifs", "profile cifs"); names as in resolve().

    A name with a leading "?" may be missing; any other that nothing answers to is a MkinitfsError, all of
    them in one, with similar names as the hint. The shortest way to a module gives its reason. Where a PHY's
    driver is among what is asked for, the PHYs are known, and libphy does not bring all of them.
    """
    queue: deque[tuple[str, str]] = deque()
    unknown: dict[str, str] = {}
    for request, origin in requests:
        name = request.removeprefix("?")
        modules = resolve(kernel, name)
        if not modules and name == request:
            unknown.setdefault(name, origin)
        for module in modules:
            queue.append((module, origin if module == normalise(name) else f"{name}, {origin}"))
    if unknown:
        raise _unknown(kernel, unknown)

    phys_known = any(_is_phy_driver(kernel, name) for name, _ in queue)
    asked_for = {name: needs for name, needs in NEEDS.items() if not (phys_known and name == PHYLIB)}
    chosen: dict[str, Chosen] = {}
    builtin: set[str] = set()
    while queue:
        name, why = queue.popleft()
        if name in chosen or name in builtin:
            continue
        if name in kernel:
            chosen[name] = Chosen(kernel[name], why)
            depends = chosen[name].module.depends
            queue.extend((dependency, f"dependency of {name}, {why}") for dependency in depends)
        else:
            builtin.add(name)
        for need, cause in _soft_needs(kernel, name, asked_for):
            queue.extend((module, f"{cause}, {why}") for module in _resolve_soft_need(kernel, need))
    return Closure(kernel, dict(sorted(chosen.items())), tuple(sorted(builtin)))


def _is_phy_driver(kernel: Modules, name: str) -> bool:
    return any(device.startswith("mdio:") for device in kernel.devices.get(name, ()))


def _unknown(kernel: Modules, names: Mapping[str, str]) -> MkinitfsError:
    what = ", ".join(f"{name or repr(name)} ({origin})" for name, origin in names.items())
    near: dict[str, None] = {}
    known = [*kernel.lines, *kernel.builtin]
    for name in names:
        near.update(dict.fromkeys(difflib.get_close_matches(normalise(name), known)))
    if near:
        hint = f"similar names: {', '.join(near)}"
    elif not kernel.builtin_text:  # Debian's kernels from 7.x on are several packages
        hint = "modules.builtin, which tells what is built in, is not there: is linux-base-VERSION unpacked, too?"
    else:
        hint = "a name that may be missing is written ?name"
    return MkinitfsError(f"kernel {kernel.version}: no module or alias {what}", hint)
