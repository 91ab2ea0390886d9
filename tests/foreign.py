"""A Debian 13 of another machine, arm64, unpacked and never run: a sysroot that nothing here can execute."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mkinitfs.process import run
from tests.kernels import ENV, _apt_options
from tests.roots import _cached

SUITE, MACHINE = "trixie", "arm64"
PACKAGES = ("busybox", "cifs-utils", "mount", "python3.13-minimal", "libpython3.13-stdlib")


def arm64_root() -> Path:
    """The folder, made on first use. Raises MkinitfsError where the mirror does not answer."""
    return _cached(MACHINE, _make, (SUITE, PACKAGES)).tree


def _make(tree: Path) -> None:
    """As dpkg would leave it, without any script of a package: needs no root."""
    for name in ("bin", "sbin", "lib"):
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    with tempfile.TemporaryDirectory() as folder:
        options = _apt_options(SUITE, Path(folder))
        options += ["-o", f"APT::Architecture={MACHINE}", "-o", f"APT::Architectures={MACHINE}"]
        run(["apt-get", *options, "update"], env=ENV)
        # Nothing is installed, so dpkg's lock, which only root can take, guards nothing.
        quiet = ["-y", "--download-only", "--no-install-recommends", "-o", "Debug::NoLocking=1"]
        run(["apt-get", *options, *quiet, "install", *PACKAGES], env=ENV)
        for package in sorted(Path(folder, "cache/archives").glob("*.deb")):
            archive = Path(folder, "archive.tar")
            run(["sh", "-c", 'dpkg-deb --fsys-tarfile "$1" >"$2"', "sh", package, archive])
            run(["tar", "-C", tree, "-x", "--no-same-owner", "--keep-directory-symlink", "-f", archive])
            archive.unlink()
