"""The kernel command line as one value: what this machine is to boot, and how.

Every parameter is the kernel's own or the field's: cifsroot.rst and nfsroot.rst of the kernel's documents,
initramfs-tools(7) for loop=, dracut.cmdline(7) for rd.*. All mistakes are collected and reported at once.
"""

from __future__ import annotations

from init.cmdline import ip, loopflags, modules, root
from init.cmdline.ip_request import GrammarError, Request
from init.cmdline.words import CommandLine
from init.system.places import LOWER, SYSROOT
from init.system.stdlib import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from init.cmdline.cifsroot import Share
    from init.cmdline.devices import Device
    from init.cmdline.nfsroot import Export
    from init.cmdline.overlay import Overlay

# The steps at which rd.break= stops, in order, and what dracut calls the same places.
STEPS = ("drivers", "network", "share", "container", "overlay", "root", "switch")
DRACUT_STEPS = {
    "": "switch", "cmdline": "drivers", "pre-udev": "drivers", "pre-trigger": "drivers", "initqueue": "network",
    "pre-mount": "share", "mount": "root", "pre-pivot": "switch", "cleanup": "switch",
}  # fmt: skip

HANDOFFS = ("auto", "ramdisk", "supervise", "none")
LEASES = ("on", "wait", "ro", "off")


class ContainerLease(NamedTuple):
    """`rd.lease=on|wait[:SECONDS]|ro|off`: what to do when another machine holds the container."""

    mode: str = "on"
    seconds: float = 0.0  # to wait


class Fsck(NamedTuple):
    """`fsck.mode=auto|force|skip` and `fsck.repair=preen|yes|no`, as systemd-fsck@.service(8) reads them."""

    mode: str = "auto"
    repair: str = "preen"


class Loop(NamedTuple):
    """`loop= loopfstype= loopflags=`: the container that the root is in."""

    path: str  # below the share or export
    fstype: str  # "": found out
    flags: loopflags.Flags


class Ending(NamedTuple):
    """`panic= rd.shell=`: how a boot that fails is to end."""

    panic: int = 0  # seconds until the reboot: negative for at once, 0 for none, as in the kernel
    shell: bool = True  # whether one is wanted where panic= says nothing; else the machine is halted


class Settings(NamedTuple):
    """All that the command line decides; times in seconds."""

    source: Share | Export
    loop: Loop | None
    network: tuple[Request, ...]
    read_only: bool  # of the root at first: ro, rw
    init: str | None  # the path that init= gives
    init_arguments: tuple[str, ...]
    rootdelay: float  # before the share is looked for
    rootwait: bool  # for ever, instead of `retry`
    ending: Ending
    breaks: frozenset[str]  # the STEPS before which a shell is to start
    retry: float  # for which a step is tried again
    timeout: float  # for the network and for one mount of the share; 0 for what the steps take by themselves
    handoff: str  # one of HANDOFFS
    debug: bool
    devices: tuple[Device, ...] = ()
    container_lease: ContainerLease = ContainerLease()
    overlay: Overlay | None = None
    fsck: Fsck = Fsck()
    keep_identity: bool = False  # whether a shared root's own host name and machine-id stay: rd.hostname=keep
    module_words: modules.ModuleWords = modules.ModuleWords()
    notes: tuple[str, ...] = ()  # what was left out of the command line, one line each

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

    @property
    def longest_mount(self) -> float:
        """Seconds that one mount of the share or export may take."""
        return self.timeout or max(30.0, self.retry)

    @property
    def longest_call(self) -> float:
        """Seconds that one call to a server may take before the boot counts as failed."""
        return float("inf") if self.rootwait else self.longest_mount


