"""Images of other tools, put together as they do it, and full disks."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mkinitfs.archive.compress import LEVELS
from mkinitfs.archive.image import Segment, members_of, read_image, write_image
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Bytes, File, Manifest, Symlink

PACKERS = {
    "none": ["cat"], "zstd": ["zstd", "-q", "-c"], "xz": ["xz", "--check=crc32", "-c"],
    "gzip": ["gzip", "-c"],
    "lz4": ["lz4", "-q", "-l", "-c"], "bzip2": ["bzip2", "-c"], "lzma": ["xz", "--format=lzma", "-c"],
    "lzo": ["lzop", "-c"],
}  # fmt: skip


def packed(folder: Path, **files: bytes) -> bytes:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    command = ["cpio", "--quiet", "-o", "-H", "newc"]
    return subprocess.run(command, input="\n".join(files).encode(), capture_output=True, cwd=folder, check=True).stdout


@pytest.mark.parametrize("algorithm", PACKERS)
def test_early_microcode_then_main(tmp_path, algorithm):
    early = packed(tmp_path / "early", microcode=b"ucode" * 999)
    main = packed(tmp_path / "main", init=b"#!", big=bytes(range(256)) * 5000)
    main = subprocess.run(PACKERS[algorithm], input=main, capture_output=True, check=True).stdout
    for padding in (0, 4, 4096):
        data = early + bytes(padding) + main
        found = [(n, how, m.record.name, m.read()) for n, how, m in read_image(io.BytesIO(data), "img")]
        assert found == [
            (1, "none", "microcode", b"ucode" * 999),
            (2, algorithm, "init", b"#!"),
            (2, algorithm, "big", bytes(range(256)) * 5000),
        ]


def test_we_list_an_image_of_dracut(tmp_path):
    image = tmp_path / "dracut.img"
    subprocess.run(
        ["dracut", "-q", "--no-kernel", "-m", "base", "--gzip", "--tmpdir", tmp_path, image], check=True,
        capture_output=True,
    )  # fmt: skip
    ours = [member.record.name for _, _, member in members_of(image)]
    theirs = subprocess.run(f"zcat {image} | cpio --quiet -t", shell=True, capture_output=True, text=True)
    assert ours == theirs.stdout.splitlines()
    assert "init" in ours


@pytest.mark.parametrize("algorithm", [name for name in LEVELS if name != "none"])
def test_lsinitramfs_lists_ours(tmp_path, algorithm):
    """It exits 2 for any image that is one plain archive, GNU cpio's own included."""
    entries = [("init", File(Bytes(b"#!"), 0o755, "r")), ("lib", Symlink("usr/lib", "r"))]
    write_image(tmp_path / "img", [Segment(Manifest(entries), algorithm)])
    listed = subprocess.run(["lsinitramfs", tmp_path / "img"], capture_output=True, text=True, check=True)
    assert listed.stdout.splitlines() == ["init", "lib"]


def test_a_full_disk_leaves_the_previous_image():
    """The disk is a tmpfs of 1 MiB in a mount namespace of its own."""
    script = """
import os, sys
from pathlib import Path
from mkinitfs.errors import MkinitfsError
from mkinitfs.archive.image import Segment
from mkinitfs.archive.image import write_image
from mkinitfs.manifest import Bytes
from mkinitfs.manifest import File
from mkinitfs.manifest import Manifest
folder = Path(sys.argv[1])
(folder / "img").write_bytes(b"previous")
try:
    manifest = Manifest([("a", File(Bytes(os.urandom(3 << 20)), 0o644, "r"))])
    write_image(folder / "img", [Segment(manifest, "none")])
except MkinitfsError as error:
    print(error.message, "|", error.hint)
print(sorted(path.name for path in folder.iterdir()), (folder / "img").read_bytes())
"""
    here = Path(__file__).parents[2]
    command = 'mount -t tmpfs -o size=1m none /mnt && exec "$@"'

    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command, "sh", sys.executable, "-c", script, "/mnt"],
        capture_output=True, text=True, cwd=here, env={**os.environ, "PYTHONPATH": str(here)},
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "/mnt/img: cannot be written: No space left on device | make room there, or choose another output",
        "['img'] b'previous'",
    ]


def test_a_read_error_names_the_file(tmp_path):
    with pytest.raises(MkinitfsError, match=f"^{tmp_path}: Is a directory"):
        list(members_of(tmp_path))
