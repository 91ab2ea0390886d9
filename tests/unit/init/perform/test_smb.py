"""What mount.cifs's answers are made into."""

import pytest

from init.perform.smb import mount_error, share_error
from init.system.spawn import Finished


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


def failed(number: int) -> Finished:
    return Finished(32, f"mount error({number}): x", False)


UNKNOWN = Finished(1, "mount error: could not resolve address for s: Unknown error", False)


@pytest.mark.parametrize(
    ("done", "reason", "retry", "hint"),
    [
        (failed(13), "Permission denied", False, "wrong user name or password?"),
        (failed(2), "No such file or directory", False, "does the share exist"),
        (failed(6), "No such device or address", False, "does the share exist"),
        (failed(95), "Operation not supported", False, "vers="),
        (failed(19), "No such device", False, "cifs.ko is not in this image"),
        (failed(113), "No route to host", True, "is the server on"),
        (failed(111), "Connection refused", True, "is the server on"),
        (failed(112), "Host is down", True, "is the server on"),
        (failed(115), "Operation now in progress", True, "is the server on"),
        (Finished(1, "what?", False), "mount.cifs ended with 1", False, ""),
        (Finished(-9, "", True), "no answer from the server", True, "is the server on"),
        (UNKNOWN, "the server's name cannot be resolved", True, "does the network's DNS know the server?"),
    ],
)
def test_why_a_share_was_not_mounted(done: Finished, reason: str, retry: bool, hint: str) -> None:
    error = share_error("//s/x", done, ("said",))
    assert (error.reason, error.retry, error.said) == (f"//s/x: {reason}", retry, ("said",))
    assert hint in error.hint and bool(hint) is bool(error.hint)
