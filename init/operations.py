"""The operations of a boot: plain values that say what to do, each able to describe itself.

boot.py yields them, perform.py carries them out and sends the result back. What an operation answers is in
its docstring; every one may instead fail with `StepError`.
"""

from __future__ import annotations

from init.cmdline import ip_request
from init.system.stdlib import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from init.cmdline.devices import Device
    from init.cmdline.nfsroot import Export


class StepError(Exception):
    """An operation failed: `reason` is what happened, `said` what the kernel or the program said of it.

    `errno` is the system's error number, 0 where there is none; `retry` says whether trying again can help.
    """

    def __init__(
        self, reason: str, said: tuple[str, ...] = (), errno: int = 0, retry: bool = False, hint: str = ""
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.said = said
        self.errno = errno
        self.retry = retry
        self.hint = hint


class Now(NamedTuple):
    """Answers the monotonic time in seconds."""

    def describe(self) -> str:
        return "look at the clock"


class Sleep(NamedTuple):
    """Wait."""

    seconds: float

    def describe(self) -> str:
        return f"wait {self.seconds:g} s"


class Log(NamedTuple):
    """Write one line to the kernel's log; `level` as in syslog(2): 3 error, 4 warning, 6 info, 7 debug."""

    level: int
    text: str

    def describe(self) -> str:
        return f"log: {self.text}"


class LoadDrivers(NamedTuple):
    """Load the modules the image names, then those the devices ask for until no new device turns up.

    Answers the number of modules loaded. Devices that appear later are served in the background.
    """

    def describe(self) -> str:
        return "load drivers"


class ConfigureNetwork(NamedTuple):
    """Make `devices` and bring the network up as `ip=` says, within `timeout` seconds; answers a network.Network."""

    requests: tuple[ip_request.Request, ...]
    timeout: float
    devices: tuple[Device, ...] = ()

    def describe(self) -> str:
        return f"configure the network (at most {self.timeout:g} s)"


class MountShare(NamedTuple):
    """Mount the SMB share `unc` on `target` with mount.cifs; `options` hold no secret."""

    unc: str
    target: str
    options: str
    password: str | None
    timeout: float

    def describe(self) -> str:
        return f"mount {self.unc} on {self.target} with {self.options}"


class TryRoot(NamedTuple):
    """Answers what the share mounted on `root` lacks of what a root needs, a rootcheck.Found, within `seconds`."""

    root: str
    read_only: bool
    seconds: float

    def describe(self) -> str:
        return f"{'look at' if self.read_only else 'try'} what {self.root} can hold"


class TakeHostName(NamedTuple):
    """Give the machine the name in the etc/hostname of the root mounted on `root`; answers whether that is another."""

    root: str

    def describe(self) -> str:
        return f"take the host name from {self.root}/etc/hostname"


class Unmount(NamedTuple):
    """Unmount `target` again."""

    target: str

    def describe(self) -> str:
        return f"unmount {self.target}"


class FindContainer(NamedTuple):
    """Answers the size in bytes of the file `path` on the share; fails where there is none, or it is empty."""

    path: str

    def describe(self) -> str:
        return f"look for {self.path}"


class ReadAt(NamedTuple):
    """Answers up to `size` bytes of the file `path` from `offset` on, fewer where it ends before."""

    path: str
    offset: int
    size: int

    def describe(self) -> str:
        return f"read {self.size} bytes of {self.path} at {self.offset}"


class MountExport(NamedTuple):
    """Mount the NFS export on `target`, `mode` "ro" or "rw" for whole; answers what was mounted, as server:folder.

    `container` says whether loop= looks for a container on it.
    """

    export: Export
    target: str
    mode: str
    container: bool
    timeout: float

    def describe(self) -> str:
        return f"mount the NFS export on {self.target}"


class Claim(NamedTuple):
    """Try to take the lease on the container `path`; answers a claim.Answer. Once granted, it is kept (claimant.py).

    `write` asks to be alone with it, as opposed to reading beside others; `over` is the record that a machine left
    behind which has been waited for long enough.
    """

    path: str
    write: bool
    over: str = ""

    def describe(self) -> str:
        return f"take the lease on {self.path} to {'write' if self.write else 'read'}"


class GiveUp(NamedTuple):
    """Give the lease on the container `path` back after a failure further on."""

    path: str

    def describe(self) -> str:
        return f"give the lease on {self.path} back"


class MachineNames(NamedTuple):
    """Answers what this machine is called: a mapping of m, h and i to MAC address, host name and IP address."""

    def describe(self) -> str:
        return "look up this machine's names"


class MakeContainer(NamedTuple):
    """Make a file of `size` bytes with an empty file system in it, unless there is one; answers whether it was made."""

    path: str
    size: int

    def describe(self) -> str:
        return f"make {self.path} where it is missing"


class MakeFolders(NamedTuple):
    """Make folders, where they are missing."""

    paths: tuple[str, ...]

    def describe(self) -> str:
        return f"make {', '.join(self.paths)}"


class AttachLoop(NamedTuple):
    """Attach the file `path` to a free loop device; answers an Attached.

    `sector` is the device's logical block size; `offset` and `size` a part of the file, all of it where 0, in bytes;
    `direct` asks for direct I/O where the share can do it; `partscan` has the kernel look for partitions.
    """

    path: str
    read_only: bool
    sector: int = 512
    offset: int = 0
    size: int = 0
    direct: bool = True
    partscan: bool = False

    def describe(self) -> str:
        where = f" from byte {self.offset} on" if self.offset else ""
        return f"attach {self.path}{where}" + (" read-only" if self.read_only else "")


class Attached(NamedTuple):
    """An attached loop device: its path, and whether the share's page cache is passed by."""

    device: str
    direct: bool


class DetachLoop(NamedTuple):
    """Detach `device` after a failure further on, so that the next try begins afresh."""

    device: str

    def describe(self) -> str:
        return f"detach {self.device}"


class CheckFilesystem(NamedTuple):
    """Run a checker to its end, however long it takes; answers Checked, None where the image has no such program."""

    argv: tuple[str, ...]

    def describe(self) -> str:
        return " ".join(self.argv)


class Checked(NamedTuple):
    """How a checker ended: its exit code, and what it said without its report of progress."""

    code: int
    said: tuple[str, ...]


class Mount(NamedTuple):
    """mount(2): `options` is the comma-separated text of mount(8), flags and data together."""

    source: str
    target: str
    fstype: str
    options: str

    def describe(self) -> str:
        return f"mount {self.source} ({self.fstype}) on {self.target} with {self.options or 'defaults'}"


class Resolve(NamedTuple):
    """Answers where `path` leads below `root`, links followed inside it, or "" where it is no program."""

    root: str
    path: str

    def describe(self) -> str:
        return f"look for {self.path} below {self.root}"


class StageRamdisk(NamedTuple):
    """Copy what the shutdown needs to /run/initramfs; `shutdown` appears last. Answers its size in bytes."""

    def describe(self) -> str:
        return "stage the shutdown ramdisk"


class SwitchRoot(NamedTuple):
    """Make /sysroot the root and become `argv`; never returns unless it fails."""

    argv: tuple[str, ...]

    def describe(self) -> str:
        return f"switch root to {self.argv[0]}"


class Supervise(NamedTuple):
    """Start `argv` as PID 1 of a namespace of its own and stay behind as its supervisor; returns only to fail."""

    argv: tuple[str, ...]

    def describe(self) -> str:
        return f"start {self.argv[0]} under the supervisor"


class Report(NamedTuple):
    """Show a failure on the console, in full."""

    text: str

    def describe(self) -> str:
        return "report"


class Shell(NamedTuple):
    """Run an interactive shell on the console until it is left; answers "", or End's verb where it asked for one."""

    greeting: str

    def describe(self) -> str:
        return "start a shell on the console"


class End(NamedTuple):
    """Hand back whatever the boot has attached and end the machine: `verb` is "reboot", "poweroff" or "halt"."""

    verb: str

    def describe(self) -> str:
        return self.verb


Operation = (
    Now
    | Sleep
    | Log
    | LoadDrivers
    | ConfigureNetwork
    | MountShare
    | TryRoot
    | TakeHostName
    | Unmount
    | MountExport
    | FindContainer
    | ReadAt
    | Claim
    | GiveUp
    | MachineNames
    | MakeContainer
    | MakeFolders
    | AttachLoop
    | DetachLoop
    | CheckFilesystem
    | Mount
    | Resolve
    | StageRamdisk
    | SwitchRoot
    | Supervise
    | Report
    | Shell
    | End
)

if TYPE_CHECKING:
    Steps = Generator[Operation, Any, Any]
