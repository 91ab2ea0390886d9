"""GNU cpio and bsdtar read what we write, and we read what they write."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from mkinitfs.archive.cpio import Member, encode, read
from mkinitfs.archive.extract import extract
from mkinitfs.archive.tape import Tape
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Bytes, Device, Directory, Fifo, File, Manifest, Symlink
from tests.archives import hard_linked, newc

ROOT = os.geteuid() == 0
WRITERS = [
    *(["cpio", "--quiet", "-o", "-H", how] for how in ("newc", "crc", "odc")),
    ["bsdtar", "-cf", "-", "--format", "newc", "--no-recursion", "-T", "-"],
]


def manifest() -> Manifest:
    return Manifest(
        [
            ("dev/console", Device("c", 5, 1, 0o600, "r")),
            ("dev/sda1", Device("b", 8, 1, 0o660, "r")),
            ("empty", File(Bytes(b""), 0o600, "r")),
            ("init", File(Bytes(b"#!/bin/sh\n" * 1000), 0o755, "r")),
            ("lib", Symlink("usr/lib", "r")),
            ("run/pipe", Fifo(0o622, "r")),
            ("tmp", Directory(0o1777, "r")),
        ]
    )


@pytest.mark.parametrize("reader", [["cpio", "--quiet", "-it"], ["bsdtar", "-tf", "-"]])
def test_others_list_what_we_write(reader):
    data = b"".join(encode(manifest(), 0))
    done = subprocess.run(reader, input=data, capture_output=True, check=True)
    assert done.stderr == b""
    assert [line.rstrip("/") for line in done.stdout.decode().splitlines()] == list(manifest())


@pytest.mark.parametrize("reader", [["cpio", "--quiet", "-imd"], ["bsdtar", "-xpf", "-"]])
def test_others_extract_what_we_write_as_we_do(tmp_path, reader):
    entries = {path: entry for path, entry in manifest().items() if ROOT or not isinstance(entry, Device)}
    data = b"".join(encode(Manifest(entries.items()), 1_000_000))
    (tmp_path / "theirs").mkdir()
    done = subprocess.run(reader, input=data, capture_output=True, cwd=tmp_path / "theirs", check=True)
    assert done.stderr == b""
    assert extract(read(Tape([data]), "x"), tmp_path / "ours") == []
    assert facts(tmp_path / "ours") == facts(tmp_path / "theirs")


def facts(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything that extraction restores, by path; links and folders without their times."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        link = stat.S_ISLNK(status.st_mode)
        content = os.readlink(path) if link else path.read_bytes() if stat.S_ISREG(status.st_mode) else None
        time = None if link or stat.S_ISDIR(status.st_mode) else int(status.st_mtime)
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_uid, status.st_rdev, time, content)
    return found


@pytest.mark.parametrize("reader", [["cpio", "--quiet", "-imd"], ["bsdtar", "-xpf", "-"]])
def test_others_restore_our_hard_links(tmp_path, reader):
    subprocess.run(reader, input=newc(*hard_linked("one", "two")), cwd=tmp_path, check=True)
    assert (tmp_path / "one").stat().st_ino == (tmp_path / "two").stat().st_ino
    assert (tmp_path / "one").read_bytes() == b"data"


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "file").write_bytes(b"x" * 12_345)
    (folder / "other").hardlink_to(folder / "sub" / "file")
    (folder / "sub" / "link").symlink_to("../other")
    (folder / os.fsdecode(b"odd \xff\n name")).write_bytes(b"odd")
    os.mkfifo(folder / "pipe")
    if ROOT:
        os.mknod(folder / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (folder / "sub").chmod(0o750)
    return folder


def names(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in sorted(folder.rglob("*"))]


@pytest.mark.parametrize("writer", WRITERS, ids=lambda command: f"{command[0]}-{command[4]}")
def test_we_extract_what_others_write(tmp_path, tree, writer):
    null = ["-0"] if writer[0] == "cpio" else ["--null"]
    command = [*writer, *null] if writer[0] == "cpio" else [*writer[:3], *null, *writer[3:]]
    listed = b"\0".join(os.fsencode(name) for name in names(tree)) + b"\0"
    done = subprocess.run(command, input=listed, capture_output=True, cwd=tree, check=True)
    members: list[Member] = []

    def seen(stream):
        for member in stream:
            members.append(member)
            yield member

    assert extract(seen(read(Tape([done.stdout]), "x")), tmp_path / "ours") == []
    assert sorted(member.record.name for member in members) == sorted(names(tree))  # cpio defers hard links
    assert facts(tmp_path / "ours") == facts(tree)
    assert (tmp_path / "ours/other").stat().st_ino == (tmp_path / "ours/sub/file").stat().st_ino


def test_a_wrong_checksum_of_the_crc_format_is_told(tree):
    writer = ["cpio", "--quiet", "-o", "-H", "crc"]
    data = subprocess.run(writer, input=b"sub/file\n", capture_output=True, cwd=tree, check=True).stdout
    with pytest.raises(MkinitfsError, match=r"^x: offset 0: /sub/file: the checksum does not match"):
        list(read(Tape([data.replace(b"xxxx", b"xyxx", 1)]), "x"))
