"""Root file systems to boot, made once and kept below ~/.cache/mkinitfs/roots. Also a program:

    python -m tests.roots busybox systemd sysvinit

Each has a shell on the serial console without a login (its prompt ends in PROMPT), says UP when it is ready,
and brings /sbin/first-words, an init for `init=` that prints FIRST before it hands over to the real one.
"""

import hashlib
import inspect
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mkinitfs.errors import MkinitfsError
from tests.command import run, told
from tests.debs import unpack
from tests.kernels import ENV, lock

# Under the names that they have in what _debootstrap and its like are known by: see cached().
from tests.kernels import apt_options as _apt_options
from tests.kernels import mirror as _mirror

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mkinitfs" / "roots"
FIRST, UP, PROMPT = "FIRST-INSTRUCTION", "ROOT-IS-UP", "READY# "
SUITE = "bookworm"

FILES = {
    # Both ends of the console: what a test types and what it recognises.
    "sbin/first-words": f"""#!/bin/sh
echo {FIRST}
exec /sbin/init "$@"
""",
    "etc/fstab": "/dev/root / auto defaults 0 0\n",
    "etc/hostname": "guest\n",
    "etc/hosts": "127.0.0.1 localhost guest\n",
}
BUSYBOX = {
    "etc/inittab": """::sysinit:/etc/rc
ttyS0::respawn:-/etc/console
::ctrlaltdel:/sbin/reboot
::restart:/sbin/init
::shutdown:/bin/umount -a -r
""",
    "etc/rc": f"""#!/bin/sh
[ -e /proc/1 ] || mount -t proc proc /proc
[ -d /sys/kernel ] || mount -t sysfs sysfs /sys
[ -c /dev/ttyS0 ] || mount -t devtmpfs devtmpfs /dev
mount -o remount,rw /
hostname guest
echo {UP} >/dev/console
""",
    "etc/console": f"""#!/bin/sh
export PS1='{PROMPT}' HOME=/root TERM=dumb
cd
exec sh -i
""",
    "etc/passwd": "root::0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
}
PROFILE = f"export TERM=dumb PAGER=cat; PS1='{PROMPT}'; echo {UP}\n"
GETTY = "/sbin/agetty --autologin root --noclear --nohostname --noissue --keep-baud 115200 ttyS0 dumb"
SYSTEMD = {
    "root/.profile": PROFILE,
    # Without its dependency on dev-ttyS0.device: udev is slow under emulation; the device is there.
    "etc/systemd/system/console.service": f"""[Unit]
Description=Shell on the serial console
After=systemd-user-sessions.service
Conflicts=rescue.service
[Service]
ExecStart=-{GETTY}
Type=idle
Restart=always
UtmpIdentifier=ttyS0
StandardInput=tty
StandardOutput=tty
TTYPath=/dev/ttyS0
TTYReset=yes
TTYVHangup=yes
SendSIGHUP=yes
[Install]
WantedBy=multi-user.target
""",
}
SYSVINIT = {
    "root/.profile": PROFILE,
    "etc/inittab": f"""id:2:initdefault:
si::sysinit:/etc/init.d/rcS
~~:S:wait:/sbin/sulogin --force
l0:0:wait:/etc/init.d/rc 0
l1:1:wait:/etc/init.d/rc 1
l2:2:wait:/etc/init.d/rc 2
l6:6:wait:/etc/init.d/rc 6
ca:12345:ctrlaltdel:/sbin/shutdown -r now
S0:2:respawn:{GETTY}
""",
}
# Debian 13: the server, the system an image is taken from, and the system that boots, all in one.
TRIXIE_PACKAGES = (
    "samba", "python3-minimal", "libpython3.13-stdlib", "busybox", "cifs-utils", "util-linux", "systemd-sysv", "udev",
    "base-files", "base-passwd", "bash", "dash", "coreutils", "grep", "sed", "hostname", "mount", "libc-bin", "procps",
)  # fmt: skip
TRIXIE_SLIM = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "usr/share/zoneinfo",
    "usr/lib/udev/hwdb.d",
)
TRIXIE = {
    "root/.profile": PROFILE,
    "etc/systemd/system/console.service": """[Unit]
Description=Shell on the serial console
[Service]
ExecStart=-/bin/sh -l
Environment=HOME=/root
WorkingDirectory=/root
Type=idle
Restart=always
StandardInput=tty
StandardOutput=tty
TTYPath=/dev/ttyS0
""",
}
# The generator would start a second getty; the others only cost time.
IDLE = (
    "serial-getty@ttyS0.service", "getty.target", "apt-daily.timer", "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer", "e2scrub_reap.service",
)  # fmt: skip
# Nothing of this is looked at by a guest, and every megabyte is copied over and over.
SLIM = (
    "usr/share/doc/*", "usr/share/man/*", "usr/share/locale/*", "usr/share/info/*", "usr/share/i18n/*",
    "usr/lib/udev/hwdb.d/*", "usr/lib/x86_64-linux-gnu/gconv/*", "usr/share/zoneinfo/*", "usr/share/perl*",
    "usr/lib/x86_64-linux-gnu/perl*", "var/lib/apt/lists/*", "var/cache/apt/*", "var/cache/debconf/*",
    "var/lib/dpkg/info/*", "var/log/*.log", "dev/*",
)  # fmt: skip
# What a Debian may leave its network to; nothing of it is enabled.
MANAGERS = ("network-manager", "ifupdown", "isc-dhcp-client", "systemd-resolved")
# The users of their services, which the packages' scripts would make.
USERS = {"messagebus": 910, "polkitd": 911, "systemd-resolve": 912}


