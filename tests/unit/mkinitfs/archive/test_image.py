"""Writing in one atomic step, and reading images of several segments."""

import io
import os
import resource
import stat
import subprocess
import threading

import pytest

from mkinitfs.archive.compress import LEVELS, compress
from mkinitfs.archive.cpio import encode
from mkinitfs.archive.image import Segment, read_file, read_image, write_image
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Bytes, File, Manifest, OnDisk, Symlink
from tests.archives import hard_linked, newc

LEVEL = {"zstd": 3, "xz": 0, "gzip": 1, "lz4": 1, "none": None}


def manifest(**files: bytes) -> Manifest:
    return Manifest([(name, File(Bytes(data), 0o644, "test")) for name, data in files.items()])


def archive(**files: bytes) -> bytes:
    return b"".join(encode(manifest(**files), 0))


def listing(data: bytes) -> list[tuple[int, str, str, bytes]]:
    return [(n, how, member.record.name, member.read()) for n, how, member in read_image(io.BytesIO(data), "img")]


@pytest.mark.parametrize("mode", [0o600, 0o644])
@pytest.mark.parametrize("mask", [0, 0o077])
def test_the_mode_is_what_was_asked_for_whatever_the_umask(tmp_path, umask, mode, mask):
    seen = []
    umask(mask)
    write_image(
        tmp_path / "img", [Segment(manifest(a=b"1" * 5000), "none")], mode=mode,
        progress=lambda *_: seen.extend(path.stat().st_mode & 0o777 for path in tmp_path.iterdir()),
    )  # fmt: skip
    assert (tmp_path / "img").stat().st_mode & 0o777 == mode
    assert set(seen) == {0o600}


@pytest.mark.parametrize("first", LEVELS)
@pytest.mark.parametrize("second", LEVELS)
def test_any_compression_can_follow_any_other(tmp_path, first, second):
    path = tmp_path / "img"
    segments = [Segment(manifest(a=b"1"), first, LEVEL[first]), Segment(manifest(b=b"2"), second, LEVEL[second])]
    written = write_image(path, segments)
    assert listing(path.read_bytes()) == [(1, first, "a", b"1"), (2, second, "b", b"2")]
    assert written.size == path.stat().st_size
    assert subprocess.check_output(["sha256sum", path], text=True).split()[0] == written.sha256


def test_the_same_image_from_another_folder_and_user_time(tmp_path):
    images = []
    for name in ("one", "another-folder"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "source").write_bytes(b"x" * 70_000)
        entries = [("f", File(OnDisk(tmp_path / name / "source"), 0o644, name)), ("l", Symlink("f", name))]
        write_image(tmp_path / name / "img", [Segment(Manifest(entries), "zstd", 3)], threads=len(images) + 1)
        images.append((tmp_path / name / "img").read_bytes())
    assert images[0] == images[1]


def fails(path, match, segment=None):
    """The write fails with `match`, and the folder holds what it held before."""
    before = sorted(path.parent.iterdir()) if path.parent.is_dir() else None
    with pytest.raises(MkinitfsError, match=match):
        write_image(path, [segment or Segment(manifest(a=os.urandom(300_000)), "none")])
    assert before is None or sorted(path.parent.iterdir()) == before


