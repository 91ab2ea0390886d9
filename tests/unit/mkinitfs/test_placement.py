"""Where things come to lie: merged and split /usr."""

import pytest

from mkinitfs.manifest import Symlink
from mkinitfs.placement import place


@pytest.mark.parametrize(
    ("path", "real", "links"),
    [
        ("/bin/sh", "usr/bin/sh", {"bin": "usr/bin"}),
        ("/sbin/modprobe", "usr/bin/modprobe", {"sbin": "usr/sbin", "usr/sbin": "bin"}),
        ("/lib/modules/6.1/x.ko", "usr/lib/modules/6.1/x.ko", {"lib": "/usr/lib"}),
        ("/init", "init", {}),
        ("/opt/none/x", "opt/none/x", {}),
        ("/etc/x", "etc/x", {}),
    ],
)
def test_links_on_the_way_are_followed_and_kept(merged, path, real, links):
    found, entries = place(merged, path)
    assert found == real
    assert {name: entry.target for name, entry in entries if isinstance(entry, Symlink)} == links


def test_a_split_usr_stays_split(split):
    assert place(split, "/sbin/modprobe") == ("sbin/modprobe", [])
