"""The operations of a boot: plain values that say what to do, each able to describe itself.

boot/ yields them, perform/performer.py carries them out and sends the answer back. What an operation answers is in
its docstring; each may instead fail with `StepError`.
"""

from __future__ import annotations

from init.cmdline.ip_request import Request
from init.cmdline.modules import ModuleWords
from init.system.stdlib import TYPE_CHECKING, Any, Generator, NamedTuple

if TYPE_CHECKING:
    from init.cmdline.devices import Device
    from init.cmdline.nfsroot import Export


class StepError(Exception):
    """An operation failed."""

    def __init__(
        self, reason: str, said: tuple[str, ...] = (), errno: int = 0, retry: bool = False, hint: str = ""
    ) -> None:
        super().__init__(reason)
        self.reason = reason  # what happened
        self.said = said  # what the kernel or the program said of it, line by line
        self.errno = errno  # the system's error number, 0 where there is none
        self.retry = retry  # whether trying again can help
        self.hint = hint  # what the user can do about it


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
    """Write one line to the kernel's log."""

    level: int  # one of system/log.py's
    text: str

    def describe(self) -> str:
        return f"log: {self.text}"


class LoadDrivers(NamedTuple):
    """Load the modules the image names, then those the devices ask for until no new device turns up.

    Answers the number of modules loaded. Devices that appear later are served in the background.
    """

    words: ModuleWords = ModuleWords()

    def describe(self) -> str:
        return "load drivers"


class ConfigureNetwork(NamedTuple):
    """Bring the network up as the command line says; answers a network.state.Network."""

    requests: tuple[Request, ...]
    timeout: float  # seconds
    devices: tuple[Device, ...] = ()  # to be made or named first
    besides: bool = False  # beside what was configured before

    def describe(self) -> str:
        return f"configure the network (at most {self.timeout:g} s)"


class MountShare(NamedTuple):
    """Mount an SMB share with mount.cifs."""

    unc: str  # //server/share[/folder]
    target: str
    options: str  # without any secret
    password: str | None
    timeout: float  # seconds

    def describe(self) -> str:
        return f"mount {self.unc} on {self.target} with {self.options}"


class TryRoot(NamedTuple):
    """Answers what the share mounted on `root` lacks of what a root needs, a boot.share_needs.Look."""

    root: str
    read_only: bool  # look only, and write nothing
    seconds: float  # at most

    def describe(self) -> str:
        return f"{'look at' if self.read_only else 'try'} what {self.root} can hold"


class TakeHostName(NamedTuple):
    """Give the machine the name in the etc/hostname of the root mounted on `root`; answers whether that is another."""

    root: str

    def describe(self) -> str:
        return f"take the host name from {self.root}/etc/hostname"


class WriteIdentity(NamedTuple):
    """Write what this machine is called into the etc/ of the root mounted on `root`, "" for what is to stay."""

    root: str
    host_name: str
    machine_id: str  # 32 hexadecimal digits

    def describe(self) -> str:
        return f"write this machine's name into {self.root}/etc"


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
    """Mount an NFS export; answers what was mounted, as server:folder."""

    export: Export
    target: str
    mode: str  # "ro" or "rw"
    container: bool  # whether containers are kept on it
    timeout: float  # seconds

    def describe(self) -> str:
        return f"mount the NFS export on {self.target}"


class TakeContainerLease(NamedTuple):
    """Try once to take the lease on the container `path`; answers a container_lease.messages.Answer.

    Once granted it is kept (container_lease/holder.py).
    """

    path: str
    write: bool  # alone, as opposed to reading beside others
    over: str = ""  # the record left behind by a machine that has been waited for long enough
    task: str = ""  # what for, as in container_lease.record.Record
    asked: bool = False  # the machine that holds it and looks like this one has been asked whether it is there

    def describe(self) -> str:
        return f"take the lease on {self.path} to {'write' if self.write else 'read'}"


class GiveContainerLeaseBack(NamedTuple):
    """Give the lease on the container `path` back after a failure further on."""

    path: str

    def describe(self) -> str:
        return f"give the lease on {self.path} back"


class MachineNames(NamedTuple):
    """Answers what this machine is called: a dict of m, h and i to MAC address, host name and IP address."""

    def describe(self) -> str:
        return "look up this machine's names"


class MakeContainer(NamedTuple):
    """Make a file of `size` bytes with an empty file system in it, unless there is one; answers whether it was made."""

    path: str
    size: int  # bytes

    def describe(self) -> str:
        return f"make {self.path} where it is missing"


class MakeFolders(NamedTuple):
    """Make folders, where they are missing."""

    paths: tuple[str, ...]

    def describe(self) -> str:
        return f"make {', '.join(self.paths)}"


class AttachLoop(NamedTuple):
    """Attach the file `path` to a free loop device; answers an Attached."""

    path: str
    read_only: bool
    sector: int = 512  # the device's logical block size, in bytes
    offset: int = 0  # where the part of the file begins that is attached, in bytes
    size: int = 0  # of that part, in bytes; 0 for all that follows
    direct: bool = True  # direct I/O where the share can do it
    partscan: bool = False  # have the kernel look for partitions

    def describe(self) -> str:
        where = f" from byte {self.offset} on" if self.offset else ""
        return f"attach {self.path}{where}" + (" read-only" if self.read_only else "")


class Attached(NamedTuple):
    """An attached loop device."""

    device: str  # its path
    direct: bool  # whether the share's page cache is passed by


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
    """How a checker ended."""

    code: int  # its exit code, negative for a signal
    said: tuple[str, ...]  # without its report of progress


class Mount(NamedTuple):
    """Mount a file system."""

    source: str
    target: str
    fstype: str
    options: str  # as in mount(8), separated by commas: mount(2)'s flags and data together

    def describe(self) -> str:
        return f"mount {self.source} ({self.fstype}) on {self.target} with {self.options or 'defaults'}"


class Resolve(NamedTuple):
    """Answers where `path` leads below `root`, links followed inside it; "" where it is no program."""

    root: str
    path: str

    def describe(self) -> str:
        return f"look for {self.path} below {self.root}"


class StageRamdisk(NamedTuple):
    """Copy what the shutdown needs to /run/initramfs, the program `shutdown` last; answers its size in bytes."""

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
    """Hand back all that the boot has attached, and end the machine."""

    verb: str  # "reboot", "poweroff" or "halt"

    def describe(self) -> str:
        return self.verb


Operation = (
    Now | Sleep | Log | LoadDrivers | ConfigureNetwork | MountShare | TryRoot | TakeHostName | WriteIdentity | Unmount
    | MountExport | FindContainer | ReadAt | TakeContainerLease | GiveContainerLeaseBack | MachineNames
    | MakeContainer | MakeFolders | AttachLoop | DetachLoop | CheckFilesystem | Mount | Resolve | StageRamdisk
    | SwitchRoot | Supervise | Report | Shell | End
)  # fmt: skip

Steps = Generator[Operation, Any, Any]
