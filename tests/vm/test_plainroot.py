"""The share itself as root: the kernel's cifsroot document to the letter, and what is newer beside it."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from tests.command import run
from tests.kernels import kernel
from tests.roots import PROMPT, UP, busybox_root, sysvinit_root

from .conftest import Build
from .harness.samba13 import Samba13
from .plainshare import DOCUMENT, GLOBAL, KEPT, MAKE, as_user, assert_released, boot, serve
from .site import BOOT, SMALL

pytestmark = [
    pytest.mark.vm,
    pytest.mark.skipif(os.geteuid() != 0, reason="a root with devices and owners on it is root's to serve"),
]


USERS_FILES = (
    "root: the share lacks users' new files: \"inherit owner = yes\" in the share's section, and tmpfs on /tmp;"
)
INHERIT = "        inherit owner = yes\n"


def remounting_well(tree: Path) -> None:
    """Have the busybox root's own remount, which comes before anything else there, say what the manual asks for."""
    script = tree / "etc/rc"
    script.write_text(script.read_text().replace("-o remount,rw", f"-o remount,rw,{KEPT}"))


def test_the_documents_example_as_it_stands(tmp_path: Path, image: Build) -> None:
    """It lacks but one thing, and says so: in a folder of its own a user cannot open what it has just made."""
    server = serve(tmp_path, busybox_root().tree)
    remounting_well(tmp_path / "linux")
    (tmp_path / "linux/made:here").write_text("on the server\n")
    with boot(tmp_path, server, image(kernel("6.1"), "cifs", *SMALL)) as vm:
        vm.run(MAKE)
        mounts = vm.run("grep ' / cifs ' /proc/mounts")
        assert "vers=1.0" in mounts
        assert ",unix," in mounts
        assert ",hard," in mounts
        timeline = vm.run("cat /run/initramfs/timeline")
        assert "share: vers=3.1.1,posix,nomapposix,hard: //10.0.2.2/linux: Operation not supported" in timeline
        assert f"share: //10.0.2.2/linux mounted on /sysroot with vers=1.0,{KEPT},hard" in timeline
        assert USERS_FILES in timeline
        assert timeline.count("lacks") == 1
        assert f"root: a remount by /etc/fstab would forget {KEPT}:" in timeline
        assert vm.run("cat /made:here; echo here >'/root/t/in:side'") == "on the server\n"
        assert "can't create file: Permission denied" in vm.run(as_user("busybox"), status=None)
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        assert_released(server)
    made = {path.name: path.lstat() for path in (tmp_path / "linux/root/t").iterdir()}
    assert {name: stat.filemode(found.st_mode) for name, found in made.items()} == {
        "symlink": "lrwxrwxrwx", "file": "-rwsr-xr-x", "link": "-rwsr-xr-x", "device": "crw-r--r--",
        "fifo": "prw-r--r--", "Script": "-rwxr-xr-x", "in:side": "-rw-r--r--",
    }  # fmt: skip
    assert (made["file"].st_uid, made["file"].st_gid, made["file"].st_nlink) == (5, 6, 2)
    assert not [path for path in (tmp_path / "linux").iterdir() if path.name.startswith(".")]


def emulate_links(tree: Path) -> None:
    """Make of every symlink what mfsymlinks makes of it (fs/smb/client/link.c): a file of 1067 bytes."""
    for path in [path for path in tree.rglob("*") if path.is_symlink()]:
        target = os.fsencode(path.readlink())
        digest = hashlib.md5(target, usedforsecurity=False).hexdigest().encode()
        path.unlink()
        path.write_bytes((b"XSym\n%04u\n%s\n%s\n" % (len(target), digest, target)).ljust(1067))


def test_a_share_that_lacks_things_is_booted_and_told(tmp_path: Path, image: Build) -> None:
    """No UNIX extensions whatever, as on a server of another make: links, devices and fifos are emulated."""
    server = serve(tmp_path, busybox_root().tree, "server min protocol = SMB2_02\n")
    emulate_links(tmp_path / "linux")
    with boot(tmp_path, server, image(kernel("6.1"), "cifs", *SMALL), quiet=False) as vm:
        line = next(line for line in vm.console.text.splitlines() if "root: the share lacks " in line)
        assert ", owners, " in line
        assert 'vers=1.0 with "server min protocol = NT1" and "unix extensions = yes" on the server;' in line
        assert "posix" not in line
        assert line.endswith("; or put the root into a container (loop=)")
        assert ",mfsymlinks," in vm.run("grep ' / cifs ' /proc/mounts")
        vm.run("cd /root; ln -s there symlink; readlink symlink; echo x >file; ln file link")
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        assert_released(server)


CONTROL = """Package: greeting
Version: 1.0
Architecture: all
Maintainer: Nobody <nobody@localhost>
Description: says where it is
"""
POSTINST = """#!/bin/sh
set -e
chown 5:6 /usr/bin/greeting
chmod 4755 /usr/bin/greeting
mkfifo /var/lib/greeting/fifo
echo configured >/var/lib/greeting/state
"""


