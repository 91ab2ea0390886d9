"""Round trips of any manifest, and damage of any kind: an error of ours, never another one, never a hang."""

import io
import os
import stat

from hypothesis import given, settings
from hypothesis import strategies as st

from mkinitfs.archive import cpio
from mkinitfs.archive.compress import LEVELS, compress
from mkinitfs.archive.cpio import encode
from mkinitfs.archive.image import read_image
from mkinitfs.archive.tape import Tape
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Bytes, Device, Directory, Entry, Fifo, File, Manifest, Symlink

LEVEL = {"zstd": 1, "xz": 0, "gzip": 1, "lz4": 1, "none": None}

parts = st.binary(min_size=1, max_size=12).map(lambda raw: raw.replace(b"/", b"_").replace(b"\0", b"_"))
parts = parts.filter(lambda raw: raw not in {b".", b".."})
paths = st.lists(parts, min_size=1, max_size=4).map(lambda found: os.fsdecode(b"/".join(found)))
modes = st.integers(0, 0o7777)
numbers = st.integers(0, 0xFFFFFFFF)
targets = st.binary(min_size=1, max_size=40).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"_")))
entries = st.one_of(
    st.builds(File, st.builds(Bytes, st.binary(max_size=600)), modes, st.just("r")),
    st.builds(Directory, modes, st.just("r")),
    st.builds(Symlink, targets, st.just("r")),
    st.builds(Device, st.sampled_from("cb"), numbers, numbers, modes, st.just("r")),
    st.builds(Fifo, modes, st.just("r")),
)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Any manifest: a path below something that is no folder is left out."""
    found: dict[str, Entry] = {}
    for path, entry in draw(st.dictionaries(paths, entries, max_size=8)).items():
        above = {path[:at] for at, letter in enumerate(path) if letter == "/"}
        below = any(other.startswith(path + "/") for other in found)
        fits = all(isinstance(found.get(one, Directory(0, "")), Directory) for one in above)
        if fits and (isinstance(entry, Directory) or not below):
            found[path] = entry
    return Manifest(found.items())


def back(member: cpio.Member) -> Entry:
    """The entry that `member` was made from."""
    record, mode = member.record, stat.S_IMODE(member.record.mode)
    match stat.S_IFMT(record.mode):
        case stat.S_IFREG:
            return File(Bytes(member.read()), mode, "r")
        case stat.S_IFDIR:
            return Directory(mode, "r")
        case stat.S_IFLNK:
            return Symlink(member.target, "r")
        case stat.S_IFIFO:
            return Fifo(mode, "r")
    return Device("c" if stat.S_ISCHR(record.mode) else "b", record.rdevmajor, record.rdevminor, mode, "r")


def consumed(data: bytes) -> int:
    return sum(len(member.read()) for _, _, member in read_image(io.BytesIO(data), "img"))


@given(manifests(), numbers, st.integers(1, 700))
def test_any_manifest_is_read_back_however_it_arrives(manifest, mtime, step):
    data = b"".join(encode(manifest, mtime))
    tape = Tape(data[at : at + step] for at in range(0, len(data), step))
    found = []
    for member in cpio.read(tape, "x"):
        assert (member.record.mtime, member.record.uid, member.record.gid) == (mtime, 0, 0)
        found.append((member.record.name, back(member)))
    there = ((path, Directory(one.mode, "r") if isinstance(one, Directory) else one) for path, one in manifest.items())
    assert Manifest(found) == Manifest(there)


@settings(max_examples=60, deadline=None)
@given(manifests(), st.sampled_from(list(LEVELS)), st.data())
def test_any_truncation_is_an_error_of_ours(manifest, algorithm, data):
    archive = b"".join(encode(manifest, 0))
    whole = b"".join(compress([archive], algorithm, LEVEL[algorithm], 1))
    if algorithm == "none":
        whole = whole[: archive.rindex(cpio.TRAILER.encode()) + len(cpio.TRAILER) + 1]  # the rest is padding
    consumed(whole)
    cut = data.draw(st.integers(0, len(whole) - 1))
    try:
        consumed(whole[:cut])
    except MkinitfsError as error:
        assert error.message.startswith("img: ")
    else:
        raise AssertionError(f"{cut} of {len(whole)} bytes were taken for an image")


@settings(max_examples=150, deadline=None)
@given(manifests(), st.sampled_from(list(LEVELS)), st.data())
def test_flipped_bytes_are_an_error_of_ours_or_none(manifest, algorithm, data):
    whole = bytearray(b"".join(compress(encode(manifest, 0), algorithm, LEVEL[algorithm], 1)))
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=3)):
        whole[at] ^= data.draw(st.integers(1, 255))
    try:
        consumed(bytes(whole))
    except MkinitfsError as error:
        assert error.message.startswith("img: ")


@settings(deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"070701", b"070702", b"070707", b"BZh9", b"\x5d\0\0", b"\x1f\x8b\x08"]),
)
def test_any_bytes_at_all_end_in_an_error_of_ours(data, head):
    try:
        consumed(head + data)
    except MkinitfsError as error:
        assert error.message.startswith("img: ")
