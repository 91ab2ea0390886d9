"""Every way in which to try to mount an export, in order."""

from __future__ import annotations

from init.cmdline.cifsroot import is_url
from init.cmdline.nfsroot import DIRECTORY, FOUR, Export, split, version_of
from init.network.state import Interface, Network
from init.system.stdlib import NamedTuple

# The document's table. `port` is left to the server's port mapper, as there; `nointr` is what every kernel of today
# does anyhow, and it warns of the word.
DEFAULTS = (
    "rsize=4096", "wsize=4096", "timeo=7", "retrans=3", "acregmin=3", "acregmax=60", "acdirmin=30", "acdirmax=60",
    "hard", "noposix", "cto", "ac",
)  # fmt: skip
# The document says nothing of containers, and their pages go over the wire in pieces of 4 KiB for no reason.
CONTAINER_DEFAULTS = ("hard",)
# nfsroot.c asks for the oldest version that the kernel has, which is 3: no server of today speaks 2. One that
# speaks only 4 is asked next. A container is locked on its server, which needs 4: lockd would want rpc.statd.
LESSER = ("vers=4.1", "vers=4.0")
VERSIONS, CONTAINER_VERSIONS = ("vers=3", FOUR, *LESSER), (FOUR, *LESSER, "vers=3")


class Attempt(NamedTuple):
    """One way to mount."""

    server: str  # as it was named
    directory: str
    options: str  # all but addr=
    lesser: bool = False  # of use only where the server does not speak the version of the one before

    @property
    def source(self) -> str:
        """What the kernel shows in /proc/mounts."""
        return f"[{self.server}]:{self.directory}" if ":" in self.server else f"{self.server}:{self.directory}"

    def describe(self) -> str:
        return f"{self.source} with {self.options}"


def attempts(export: Export, network: Network, container: bool) -> tuple[Attempt, ...]:
    """Every way to try, in order; none where no server is known. `container`: loop= looks for one there."""
    told_server, told_directory, told_options = split("" if is_url(network.rootpath) else network.rootpath)
    decided = next((one.bootserver for one in network.interfaces if _by_hand(one)), "")
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
    addresses = sorted((interface.address for interface in network.interfaces), key=lambda address: ":" in address)
    names = dict.fromkeys(name for name in (*addresses[:1], network.hostname) if name)
    return tuple(dict.fromkeys(directory.replace("%s", name) for name in names)) or (directory,)
