"""Extraction restores what was packed, and stays below its folder whatever the image or the folder holds."""

import os
import stat

import pytest

from mkinitfs.archive.cpio import Record, encode, read
from mkinitfs.archive.extract import extract
from mkinitfs.archive.tape import Tape
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Bytes, Device, Directory, Fifo, File, Manifest, Symlink
from tests.archives import hard_linked, newc
from tests.unit.files import link

FILE, LINK, FOLDER = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755


def unpack(folder, *members: tuple[str, int, bytes]) -> list[str]:
    return unpack_records(folder, *((Record(name, mode, len(data)), data) for name, mode, data in members))


def unpack_records(folder, *members: tuple[Record, bytes]) -> list[str]:
    return extract(read(Tape([newc(*members)]), "img"), folder)


@pytest.fixture
def outside(tmp_path):
    """A folder beside the destination that has to stay as it is."""
    folder = tmp_path / "outside"
    folder.mkdir(mode=0o755)
    (folder / "file").write_bytes(b"precious")
    yield folder
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert (folder / "file").read_bytes() == b"precious"
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o644
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_modes_times_and_links_are_restored(tmp_path, umask):
    manifest = Manifest(
        [
            ("read-only", Directory(0o555, "r")),
            ("read-only/file", File(Bytes(b"x" * 300_000), 0o640, "r")),
            ("set-uid", File(Bytes(b"s"), 0o4711, "r")),
            ("link", Symlink("/nowhere/at/all", "r")),
            ("pipe", Fifo(0o622, "r")),
        ]
    )
    umask(0o077)
    assert extract(read(Tape(encode(manifest, 86_400)), "img"), tmp_path / "new" / "folder") == []
    there = tmp_path / "new" / "folder"
    modes = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in there.rglob("*") if not path.is_symlink()}
    assert modes == {"read-only": 0o555, "file": 0o640, "set-uid": 0o4711, "pipe": 0o622}
    assert {path.lstat().st_mtime for path in there.rglob("*")} == {86_400}
    assert (there / "read-only/file").read_bytes() == b"x" * 300_000
    assert os.readlink(there / "link") == "/nowhere/at/all"
    (there / "read-only").chmod(0o755)


def test_devices_are_made_by_root_and_named_to_others(tmp_path, monkeypatch):
    manifest = Manifest([("null", Device("c", 1, 3, 0o666, "r"))])
    warnings = extract(read(Tape(encode(manifest, 0)), "img"), tmp_path / "real")
    if (tmp_path / "real" / "null").exists():
        status = (tmp_path / "real" / "null").stat()
        assert (status.st_rdev, stat.S_IMODE(status.st_mode), warnings) == (os.makedev(1, 3), 0o666, [])
    else:
        assert warnings[0].startswith("/null: device or socket passed over")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    warnings = extract(read(Tape(encode(manifest, 0)), "img"), tmp_path / "user")
    assert warnings == ["/null: device or socket passed over: only root can make it"]
    assert list((tmp_path / "user").iterdir()) == []


@pytest.mark.parametrize("name", ["../outside/file", "a/../../outside/file", "/../outside/file", ".."])
def test_dot_dot_is_refused(tmp_path, outside, name):
    with pytest.raises(MkinitfsError, match="leads out of the folder"):
        unpack(tmp_path / "out", (name, FILE, b"evil"))


def test_an_absolute_name_lies_below_the_folder(tmp_path, outside):
    unpack(tmp_path / "out", (f"{outside}/file", FILE, b"evil"))
    assert (tmp_path / "out" / str(outside)[1:] / "file").read_bytes() == b"evil"


@pytest.mark.parametrize("target", ["{outside}", "../outside", "../../../../../../../../..{outside}"])
def test_a_link_of_the_image_is_followed_within_the_folder(tmp_path, outside, target):
    target = target.format(outside=outside)
    unpack(tmp_path / "out", ("link", LINK, target.encode()), ("link/file", FILE, b"evil"), ("link/sub", FOLDER, b""))
    assert os.readlink(tmp_path / "out" / "link") == target
    assert [path.read_bytes() for path in (tmp_path / "out").rglob("file")] == [b"evil"]


