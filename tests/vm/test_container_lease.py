"""Two machines and one container: the second writes nothing, is told who holds it, and gets it when that is done."""

import errno
import fcntl
import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from init.container_lease.lock import OFFSET
from init.container_lease.record import Record
from tests.kernels import kernel
from tests.roots import PROMPT

from .harness import Machine, RangeLock, check, until
from .harness.containers import Kind
from .harness.wire import FileServer, network
from .site import BOOT, SHELL, SMALL, Site

pytestmark = pytest.mark.vm

ANNA = {"nic": "virtio-net-pci,mac=52:54:00:00:00:0a"}
OTTO = {"nic": "virtio-net-pci,mac=52:54:00:00:00:0b"}


def record(site: Site) -> Path:
    """The file beside the container."""
    return site.disk.with_name(f"{site.disk.name}.lease")


def lease(site: Site) -> RangeLock:
    """The lock as the server is to know it."""
    return RangeLock(str(site.disk), OFFSET, 1)


def ports_of(site: Site) -> str:
    """The connection that the record names."""
    found = Record.decode(record(site).read_text())
    return found.ports if found else ""


@contextmanager
def another(site: Site, words: str, **options: object) -> Iterator[Machine]:
    """A machine beside the first, with the same image, server and container."""
    found = kernel("6.1")
    append = f'root=/dev/cifs "cifsroot={site.server.cifsroot()}" loop=disk.img rw {words}'
    with Machine(found.vmlinuz, site.image, site.folder, append=append, **{**OTTO, **options}) as vm:  # type: ignore[arg-type]
        yield vm


def state(site: Site) -> tuple[int, str, str]:
    """What a write would change: the container's time and content, and the record."""
    with site.disk.open("rb") as file:
        return site.disk.stat().st_mtime_ns, hashlib.file_digest(file, "sha256").hexdigest(), record(site).read_text()


def comes_up(vm: Machine) -> None:
    vm.wait_for(f"{PROMPT}|{SHELL}", BOOT)
    assert vm.seen(PROMPT), vm.console.text[-3000:]


def test_a_second_machine(site: Site) -> None:
    """Refused, read-only beside the first, and waiting for it."""
    site.put()
    with site.system("rw ip=::::anna::dhcp", **ANNA) as anna:
        assert site.server.locks() == [lease(site)]
        assert "host=anna\n" in record(site).read_text()
        anna.run("sync")
        anna.pause()  # whoever writes now is the other
        before = state(site)
        held = r"disk\.img is held by anna \(10\.0\.2\.15, 52:54:00:00:00:0a\) since 20\d\d-\d\d-\d\d [\d:]{8} UTC"
        with another(site, "ip=::::otto::dhcp panic=0") as otto:
            otto.wait_for(SHELL, BOOT)
            assert otto.seen(f"what failed: {held}$")
            assert otto.seen(r"to try: .*rd\.lease=wait.*smbstatus -B.*smbcontrol PID close-share")
        with another(site, "ip=::::otto::dhcp rd.lease=ro") as otto:
            comes_up(otto)
            assert otto.seen(f"{held}: going on READ-ONLY")
            otto.run("! touch /root/otto")
            assert site.server.locks() == [lease(site)]
        assert state(site) == before
        anna.resume()
        with another(site, "ip=::::otto::dhcp rd.lease=wait") as otto:
            otto.wait_for(f"{held}; waiting, 1\\d s$", BOOT)
            anna.run("echo anna >/root/anna")
            anna.type("poweroff")
            anna.wait_powered_off(BOOT)
            comes_up(otto)
            assert "host=otto\n" in record(site).read_text()
            assert otto.run("cat /root/anna") == "anna\n"
            otto.type("poweroff")
            otto.wait_powered_off(BOOT)
            site.assert_released()
    site.assert_clean()


