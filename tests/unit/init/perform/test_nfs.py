"""Which of several failed attempts at an export is told, and how."""

import errno
import os

import pytest

from init.perform import nfs
from init.perform.nfs_attempts import Attempt

REFUSED, VERSION, SILENCE, NO_WAY = errno.EACCES, errno.EPROTONOSUPPORT, errno.ETIMEDOUT, errno.ECONNREFUSED


@pytest.mark.parametrize(
    ("numbers", "foremost", "retry"),
    [
        ([NO_WAY], NO_WAY, True), ([VERSION], VERSION, False), ([REFUSED, VERSION], REFUSED, False),
        ([VERSION, REFUSED], REFUSED, False),
        ([NO_WAY, VERSION], VERSION, True),  # NFS 3 is not up yet
        ([NO_WAY, errno.ENOENT], errno.ENOENT, False), ([SILENCE, NO_WAY], NO_WAY, True),
        ([errno.EOPNOTSUPP, NO_WAY], errno.EOPNOTSUPP, True),
    ],
)  # fmt: skip
def test_the_error_that_tells_most(numbers: list[int], foremost: int, retry: bool) -> None:
    way = Attempt("s", "/x", "hard,vers=3,nolock")
    found = nfs.foremost([nfs.attempt_error(way, str(number), ("nfs: said",)) for number in numbers])
    assert (found.errno, found.retry) == (foremost, retry)
    assert found.reason == f"s:/x (vers=3): {os.strerror(foremost)}"
    assert (found.said, bool(found.hint)) == (("nfs: said",), True)


def test_no_answer_at_all() -> None:
    found = nfs.attempt_error(Attempt("s", "/x", "hard,v3,nolock"), "", ())
    assert (found.reason, found.retry) == ("s:/x (v3): no answer from the server", True)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (f"{SILENCE} port mapper (port 111)", "s:/x (v3): port mapper (port 111): no answer"),
        (f"{NO_WAY} mountd (port 20048)", "s:/x (v3): mountd (port 20048): Connection refused"),
        (f"{REFUSED} ", "s:/x (v3): Permission denied"),
    ],
)
def test_what_did_not_answer_is_named(answer: str, reason: str) -> None:
    found = nfs.attempt_error(Attempt("s", "/x", "hard,v3,nolock"), answer, ())
    assert (found.reason, found.retry, bool(found.hint)) == (reason, found.errno != REFUSED, True)


def test_no_number_is_without_a_hint() -> None:
    for number, name in errno.errorcode.items():
        assert nfs.attempt_error(Attempt("s", "/x", "hard,v3,nolock"), str(number), ()).hint, name


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOKEY, "Kerberos"),
        (errno.EKEYEXPIRED, "Kerberos"),
        (errno.ESTALE, "exportfs -ra"),
        (errno.ENOMEM, "memory"),
        (errno.ENODEV, "nfs.ko"),
        (errno.EREMOTEIO, "the server's own log"),
    ],
)
def test_what_to_try(number: int, hint: str) -> None:
    assert hint in nfs.attempt_error(Attempt("s", "/x", "hard,vers=4.2"), str(number), ()).hint
