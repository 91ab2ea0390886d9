"""Servers of other people's making, in the foreground of a laboratory with files of their own: ISC dhcpd, Kea,
bootpd and rarpd, beside dnsmasq and udhcpd, which tests/lab.py starts; and a wire with faults of our making.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lab import ROOT, Lab, eventually

RELAY = ROOT / "tests" / "wire_faults.py"


def isc(lab: Lab, name: str, text: str) -> Callable[[], str]:
    """Start ISC dhcpd on one wire with the configuration `text`; return what reads its log when it serves."""
    return _isc(lab, _folder(lab, "isc"), "-4", name, text)


def kea(lab: Lab, name: str, subnet: dict[str, Any], **settings: Any) -> Callable[[], str]:
    """Start Kea on one wire with one subnet (its own JSON); return what reads its log when it serves.

    Kea opens its sockets only on a device that has carrier, so the client's end is up from then on.
    """
    lab.run("client", "ip", "link", "set", name, "up")
    eventually(lambda: lab.json("server", "link", "show", name)[0]["operstate"] == "UP", "the carrier for Kea")
    return _kea(lab, _folder(lab, "kea"), "4", name, {"valid-lifetime": 600, "subnet4": [subnet], **settings})


def isc6(lab: Lab, name: str, text: str, leases: str = "") -> Callable[[], str]:
    """Start ISC dhcpd for IPv6 on one wire; its memory of leases is the folder's, or in the file `leases`."""
    _settled(lab)
    return _isc(lab, _folder(lab, "isc6"), "-6", name, text, leases)


def kea6(lab: Lab, name: str, low: str, high: str, **settings: Any) -> Callable[[], str]:
    """Start Kea for IPv6 on one wire of 2001:db8::/64; return what reads its log when it serves."""
    lab.run("client", "ip", "link", "set", name, "up")
    _settled(lab)
    subnet = {"subnet": "2001:db8::/64", "interface": name, "pools": [{"pool": f"{low} - {high}"}]}
    own = {"server-id": {"type": "LL", "persist": False}, "subnet6": [subnet]}
    return _kea(lab, _folder(lab, "kea6"), "6", name, {**own, **settings})


def dnsmasq6(lab: Lab, name: str, *options: str) -> Callable[[], str]:
    """Start dnsmasq for IPv6 on one wire; return what reads its log when it serves."""
    _settled(lab)
    folder = _folder(lab, "dnsmasq6")
    words = ("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--pid-file=", "--port=0", f"--interface={name}")
    words += ("--bind-interfaces", "--log-dhcp", f"--dhcp-leasefile={folder}/leases")
    return _start(lab, folder, "started, ", *words, *options)


def _settled(lab: Lab) -> None:
    """Wait until the kernel has seen that the server's own addresses are free: servers cannot have them before."""
    eventually(lambda: "tentative" not in lab.run("server", "ip", "-6", "address"), "the server's own addresses")


def signal(lab: Lab, server: str, name: str) -> None:
    """Send a signal to the last server of a kind that was started ("isc6", "kea6", …); TERM waits for its end."""
    folders = lab.folder.glob(f"{server}-*/log.pid")
    pid = max(folders, key=lambda path: path.stat().st_mtime_ns).read_text().strip()
    lab.run("server", "kill", f"-{name}", pid)
    if name == "TERM":
        there = f"kill -0 {pid} 2>/dev/null && echo there || :"
        eventually(lambda: not lab.run("server", "sh", "-c", there), f"{server}'s end")


def bootpd(lab: Lab, table: str) -> None:
    """Start bootpd at 10.9.0.1 on every wire with the bootptab `table`; it serves when this returns.

    What it calls its own address in DHCP's option 54 is that of the machine's name, so it has an /etc of its own.
    """
    folder = _folder(lab, "bootpd")
    (folder / "bootptab").write_text(table)
    (folder / "hosts").write_text(f"10.9.0.1 {os.uname().nodename}\n")
    (folder / "nsswitch.conf").write_text("hosts: files\n")
    _with_etc(lab, folder, "exec bootpd -s /etc/bootptab")  # it goes to the background
    eventually(lambda: ":67 " in lab.run("server", "busybox", "netstat", "-uln"), "bootpd's start")