def test_readers_share_and_keep_a_writer_out(site: Site) -> None:
    site.put()
    content = site.disk.read_bytes()
    with (
        site.boot("ip=::::anna::dhcp loopflags=ro", up=PROMPT, **ANNA) as anna,
        another(site, "ip=::::otto::dhcp loopflags=ro") as otto,
    ):
        comes_up(otto)
        assert site.server.locks() == [lease(site)] * 2
        assert not record(site).exists()
        with another(site, "ip=::::third::dhcp panic=-1", nic="virtio-net-pci,mac=52:54:00:00:00:0c") as third:
            third.wait_for("what failed: disk.img is held by a machine that left no name, or several that", BOOT)
        for vm in (anna, otto):
            vm.type("poweroff")
            vm.wait_powered_off(BOOT)
        site.assert_released()
    assert site.disk.read_bytes() == content


def test_a_server_that_keeps_no_locks(site: Site) -> None:
    """It grants every one to everybody: that is found out, said to all, and nobody replays a journal on such terms."""
    site.put()
    site.serve(options={"locking": "no"})
    none = r'the server keeps no locks \(on Samba: "locking = yes".*NOTHING KEEPS ANOTHER ONE OUT of disk\.img'
    with site.boot("rw ip=::::anna::dhcp", up=PROMPT, **ANNA) as anna:
        assert anna.seen(none)
        assert not record(site).exists()
        anna.run("echo note >/root/note; sync")
        with site.boot("ip=::::otto::dhcp overlay=tmpfs panic=0", series="6.12", up=SHELL, **OTTO) as otto:
            assert otto.seen(none)
            assert otto.seen(r"what failed: disk\.img: was not unmounted, .* not replayed from here: no lease is held$")
            assert otto.seen(r"it said: .*write access unavailable|^ +.*write access unavailable")
            assert otto.seen("to try: .*boot one machine with rw, .* on the server: `e2fsck -p disk.img`")


@pytest.mark.parametrize(
    "kind", ["ext4", pytest.param("xfs", marks=pytest.mark.matrix), pytest.param("btrfs", marks=pytest.mark.matrix)]
)
def test_after_a_power_cut_a_reader_replays_the_journal(kind: Kind, site: Site) -> None:
    """Once, with the writer's lease; and what the writer has left beside the container is waited for once.

    Before that a copy of the writer, with its hardware and its IP address, is told that it is another machine.
    """
    site.put(kind=kind)
    flags = (*SMALL, "--module", kind)
    with site.boot("rw ip=::::anna::dhcp", flags=flags, up=PROMPT, **ANNA) as anna:
        anna.run("echo saved >/root/note; sync -f /root/note || sync; echo late >/root/late; sync /root/late")
        with another(site, "ip=::::twin::dhcp panic=-1", **ANNA) as twin:
            twin.wait_for("held by this machine as it was before it was switched off; waiting, 0 s", BOOT)
            twin.wait_for(r"what failed: disk\.img is held by anna \(10\.0\.2\.15, ", BOOT)
        assert "asked=\n" in record(site).read_text()
        anna.cut_power()
        site.server.stop(politely=False)
        site.server.start()
        with another(site, "ip=::::otto::dhcp overlay=tmpfs") as otto:
            otto.wait_for(r"is free, but was not given back by anna .*; leaving it 20 s", BOOT)
            comes_up(otto)
            assert otto.run("cat /root/note /root/late") == "saved\nlate\n"
            assert otto.run("dmesg | grep -c 'disk.img was not unmounted, its journal is replayed'") == "1\n"
            assert site.server.locks() == [lease(site)]
            assert not record(site).exists()
            with another(site, "ip=::::third::dhcp overlay=tmpfs", nic="virtio-net-pci,mac=52:54:00:00:00:0c") as third:
                comes_up(third)
                assert not third.seen("leaving it 20 s")
                assert third.run("cat /root/note; dmesg | grep -c 'journal is replayed'", status=1) == "saved\n0\n"
    site.assert_clean()


