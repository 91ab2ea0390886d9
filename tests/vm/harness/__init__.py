"""The harness of the VM tests: a private Samba, container images, QEMU machines; all of it real."""

from .containers import MiB, Verdict, check, copy_container, make_container, read_file
from .machine import Machine
from .process import Daemon, free_port, until
from .samba import OpenFile, RangeLock, Samba

__all__ = [
    "Daemon",
    "Machine",
    "MiB",
    "OpenFile",
    "RangeLock",
    "Samba",
    "Verdict",
    "check",
    "copy_container",
    "free_port",
    "make_container",
    "read_file",
    "until",
]