@dataclass(frozen=True)
class Root:
    """A root file system."""

    name: str
    tree: Path  # the folder that it lies in, never to be changed

    def __str__(self) -> str:
        return f"{self.name} {self.tree}"


def busybox_root() -> Root:
    """The machine's own busybox with its libraries as a system; needs no root."""
    return cached("busybox", _make_busybox, (FILES, BUSYBOX))


def systemd_root() -> Root:
    """Debian with systemd. Raises MkinitfsError where the user is not root or the mirror does not answer."""
    return cached("systemd", _make_systemd, (FILES, SYSTEMD, SLIM, IDLE))


def sysvinit_root() -> Root:
    """Debian with sysvinit. Raises MkinitfsError where the user is not root or the mirror does not answer."""
    return cached("sysvinit", _make_sysvinit, (FILES, SYSVINIT, SLIM))


def managers_root() -> Root:
    """systemd_root() with what else configures networks: NetworkManager, ifupdown with dhclient, systemd-resolved."""
    return cached("managers", _make_managers, (FILES, SYSTEMD, SLIM, IDLE, MANAGERS, USERS))


def trixie_root() -> Root:
    """Debian 13 in one tree: systemd and a Samba server, and what an image is built of. Raises MkinitfsError."""
    return cached("trixie", _make_trixie, (FILES, TRIXIE, TRIXIE_PACKAGES, TRIXIE_SLIM, IDLE))


ROOTS = {
    "busybox": busybox_root, "systemd": systemd_root, "sysvinit": sysvinit_root, "managers": managers_root,
    "trixie": trixie_root,
}  # fmt: skip


def cached(name: str, make: Callable[[Path], None], recipe: object) -> Root:
    """The tree made by `make`; other source text of it, another recipe or another owner make another one."""
    sources = "".join(inspect.getsource(part) for part in (make, _debootstrap, _write, add_program))
    key = hashlib.sha256(f"{sources}{recipe!r}{os.geteuid()}".encode()).hexdigest()[:12]
    tree = CACHE / f"{name}-{key}"
    if not tree.is_dir():
        with lock(CACHE / f".{name}.lock"):
            if not tree.is_dir():
                _make(name, make, tree)
    return Root(name, tree)


def _make(name: str, make: Callable[[Path], None], tree: Path) -> None:
    """Make below a temporary folder, then rename: nothing is ever half made. Older recipes' trees go."""
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=f".{name}-", ignore_cleanup_errors=True) as folder:
        made = Path(folder, "tree")
        made.mkdir()
        make(made)
        for old in CACHE.glob(f"{name}-*"):
            shutil.rmtree(old, ignore_errors=True)
        made.rename(tree)


def _write(tree: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755 if text.startswith("#!") else 0o644)


def _make_busybox(tree: Path) -> None:
    for folder in ("bin", "etc", "dev", "lib", "lib64", "mnt", "proc", "root", "run", "sbin", "sys", "tmp"):
        (tree / folder).mkdir()
    (tree / "tmp").chmod(0o1777)
    add_program(tree, "/bin/busybox", "bin/busybox")
    for applet in run(["/bin/busybox", "--list-full"]).splitlines():
        link = tree / applet.removeprefix("usr/")
        link.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(link):
            link.symlink_to("/bin/busybox")
    if not os.path.lexists(tree / "sbin/init"):
        (tree / "sbin/init").symlink_to("/bin/busybox")
    _write(tree, FILES | BUSYBOX)


