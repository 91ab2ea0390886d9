"""The newc writer and reader on archives in memory."""

import os
import stat
from pathlib import Path

import pytest

from mkinitfs.archive import cpio
from mkinitfs.archive.cpio import Record, encode
from mkinitfs.archive.tape import Tape
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Bytes, Device, Fifo, File, Manifest, OnDisk, Symlink, Unpacked
from tests.archives import newc


def read(data: bytes) -> list[tuple[Record, bytes]]:
    return [(member.record, member.read()) for member in cpio.read(Tape([data]), "x.cpio")]


def packed(manifest: Manifest, mtime: int = 0) -> bytes:
    return b"".join(encode(manifest, mtime))


def test_every_kind_of_entry_is_read_back():
    manifest = Manifest(
        [
            ("dev/console", Device("c", 5, 1, 0o600, "r")),
            ("dev/sda", Device("b", 8, 0, 0o660, "r")),
            ("run/pipe", Fifo(0o622, "r")),
            ("bin", Symlink("usr/bin", "r")),
            ("init", File(Bytes(b"#!/bin/sh\n"), 0o4755, "r")),
        ]
    )
    found = {record.name: (record, data) for record, data in read(packed(manifest, 7))}
    assert list(found) == ["bin", "dev", "dev/console", "dev/sda", "init", "run", "run/pipe"]
    console = found["dev/console"][0]
    assert (console.mode, console.rdevmajor, console.rdevminor) == (stat.S_IFCHR | 0o600, 5, 1)
    assert found["dev/sda"][0].mode == stat.S_IFBLK | 0o660
    assert found["run/pipe"][0].mode == stat.S_IFIFO | 0o622
    assert found["bin"][1] == b"usr/bin"
    assert found["init"] == (Record("init", stat.S_IFREG | 0o4755, 10, 5, mtime=7), b"#!/bin/sh\n")


def test_bytes_do_not_depend_on_order_umask_or_time_zone(monkeypatch, umask):
    entries = [("b", File(Bytes(b"2"), 0o644, "r")), ("a/c", File(Bytes(b"1"), 0o600, "r"))]
    first = packed(Manifest(entries))
    monkeypatch.setenv("TZ", "Pacific/Chatham")
    umask(0o077)
    assert packed(Manifest(entries[::-1])) == first
    assert len(first) % 512 == 0


def test_sorted_by_bytes_where_text_sorts_otherwise():
    odd, high = os.fsdecode(b"\x80"), "\U0001f600"  # U+DC80 < U+1F600, yet 0x80 < 0xF0 and U+FFFD is 0xEF
    names = [record.name for record, _ in read(packed(Manifest([(n, Fifo(0, "r")) for n in (high, "\ufffd", odd)])))]
    assert names == [odd, "\ufffd", high]


@pytest.mark.parametrize("name", ["../x", "a/./b", "/abs", "a//b", "TRAILER!!!", "a\0b", "n" * 4096])
def test_names_that_no_image_can_hold(name):
    with pytest.raises(MkinitfsError):
        packed(Manifest([(name, File(Bytes(b""), 0o644, "r"))]))


@pytest.mark.parametrize("target", ["", "x" * 4096, "a\0b"])
def test_link_targets_that_the_kernel_passes_over(target):
    with pytest.raises(MkinitfsError, match="link target"):
        packed(Manifest([("l", Symlink(target, "r"))]))


def test_a_file_beyond_4_gib_is_refused_before_anything_of_it_is_read(tmp_path):
    big = tmp_path / "big"
    with big.open("wb") as out:
        out.truncate(4 << 30)
    with pytest.raises(MkinitfsError, match=r"^/big: 4294967296 bytes: .*4 GiB"):
        packed(Manifest([("big", File(OnDisk(big), 0o644, "r"))]))


@pytest.mark.parametrize("size", [3, 5])
def test_a_source_that_changes_while_it_is_read(tmp_path, size):
    source = tmp_path / "source"
    source.write_bytes(b"1234")
    chunks = encode(Manifest([("f", File(OnDisk(source), 0o644, "added by hand"))]), 0)
    next(chunks)  # the header, with the size
    source.write_bytes(b"5" * size)
    with pytest.raises(MkinitfsError, match=f"^/f: {source}: changed its size") as caught:
        list(chunks)
    assert "added by hand" in caught.value.hint


@pytest.mark.parametrize("content", [OnDisk, Unpacked])
def test_a_missing_source_names_path_source_and_reason(tmp_path, content):
    missing = tmp_path / "gone.ko.xz"
    with pytest.raises(MkinitfsError, match=f"^/lib/m.ko: {missing}: No such file") as caught:
        packed(Manifest([("lib/m.ko", File(content(missing), 0o644, "module for cifs"))]))
    assert "module for cifs" in caught.value.hint


def test_a_source_that_is_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MkinitfsError, match="not a regular file"):
        packed(Manifest([("f", File(OnDisk(tmp_path / "pipe"), 0o644, "r"))]))


def test_unpacked_sources_keep_their_order(tmp_path):
    import lzma

    entries = []
    for number in range(20):
        path = tmp_path / f"{number}.ko.xz"
        path.write_bytes(lzma.compress(b"%d" % number))
        entries.append((f"m{number:02}", File(Unpacked(path), 0o644, "r")))
    data = b"".join(encode(Manifest(entries), 0, threads=4))
    assert [content for _, content in read(data)] == [b"%d" % number for number in range(20)]


def test_padding_of_the_name_field_is_no_part_of_the_name():
    data = bytearray(packed(Manifest([("abcdef", File(Bytes(b"hi"), 0o644, "r"))])))
    at = data.index(b"abcdef")
    data[at : at + 6] = b"abc\0\0\0"
    assert read(bytes(data))[0][0].name == "abc"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "without its trailer"),
        (b"0707", "without its trailer"),
        (b"070701" + b"0" * 50, "without its trailer"),
        (b"070701" + b"z" * 104, "digits"),
        (b"070701" + b"0" * 104, "name of 0 bytes"),
        (b"garbage!" * 20, "no cpio header"),
    ],
)
def test_damage_names_archive_and_offset(data, reason):
    with pytest.raises(MkinitfsError, match=f"^x.cpio: offset 0: .*{reason}"):
        read(data)


def test_truncated_content_names_the_member():
    whole = packed(Manifest([("a", File(Bytes(b"x" * 5000), 0o644, "r"))]))
    with pytest.raises(MkinitfsError, match=r"^x.cpio: offset 0: /a: the archive ends 3\d+ bytes before"):
        read(whole[:2000])


def test_content_of_the_wrong_length_is_refused():
    with pytest.raises(MkinitfsError, match="3 bytes of content, 4 in its header"):
        newc((Record("a", stat.S_IFREG, 4), b"123"))


def test_content_not_asked_for_is_passed_over():
    data = packed(Manifest([("a", File(Bytes(b"x" * 999), 0o644, "r")), ("b", File(Bytes(b"y"), 0o644, "r"))]))
    assert [member.record.name for member in cpio.read(Tape([data]), "x")] == ["a", "b"]


def test_a_source_can_be_a_path_with_odd_bytes(tmp_path):
    source = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    source.write_bytes(b"odd")
    [(record, data)] = read(packed(Manifest([(os.fsdecode(b"\xff"), File(OnDisk(source), 0o644, "r"))])))
    assert (os.fsencode(record.name), data) == (b"\xff", b"odd")
