"""Operations carried out on real files, and what the system's answers are made into."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from init import operations as operations_module
from init.operations import StepError
from init.perform.paths import resolve
from init.perform.performer import Performer
from init.perform.smb import mount_error, share_error
from init.system.log import Log
from init.system.spawn import Finished


def performed(tmp_path: Path, *operations: operations_module.Operation) -> tuple[list[Any], Log]:
    """What each operation answers, or the StepError that it raises."""
    (tmp_path / "kmsg").touch()
    log = Log(str(tmp_path / "kmsg"))
    answers: list[Any] = []

    def steps() -> Generator[operations_module.Operation, Any, None]:
        for operation in operations:
            try:
                answers.append((yield operation))
            except StepError as error:
                answers.append(error)

    Performer(log, {}, 0).run(steps())
    return answers, log


def failure(tmp_path: Path, operation: operations_module.Operation) -> StepError:
    (answer,), _ = performed(tmp_path, operation)
    assert isinstance(answer, StepError)
    return answer


def test_answers_come_back_in_order(tmp_path: Path) -> None:
    (first, slept, logged, second), log = performed(
        tmp_path,
        operations_module.Now(),
        operations_module.Sleep(0.05),
        operations_module.Log(6, "hello"),
        operations_module.Now(),
    )
    assert (slept, logged) == (None, None)
    assert 0.05 <= second - first < 5
    assert abs(second - time.monotonic()) < 5
    assert log.lines[0].endswith(" hello")
    assert (tmp_path / "kmsg").read_text() == "<30>mkinitfs: hello\n"


def test_a_failed_operation_is_followed_by_the_next(tmp_path: Path) -> None:
    answers, _ = performed(
        tmp_path, operations_module.ReadAt("/nonexistent", 0, 1), operations_module.Resolve("/", "/nonexistent")
    )
    assert isinstance(answers[0], StepError)
    assert answers[1] == ""


def test_an_error_nobody_foresaw_names_the_operation(tmp_path: Path) -> None:
    error = failure(tmp_path, operations_module.ReadAt(f"{tmp_path}/none", 0, 512))
    where = f"{tmp_path}/none"
    assert error.reason == f"cannot read 512 bytes of {where} at 0: No such file or directory: {where}"
    assert (error.errno, error.retry) == (errno.ENOENT, False)


def test_an_error_of_the_boot_itself_is_not_swallowed(tmp_path: Path) -> None:
    (tmp_path / "kmsg").touch()

    def steps() -> Generator[operations_module.Operation, Any, None]:
        yield operations_module.ReadAt("/nonexistent", 0, 1)

    with pytest.raises(StepError):
        Performer(Log(str(tmp_path / "kmsg")), {}, 0).run(steps())


def test_read_at(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(range(200)))
    operations = [
        operations_module.ReadAt(f"{tmp_path}/file", *where) for where in ((10, 3), (198, 5), (200, 5), (1 << 60, 5))
    ]
    assert performed(tmp_path, *operations)[0] == [b"\n\x0b\x0c", b"\xc6\xc7", b"", b""]


# The container.


def test_a_missing_container_names_its_neighbours(tmp_path: Path) -> None:
    folder = tmp_path / "share/images"
    folder.mkdir(parents=True)
    (folder / "root.img").touch()
    (folder / "swap.img").touch()
    error = failure(tmp_path, operations_module.FindContainer(f"{folder}/rot.img"))
    assert error.reason == f"{folder}/rot.img: no such file on the share"
    assert error.hint == "loop=PATH is relative to the share; images/ holds: root.img, swap.img"
    error = failure(tmp_path, operations_module.FindContainer(f"{tmp_path}/share/imgs/deep/root.img"))
    assert error.hint == "loop=PATH is relative to the share; share/ holds: images"


def test_many_neighbours_and_none(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    error = failure(tmp_path, operations_module.FindContainer(f"{tmp_path}/share/a"))
    assert error.hint.endswith("share/ holds: nothing")
    for number in range(11):
        (tmp_path / f"share/{number:02}").touch()
    error = failure(tmp_path, operations_module.FindContainer(f"{tmp_path}/share/a"))
    assert error.hint.endswith("share/ holds: 00, 01, 02, 03, 04, 05, 06, 07 and 3 more")


def test_a_container_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    error = failure(tmp_path, operations_module.FindContainer(f"{tmp_path}/folder"))
    assert error.reason == f"{tmp_path}/folder: is no regular file"
    error = failure(tmp_path, operations_module.FindContainer(f"{tmp_path}/empty"))
    assert error.reason == f"{tmp_path}/empty: the container is empty"
    assert not error.retry


# mount.cifs.


@pytest.mark.parametrize(
    ("output", "number"),
    [
        ("mount error(13): Permission denied\nRefer to the mount.cifs(8) manual page\n", 13),
        ("mount error(2): No such file or directory\n", 2),
        ("mount error(115): Operation now in progress", 115),
        ("Unable to find suitable address.\n", 0),
        ("mount error: could not resolve address for nas: Unknown error\n", 0),
        ("mount error(", 0),
        ("mount error(x): y", 0),
        ("", 0),
    ],
)
def test_mount_error(output: str, number: int) -> None:
    assert mount_error(output) == number


@pytest.mark.parametrize(
    ("done", "reason", "retry", "hint"),
    [
        (Finished(32, "mount error(13): x", False), "//s/x: Permission denied", False, "wrong user name or password?"),
        (Finished(32, "mount error(2): x", False), "//s/x: No such file or directory", False, "does the share exist"),
        (Finished(32, "mount error(6): x", False), "//s/x: No such device or address", False, "does the share exist"),
        (Finished(32, "mount error(95): x", False), "//s/x: Operation not supported", False, "vers="),
        (Finished(32, "mount error(19): x", False), "//s/x: No such device", False, "cifs.ko is not in this image"),
        (Finished(32, "mount error(113): x", False), "//s/x: No route to host", True, "is the server on"),
        (Finished(32, "mount error(111): x", False), "//s/x: Connection refused", True, "is the server on"),
        (Finished(32, "mount error(112): x", False), "//s/x: Host is down", True, "is the server on"),
        (Finished(32, "mount error(115): x", False), "//s/x: Operation now in progress", True, "is the server on"),
        (Finished(1, "what?", False), "//s/x: mount.cifs ended with 1", False, ""),
        (Finished(-9, "", True), "//s/x: no answer from the server", True, "is the server on"),
        (
            Finished(1, "mount error: could not resolve address for s: Unknown error", False),
            "//s/x: the server's name cannot be resolved",
            True,
            "does the network's DNS know the server?",
        ),
    ],
)
def test_why_a_share_was_not_mounted(done: Finished, reason: str, retry: bool, hint: str) -> None:
    error = share_error("//s/x", done, ("said",))
    assert (error.reason, error.retry, error.said) == (reason, retry, ("said",))
    assert hint in error.hint
    assert bool(hint) is bool(error.hint)


# Looking for an init as the new root's own kernel would.


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A merged-usr root, its links absolute as distributions make them."""
    root = tmp_path / "sysroot"
    for name in ("usr/bin", "usr/sbin", "usr/lib/systemd", "etc"):
        (root / name).mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    (root / "sbin").symlink_to("/usr/sbin")
    for name in ("usr/bin/dash", "usr/lib/systemd/systemd"):
        (root / name).write_text("x")
        (root / name).chmod(0o755)
    (root / "usr/bin/sh").symlink_to("dash")
    (root / "usr/sbin/init").symlink_to("../lib/systemd/systemd")
    (root / "etc/text").write_text("x")
    (root / "etc/empty").touch(0o755)
    (root / "etc/dangling").symlink_to("/nowhere")
    (root / "etc/round").symlink_to("about")
    (root / "etc/about").symlink_to("/etc/round")
    (root / "etc/above").symlink_to("../../../../../../usr/bin/dash")
    return root


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/sbin/init", "/usr/lib/systemd/systemd"),
        ("/bin/sh", "/usr/bin/dash"),
        ("bin/sh", "/usr/bin/dash"),
        ("//usr/./bin/../bin/dash", "/usr/bin/dash"),
        ("/etc/above", "/usr/bin/dash"),  # .. ends at the root
        ("/../../usr/bin/dash", "/usr/bin/dash"),
        ("/etc/text", ""),  # not executable
        ("/etc/empty", ""),
        ("/etc", ""),
        ("/etc/dangling", ""),
        ("/etc/round", ""),
        ("/etc/nothing", ""),
        ("/etc/text/below", ""),
        ("/usr/bin/dash/below", ""),
        ("/", ""),
        ("", ""),
    ],
)
def test_resolve(root: Path, path: str, real: str) -> None:
    assert resolve(str(root), path) == real


