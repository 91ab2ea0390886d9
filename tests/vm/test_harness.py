"""The harness proves itself, so that a failure of a VM test is the product's."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from mkinitfs.errors import MkinitfsError
from tests.roots import FIRST, PROMPT, UP, busybox_root, systemd_root, sysvinit_root

from .conftest import Boot, Serve
from .harness import MiB, RangeLock, check, make_container, read_file, until
from .harness.process import Daemon
from .harness.tiny import tiny_initramfs

pytestmark = pytest.mark.vm
# cifs.ko asks for its ciphers by name; there is no modprobe here to answer.
CIFS = ["virtio_pci", "virtio_net", "cifs", "nls_utf8"]
CIFS += ["md5", "cmac", "ccm", "gcm", "aes_generic", "ctr", "ghash_generic", "sha512_generic"]
SHELL = f"export PS1='{PROMPT}'\nexec sh -i </dev/ttyS0 >/dev/ttyS0 2>&1\n"
NETWORK = "ip link set lo up\nip link set eth0 up\nip addr add 10.0.2.15/24 dev eth0\n"


def test_samba_keeps_files_and_shows_who_holds_them(samba: Serve, tmp_path: Path) -> None:
    (tmp_path / "hello").write_text("hello\n")
    spare = tmp_path / "other place"
    with samba(shares={"share": tmp_path / "share", "My Share": spare}) as server:
        server.client(f'put "{tmp_path}/hello" "with space"', share="My Share")
        assert (spare / "with space").read_text() == "hello\n"
        assert server.open_files() == [] == server.connections()
        argv = ["smbclient", "//127.0.0.1/My Share", "-s", str(server.config), "-p", str(server.port)]
        secret = {**os.environ, "USER": server.user, "PASSWD": server.password}
        with subprocess.Popen(argv, stdin=subprocess.PIPE, env=secret, text=True) as client:
            assert client.stdin
            client.stdin.write('open "with space"\n')
            client.stdin.flush()
            until(server.open_files, 10, "smbclient holds the file")
            assert [handle.path for handle in server.open_files()] == [str(spare / "with space")]
            assert server.connections() == ["My Share"]
        until(lambda: not server.open_files(), 10, "smbclient lets go")
        with pytest.raises(MkinitfsError, match="ACCESS_DENIED"):
            server.password = "wrong"
            server.client("ls")


def test_samba_can_be_late_stopped_and_paused(samba: Serve) -> None:
    with samba(start=False) as server:
        with pytest.raises(MkinitfsError, match="CONNECTION_REFUSED"):
            server.client("ls")
        server.start()
        assert "blocks available" in server.client("ls")
        server.pause()
        with subprocess.Popen(["smbclient", "-t", "2", "-s", server.config, "-L", "127.0.0.1"]) as client:
            time.sleep(0.2)
            server.resume()
            client.kill()
        assert "blocks available" in server.client("ls")
        server.stop()
        with pytest.raises(MkinitfsError, match="CONNECTION_REFUSED"):
            server.client("ls")


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_container_holds_the_tree(kind: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "a/b").mkdir(parents=True)
    content = os.urandom(3 * MiB + 5)
    (tree / "a/b/file").write_bytes(content)
    (tree / "a/link").symlink_to("b/file")
    (tree / "tmp").mkdir(mode=0o777)
    (tree / "tmp").chmod(0o1777)
    os.mkfifo(tree / "a/pipe")
    image = make_container(tmp_path / "image", tree, kind)  # type: ignore[arg-type]
    assert image.stat().st_blocks * 512 < 100 * MiB < image.stat().st_size
    verdict = check(image)
    assert verdict.clean, verdict.report
    assert read_file(image, "/a/b/file") == content
    with pytest.raises(AssertionError, match="/a/b/nothing"):
        read_file(image, "/a/b/nothing")
    with image.open("r+b") as file:  # over the inodes of either
        file.seek(64 << 10)
        file.write(os.urandom(512 << 10))
    assert not check(image).clean


def test_a_program_ends_with_all_it_forked(tmp_path: Path) -> None:
    with Daemon(["sh", "-c", "sleep 600 & echo $! >child; wait"], tmp_path / "log", cwd=tmp_path) as daemon:
        until((tmp_path / "child").exists, 5, "the child runs")
        until((tmp_path / "child").read_text, 5, "the child is known")
    child = Path("/proc", (tmp_path / "child").read_text().strip())
    until(lambda: not daemon.alive() and not child.exists(), 5, "both are gone")


def test_machine_boots_types_loses_its_link_and_powers_off(
    kernel_6_1,
    machine: Boot,
    tmp_path: Path,  # type: ignore[no-untyped-def]
) -> None:
    script = f"echo {UP}\n{SHELL}"
    initrd = tiny_initramfs(kernel_6_1, tmp_path / "tiny", script, ["virtio_pci", "virtio_net"])
    with machine(kernel_6_1.vmlinuz, initrd, append="one two") as vm:
        vm.wait_for(UP)
        vm.wait_for(PROMPT)
        assert vm.run("cat /proc/cmdline").endswith("quiet one two\n")
        vm.run("false", status=1)
        vm.run("ip link set eth0 up")
        carrier = "cat /sys/class/net/eth0/carrier"
        until(lambda: vm.run(carrier) == "1\n", 10, "the cable is in")
        vm.set_link(False)
        until(lambda: vm.run(carrier) == "0\n", 10, "the cable is out")
        vm.pause()
        assert vm.status() == "paused"
        vm.resume()
        with pytest.raises(AssertionError, match=r"(?s)never said.*last lines of.*carrier"):
            vm.wait_for("never said", 0.2)
        vm.type("poweroff -f")
        vm.wait_powered_off()
        assert vm.status() == "shutdown"
        assert vm.seen("reboot: Power down")
        with pytest.raises(AssertionError, match="guest-reset expected, guest-shutdown came"):
            vm.wait_rebooted(1)


def test_panic_is_seen_as_a_reset(kernel_6_1, machine: Boot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with machine(kernel_6_1.vmlinuz, tiny_initramfs(kernel_6_1, tmp_path / "tiny", "exit 3\n"), nic=None) as vm:
        vm.wait_for("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000300")
        vm.wait_rebooted()


def test_guest_mounts_the_share_and_its_lock_is_seen(
    kernel_6_1,
    machine: Boot,
    samba: Serve,
    tmp_path: Path,  # type: ignore[no-untyped-def]
) -> None:
    with samba(audit=True) as server:
        (tmp_path / "share/file").write_text("content\n")
        options = f"ip=10.0.2.2,port={server.port},username={server.user},password={server.password},nolease"
        script = NETWORK + f"mount -t cifs //10.0.2.2/share /mnt -o {options} && echo {UP}\n"
        script += "exec 7<>/mnt/file; flock 7 && echo HELD\n" + SHELL
        initrd = tiny_initramfs(kernel_6_1, tmp_path / "tiny", script, CIFS, ["/usr/bin/flock"])
        with machine(kernel_6_1.vmlinuz, initrd, samba=server) as vm:
            vm.wait_for(f"(?s){UP}.*HELD")
            path = str(tmp_path / "share/file")
            assert [handle.path for handle in server.open_files()] == [path]
            assert server.connections() == ["share"]
            assert server.locks() == [RangeLock(path, 0, 1 << 63)]  # flock(2): all of it
            vm.wait_for(PROMPT)
            vm.run("flock -u 7; exec 7>&-; umount /mnt")
            until(lambda: not server.open_files() and not server.locks(), 10, "the file is let go")
            vm.type("poweroff -f")
            vm.wait_powered_off()


@pytest.mark.parametrize(("make", "kind"), [(busybox_root, "xfs"), (systemd_root, "ext4"), (sysvinit_root, "xfs")])
def test_root_boots_from_a_disk_and_leaves_it_clean(
    make,
    kind,
    kernel_6_1,
    machine: Boot,
    tmp_path: Path,  # type: ignore[no-untyped-def]
) -> None:
    disk = make_container(tmp_path / "disk", make().tree, kind)
    script = f"mount -t {kind} -o ro /dev/vda /mnt\nmount -o move /dev /mnt/dev\n"
    script += "exec switch_root /mnt /sbin/first-words\n"
    initrd = tiny_initramfs(kernel_6_1, tmp_path / "tiny", script, ["virtio_pci", "virtio_blk", "crc32c_generic", kind])
    with machine(kernel_6_1.vmlinuz, initrd, drives=[disk], nic=None) as vm:
        vm.wait_for(FIRST)
        vm.wait_for(UP, 180)
        vm.wait_for(PROMPT)
        vm.run("echo written >/root/file")
        vm.type("poweroff")
        vm.wait_powered_off(120)
    assert check(disk).clean, check(disk).report
    assert read_file(disk, "/root/file") == b"written\n"
