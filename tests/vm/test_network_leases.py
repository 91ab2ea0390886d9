"""A machine that lives through five leases with its root on a share, and gives back the last."""

import hashlib
import os
import re
from contextlib import ExitStack

import pytest

from tests.lab import eventually
from tests.roots import PROMPT
from tests.servers import isc

from .harness import check, read_file
from .harness.wire import FileServer, network
from .site import BOOT, Site

pytestmark = [pytest.mark.vm, pytest.mark.skipif(os.geteuid() != 0, reason="taps and namespaces are root's")]

# Leases of ten seconds, asked for again after five.
SUBNET = """subnet 10.7.0.0 netmask 255.255.255.0 {
    range 10.7.0.50 10.7.0.59; ping-check false; option routers 10.7.0.1;
    min-lease-time 10; default-lease-time 10; max-lease-time 10;
}"""
RENEWALS = 10  # five leases
ROOTS = {"busybox": "52:54:00:00:00:01"}  # the root of each machine on the wire
# Until it is told to stop; what it does then is over when it says so.
WRITE = (
    "until [ -e /run/stop ]; do dd if=/dev/urandom bs=64k count=1 2>/dev/null | tee -a /root/data | sha256sum; sync; "
    "sleep 1; done; touch /run/stopped"
)


def test_five_leases_under_a_root(site: Site) -> None:
    """The root is written all along; every byte is there in the end."""
    disks = {root: site.put(root, path=site.folder / f"share/{root}.img") for root in ROOTS}
    with network(site.folder / "network") as wires, ExitStack() as stack:
        server = site.serve(FileServer, wires=wires)
        wires.switch("lan", "10.7.0.1/24")
        log = isc(wires.lab, "lan", SUBNET)
        stack.enter_context(server)
        machines, sums = {}, {}
        for root in ROOTS:
            options = wires.machine(*wires.card(root, switch="lan"))
            machines[root] = stack.enter_context(site.boot(loop=f"{root}.img", **options))  # type: ignore[arg-type]
        for vm in machines.values():
            site.wait_up(vm)
            vm.run(f"({WRITE}) >/root/sums 2>&1 & :")

        def acknowledged(mac: str) -> list[str]:
            return re.findall(rf"DHCPACK on (\S+) to {mac}", log())

        enough = {mac: len(acknowledged(mac)) + RENEWALS for mac in ROOTS.values()}
        assert min(enough.values()) > RENEWALS
        eventually(lambda: all(len(acknowledged(mac)) >= least for mac, least in enough.items()), "five leases", 600)
        for root, mac in ROOTS.items():
            vm = machines[root]
            (address,) = set(acknowledged(mac))
            vm.run(f"grep -F {address} /proc/net/fib_trie")
            vm.run("touch /run/stop; until [ -e /run/stopped ]; do sleep 1; done")
            sums[root] = vm.run("test -s /root/sums && sync && sha256sum /root/data").split()[0]
            vm.type("echo late >/root/late; poweroff")
            vm.wait_powered_off(2 * BOOT)
            eventually(lambda given=f"DHCPRELEASE of {address} from {mac}": given in log(), "the release")
            left = {str(disk) for other, disk in disks.items() if other not in sums}
            assert {file.path for file in server.open_files()} == left
            assert len(server.connections()) == len(left)
        site.assert_released()
        assert "DHCPNAK" not in log()
    for root, disk in disks.items():
        assert check(disk).clean
        assert read_file(disk, "/root/late") == b"late\n"
        assert hashlib.sha256(read_file(disk, "/root/data")).hexdigest() == sums[root]


def test_a_boot_that_waits_keeps_its_lease_and_follows_its_port(site: Site) -> None:
    """The share is away: the lease is renewed meanwhile, and asked for anew where the port belongs to by then."""
    site.put()
    with network(site.folder / "network") as wires:
        server = site.serve(FileServer, wires=wires, start=False)
        logs = {}
        for name, net in (("lan", "10.7.0"), ("other", "10.8.0")):
            wires.switch(name, f"{net}.1/24")
            soon = ("--dhcp-authoritative", "--dhcp-option=option:T1,10", "--dhcp-option=option:T2,90")
            logs[name] = wires.lab.dnsmasq(name, f"{net}.50", f"{net}.59", *soon)

        def acknowledged(name: str) -> int:
            return logs[name]().count(f"DHCPACK({name})")

        with site.boot("rw ip=dhcp rootwait", **wires.machine(*wires.card("first", switch="lan"))) as vm:  # type: ignore[arg-type]
            eventually(lambda: acknowledged("lan") > 1, "a renewal while the boot waits", BOOT)
            vm.qmp.execute("set_link", name="first", up=False)
            wires.lab.run("server", "ip", "link", "set", "first", "master", "other")
            vm.qmp.execute("set_link", name="first", up=True)
            eventually(lambda: acknowledged("other") > 1, "an address where the port is now, and its renewal", BOOT)
            assert not vm.seen(PROMPT)
            server.start()
            site.wait_up(vm)
            vm.run("ip route get 10.66.0.2 | grep -F 'via 10.8.0.1 dev eth0' | grep -F 'src 10.8.0.5'")
            vm.type("poweroff")
            vm.wait_powered_off(BOOT)
            site.assert_released()
    site.assert_clean()
