"""The target's Python: its interpreter and the smallest standard library that early user space imports.

The modules are traced statically from the target's own sources (imports.py), starting from our entry points
and from what the interpreter itself asks for; the target's interpreter is never run. Where its version is the
builder's, they are packed as sourceless bytecode, else as source. tests/integration/test_pyruntime.py starts
the interpreter on nothing but the packed tree and compares `sys.modules` with what was traced.
"""

import ast
import functools
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Bytes, Content, Entry, File, OnDisk
from mkinitfs.python.bytecode import compile_module
from mkinitfs.python.imports import scan
from mkinitfs.sysroot import Sysroot

PACKAGE_FOLDER = "/usr/lib/mkinitfs"  # on the target's sys.path, holds the package `init`

# The file by which the interpreter finds its library (CPython's Modules/getpath.py).
_LANDMARK = "os"

# What no import statement of ours shows.
IMPLICIT = {
    "abc": "the interpreter's start",
    "codecs": "the interpreter's start",
    "encodings": "the interpreter's start",
    "encodings.aliases": "the interpreter's start",
    "encodings.ascii": "open(encoding='ascii')",
    "encodings.latin_1": "open(encoding='latin-1')",
    "encodings.utf_8": "the interpreter's start",
    "io": "the interpreter's start",
    _LANDMARK: "the interpreter to find its library by",
}
# Modules that another one puts into sys.modules by itself.
_ALIASES = {"os.path": "posixpath"}
# Compiled into every interpreter, some without a PyInit_ function of their own.
_CORE = frozenset({"sys", "builtins", "marshal", "_imp", "_warnings", "_frozen_importlib", "zipimport", "gc"})


@dataclass(frozen=True, slots=True)
class Python:
    """A target's interpreter, in absolute paths of the target."""

    version: tuple[int, int]
    executable: str
    stdlib: str
    libraries: tuple[str, ...] = ()  # libpython, which may hold C modules

    @property
    def name(self) -> str:
        """As people call it: "Python 3.11"."""
        return f"Python {self.version[0]}.{self.version[1]}"


@dataclass(frozen=True, slots=True)
class Runtime:
    """The modules of an image, without interpreter and libraries."""

    entries: tuple[tuple[str, Entry], ...]
    extensions: Mapping[str, str]  # path of a C module -> reason


@dataclass(frozen=True, slots=True)
class _Source:
    disk: Path
    image: str  # as in the image, .py still
    is_package: bool


class _Finder:
    """Where a dotted name lies: our package, the target's library, its C modules, its interpreter."""

    def __init__(self, sysroot: Sysroot, python: Python, init_package: Path) -> None:
        self._python, self._init = python, init_package
        self._sysroot, self._own = sysroot, Sysroot(init_package.parent)
        self._sources: dict[str, _Source | None] = {}
        self._builtin, self._frozen = _compiled_in(sysroot, python)

    def source(self, name: str) -> _Source | None:
        if name not in self._sources:
            path = name.replace(".", "/")
            if name.partition(".")[0] == self._init.name:
                self._sources[name] = _look(self._own, f"/{path}", f"{PACKAGE_FOLDER}/{path}")
            else:
                path = f"{self._python.stdlib}/{path}"
                self._sources[name] = _look(self._sysroot, path, path)
        return self._sources[name]

    def extension(self, name: str) -> str | None:
        """The path of a C module that is a shared object, that of the right version first."""
        folder = f"{self._python.stdlib}/lib-dynload"
        files = [file for file in self._sysroot.names(folder) if file.split(".")[0] == name and file.endswith(".so")]
        tag = "cpython-{}{}".format(*self._python.version)
        return min((f"{folder}/{file}" for file in files), key=lambda path: (tag not in path, path), default=None)

    def builtin(self, name: str) -> bool:
        """Whether the interpreter has the C module `name` compiled in."""
        return name in self._builtin

    def frozen(self, name: str) -> bool:
        """Whether the interpreter has the Python module `name` compiled in and never looks for its file."""
        return name in self._frozen

    def exists(self, name: str) -> bool:
        return name in _ALIASES or bool(self.source(name) or self.extension(name) or self.builtin(name))


def _look(tree: Sysroot, path: str, image: str) -> _Source | None:
    """The module or package at `path`, by the names of its folder: most lookups are for what is not there."""
    folder, _, name = path.rpartition("/")
    names = tree.names(folder)
    if f"{name}.py" in names:
        return _Source(tree.host(tree.require(f"{path}.py").real), f"{image}.py", False)
    if name in names and "__init__.py" in tree.names(path):
        return _Source(tree.host(tree.require(f"{path}/__init__.py").real), f"{image}/__init__.py", True)
    return None


def _compiled_in(sysroot: Sysroot, python: Python) -> tuple[frozenset[str], frozenset[str]]:
    """The C modules and the Python modules that are part of the interpreter or its library.

    A C module's initialisation function is among the exported symbols, a frozen module's code names itself as
    its file, "<frozen os>".
    """
    builtin, frozen = set(_CORE), set[str]()
    for path in (python.executable, *python.libraries):
        data = sysroot.read(path)
        builtin.update(name.decode() for name in re.findall(rb"\0PyInit_(\w+)(?=\0)", data))
        frozen.update(name.decode() for name in re.findall(rb"<frozen ([\w.]+)>", data))
    return frozenset(builtin), frozenset(frozen)


