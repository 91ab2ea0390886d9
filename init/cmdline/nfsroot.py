"""`nfsroot=[server:]dir[,options]`: the NFS export that the root lies on.

The grammar is that of the kernel's nfsroot document and of fs/nfs/nfsroot.c; options are nfs(5)'s. What the command
line leaves open the network tells: the server by ip= or by DHCP, the folder by DHCP's option 17.
"""

from __future__ import annotations

from init.system.stdlib import NamedTuple
from init.wire.ip4 import packed

DIRECTORY = "/tftpboot/%s"  # the document's, %s for the client's address or name
FOUR = "vers=4.2"  # what is meant by rootfstype=nfs4
_VERSION_WORDS = ("v2", "v3", "v4", "v4.0", "v4.1", "v4.2")
_VERSION_KEYS = ("vers=", "nfsvers=", "minorversion=")


class Export(NamedTuple):
    """What nfsroot= says; "" is left to the network."""

    server: str  # a name or an address, without brackets
    directory: str
    options: str  # the words given, in order
    debug: bool = False  # nfsrootdebug

    @property
    def password(self) -> None:
        """NFS trusts addresses; there is nothing to keep secret."""
        return None


def parse(value: str | None, rootflags: str, rootfstype: str, debug: bool, mistakes: list[str]) -> Export:
    """Take `[server:]dir[,options]` apart; None where there is no nfsroot=. Mistakes are appended.

    A word alone is a folder below /tftpboot (nfs_root_setup). What nfsroot.c lacks: a server by its name, and by an
    IPv6 address in brackets.
    """
    value = value or ""
    path = value.partition(",")[0]
    if path and path[0] not in "/[0123456789" and not _server_of(path):
        value = DIRECTORY.replace("%s", value)
    server, directory, options = split(value)
    if not _clear(path.partition("/")[0]):
        mistakes.append(f"nfsroot={path}: [server:]folder[,options] is meant, an IPv6 address in brackets")
    words = [word for part in (options, rootflags) for word in part.split(",") if word]
    if rootfstype == "nfs4" and not version_of(words):
        words.append(FOUR)
    return Export(server, directory, ",".join(words), debug)


def split(text: str) -> tuple[str, str, str]:
    """Server, folder and options of nfsroot= or of DHCP's option 17; "" for what is not there, or is `default`."""
    path, _, options = text.partition(",")
    server = _server_of(path)
    directory = path[len(server) :].removeprefix(":") if server else path
    if server.startswith("["):
        server = server[1:].removesuffix("]")
    return server, "" if directory == "default" else directory, options


def _server_of(path: str) -> str:
    """The server that a path begins with, brackets included: before the first colon, or an address alone."""
    if path.startswith("["):
        return path.partition("]")[0] + "]" if "]" in path else path
    server, colon, _ = path.partition(":")
    if "/" in server:
        return ""
    return server if colon or packed(path) else ""


def _clear(head: str) -> bool:
    """Whether one colon alone can be the one behind the server: an IPv6 address holds others, hence its brackets."""
    if head.startswith("["):
        _, closed, behind = head.partition("]")
        return bool(closed) and behind[:1] in ("", ":")
    return head.count(":") < 2


def version_of(words: list[str]) -> str:
    """The first of the options that says something of the version, "" where none does."""
    return next((word for word in words if word in _VERSION_WORDS or word.startswith(_VERSION_KEYS)), "")
