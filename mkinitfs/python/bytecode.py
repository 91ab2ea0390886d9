"""Compiled modules: the same bytes on every build, and as few as tracebacks with line numbers allow."""

import __future__

import ast
import importlib.util
import marshal
import sys
from collections.abc import Iterator
from types import CodeType

# PEP 552: bit 0 says that a hash of the source stands in place of its date, bit 1 that it is to be checked.
# One that is not checked may as well be zero.
_UNCHECKED_HASH = (0b01).to_bytes(4, "little") + bytes(8)

# Objects/locations.md of CPython 3.11 and later: the kinds of an entry in a line table.
_ONE_LINE, _NO_COLUMNS, _LONG, _NONE = 10, 13, 14, 15
_LONGEST = 8  # code units that one entry can cover


def compile_module(tree: ast.Module, path: str, *, annotated: bool = True) -> bytes:
    """A sourceless .pyc for `tree`: docstrings and assertions stripped, `path` in its tracebacks.

    Unless `annotated`, functions lose their annotations, and classes have theirs as text (PEP 563).
    """
    flags = 0 if annotated else __future__.annotations.compiler_flag
    code = compile(
        tree if annotated else _without_annotations(tree), path, "exec", flags, dont_inherit=True, optimize=2
    )
    code = _slim(code)
    # Two things in marshal's output depend on what else this process has loaded. An object that only one
    # place refers to is written without a number for later reference: so give every object a second holder.
    # And a string is written as interned or not: those of one character are shared with the whole process.
    holders: list[object] = []
    _hold(code, holders)
    return importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + marshal.dumps(code)


def _without_annotations(tree: ast.Module) -> ast.Module:
    """`tree` without the import from __future__, and without what annotates functions.

    The latter is taken out of `tree` itself, which the scan for imports shares and has no use for: a copy of every
    module's tree would cost more time than compiling it.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    body = [node for node in tree.body if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")]
    return ast.Module(body, tree.type_ignores)


def _slim(code: CodeType) -> CodeType:
    """`code` with lines but no columns in its line tables: those are a fifth of a module's size."""
    constants = tuple(_slim(item) if isinstance(item, CodeType) else item for item in code.co_consts)
    return code.replace(co_consts=constants, co_linetable=_without_columns(code.co_linetable))


def _without_columns(table: bytes) -> bytes:
    out = bytearray()
    pending = 0  # units of the entry being gathered
    head: int | None = None  # its line delta, None for "no line"
    for units, delta in _entries(table):
        if pending and (delta == 0 if head is not None else delta is None):
            pending += units
            continue
        _put(out, pending, head)
        pending, head = units, delta
    _put(out, pending, head)
    return bytes(out)


def _entries(table: bytes) -> Iterator[tuple[int, int | None]]:
    """(code units, difference to the line before or None where there is no line) of each entry."""
    at = 0
    while at < len(table):
        kind, units = (table[at] >> 3) & 15, (table[at] & 7) + 1
        at += 1
        delta: int | None = 0
        if kind == _NONE:
            delta = None
        elif kind >= _NO_COLUMNS:
            value, at = _varint(table, at)
            delta = -(value >> 1) if value & 1 else value >> 1
            for _ in range(3 if kind == _LONG else 0):
                _, at = _varint(table, at)
        elif kind >= _ONE_LINE:
            delta, at = kind - _ONE_LINE, at + 2
        else:
            at += 1
        yield units, delta


def _varint(table: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, six bits a byte from the lowest on, and where it ends."""
    value, shift = table[at] & 63, 6
    while table[at] & 64:
        at += 1
        value |= (table[at] & 63) << shift
        shift += 6
    return value, at + 1


def _put(out: bytearray, units: int, delta: int | None) -> None:
    while units:
        part = min(units, _LONGEST)
        units -= part
        out.append(0x80 | (_NONE if delta is None else _NO_COLUMNS) << 3 | (part - 1))
        if delta is not None:
            value = (-delta << 1) | 1 if delta < 0 else delta << 1
            while value > 63:
                out.append(value & 63 | 64)
                value >>= 6
            out.append(value)
            delta = 0


def _hold(value: object, holders: list[object]) -> None:
    holders.append(value)
    if isinstance(value, CodeType):
        parts = (
            value.co_consts,
            value.co_names,
            value.co_varnames,
            value.co_cellvars,
            value.co_freevars,
            (value.co_filename, value.co_name, value.co_qualname, value.co_linetable, value.co_exceptiontable),
        )
        for part in parts:
            _hold(part, holders)
    elif isinstance(value, str) and len(value) < 2:
        sys.intern(value)
    elif isinstance(value, tuple | frozenset):
        for item in value:
            _hold(item, holders)
