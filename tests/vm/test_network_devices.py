"""The root by IPv6, and by a VLAN on a bond of two cards of which one loses its cable."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .site import BOOT, SMALL, Site

pytestmark = pytest.mark.vm

TAG = b"\x81\x00\x00\x05"  # IEEE 802.1Q, number 5
MODULES = ("--module", "8021q", "--module", "bonding")


def test_a_share_by_ipv6_address(site: Site) -> None:
    """QEMU announces itself as a router, and shows ::1 of this machine to the guest as fec0::2."""
    site.put()
    server = site.serve(options={"interfaces": "127.0.0.1/8 ::1"})
    share = f"//[fec0::2]/share,username={server.user},password={server.password},port={server.port}"
    with site.system("rw ip=auto6", share=share) as vm:
        assert "addr=fec0:0000:0000:0000:0000:0000:0000:0002" in vm.run("grep cifs /proc/mounts")
        # Without addresses nothing can be written back: only the way back sees to that again.
        vm.type("echo late >/root/late; ip -6 address flush dev eth0; poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    site.assert_clean()
    assert site.read("/root/late") == b"late\n"


def forward(stop: socket.socket, ports: list[socket.socket], numbers: list[int]) -> None:
    """Carry frames between port 0 and the others, tagged on their side, until `stop` is readable."""
    while stop not in (ready := select.select([stop, *ports], [], [])[0]):
        for port in ready:
            frame = port.recv(65536)
            if port is ports[0]:
                for number, card in zip(numbers[1:], ports[1:], strict=True):
                    card.sendto(frame[:12] + TAG + frame[12:], ("127.0.0.1", number))
            elif frame[12:16] == TAG:
                ports[0].sendto(frame[:12] + frame[16:], ("127.0.0.1", numbers[0]))


@contextmanager
def switch(ports: int) -> Iterator[list[str]]:
    """A switch between QEMU's user network and `ports` cards, which see of it only tagged frames.

    Yields QEMU's words for it. Every frame of the network goes to every card.
    """
    ends = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2 * ports + 2)]
    for end in ends:
        end.bind(("127.0.0.1", 0))
    ours, theirs = ends[: ports + 1], ends[ports + 1 :]
    numbers = [end.getsockname()[1] for end in theirs]
    words = ["-netdev", "user,id=user", "-netdev", "hubport,id=h0,hubid=0,netdev=user"]
    for index, (end, number) in enumerate(zip(ours, numbers, strict=True)):
        udp = f"udp=127.0.0.1:{end.getsockname()[1]},localaddr=127.0.0.1:{number}"
        words += ["-netdev", f"socket,id=s{index},{udp}"]
        if index:
            words += ["-device", f"virtio-net-pci,netdev=s{index},mac=52:54:00:00:00:0{index},romfile="]
    words += ["-netdev", "hubport,id=h1,hubid=0,netdev=s0"]
    for end in theirs:
        end.close()
    reader, stop = socket.socketpair()

    thread = threading.Thread(target=forward, args=(reader, ours, numbers))
    thread.start()
    try:
        yield words
    finally:
        stop.send(b"x")
        thread.join()
        for end in (*ours, reader, stop):
            end.close()


def test_a_vlan_on_a_bond(site: Site) -> None:
    site.put()
    # No device is named: it is what was made of the card that pxelinux booted from.
    words = "rw ip=dhcp vlan=bond0.5:bond0 bond=bond0:lan0,eth1:mode=active-backup,primary=lan0"
    words += " ifname=lan0:52:54:00:00:00:01 BOOTIF=01-52-54-00-00-00-02"
    with switch(2) as options, site.system(words, nic=None, flags=(*SMALL, *MODULES), options=options) as vm:
        vm.run("ip address show dev bond0.5 | grep 10.0.2.15")
        assert "Currently Active Slave: lan0" in vm.run("cat /proc/net/bonding/bond0")
        vm.qmp.execute("set_link", name="s1", up=False)  # the cable
        vm.run("dd if=/dev/zero of=/root/file bs=1M count=4 2>/dev/null; sync", BOOT)
        assert "Currently Active Slave: eth1" in vm.run("cat /proc/net/bonding/bond0")
        # All of it is taken down, with the root's last writes outstanding.
        vm.type("echo late >/root/late; ip link delete bond0.5; ip link delete bond0; poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    site.assert_clean()
    assert site.read("/root/late") == b"late\n"
