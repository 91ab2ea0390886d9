"""The house: which room may import from which, no circles, what is pure, and what holds for every file."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

# From the top down: a room imports from itself and from rooms below it.
INIT_ROOMS = (
    "__main__", "perform", "boot", "shutdown", "container_lease", "keeper", "network", "operations", "cmdline", "wire",
    "system",
)  # fmt: skip
# The builder's: commands, what they do, and beneath them rooms that know nothing of one another but what stands here.
BUILDER_ROOMS = ("__main__", "cli", "inspection", "build", "report", "plan", "profile", "python", "modules", "elf")

# Rooms without effects, and the files without effects in the others.
PURE_ROOMS = ("boot", "cmdline", "wire")
PURE_FILES = (
    "operations",
    "container_lease.admission", "container_lease.record", "container_lease.watch",
    "keeper.holding", "keeper.holding6",
    "network.links", "network.managers", "network.record", "network.state", "network.state6", "network.texts",
    "perform.modules", "perform.nfs_attempts",
    "shutdown.order",
    "system.mount_table", "system.stdlib",
)  # fmt: skip
EFFECTS = {"socket", "_socket", "select", "fcntl", "ctypes", "_ctypes", "subprocess", "signal", "_signal"}


class Import(NamedTuple):
    """`file` imports the module `name`; `typing` where only the type checker does."""

    file: str
    line: int
    name: str
    typing: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.name}"


def dotted(path: Path) -> str:
    words = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(words[:-1] if words[-1] == "__init__" else words)


def imports(path: Path, modules: set[str]) -> Iterator[Import]:
    """Every import of a file, wherever it stands, a name from a package as the module that it is."""
    tree = ast.parse(path.read_text())
    typing = {
        node
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and isinstance(test.test, ast.Name) and test.test.id == "TYPE_CHECKING"
        for statement in test.body
        for node in ast.walk(statement)
    }
    file = str(path.relative_to(ROOT))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}:{node.lineno}: imports are absolute here"
            base = node.module or ""
            names = [f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base for alias in node.names]
        else:
            continue
        yield from (Import(file, node.lineno, name, node in typing) for name in dict.fromkeys(names))


def package(name: str) -> dict[str, list[Import]]:
    """The imports of each module of a package."""
    files = {dotted(path): path for path in sorted((ROOT / name).rglob("*.py"))}
    return {module: list(imports(path, set(files))) for module, path in files.items()}


INIT, BUILDER = package("init"), package("mkinitfs")


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def upwards(found: dict[str, list[Import]], rooms: tuple[str, ...]) -> list[str]:
    rank = {name: number for number, name in enumerate(rooms)}
    return [
        f"{one}: the room {room(one.name)} lies above {room(module)}"
        for module, all_of_it in found.items()
        for one in all_of_it
        if one.name in found and rank.get(room(one.name), len(rooms)) < rank.get(room(module), len(rooms))
    ]


def circles(found: dict[str, list[Import]]) -> list[str]:
    """The imports that lie on a circle, those for the type checker included."""
    reached = {module: {one.name for one in all_of_it if one.name in found} for module, all_of_it in found.items()}
    for middle in found:
        for module in found:
            if middle in reached[module]:
                reached[module] |= reached[middle]
    return [
        str(one)
        for module, all_of_it in found.items()
        for one in all_of_it
        if one.name in found and module in reached[one.name]
    ]


def effects(module: str, seen: tuple[str, ...] = ()) -> Iterator[str]:
    """The chains of imports by which a module reaches an effect when it runs."""
    for one in INIT[module]:
        if one.typing or one.name in seen:
            continue
        if one.name in EFFECTS:
            yield " -> ".join([*seen, str(one)])
        elif one.name in INIT:
            yield from effects(one.name, (*seen, module))


def test_there_is_something_to_look_at() -> None:
    assert {"init.boot.steps", "init.perform.performer", "init.wire.rarp"} <= set(INIT)
    assert {"mkinitfs.elf.ldso", "mkinitfs.modules.softdep"} <= set(BUILDER)
    assert {room(module) for module in INIT if module != "init"} == set(INIT_ROOMS)


def test_no_import_runs_upwards() -> None:
    assert upwards(INIT, INIT_ROOMS) + upwards(BUILDER, BUILDER_ROOMS) == []


def test_no_circle() -> None:
    assert circles(INIT) + circles(BUILDER) == []


PURE = sorted(
    {module for module in INIT if room(module) in PURE_ROOMS} | {f"init.{name}" for name in PURE_FILES},
)


@pytest.mark.parametrize("module", PURE)
def test_pure_files_reach_no_effect(module: str) -> None:
    assert next(effects(module), "") == ""


@pytest.mark.parametrize("module", INIT)
def test_imports_the_standard_library_and_itself_only(module: str) -> None:
    for one in INIT[module]:
        assert one.name in INIT or one.name.partition(".")[0] in sys.stdlib_module_names, one


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
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 50, f"{node.name} is longer than a screen"
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            assert len([one for one in arguments if one.arg != "self"]) <= 6, f"{node.name} has too many parameters"
