"""What a share's refusal means: mount.cifs's number, and the words of mount.cifs and cifs that tell the cases apart.

A number alone says little: cifs makes one of many answers of servers (fs/smb/client/smb2maperror.c). Each text here was
seen with the server's setting that it names: tests/vm/test_hints.py.
"""

from __future__ import annotations

import errno
import os

_REQUEST_KEY = "/sbin/request-key"  # init/request_key.py, by which DFS links are followed
_LOGON = {
    "STATUS_ACCOUNT_DISABLED": "the account is disabled on the server",
    "STATUS_ACCOUNT_LOCKED_OUT": "the account is locked on the server, after too many wrong passwords",
    "STATUS_ACCOUNT_EXPIRED": "the account has expired on the server",
    "STATUS_ACCOUNT_RESTRICTION": "the server lets this account in at other times or from other machines only",
    "STATUS_INVALID_LOGON_HOURS": "the server lets this account in at other times only",
    "STATUS_INVALID_WORKSTATION": "the server lets this account in from other machines only",
    "STATUS_LOGON_TYPE_NOT_GRANTED": "the server does not let this account in over the network",
    "STATUS_PASSWORD_EXPIRED": "the password has expired on the server",
    "STATUS_PASSWORD_MUST_CHANGE": "the server wants the password changed before it lets anybody in with it",
}
_LOGIN = "wrong user name or password? username=, password= in cifsroot=, or build --credentials FILE"
_KERBEROS = "Kerberos is not to be had in early user space: username= and password=, without sec=krb5"
_NO_SHARE = "the server has no share of this name, or not for this machine: smbclient -L //SERVER shows what it has"


def hint(number: int, unc: str, options: str, said: tuple[str, ...]) -> str:
    """What to look at, "" where nothing is known of the error `number`; `said` is what was said of it."""
    text = "\n".join(said)
    if special := next((words for status, words in _LOGON.items() if status in text), ""):
        return special
    if number in (errno.EACCES, errno.EPERM):
        return _denied(options, text)
    if number == errno.ENOENT:
        return _not_found(unc, text)
    if number == errno.EINVAL:
        return _invalid(text)
    if number == errno.EOPNOTSUPP:
        return _unsupported(text)
    if number == errno.ENOKEY and "krb5" not in options:
        return "a server's name was asked of /sbin/request-key in the image, which gave no answer: see dmesg"
    if number == errno.EHOSTDOWN and "closed the connection" in text:
        return (
            "the server hung up: does it let only other machines in (hosts allow), or not speak this version (vers=)?"
        )
    return _NUMBERS.get(number, "")


def _denied(options: str, text: str) -> str:
    if "guest" in options.split(","):
        return "no user is named, and the server lets no guest in: username=, password= in cifsroot=, or --credentials"
    if "STATUS_LOGON_FAILURE" in text or "STATUS_WRONG_PASSWORD" in text or "STATUS_NO_SUCH_USER" in text:
        return _LOGIN
    if "SessSetup" in text:
        return "the server wants encryption, signing or a newer version than vers= and sec= in cifsroot= ask for"
    return (
        "the server seems to know user and password, but lets this user not into the share: valid users, hosts allow, "
        "and the rights of its folder"
    )


def _not_found(unc: str, text: str) -> str:
    if "BAD_NETWORK_NAME" in text:
        return _NO_SHARE
    if "alloc" in text or "crypto" in text:
        return "the image lacks a cipher that cifs asks for: build it from a profile that extends cifs"
    if "krb5" in text:
        return _KERBEROS
    what = "is the folder there, on a share that is there?" if unc.count("/") > 3 else f"{_NO_SHARE}."
    if os.path.exists(_REQUEST_KEY):
        return what.rstrip(".")
    return (
        f"{what} Where it is a DFS link to another server, name that server in cifsroot=, "
        "or build from a profile that extends dfs"
    )


def _invalid(text: str) -> str:
    for words in ("Unknown parameter", "bad security option", "needs CONFIG_"):
        if words in text:
            return "this kernel's cifs does not know an option in cifsroot=: leave it out"
    return "an option that this kernel's cifs does not take, or not together with another? see dmesg"


def _unsupported(text: str) -> str:
    if "posix" in text.lower():
        return 'the server lacks the POSIX extensions that posix in cifsroot= asks for (Samba: "smb3 unix extensions")'
    return "the server does not speak this version: vers= in cifsroot= asks for another"


_NUMBERS = {
    errno.ENXIO: _NO_SHARE,  # SMB 1's answer
    errno.ENODEV: "cifs.ko is not in this image or does not fit the kernel",
    errno.ELIBACC: "the image lacks the character set that iocharset= asks for: mkinitfs build --module nls_NAME",
    errno.ENOKEY: _KERBEROS,
    errno.EKEYEXPIRED: "the password has expired on the server",
    errno.EKEYREVOKED: "the account is disabled on the server",
    errno.EKEYREJECTED: _LOGIN,
    errno.ENOTDIR: "the last part of the path in cifsroot= is a file: a container's name belongs into loop=",
    errno.ENONET: "dmesg names it: does the network's name server know it? else name another server in cifsroot=",
    errno.EREMOTE: "a DFS link to another server: name that server in cifsroot=",
    errno.ELOOP: "a circle of DFS links: name the server that the share lies on in cifsroot=",
    errno.ENOMEM: "too little memory for cifs's buffers: a smaller image, or CIFSMaxBufSize=",
    errno.EBUSY: "something is mounted there already",
    errno.ENAMETOOLONG: "a name in cifsroot= is too long for the server",
    errno.EUSERS: "the server has no room for one more connection (Samba: max connections)",
}
