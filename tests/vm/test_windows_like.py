"""Nothing in a container's way needs UNIX extensions: a server that knows no more than Windows does carries it.

Samba stands for it: no extensions, DOS attributes and NT's access lists, names without case, and locks that are
mandatory: nobody else reads or writes what one has locked, which is why the lease lies where no container reaches.
"""

import pytest

from .harness import RangeLock
from .site import BOOT, SHELL, Site

pytestmark = pytest.mark.vm

# smb.conf(5); `smb2 leases = no` and with it plain oplocks are what servers before SMB 3 have.
WINDOWS = {
    "server min protocol": "SMB2_02",
    "unix extensions": "no",
    "case sensitive": "no",
    "preserve case": "no",
    "default case": "upper",
    "nt acl support": "yes",
    "store dos attributes": "yes",
    "map archive": "no",
    "strict locking": "yes",
    "smb2 leases": "no",
}
OTHER = ("-global", "virtio-net-pci.mac=52:54:00:12:34:57")  # a card of another machine


def test_a_container_on_a_server_without_unix_extensions(site: Site) -> None:
    """The second machine speaks another version and spells the name otherwise, and is refused all the same."""
    site.put()
    server = site.serve(options=WINDOWS)
    with site.system("rw ip=::::first:eth0:dhcp", share=server.cifsroot("vers=2.1")) as first:
        assert server.locks() == [RangeLock(str(site.disk), 1 << 62, 1)]
        with site.boot(
            "rw ip=::::second:eth0:dhcp panic=0",
            share=server.cifsroot("vers=3.0"),
            loop="Disk.IMG",
            series="6.12",
            up=SHELL,
            options=OTHER,
        ) as second:
            assert second.seen(r"Disk\.IMG is held by first \(10\.0\.2\.15")
        first.run("dd if=/dev/urandom of=/root/large bs=1M count=8 && sync && echo 3 >/proc/sys/vm/drop_caches")
        checksum = first.run("sha256sum /root/large").split()[0]
        first.type("poweroff")
        first.wait_powered_off(BOOT)
        site.assert_released()
        with site.system(share=server.cifsroot("vers=3.0"), series="6.12", loop="Disk.IMG", options=OTHER) as second:
            assert second.run("sha256sum /root/large").split()[0] == checksum
            second.type("poweroff")
            second.wait_powered_off(BOOT)
            site.assert_released()
    site.assert_clean()