def test_a_file_size_limit_leaves_the_previous_image(tmp_path):
    (tmp_path / "img").write_bytes(b"previous")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        fails(tmp_path / "img", "img: cannot be written: File too large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "img").read_bytes() == b"previous"


def test_an_error_of_a_source_leaves_the_previous_image(tmp_path):
    (tmp_path / "img").write_bytes(b"previous")
    entries = [("a", File(Bytes(b"x" * 99_999), 0o644, "r")), ("b", File(OnDisk(tmp_path / "gone"), 0o644, "r"))]
    fails(tmp_path / "img", "^/b: .*gone: No such file", Segment(Manifest(entries), "zstd", 1))
    assert (tmp_path / "img").read_bytes() == b"previous"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPool")]


def test_outputs_that_cannot_be(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    fails(tmp_path / "folder", "folder: is a folder")
    fails(tmp_path / "pipe", "pipe: is not a regular file")
    fails(tmp_path / "missing" / "img", "missing: no such folder")
    fails(tmp_path / "img", "level 99 is out of range", Segment(manifest(a=b""), "zstd", 99))
    fails(tmp_path / ("n" * 300), "File name too long")


def test_a_link_is_replaced_and_not_written_through(tmp_path):
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "img").symlink_to("precious")
    write_image(tmp_path / "img", [Segment(manifest(a=b"1"))])
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert stat.S_ISREG((tmp_path / "img").lstat().st_mode)


def test_archives_inside_one_compressed_stream_and_padding():
    both = b"".join(compress([archive(a=b"1") + bytes(512) + archive(b=b"2")], "gzip", 1, 1))
    data = archive(u=b"0") + bytes(4096) + both + bytes(3)
    assert listing(data) == [(1, "none", "u", b"0"), (2, "gzip", "a", b"1"), (2, "gzip", "b", b"2")]


def test_each_archive_has_a_number_of_its_own():
    packed = b"".join(compress([archive(b=b"") + archive(c=b"")], "zstd", 1, 1))
    data = archive(a=b"") + packed + bytes(-len(packed) % 4) + archive(d=b"")
    assert [member.archive for _, _, member in read_image(io.BytesIO(data), "img")] == [0, 1, 2, 3]


def test_damage_names_file_segment_and_offset():
    early, main = archive(u=b"0"), b"".join(compress([archive(a=b"1" * 9999)], "zstd", 3, 1))
    junk = b"".join(compress([archive(a=b"1") + b"junk"], "xz", 0, 1))
    for data, match in [
        (b"", "^img: is empty"),
        (early + b"garbage", r"^img: segment 2 at offset 512: neither a cpio archive"),
        (early + main[:-3], r"^img: segment 2 at offset 512: zstd data ends too early"),
        (early + main[:20] + b"\xff" * 9 + main[29:], r"^img: segment 2 at offset 512: corrupt zstd data"),
        (early[:200], r"^img: segment 1: offset \d+: the archive ends without its trailer"),
        (early + b"\0" + early, r"^img: segment 2 at offset 513: does not begin at a multiple of 4"),
        (early + b"\x89LZO\0\r\n", "lzo data ends too early, 7 bytes in"),
        (junk, r"^img: segment 1 at offset 0 \(xz\): offset 512: no cpio"),
    ]:  # fmt: skip
        with pytest.raises(MkinitfsError, match=match):
            listing(data)


def test_read_file_follows_links_and_takes_the_last(tmp_path):
    entries = [("sbin", Symlink("/usr/sbin", "r")), ("usr/sbin/init", Symlink("../lib/../lib/init", "r")),
               ("usr/lib/init", File(Bytes(b"old"), 0o755, "r")), ("loop", Symlink("loop", "r"))]  # fmt: skip
    later = Manifest([("usr/lib/init", File(Bytes(b"new"), 0o755, "r"))])
    write_image(tmp_path / "img", [Segment(Manifest(entries), "none"), Segment(later, "gzip")])
    assert read_file(tmp_path / "img", "/sbin/init") == b"new"
    for image, name, match in [
        ("img", "sbin/none", "there is no /usr/sbin/none in it"), ("img", "loop", "circle"),
        ("img", "usr", "not a regular"), ("gone", "x", "gone: No such file"),
    ]:  # fmt: skip
        with pytest.raises(MkinitfsError, match=match):
            read_file(tmp_path / image, name)


def test_read_file_finds_the_content_of_a_hard_link(tmp_path):
    (tmp_path / "img").write_bytes(newc(*hard_linked("one", "two")))
    assert read_file(tmp_path / "img", "one") == read_file(tmp_path / "img", "two") == b"data"
