"""A private Samba server: its own configuration, users, port and state; no system service is touched."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.command import run

from .process import Daemon, free_port, tail, until

# QEMU's user network shows this machine's loopback to the guest under this address.
HOST_SEEN_BY_GUEST = "10.0.2.2"


# smbstatus -B: pid, device:inode, R or W, first byte and length (wrapped at 2^63), share's folder, name.
BYTE_RANGE = re.compile(r"\d+ +\S+ +[RW] +(-?\d+) +(-?\d+) +(/.*)")


@dataclass(frozen=True)
class OpenFile:
    """One handle that a client holds: path on this machine, the share-mode word of smbstatus."""

    path: str
    access: str
    oplock: str


@dataclass(frozen=True)
class RangeLock:
    """One byte-range lock: path on this machine, first byte, length in bytes."""

    path: str
    start: int
    size: int


class Samba:
    """A server on a free port of 127.0.0.1 with one user, started on entering the context.

    `folder` receives the shares, smb.conf and log.smbd. `shares` maps names to folders; without it there is
    one share, called "share", in folder/share. `smb1` allows the old protocol with its UNIX extensions.
    `audit` writes every open, close and lock to the log (vfs full_audit). `options` are more lines of the
    [global] section; what the shares would say otherwise is then left to them.
    """

    prefix: Sequence[str] = ()  # what smbd is started through

    def __init__(
        self,
        folder: Path,
        *,
        user: str = "boot",
        password: str = "s3cret",
        shares: Mapping[str, Path] | None = None,
        smb1: bool = False,
        audit: bool = False,
        start: bool = True,
        options: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.user, self.password, self.port = user, password, free_port()
        self.shares = dict(shares or {"share": folder / "share"})
        self.config, self.log = folder / "smb.conf", folder / "log.smbd"
        self._start = start
        self._daemon: Daemon | None = None
        # Not below `folder`: a socket's path is limited to 107 bytes, and pytest's folders are deep.
        self._state = tempfile.TemporaryDirectory(prefix="smb-", ignore_cleanup_errors=True)
        for path in self.shares.values():
            path.mkdir(parents=True, exist_ok=True)
        self._configure(smb1, audit, dict(options or {}))

    def _configure(self, smb1: bool, audit: bool, options: dict[str, str]) -> None:
        state = Path(self._state.name)
        owner = pwd.getpwuid(os.geteuid()).pw_name
        settings = {
            "server role": "standalone server",
            "netbios name": "HARNESS",
            "smb ports": str(self.port),
            "interfaces": "127.0.0.1/8",
            "bind interfaces only": "yes",
            "disable netbios": "yes",
            "disable spoolss": "yes",
            "load printers": "no",
            "printcap name": "/dev/null",
            "map to guest": "never",
            "passdb backend": f"tdbsam:{state}/private/passdb.tdb",
            # One UNIX account, whoever runs the tests: the name that clients give is mapped to it.
            "username map": f"{state}/users",
            "log file": str(self.log),
            "max log size": "0",
            "logging": "file",
            "log level": "1 auth:2",
            "server min protocol": "NT1" if smb1 else "SMB3_11",
            "unix extensions": "yes" if smb1 else "no",
            **({"ntlm auth": "yes"} if smb1 else {}),
        }
        for kind in ("lock", "state", "cache", "private", "pid"):
            settings[f"{kind} {'dir' if kind == 'private' else 'directory'}"] = f"{state}/{kind}"
            (state / kind).mkdir()
        settings["ncalrpc dir"] = f"{state}/ncalrpc"
        settings.update(options)
        share = {"read only": "no", "force user": owner, "wide links": "no", "store dos attributes": "no"}
        share = {name: value for name, value in share.items() if name not in options}
        if audit:
            share |= {
                "vfs objects": "full_audit",
                "full_audit:syslog": "no",
                "full_audit:success": "connect disconnect close create_file brl_lock_windows brl_unlock_windows",
                "full_audit:failure": "none",
                "full_audit:prefix": "AUDIT",
            }
        sections = {"global": settings} | {name: {"path": str(path)} | share for name, path in self.shares.items()}
        self.config.write_text(
            "".join(
                f"[{name}]\n" + "".join(f"    {key} = {value}\n" for key, value in lines.items())
                for name, lines in sections.items()
            )
        )
        (state / "users").write_text(f'{owner} = "{self.user}"\n')
        subprocess.run(
            ["pdbedit", "-s", self.config, "-a", "-t", "-u", owner],
            input=f"{self.password}\n" * 2,
            text=True,
            capture_output=True,
            check=True,
        )

    def start(self) -> None:
        """Start the server and return when it answers on its port."""
        assert self._daemon is None, "Samba runs already"
        self._daemon = Daemon(
            [*self.prefix, "smbd", "--foreground", "--no-process-group", f"--configfile={self.config}"],
            self.log.with_name("smbd.output"),
        )
        try:
            until(self._answers, 20, "smbd answers")
        except BaseException as error:
            self.stop()
            error.add_note(tail(self.log))
            raise

    @property
    def running(self) -> bool:
        """Whether it has been started."""
        return self._daemon is not None

    def _answers(self) -> bool:
        assert self._daemon and self._daemon.alive(), "smbd has ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self, *, politely: bool = True) -> None:
        """End the server and every connection to it, as `kill` would, or (not `politely`) `kill -9`."""
        if self._daemon:
            if not politely:
                self._daemon.signal(signal.SIGKILL)
            self._daemon.close()
            self._daemon = None

    def pause(self) -> None:
        """Let the server hang: connections stay, nobody answers."""
        assert self._daemon
        self._daemon.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the server go on after pause()."""
        assert self._daemon
        self._daemon.signal(signal.SIGCONT)

    def cifsroot(self, *options: str, share: str = "share", folder: str = "", port: int = 0) -> str:
        """The value of cifsroot= for a guest: //10.0.2.2/share/folder,port=…,username=…,password=…

        `port` is another that leads to this server's.
        """
        path = f"//{HOST_SEEN_BY_GUEST}/{share}" + (f"/{folder}" if folder else "")
        words = [path, f"port={port or self.port}", f"username={self.user}", f"password={self.password}", *options]
        return ",".join(words)

    def client(self, commands: str, share: str = "share") -> str:
        """Run smbclient's `commands` on `share` and return what it prints."""
        return run(
            ["smbclient", f"//127.0.0.1/{share}", "-s", self.config, "-p", str(self.port), "-c", commands],
            env={**os.environ, "USER": self.user, "PASSWD": self.password},
        )

    def open_files(self) -> list[OpenFile]:
        """The handles that clients hold at this moment; folders count too."""
        found = []
        for item in self._status("--locks")["open_files"].values():
            for handle in item["opens"].values():
                path = os.path.join(item["service_path"], item["filename"])
                found.append(OpenFile(path, handle["access_mask"]["text"], handle["oplock"].get("text", "")))
        return found

    def locks(self) -> list[RangeLock]:
        """The byte-range locks that clients hold at this moment."""
        # Text: the JSON of Samba 4.17 cuts offsets and lengths to 32 bits.
        report = self._smbstatus("--byterange")
        found = []
        for line in report.partition("Byte range locks:")[2].splitlines():
            if match := BYTE_RANGE.match(line):
                folder = next(str(path) for path in self.shares.values() if match[3].startswith(str(path)))
                name = match[3].removeprefix(folder).strip()
                found.append(RangeLock(os.path.join(folder, name), int(match[1]) % 2**64, int(match[2]) % 2**64))
        return found

    def connections(self) -> list[str]:
        """The names of the shares that clients are connected to, once for each connection, without IPC$."""
        names = [item["service"] for item in self._status("--shares")["tcons"].values()]
        return [name for name in names if name != "IPC$"]

    def _status(self, what: str) -> dict[str, dict[str, dict]]:  # type: ignore[type-arg]
        return json.loads(self._smbstatus("--json", what))

    def _smbstatus(self, *words: str) -> str:
        # It refuses to run for anyone but root, although it only reads files of this very user.
        prefix = [] if os.geteuid() == 0 else ["fakeroot", "--"]
        return run([*prefix, "smbstatus", f"--configfile={self.config}", *words])

    def __enter__(self) -> Samba:
        if self._start:
            self.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            error.add_note(f"--- {self.log}\n{tail(self.log, 20)}")
        self.stop()
        self._state.cleanup()
