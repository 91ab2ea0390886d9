"""A share that is itself the root, served as the kernel's cifsroot document has it, and machines that boot from it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.command import run
from tests.kernels import kernel
from tests.roots import PROMPT

from .harness import Machine, Samba, relay
from .site import BOOT, SHELL

# Documentation/admin-guide/cifs/cifsroot.rst (kernel): the example, to the letter.
DOCUMENT = "root=/dev/cifs rw ip=dhcp cifsroot=//10.0.2.2/linux,username=foo,password=bar console=ttyS0 3"
GLOBAL = """server min protocol = NT1
unix extension = yes
"""
SECTION = """[linux]
        path = {path}
        read only = no
        guest ok = yes
        force user = root
        force group = root
        browseable = yes
        writeable = yes
        admin users = root
        public = yes
        create mask = 0777
        directory mask = 0777
"""
# What a private server adds to it: no protocol, no share.
PRIVATE = (
    "server role", "netbios name", "smb ports", "interfaces", "bind interfaces only", "disable netbios",
    "disable spoolss", "load printers", "printcap name", "passdb backend", "username map", "log file", "max log size",
    "logging", "log level", "lock directory", "state directory", "cache directory", "private dir", "pid directory",
    "ncalrpc dir",
)  # fmt: skip


# What a remount of / has to say again, as docs/mkinitfs.7 has it.
KEPT = "unix,nomapposix,nouser_xattr"


def serve(folder: Path, tree: Path, settings: str = GLOBAL, kind: type[Samba] = Samba, section: str = "") -> Samba:
    """A server with the document's share and the global `settings`, a copy of `tree` in it; `section` is added."""
    run(["cp", "--archive", "--reflink=auto", tree, folder / "linux"])
    server = kind(folder, user="foo", password="bar", shares={"linux": folder / "linux"})
    own = [line for line in server.config.read_text().splitlines() if line.partition("=")[0].strip() in PRIVATE]
    share = SECTION.format(path=folder / "linux")
    server.config.write_text("\n".join(["[global]", *own, settings, share + section]))
    return server


@contextmanager
def boot(
    folder: Path, server: Samba, image: Path, words: str = DOCUMENT, *, series: str = "6.1", up: str = PROMPT,
    **options: object,
) -> Iterator[Machine]:  # fmt: skip
    """A machine to which the server is at port 445 of 10.0.2.2, until `up` is on its console."""
    forward = f"host=10.0.2.4,guestfwd=tcp:10.0.2.2:445-cmd:{sys.executable} {relay.__file__} {server.port}"
    options = {"append": words, "netdev": forward, "samba": server, **options}
    with server, Machine(kernel(series).vmlinuz, image, folder, **options) as vm:  # type: ignore[arg-type]
        came = vm.wait_for(rf"(?P<up>{up})|{SHELL}|Kernel panic.*|reboot: .*", BOOT)
        assert came["up"], f"{came[0]!r} came instead of {up!r}\n{vm.console.text[-3000:]}"
        yield vm


def assert_released(server: Samba) -> None:
    """The server holds nothing for anyone, while the machine's connections could still be there."""
    assert (server.open_files(), server.locks(), server.connections()) == ([], [], [])


# What a root needs, done by the root itself.
MAKE = (
    "mkdir /root/t; cd /root/t; ln -s there symlink; echo x >file; ln file link; mknod device c 1 3; mknod fifo p;"
    "chown 5:6 file; chmod 4755 file; echo '#!/bin/sh' >Script; chmod 755 Script; ./Script"
)
# What an ordinary user does in a folder of its own, by each root's way of becoming one.
WORK = "echo one >file && echo two >>file && mkdir folder && echo three >folder/file && cat file folder/file"
BECOME = {
    "busybox": "echo user::5:5::/:/bin/sh >>/etc/passwd; start-stop-daemon -S -c 5:5 -x /bin/sh --",
    "debian": "setpriv --reuid 5 --regid 5 --clear-groups sh",
}


def as_user(root: str) -> str:
    """The command that does a user's WORK in /srv/user."""
    return f'mkdir -p /srv/user; chown 5:5 /srv/user; cd /srv/user; {BECOME[root]} -c "{WORK}"'
