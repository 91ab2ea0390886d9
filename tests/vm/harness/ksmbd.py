"""ksmbd, the kernel's own SMB server, in a machine of its own: the face of Samba's harness, another server behind it.

The machine is an initramfs of Debian's busybox, ksmbd-tools and modules, built by the product's own builder. Its
share is a virtio disk, an ext4 that is made from the folder on this machine when the server starts, and read back into
it after the server's clean end: whoever looks at a container looks at the file in that folder, as with Samba.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.command import run
from tests.debs import unpack
from tests.kernels import kernel
from tests.roots import PROMPT, cached

from .containers import MiB, make_container
from .machine import Machine
from .process import free_port
from .samba import HOST_SEEN_BY_GUEST, OpenFile, RangeLock

SUITE, PACKAGES = "trixie", ("busybox", "ksmbd-tools")
SERIES = "6.12-ksmbd"  # of tests.kernels
ADDRESS = "10.0.2.15"  # what QEMU forwards its port to
SIZE = 2048 * MiB  # of the server's disk, which is as sparse as what lies on it

APPLETS = [
    "cat", "dmesg", "echo", "find", "grep", "ip", "ls", "mkdir", "mknod", "modprobe", "mount", "netstat", "poweroff",
    "sh", "sleep", "stat", "sync", "syslogd", "touch", "umount",
]  # fmt: skip
# The server's needs beside its own dependencies; what UTF-16 is, glibc looks up in files.
FILES = [f"/usr/lib/x86_64-linux-gnu/gconv/{name}" for name in ("UTF-16.so", "gconv-modules", "gconv-modules.d")]
PROFILE = f"""description = "a machine that serves files by ksmbd"
programs = ["busybox", "ksmbd.mountd", "ksmbd.adduser", "ksmbd.control"]
applets = {APPLETS}
modules = ["ksmbd", "ext4", "virtio_pci", "virtio_blk", "virtio_net", "dummy", "?nls_utf8", "?af_packet"]
hardware = ["virtio_net"]
files = {FILES}
symlinks = {{ "/sbin/modprobe" = "/bin/busybox" }}
"""
# /proc/locks: POSIX ADVISORY WRITE pid major:minor:inode first last; ksmbd's last byte is one too far.
LOCK = re.compile(r"\d+: POSIX +\w+ +(?:READ|WRITE) +\d+ \w+:\w+:(\d+) (\d+) (\d+|EOF)")


def ksmbd_root() -> Path:
    """Debian 13's ksmbd-tools and busybox, unpacked. Raises MkinitfsError where the mirror does not answer."""
    return cached("ksmbd", _make, (SUITE, PACKAGES)).tree


def _make(tree: Path) -> None:
    unpack(tree, SUITE, PACKAGES)
    (tree / "usr/bin/sh").symlink_to("busybox")