def test_merged_usr_is_followed_as_the_kernel_does(tmp_path):
    unpack(tmp_path, ("usr/lib", FOLDER, b""), ("lib", LINK, b"usr/lib"), ("lib/firmware/a.bin", FILE, b"fw"))
    assert (tmp_path / "usr/lib/firmware/a.bin").read_bytes() == b"fw"


@pytest.mark.parametrize("kind", [FILE, LINK, stat.S_IFIFO | 0o600])
def test_a_link_that_lay_there_before_is_replaced(tmp_path, outside, kind):
    link(tmp_path / "out", {"file": f"{outside}/file"})
    unpack(tmp_path / "out", ("file", kind, b"" if stat.S_ISFIFO(kind) else b"new"))
    assert stat.S_IFMT((tmp_path / "out" / "file").lstat().st_mode) == stat.S_IFMT(kind)


def test_a_folder_link_that_lay_there_before_is_not_left_by(tmp_path, outside):
    link(tmp_path / "out", {"sub": f"{outside}"})
    unpack(tmp_path / "out", ("sub/file", FILE, b"evil"))
    unpack(tmp_path / "out", ("sub", stat.S_IFDIR | 0o700, b""), ("sub/file", FILE, b"evil"))
    assert not (tmp_path / "out" / "sub").is_symlink()


def test_a_hard_link_that_lay_there_before_is_not_written_through(tmp_path, outside):
    (tmp_path / "out").mkdir()
    os.link(outside / "file", tmp_path / "out" / "file")
    unpack(tmp_path / "out", ("file", stat.S_IFREG | 0o777, b"evil"))
    assert (tmp_path / "out" / "file").read_bytes() == b"evil"


def test_hard_links_are_restored(tmp_path):
    unpack_records(tmp_path, *hard_linked("a", "b/c", "d"))
    assert len({(tmp_path / name).stat().st_ino for name in ("a", "b/c", "d")}) == 1
    assert (tmp_path / "a").read_bytes() == b"data"


def test_a_hard_link_to_what_has_become_a_link_is_a_file_of_its_own(tmp_path, outside):
    first, second = hard_linked("a", "b")
    target = str(outside / "file").encode()
    unpack_records(tmp_path / "out", first, (Record("a", LINK, len(target)), target), second)
    assert not (tmp_path / "out" / "b").is_symlink() and (tmp_path / "out" / "b").read_bytes() == b"data"


def test_a_folder_replaced_by_a_link_keeps_its_mode_from_the_target(tmp_path, outside):
    unpack(tmp_path / "out", ("d", stat.S_IFDIR | 0o700, b""), ("d", LINK, str(outside).encode()))
    assert (tmp_path / "out" / "d").is_symlink()


def test_links_in_a_circle_end(tmp_path):
    with pytest.raises(MkinitfsError, match="too many symbolic links"):
        unpack(tmp_path, ("a", LINK, b"b"), ("b", LINK, b"a"), ("a/file", FILE, b""))


def test_what_stands_in_the_way_is_named(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "kept").touch()
    for folder, name, message in [
        (tmp_path, "d", "/d: Directory not empty"),
        (tmp_path, "d/kept/x", "/d/kept/x: Not a directory"),
        (tmp_path / "d" / "kept", "x", "File exists"),
    ]:
        with pytest.raises(MkinitfsError, match=message):
            unpack(folder, (name, FILE, b""))


def test_an_unknown_kind_and_a_huge_owner_are_survived(tmp_path):
    assert unpack(tmp_path, ("odd", 0o030644, b"")) == ["/odd: passed over: of no known kind (mode 30644)"]
    unpack_records(tmp_path, (Record("f", FILE, uid=0xFFFFFFFF, gid=0xFFFFFFFF, mtime=0xFFFFFFFF), b""))
    assert (tmp_path / "f").stat().st_mtime == 0xFFFFFFFF