class SettingsError(Exception):
    """What is wrong with the command line, one line each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = tuple(mistakes)


def from_command_line(line: CommandLine, image_credentials: str = "", init_arguments: tuple[str, ...] = ()) -> Settings:
    """Read the whole command line; `image_credentials` is the text of the file that `--credentials` packed.

    `init_arguments` are what the kernel handed to /init, and the real init is given: every word it does not know
    itself, as "single" or "3" (init/main.c, unknown_bootoption), and what stands after "--".

    Raises SettingsError with every mistake found.
    """
    mistakes: list[str] = []
    notes: list[str] = []
    settings = Settings(  # in the order in which mistakes are told
        source=root.source(line, image_credentials, mistakes),
        network=_network(line, mistakes, notes),
        devices=_devices(line, mistakes),
        breaks=_breaks(line, mistakes),
        handoff=_handoff(line, mistakes),
        loop=_loop(line, mistakes),
        rootdelay=_number(line, "rootdelay", 0.0, mistakes),
        ending=ending(line, mistakes),
        retry=_number(line, "rd.retry", 180.0, mistakes),
        timeout=_number(line, "rd.timeout", 0.0, mistakes),
        container_lease=_lease(line, mistakes),
        overlay=_overlay(line, mistakes),
        fsck=_fsck(line, mistakes),
        read_only=_read_only(line),
        init=line.last("init") or None,
        init_arguments=init_arguments,
        rootwait=line.flag("rootwait"),
        keep_identity=_keep_identity(line, mistakes),
        debug=line.flag("debug") or line.flag("rd.debug"),
        module_words=modules.parse(line),
    )
    if mistakes:
        raise SettingsError(mistakes)
    return settings._replace(notes=tuple(notes))


def ending(line: CommandLine, mistakes: list[str]) -> Ending:
    """How a boot that fails is to end; this much can be read where the line holds mistakes, which are appended."""
    return Ending(int(_number(line, "panic", 0.0, mistakes)), line.last("rd.shell") not in ("0", "no", "off"))


def _network(line: CommandLine, mistakes: list[str], notes: list[str]) -> tuple[Request, ...]:
    try:
        return ip.parse(line.all("ip") + line.all("nfsaddrs"), line.last("BOOTIF"), notes)
    except GrammarError as error:
        mistakes.append(str(error))
        return ()


def _devices(line: CommandLine, mistakes: list[str]) -> tuple[Device, ...]:
    if not any(name in ("bond", "ifname", "vlan") for name, _ in line.words):
        return ()
    from init.cmdline.devices import parse  # late: few boots need it

    try:
        return parse(line.words)
    except GrammarError as error:
        mistakes.append(str(error))
        return ()


def _handoff(line: CommandLine, mistakes: list[str]) -> str:
    handoff = line.last("rd.handoff") or "auto"
    if handoff not in HANDOFFS:
        mistakes.append(f"rd.handoff={handoff}: one of {', '.join(HANDOFFS)} is meant")
    return handoff


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
    if "%" in path:
        from init.cmdline import placeholders  # late: few boots need it

        if mistake := placeholders.mistake(path):
            mistakes.append(f"loop={path}: {mistake}")
    fstype = line.last("loopfstype") or ""
    flags = loopflags.parse(line.last("loopflags") or "", mistakes)
    return Loop("/".join(parts), "" if fstype == "auto" else fstype, flags)


def _fsck(line: CommandLine, mistakes: list[str]) -> Fsck:
    """systemd's words, and the older ones that every distribution's scripts know; of them all the last one counts."""
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


def _lease(line: CommandLine, mistakes: list[str]) -> ContainerLease:
    text = line.last("rd.lease") or "on"
    mode, colon, seconds = text.partition(":")
    if mode == "wait" and not colon:
        return ContainerLease("wait", float("inf"))
    if mode in LEASES and (not colon or (mode == "wait" and seconds.isdecimal())):
        return ContainerLease(mode, float(seconds or 0))
    mistakes.append(f"rd.lease={text}: one of on, wait, wait:SECONDS, ro, off is meant")
    return ContainerLease()


def _keep_identity(line: CommandLine, mistakes: list[str]) -> bool:
    word = line.last("rd.hostname") or ""
    if word not in ("", "keep"):
        mistakes.append(f"rd.hostname={word}: keep is meant; a name is ip='s to give, or the DHCP server's")
    return word == "keep"


def _overlay(line: CommandLine, mistakes: list[str]) -> Overlay | None:
    value = line.last("overlay")
    if not value:
        return None
    from init.cmdline.overlay import parse  # late: few boots need it

    try:
        return parse(value)
    except ValueError as error:
        mistakes.append(str(error))
        return None


def _read_only(line: CommandLine) -> bool:
    """Whether the root is mounted read-only at first: the kernel's default, and its last word counts."""
    words = [name for name, value in line.words if name in ("ro", "rw") and value is None]
    return not words or words[-1] == "ro"


def _breaks(line: CommandLine, mistakes: list[str]) -> frozenset[str]:
    words = [word for name, value in line.words if name == "rd.break" for word in (value or "").split(",")]
    steps = {word: DRACUT_STEPS.get(word, word) for word in words}
    mistakes += [f"rd.break={word}: one of {', '.join(STEPS)} is meant" for word in words if steps[word] not in STEPS]
    return frozenset(steps.values())


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