class Ksmbd:
    """A server at a free port of 127.0.0.1 with one user, started on entering the context.

    Its one share is called "share" and has what lies in folder/share. `options` are more lines of the [global] section,
    `share_options` of the share's. `netdev` and `addresses` give the machine another network than QEMU's user network:
    -netdev's words, and its addresses, of which the first is its card's and each other one a device's of its own, of
    1,000 Mbit/s as far as ksmbd knows. The card tells its `speed` in Mbit/s, or nobody knows it: QEMU's own default.
    `disk` is the file system that the share is, while it serves and after stop().
    """

    running = False

    def __init__(
        self,
        folder: Path,
        *,
        user: str = "boot",
        password: str = "s3cret",
        options: Mapping[str, str] | None = None,
        share_options: Mapping[str, str] | None = None,
        netdev: str = "",
        addresses: Sequence[str] = (ADDRESS,),
        speed: int | None = None,
    ) -> None:
        self.user, self.password = user, password
        self.port = 445 if netdev else free_port()
        self._folder, self._netdev, self._addresses = folder, netdev, addresses
        self._device = "virtio-net-pci,netdev=net,romfile=" + (f",speed={speed},duplex=full" if speed else "")
        self.shares = {"share": folder / "share"}
        self._share = self.shares["share"]
        self._share.mkdir(parents=True, exist_ok=True)
        # Names, places, leave to write, and what is asked for: the rest is ksmbd's default.
        sections = {
            "global": {"netbios name": "HARNESS"} | dict(options or {}),
            "share": {"path": "/srv", "read only": "no"} | dict(share_options or {}),
        }
        self.config, self.disk = folder / "ksmbd.conf", folder / "ksmbd" / "disk"
        self.config.write_text(
            "".join(
                f"[{name}]\n" + "".join(f"    {key} = {value}\n" for key, value in lines.items())
                for name, lines in sections.items()
            )
        )

    def _script(self) -> str:
        """The server's /init."""
        first, *others = self._addresses
        devices = "".join(
            f"ip link add d{number} type dummy; ip link set d{number} up; ip addr add {address}/32 dev d{number}\n"
            for number, address in enumerate(others)
        )
        files = "-C /etc/ksmbd/ksmbd.conf -P /etc/ksmbd/ksmbdpwd.db"
        return f"""#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in virtio_pci virtio_blk virtio_net ext4 nls_utf8 dummy ksmbd; do modprobe $module; done
mkdir -p /srv /run
for each in /proc/sys/net/ipv6/conf/*/addr_gen_mode; do echo 1 >$each; done  # no link-local addresses to be offered
mount -t ext4 /dev/vda /srv
ip link set lo up; ip link set eth0 up; ip addr add {first}/24 dev eth0; ip route add default via 10.0.2.2
{devices}echo '{self.user}:x:0:0::/:/bin/sh' >/etc/passwd; echo 'root:x:0:' >/etc/group
syslogd -O /run/log
ksmbd.adduser -a -p '{self.password}' {files} '{self.user}'
ksmbd.mountd {files}
until netstat -tln | grep -q ':445 '; do sleep 0.2; done
export PS1='{PROMPT}'
exec sh -i </dev/ttyS0 >/dev/ttyS0 2>&1
"""

    def start(self) -> None:
        """Make the disk, start the machine and return when it answers."""
        assert not self.running, "ksmbd runs already"
        place = self._folder / "ksmbd"
        place.mkdir(exist_ok=True)
        (place / "init").write_text(self._script())
        (place / "init").chmod(0o755)
        (place / "server.toml").write_text(PROFILE)
        make_container(self.disk, self._share, "ext4", SIZE)
        found = kernel(SERIES)
        build = [Path(sys.executable).with_name("mkinitfs"), "build", "--profile", place / "server.toml"]
        build += ["--sysroot", ksmbd_root(), "--kernel-dir", found.root, "--level", "3"]
        build += ["--add", f"{place}/init:/init", "--add", f"{self.config}:/etc/ksmbd/ksmbd.conf"]
        run([*build, "--output", place / "image"])
        words = f"hostfwd=tcp:127.0.0.1:{self.port}-{ADDRESS}:445"
        card = ["-netdev", f"{self._netdev},id=net", "-device", self._device]
        network: dict[str, object] = {"nic": None, "options": card} if self._netdev else {"netdev": words}
        self._vm = Machine(found.vmlinuz, place / "image", place, memory=256, drives=[self.disk], **network)  # type: ignore[arg-type]
        self._vm.start()
        self.running = True
        try:
            self._vm.wait_for(PROMPT, 400)
        except BaseException:
            self.close()
            raise

    def stop(self) -> None:
        """Shut the server down and bring what it holds back into the folder; every connection is cut."""
        try:
            self._vm.run("ksmbd.control --shutdown; sync; umount /srv")
            self._vm.type("poweroff -f")
            self._vm.wait_powered_off()
        finally:
            self.close()
        for name in self._listing():
            target = self._share / name
            target.unlink(missing_ok=True)  # debugfs exits with 0 in any case: what was before is not to be found here
            run(["debugfs", "-R", f'dump "/{name}" "{target}"', self.disk])
            run(["fallocate", "--dig-holes", target])

    def _listing(self) -> list[str]:
        """The regular files at the top of the disk."""
        # ls -p: /inode/mode/uid/gid/name/size/
        rows = [row.split("/") for row in run(["debugfs", "-R", "ls -p /", self.disk]).splitlines()]
        return [row[5] for row in rows if len(row) > 5 and row[2].startswith("10")]

    def close(self) -> None:
        """End the machine, whatever it does; the folder stays as it was."""
        if self.running:
            self.running = False
            self._vm.close()

    def pause(self) -> None:
        """Let the server hang: connections stay, nobody answers."""
        self._vm.pause()

    def resume(self) -> None:
        """Let the server go on after pause()."""
        self._vm.resume()

    def cifsroot(self, *options: str, share: str = "share", folder: str = "") -> str:
        """The value of cifsroot= for a guest, as Samba.cifsroot() makes it."""
        host = self._addresses[0] if self._netdev else HOST_SEEN_BY_GUEST
        path = f"//{host}/{share}" + (f"/{folder}" if folder else "")
        words = [path, f"port={self.port}", f"username={self.user}", f"password={self.password}", *options]
        return ",".join(words)

    def run(self, command: str, status: int | None = 0) -> str:
        """Type `command` to the server's shell; see Machine.run."""
        return self._vm.run(command, status=status)

    def locks(self) -> list[RangeLock]:
        """The byte-range locks that clients hold at this moment."""
        found = []
        for line in self.run("cat /proc/locks").splitlines():
            if match := LOCK.match(line):
                last = 2**63 if match[3] == "EOF" else int(match[3])
                found.append(RangeLock(self._path(match[1]), int(match[2]), last - int(match[2])))
        return found

    def _path(self, inode: str) -> str:
        """The path on this machine of a file of the server."""
        path = self.run(f"find /srv -xdev -inum {inode}").strip().removeprefix("/srv")
        return f"{self._share}{path}"

    def open_files(self) -> list[OpenFile]:
        """The files with locks, since ksmbd shows no others; and the share, where somebody holds a file for writing.

        A file system that a file is open on for writing cannot be made read-only: that much is to be seen.
        """
        if locked := dict.fromkeys(lock.path for lock in self.locks()):
            return [OpenFile(path, "", "") for path in locked]
        busy = self.run("mount -o remount,ro /srv && mount -o remount,rw /srv", status=None)
        return [OpenFile(str(self._share), "W", "")] if "busy" in busy else []

    def connections(self) -> list[str]:
        """The share's name, once for each connection to the server."""
        lines = self.run("netstat -tn").splitlines()
        return ["share" for line in lines if re.search(r":445 .*ESTABLISHED", line)]

    def __enter__(self) -> Ksmbd:
        self.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not self.running:
            return
        if error is not None:
            error.add_note(f"--- the server's transcript: {self._vm.transcript}")
            self.close()
        else:
            self.stop()
