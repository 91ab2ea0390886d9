"""A plain root on ksmbd as far as that server can carry one, and what the look at the share says of the rest."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from tests.roots import PROMPT, busybox_root

from .harness import read_file
from .harness.ksmbd import Ksmbd
from .site import BOOT, Site

pytestmark = [
    pytest.mark.vm,
    pytest.mark.skipif(os.geteuid() != 0, reason="a root whose files are root's is root's to serve"),
]

# By nothing but its symlink is `link` known to be one, by nothing but its device number `null` to be nowhere.
MAKE = (
    "cd /root; echo text >file; ln -s file link; mkfifo fifo; mknod null c 1 3; echo lost >null; "
    "printf '#!/bin/sh\\necho ran\\n' >script; chmod 755 script; ./script; cat link; sync; "
    "echo 3 >/proc/sys/vm/drop_caches; stat -c '%F' link fifo null"
)


def links_as_files(tree: Path) -> None:
    """Make symbolic links what the mount option mfsymlinks reads as such: ksmbd follows none of its own disk."""
    for path in [each for each in tree.rglob("*") if each.is_symlink()]:
        target = os.readlink(path).encode()
        path.unlink()
        # fs/smb/client/link.c: "XSym", length, MD5, target, each with a newline, filled up with blanks to 1067 bytes.
        digest = hashlib.md5(target, usedforsecurity=False).hexdigest()
        path.write_bytes((b"XSym\n%04d\n%s\n%s\n" % (len(target), digest.encode(), target)).ljust(1067))


def test_a_root_by_emulation_and_what_it_lacks(site: Site) -> None:
    shutil.copytree(busybox_root().tree, site.folder / "share", symlinks=True)
    links_as_files(site.folder / "share")
    server = site.serve(Ksmbd)
    # Without a version, twenty seconds would go by until vers=1.0 is found to have no answer.
    share = server.cifsroot("vers=3.1.1,mfsymlinks,sfu,nobrl,dynperm")
    words = {"share": share, "profile": "cifs", "loop": "", "up": PROMPT}
    with site.boot(series="6.12", **words) as vm:  # type: ignore[arg-type]
        timeline = vm.run("cat /run/initramfs/timeline")
        # With oplocks ksmbd would wait for the answer to a break at every program's start, 35 s each (measured).
        assert "the server grants no leases" in timeline
        assert "//10.0.2.2/share / cifs " in vm.run("grep ,nolease, /proc/mounts")
        assert "root: the share lacks modes, set-user-ID bits" in timeline
        assert (
            "owners, users' new files, case in names" in timeline
            or "not all that a root needs could be tried" in timeline
        )
        assert vm.run(MAKE).split("\n") == ["ran", "text", "symbolic link", "fifo", "character special file", ""]
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    assert read_file(server.disk, "/root/file") == b"text\n"
    assert read_file(server.disk, "/root/link").startswith(b"XSym\n0004\n")
