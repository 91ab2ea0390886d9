"""What holds for every file of the early user space."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

INIT = Path(__file__).resolve().parents[2] / "init"
FILES = sorted(INIT.glob("*.py"))


def imports(tree: ast.AST) -> list[tuple[int, str]]:
    """(level, module) of every import, wherever it stands; level 0 is absolute."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.level, node.module or ""))
    return found


def test_there_is_something_to_look_at() -> None:
    assert {"boot.py", "perform.py", "teardown.py"} <= {path.name for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_imports_the_standard_library_and_itself_only(path: Path) -> None:
    for level, module in imports(ast.parse(path.read_text())):
        if level == 0:
            assert module.partition(".")[0] in sys.stdlib_module_names, module
        else:
            assert level == 1, f"{module}: from outside init/"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_under_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 400


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))
