"""From the modules that a profile asks for to all that must be in the image, each with the reason for it.

Beyond modprobe's walk (kmod.py) it follows weak dependencies, softdeps of every kind and what modules ask for
by name while they work (modneeds.py), because nothing can be fetched later. Built-ins count as satisfied;
what they ask for in turn is followed as well.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Content, Entry, File, OnDisk, Unpacked
from mkinitfs.modules.depmod import COMPRESSED, Module, Modules, normalise, unpacked_path
from mkinitfs.modules.needs import NEEDS, OFFLOAD
from mkinitfs.modules.softdep import Softdep

# The crypto API's name of an instance, e.g. "crypto-gcm(aes)" or "crypto-authenc(hmac(sha1),cbc(aes))".
_INSTANCE = re.compile(r"crypto[-_]([^(),]+)\((.+)\)")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A module and why it is there, e.g. "dependency of cifs, profile cifs"."""

    module: Module
    why: str

    @property
    def reason(self) -> str:
        """The manifest's reason, e.g. "kernel module netfs: dependency of cifs, profile cifs"."""
        return f"kernel module {self.module.name}: {self.why}"


@dataclass(frozen=True, slots=True)
class Closure:
    """The modules for the image by name, sorted; `builtin` holds what the kernel itself already satisfies."""

    kernel: Modules
    chosen: Mapping[str, Chosen]
    builtin: tuple[str, ...]

    def entries(self, folder: str = "lib/modules") -> Iterator[tuple[str, Entry]]:
        """The .ko files for a Manifest, unpacked; `folder` is "usr/lib/modules" where /lib is a link."""
        for item in self.chosen.values():
            path = self.kernel.directory / item.module.path
            if not path.is_file():
                raise MkinitfsError(
                    f"{path}: no such file, though modules.dep names it", f"run: depmod {self.kernel.version}"
                )
            content: Content = Unpacked(path) if path.suffix in COMPRESSED else OnDisk(path)
            image_path = f"{folder}/{self.kernel.version}/{item.module.image_path}"
            yield image_path, File(content, 0o644, item.reason)


def resolve(kernel: Modules, name: str) -> tuple[str, ...]:
    """The modules, built-in ones included, that `name` stands for; empty where nothing answers to it.

    Beside what modprobe knows: a folder ("kernel/drivers/net/phy/", all below it), a pattern on the path as
    in modules.dep without a compression suffix ("kernel/fs/nls/*.ko"), an instance of the crypto API
    ("crypto-gcm(aes)": the template and its parameters).
    """
    if "/" in name and ":" not in name:
        pattern = name + "*" if name.endswith("/") else name
        paths = ((module, unpacked_path(path)) for module, (path, _) in kernel.lines.items())
        return tuple(module for module, path in paths if fnmatch.fnmatchcase(path, pattern))
    if found_names := kernel.lookup(name):
        return found_names
    if instance := _INSTANCE.fullmatch(name):
        template, parameters = instance.groups()
        if start := kernel.lookup(f"crypto-{template}"):
            parts = [part for part in re.split(r"[(),]+", parameters) if part]
            rest = (found for part in parts for found in kernel.lookup(f"crypto-{part}"))
            return tuple(dict.fromkeys((*start, *rest)))
    return ()


def _resolve_wish(kernel: Modules, name: str) -> tuple[str, ...]:
    """As resolve(), without offload engines where something else provides the name."""
    found = resolve(kernel, name)
    engines = {one for one in found if one in kernel and kernel[one].path.startswith(OFFLOAD)}
    if engines and (engines < set(found) or kernel.builtin_aliases[normalise(name)]):
        return tuple(one for one in found if one not in engines)
    return found


def _wishes(kernel: Modules, name: str) -> Iterator[tuple[str, str]]:
    """What `name` would like to have beside its hard dependencies: (name, why)."""
    soft = kernel.softdeps.get(name, Softdep())
    for wish in (*soft.pre, *soft.plain, *soft.post):
        yield wish, f"softdep of {name}"
    for wish in kernel.weakdeps.get(name, ()):
        yield wish, f"weak dependency of {name}"
    for wish in NEEDS.get(name, ()):
        yield wish, f"{name} asks for {wish}"


def closure_of(kernel: Modules, requests: Iterable[tuple[str, str]]) -> Closure:
    """The closure of (name, origin) pairs such as ("cifs", "profile cifs"); names as in resolve().

    A name with a leading "?" may be missing; any other that nothing answers to is a MkinitfsError, all of
    them in one, with similar names as the hint. The shortest way to a module gives its reason.
    """
    queue: deque[tuple[str, str]] = deque()
    unknown: dict[str, str] = {}
    for request, origin in requests:
        name = request.removeprefix("?")
        found = resolve(kernel, name)
        if not found and name == request:
            unknown.setdefault(name, origin)
        for module in found:
            queue.append((module, origin if module == normalise(name) else f"{name}, {origin}"))
    if unknown:
        raise _unknown(kernel, unknown)

    chosen: dict[str, Chosen] = {}
    builtin: set[str] = set()
    while queue:
        name, why = queue.popleft()
        if name in chosen or name in builtin:
            continue
        if name in kernel:
            chosen[name] = Chosen(kernel[name], why)
            queue.extend((need, f"dependency of {name}, {why}") for need in chosen[name].module.depends)
        else:
            builtin.add(name)
        for wish, cause in _wishes(kernel, name):
            queue.extend((found, f"{cause}, {why}") for found in _resolve_wish(kernel, wish))
    return Closure(kernel, dict(sorted(chosen.items())), tuple(sorted(builtin)))


def _unknown(kernel: Modules, names: Mapping[str, str]) -> MkinitfsError:
    what = ", ".join(f"{name or repr(name)} ({origin})" for name, origin in names.items())
    near: dict[str, None] = {}
    known = [*kernel.lines, *kernel.builtin]
    for name in names:
        near.update(dict.fromkeys(difflib.get_close_matches(normalise(name), known)))
    hint = f"similar names: {', '.join(near)}" if near else "a name that may be missing is written ?name"
    return MkinitfsError(f"kernel {kernel.version}: no module or alias {what}", hint)
