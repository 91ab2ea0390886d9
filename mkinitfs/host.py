"""The facts of the system that an image is for, all read below an explicit sysroot, none by running it."""

import difflib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mkinitfs.errors import MkinitfsError
from mkinitfs.python.runtime import Python
from mkinitfs.sysroot import Sysroot

_PREFIXES = ("/usr", "/usr/local", "")
_INTERPRETER = re.compile(r"python(\d+)\.(\d+)")
_KERNEL_HINT = "install a kernel there, or name another folder with --kernel-dir"


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel's files."""

    version: str
    root: Path  # the folder with lib/modules and lib/firmware
    modules: Path  # the folder with modules.dep


@dataclass(frozen=True, slots=True)
class Host:
    """What plan() knows of the target."""

    sysroot: Sysroot
    python: Python | None  # None where the image needs none
    kernel: Kernel | None  # likewise


def find_python(sysroot: Sysroot) -> Python:
    """The newest Python 3 below the sysroot that has its standard library beside it.

    Raises MkinitfsError where there is none, naming what was found of one.
    """
    incomplete: list[str] = []
    pythons: list[tuple[tuple[int, int], int, Python]] = []  # version, then rank of the prefix
    for rank, prefix in enumerate(_PREFIXES):
        for name in sysroot.names(f"{prefix}/bin"):
            match = _INTERPRETER.fullmatch(name)
            if not match or not sysroot.is_file(f"{prefix}/bin/{name}"):
                continue
            version = (int(match[1]), int(match[2]))
            stdlib = _stdlib(sysroot, prefix, name)
            if stdlib is None:
                incomplete.append(f"{prefix}/bin/{name}")
            elif version >= (3, 11):
                libraries = (f"{prefix}/{lib}/lib{name}.so.1.0" for lib in _library_folders(sysroot, prefix))
                own = tuple(path for path in libraries if sysroot.is_file(path))
                pythons.append((version, -rank, Python(version, f"{prefix}/bin/{name}", stdlib, own)))
            else:
                incomplete.append(f"{prefix}/bin/{name}")
    if pythons:
        return max(pythons, key=lambda item: item[:2])[2]
    if incomplete:
        raise MkinitfsError(
            f"{incomplete[0]}: older than Python 3.11 or without its standard library",
            f"install all of Python below {sysroot.root}",
        )
    raise MkinitfsError(
        f"{sysroot.root}: no Python 3 in /usr/bin", "early user space is Python: install python3 there (3.11 or later)"
    )


def _stdlib(sysroot: Sysroot, prefix: str, name: str) -> str | None:
    folders = (f"{prefix}/{lib}/{name}" for lib in ("lib", "lib64"))
    return next((folder for folder in folders if sysroot.is_file(f"{folder}/os.py")), None)


def _library_folders(sysroot: Sysroot, prefix: str) -> list[str]:
    """Where a distribution keeps libpython: its library folders and Debian's one for each architecture."""
    multiarch = (f"lib/{name}" for name in sysroot.names(f"{prefix}/lib") if name.count("-") >= 2)
    return ["lib", "lib64", *multiarch]


def kernel_versions(root: Path) -> list[str]:
    """The versions below `root`/lib/modules that have their modules.dep, oldest first."""
    tree = Sysroot(root)
    names = [name for name in tree.names("/lib/modules") if tree.is_file(f"/lib/modules/{name}/modules.dep")]
    return sorted(names, key=_version_key)


def _version_key(version: str) -> list[tuple[int, str]]:
    """6.9 before 6.12: runs of digits compare as numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", version)]


def find_kernel(root: Path, wanted: str | None, *, running: str | None = None) -> Kernel:
    """The kernel `wanted`, else the running one where it is there, else the only one.

    `running` is given where `root` is the running system's own. Raises MkinitfsError naming those there are.
    """
    versions = kernel_versions(root)
    if not versions:
        raise MkinitfsError(f"{root / 'lib/modules'}: no kernel with a modules.dep", _KERNEL_HINT)
    version = _choose(root, versions, wanted, running)
    tree = Sysroot(root)
    return Kernel(version, root, tree.host(tree.require(f"/lib/modules/{version}").real))


def _choose(root: Path, versions: Sequence[str], wanted: str | None, running: str | None) -> str:
    there = "there are: " + ", ".join(versions) if len(versions) > 1 else f"there is only {versions[0]}"
    if wanted is not None:
        if wanted in versions:
            return wanted
        near = difflib.get_close_matches(wanted, versions, 1)
        guess = f", did you mean {near[0]}?" if near and len(versions) > 1 else ""
        raise MkinitfsError(f"kernel {wanted}: not below {root / 'lib/modules'}{guess}", there)
    if running in versions:
        return str(running)
    if len(versions) == 1:
        return versions[0]
    raise MkinitfsError(
        f"{root / 'lib/modules'}: {len(versions)} kernels", f"choose one with --kernel-version: {', '.join(versions)}"
    )


def running_kernel(root: Path) -> str | None:
    """The running kernel's version where `root` is the running system's own folder."""
    return os.uname().release if root.resolve() == Path("/") else None