def add_program(tree: Path, program: str, target: str) -> None:
    """Copy one of this machine's programs to `target` in the tree, and its libraries beside it."""
    shutil.copy2(program, tree / target)
    for word in run(["ldd", program], env=ENV).split():
        if word.startswith("/"):
            library = tree / word.lstrip("/")
            library.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(Path(word).resolve(), library)


def _make_systemd(tree: Path) -> None:
    _debootstrap(tree, "systemd-sysv", "udev")
    _write(tree, FILES | SYSTEMD)
    units = tree / "etc/systemd/system"
    (units / "multi-user.target.wants").mkdir(exist_ok=True)
    (units / "multi-user.target.wants/console.service").symlink_to("/etc/systemd/system/console.service")
    (units / "default.target").symlink_to("/lib/systemd/system/multi-user.target")
    for unit in IDLE:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    (tree / "etc/machine-id").write_text("6d6b696e6974667300000000000000aa\n")


def _make_sysvinit(tree: Path) -> None:
    _debootstrap(tree, "sysvinit-core", "sysv-rc")
    _write(tree, FILES | SYSVINIT)


def _make_managers(tree: Path) -> None:
    """Unpacked only: their scripts would take a minute, and make no more than the users."""
    shutil.copytree(systemd_root().tree, tree, symlinks=True, dirs_exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        # Behind the other settings: what is installed already is not wanted once more.
        options = [*_apt_options(SUITE, work), "-o", f"Dir::State::status={tree}/var/lib/dpkg/status"]
        run(["apt-get", *options, "update"], env=ENV)
        words = ["install", "--yes", "--download-only", "--no-install-recommends", *MANAGERS]
        run(["apt-get", *options, *words], env=ENV)
        for package in sorted(work.glob("cache/archives/*.deb")):
            # dpkg-deb -x would put a folder in the place of the link /lib.
            unpack = 'dpkg-deb --fsys-tarfile "$0" | tar -x --keep-directory-symlink -C "$1"'
            run(["sh", "-c", unpack, package, tree], env=ENV)
    for pattern in SLIM:
        for path in tree.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    for name, number in USERS.items():
        with (tree / "etc/passwd").open("a") as users, (tree / "etc/group").open("a") as groups:
            users.write(f"{name}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n")
            groups.write(f"{name}:x:{number}:\n")


def _make_trixie(tree: Path) -> None:
    """Unpacked, none of its packages' scripts run: that takes a quarter of debootstrap's time."""
    unpack(tree, "trixie", TRIXIE_PACKAGES)
    for path in [path for pattern in TRIXIE_SLIM for path in tree.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name in ("passwd", "group"):
        shutil.copy(tree / f"usr/share/base-passwd/{name}.master", tree / "etc" / name)
    _write(tree, FILES | TRIXIE)
    units = tree / "etc/systemd/system"
    (units / "multi-user.target.wants").mkdir(parents=True)
    (units / "multi-user.target.wants/console.service").symlink_to("/etc/systemd/system/console.service")
    (units / "default.target").symlink_to("/usr/lib/systemd/system/multi-user.target")
    for unit in (*IDLE, "systemd-logind.service"):
        (units / unit).symlink_to("/dev/null")
    (tree / "etc/machine-id").write_text("6d6b696e6974667300000000000000dd\n")


def _debootstrap(tree: Path, *packages: str) -> None:
    """Install a minimal Debian from the mirror that this machine's apt uses, without what nobody looks at."""
    if os.geteuid() != 0:
        raise MkinitfsError("debootstrap: wants root", "run the tests as root")
    run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", SUITE, tree, _mirror()],
        # apt's own proxy and certificate settings hold for the caller only, not inside the new root.
        env={**ENV, "DEBIAN_FRONTEND": "noninteractive"},
    )
    for pattern in SLIM:
        for path in tree.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    shadow = tree / "etc/shadow"
    shadow.write_text(shadow.read_text().replace("root:*:", "root::", 1))


if __name__ == "__main__":
    sys.exit(told(lambda name: ROOTS[name](), sys.argv[1:] or ROOTS))
