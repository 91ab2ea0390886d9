"""A private NFS server (nfs-ganesha) with a port mapper of its own, in a network of its own.

QEMU's user network shows a guest the loopback of the network that QEMU runs in. With QEMU in the server's network,
10.0.2.2 has rpcbind, mountd and nfsd at their own ports, as the nfsroot document takes for granted.
"""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .process import Daemon, tail, until

CONFIG = """
NFS_CORE_PARAM {{ Protocols = {versions}; mount_path_pseudo = true; NFS_Port = 2049; MNT_Port = 20048;
    Enable_NLM = false; Enable_RQUOTA = false; }}
NFSV4 {{ RecoveryBackend = fs; RecoveryRoot = {state}; Graceless = true; Only_Numeric_Owners = true; }}
EXPORT_DEFAULTS {{ Squash = No_Root_Squash; Access_Type = RW; SecType = sys; PrivilegedPort = false; }}
LOG {{ Default_Log_Level = EVENT; }}
"""
EXPORT = """
EXPORT {{ Export_Id = {number}; Path = {path}; Pseudo = {name}; Protocols = {versions}; FSAL {{ Name = VFS; }} {more} }}
"""
RUN = """
ip link set lo up && mount -t tmpfs tmpfs /run && mkdir -p /run/rpcbind /run/ganesha || exit 1
rpcbind -f -w -i &
until rpcinfo -p 127.0.0.1; do sleep 0.05; done >/dev/null 2>&1
{setup}
exec ganesha.nfsd -F -f {config} -L {log} -p /run/ganesha/pid
"""


class Ganesha:
    """A server of NFS `versions` ("3,4") with `exports`: the path that clients ask for, and the folder behind it.

    `refused` are exports that no client may have; `setup` is shell that prepares the network. Wants root.
    """

    def __init__(
        self,
        folder: Path,
        exports: Mapping[str, Path],
        *,
        versions: str = "3,4",
        refused: Mapping[str, Path] | None = None,
        setup: str = "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.log = folder, folder / "ganesha.log"
        self._state = tempfile.TemporaryDirectory(prefix="nfs-", ignore_cleanup_errors=True)
        text = CONFIG.format(versions=versions, state=self._state.name)
        all_of_them = [*exports.items(), *(refused or {}).items()]
        for number, (name, path) in enumerate(all_of_them, 1):
            path.mkdir(parents=True, exist_ok=True)
            more = "" if name in exports else "Access_Type = None;"
            text += EXPORT.format(number=number, path=path, name=name, versions=versions, more=more)
        config = folder / "ganesha.conf"
        config.write_text(text)
        self._script = RUN.format(setup=setup, config=config, log=self.log)
        self._output = folder / "ganesha.output"

    def start(self) -> None:
        """Start the server and return when it serves."""
        words = ["unshare", "--net", "--mount", "sh", "-c", self._script]
        self._daemon = Daemon(words, self._output)
        try:
            until(self._serves, 30, "ganesha serves")
        except BaseException as error:
            error.add_note(tail(self._output) + tail(self.log))
            self.stop()
            raise

    def _serves(self) -> bool:
        assert self._daemon.alive(), "ganesha has ended"
        return "NFS SERVER INITIALIZED" in tail(self.log, 1000)

    def stop(self) -> None:
        """End the server, as `kill` would."""
        self._daemon.close()

    def pause(self) -> None:
        """Let the server hang: connections stay, nobody answers."""
        self._daemon.signal(signal.SIGSTOP)

    @property
    def network(self) -> list[str]:
        """What a program is started through that is to run in the server's network."""
        return ["nsenter", f"--net=/proc/{self._daemon.pid}/ns/net"]

    def run(self, *words: str) -> str:
        """Run a program in the server's network to its end and return what it printed."""
        return subprocess.run([*self.network, *words], text=True, capture_output=True, check=True).stdout

    def clients(self) -> list[str]:
        """The NFS 4 clients that hold state here, each under the name that it gave itself.

        Opens, locks and delegations belong to a client; the server keeps its record (RecoveryBackend fs: a folder,
        ADDRESS-(LENGTH:NAME)) until the client gives it back or its lease runs out.
        """
        names = [path.name.partition(":0x")[2] for path in Path(self._state.name, "v4recov").glob("*/*:0x*")]
        return [bytes.fromhex(name.removesuffix(")")).decode() for name in names]

    def connections(self) -> list[str]:
        """The addresses that are connected to the NFS port."""
        return self.run("ss", "-Htn", "state", "established", "sport = :2049").split("\n")[:-1]

    def __enter__(self) -> Ganesha:
        self.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            error.add_note(f"--- {self.log}\n{tail(self.log, 20)}")
        self.stop()
        self._state.cleanup()
