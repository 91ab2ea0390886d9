"""A Debian 13 of another machine, arm64, unpacked and never run: a sysroot that nothing here can execute."""

from pathlib import Path

from tests.debs import unpack
from tests.roots import cached

SUITE, MACHINE = "trixie", "arm64"
PACKAGES = ("busybox", "cifs-utils", "mount", "python3.13-minimal", "libpython3.13-stdlib")


def arm64_root() -> Path:
    """The folder, made on first use. Raises MkinitfsError where the mirror does not answer."""
    return cached(MACHINE, _make, (SUITE, PACKAGES)).tree


def _make(tree: Path) -> None:
    unpack(tree, SUITE, PACKAGES, MACHINE)
