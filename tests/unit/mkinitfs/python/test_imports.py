"""The static reading of imports."""

import ast

import pytest

from mkinitfs.python.imports import Import, scan

THERE = {"os", "os.path", "a", "a.b", "pkg", "pkg.mod", "pkg.sub", "pkg.sub.deep", "_fast", "_slow", "there"}


def found(text: str, package: str = "pkg", whole: bool = False) -> list[str]:
    """Required names plain, optional ones with a question mark."""
    items = scan(ast.parse(text), package, THERE.__contains__, whole=whole)
    return [item.name if item.required else f"{item.name}?" for item in items]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import os, a.b as c", ["os", "a.b"]),
        ("from a import b, c", ["a", "a.b"]),
        ("from . import mod, name", ["pkg", "pkg.mod"]),
        ("from .mod import x", ["pkg.mod"]),
        ("class C:\n  import a\n  def f(self):\n    import os", ["a"]),
        ("with x:\n  import a\nfor y in z:\n  import os\nelse:\n  import there", ["a", "os", "there"]),
        ("match x:\n  case 1:\n    import a", ["a"]),
        ("def f():\n  import a", []),
        # the guarded import is there: what stands in for it is not needed
        ("try:\n  import _fast\nexcept ImportError:\n  import _slow", ["_fast?"]),
        ("try:\n  import gone\nexcept ImportError:\n  import _slow", ["gone?", "_slow"]),
        ("try:\n  import gone\nexcept (KeyError, ModuleNotFoundError):\n  pass", ["gone?"]),
        ("try:\n  import gone\nexcept:\n  x = 1\nelse:\n  import a\nfinally:\n  import os", ["gone?", "a?", "os"]),
        # another exception does not make an import optional
        ("try:\n  import a\nexcept OSError:\n  import os", ["a", "os?"]),
    ],
)
def test_statements(text, names):
    assert found(text) == names


def test_relative_imports_climb():
    names = found("from .. import mod\nfrom ..sub import deep", "pkg.sub")
    assert names == ["pkg", "pkg.mod", "pkg.sub", "pkg.sub.deep"]


def test_whole_reads_functions_too():
    text = "def f():\n  if x:\n    from . import mod\nasync def g():\n  import a"
    assert found(text, whole=True) == ["pkg?", "pkg.mod?", "a"]


@pytest.mark.parametrize(
    ("test", "names"),
    [
        ("TYPE_CHECKING", ["os"]), ("typing.TYPE_CHECKING", ["os"]), ("not TYPE_CHECKING", ["a"]),
        ("__name__ == '__main__'", ["os"]), ("sys.platform == 'win32'", ["os"]), ("sys.platform != 'win32'", ["a"]),
        ("sys.platform.startswith('linux')", ["a"]), ("sys.platform.startswith('java')", ["os"]),
        ("_os.name == 'nt'", ["os"]), ("_os.name == 'nt' and unknown", ["os"]),
        ("_os.name == 'posix' or unknown", ["a"]), ("_os.name == 'posix' and unknown", ["a?", "os?"]),
        ("'posix' in _names", ["a"]), ("'nt' in _names", ["os"]), ("sys.version_info >= (3, 12)", ["a?", "os?"]),
    ],
)  # fmt: skip
def test_branches(test, names):
    assert found(f"if {test}:\n  import a\nelse:\n  import os") == names


def test_an_import_is_a_value():
    assert Import("a", True) == Import("a", True)