# A ramdisk is planned within an image and asks for the same files: each is found, parsed and compiled once.
@functools.cache
def _finder(sysroot: Sysroot, python: Python, init_package: Path) -> _Finder:
    return _Finder(sysroot, python, init_package)


def collect(sysroot: Sysroot, python: Python, init_package: Path, roots: Iterable[str]) -> Runtime:
    """The modules that importing each of `roots` ("init.__main__") brings, as entries of the image.

    Raises MkinitfsError with the chain of imports where a module would not be found on the target, and where
    a source is not readable by the builder's own Python.
    """
    finder = _finder(sysroot, python, init_package)
    entries: list[tuple[str, Entry]] = []
    extensions: dict[str, str] = {}
    wanted_by: dict[str, str] = {**IMPLICIT, **dict.fromkeys(roots, "an entry point")}
    queue = list(wanted_by)
    for name in queue:  # grows while it is walked
        reason = f"Python module {name}, {_origin(wanted_by[name])}"
        source = finder.source(name)
        if source is None:
            if path := finder.extension(name):
                extensions[path] = reason
            elif not finder.builtin(name):
                raise _missing(name, python, wanted_by, init_package.name)
            continue
        if not finder.frozen(name) or name == _LANDMARK:
            path, content = _pack(source, python)
            entries.append((path, File(content, 0o644, reason)))
        ours = name.partition(".")[0] == init_package.name
        package = name if source.is_package else name.rpartition(".")[0]
        for item in scan(_parse(source.disk, python), package, finder.exists, whole=ours):
            for step in _with_parents(item.name):
                step = _ALIASES.get(step, step)
                if step not in wanted_by and (item.required or finder.exists(step)):
                    wanted_by[step] = name
                    queue.append(step)
    return Runtime(tuple(entries), extensions)


def script(python: Python, init_package: Path, entry_point: str) -> bytes:
    """The text of an executable that calls `entry_point` ("init.__main__:main").

    -I keeps the environment and the folder of the script out, -S the site module, -B writing of bytecode.
    Raises MkinitfsError where our package has no such function.
    """
    module, _, function = entry_point.partition(":")
    path = init_package.parent.joinpath(*module.split(".")).with_suffix(".py")
    names = {node.name for node in _parse(path, python).body if isinstance(node, ast.FunctionDef)}
    if function not in names:
        raise MkinitfsError(f"entry point {entry_point}: no function {function} in {path}")
    return (
        f"#!{python.executable} -ISB\n"
        "import sys\n"
        f'sys.path.insert(0, "{PACKAGE_FOLDER}")\n'
        f"from {module} import {function}\n"
        f"{function}()\n"
    ).encode()


def _with_parents(name: str) -> Iterator[str]:
    words = name.split(".")
    return (".".join(words[:count]) for count in range(1, len(words) + 1))


def _origin(reason: str) -> str:
    return f"for {reason}" if " " in reason or "(" in reason else f"imported by {reason}"


@functools.cache
def _pack(source: _Source, python: Python) -> tuple[str, Content]:
    """What stands for a source in the image, and where."""
    if _is_own(python):
        own = source.image.startswith(f"{PACKAGE_FOLDER}/")  # it never looks at annotations; of others nobody knows
        compiled = compile_module(_parse(source.disk, python), source.image, annotated=not own)
        return f"{source.image[1:]}c", Bytes(compiled)
    return source.image[1:], OnDisk(source.disk)


def _is_own(python: Python) -> bool:
    """Whether the target reads the bytecode that this process makes."""
    return python.version == sys.version_info[:2]


@functools.cache
def _parse(path: Path, python: Python) -> ast.Module:
    try:
        with warnings.catch_warnings():  # what newer Pythons dislike about a target's library is not ours to mend
            warnings.simplefilter("ignore")
            return ast.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise MkinitfsError.of(path, error) from error
    except (SyntaxError, ValueError) as error:
        own = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
        hint = "" if _is_own(python) else f"run mkinitfs with {python.name} or later: this is {own}"
        raise MkinitfsError(f"{path}: not readable by {own}: {error}", hint) from error


def _missing(name: str, python: Python, wanted_by: Mapping[str, str], package: str) -> MkinitfsError:
    chain = [name]
    while chain[-1] in wanted_by and " " not in wanted_by[chain[-1]]:
        chain.append(wanted_by[chain[-1]])
    if name.partition(".")[0] == package:
        return MkinitfsError(f"Python module {name}: not in early user space (the folder {package})")
    needed = ", ".join(f"imported by {step}" for step in chain[1:])
    return MkinitfsError(
        f"Python module {name}: not in {python.name} below {python.stdlib}" + (f" ({needed})" if needed else ""),
        f"install the whole standard library of {python.name} in the sysroot",
    )
