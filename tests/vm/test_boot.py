"""A real kernel boots real systems from a container on a real share, and all of it is given back."""

import hashlib
from urllib.parse import quote

import pytest

from init.cmdline.settings import STEPS
from tests.roots import PROMPT, UP

from .harness import Machine, until
from .harness.containers import Kind
from .site import BOOT, SHELL, SMALL, Site

pytestmark = pytest.mark.vm

# Small and large, written back by the guest's own sync or left to the shutdown.
WRITE = (
    "echo synced >/root/small; dd if=/dev/urandom of=/root/large bs=1M count=8 2>/dev/null; sync;"
    "echo late >/root/late; dd if=/dev/urandom of=/root/latelarge bs=1M count=8 2>/dev/null;"
    "sha256sum /root/large /root/latelarge"
)


@pytest.mark.parametrize(
    ("root", "kind", "verb", "series", "machine"),
    [
        ("busybox", "ext4", "poweroff", "6.1", {"cpu": "qemu64"}),
        ("busybox", "xfs", "reboot", "6.12", {"nic": "e1000"}),
        ("systemd", "ext4", "poweroff", "6.1", {}),
        ("systemd", "xfs", "reboot", "6.12", {"cpu": "Conroe"}),
        ("sysvinit", "xfs", "poweroff", "6.1", {}),
        ("sysvinit", "ext4", "reboot", "6.1", {"cpu": "phenom"}),
        pytest.param("busybox", "ext4", "poweroff", "next", {"nic": "e1000"}, marks=pytest.mark.matrix),
    ],
)
def test_boots_writes_and_gives_everything_back(
    root: str, kind: Kind, verb: str, series: str, machine: dict[str, str], site: Site
) -> None:
    site.put(root, kind)
    with site.system(series=series, **machine) as vm:
        sums = dict(reversed(line.split()) for line in vm.run(WRITE, BOOT).splitlines())
        vm.type(verb)
        (vm.wait_rebooted if verb == "reboot" else vm.wait_powered_off)(BOOT)
        site.assert_released()
    site.assert_clean()
    assert (site.read("/root/small"), site.read("/root/late")) == (b"synced\n", b"late\n")
    for path, checksum in sums.items():
        assert hashlib.sha256(site.read(path)).hexdigest() == checksum, path


def test_reboot_boots_again(site: Site) -> None:
    site.put()
    with site.system(reboot=True) as vm:
        vm.type("reboot")
        vm.wait_rebooted(BOOT)
        vm.wait_for(f"(?s){UP}.*{PROMPT}", BOOT)
        assert len(site.server.open_files()) == 2  # the loop device and whoever holds the lease on it
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    site.assert_clean()


def test_names_with_spaces_a_server_by_name_credentials_in_the_image_and_a_static_address(site: Site) -> None:
    """The password has all that could be taken for a separator; it is in the image, so that is private."""
    (site.folder / "hosts").write_text("127.0.0.1 localhost\n10.0.2.2 file-server.example\n")
    server = site.serve(password="p,a\"ss=w ö'rd\\", shares={"Net Boot": site.folder / "share"})
    (site.folder / "secret").write_text(f"username={server.user}\npassword={server.password}\n")
    site.put(path=site.folder / "share/old machines/disk image.img")
    with site.system(
        "rw ip=10.0.2.15::10.0.2.2:255.255.255.0:guest:eth0:off loopfstype=ext4 loopflags=noatime,commit=7",
        share=f"//file-server.example/Net Boot/old machines,port={server.port}",
        loop="/disk image.img",
        flags=(*SMALL, "--credentials", site.folder / "secret", "--add", f"{site.folder}/hosts:/etc/hosts"),
    ) as vm:
        assert "noatime,commit=7" in vm.run("grep ' / ' /proc/mounts")
        assert server.password not in vm.run("cat /run/initramfs/timeline /proc/cmdline; dmesg")
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
        assert not vm.seen("ss=w")
    assert site.image.stat().st_mode & 0o777 == 0o600


def test_the_real_init_gets_its_words_the_memory_and_no_secret(site: Site) -> None:
    """root= is dracut's, and counts more than cifsroot=; the password has all that a URL has to encode."""
    server = site.serve(password="kreide/tafel,sch%41w@mm:")
    url = f"root=cifs://{server.user}:{quote(server.password, safe='')}@10.0.2.2:{server.port}/share"
    tell = "#!/bin/sh\necho WORDS:$*: $(grep ' / ' /proc/mounts)\nexec /sbin/init\n"
    site.put(files={"sbin/tell": tell})
    # Parameters for what /init loads and for what the kernel loads by modprobe, and a card that is not to be used.
    modules = "loop.max_loop=3 cifs.slow_rsp_threshold=77 modprobe.blacklist=e1000"
    (site.folder / "own.conf").write_text("options cifs cifs_max_pending=123\n")
    flags = (*SMALL, "--add", f"{site.folder}/own.conf:/etc/modprobe.d/own.conf")
    words = f"ro ip=dhcp init=/sbin/tell rd.break=switch {modules} cifspass=elsewhere {url} single 3 -- last=one"
    with site.boot(words, up=SHELL, flags=flags, options=("-device", "e1000,romfile=")) as vm:
        parameters = "loop/parameters/max_loop cifs/parameters/slow_rsp_threshold cifs/parameters/cifs_max_pending"
        assert vm.run(f"cd /sys/module && cat {parameters}").split() == ["3", "77", "123"]
        assert vm.run("ls /sys/module | grep -c -e ^e1000$ -e ^virtio_net$").split() == ["1"]
        assert meminfo(vm, "Unevictable") > 15_000  # kB; the initramfs lies in memory that cannot be reclaimed
        vm.type("exit")
        vm.wait_for(r"WORDS:single 3 last=one: /dev/loop0 / ext4 ro,", BOOT)
        vm.wait_for(PROMPT, BOOT)
        until(lambda: meminfo(vm, "Unevictable") == 0, 30, "the initramfs is freed")
        assert meminfo(vm, "Shmem") < 12_000_000 / 1024  # all of it the staged ramdisk
        handed = vm.run("cat /proc/1/environ /proc/[0-9]*/cmdline; set")
        assert not {piece for piece in ("kreide", "tafel", "w@mm", "elsewhere") if piece in handed}
        timeline = vm.run("cat /run/initramfs/timeline")
        assert "kreide" not in timeline and "w@mm" not in timeline
        assert [step for step in STEPS if f" {step}: " in timeline] == [step for step in STEPS if step != "overlay"]
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()


def meminfo(vm: Machine, name: str) -> int:
    """A line of /proc/meminfo in kB."""
    return int(vm.run(f"grep ^{name}: /proc/meminfo").split()[1])
