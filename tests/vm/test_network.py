"""Machines on a network of our own (harness/wire.py): which card, which address, which name, and how the root got
there; the leases that they live through are test_network_leases.py's.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab import eventually

from .harness.wire import DNS, FILES_NAME, FileServer, Wires, network
from .site import BOOT, SHELL, Site

pytestmark = [pytest.mark.vm, pytest.mark.skipif(os.geteuid() != 0, reason="taps and namespaces are root's")]

MOUNTED = r"^//files\.lab\.example/share .*,addr=10\.66\.0\.2,"


@pytest.fixture
def wires(site: Site) -> Iterator[Wires]:
    with network(site.folder / "network") as made:
        site.serve(FileServer, wires=made)
        yield made


def by_name(site: Site) -> str:
    """The value of cifsroot= with the server's name instead of its address."""
    assert isinstance(site.server, FileServer)
    return site.server.cifsroot(host=FILES_NAME)


@pytest.mark.parametrize("first", ["no answer", "no carrier"])
def test_two_cards_with_the_answer_on_the_second(first: str, site: Site, wires: Wires) -> None:
    """And the share by a name that the name server knows that DHCP named, behind the gateway that it named."""
    site.put()
    options = wires.machine(*wires.card("first"), *wires.card("second"), "-S")
    wires.lab.serve("second", "10.7.0.1/24")
    log = wires.lab.dnsmasq("second", "10.7.0.50", "10.7.0.59", *DNS)
    with site.boot("rw ip=dhcp", share=by_name(site), **options) as vm:
        if first == "no carrier":
            vm.qmp.execute("set_link", name="first", up=False)
        vm.resume()
        site.wait_up(vm)
        vm.run(f"grep ' eth0: {first}; left alone, eth1 was first' /run/initramfs/timeline")
        assert re.search(MOUNTED, vm.run("cat /proc/mounts"), re.MULTILINE)
        (address,) = re.findall(r"DHCPACK\(second\) (10\.7\.0\.5\d) 52:54:00:00:00:02", log())
        vm.run("ip route | grep '^default via 10.7.0.1 dev eth1'")
        vm.run(f"ip address show dev eth1 | grep ' {address}/24 '; ! ip link show dev eth0 | grep UP")
        vm.type("echo late >/root/late; poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
        eventually(lambda: f"DHCPRELEASE(second) {address} 52:54:00:00:00:02" in log(), "the release")
    site.assert_clean()
    assert site.read("/root/late") == b"late\n"


def test_a_static_address_with_gateway_and_name_server(site: Site, wires: Wires) -> None:
    site.put()
    options = wires.cards("lan")
    wires.lab.serve("lan", "10.7.0.1/24")
    log = wires.lab.dnsmasq("lan", "10.7.0.50", "10.7.0.59", "--log-queries", *DNS)
    words = "rw ip=10.7.0.9::10.7.0.1:255.255.255.0:box:eth0:off:10.7.0.1"
    with site.system(words, share=by_name(site), **options) as vm:
        assert re.search(MOUNTED, vm.run("cat /proc/mounts"), re.MULTILINE)
        vm.run("ip address show dev eth0 | grep ' 10.7.0.9/24 '; ip route | grep '^default via 10.7.0.1 '")
        assert f"{FILES_NAME} from 10.7.0.9" in log()
        assert "DHCP" not in log().partition("sockets bound")[2]
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()


def renewed(log: Callable[[], str]) -> None:
    """Wait until the lease of the card `second` is acknowledged once more."""
    acknowledged = log().count("DHCPACK(second)")
    eventually(lambda: log().count("DHCPACK(second)") > acknowledged, "a renewal", 120)


def test_pxelinux_names_the_second_card(site: Site, wires: Wires) -> None:
    """With IPAPPEND 3 it writes four fields and BOOTIF=: name server, host name and renewals come of asking."""
    site.put()
    options = wires.machine(*wires.card("first"), *wires.card("second", boot=True), "-boot", "n")
    for name, address in (("first", "10.8.0.1/24"), ("second", "10.7.0.1/24")):
        wires.lab.serve(name, address)
    wires.lab.dnsmasq("first", "10.8.0.50", "10.8.0.59")
    folder = site.folder / "tftp"
    folder.mkdir()
    boot = ("--enable-tftp", f"--tftp-root={folder}", "--dhcp-boot=pxelinux.0")
    soon = ("--dhcp-host=52:54:00:00:00:02,box", "--dhcp-option=option:T1,10", "--dhcp-option=option:T2,90")
    log = wires.lab.dnsmasq("second", "10.7.0.50", "10.7.0.59", *DNS, *boot, *soon)

    def load(kernel: Path, initrd: Path, command_line: str) -> None:
        (folder / "pxelinux.cfg").mkdir()
        for path in (kernel, initrd, "/usr/lib/PXELINUX/pxelinux.0", "/usr/lib/syslinux/modules/bios/ldlinux.c32"):
            shutil.copy2(path, folder)
        (folder / "pxelinux.cfg/default").write_text(
            f"DEFAULT linux\nLABEL linux\nKERNEL {kernel.name}\nINITRD {initrd.name}\nIPAPPEND 3\n"
            f"APPEND {command_line}\n"
        )

    with site.boot("rw rd.break=share", share=by_name(site), load=load, **options) as vm:
        # Its packets go through the emulated firmware, which is slow where the machine is.
        eventually(lambda: f"sent {folder}/{site.image.name} to " in log(), "pxelinux", 900)
        site.wait_up(vm, SHELL)
        renewed(log)  # while the boot waits
        vm.type("exit")
        site.wait_up(vm)
        words = vm.run("cat /proc/cmdline").split()
        ours = log().partition(f"sent {folder}/{site.image.name} to ")[2]  # what follows is early user space's
        (address,) = set(re.findall(r"DHCPACK\(second\) (10\.7\.0\.5\d) 52:54:00:00:00:02 box", ours))
        assert "DHCPDISCOVER" not in ours
        assert f"ip={address}:10.7.0.1:10.7.0.1:255.255.255.0" in words
        assert "BOOTIF=01-52-54-00-00-00-02" in words
        vm.run(f"ip address show dev eth1 | grep ' {address}/24 '; ! ip link show dev eth0 | grep UP")
        vm.run("grep -x HOSTNAME=.box. /run/net-eth1.conf")
        renewed(log)
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
