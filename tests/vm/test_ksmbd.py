"""ksmbd, the kernel's own server, holds containers as Samba does."""

from __future__ import annotations

import pytest

from .harness.ksmbd import Ksmbd
from .site import BOOT, Site

pytestmark = pytest.mark.vm

WRITE = "echo synced >/root/small; sync; echo late >/root/late"


def test_boots_writes_and_gives_everything_back(site: Site) -> None:
    site.put()
    site.serve(Ksmbd)
    with site.system() as vm:
        vm.run(WRITE)
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    site.assert_clean()
    assert (site.read("/root/small"), site.read("/root/late")) == (b"synced\n", b"late\n")
