"""Which modules a Python source imports, read from its syntax tree without running a line of it.

Two readings of one tree. Of a module of the standard library only what runs while it is imported counts:
imports inside functions are there for callers that early user space does not have (`os.popen` would bring
subprocess). Of our own modules every import counts, wherever it stands. Branches for other platforms and for
type checkers are left out, and what stands below a test that cannot be decided here is wanted only where it
exists.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

# Names whose value is known for every target: Python's own spelling of "this is Linux".
_KNOWN = {"platform": "linux", "name": "posix"}


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module: `required` where its absence stops the importing module."""

    name: str
    required: bool


@dataclass(frozen=True, slots=True)
class _Scan:
    package: str  # what relative imports start from
    exists: Callable[[str], bool]
    whole: bool  # bodies of functions too

    def statements(self, body: Sequence[ast.stmt], required: bool) -> Iterator[Import]:
        for node in body:
            yield from self.statement(node, required)

    def statement(self, node: ast.stmt, required: bool) -> Iterator[Import]:
        match node:
            case ast.Import():
                yield from (Import(alias.name, required) for alias in node.names)
            case ast.ImportFrom():
                yield from self._from(node, required)
            case ast.If():
                verdict = _decide(node.test)
                if verdict is not False:
                    yield from self.statements(node.body, required and verdict is True)
                if verdict is not True:
                    yield from self.statements(node.orelse, required and verdict is False)
            case ast.Try() | ast.TryStar():
                yield from self._try(node, required)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if self.whole:
                    yield from self.statements(node.body, required)
            case ast.ClassDef() | ast.With() | ast.For() | ast.While():
                yield from self.statements(node.body, required)
                yield from self.statements(getattr(node, "orelse", ()), required)
            case ast.Match():
                for case in node.cases:
                    yield from self.statements(case.body, required)

    def _from(self, node: ast.ImportFrom, required: bool) -> Iterator[Import]:
        base = node.module or ""
        if node.level:
            parents = self.package.split(".")
            base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
        yield Import(base, required)
        for alias in node.names:
            if self.exists(name := f"{base}.{alias.name}"):
                yield Import(name, required)

    def _try(self, node: ast.Try | ast.TryStar, required: bool) -> Iterator[Import]:
        """The handlers of a guarded import stand in for it: they count only where it fails."""
        guarded = any(_catches_import_error(handler) for handler in node.handlers)
        body = list(self.statements(node.body, required and not guarded))
        yield from body
        yield from self.statements(node.orelse, required and not guarded)
        yield from self.statements(node.finalbody, required)
        if not guarded or any(not self.exists(item.name) for item in body):
            for handler in node.handlers:
                yield from self.statements(handler.body, required and guarded)


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {"ImportError", "ModuleNotFoundError", "Exception"}
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in names) for kind in kinds)


def _decide(test: ast.expr) -> bool | None:
    """What a test will come to on the target, None where only running it would tell."""
    match test:
        case ast.UnaryOp(ast.Not(), operand):
            verdict = _decide(operand)
            return None if verdict is None else not verdict
        case ast.BoolOp(op, values):
            verdicts = [_decide(value) for value in values]
            stop = isinstance(op, ast.Or)
            if stop in verdicts:
                return stop
            return None if None in verdicts else not stop
        case ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return False
        case ast.Compare(ast.Name("__name__"), [ast.Eq()], [ast.Constant("__main__")]):
            return False
        case ast.Compare(ast.Attribute(attr=attribute), [ast.Eq() | ast.NotEq() as op], [ast.Constant(value)]):
            equal = _KNOWN.get(attribute)
            return None if equal is None else (equal == value) is isinstance(op, ast.Eq)
        case ast.Call(ast.Attribute(ast.Attribute(attr="platform"), "startswith"), [ast.Constant(str(start))]):
            return _KNOWN["platform"].startswith(start)
        case ast.Compare(ast.Constant("posix" | "nt" as name), [ast.In()], [ast.Name("_names")]):  # os.py
            return name == _KNOWN["name"]
    return None


def scan(tree: ast.Module, package: str, exists: Callable[[str], bool], *, whole: bool) -> list[Import]:
    """The modules that `tree` imports, in its own order, parents of dotted names not included.

    `package` is the package that the module lies in (its own name for a package's `__init__`), `exists` tells
    whether a dotted name is a module of the target, and `whole` includes the bodies of functions.
    """
    return list(_Scan(package, exists, whole).statements(tree.body, True))
