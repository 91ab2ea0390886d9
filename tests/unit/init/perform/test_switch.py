"""Emptying the old root: all of it, and nothing else."""

import os
from pathlib import Path

from init.perform.switch import empty
from tests import isolated
from tests.unit.files import link, put


def emptied(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        empty(descriptor)
    finally:
        os.close(descriptor)


def test_everything_goes(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name, mode in (("usr/lib/deep/er/file", 0o644), ("init", 0), ("name\udcff\nwith \\ everything", 0o644)):
        put(root / name, mode=mode)
    (root / "usr/empty").mkdir()
    link(root, {"dangling": "/nowhere"})
    os.mkfifo(root / "fifo")
    os.link(root / "usr/lib/deep/er/file", root / "second name")
    emptied(root)
    assert list(root.iterdir()) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "outside/precious")
    root = tmp_path / "root"
    link(root, {"folder": f"{tmp_path}/outside", "file": f"{tmp_path}/outside/precious"})
    emptied(root)
    assert list(root.iterdir()) == []
    assert (tmp_path / "outside/precious").read_text() == "x"


def test_an_empty_folder(tmp_path: Path) -> None:
    emptied(tmp_path)
    assert tmp_path.is_dir()


MOUNTED = """
from init.system import syscalls
from init.perform import switch
root = sys.argv[4]
syscalls.mount("old", root, "tmpfs")
for name in ("sysroot", "usr/lib", "run"):
    os.makedirs(f"{root}/{name}")
for name in ("sysroot", "run"):
    syscalls.mount(name, f"{root}/{name}", "tmpfs")
    open(f"{root}/{name}/precious", "w").close()
open(f"{root}/usr/lib/file", "w").close()
switch.empty(os.open(root, os.O_RDONLY))
answer([sorted(os.listdir(root)), os.listdir(f"{root}/sysroot"), os.listdir(f"{root}/run")])
"""


def test_other_file_systems_are_left_alone(tmp_path: Path) -> None:
    assert isolated.run(MOUNTED, tmp_path) == [["run", "sysroot"], ["precious"], ["precious"]]
