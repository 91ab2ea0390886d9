"""The kernel unpacks what we compress: a boot for each algorithm, and one from segments of several."""

import hashlib
from pathlib import Path

import pytest

from mkinitfs.archive.image import Segment, write_image
from mkinitfs.build import Request, prepare
from mkinitfs.manifest import Bytes, File, Manifest
from tests.kernels import Kernel

from .conftest import Boot, Build
from .harness import Machine
from .site import SHELL, SMALL

pytestmark = pytest.mark.vm
PYTHON = Path("/usr/bin/python3").resolve()  # the image's largest file: several xz blocks of level 0
WORDS = "root=/dev/cifs cifsroot=//10.0.2.2/share rd.break=drivers"


def assert_whole(vm: Machine) -> None:
    vm.wait_for(SHELL)
    digest = hashlib.md5(PYTHON.read_bytes()).hexdigest()
    assert vm.run(f"busybox md5sum {PYTHON}").split() == [digest, str(PYTHON)]


@pytest.mark.parametrize(("compression", "level"), [("zstd", 3), ("xz", 0), ("gzip", 3), ("lz4", 3), ("none", 0)])
def test_the_kernel_unpacks_it(compression: str, level: int, kernel_6_1: Kernel, image: Build, machine: Boot) -> None:
    packing = ("--compression", compression, "--level", str(level))
    initrd = image(kernel_6_1, "cifs-loop", *SMALL, *packing)
    with machine(kernel_6_1.vmlinuz, initrd, append=WORDS, nic=None) as vm:
        assert_whole(vm)


def test_the_kernel_unpacks_segments_of_several_compressions(kernel_6_1: Kernel, tmp_path: Path, machine: Boot) -> None:
    """An early one as for microcode, the main one, and what belongs to one machine, with a secret."""
    request = Request("cifs-loop", Path("/"), kernel_6_1.root, kernel_6_1.version, SMALL[1])
    early = Manifest([("kernel/x86/microcode/none", File(Bytes(b"early\n"), 0o644, "test"))])
    secret = File(Bytes(b"username=me\n"), 0o600, "test")
    host = Manifest([("etc/mkinitfs/credentials", secret), ("etc/hostname", File(Bytes(b"me\n"), 0o644, "test"))])
    segments = [
        Segment(early, "none"),
        Segment(prepare(request).plan.manifest, "lz4", 1),
        Segment(host, "zstd", 3),
        Segment(Manifest([("etc/hostname", File(Bytes(b"last\n"), 0o644, "test"))]), "xz", 0),
    ]
    write_image(tmp_path / "initrd", segments)
    with machine(kernel_6_1.vmlinuz, tmp_path / "initrd", append=WORDS, nic=None) as vm:
        assert_whole(vm)
        found = vm.run("cat /kernel/x86/microcode/none /etc/mkinitfs/credentials /etc/hostname")
        assert found.split() == ["early", "username=me", "last"]
        assert vm.run("ls -l /etc/mkinitfs/credentials").startswith("-rw-------")
