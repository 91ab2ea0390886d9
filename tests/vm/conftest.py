"""Fixtures of the VM tests: kernels, images built by the command, servers, machines in a test's folder."""

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.kernels import Kernel, kernel

from .harness import Machine, Samba
from .harness.process import locked
from .site import Site

Serve = Callable[..., Samba]
Boot = Callable[..., Machine]
Build = Callable[..., Path]


@pytest.fixture(scope="session")
def kernel_6_1() -> Kernel:
    """Debian 12's kernel."""
    return kernel("6.1")


@pytest.fixture(scope="session")
def kernel_6_12() -> Kernel:
    """Debian 13's kernel."""
    return kernel("6.12")


@pytest.fixture
def samba(tmp_path: Path) -> Serve:
    """Makes a Samba in the test's folder; its share "share" is tmp_path/share."""
    return partial(Samba, tmp_path)


@pytest.fixture
def machine(tmp_path: Path) -> Boot:
    """Makes a Machine with its transcript in the test's folder: machine(kernel.vmlinuz, initrd, append=…)."""
    return partial(_machine, tmp_path)


def _machine(folder: Path, kernel: Path, initrd: Path, **options: object) -> Machine:
    return Machine(kernel, initrd, folder, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Path]:
    """One folder for the whole run, the same for every xdist worker."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "shared"
    folder.mkdir(exist_ok=True)
    yield folder


@pytest.fixture(scope="session")
def image(shared: Path) -> Build:
    """Builds an image once in a run: image(kernel_6_1, "cifs-loop", "--credentials", path) -> its path."""

    def build(kernel: Kernel, profile: str = "cifs-loop", *flags: str | Path) -> Path:
        words = build_command(kernel, profile, *flags)
        # A file's content counts, not where pytest has put it this time.
        parts = [Path(word).read_bytes() if Path(word).is_file() else str(word).encode() for word in words]
        key = hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
        path = shared / f"{Path(profile).stem}-{kernel.version}-{key}.img"
        with locked(path.with_suffix(".lock")):
            if not path.exists():
                done = subprocess.run([*words, "--output", path], capture_output=True, text=True, check=False)
                assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
        return path

    return build


@pytest.fixture
def site(tmp_path: Path, shared: Path, image: Build) -> Site:
    """A server, a container and machines for one test; see Site."""
    return Site(tmp_path, shared, image)


def build_command(kernel: Kernel, profile: str, *flags: str | Path) -> list[str | Path]:
    """The command line that builds an image: the one place that knows the flags."""
    command = Path(sys.executable).with_name("mkinitfs")
    return [command, "build", "--profile", profile, "--kernel-dir", kernel.root, "--level", "3", *flags]
