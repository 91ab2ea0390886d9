"""ksmbd, the kernel's own server, holds containers as Samba does: under its own defaults, for one machine at a time."""

from __future__ import annotations

import pytest

from .harness import Machine, RangeLock, until
from .harness.ksmbd import Ksmbd
from .site import BOOT, PROMPT, SHELL, Site

pytestmark = pytest.mark.vm

WRITE = "echo synced >/root/small; sync; echo late >/root/late"
OTHER = ("-global", "virtio-net-pci.mac=52:54:00:12:34:57")  # a card of another machine
# The two machines in a network of their own, since ksmbd's further channels are looked for at port 445.
SERVER, SECOND, CLIENT = "10.9.0.1", "10.9.0.2", "10.9.0.9"


def leave(vm: Machine, site: Site) -> None:
    """Write, power off, and find everything given back while the connections would still be there."""
    vm.run(WRITE)
    vm.type("poweroff")
    vm.wait_powered_off(BOOT)
    site.assert_released()


def assert_written(site: Site) -> None:
    """The container, back from the server, is clean and holds what was written."""
    site.assert_clean()
    assert (site.read("/root/small"), site.read("/root/late")) == (b"synced\n", b"late\n")


def test_a_container_is_one_machine_s_at_a_time(site: Site) -> None:
    site.put()
    server = site.serve(Ksmbd)
    with site.system("rw ip=::::first:eth0:dhcp") as first:
        assert server.locks() == [RangeLock(str(site.disk), 1 << 62, 1)]  # with an oplock, it would not be there
        with site.boot("rw ip=::::second:eth0:dhcp panic=0", series="6.12", up=SHELL, options=OTHER) as second:
            assert second.seen(r"disk\.img is held by first \(10\.0\.2\.15")
        leave(first, site)
        with site.system(series="6.12", options=OTHER) as second:
            assert second.run("cat /root/late") == "late\n"
            leave(second, site)
    assert_written(site)
