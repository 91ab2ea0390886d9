"""Who stays behind to keep the lease, what that costs, and that the lease is given back at the end.

QEMU's own DHCP server gives leases of a day: how they are renewed is followed in
tests/integration/test_lease_servers.py.
"""

import pytest

from .site import BOOT, Site

pytestmark = pytest.mark.vm

KEEPER = (
    "for each in /proc/[0-9]*; do case $(tr '\\0' ' ' <$each/cmdline) in @*keeper*) echo ${each#/proc/};; esac; "
    "done 2>/dev/null"
)


def test_systemd_spares_the_keeper_which_holds_nothing_but_the_ramdisk(site: Site) -> None:
    site.put("systemd")
    with site.system("rw ip=dhcp loglevel=6", quiet=False) as vm:
        vm.run("dmesg -n 1")
        (pid,) = vm.run(f'until found=$({KEEPER}) && [ -n "$found" ]; do sleep 2; done; echo $found', BOOT).split()
        assert vm.run(f"stat -Lc %d /proc/{pid}/root /proc/{pid}/cwd /proc/{pid}/exe").split() == (
            vm.run("stat -c %d /run/initramfs /run/initramfs /run/initramfs").split()
        )
        maps = vm.run(f"grep -o '/.*' /proc/{pid}/maps | sort -u")
        assert "(deleted)" not in maps  # nothing of the initramfs
        nice = f"until [ $(cut -d' ' -f19 /proc/{pid}/stat) = 0 ]; do sleep 1; done"
        vm.run(nice, BOOT)  # it has started
        kept = vm.run(f"cat /proc/{pid}/smaps_rollup")
        memory = {line.split()[0]: int(line.split()[1]) for line in kept.splitlines()[1:]}
        print("the keeper's memory in kB:", memory)
        assert memory["Anonymous:"] < 6_000  # kB; the rest are pages of the ramdisk, which is there anyway
        assert vm.run("lease=$(grep ^lease_seconds= /run/initramfs/net/state); echo $lease") == "lease_seconds=86400\n"
        vm.run("dmesg -n 7")
        vm.type("poweroff")
        vm.wait_for(r"shutdown: everything is released", BOOT)
        vm.wait_powered_off(BOOT)
        assert vm.seen("shutdown: eth0: lease of 10.0.2.15 given back to 10.0.2.2")
        site.assert_released()
    site.assert_clean()


@pytest.mark.parametrize(("words", "given_back"), [("ip=dhcp", True), ("ip=10.0.2.15::10.0.2.2:255.255.255.0", False)])
def test_the_supervisor_gives_back_what_it_kept(words: str, given_back: bool, site: Site) -> None:
    site.put()
    with site.system(f"rw {words} loglevel=6", quiet=False) as vm:
        assert vm.run(KEEPER) == ""
        vm.run("dmesg -n 7")
        vm.type("poweroff")
        vm.wait_for(r"shutdown: everything is released", BOOT)
        vm.wait_powered_off(BOOT)
        assert vm.seen("lease of 10.0.2.15 given back") == given_back
        site.assert_released()


def test_a_reboot_keeps_the_lease(site: Site) -> None:
    site.put()
    with site.system("rw ip=dhcp loglevel=6", quiet=False) as vm:
        vm.run("dmesg -n 7")
        vm.type("reboot")
        vm.wait_for(r"shutdown: everything is released", BOOT)
        vm.wait_rebooted(BOOT)
        assert not vm.seen("given back")
