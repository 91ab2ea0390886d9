"""What mount.cifs's answers are made into: the words of each case as tests/vm/test_hints.py saw them."""

import errno
from typing import Any

import pytest

from init.operations import MountShare
from init.perform import names, smb_hints
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


def share(unc: str = "//s/x", options: str = "vers=3.1.1,username=u") -> MountShare:
    return MountShare(unc, "/x", options, "p", 30.0)


@pytest.mark.parametrize(
    ("done", "reason", "retry", "hint"),
    [
        (failed(113), "No route to host", True, "is the server on"),
        (failed(111), "Connection refused", True, "is the server on"),
        (failed(112), "Host is down", True, "is the server on"),
        (failed(115), "Operation now in progress", True, "is the server on"),
        (Finished(1, "what?", False), "mount.cifs ended with 1", False, "the server's own log tells more"),
        (Finished(-9, "", True), "no answer from the server", True, "is the server on"),
    ],
)
def test_why_a_share_was_not_mounted(done: Finished, reason: str, retry: bool, hint: str) -> None:
    error = share_error(share(), done, ("said",))
    assert (error.reason, error.retry, error.said) == (f"//s/x: {reason}", retry, ("said",))
    assert hint in error.hint and bool(hint) is bool(error.hint)


LOGON = "CIFS: Status code returned 0xc000006d STATUS_LOGON_FAILURE"
DENIED = "CIFS: Status code returned 0xc0000022 STATUS_ACCESS_DENIED"
SESSION = "CIFS: VFS: \\\\10.0.2.2 Send error in SessSetup = -13"
FAILED = "CIFS: VFS: cifs_mount failed w/return code = -13"
NAME = "CIFS: VFS: BAD_NETWORK_NAME: \\\\10.0.2.2\\shard"
CIPHER = "CIFS: VFS: Could not allocate shash TFM 'cmac(aes)'"
POSIX = "CIFS: VFS: Server does not support mounting with posix SMB3.11 extensions"
CLOSED = "mount error: Server abruptly closed the connection."


@pytest.mark.parametrize(
    ("number", "operation", "said", "hint"),
    [
        (errno.EACCES, {}, (LOGON, SESSION, FAILED), "wrong user name or password?"),
        (errno.EACCES, {}, (FAILED,), "lets this user not into the share"),
        (errno.EACCES, {}, (DENIED, SESSION, FAILED), "the server wants encryption, signing or a newer version"),
        (errno.EACCES, {"options": "vers=3.1.1,guest"}, (FAILED,), "no user is named, and the server lets no guest in"),
        (errno.EACCES, {}, (LOGON.replace("LOGON_FAILURE", "ACCOUNT_LOCKED_OUT"), SESSION), "the account is locked"),
        (errno.EACCES, {}, (LOGON.replace("LOGON_FAILURE", "ACCOUNT_DISABLED"), SESSION), "the account is disabled"),
        (errno.EACCES, {}, (LOGON.replace("LOGON_FAILURE", "PASSWORD_EXPIRED"), SESSION), "the password has expired"),
        (errno.EACCES, {}, (LOGON.replace("LOGON_FAILURE", "PASSWORD_MUST_CHANGE"), SESSION), "the password changed"),
        (errno.EACCES, {}, (LOGON.replace("LOGON_FAILURE", "WRONG_PASSWORD"), SESSION), "wrong user name or password"),
        (errno.EKEYEXPIRED, {}, (), "the password has expired"),
        (errno.ENOENT, {}, (NAME, FAILED), "the server has no share of this name"),
        (errno.ENOENT, {"unc": "//s/x/folder"}, (NAME,), "the server has no share of this name"),
        (errno.ENOENT, {"unc": "//s/x/folder"}, (FAILED,), "is the folder there, .* DFS link.* extends dfs"),
        (errno.ENOENT, {}, (FAILED,), "the server has no share of this name.* DFS link"),
        (errno.ENOENT, {}, (CIPHER, FAILED), "the image lacks a cipher"),
        (errno.ENOENT, {}, ("CIFS: VFS: unknown or missing server auth type, use krb5",), "Kerberos"),
        (errno.ENXIO, {}, (), "the server has no share of this name"),
        (errno.EOPNOTSUPP, {}, (), "the server does not speak this version"),
        (errno.EOPNOTSUPP, {}, (POSIX,), "the server lacks the POSIX extensions"),
        (errno.EINVAL, {}, ("cifs: Unknown parameter 'nonsense'",), "does not know an option"),
        (errno.EINVAL, {}, (), "does not take"),
        (errno.ELIBACC, {}, ("CIFS: VFS: CIFS mount error: iocharset koi8-r not found",), "--module nls_NAME"),
        (errno.EHOSTDOWN, {}, (CLOSED,), "the server hung up: .*hosts allow"),
        (errno.ENODEV, {}, (), "cifs.ko is not in this image"),
        (errno.ENOTDIR, {}, (), "loop="),
        (errno.EREMOTE, {}, (), "DFS link"),
        (errno.ENOKEY, {"options": "vers=3.1.1,sec=krb5"}, (FAILED,), "Kerberos is not to be had"),
        (errno.ENOKEY, {}, (FAILED,), "/sbin/request-key in the image, which gave no answer"),
        (errno.ENONET, {}, (FAILED,), "does the network's name server know it"),
    ],
)  # fmt: skip
def test_what_to_try(
    number: int, operation: dict[str, Any], said: tuple[str, ...], hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smb_hints, "_REQUEST_KEY", "/no/such/program")
    error = share_error(share(**operation), failed(number), said)
    assert error.errno == number
    with pytest.raises(AssertionError, match=hint):
        raise AssertionError(error.hint)


