"""A Debian system unpacked from a suite's packages, as dpkg would leave it but without any of their scripts.

It needs no root and touches nothing of this machine's: packages come through apt with a configuration of its own.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.command import run
from tests.kernels import CACHE, ENV, apt_options, lock

FOLDER = CACHE.parent / "debs"


def deb(name: str, suite: str = "bookworm") -> Path:
    """The package `name` of `suite` as a file, from the cache or else from the mirror."""
    with lock(FOLDER / f".{name}.lock"):
        found = sorted(FOLDER.glob(f"{name}_*.deb"))
        return found[0] if found else _download(name, suite)


def _download(name: str, suite: str) -> Path:
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix=f".{name}-", ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        options = apt_options(suite, work)
        run(["apt-get", *options, "update"], env=ENV)
        run(["env", f"--chdir={work}", "apt-get", *options, "download", name], env=ENV)
        (package,) = work.glob("*.deb")
        return package.rename(FOLDER / package.name)


def unpack(tree: Path, suite: str, packages: Iterable[str], machine: str = "amd64") -> None:
    """Unpack `packages` of `suite`, and all they depend on, for `machine` (Debian's name) into the empty `tree`."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    with tempfile.TemporaryDirectory() as folder:
        options = apt_options(suite, Path(folder), machine)
        run(["apt-get", *options, "update"], env=ENV)
        # Nothing is installed, so dpkg's lock, which only root can take, guards nothing.
        quiet = ["-y", "--download-only", "--no-install-recommends", "-o", "Debug::NoLocking=1"]
        run(["apt-get", *options, *quiet, "install", *packages], env=ENV)
        for package in sorted(Path(folder, "cache/archives").glob("*.deb")):
            archive = Path(folder, "archive.tar")
            run(["sh", "-c", 'dpkg-deb --fsys-tarfile "$1" >"$2"', "sh", package, archive])
            run(["tar", "-C", tree, "-x", "--no-same-owner", "--keep-directory-symlink", "-f", archive])
            archive.unlink()
