"""The kernel command line as one value: what this machine is to boot, and how.

Every parameter is the kernel's own or the field's: cifsroot.rst and nfsroot.rst of the kernel's documents,
initramfs-tools(7) for loop=, dracut.cmdline(7) for rd.*. All mistakes are collected and reported at once.
"""

from __future__ import annotations

from init.cmdline import cifsroot, ip, ip_request, loopflags
from init.cmdline.cifsroot import Share
from init.cmdline.loopflags import Flags
from init.cmdline.words import CommandLine
from init.system.places import LOWER, SYSROOT
from init.system.stdlib import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from init.cmdline.devices import Device
    from init.cmdline.nfsroot import Export
    from init.cmdline.overlay import Overlay

# The steps at which rd.break= stops, in order, and what dracut calls the same places.
STEPS = ("drivers", "network", "share", "container", "overlay", "root", "switch")
DRACUT_STEPS = {
    "": "switch", "cmdline": "drivers", "pre-udev": "drivers", "pre-trigger": "drivers", "initqueue": "network",
    "pre-mount": "share", "mount": "root", "pre-pivot": "switch", "cleanup": "switch",
}  # fmt: skip

# The kernel's word for an export, and dracut's for one that DHCP names.
NFS_ROOTS = ("/dev/nfs", "dhcp")

HANDOFFS = ("auto", "ramdisk", "supervise", "none")
LEASES = ("on", "wait", "ro", "off")


class Lease(NamedTuple):
    """`rd.lease=on|wait[:SECONDS]|ro|off`: what to do when another machine holds the container."""

    mode: str = "on"
    seconds: float = 0.0


class Fsck(NamedTuple):
    """`fsck.mode=auto|force|skip` and `fsck.repair=preen|yes|no`, as systemd-fsck@.service(8) reads them."""

    mode: str = "auto"
    repair: str = "preen"


class Loop(NamedTuple):
    """`loop=PATH loopfstype= loopflags=`: the container below the share; `fstype` is "" for automatic."""

    path: str
    fstype: str
    flags: Flags


class Settings(NamedTuple):
    """All that the command line decides. Times are seconds; `panic` is 0 for a shell, as in the kernel."""

    source: Share | Export
    loop: Loop | None
    network: tuple[ip_request.Request, ...]
    read_only: bool
    init: str | None
    init_arguments: tuple[str, ...]
    rootdelay: float
    rootwait: bool
    panic: int
    breaks: frozenset[str]
    shell: bool
    retry: float
    timeout: float
    handoff: str
    debug: bool
    devices: tuple[Device, ...] = ()
    lease: Lease = Lease()
    overlay: Overlay | None = None
    fsck: Fsck = Fsck()

    @property
    def root_point(self) -> str:
        """Where the root's own file system is mounted: below the overlay where there is one."""
        return LOWER if self.overlay else SYSROOT

    @property
    def holds_containers(self) -> bool:
        """Whether a container on the share or export is attached."""
        return self.loop is not None or (self.overlay is not None and self.overlay.path != "")

    @property
    def source_read_only(self) -> bool:
        """Whether share or export are mounted read-only; where they hold containers, these decide for themselves."""
        return not self.holds_containers and (self.read_only or self.overlay is not None)


