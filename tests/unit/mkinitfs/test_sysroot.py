import os
from pathlib import Path

import pytest

from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Directory, File, OnDisk, Symlink
from mkinitfs.sysroot import Sysroot, find_program
from tests.unit.files import link, put


@pytest.fixture
def tree(tmp_path: Path) -> Sysroot:
    root = tmp_path / "root"
    (root / "usr/lib/x").mkdir(parents=True)
    put(root / "usr/bin/real", "data", 0o4777)
    link(root, {"bin": "usr/bin"})
    link(root / "usr/bin", {"relative": "real", "absolute": "/bin/relative", "out": "../../../../usr/bin/real"})
    link(root / "usr/bin", {"loop": "pool", "pool": "loop", "dangling": "/nowhere"})
    return Sysroot(root)


@pytest.mark.parametrize("path", ["/usr/bin/real", "/bin/real", "bin/absolute", "/bin/../bin/./real", "/usr/bin/out"])
def test_every_way_leads_to_one_file(tree: Sysroot, path: str) -> None:
    assert tree.require(path).real == "/usr/bin/real"


def test_links_are_kept_in_the_order_they_are_crossed(tree: Sysroot) -> None:
    assert tree.require("/bin/absolute").links == (
        ("/bin", "usr/bin"),
        ("/usr/bin/absolute", "/bin/relative"),
        ("/usr/bin/relative", "real"),
    )


def test_entries_are_the_links_then_the_file_without_set_id_bits(tree: Sysroot) -> None:
    assert tree.entries("/bin/relative", "asked for") == [
        ("bin", Symlink("usr/bin", "leads to /usr/bin/real")),
        ("usr/bin/relative", Symlink("real", "leads to /usr/bin/real")),
        ("usr/bin/real", File(OnDisk(tree.root / "usr/bin/real"), 0o755, "asked for")),
    ]
    assert tree.entries("/bin", "asked for")[-1] == ("usr/bin", Directory(0o755, "asked for"))


def test_an_absolute_link_does_not_leave_the_sysroot(tree: Sysroot, tmp_path: Path) -> None:
    put(tmp_path / "secret", "outside")
    link(tree.root / "usr/lib", {"leak": f"{tmp_path}/secret", "climb": "../../../secret"})
    assert [tree.find(path) for path in ("/usr/lib/leak", "/usr/lib/climb", "/../secret")] == [None] * 3


def test_missing_and_loops(tree: Sysroot) -> None:
    assert [tree.find(f"/usr/bin/{name}") for name in ("dangling", "real/below", "nul\0")] == [None] * 3
    with pytest.raises(MkinitfsError, match="too many symbolic links"):
        tree.find("/usr/bin/loop")
    with pytest.raises(MkinitfsError, match="/nowhere: not found below"):
        tree.require("/nowhere")


def test_what_is_no_regular_file_is_not_read(tree: Sysroot) -> None:
    os.mkfifo(tree.root / "usr/fifo")
    for path in ("/usr/fifo", "/usr/bin"):
        with pytest.raises(MkinitfsError, match="not a regular file"):
            tree.read(path)
    with pytest.raises(MkinitfsError, match="neither a file nor a folder"):
        tree.entries("/usr/fifo", "asked for")


def test_an_unreadable_file_is_named(tree: Sysroot) -> None:
    error = tree.unreadable("/usr/bin/real", PermissionError(13, "Permission denied"))
    assert error.message == "/usr/bin/real: cannot be read: Permission denied"
    with pytest.raises(MkinitfsError, match="sysroot: No such file"):
        Sysroot(tree.root / "missing")
    with pytest.raises(MkinitfsError, match="sysroot: Not a directory"):
        Sysroot(tree.root / "usr/bin/real")


def test_glob_is_sorted_and_stays_inside(tree: Sysroot) -> None:
    for name in ("b.conf", "a.conf", ".hidden.conf", "c.txt"):
        (tree.root / "usr/lib/x" / name).touch()
    assert tree.glob("/usr/lib/x/*.conf") == ["/usr/lib/x/a.conf", "/usr/lib/x/b.conf"]
    assert tree.glob("/usr/*/x/[b].conf") == ["/usr/lib/x/b.conf"]
    assert tree.glob("/none/*") == []


def test_find_program(tree: Sysroot) -> None:
    assert find_program(tree, "relative") == "/usr/bin/relative"
    assert find_program(tree, "/bin/relative") == "/bin/relative"
    with pytest.raises(MkinitfsError, match=r"^/opt/relative: program not found below /"):
        find_program(tree, "/opt/relative")
    put(tree.root / "usr/bin/data", "not executable")
    for name in ("data", "absent"):
        with pytest.raises(MkinitfsError, match=f"{name}: program not found") as caught:
            find_program(tree, name)
        assert "/usr/sbin, /usr/bin, /sbin, /bin" in caught.value.hint
