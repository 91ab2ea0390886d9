"""Debian's own network managers on a network that the early user space has set up: none of them takes it down.

They run as they are, from a root made by tests/roots.py, in a network namespace with the root's device, eth0, and
another, eth1, that is theirs. Each is told to configure every device by DHCP, and has done so with eth1 before
anything is asserted about eth0.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.lab import ROOT, Lab, eventually, laboratory
from tests.roots import managers_root

# Configures as /init does, and leaves what it leaves.
BOOT = """
import sys; sys.path.insert(0, sys.argv[1])
import time
from init.cmdline import ip
from init.network import configure, files
network = configure.configure(ip.parse(sys.argv[2:]), deadline=time.monotonic() + 60, say=print)
files.leave_for_managers(network)
"""
NETWORKD = "[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n"
INTERFACES = "auto lo eth0 eth1\niface lo inet loopback\niface eth0 inet dhcp\niface eth1 inet dhcp\n"
PROFILE = """[connection]
id=hostile
uuid=5995a1ff-7ec3-425a-b359-01bedcde9ea0
type=ethernet
autoconnect-priority=999
multi-connect=3
[ipv4]
method=auto
[ipv6]
method=auto
"""


class Client:
    """The lab's client, booted, with the root below `tree` as the system that it has booted into."""

    def __init__(self, lab: Lab, *values: str) -> None:
        self.lab = lab
        self.tree = Path("/mnt/system")
        self.families = ["-6" if "6" in value.rpartition(":")[2] else "-4" for value in values]
        lab.run("client", sys.executable, "-ISBc", BOOT, str(ROOT), *values)
        layers = f"lowerdir={managers_root().tree},upperdir=/mnt/upper,workdir=/mnt/work"
        self.shell(
            "mount -t tmpfs tmpfs /mnt; cd /mnt; mkdir upper work system /run/dbus; "
            f"mount -t overlay -o {layers} overlay system; cd system; mount --bind /dev dev; mount --bind /run run; "
            # Without devices that udev has to see first: so do systemd and NetworkManager tell a container.
            "mount -t sysfs -o ro sysfs sys; mount -t proc proc proc"
        )
        self.before = self.state()

    def shell(self, command: str) -> str:
        return self.lab.run("client", "sh", "-ec", command)

    def run(self, *words: str) -> str:
        """Run one of the system's own programs."""
        return self.lab.run("client", "chroot", str(self.tree), *words)

    @contextmanager
    def daemon(self, *words: str) -> Iterator[None]:
        """Have one of the system's daemons, and end it as its service would."""
        started = ("sh", "-c", 'echo $$ >/run/daemon.pid; exec "$@"', "sh", *words)
        process = self.lab.start("client", "chroot", str(self.tree), *started)
        yield
        self.shell("kill $(cat /run/daemon.pid)")
        process.communicate(timeout=60)

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """Write one of the system's files."""
        target = self.tree / path
        command = f'mkdir -p {target.parent}; printf %s "$1" >{target}; chmod {mode} {target}'
        self.lab.run("client", "sh", "-ec", command, "sh", text)

    def state(self) -> tuple[Any, ...]:
        """eth0's addresses and routes, of the families that the root is behind; times aside."""
        addresses, routes = set(), set()
        for family in self.families:
            (link,) = self.lab.json("client", family, "address", "show", "dev", "eth0", "scope", "global")
            addresses |= {(info["local"], info["prefixlen"]) for info in link["addr_info"] if info}
            found = self.lab.json("client", family, "route", "show", "dev", "eth0")
            routes |= {(route["dst"], route.get("gateway", "")) for route in found}
        return addresses, routes, "UP" in link["flags"]

    def is_as_before(self) -> None:
        assert self.state() == self.before

    def unplug(self) -> None:
        """Pull eth0's cable and plug it in again, seen by everybody. With IPv6 dnsmasq would withdraw itself."""
        self.lab.run("server", "ip", "link", "set", "eth0", "down")
        eventually(lambda: "NO-CARRIER" in self.lab.flags("eth0"), "the loss of its carrier")
        self.lab.run("server", "ip", "link", "set", "eth0", "up")
        eventually(lambda: "LOWER_UP" in self.lab.flags("eth0"), "its carrier")

    def theirs(self) -> None:
        """Wait until the manager has configured the other device."""
        eventually(lambda: self.lab.addresses("eth1"), "an address of eth1")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with laboratory(tmp_path) as made:
        # Nobody needs a second of looking for others that have an address, nor a delay by chance.
        settings = (("server", "default/accept_dad", 0), ("client", "default/router_solicitation_delay", 0))
        # What says that it is a router in one packet and not in the next is dropped as one (RFC 4861, 7.2.5).
        for space, path, value in (*settings, ("server", "all/forwarding", 1)):
            made.run(space, "sh", "-c", f"echo {value} >/proc/sys/net/ipv6/conf/{path}")
        made.wire("eth0", mac="52:54:00:00:00:01")
        made.wire("eth1", mac="52:54:00:00:00:02")
        made.serve("eth0", "10.1.0.1/24")
        made.serve("eth1", "10.2.0.1/24")
        made.run("server", "ip", "address", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
        six = ("--enable-ra", "--ra-param=eth0,10,600", "--dhcp-range=2001:db8::,ra-only,64,10m")
        made.dnsmasq("eth0", "10.1.0.10", "10.1.0.250", *six)
        made.dnsmasq("eth1", "10.2.0.10", "10.2.0.250")
        yield made


@pytest.mark.parametrize(("values", "state"), [(("dhcp",), "configured"), (("dhcp", "auto6"), "unmanaged")])
def test_systemd_networkd(values: tuple[str, ...], state: str, lab: Lab) -> None:
    client = Client(lab, *(f"eth0:{value}" if value == "auto6" else f":::::eth0:{value}" for value in values))
    client.write("etc/systemd/network/10-hostile.network", NETWORKD)
    client.shell("mkdir -p /run/systemd/netif; cd /run/systemd; mkdir netif/links netif/leases netif/lldp")
    client.shell("chown -R 998:998 /run/systemd/netif")  # systemd-network's, as systemd does for the service
    client.run("dbus-daemon", "--system", "--fork")
    (link,) = lab.json("client", "link", "show", "dev", "eth0")

    def stays() -> None:
        client.theirs()
        client.run("/lib/systemd/systemd-networkd-wait-online", "--timeout=60")
        path = f"/run/systemd/netif/links/{link['ifindex']}"
        eventually(lambda: f"ADMIN_STATE={state}\n" in client.shell(f"cat {path}"), state)
        client.is_as_before()

    for _ in range(2):
        with client.daemon("/lib/systemd/systemd-networkd"):
            stays()
            client.run("networkctl", "reload")
            client.run("networkctl", "reconfigure", "eth0")
            stays()
            if state == "configured":
                client.unplug()
                stays()
        client.is_as_before()


def test_networkmanager(lab: Lab) -> None:
    client = Client(lab, ":::::eth0:dhcp")
    client.write("etc/NetworkManager/system-connections/hostile.nmconnection", PROFILE, "600")
    client.run("dbus-daemon", "--system", "--fork")

    def running() -> bool:
        return client.shell(f"chroot {client.tree} nmcli -t -f RUNNING general || true") == "running\n"

    def stays() -> None:
        client.theirs()
        assert "eth0:unmanaged\n" in client.run("nmcli", "-t", "-f", "DEVICE,STATE", "device")
        client.is_as_before()

    for _ in range(2):
        with client.daemon("NetworkManager", "--no-daemon"):
            eventually(running, "NetworkManager", 60)
            stays()
            client.run("nmcli", "networking", "off")
            eventually(lambda: not lab.addresses("eth1"), "eth1 without an address")
            client.run("nmcli", "networking", "on")
            client.unplug()
            stays()
        client.is_as_before()


def test_ifupdown(lab: Lab) -> None:
    client = Client(lab, ":::::eth0:dhcp")
    client.write("etc/network/interfaces", INTERFACES)
    for command in ("ifup -a", "ifdown -a --exclude=lo", "ifup -a", "/etc/init.d/networking restart"):
        client.run(*command.split())
        assert bool(lab.addresses("eth1")) != ("ifdown" in command)
        client.is_as_before()
    assert "eth0" not in client.run("ifquery", "--state")
    client.run("ifdown", "eth0")  # asked for by name, it forgets the device, and still does nothing to it
    client.is_as_before()
    client.run("ifdown", "-a", "--exclude=lo")  # ends dhclient
    client.is_as_before()