def try_lock(file: int) -> bool:
    """Take the lease's lock on the server itself, as whatever stands for another machine there."""
    try:
        fcntl.fcntl(file, fcntl.F_SETLK, struct.pack("@hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, OFFSET, 1, 0))
    except OSError as error:
        assert error.errno in (errno.EACCES, errno.EAGAIN)
        return False
    return True


@pytest.mark.parametrize("series", ["6.1", "6.12"])
def test_a_server_that_was_restarted(series: str, site: Site) -> None:
    """The lock is taken again; where somebody was quicker, the root is read-only. It begins with another's record."""
    site.put()
    record(site).write_text(Record("ghost", "10.0.2.99", "52:54:00:00:00:99").encode("disk.img"))
    with site.boot("rw ip=::::anna::dhcp loglevel=6", series=series, quiet=False, **ANNA) as vm:
        vm.wait_for(r"disk\.img is free, but was not given back by ghost \(10\.0\.2\.99, ", BOOT)
        comes_up(vm)
        assert "host=anna\n" in record(site).read_text()
        vm.run("sync")
        ports = ports_of(site)
        site.server.stop()
        site.server.start()
        vm.wait_for(r"lease: disk\.img: .*our lock is taken again", BOOT)
        assert site.server.locks() == [lease(site)]
        until(lambda: ports_of(site) not in (ports, ""), BOOT, "the record names the new connection")
        vm.run("echo saved >/root/note; exec 5>/root/open; sync")
        site.server.stop()
        file = os.open(site.disk, os.O_RDWR)
        try:
            until(lambda: try_lock(file), BOOT, "the old server's last process lets go")
            site.server.start()
            # In the kernel's log and on the console: what else the kernel says may come between the lines of one.
            vm.wait_for(r"THE LEASE ON disk\.img IS LOST to another machine\W+/sysroot is read-only from now on", BOOT)
            vm.run("dmesg -n 1; touch /root/lost", status=None)  # a journal that is aborted has much to say
            # What was open for writing is no hindrance, and what is read is not only what was in memory.
            assert vm.run("! touch /root/lost; echo 3 >/proc/sys/vm/drop_caches; cat /root/note") == (
                "touch: /root/lost: Read-only file system\nsaved\n"
            )
            vm.type("poweroff")
            vm.wait_powered_off(BOOT)
        finally:
            os.close(file)
        assert (site.server.open_files(), site.server.locks()) == ([], [])
    assert "UNEXPECTED INCONSISTENCY" not in check(site.disk).report


@pytest.mark.matrix
def test_another_s_record_beside_a_lock_that_is_still_ours(site: Site) -> None:
    """As from a cluster's other node, which has given the lock away once more; with this node everything is well."""
    site.put()
    with site.boot("rw ip=::::anna::dhcp", series="6.12", up=PROMPT, **ANNA) as vm:
        vm.run("sync")
        record(site).write_text(Record("otto", "10.0.2.99", "52:54:00:00:00:99", boot="otto's").encode("disk.img"))
        vm.wait_for(
            r"THE LEASE ON disk\.img IS LOST to otto \(10\.0\.2\.99, .*\W+/sysroot is read-only from now on", BOOT
        )
        assert site.server.locks() == []
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        assert "host=otto\n" in record(site).read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="taps and namespaces are root's")
def test_after_a_power_cut_the_same_machine_gets_its_own(site: Site) -> None:
    """The server hears nothing of it, and would not ask within hours: whoever comes back ends the old connection."""
    with network(site.folder / "network") as wires:
        site.serve(FileServer, wires=wires)
        site.put()
        wires.switch("lan", "10.7.0.1/24")
        first, second = wires.card("first", switch="lan"), wires.card("second", switch="lan")
        second[-1] = second[-1].replace("mac=52:54:00:00:00:02", "mac=52:54:00:00:00:01")
        words = "rw ip=10.7.0.9::10.7.0.1:255.255.255.0:anna:eth0:off"
        again = f"{words.removeprefix('rw ')} rd.break=network loglevel=6"
        with (
            site.boot(words, up=PROMPT, **wires.machine(*first)) as before,
            another(site, again, quiet=False, **wires.machine(*second)) as after,
        ):
            after.wait_for(SHELL, BOOT)  # started, but not on the network yet
            before.run("echo saved >/root/note; sync; echo unsaved >/root/other")
            before.cut_power()
            after.type("exit")
            after.wait_for(r"held by this machine as it was before .*; waiting", BOOT)
            comes_up(after)
            assert not after.seen("leaving it 20 s")
            assert after.run("cat /root/note").endswith("saved\n")
            assert site.server.locks() == [lease(site)]
            after.type("poweroff")
            after.wait_powered_off(BOOT)
            assert (site.server.open_files(), site.server.locks()) == ([], [])
            assert not record(site).exists()
    site.assert_clean()
