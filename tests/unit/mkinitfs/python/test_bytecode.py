"""Packed bytecode: lines kept, columns and docstrings gone, bytes always the same."""

import ast
import importlib.util
import marshal
import subprocess
import sys
from pathlib import Path
from types import CodeType

import pytest

from mkinitfs.python.bytecode import compile_module

SAMPLES = ["os", "enum", "typing", "collections", "socket", "re._parser", "argparse", "decimal", "asyncio.base_events"]


def source(name: str) -> tuple[ast.Module, str]:
    spec = importlib.util.find_spec(name)
    assert spec and spec.origin
    path = spec.origin if spec.origin != "frozen" else importlib.util.find_spec("this").origin.replace("this", name)
    return ast.parse(Path(path).read_bytes()), path


def codes(code: CodeType):
    yield code
    for item in code.co_consts:
        if isinstance(item, CodeType):
            yield from codes(item)


def lines(code: CodeType) -> list[tuple[int, int | None]]:
    """The line of each instruction."""
    return [(at, line) for start, end, line in code.co_lines() for at in range(start, end, 2)]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_instruction_keeps_its_line_and_loses_its_column(name):
    tree, path = source(name)
    packed = marshal.loads(compile_module(tree, path)[16:])
    plain = compile(tree, path, "exec", dont_inherit=True, optimize=2)
    for ours, theirs in zip(codes(packed), codes(plain), strict=True):
        assert lines(ours) == lines(theirs)
        assert {column for _, _, *columns in ours.co_positions() for column in columns} <= {None}
        assert ours.co_code == theirs.co_code
        assert ours.co_filename == path


def test_the_header_says_unchecked_hash():
    assert compile_module(ast.parse(""), "/x.py")[:16] == importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + bytes(8)


def test_docstrings_and_assertions_are_stripped():
    code = marshal.loads(compile_module(ast.parse('"doc"\ndef f():\n  "doc"\n  assert g()\n'), "/x.py")[16:])
    names = [name for each in codes(code) for name in each.co_names]
    assert "g" not in names
    assert not any("doc" in each.co_consts for each in codes(code))


def test_annotations_of_functions_go_and_those_of_classes_are_text():
    text = "from __future__ import annotations\nclass A:\n  x: Later = 1\n"
    text += "def f(a: Later, *b: Later) -> Later:\n  c: Later = a\n"
    made: dict[str, object] = {}
    code = marshal.loads(compile_module(ast.parse(text), "/x.py", annotated=False)[16:])
    exec(code, {"__name__": "x"}, made)
    assert "__future__" not in code.co_names
    assert made["A"].__annotations__ == {"x": "Later"}
    assert made["f"].__annotations__ == {}
    assert made["f"](3) is None


PROGRAM = """
import sys
{before}
import ast, hashlib
from mkinitfs.python.bytecode import compile_module
digest = hashlib.sha256()
for path in sys.argv[1:]:
    with open(path, "rb") as stream:
        digest.update(compile_module(ast.parse(stream.read()), "/fixed.py"))
print(digest.hexdigest())
"""


def test_the_bytes_do_not_depend_on_what_else_a_process_has_loaded():
    paths = [source(name)[1] for name in SAMPLES]
    seen = set()
    for seed, before in enumerate(("", "import json, email.message, asyncio", "import typing, decimal, click")):
        argv = [sys.executable, "-c", PROGRAM.format(before=before), *paths]
        seen.add(subprocess.check_output(argv, env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": "."}))
    assert len(seen) == 1
