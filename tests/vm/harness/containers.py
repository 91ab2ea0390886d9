"""Container images made from a folder, checked and read, all without mounting anything."""

import os
import re
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from init.boot.filesystem import HEAD, probe
from tests.command import run

from .protofile import protofile, sticky_folders

Kind = Literal["ext4", "xfs", "btrfs", "squashfs", "erofs"]
MiB = 1 << 20


@dataclass(frozen=True)
class Verdict:
    """What the file system's own checker says, and whether it was unmounted properly."""

    clean: bool
    report: str


def make_container(
    image: Path, tree: Path, kind: Kind, size: int = 512 * MiB, block_size: int = 4096, sector_size: int = 512
) -> Path:
    """Make `image`, a sparse file of `size` bytes with a file system that holds everything below `tree`.

    Without root, every file belongs to root in the image all the same. mkfs.xfs wants at least 300 MiB, and
    the format it reads (a protofile) has no way to write a name with white space.
    """
    with image.open("wb") as file:
        file.truncate(size)
    # fakeroot shows the caller's own files as root's, which is what the image is to say.
    prefix = [] if os.geteuid() == 0 else ["fakeroot", "--"]
    match kind:
        case "ext4":
            run([*prefix, "mke2fs", "-q", "-F", "-t", "ext4", "-b", str(block_size), "-L", "root", "-d", tree, image])
        case "xfs":
            proto = image.with_name(f"{image.name}.proto")
            proto.write_text(protofile(tree, own=os.geteuid() == 0))
            sizes = ["-b", f"size={block_size}", "-s", f"size={sector_size}"]
            run(["mkfs.xfs", "-q", "-f", "-L", "root", *sizes, "-p", proto, image])
            proto.unlink()
            for path, mode in sticky_folders(tree):
                run(["xfs_db", "-x", "-c", f"path {path}", "-c", f"write core.mode {mode:#o}", image])
        case "btrfs":
            run([*prefix, "mkfs.btrfs", "-q", "-L", "root", "--rootdir", tree, image])
        case "squashfs":
            run([*prefix, "mksquashfs", tree, image, "-noappend", "-quiet", "-no-progress"])
        case "erofs":
            run([*prefix, "mkfs.erofs", "--quiet", image, tree])
    return image


def partitioned(image: Path, script: str, contents: Mapping[int, Path], *, size: int = 0) -> Path:
    """Make `image`, sparse, with the partitions of sfdisk(8)'s `script` and `contents` laid into them by number."""
    with image.open("wb") as file:
        file.truncate(size or sum(path.stat().st_size for path in contents.values()) + 16 * MiB)
    done = subprocess.run(["sfdisk", "--quiet", image], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    for number, path in contents.items():
        start = partition(image, number)[0]
        run(["dd", f"if={path}", f"of={image}", "bs=64K", f"seek={start}", "oflag=seek_bytes", "conv=sparse,notrunc"])
    return image


def partition(image: Path, number: int) -> tuple[int, int]:
    """Where partition `number` begins and how long it is, in bytes, as sfdisk reads the table."""
    for line in run(["sfdisk", "--dump", image]).splitlines():
        if found := re.search(rf"{number} : start= *(\d+), size= *(\d+)", line):
            return int(found[1]) * 512, int(found[2]) * 512
    raise AssertionError(f"{image}: no partition {number}")


def cut_out(image: Path, number: int, target: Path) -> Path:
    """Partition `number` as a file of its own, for the checkers."""
    start, size = partition(image, number)
    words = [f"if={image}", f"of={target}", "bs=64K", f"skip={start}", f"count={size}", "conv=sparse"]
    run(["dd", *words, "iflag=skip_bytes,count_bytes"])
    return target


def copy_container(source: Path, target: Path) -> Path:
    """A copy of a container that stays as sparse as it was."""
    run(["cp", "--sparse=always", "--reflink=auto", source, target])
    return target


def kind_of(image: Path) -> Kind:
    """Which file system `image` holds, by its magic number."""
    with image.open("rb") as file:
        head = file.read(HEAD)
    found = probe(head)
    assert found, f"{image}: no file system that is known"
    return found.fstype  # type: ignore[return-value]


def check(image: Path) -> Verdict:
    """Run the checker, read-only; a file system that was never unmounted is not clean either."""
    left = False
    kind = kind_of(image)
    if kind == "ext4":
        code, report = _ask(["e2fsck", "-f", "-n", image])
        with image.open("rb") as file:
            head = file.read(2048)
        # s_feature_incompat and its flag "recover" (the kernel's ext4 document, super block).
        left = bool(struct.unpack_from("<I", head, 1024 + 0x60)[0] & 4)
    elif kind == "xfs":
        code, report = _ask(["xfs_repair", "-n", image])
        left = "metadata changes in a log" in report
    elif kind == "btrfs":
        code, report = _ask(["btrfs", "check", "--readonly", image])
    else:
        code, report = _ask(["fsck.erofs", image] if kind == "erofs" else ["unsquashfs", "-s", image])
    return Verdict(code == 0 and not left, report + ("\nthe journal was not written back" if left else ""))


def _ask(argv: Sequence[str | Path]) -> tuple[int, str]:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, done.stdout + done.stderr


def read_file(image: Path, path: str) -> bytes:
    """The content of the regular file `path` in the image; AssertionError where it is not there."""
    kind = kind_of(image)
    if kind == "ext4":
        done = subprocess.run(["debugfs", "-R", f'cat "{path}"', image], capture_output=True, check=True)
        # debugfs exits with 0 in any case and greets on the same channel on which it complains.
        assert b"File not found" not in done.stderr, f"{image}: {path}: not there"
        return done.stdout
    if kind == "btrfs":
        with tempfile.TemporaryDirectory() as folder:
            run(["btrfs", "restore", image, folder])
            return Path(folder, path.lstrip("/")).read_bytes()
    assert kind == "xfs", f"{image}: {kind} is not read here"
    return _read_xfs(image, path)


def _read_xfs(image: Path, path: str) -> bytes:
    """Find the file's extents with xfs_db and read them; holes read as zeros."""
    command = ["xfs_db", "-r", "-c", f"path {path}", "-c", "print core.size core.mode", "-c", "bmap -d", image]
    code, report = _ask(command)
    size = re.search(r"^core.size = (\d+)", report, re.MULTILINE)
    assert code == 0 and size, f"{image}: {path}: {report.strip()}"
    with image.open("rb") as file:
        head = file.read(512)
        block_size = struct.unpack_from(">I", head, 4)[0]
        per_group = struct.unpack_from(">I", head, 84)[0]
        content = bytearray(int(size[1]))
        extents = re.findall(r"data offset (\d+) startblock \d+ \((\d+)/(\d+)\) count (\d+)", report)
        for offset, group, block, count in (map(int, words) for words in extents):
            file.seek((group * per_group + block) * block_size)
            piece = file.read(count * block_size)[: max(0, len(content) - offset * block_size)]
            content[offset * block_size : offset * block_size + len(piece)] = piece
    return bytes(content)