def rarpd(lab: Lab, name: str, ethers: str) -> None:
    """Start rarpd on one wire, with an /etc of its own that holds the table `ethers`; it serves when this returns."""
    folder = _folder(lab, "rarpd")
    (folder / "ethers").write_text(ethers)
    (folder / "nsswitch.conf").write_text("hosts: files\nethers: files\n")
    (folder / "hosts").write_text("127.0.0.1 localhost\n")
    _with_etc(lab, folder, f"exec rarpd -d -v -e {name}")

    def listening() -> bool:
        return "8035" in lab.run("server", "cat", "/proc/net/packet")

    eventually(listening, "rarpd's start")


def script(lab: Lab, text: str, *words: str) -> subprocess.Popen[str]:
    """Start a server written in the test; it says "listening" when it does, and this returns then."""
    process = lab.start("server", sys.executable, "-ISBc", text, str(ROOT), *words)
    line = process.stdout.readline() if process.stdout else ""
    assert line == "listening\n", line
    return process


def faulty_wire(lab: Lab, *, up: str = "", down: str = "", mac: str = "") -> None:
    """Lay a wire from the client's eth0 to the server's srv0 that does to DHCP's frames what it is told.

    `up` is for those from the client, `down` for those to it: one word a frame, the last for all that follow:
    "ok", "drop", "twice", the seconds that it comes late, or one of these for a DHCP type alone ("5:drop").
    Everything else passes. (netem would do it, but not every kernel has sch_netem, this test machine's for one.)
    """
    lab.wire("eth0", mac=mac)
    lab.run("server", "ip", "link", "add", "srv0", "type", "veth", "peer", "name", "mid0")
    for name in ("srv0", "mid0"):
        lab.run("server", "ip", "link", "set", name, "up")
    process = lab.start("server", sys.executable, "-ISB", str(RELAY), "eth0", "mid0", up or "ok", down or "ok")
    line = process.stdout.readline() if process.stdout else ""
    assert line == "relaying\n", line


def _folder(lab: Lab, name: str) -> Path:
    """A folder for one server's files."""
    folder = lab.folder / f"{name}-{len(list(lab.folder.iterdir()))}"
    folder.mkdir()
    return folder


def _isc(lab: Lab, folder: Path, family: str, name: str, text: str, leases: str = "") -> Callable[[], str]:
    (folder / "leases").touch()
    (folder / "dhcpd.conf").write_text(f"authoritative;\n{text}\n")
    files = ("-cf", f"{folder}/dhcpd.conf", "-lf", leases or f"{folder}/leases", "-pf", f"{folder}/pid")
    return _start(lab, folder, "Server starting service", "dhcpd", family, "-f", "-d", *files, name)


def _kea(lab: Lab, folder: Path, version: str, name: str, settings: dict[str, Any]) -> Callable[[], str]:
    settings = {
        "interfaces-config": {"interfaces": [name], "service-sockets-require-all": True},
        "lease-database": {"type": "memfile", "persist": False},
        "loggers": [{"name": f"kea-dhcp{version}", "severity": "INFO", "output_options": [{"output": "stdout"}]}],
        **settings,
    }
    (folder / "kea.json").write_text(json.dumps({f"Dhcp{version}": settings}))
    own = ("env", f"KEA_PIDFILE_DIR={folder}", f"KEA_LOCKFILE_DIR={folder}")
    return _start(lab, folder, f"DHCP{version}_STARTED", *own, f"kea-dhcp{version}", "-c", f"{folder}/kea.json")


def _with_etc(lab: Lab, folder: Path, command: str) -> None:
    """Start a server that sees `folder` as /etc."""
    lab.start("server", "unshare", "--mount", "sh", "-c", f'mount --bind "{folder}" /etc && {command}')


def _start(lab: Lab, folder: Path, ready: str, *words: str) -> Callable[[], str]:
    """Start a server with its output in a file, and wait until it says that it serves."""
    log = folder / "log"
    log.touch()
    command = 'out=$1; shift; echo $$ >"$out.pid"; exec "$@" >"$out" 2>&1'
    server = lab.start("server", "sh", "-c", command, "sh", str(log), *words)

    def serves() -> bool:
        if server.poll() is not None:
            raise AssertionError(f"{words[0]} ended:\n{log.read_text()}")
        return ready in log.read_text()

    eventually(serves, f"the start of {words[0]}")
    return log.read_text
