"""The house: which room may import from which, no circles, what is pure, and what holds for every file."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

# From the top down: a room imports from itself and from lower lines, those on one line know nothing of one another.
# A file at the top of its package is a room by itself.
INIT_ROOMS = (
    "__main__", "perform", "boot", "shutdown", "container_lease", "keeper", "request_key", "network", "operations",
    "cmdline", "wire", "system",
)  # fmt: skip
BUILDER_ROOMS = (
    "cli",
    "report inspection",  # what the commands show
    "build",
    "plan",
    "additions skeleton host profile credentials",  # what a plan is made from
    "elf modules python",  # which files belong together
    "archive",
    "placement kconfig privacy",
    "sysroot",
    "manifest console",
    "errors locations",
)

# Rooms without effects, and the files without effects in the others.
PURE_ROOMS = ("boot", "cmdline", "wire")
PURE_FILES = (
    "operations",
    "container_lease.admission", "container_lease.messages", "container_lease.record", "container_lease.watch",
    "keeper.holding", "keeper.holding6",
    "network.links", "network.managers", "network.record", "network.state", "network.state6", "network.texts",
    "perform.modprobe_conf", "perform.modules", "perform.nfs_attempts",
    "shutdown.order",
    "system.mount_table", "system.stdlib",
)  # fmt: skip
# All that they may reach of the standard library: nothing that opens a socket, waits, or calls the system by number.
PURE_LIBRARY = {
    "__future__", "_collections", "_collections_abc", "binascii", "codecs", "errno", "os", "struct", "time",
}  # fmt: skip

FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


class Import(NamedTuple):
    """One import of the module `name`."""

    file: str
    line: int
    name: str
    typing: bool  # only for the type checker
    late: bool  # inside a function

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.name}"


Package = dict[str, list[Import]]  # by module


def dotted(path: Path) -> str:
    words = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(words[:-1] if words[-1] == "__init__" else words)


def imports(path: Path, modules: set[str]) -> Iterator[Import]:
    """Every import of a file, wherever it stands, a name from a package as the module that it is."""
    file, tree = str(path.relative_to(ROOT)), ast.parse(path.read_text())
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    typing = {node for block in blocks for statement in block.body for node in ast.walk(statement)}
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTION)]
    late = {node for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}:{node.lineno}: imports are absolute here"
            assert node.names[0].name != "*", f"{file}:{node.lineno}: says not what it imports"
            base = node.module or ""
            names = [f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base for alias in node.names]
        else:
            continue
        yield from (Import(file, node.lineno, name, node in typing, node in late) for name in dict.fromkeys(names))


def package(name: str) -> Package:
    files = {dotted(path): path for path in sorted((ROOT / name).rglob("*.py"))}
    return {module: list(imports(path, set(files))) for module, path in files.items()}


INIT, BUILDER = package("init"), package("mkinitfs")


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def upwards(modules: Package, lines: tuple[str, ...]) -> list[str]:
    rank = {name: number for number, line in enumerate(lines) for name in line.split()}
    return [
        f"{one}: the room {room(one.name)} does not lie below {room(module)}"
        for module, its_imports in modules.items()
        for one in its_imports
        if one.name in modules and room(one.name) not in (room(module), "")
        if rank[room(one.name)] <= rank[room(module)]
    ]


def circles(modules: Package) -> list[str]:
    """The imports that lie on a circle, those for the type checker included."""
    reached = {module: {one.name for one in its_imports} & set(modules) for module, its_imports in modules.items()}
    for middle in modules:
        for module in modules:
            if middle in reached[module]:
                reached[module] |= reached[middle]
    return [
        str(one)
        for module, its_imports in modules.items()
        for one in its_imports
        if module in reached.get(one.name, ())
    ]


def effects(module: str, seen: tuple[str, ...] = ()) -> Iterator[str]:
    """The chains of imports by which a module of init/ reaches an effect when it runs."""
    for one in INIT[module]:
        if one.typing or one.name in seen:
            continue
        if one.name in INIT:
            yield from effects(one.name, (*seen, module))
        elif one.name.partition(".")[0] not in PURE_LIBRARY:
            yield " -> ".join([*seen, str(one)])


def test_every_room_has_its_place() -> None:
    assert {"init.boot.steps", "init.wire.rarp", *(f"init.{name}" for name in PURE_FILES)} <= set(INIT)
    assert {"mkinitfs.elf.ldso", "mkinitfs.modules.softdep"} <= set(BUILDER)
    for modules, lines in ((INIT, INIT_ROOMS), (BUILDER, BUILDER_ROOMS)):
        assert {room(module) for module in modules} - {""} == set(" ".join(lines).split())


def test_no_import_runs_upwards() -> None:
    assert "\n".join(upwards(INIT, INIT_ROOMS) + upwards(BUILDER, BUILDER_ROOMS)) == ""


def test_no_circle() -> None:
    assert "\n".join(circles(INIT) + circles(BUILDER)) == ""


PURE = [module for module in INIT if room(module) in PURE_ROOMS or module.removeprefix("init.") in PURE_FILES]


@pytest.mark.parametrize("module", PURE)
def test_pure_files_reach_no_effect(module: str) -> None:
    assert next(effects(module), "") == ""


@pytest.mark.parametrize("module", INIT)
def test_early_user_space_imports_the_standard_library_and_itself_only(module: str) -> None:
    for one in INIT[module]:
        assert one.name in INIT or one.name.partition(".")[0] in sys.stdlib_module_names, one


@pytest.mark.parametrize("module", INIT)
def test_a_late_import_says_why(module: str) -> None:
    for one in INIT[module]:
        assert not one.late or "  # late: " in (ROOT / one.file).read_text().splitlines()[one.line - 1], one


FILES = sorted([*(ROOT / "init").rglob("*.py"), *(ROOT / "mkinitfs").rglob("*.py")])


@pytest.mark.parametrize("path", FILES, ids=dotted)
def test_a_file_says_what_it_is_for_within_400_lines_and_functions_of_50(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert len(text.splitlines()) < 400
    assert ast.get_docstring(tree)
    if path.name == "__init__.py" and path.parent.parent != ROOT:
        assert len(text.splitlines()) == 1, "a room's docstring is one line"
    for node in ast.walk(tree):
        if isinstance(node, FUNCTION):
            assert (node.end_lineno or 0) - node.lineno < 50, f"{node.name} is longer than a screen"
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            assert len([one for one in arguments if one.arg != "self"]) <= 6, f"{node.name} has too many parameters"
