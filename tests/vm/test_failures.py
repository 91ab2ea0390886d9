"""A boot that cannot succeed says why, in the words of whoever has to mend it, and ends as it was told to."""

import os
import time

import pytest

from tests.lab import ROOT
from tests.roots import PROMPT

from .harness import MiB, until
from .site import BOOT, SHELL, SMALL, Site

pytestmark = pytest.mark.vm


def test_wrong_password_is_told_and_shown_nowhere(site: Site) -> None:
    """It stands in the image here: the kernel itself shows its command line to everybody."""
    server, wrong = site.serve(), "Wr0ng,and=secret"
    (site.folder / "secret").write_text(f"username={server.user}\npassword={wrong}\n")
    share = f"//10.0.2.2/share,port={server.port}"
    flags = (*SMALL, "--credentials", site.folder / "secret")
    with site.boot("ip=dhcp panic=0 debug", share=share, flags=flags, quiet=False, up=SHELL) as vm:
        assert vm.seen("the step 'share' failed after")
        assert vm.seen("what failed: //10.0.2.2/share: Permission denied")
        assert vm.seen(r"it said: .*mount error\(13\): Permission denied")
        assert vm.seen("to try: .*wrong user name or password")
        vm.run("dmesg; cat /run/initramfs/timeline /proc/[0-9]*/cmdline /proc/[0-9]*/environ; set")
        assert not vm.seen("Wr0ng")


@pytest.mark.parametrize("panic", [-1, 5])
def test_panic_says_when_to_start_again(panic: int, site: Site) -> None:
    """And what the boot had attached by then is handed back first."""
    site.put()
    with site.boot(f"rw ip=dhcp init=/sbin/missing panic={panic}") as vm:
        vm.wait_for("what failed: no init in the root: /sbin/missing is no program there", BOOT)
        failed = time.monotonic()
        vm.wait_rebooted(BOOT)
        assert panic < 0 or time.monotonic() - failed > panic - 1
        assert not vm.seen(SHELL)
        site.assert_released()
    site.assert_clean()


def test_a_mistake_of_ours_ends_as_panic_says(site: Site) -> None:
    """And what was attached by then is handed back."""
    site.put()
    broken = site.folder / "switch.py"
    source = (ROOT / "init/perform/switch.py").read_text()
    broken.write_text(f"{source}\n\ndef start_in_namespace(*_):\n    raise RuntimeError('on purpose')\n")
    flags = (*SMALL, "--add", f"{broken}:/usr/lib/mkinitfs/init/perform/switch.py")
    with site.boot("rw ip=dhcp panic=-1", flags=flags) as vm:
        vm.wait_for("/init failed; this is a mistake in it", BOOT)
        vm.wait_rebooted(BOOT)
        assert vm.seen("RuntimeError: on purpose")
        assert not vm.seen(SHELL)
        site.assert_released()
    site.assert_clean()


def test_missing_share(site: Site) -> None:
    share = site.server.cifsroot(share="shard")
    with site.boot("ip=dhcp panic=0", share=share, up=SHELL) as vm:
        assert vm.seen("what failed: //10.0.2.2/shard: No such file or directory")
        assert vm.seen("to try: .*the server has no share of this name")


def test_missing_container_and_no_shell_wanted(site: Site) -> None:
    site.put(path=site.folder / "share/boot/root disk.img")
    with site.boot("ip=dhcp panic=0 rd.shell=0", loop="boot/disk.img") as vm:
        vm.wait_for("what failed: .*boot/disk.img: no such file on the share", BOOT)
        vm.wait_for("to try: .*boot/ holds: root disk.img", BOOT)
        vm.wait_halted(BOOT)
        assert not vm.seen(SHELL)
        site.assert_released()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (os.urandom(4 * MiB), r"what failed: disk\.img: no file system that is known here"),
        (b"", r"what failed: .*/disk\.img: the container is empty"),
        (None, r"what failed: disk\.img: cut off: its ext4 takes 536870912 bytes, and 209715200 are there"),
    ],
    ids=["random", "empty", "cut"],
)
def test_a_container_that_is_no_file_system(content: bytes | None, message: str, site: Site) -> None:
    if content is None:
        os.truncate(site.put(), 200 * MiB)
    else:
        site.disk.parent.mkdir()
        site.disk.write_bytes(content)
    with site.boot("ip=dhcp panic=0", up=SHELL) as vm:
        assert vm.seen(message), vm.console.text[-2000:]
        vm.run("umount /run/initramfs/share")  # nothing of the failed try holds it any more
        site.assert_released()


def test_a_server_that_is_twenty_seconds_late(site: Site) -> None:
    site.put()
    site.serve(start=False)
    with site.boot(quiet=False) as vm:
        vm.wait_for("share: .*; trying again", BOOT)
        end = time.monotonic() + 20
        until(lambda: time.monotonic() > end, BOOT, "twenty seconds pass")
        site.server.start()
        vm.wait_for(PROMPT, BOOT)
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
