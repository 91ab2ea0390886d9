"""Images for a system of another machine and another release: nothing of it can be run here, and nothing is."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from mkinitfs.elf import elf
from tests.command import mkinitfs
from tests.foreign import foreign_root
from tests.kernels import fake_kernel, fake_module, kernel


@pytest.fixture(scope="module")
def root() -> Path:
    return foreign_root("arm64")


@pytest.fixture
def kernels(tmp_path) -> Path:
    """A kernel for arm64 with the modules that the profile cifs-loop insists on."""
    names = [name for name in json.loads(mkinitfs("profiles", "cifs-loop", "--json").out)["modules"] if name[0] != "?"]
    module = bytearray(fake_module())
    module[18:20] = (183).to_bytes(2, "little")  # e_machine: EM_AARCH64
    folder = tmp_path / "kernels/lib/modules/6.12.0-arm64"
    fake_kernel(folder, {f"kernel/{name}.ko": bytes(module) for name in [*names, "virtio_net"]})
    return tmp_path / "kernels"


def test_an_image_for_another_machine(root, kernels, tmp_path):
    image, tree = tmp_path / "arm.img", tmp_path / "tree"
    words = ["--sysroot", root, "--kernel-dir", kernels, "--hardware", "virtio_net"]
    done = mkinitfs("build", *words, "--level", "3", "--output", image)
    assert done.code == 0, done.err
    assert mkinitfs("extract", image, "-C", tree).code == 0
    found = set()
    for folder, _, names in os.walk(tree):
        for path in (Path(folder, name) for name in names):
            if path.is_file() and not path.is_symlink() and elf.is_elf(path.read_bytes()[:4]):
                found.add(elf.parse(path.read_bytes(), str(path)).machine)
    assert found == {"EM_AARCH64"}
    # Bytecode of this Python would be none of theirs.
    assert not list(tree.rglob("*.pyc")) and list(tree.glob("usr/lib/mkinitfs/init/boot/steps.py"))
    assert (tree / "init").read_text().startswith("#!/usr/bin/python3.13 ")
    assert (tree / "lib/ld-linux-aarch64.so.1").resolve().is_relative_to(tree)
    listed = json.loads(mkinitfs("plan", *words, "--json").out)
    sources = [Path(entry["source"]) for entry in listed["entries"] if entry.get("source")]
    own = Path(__file__).resolve().parents[2] / "init"
    assert [path for path in sources if not any(map(path.is_relative_to, (root, kernels, own)))] == []


def test_a_kernel_or_a_program_of_this_machine_does_not_fit(root, tmp_path):
    here = kernel("6.1")
    image = tmp_path / "x.img"
    words = ["--sysroot", root, "--output", image]
    done = mkinitfs("build", *words, "--kernel-dir", here.root, "--hardware", "virtio_net")
    assert (done.code, done.err.splitlines()) == (
        1,
        [
            f"error: kernel {here.version}: for x86_64, yet the programs are for aarch64",
            "hint: name a folder with a kernel for that machine with --kernel-dir",
        ],
    )
    done = mkinitfs("build", *words, "--profile", "shell", "--add", "/usr/bin/busybox:/usr/bin/other")
    assert (done.code, done.err.splitlines()) == (
        1,
        [
            "error: /usr/bin/other: for another machine: x86_64, not aarch64",
            f"hint: {root} should hold a system for one machine",
        ],
    )
    assert not image.exists()


def test_why_knows_the_way_over_links(root):
    real = next(root.glob("usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1")).relative_to(root)
    done = mkinitfs("why", "/lib/ld-linux-aarch64.so.1", "--profile", "shell", "--sysroot", root)
    assert (done.code, done.out.splitlines()[0]) == (0, f"/{real}: interpreter of /usr/bin/busybox")


def test_readelf_reads_the_same(root):
    programs = [root / "usr/bin" / name for name in ("python3.13", "busybox", "mount")]
    for path in programs:
        text = subprocess.run(["readelf", "-dW", path], capture_output=True, text=True, check=True).stdout
        assert list(elf.parse(path.read_bytes(), "x").needed) == re.findall(r"\(NEEDED\).*\[(.*)\]", text)