def make_package(folder: Path) -> Path:
    """A small Debian package with a program, links, a configuration file, and a script that has something to do."""
    tree = folder / "greeting"
    files = {
        "DEBIAN/control": CONTROL, "DEBIAN/postinst": POSTINST, "DEBIAN/conffiles": "/etc/greeting.conf\n",
        "etc/greeting.conf": "here\n", "usr/bin/greeting": '#!/bin/sh\necho "hello from $(cat /etc/greeting.conf)"\n',
        "var/lib/greeting/one:colon": "", "usr/lib/systemd/system/with\\x2dname.service": "",
    }  # fmt: skip
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
        (tree / name).chmod(0o755 if text.startswith("#!") else 0o644)
    (tree / "usr/bin/greet").symlink_to("greeting")
    os.link(tree / "usr/bin/greeting", tree / "usr/bin/greeting2")
    run(["dpkg-deb", "--build", "--root-owner-group", tree, folder / "greeting.deb"])
    return folder / "greeting.deb"


def test_a_debian_installs_a_package_reboots_and_still_has_it(tmp_path: Path, image: Build) -> None:
    """With all that the manual asks for, nothing is missing: not to an ordinary user, and not in names."""
    server = serve(tmp_path, sysvinit_root().tree, section=INHERIT)
    (tmp_path / "linux/etc/fstab").write_text(f"//10.0.2.2/linux / cifs {KEPT} 0 0\n")
    run(["cp", make_package(tmp_path), tmp_path / "linux/root"])
    # Debian's start-up scripts take a minute on a share, and nothing is looked at of them; those of its end do not.
    # The document's command line asks for runlevel 3.
    inittab = tmp_path / "linux/etc/inittab"
    text = inittab.read_text().replace("/etc/init.d/rcS", "/bin/hostname guest")
    inittab.write_text(text.replace("id:2:", "id:3:").replace(":2:respawn:", ":3:respawn:"))
    with boot(tmp_path, server, image(kernel("6.1"), "cifs", *SMALL), reboot=True) as vm:
        assert "vers=1.0" in vm.run("grep ' / cifs ' /proc/mounts")
        vm.run("dpkg --install /root/greeting.deb", BOOT)
        vm.type("reboot")
        vm.wait_rebooted(BOOT)
        vm.wait_for(f"(?s){UP}.*{PROMPT}", BOOT)
        assert vm.run("greet", BOOT) == "hello from here\n"
        assert vm.run("dpkg-query --show greeting; stat --format '%A %u %g' /usr/bin/greeting", BOOT) == (
            "greeting\t1.0\n-rwsr-xr-x 5 6\n"
        )
        assert vm.run(as_user("debian")) == "one\ntwo\nthree\n"
        assert " root: " not in vm.run("grep -v 'root: init is' /run/initramfs/timeline")
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        assert_released(server)
    assert (tmp_path / "linux/var/lib/greeting/one:colon").exists()
    assert {path.lstat().st_uid for path in (tmp_path / "linux/srv/user").rglob("*")} == {5}
    assert (tmp_path / "linux/var/lib/greeting/state").read_text() == "configured\n"
    assert stat.S_ISFIFO((tmp_path / "linux/var/lib/greeting/fifo").stat().st_mode)


@pytest.mark.matrix
@pytest.mark.parametrize("series", ["6.12", "7.3"])
@pytest.mark.parametrize("given", ["", ",vers=3.1.1,posix"])
def test_newer_kernels_and_a_server_with_both_kinds_of_extensions(
    tmp_path: Path, image: Build, series: str, given: str
) -> None:
    """SMB1 carries all; the POSIX extensions lack what no setting of theirs brings, and are told so."""
    settings = f"{GLOBAL}smb3 unix extensions = yes\n"
    server = serve(tmp_path, busybox_root().tree, settings, Samba13, INHERIT)
    remounting_well(tmp_path / "linux")
    (tmp_path / "linux/made:here").write_text("on the server\n")
    words = DOCUMENT.replace("password=bar", f"password=bar{given}")
    with boot(tmp_path, server, image(kernel(series), "cifs", *SMALL), words, series=series) as vm:
        timeline = vm.run("cat /run/initramfs/timeline")
        assert "could be tried" not in timeline
        if given:
            assert "root: the share lacks modes, set-user-ID bits, owners, users' new files" in timeline
            assert "create mask" not in timeline
        else:
            assert f"share: //10.0.2.2/linux mounted on /sysroot with vers=1.0,{KEPT},hard" in timeline
            assert "root: the share lacks" not in timeline
            vm.run(MAKE)
            assert vm.run("readlink symlink; cat /made:here") == "there\non the server\n"
            assert vm.run(as_user("busybox")) == "one\ntwo\nthree\n"
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        assert_released(server)
    assert not [path for path in (tmp_path / "linux").iterdir() if path.name.startswith(".")]
