"""A network of our own for QEMU's machines: their cards end in a laboratory (tests/lab.py), beside real servers.

machine's card ── tap ── [bridge] ── namespace "server": DHCP, DNS, TFTP; routes ── namespace "files": Samba
                                                                        10.66.0.1 ── 10.66.0.2
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.lab import Lab, laboratory

from .samba import Samba

FILES = "10.66.0.2"
FILES_NAME = "files.lab.example"
# What dnsmasq is told beside lab.Lab.dnsmasq: that it is a name server, too, and knows the file server alone.
DNS = ("--port=53", "--no-resolv", "--no-hosts", "--local=/lab.example/", f"--host-record={FILES_NAME},{FILES}")
MAC = "52:54:00:00:00:"
# smbd asks for names while it is spoken to. Whom this machine's resolv.conf names is not to be reached from the
# server's network, which took 20 s of every mount; nobody being named, the loopback is asked, and refuses at once.
NAMELESS = ("unshare", "--mount", "sh", "-c", 'mount --bind /dev/null /etc/resolv.conf; exec "$@"', "sh")


class Wires:
    """Taps and bridges in the namespace "server" of `lab`; "files" lies behind it. Wants root."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._number = 0
        lab.run("server", "ip", "netns", "add", "files")
        ends = ("ip", "link", "add", "files", "type", "veth", "peer", "name", "up0", "netns", "files")
        lab.run("server", *ends)
        for space, name, address in (("server", "files", "10.66.0.1/24"), ("files", "up0", f"{FILES}/24")):
            lab.run(space, "ip", "address", "add", address, "dev", name)
            lab.run(space, "ip", "link", "set", name, "up")
        lab.run("files", "ip", "link", "set", "lo", "up")
        lab.run("files", "ip", "route", "add", "default", "via", "10.66.0.1")
        lab.run("server", "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")

    def switch(self, name: str, address: str) -> None:
        """A bridge that cards can be laid to, with an address of the servers' machine."""
        self.lab.run("server", "ip", "link", "add", name, "type", "bridge")
        self.lab.run("server", "ip", "link", "set", name, "up")
        self.lab.serve(name, address)

    def card(self, name: str, *, switch: str = "", boot: bool = False, model: str = "virtio-net-pci") -> list[str]:
        """QEMU's words for a card that ends in the tap `name`; MAC addresses are counted from 52:54:00:00:00:01.

        QEMU knows the card (set_link) as `name`, too. `boot`: the firmware boots from it.
        """
        self._number += 1
        self.lab.run("server", "ip", "tuntap", "add", name, "mode", "tap")
        self.lab.run("server", "ip", "link", "set", name, "up", *(("master", switch) if switch else ()))
        loaded = "bootindex=1" if boot else "romfile="
        return [
            *("-netdev", f"tap,id=tap-{name},ifname={name},script=no,downscript=no"),
            *("-device", f"{model},id={name},netdev=tap-{name},mac={MAC}{self._number:02x},{loaded}"),
        ]

    def cards(self, *names: str) -> dict[str, object]:
        """What a Machine is given to have these cards and no other."""
        return self.machine(*(word for name in names for word in self.card(name)))

    def machine(self, *options: str) -> dict[str, object]:
        """What a Machine is given to run in this network, with QEMU's words for its cards."""
        return {"nic": None, "options": options, "prefix": self.lab.network("server")}


class FileServer(Samba):
    """A Samba in the namespace "files", at FILES and the usual port."""

    def __init__(self, folder: Path, wires: Wires, more: Mapping[str, str] | None = None, **options: object) -> None:
        self.prefix = [*wires.lab.network("files"), *NAMELESS]
        told = {"smb ports": "445", "interfaces": FILES, **(more or {})}
        super().__init__(folder, options=told, **options)  # type: ignore[arg-type]
        self.port = 445

    def _answers(self) -> bool:
        assert self._daemon and self._daemon.alive(), "smbd has ended"
        sockets = Path(f"/proc/{self._daemon.pid}/net/tcp").read_text()
        return f":{self.port:04X} 00000000:0000 0A" in sockets  # of its network, in the state LISTEN

    def cifsroot(self, *options: str, share: str = "share", folder: str = "", host: str = FILES) -> str:
        """The value of cifsroot= for a guest, which reaches the server by its gateway."""
        path = f"//{host}/{share}" + (f"/{folder}" if folder else "")
        return ",".join([path, f"username={self.user}", f"password={self.password}", *options])


@contextmanager
def network(folder: Path) -> Iterator[Wires]:
    """A network with its servers' files in `folder`."""
    folder.mkdir()
    with laboratory(folder) as lab:
        yield Wires(lab)