def test_no_number_is_without_a_hint() -> None:
    for number, name in errno.errorcode.items():
        assert share_error(share(), failed(number), ()).hint, name


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.EBUSY, "mounted there already"),
        (errno.EUSERS, "max connections"),
        (errno.ELOOP, "circle of DFS links"),
        (errno.ENOMEM, "too little memory"),
        (errno.ENAMETOOLONG, "too long for the server"),
        (errno.EKEYREVOKED, "disabled"),
        (errno.EKEYREJECTED, "wrong user name or password"),
        (errno.EIO, "is the server on"),
        (errno.ENOSPC, "the server's own log"),
    ],
)
def test_what_a_number_alone_means(number: int, hint: str) -> None:
    assert hint in share_error(share(), failed(number), (FAILED,)).hint


def test_an_image_that_follows_dfs_links_does_not_speak_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smb_hints, "_REQUEST_KEY", "/")
    for unc, hint in {"//s/x/folder": "is the folder there", "//s/x": "the server has no share"}.items():
        error = share_error(share(unc), failed(errno.ENOENT), (FAILED,))
        assert error.hint.startswith(hint) and "DFS" not in error.hint


def test_a_dfs_link_to_a_name_without_an_address_is_tried_again() -> None:
    error = share_error(share("//s/x/link"), failed(errno.ENONET), (FAILED,))
    assert (error.reason, error.retry) == (
        "//s/x/link: a DFS link leads to a server whose name has no address", True
    )  # fmt: skip


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for once more, to learn why: mount.cifs says `Unknown error` to all of it."""
    monkeypatch.setattr(names, "look_up", lambda name: -2 if name == "nas.lab" else 0)
    monkeypatch.setattr(names, "read_text", lambda _: "search lab\nnameserver 10.0.2.3\n")
    unknown = Finished(1, "mount error: could not resolve address for nas.lab: Unknown error", False)
    error = share_error(share("//nas.lab/x"), unknown, ())
    assert (error.reason, error.retry) == ("//nas.lab/x: 10.0.2.3 knows no nas.lab", True)
