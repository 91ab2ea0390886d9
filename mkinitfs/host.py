"""The facts of the system that an image is for, all read below an explicit sysroot, none by running it."""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mkinitfs import kconfig
from mkinitfs.errors import MkinitfsError
from mkinitfs.kconfig import Configuration
from mkinitfs.modules.depmod import remedy
from mkinitfs.python.runtime import Python
from mkinitfs.sysroot import Sysroot

_PREFIXES = ("/usr", "/usr/local", "")
_INTERPRETER = re.compile(r"python(\d+)\.(\d+)")
_MODULES = ("/lib/modules", "/usr/lib/modules")
_KERNEL_HINT = "install a kernel there, or name another folder with --kernel-dir"


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel's files, in a tree that may hold lib/firmware and boot beside lib/modules."""

    version: str  # the name of its folder, as `uname -r` says it, not that of a folder it is a link to
    tree: Sysroot
    folder: str  # the one with modules.dep, as a path below the tree: "/usr/lib/modules/6.12"
    config: Configuration | None = None

    @property
    def modules(self) -> Path:
        """That folder on this machine, links on the way not followed."""
        return self.tree.host(self.folder)


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


def kernel_folders(tree: Sysroot) -> dict[str, str]:
    """Version -> folder of each kernel below `tree` that has its modules.dep, oldest version first.

    Merged or not, lib and usr/lib are both looked into: a package that was unpacked by itself brings no link.
    """
    folders: dict[str, str] = {}
    for parent in _MODULES:
        for name in tree.names(parent):
            try:
                is_kernel = tree.is_file(f"{parent}/{name}/modules.dep")
            except MkinitfsError:  # a link in a circle: told once that one is asked for
                continue
            if is_kernel:
                folders.setdefault(name, f"{parent}/{name}")
    return dict(sorted(folders.items(), key=lambda item: _version_key(item[0])))


def _version_key(version: str) -> list[tuple[int, str]]:
    """6.9 before 6.12: runs of digits compare as numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", version)]


def find_kernel(root: Path, wanted: str | None, *, running: str | None = None) -> Kernel:
    """The kernel `wanted`, else the running one where it is there, else the only one.

    `running` is given where `root` is the running system's own. Raises MkinitfsError naming those there are.
    """
    if not root.is_dir():  # a package, or a name with a slip
        raise MkinitfsError(f"{root}: no folder with a kernel", "dpkg -x PACKAGE DIR makes one for --kernel-dir")
    tree = Sysroot(root)
    folders = kernel_folders(tree)
    version = _choose(tree, folders, wanted, running)
    folder = folders[version]
    return Kernel(version, tree, folder, kconfig.read(tree, folder, version))


def _choose(tree: Sysroot, folders: Mapping[str, str], wanted: str | None, running: str | None) -> str:
    if wanted in folders:
        return str(wanted)
    if (wanted or not folders) and (bare := _without_index(tree, wanted)):
        raise MkinitfsError(f"{tree.host(bare)}: no modules.dep", f"run: {remedy(tree.host(bare))}")
    where = tree.root / "lib/modules"
    versions = _one_name_each(tree, folders)
    if not versions:
        raise MkinitfsError(f"{where}: no kernel with a modules.dep", _above(tree) or _KERNEL_HINT)
    if wanted is not None:
        there = "there are: " + ", ".join(versions) if len(versions) > 1 else f"there is only {versions[0]}"
        near = difflib.get_close_matches(wanted, versions, 1)
        guess = f", did you mean {near[0]}?" if near and len(versions) > 1 else ""
        raise MkinitfsError(f"kernel {wanted}: not below {where}{guess}", there)
    if running in folders:
        return str(running)
    if len(versions) == 1:
        return versions[0]
    raise MkinitfsError(f"{where}: {len(versions)} kernels", f"choose one with --kernel-version: {', '.join(versions)}")


def _one_name_each(tree: Sysroot, folders: Mapping[str, str]) -> list[str]:
    """The versions, of several names for one folder (a link `current`) the folder's own."""
    names: dict[str, str] = {}
    for version, folder in folders.items():
        real = tree.require(folder).real
        if real not in names or real.endswith(f"/{version}"):
            names[real] = version
    return sorted(names.values(), key=_version_key)


def _without_index(tree: Sysroot, wanted: str | None) -> str | None:
    """A folder with a kernel's modules to which depmod never was; that of `wanted` where it is given."""
    paths = (f"{parent}/{name}" for parent in _MODULES for name in tree.names(parent) if wanted in (None, name))
    return next((path for path in paths if tree.find(f"{path}/kernel")), None)


def _above(tree: Sysroot) -> str:
    """The hint for whoever names lib/modules, a kernel's folder itself or its sources; empty where that is not it."""
    parents = [parent for parent in tree.root.parents if (parent / "lib/modules") in (tree.root, *tree.root.parents)]
    if parents and any(tree.find(f"/{name}/kernel") for name in ("", *tree.names("/"))):
        return f"name the folder above lib/modules: --kernel-dir {parents[0]}"
    if tree.is_file("/Kbuild") and tree.is_file("/Makefile"):
        return "install the modules from there, make modules_install INSTALL_MOD_PATH=DIR, and name --kernel-dir DIR"
    return ""


def running_kernel(root: Path) -> str | None:
    """The running kernel's version where `root` is the running system's own folder."""
    return os.uname().release if root.resolve() == Path("/") else None
