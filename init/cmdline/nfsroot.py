"""`nfsroot=[server:]dir[,options]`: the NFS export that the root lies on.

The grammar is that of the kernel's nfsroot document and of fs/nfs/nfsroot.c; options are nfs(5)'s. What the command
line leaves open the network tells: the server by ip= or by DHCP, the folder by DHCP's option 17.
"""

from __future__ import annotations

from init.cmdline.secrets import shown
from init.system.stdlib import NamedTuple
from init.wire.ip4 import packed

DIRECTORY = "/tftpboot/%s"  # the document's, %s for the client's address or name
FOUR = "vers=4.2"  # what is meant by rootfstype=nfs4
_VERSION_WORDS = ("v2", "v3", "v4", "v4.0", "v4.1", "v4.2")
_VERSION_KEYS = ("vers=", "nfsvers=", "minorversion=")
# By name, also with "no" in front: nfs(5), fs/nfs/fs_context.c.
_NAMES = """
    ac acdirmax acdirmin acl acregmax acregmin actimeo addr alignwrite async atime bg bsize clientaddr cto defaults dev
    diratime exec fatal_neterrors fg fsc hard intr local_lock lock lookupcache max_connect migration minorversion
    mountaddr mounthost mountport mountproto mountvers namlen nconnect nfsvers port posix proto rdirplus rdma relatime
    resvport retrans retry ro rsize rw sec sharecache sloppy soft softerr softreval suid sync tcp timeo trunkdiscovery
    udp vers write wsize xprtsec
"""
_OPTIONS = frozenset(_NAMES.split())


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


def parse(value: str, flags: str, four: bool, debug: bool, mistakes: list[str]) -> Export:
    """Take `[server:]dir[,options]` apart, "" where there is none; mistakes are appended.

    A word alone is a folder below /tftpboot (nfs_root_setup), but for `auto`, which is initramfs-tools' word for what
    DHCP says. What nfsroot.c lacks: a server by its name, and by an IPv6 address in brackets, and the forms of other
    tools (split). `four`: version 4 is meant where no option says otherwise.
    """
    path = value.partition(",")[0]
    if path == "auto":
        value, path = value.removeprefix("auto"), ""
    if path and path[0] not in "/[0123456789" and not _server_of(path):
        value = DIRECTORY.replace("%s", value)
    server, directory, options = split(value)
    # A folder may hold an @, but NFS knows no user and password in front of one.
    strange = value.count("@") != (directory.count("@") if directory.startswith("/") else 0)
    if strange or not _has_good_port(value) or not _clear(_bare(path)[1].partition("/")[0]):
        mistakes.append(f"nfsroot={shown(value)}: [server:]folder[,options] is meant, an IPv6 address in brackets")
    words = [word for part in (options, flags) for word in part.split(",") if word]
    if (four or value.startswith("nfs4:")) and not version_of(words):
        words.append(FOUR)
    return Export(server, directory, ",".join(words), debug)


def split(text: str) -> tuple[str, str, str]:
    """Server, folder and options of nfsroot= or of DHCP's option 17; "" for what is not there, or is `default`.

    Options may stand behind a second colon, and nfs: or nfs4: in front (dracut.cmdline(7)); nfs://server:port/folder
    is RFC 2224's, nfs:options:server:/folder Anaconda's.
    """
    url, port = text.startswith("nfs://"), ""
    first, text = _bare(text)
    if url:
        host, slash, folder = text[2:].partition("/")
        name, colon, port = host.rpartition(":")
        host = name if colon and not host.endswith("]") else host
        text = f"{host}:{slash}{folder}"
    path, _, options = text.partition(",")
    server = _server_of(path)
    directory = path[len(server) :].removeprefix(":") if server else path
    directory, behind = _without_options(directory)
    if server.startswith("["):
        server = server[1:].removesuffix("]")
    words = (first, f"port={port}" if port.isdigit() else "", behind, options)
    return server, "" if directory == "default" else directory, ",".join(filter(None, words))


def _has_good_port(value: str) -> bool:
    """Whether a URL's port is one: else it may be a password with a slash in it, and its end a folder with an @."""
    host = value.removeprefix("nfs://").partition("/")[0] if value.startswith("nfs://") else ""
    _, colon, port = host.rpartition(":")
    return host.endswith("]") or not colon or not port or port.isdigit()


def _bare(text: str) -> tuple[str, str]:
    """What stands behind nfs: or nfs4:, where there is such a prefix: options in front, and the rest."""
    bare = text.removeprefix("nfs4:").removeprefix("nfs:")
    words, _, rest = bare.partition(":")
    if bare != text and ":" in rest.partition("/")[0] and all(_known(word) for word in words.split(",")):
        return words, rest
    return "", bare


def _without_options(directory: str) -> tuple[str, str]:
    """A folder, and the option behind its last colon; what is no option of nfs(5)'s belongs to the folder's name."""
    for number, letter in enumerate(directory):
        rest = directory[number + 1 :]
        if letter == ":" and _known(rest):
            return directory[:number], rest
    return directory, ""


def _known(word: str) -> bool:
    name = word.partition("=")[0]
    return name in _OPTIONS or name.removeprefix("no") in _OPTIONS or word in _VERSION_WORDS


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
