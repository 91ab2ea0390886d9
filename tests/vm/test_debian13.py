"""All of Debian 13 at once: its kernel, its Samba, its Python in the image, its systemd as the real init."""

import os
from pathlib import Path

import pytest

from tests.command import run
from tests.kernels import kernel
from tests.roots import busybox_root, trixie_root

from .conftest import Build
from .harness import check, make_container
from .harness.samba13 import Samba13
from .plainshare import assert_released, boot, serve
from .site import BOOT, SMALL

pytestmark = [pytest.mark.vm, pytest.mark.skipif(os.geteuid() != 0, reason="its Samba wants a mount namespace")]

POSIX = "smb3 unix extensions = yes\n"


def test_a_container(tmp_path: Path, image: Build) -> None:
    tree = trixie_root().tree
    server = Samba13(tmp_path)
    run(["cp", "--archive", "--reflink=auto", tree, tmp_path / "tree"])
    # The shell alone: the way back through systemd-shutdown is the same, and a start of all the rest is looked at by
    # the tests of Debian 12.
    alone = tmp_path / "tree/etc/systemd/system/console.service.d/alone.conf"
    alone.parent.mkdir()
    alone.write_text("[Unit]\nDefaultDependencies=no\n")
    disk = make_container(tmp_path / "share/disk.img", tmp_path / "tree", "ext4")
    share = "//10.0.2.2/share,username=boot,password=s3cret"
    words = f"root=/dev/cifs rw ip=dhcp cifsroot={share} loop=disk.img systemd.unit=console.service"
    made = image(kernel("6.12"), "cifs-loop", *SMALL, "--sysroot", tree)
    with boot(tmp_path, server, made, words, series="6.12") as vm:
        assert ", Python 3.13" in vm.run("head -1 /run/initramfs/timeline")
        assert vm.run("systemctl --version", BOOT).startswith("systemd 257")
        assert str(disk) in {file.path for file in server.open_files()}
        vm.run("echo late >/root/note")
        vm.type("systemctl poweroff")
        vm.wait_powered_off(BOOT)
        assert_released(server)
    verdict = check(disk)
    assert verdict.clean, verdict.report


def test_a_plain_root_on_posix_extensions_alone(tmp_path: Path, image: Build) -> None:
    """It boots, and is told what this kernel and this Samba do not carry between them."""
    tree = trixie_root().tree
    server = serve(tmp_path, busybox_root().tree, POSIX, Samba13)
    with boot(tmp_path, server, image(kernel("6.12"), "cifs", *SMALL, "--sysroot", tree), series="6.12") as vm:
        assert ",posix," in vm.run("grep ' / cifs ' /proc/mounts")
        vm.run("cd /root; ln -s there symlink; echo x >file; ln file link; mknod device c 1 3; mknod fifo p")
        assert vm.run("readlink symlink; stat -c '%F %h' link; stat -c '%F %t %T' device; stat -c %F fifo") == (
            "there\nregular file 2\ncharacter special file 1 3\nfifo\n"
        )
        timeline = vm.run("cat /run/initramfs/timeline")
        assert "root: the share lacks modes, set-user-ID bits, owners, users' new files" in timeline
        assert 'vers=1.0 with "server min protocol = NT1"' in timeline
        assert "create mask" not in timeline  # it is set, and the modes are the client's until a folder is read
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        assert_released(server)
