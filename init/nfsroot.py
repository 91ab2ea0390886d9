"""`nfsroot=[server:]dir[,options]`: the NFS export that the root lies on, and every way in which to try to mount it.

The grammar is that of the kernel's nfsroot document and of fs/nfs/nfsroot.c; options are nfs(5)'s. What the command
line leaves open the network tells: the server by ip= or by DHCP, the folder by DHCP's option 17.
"""

from __future__ import annotations

from .cheap import TYPE_CHECKING, NamedTuple
from .ipconfig import packed

if TYPE_CHECKING:
    from .netstate import Interface, Network

DIRECTORY = "/tftpboot/%s"
# The document's table. `port` is left to the server's port mapper, as there; `nointr` is what every kernel of today
# does anyhow, and it warns of the word.
DEFAULTS = (
    "rsize=4096", "wsize=4096", "timeo=7", "retrans=3", "acregmin=3", "acregmax=60", "acdirmin=30", "acdirmax=60",
    "hard", "noposix", "cto", "ac",
)  # fmt: skip
# The document says nothing of containers, and their pages go over the wire in pieces of 4 KiB for no reason.
CONTAINER_DEFAULTS = ("hard",)
# nfsroot.c asks for the oldest version that the kernel has, which is 3: nobody serves 2 any more. A server that
# speaks only 4 is asked next. A container is locked on its server, which needs 4: lockd would want rpc.statd.
FOUR, LESSER = "vers=4.2", ("vers=4.1", "vers=4.0")
VERSIONS, CONTAINER_VERSIONS = ("vers=3", FOUR, *LESSER), (FOUR, *LESSER, "vers=3")
_VERSION_WORDS = ("v2", "v3", "v4", "v4.0", "v4.1", "v4.2")
_VERSION_KEYS = ("vers=", "nfsvers=", "minorversion=")


class Export(NamedTuple):
    """`nfsroot=`, as far as it says: server (a name or an address) and folder are "" where the network tells them.

    `options` are the words given, in order; `debug` is nfsrootdebug.
    """

    server: str
    directory: str
    options: str
    debug: bool = False

    @property
    def password(self) -> None:
        """NFS trusts addresses; there is nothing to keep secret."""
        return None


class Attempt(NamedTuple):
    """One way to mount: `server` as it was named, and options that lack only `addr=`.

    `lesser`: of use only where the server does not speak the version of the one before.
    """

    server: str
    directory: str
    options: str
    lesser: bool = False

    @property
    def source(self) -> str:
        """What the kernel shows in /proc/mounts."""
        return f"[{self.server}]:{self.directory}" if ":" in self.server else f"{self.server}:{self.directory}"

    def describe(self) -> str:
        return f"{self.source} with {self.options}"


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
    found = (word for word in words if word in _VERSION_WORDS or word.startswith(_VERSION_KEYS))
    return next(found, "")


def attempts(export: Export, network: Network, container: bool) -> tuple[Attempt, ...]:
    """Every way to try, in order; none where nobody says which server. `container`: loop= looks for one there."""
    told_server, told_directory, told_options = split(network.rootpath)
    decided = next((found.bootserver for found in network.interfaces if _by_hand(found)), "")
    server = export.server or decided or told_server or network.bootserver
    if not server:
        return ()
    directory = export.directory or told_directory or DIRECTORY
    given = [word for part in (told_options, export.options) for word in part.split(",") if word]
    versions = CONTAINER_VERSIONS if container else VERSIONS
    asked = [[]] if version_of(given) else [[word] for word in versions]
    lesser = [[word] for word in LESSER]
    defaults = CONTAINER_DEFAULTS if container else DEFAULTS
    return tuple(
        # Of two words that contradict each other the kernel takes the later one, hence this order; `nolock` comes
        # last as in nfsroot.c, since there is no rpc.statd yet. NFS 4 has locks of its own and does not mind it.
        Attempt(server, path, ",".join([*defaults, *version, *given, "nolock"]), lesser=version in lesser)
        for path in _directories(directory, network)
        for version in asked
    )


def _by_hand(interface: Interface) -> bool:
    """Whether the command line names the server (the second field of ip=)."""
    return interface.protocol == "static" or "bootserver" in interface.fixed


def _directories(directory: str, network: Network) -> tuple[str, ...]:
    """`%s` replaced by the client's address, as the document has it, and by its host name, as nfsroot.c does."""
    addresses = sorted((found.address for found in network.interfaces), key=lambda address: ":" in address)
    names = dict.fromkeys(name for name in (*addresses[:1], network.hostname) if name)
    return tuple(dict.fromkeys(directory.replace("%s", name) for name in names)) or (directory,)
