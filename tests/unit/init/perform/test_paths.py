"""Looking for an init as the new root's own kernel would."""

import os
from pathlib import Path

import pytest

from init.perform.paths import resolve
from tests.unit.files import link, put


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A merged-usr root, its links absolute as distributions make them."""
    root = tmp_path / "sysroot"
    for name in ("usr/bin/dash", "usr/lib/systemd/systemd"):
        put(root / name, mode=0o755)
    put(root / "etc/text")
    put(root / "etc/empty", "", 0o755)
    link(root, {"bin": "usr/bin", "sbin": "/usr/sbin", "usr/bin/sh": "dash", "usr/sbin/init": "../lib/systemd/systemd"})
    link(root / "etc", {"dangling": "/nowhere", "round": "about", "about": "/etc/round"})
    link(root / "etc", {"above": "../../../../../../usr/bin/dash"})
    return root


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/sbin/init", "/usr/lib/systemd/systemd"), ("/bin/sh", "/usr/bin/dash"), ("bin/sh", "/usr/bin/dash"),
        ("//usr/./bin/../bin/dash", "/usr/bin/dash"),
        ("/etc/above", "/usr/bin/dash"),  # .. ends at the root
        ("/../../usr/bin/dash", "/usr/bin/dash"),
        ("/etc/text", ""),  # not executable
        ("/etc/empty", ""), ("/etc", ""), ("/etc/dangling", ""), ("/etc/round", ""), ("/etc/nothing", ""),
        ("/etc/text/below", ""), ("/usr/bin/dash/below", ""), ("/", ""), ("", ""),
    ],
)  # fmt: skip
def test_resolve(root: Path, path: str, real: str) -> None:
    assert resolve(str(root), path) == real


def test_resolve_never_leaves_the_root(root: Path) -> None:
    link(root, {"etc/outside": f"{root.parent}/program"})
    put(root.parent / "program", mode=0o755)
    assert resolve(str(root), "/etc/outside") == ""
    assert resolve(str(root), "/../program") == ""


def test_resolve_agrees_with_the_kernel_on_this_machine() -> None:
    for path in ("/bin/sh", "/usr/bin/env", "/sbin/init", "/usr/bin/python3", "/bin/mount"):
        if os.path.exists(path):
            assert resolve("", path) == os.path.realpath(path)