def test_resolve_never_leaves_the_root(root: Path) -> None:
    (root / "etc/outside").symlink_to(f"{root.parent}/program")
    (root.parent / "program").write_text("x")
    (root.parent / "program").chmod(0o755)
    assert resolve(str(root), "/etc/outside") == ""
    assert resolve(str(root), "/../program") == ""


def test_resolve_agrees_with_the_kernel_on_this_machine() -> None:
    for path in ("/bin/sh", "/usr/bin/env", "/sbin/init", "/usr/bin/python3", "/bin/mount"):
        if os.path.exists(path):
            assert resolve("", path) == os.path.realpath(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="mount(2) and the kernel's log are root's")
def test_a_mount_that_fails(tmp_path: Path) -> None:
    error = failure(tmp_path, operations_module.Mount(f"{tmp_path}/nothing", f"{tmp_path}/made", "ext4", "ro"))
    assert error.reason == f"{tmp_path}/nothing (ext4): No such file or directory"
    error = failure(tmp_path, operations_module.Mount("none", str(tmp_path), "nosuchfs", "ro"))
    assert error.reason == "none (nosuchfs): No such device"
    assert error.hint == "not in this image: mkinitfs build --module nosuchfs"
    error = failure(tmp_path, operations_module.Mount("none", str(tmp_path), "tmpfs", "rw,nosuchoption=1"))
    assert error.errno == errno.EINVAL
    assert not os.path.ismount(tmp_path)
