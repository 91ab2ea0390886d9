"""Systems with and without links from /bin to /usr/bin, and a umask that comes back."""

import os
from collections.abc import Callable, Iterator

import pytest

from mkinitfs.sysroot import Sysroot
from tests.unit.files import link


@pytest.fixture
def merged(tmp_path) -> Sysroot:
    """usr/{bin,sbin} with links to them at the top, one of them absolute."""
    root = tmp_path / "merged"
    for folder in ("usr/bin", "usr/lib", "etc"):
        (root / folder).mkdir(parents=True)
    link(root, {"bin": "usr/bin", "lib": "/usr/lib", "usr/sbin": "bin", "sbin": "usr/sbin"})
    return Sysroot(root)


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    """Sets the umask until the end of the test."""
    old = os.umask(0o022)
    yield os.umask
    os.umask(old)


@pytest.fixture
def split(tmp_path) -> Sysroot:
    root = tmp_path / "split"
    for folder in ("bin", "sbin", "lib", "usr/bin"):
        (root / folder).mkdir(parents=True)
    return Sysroot(root)