class SettingsError(Exception):
    """What is wrong with the command line, one line each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = tuple(mistakes)


def from_command_line(line: CommandLine, image_credentials: str = "", init_arguments: tuple[str, ...] = ()) -> Settings:
    """Read the whole command line; `image_credentials` is the text of the file that `--credentials` packed.

    `init_arguments` are what the kernel handed to /init: every word it does not know itself, as "single" or
    "3" (init/main.c, unknown_bootoption), and what stands after "--". The real init is given the same.

    Raises SettingsError with every mistake found.
    """
    mistakes: list[str] = []
    source = _source(line, image_credentials, mistakes)
    network: tuple[ip_request.Request, ...] = ()
    try:
        network = ip.parse(line.all("ip") + line.all("nfsaddrs"), line.last("BOOTIF"))
    except ip_request.GrammarError as error:
        mistakes.append(str(error))
    devices: tuple[Device, ...] = ()
    if any(name in ("bond", "ifname", "vlan") for name, _ in line.words):
        from init.cmdline.devices import parse  # few machines need it

        try:
            devices = parse(line.words)
        except ip_request.GrammarError as error:
            mistakes.append(str(error))
    breaks = frozenset(_break(word, mistakes) for word in _words(line, "rd.break"))
    handoff = line.last("rd.handoff") or "auto"
    if handoff not in HANDOFFS:
        mistakes.append(f"rd.handoff={handoff}: one of {', '.join(HANDOFFS)} is meant")
    settings = Settings(
        source=source,
        loop=_loop(line, mistakes),
        network=network,
        read_only=_read_only(line),
        init=line.last("init") or None,
        init_arguments=init_arguments,
        rootdelay=_number(line, "rootdelay", 0.0, mistakes),
        rootwait=line.flag("rootwait"),
        panic=(end := ending(line, mistakes))[0],  # here: mistakes are told in this order
        breaks=breaks,
        shell=end[1],
        retry=_number(line, "rd.retry", 180.0, mistakes),
        timeout=_number(line, "rd.timeout", 0.0, mistakes),
        handoff=handoff,
        debug=line.flag("debug") or line.flag("rd.debug"),
        devices=devices,
        lease=_lease(line.last("rd.lease") or "on", mistakes),
        overlay=_overlay(line.last("overlay"), mistakes),
        fsck=_fsck(line, mistakes),
    )
    if mistakes:
        raise SettingsError(mistakes)
    return settings


def ending(line: CommandLine, mistakes: list[str]) -> tuple[int, bool]:
    """How a boot that fails is to end: the seconds of panic=, and whether a shell is wanted (Settings)."""
    return int(_number(line, "panic", 0.0, mistakes)), line.last("rd.shell") not in ("0", "no", "off")


def _source(line: CommandLine, image_credentials: str, mistakes: list[str]) -> Share | Export:
    root, value = line.last("root"), line.last("cifsroot")
    nowhere = Share("", "", None, None, None)
    if root in NFS_ROOTS or (root is None and not value and _says_nfs(line)):
        from init.cmdline import nfsroot  # who has a share does without

        rest = (line.last("rootflags") or "", line.last("rootfstype") or "", line.flag("nfsrootdebug"))
        return nfsroot.parse(line.last("nfsroot"), *rest, mistakes)
    if root not in (None, "/dev/cifs"):
        shown = root.partition(",")[0]  # a password may follow, where cifsroot='s value was put here
        mistakes.append(
            f"root={shown}: the root lies on a share: root=/dev/cifs cifsroot=//server/share is meant, "
            "or root=/dev/nfs nfsroot=server:/folder"
        )
    if not value:
        mistakes.append("cifsroot=: missing; cifsroot=//server/share[/folder][,options] says where the root lies")
        return nowhere
    return cifsroot.parse(value, line.last("rootflags") or "", image_credentials, mistakes)


def _says_nfs(line: CommandLine) -> bool:
    """Whether a line without root= means NFS: nfsroot= implies it (nfsroot.c, nfs_root_setup)."""
    return line.last("nfsroot") is not None or line.last("rootfstype") in ("nfs", "nfs4")


def _loop(line: CommandLine, mistakes: list[str]) -> Loop | None:
    path = line.last("loop")
    if not path:
        for other in ("loopfstype", "loopflags"):
            if line.last(other):
                mistakes.append(f"{other}=: means nothing without loop=PATH")
        return None
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or not parts:
        mistakes.append(f"loop={path}: a path inside the share is meant")
    fstype = line.last("loopfstype") or ""
    flags = loopflags.parse(line.last("loopflags") or "", mistakes)
    return Loop("/".join(parts), "" if fstype == "auto" else fstype, flags)


def _fsck(line: CommandLine, mistakes: list[str]) -> Fsck:
    """systemd's words, and the older ones that every distribution's scripts know (its last word counts)."""
    mode, repair = "auto", "preen"
    for name, value in line.words:
        if name in ("fastboot", "forcefsck") and value is None:
            mode = "skip" if name == "fastboot" else "force"
        elif name == "fsck.mode":
            mode = value or ""
        elif name == "fsck.repair":
            repair = value or ""
    if mode not in ("auto", "force", "skip"):
        mistakes.append(f"fsck.mode={mode}: auto, force or skip is meant")
    if repair not in ("preen", "yes", "no"):
        mistakes.append(f"fsck.repair={repair}: preen, yes or no is meant")
    return Fsck(mode, repair)


def _lease(text: str, mistakes: list[str]) -> Lease:
    mode, colon, seconds = text.partition(":")
    if mode == "wait" and not colon:
        return Lease("wait", float("inf"))
    if mode in LEASES and (not colon or (mode == "wait" and seconds.isdecimal())):
        return Lease(mode, float(seconds or 0))
    mistakes.append(f"rd.lease={text}: one of on, wait, wait:SECONDS, ro, off is meant")
    return Lease()


def _overlay(value: str | None, mistakes: list[str]) -> Overlay | None:
    if not value:
        return None
    from init.cmdline.overlay import parse  # few machines need it

    try:
        return parse(value)
    except ValueError as error:
        mistakes.append(str(error))
        return None


def _read_only(line: CommandLine) -> bool:
    """Whether the root is mounted read-only at first: the kernel's default, and its last word counts."""
    words = [name for name, value in line.words if name in ("ro", "rw") and value is None]
    return not words or words[-1] == "ro"


def _words(line: CommandLine, name: str) -> list[str]:
    return [word for known, value in line.words if known == name for word in (value or "").split(",")]


def _break(word: str, mistakes: list[str]) -> str:
    step = DRACUT_STEPS.get(word, word)
    if step not in STEPS:
        mistakes.append(f"rd.break={word}: one of {', '.join(STEPS)} is meant")
    return step


def _number(line: CommandLine, name: str, default: float, mistakes: list[str]) -> float:
    value = line.last(name)
    if not value:
        return default
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if number != number or abs(number) == float("inf"):
        mistakes.append(f"{name}={value}: a number of seconds is meant")
        return default
    return number
