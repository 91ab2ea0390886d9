"""The target's interpreter on nothing but the packed tree: what it loads is what was traced.

It is started through the packed linker, so that no file of this machine's own library can slip in.
Needs python3-minimal and libpython3-stdlib of the distribution.
"""

import json
import subprocess
from pathlib import Path

import pytest

from mkinitfs import host, locations
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Bytes, OnDisk
from mkinitfs.python import runtime
from mkinitfs.sysroot import Sysroot
from tests.command import mkinitfs

# What no import at the top of a module brings: encodings asked for by name, and what /init loads to show a
# mistake of its own. Everything else that is packed has to be loaded once all our modules are.
LAZY = {"encodings.ascii", "encodings.latin_1", "traceback", "linecache", "tokenize", "token", "textwrap"}
# Not for what is compiled, but for a source that is laid over it (--add).
LAZY |= {"__future__"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """The staged ramdisk and /init together, unpacked."""
    folder = tmp_path_factory.mktemp("runtime")
    profile = folder / "both.toml"
    profile.write_text('entry_points = { "/init" = "init.__main__:main", "/shutdown" = "init.shutdown.main:main" }\n')
    image = folder / "x.img"
    assert mkinitfs("build", "--profile", profile, "--output", image, "--compression", "none").code == 0
    assert mkinitfs("extract", image, "usr", "init", "shutdown", "lib", "lib64", "-C", folder / "tree").code == 0
    return folder / "tree"


def python(tree: Path, program: str) -> str:
    """What `program` prints, run by the interpreter below `tree` with the options of /init."""
    first, *_ = (tree / "init").read_text().splitlines()
    interpreter, options = first.removeprefix("#!").split()
    linker = next(tree.glob("usr/lib*/**/ld-linux*.so*"))
    folders = sorted({str(path.parent) for path in tree.glob("usr/lib*/**/*.so*")})
    argv = [linker, "--library-path", ":".join(folders), f"{tree}{interpreter}", options, "-c", program]
    return subprocess.run(argv, env={}, capture_output=True, text=True, check=True).stdout


def modules(folder: Path) -> list[str]:
    """The dotted names of what is packed below `folder`."""
    paths = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.pyc"))
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)


def test_what_is_loaded_is_what_is_packed(tree):
    packed = {
        str(path.relative_to(tree))
        for path in tree.rglob("*")
        if path.suffix in (".pyc", ".py") or "lib-dynload/" in str(path)
    }
    imports = "".join(f"import {name}\n" for name in modules(tree / "usr/lib/mkinitfs"))
    program = (
        f"import sys\nsys.path.insert(0, {str(tree / 'usr/lib/mkinitfs')!r})\n{imports}"
        "for name, module in sorted(sys.modules.items()):\n"
        "    print(name, getattr(module, '__file__', None))"
    )
    loaded = dict(line.split(" ", 1) for line in python(tree, program).splitlines())
    strangers = {name: path for name, path in loaded.items() if path != "None" and not path.startswith(f"{tree}/")}
    assert strangers == {}
    files = {str(Path(path).relative_to(tree)) for path in loaded.values() if path != "None"}
    # What nothing loaded: the landmark, which is frozen, and what only a call imports.
    lazy = packed - files
    names = {path.removeprefix("usr/lib/").partition("/")[2].removesuffix(".pyc").replace("/", ".") for path in lazy}
    assert names <= LAZY | {"os"}, names


def test_every_packed_module_can_be_imported(tree):
    """Lazy ones included: an encoding or a traceback that fails at the worst moment helps nobody."""
    library = next(path.parent for path in tree.glob("usr/lib/python3.*/os.pyc"))
    program = f"for name in {modules(library)!r}:\n    __import__(name)\nprint('done')"
    assert python(tree, program) == "done\n"
    assert (
        python(tree, "print('ä'.encode('utf-8'), 'a'.encode('ascii'), 'ä'.encode('latin-1'))")
        == "b'\\xc3\\xa4' b'a' b'\\xe4'\n"
    )


def test_a_traceback_shows_paths_of_the_image_and_lines(tree):
    program = (
        f"import sys\nsys.path.insert(0, {str(tree / 'usr/lib/mkinitfs')!r})\n"
        "from init.cmdline import words\ncode = words.parse.__code__\n"
        "print(code.co_filename, code.co_firstlineno > 1)"
    )
    assert python(tree, program) == "/usr/lib/mkinitfs/init/cmdline/words.py True\n"


def test_no_path_of_this_machine_is_packed(tree):
    ours = str(locations.init_package().parent).encode()
    assert len(ours) > 3
    for path in tree.rglob("*.pyc"):
        assert ours not in path.read_bytes(), path


def test_another_version_is_packed_as_source(tmp_path):
    """A target whose Python is not the builder's: its own sources, ours too, and the same modules."""
    sysroot = Sysroot("/")
    own = host.find_python(sysroot)
    other = runtime.Python((own.version[0], own.version[1] + 1), own.executable, own.stdlib, own.libraries)
    package = locations.init_package()
    found = runtime.collect(sysroot, other, package, ["init.shutdown.main"])
    assert {type(entry.content) for _, entry in found.entries} == {OnDisk}
    assert all(path.endswith(".py") for path, _ in found.entries)
    same = runtime.collect(sysroot, own, package, ["init.shutdown.main"])
    assert {type(entry.content) for _, entry in same.entries} == {Bytes}
    assert [f"{path}c" for path, _ in found.entries] == [path for path, _ in same.entries]


def test_a_module_that_the_target_lacks_is_told_with_its_chain(tmp_path):
    package = tmp_path / "init"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("from . import two\n")
    (package / "two.py").write_text("def f():\n    import no_such_module\n")
    sysroot = Sysroot("/")
    target = host.find_python(sysroot)
    with pytest.raises(MkinitfsError) as caught:
        runtime.collect(sysroot, target, package, ["init.one"])
    assert caught.value.message == (
        f"Python module no_such_module: not in {target.name} below {target.stdlib} "
        "(imported by init.two, imported by init.one)"
    )
    assert caught.value.hint == f"install the whole standard library of {target.name} in the sysroot"


def test_a_library_that_is_too_new_to_read(tmp_path):
    package = tmp_path / "init"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "new.py").write_text("x = = 1\n")
    sysroot = Sysroot("/")
    own = host.find_python(sysroot)
    newer = runtime.Python((3, 99), own.executable, own.stdlib)
    with pytest.raises(MkinitfsError) as caught:
        runtime.collect(sysroot, newer, package, ["init.new"])
    assert caught.value.message.startswith(f"{package / 'new.py'}: not readable by Python 3.")
    assert caught.value.hint.startswith("run mkinitfs with Python 3.99 or later: this is Python 3.")


def test_the_entry_points_are_scripts_of_the_targets_interpreter(tree):
    target = host.find_python(Sysroot("/"))
    assert (tree / "shutdown").read_text() == (
        f'#!{target.executable} -ISB\nimport sys\nsys.path.insert(0, "/usr/lib/mkinitfs")\n'
        "from init.shutdown.main import main\nmain()\n"
    )
    assert (tree / "init").stat().st_mode & 0o777 == 0o755
    # binfmt_script(5) hands on one argument and reads 256 bytes
    assert len((tree / "init").read_text().splitlines()[0]) < 256
    assert json.loads(mkinitfs("plan", "--profile", "shutdown", "--json").out)["python"] == target.name
