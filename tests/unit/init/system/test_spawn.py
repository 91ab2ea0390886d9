"""Programs are run, heard and ended; a secret is seen by nobody but the program it is for."""

import os
import signal
import time

import pytest

from init.system.spawn import PATH, Finished, run
from tests.unit.init.system.test_child import children

SECRET = "hunter2, \\ and é"

# Prints what everybody may see of this process, then what only it can read.
LOOK = r"""
for part in cmdline environ; do tr '\0' '\n' < /proc/$$/$part; done
echo ---
cat <&"$PASSWD_FD"
"""


def sh(text: str, timeout: float = 10, secret: str | None = None) -> Finished:
    return run(("/bin/sh", "-c", text), timeout=timeout, secret=secret)


@pytest.mark.parametrize(
    ("text", "code", "output"),
    [
        ("echo out; echo err >&2; exit 3", 3, "out\nerr\n"),
        ("", 0, ""),
        ("kill -TERM $$", -signal.SIGTERM, ""),
        (r"printf '\377a'", 0, "\ufffda"),  # no text
        ("head -c 1000000 /dev/zero", 0, "\0" * 1_000_000),  # more than a pipe holds
    ],
    ids=["both streams", "nothing", "death by signal", "no text", "much"],
)
def test_output_and_code(text: str, code: int, output: str) -> None:
    assert sh(text) == Finished(code, output, False)


def test_the_secret_is_nowhere_to_be_seen() -> None:
    seen, _, read = sh(LOOK, secret=SECRET).output.rpartition("---\n")
    assert read == SECRET  # no newline: mount.cifs would take it for a part
    assert SECRET not in seen
    assert "hunter2" not in seen.replace(LOOK, "")
    assert "PASSWD_FD=3" in seen


def test_no_descriptor_without_a_secret() -> None:
    assert "PASSWD_FD" not in sh("env").output


def test_environment_and_input_are_plain() -> None:
    os.environ["MKINITFS_TEST"] = "leaks"
    try:
        lines = [line for line in sh("env; cat").output.splitlines() if not line.startswith(("PWD=", "_=", "SHLVL="))]
    finally:
        del os.environ["MKINITFS_TEST"]
    assert lines == [f"PATH={PATH}"]


def test_no_other_descriptors_are_handed_on() -> None:
    here = {number for number in range(10) if _inheritable(number)}  # this process's own
    with open("/dev/null"):
        assert {int(word) for word in sh(LIST).output.split()} == {0, 1, 2} | here
        assert {int(word) for word in sh(LIST, secret="x").output.split()} == {0, 1, 2, 3} | here


LIST = "for n in 0 1 2 3 4 5 6 7 8 9; do ! [ -e /proc/$$/fd/$n ] || echo $n; done"


def _inheritable(number: int) -> bool:
    try:
        return os.get_inheritable(number)
    except OSError:
        return False


def test_time_out_kills() -> None:
    before, started = children(), time.monotonic()
    done = sh("echo begun; exec sleep 60", timeout=3)
    assert done == Finished(-signal.SIGKILL, "begun\n", True)
    assert time.monotonic() - started < 50
    assert children() <= before  # nothing is left of it


def test_time_out_of_a_program_that_has_closed_its_output() -> None:
    started = time.monotonic()
    done = sh("exec >/dev/null 2>&1; exec sleep 60", timeout=0.3)
    assert done.timed_out
    assert time.monotonic() - started < 50


def test_no_descriptor_is_left_open() -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        run(("/nonexistent/program",), timeout=1, secret=SECRET)
    sh("exit 1", secret=SECRET)
    sh("exec sleep 60", timeout=0.1, secret=SECRET)
    assert sorted(os.listdir("/proc/self/fd")) == before
