"""Machines as they stand in labs: old processors, every card, little memory, no console, a clock that knows nothing."""

import re
from collections.abc import Sequence

import pytest

from tests.command import run
from tests.foreign import foreign_root

from .site import BOOT, SMALL, Site

pytestmark = pytest.mark.vm

CARDS = {
    "e1000": "e1000", "e1000e": "e1000e", "rtl8139": "8139cp", "vmxnet3": "vmxnet3", "pcnet": "pcnet32",
    "ne2k_pci": "ne2k-pci", "i82550": "e100", "tulip": "tulip", "igb": "igb", "usb-net": "cdc_ether",
}  # fmt: skip
# The oldest processor that Debian's amd64 kernel runs on, without SSE3 and without a random number generator.
OLDEST = "Opteron_G1"
# Does nothing but tell that it was here.
BRIEF = "#!/bin/sh\ncat /run/initramfs/timeline >/timeline\nexec /bin/busybox poweroff -f\n"
CONTENT = bytes(range(256)) * 2**12  # of a disk


def emulated() -> list[str]:
    """Those of CARDS that this QEMU has: igb came with 8.0."""
    devices = run(["qemu-system-x86_64", "-device", "help"])
    return [model for model in CARDS if f'"{model}"' in devices]


def cards(models: Sequence[str]) -> list[str]:
    """QEMU's words for one card of each kind, each on a network of its own: 10.0.(10+N).0/24."""
    words = ["-device", "qemu-xhci,id=xhci"]
    for number, model in enumerate(models):
        words += ["-netdev", f"user,id=n{number},net=10.0.{10 + number}.0/24"]
        words += ["-device", f"{model},netdev=n{number}" + (",romfile=" if model != "usb-net" else ",bus=xhci.0")]
    return words


def test_every_card(site: Site) -> None:
    """The image for any machine has a driver for each, and each gets an address; the processor is QEMU's default."""
    site.put()
    models = emulated()
    names = [*(f"eth{number}" for number in range(len(models))), "usb0"]
    words = " ".join(f"ip={name}:dhcp" for name in names)
    with site.system(f"rw {words}", options=cards(models), flags=(), cpu="qemu64") as vm:
        addresses = re.findall(r"(\w+) +inet (10\.0\.\d+)\.15/24", vm.run("ip -o -4 address"))
        drivers = vm.run("cd /sys/class/net; for card in *[0-9]; do echo $card $(readlink $card/device/driver); done")
        driver = {line.split()[0]: line.rpartition("/")[2] for line in drivers.splitlines()}
        assert {driver[name]: network for name, network in addresses} == {
            "virtio_net": "10.0.2",
            **{CARDS[model]: f"10.0.{10 + number}" for number, model in enumerate(models)},
        }
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    site.assert_clean()


def test_the_threads_machine(site: Site) -> None:
    """256 MB, an old processor, disks and a CD-ROM of its own that stay as they are, a clock without a battery."""
    site.put()
    disk, another, disc = own = [site.folder / name for name in ("disk", "another", "disc")]
    for path in own:
        path.write_bytes(CONTENT)
    words = ["-drive", f"file={disc},format=raw,if=ide,media=cdrom", "-rtc", "base=1970-01-01T00:00:00"]
    with site.system(cpu=OLDEST, memory=256, drives=[disk, another], options=words, flags=()) as vm:
        assert vm.run("date +%Y") == "1970\n"
        assert "rdrand" not in vm.run("grep flags /proc/cpuinfo")
        vm.run("echo x >/root/note")
        vm.type("reboot")
        vm.wait_rebooted(BOOT)
        site.assert_released()
    site.assert_clean()
    assert site.read("/root/note") == b"x\n"
    assert [path.read_bytes() == CONTENT for path in own] == [True] * 3


def test_no_console(site: Site) -> None:
    """console=ttyS0 on a machine without a serial port and without a screen: nobody can be told anything."""
    site.put(files={"sbin/brief": BRIEF})
    with site.boot("rw ip=dhcp init=/sbin/brief", serial=False) as vm:
        vm.wait_powered_off(BOOT)
        site.assert_released()
        assert vm.console.text == ""
    site.assert_clean()
    assert b"starting /sbin/brief" in site.read("/timeline")


@pytest.mark.parametrize(("series", "cpu"), [("6.1", OLDEST), ("6.1-686", "pentium3")])
def test_a_system_of_32_bits(series: str, cpu: str, site: Site) -> None:
    """i386 on its own and on a kernel of 64 bits: image and root are of one kind, the kernel is another matter."""
    tree = foreign_root("i386")
    site.put(files={"bin/busybox": (tree / "bin/busybox").read_bytes()})
    with site.system(series=series, cpu=cpu, flags=(*SMALL, "--sysroot", tree)) as vm:
        assert vm.run("od -An -tu1 -j4 -N1 /bin/busybox").strip() == "1"  # EI_CLASS, ELFCLASS32
        vm.run("echo x >/root/note")
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    site.assert_clean()
    assert site.read("/root/note") == b"x\n"


@pytest.mark.matrix
@pytest.mark.parametrize("model", [model for model in CARDS if model != "usb-net"])
def test_a_card_alone_in_the_image_of_its_driver(model: str, site: Site) -> None:
    if model not in emulated():
        pytest.skip(f"this QEMU has no {model}")
    site.put()
    driver = "8139cp" if model == "rtl8139" else CARDS[model]
    with site.system(nic=model, flags=("--hardware", driver)) as vm:
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    site.assert_clean()


@pytest.mark.matrix
@pytest.mark.parametrize("series", ["6.1", "6.12"])
@pytest.mark.parametrize("cpu", ["Opteron_G1", "Conroe", "phenom", "core2duo", "kvm64", "Nehalem", "EPYC", "max"])
def test_a_processor(cpu: str, series: str, site: Site) -> None:
    site.put()
    with site.system(cpu=cpu, series=series) as vm:
        vm.type("reboot")
        vm.wait_rebooted(BOOT)
        site.assert_released()
    site.assert_clean()
