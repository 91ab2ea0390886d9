"""This machine's names: what paths may call it by, and what a root that many machines share is to know of it."""

from __future__ import annotations

import errno
import os

from init.network.state import Network
from init.operations import WriteIdentity
from init.system.cmodules import socket
from init.system.files import read_text
from init.system.places import PRODUCT_UUID
from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    from init.operations import TakeHostName

# Slackware's, OpenRC's as upstream has it, that of Red Hat's before systemd: the file, and the key in it.
_ELSEWHERE = (("HOSTNAME", ""), ("conf.d/hostname", "hostname"), ("sysconfig/network", "HOSTNAME"))
_MARK = "# this machine, written by mkinitfs\n"  # ends the line of ours in hosts(5)


def names(network: Network) -> dict[str, str]:
    """The values of cmdline.placeholders.NAMES; "" for what is not known."""
    first = next(iter(network.interfaces), None)
    mac, address = (first.mac, first.address) if first else ("", "")
    return {"m": mac, "h": network.hostname, "i": address, "u": read_text(PRODUCT_UUID).strip().lower()}


def take_host_name(operation: TakeHostName) -> bool:
    """Read hostname(5) of the root, and take it; answers whether the name is another one."""
    lines = [line.strip() for line in read_text(f"{operation.root}/etc/hostname").splitlines()]
    name = next((line for line in lines if line and line[0] != "#"), "")
    if name in ("", os.uname().nodename):
        return False
    socket.sethostname(name)
    return True


def write(operation: WriteIdentity) -> None:
    """Write hostname(5), hosts(5) and machine-id(5). Raises OSError.

    systemd and Debian's sysvinit and OpenRC read the first, others what of _ELSEWHERE is there; the second is there
    because sudo and many others look their own name up.
    """
    folder = f"{operation.root}/etc"
    if os.path.islink(folder):
        raise OSError(errno.ELOOP, "a link, which might lead out of this root", folder)
    if name := operation.host_name:
        _replace(f"{folder}/hostname", f"{name}\n")
        for file, key in _ELSEWHERE:
            if text := read_text(f"{folder}/{file}"):
                _replace(f"{folder}/{file}", named(text, key, name))
        _replace(f"{folder}/hosts", hosts(read_text(f"{folder}/hosts"), name))
    if operation.machine_id:
        _replace(f"{folder}/machine-id", f"{operation.machine_id}\n", 0o444)
        # D-Bus's own is a link to it, or a copy that was made before there was one.
        copy = f"{operation.root}/var/lib/dbus/machine-id"
        if os.path.isfile(copy) and not os.path.islink(copy):
            _replace(copy, f"{operation.machine_id}\n")


def named(text: str, key: str, name: str) -> str:
    """A file of `key`=VALUE lines with `name` for the value, or, without a key, the name alone."""
    if not key:
        return f"{name}\n"
    lines = text.splitlines(keepends=True)
    return "".join(f'{key}="{name}"\n' if line.startswith(f"{key}=") else line for line in lines)


def hosts(text: str, name: str) -> str:
    """hosts(5) with `name` in it, by the address that Debian has for a machine's own name where there is none."""
    lines = [line for line in text.splitlines(keepends=True) if not line.endswith(_MARK)]
    if any(name in line.partition("#")[0].split()[1:] for line in lines):
        return "".join(lines)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return "".join([*lines, f"127.0.1.1\t{name}\t{_MARK}"])


def _replace(path: str, text: str, mode: int = 0o644) -> None:
    """Write `path` anew, a link in its place included: it leads where this process must not write."""
    if read_text(path) == text and not os.path.islink(path):
        return
    new = f"{path}.mkinitfs"
    opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with open(opened, "w", errors="surrogateescape") as file:  # what is there need not be UTF-8
        os.fchmod(file.fileno(), mode)
        file.write(text)
    os.replace(new, path)
