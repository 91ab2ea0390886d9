"""What the real system's end means."""

import signal

import pytest

from init.shutdown.supervisor import verb_of


def killed(number: int) -> int:
    """A wait status (wait(2)): the signal in the low seven bits."""
    return int(number)


def exited(code: int) -> int:
    return code << 8


@pytest.mark.parametrize(
    ("status", "announced", "verb"),
    [
        (killed(signal.SIGINT), "poweroff", "poweroff"), (killed(signal.SIGINT), "halt", "halt"),
        (killed(signal.SIGINT), "", "poweroff"),  # no listener: power off is what is meant nearly always
        (killed(signal.SIGINT), "reboot", "poweroff"),  # the kernel's word counts
        (killed(signal.SIGINT), "kexec", "poweroff"), (killed(signal.SIGHUP), "reboot", "reboot"),
        (killed(signal.SIGHUP), "", "reboot"), (killed(signal.SIGHUP), "halt", "reboot"),
        (killed(signal.SIGKILL), "kexec", "kexec"), (killed(signal.SIGKILL), "", ""),
        (killed(signal.SIGKILL), "poweroff", ""),  # announced, then killed by somebody before it came to that
        (killed(signal.SIGSEGV), "", ""),
        (killed(signal.SIGSEGV) | 0x80, "", ""),  # with a core
        (killed(signal.SIGTERM), "halt", ""), (exited(0), "", ""), (exited(0), "poweroff", ""),
        (exited(1), "reboot", ""), (exited(127), "", ""),
    ],
)  # fmt: skip
def test_verb(status: int, announced: str, verb: str) -> None:
    assert verb_of(status, announced) == verb
