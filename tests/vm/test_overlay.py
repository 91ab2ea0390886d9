"""Many machines, one container: what each writes goes into a layer of its own."""

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.roots import ROOTS

from .harness import Machine, check, read_file
from .harness.containers import MiB
from .site import BOOT, Site

pytestmark = pytest.mark.vm

ID = "6d6b696e697466730000525400123456"  # of QEMU's MAC address
OTHER = "virtio-net-pci,mac=52:54:00:00:00:02"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def note(vm: Machine, text: str) -> None:
    """Write where the root had something already, and where it had nothing."""
    vm.run(f"echo {text} >/etc/motd; echo {text} >/root/note; rm /etc/inittab; sync")


def power_off(vm: Machine) -> None:
    vm.type("poweroff")
    vm.wait_powered_off(BOOT)
    assert not vm.seen("NOT RELEASED")


def test_two_machines_write_to_memory(site: Site) -> None:
    site.put(path=site.folder / "share/4c4c4544-0043-4a10-8052-b4c04f595132.img")
    before = digest(site.disk)
    words = "rw ip=dhcp overlay=tmpfs:64M"
    product = ["-uuid", site.disk.stem]
    with (
        site.system(words, loop="%u.img", options=product) as one,
        site.boot(words, loop="%u.img", options=product, nic=OTHER, up="READY# ") as two,
    ):
        for vm, text in ((one, "one"), (two, "two")):
            note(vm, text)
        for vm, text in ((one, "one"), (two, "two")):
            assert vm.run("cat /etc/motd /root/note; ls /etc/inittab", status=None).startswith(f"{text}\n{text}\n")
            assert vm.run("stat -f -c %b.%S /run/initramfs/layer 2>/dev/null || df -k / | tail -1")
        power_off(two)
        # Only the second machine's is given back while the first goes on.
        assert {file.path for file in site.server.open_files()} == {str(site.disk)}
        power_off(one)
        site.assert_released()
    assert digest(site.disk) == before


def own_layer(site: Site) -> Path:
    """The part that makes containers, in a profile of the site's own."""
    profile = site.folder / "own.toml"
    profile.write_text('description = "kiosks"\nextends = ["cifs-loop", "overlay"]\n')
    return profile


def test_a_layer_that_stays(site: Site) -> None:
    """Made when it is not there, and kept over a reboot."""
    site.put()
    before = digest(site.disk)
    own = site.disk.with_name("kiosks") / "52-54-00-12-34-56.img"
    words = "rw ip=dhcp overlay=kiosks/%m.img:256M"
    with site.boot(words, series="6.12", profile=own_layer(site), reboot=True, up="READY# ") as vm:
        assert {file.path for file in site.server.open_files()} >= {str(site.disk), str(own)}
        vm.run("echo kept >/root/note; sync")
        vm.type("reboot")
        vm.wait_for("reboot: Restarting system", BOOT)
        site.wait_up(vm)
        assert vm.run("cat /root/note") == "kept\n"
        power_off(vm)
        site.assert_released()
    assert digest(site.disk) == before
    assert check(own).clean, check(own).report
    assert read_file(own, "/upper/root/note") == b"kept\n"
    assert own.stat().st_size == 256 * MiB
    assert own.stat().st_blocks * 512 < 96 * MiB
    assert [path.name for path in own.parent.iterdir()] == [own.name]  # nothing half made, no lease left


def test_systemd_on_a_layer_gives_everything_back(site: Site) -> None:
    """Its old root stands on what is mounted in it: share, container, and the layer's container."""
    site.put("systemd")
    own = site.disk.with_name("own.img")
    words = "rw ip=dhcp overlay=own.img:256M"
    with site.boot(words, profile=own_layer(site), netdev="hostname=kiosk-7", up="READY# ") as vm:
        assert vm.run("hostname; cat /etc/machine-id").split() == ["kiosk-7", ID]
        assert vm.run("getent hosts kiosk-7").split()[-1] == "kiosk-7"
        vm.run("echo kept >/root/note; sync")
        power_off(vm)
        site.assert_released()
    assert check(own).clean, check(own).report
    assert read_file(own, "/upper/root/note") == b"kept\n"


def test_a_share_below(site: Site) -> None:
    """A plain root that nobody may write; its server has UNIX extensions."""
    site.serve(smb1=True)
    tree = site.server.shares["share"]
    shutil.copytree(ROOTS["busybox"]().tree, tree, symlinks=True, dirs_exist_ok=True)
    with site.boot("rw ip=dhcp overlay=tmpfs", loop="", up="READY# ") as vm:
        note(vm, "mine")
        power_off(vm)
        site.assert_released()
    assert not (tree / "root/note").exists()
    assert (tree / "etc/inittab").exists()


def test_without_the_part_that_makes_one(site: Site) -> None:
    site.put()
    with site.boot("rw ip=dhcp overlay=%i.img") as vm:
        vm.wait_for(r"what failed: .*/10\.0\.2\.15\.img: no such file on the share\n.*name the part overlay", BOOT)
        vm.wait_rebooted(BOOT)
        site.assert_released()


@pytest.mark.matrix
@pytest.mark.parametrize("words", ["", "rd.hostname=keep"])
def test_sysvinit_has_the_name_of_its_machine(words: str, site: Site) -> None:
    site.put("sysvinit")
    with site.boot(f"rw ip=dhcp overlay=tmpfs {words}", netdev="hostname=kiosk-7", up="READY# ") as vm:
        assert vm.run("hostname").strip() == ("guest" if words else "kiosk-7")
        assert (vm.run("cat /etc/machine-id", status=None).strip() == ID) is not bool(words)
        power_off(vm)
        site.assert_released()
