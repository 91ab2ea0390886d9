"""The kernel command line as one value: what this machine is to boot, and how.

Every parameter is the kernel's own or the field's: cifsroot.rst and nfsroot.rst of the kernel's documents,
initramfs-tools(7) for loop=, dracut.cmdline(7) for rd.*. All mistakes are collected and reported at once.
"""

from __future__ import annotations

from . import ipconfig
from .cheap import TYPE_CHECKING, NamedTuple
from .cmdline import CommandLine

if TYPE_CHECKING:
    from .devices import Device

# The steps at which rd.break= stops, in order, and what dracut calls the same places.
STEPS = ("drivers", "network", "share", "container", "root", "switch")
DRACUT_STEPS = {
    "": "switch", "cmdline": "drivers", "pre-udev": "drivers", "pre-trigger": "drivers", "initqueue": "network",
    "pre-mount": "share", "mount": "root", "pre-pivot": "switch", "cleanup": "switch",
}  # fmt: skip

HANDOFFS = ("auto", "ramdisk", "supervise", "none")

# A root file system must wait for its server rather than lose data ("hard"), and SMB1 is off in every
# server of today, so 3.1.1 is asked for; cifsroot.c's own default (1.0) is `vers=1.0` away.
SHARE_DEFAULTS = (("vers", "vers=3.1.1"), ("hard", "hard"))


class Secret(str):
    """Text that no report shows by accident."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'******'"


class Share(NamedTuple):
    """`cifsroot=//server/share[/dir][,options]`, secrets taken out of the options."""

    unc: str
    options: str
    username: str | None
    password: Secret | None
    domain: str | None


class Loop(NamedTuple):
    """`loop=PATH loopfstype= loopflags=`: the container below the share; `fstype` is "" for automatic."""

    path: str
    fstype: str
    flags: str


class Settings(NamedTuple):
    """All that the command line decides. Times are seconds; `panic` is 0 for a shell, as in the kernel."""

    share: Share
    loop: Loop | None
    network: tuple[ipconfig.Request, ...]
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


class SettingsError(Exception):
    """What is wrong with the command line, one line each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = tuple(mistakes)


def from_command_line(
    line: CommandLine, image_credentials: str = "", init_arguments: tuple[str, ...] = ()
) -> Settings:
    """Read the whole command line; `image_credentials` is the text of the file that `--credentials` packed.

    `init_arguments` are what the kernel handed to /init: every word it does not know itself, as "single" or
    "3" (init/main.c, unknown_bootoption), and what stands after "--". The real init is given the same.

    Raises SettingsError with every mistake found.
    """
    mistakes: list[str] = []
    share = _share(line, image_credentials, mistakes)
    network: tuple[ipconfig.Request, ...] = ()
    try:
        network = ipconfig.parse(line.all("ip") + line.all("nfsaddrs"), line.last("BOOTIF"))
    except ipconfig.GrammarError as error:
        mistakes.append(str(error))
    devices: tuple[Device, ...] = ()
    if any(name in ("bond", "ifname", "vlan") for name, _ in line.words):
        from .devices import parse  # few machines need it

        try:
            devices = parse(line.words)
        except ipconfig.GrammarError as error:
            mistakes.append(str(error))
    breaks = frozenset(_break(word, mistakes) for word in _words(line, "rd.break"))
    handoff = line.last("rd.handoff") or "auto"
    if handoff not in HANDOFFS:
        mistakes.append(f"rd.handoff={handoff}: one of {', '.join(HANDOFFS)} is meant")
    settings = Settings(
        share=share,
        loop=_loop(line, mistakes),
        network=network,
        read_only=_read_only(line),
        init=line.last("init") or None,
        init_arguments=init_arguments,
        rootdelay=_number(line, "rootdelay", 0.0, mistakes),
        rootwait=line.flag("rootwait"),
        panic=int(_number(line, "panic", 0.0, mistakes)),
        breaks=breaks,
        shell=line.last("rd.shell") not in ("0", "no", "off"),
        retry=_number(line, "rd.retry", 180.0, mistakes),
        timeout=_number(line, "rd.timeout", 0.0, mistakes),
        handoff=handoff,
        debug=line.flag("debug") or line.flag("rd.debug"),
        devices=devices,
    )
    if mistakes:
        raise SettingsError(mistakes)
    return settings


def _share(line: CommandLine, image_credentials: str, mistakes: list[str]) -> Share:
    root, value = line.last("root"), line.last("cifsroot")
    nowhere = Share("", "", None, None, None)
    if root == "/dev/nfs":
        mistakes.append("root=/dev/nfs: this image mounts SMB shares only; root=/dev/cifs is meant")
        return nowhere
    if root not in (None, "/dev/cifs"):
        shown = root.partition(",")[0]  # a password may follow, where cifsroot='s value was put here
        mistakes.append(
            f"root={shown}: the root lies on a share: root=/dev/cifs cifsroot=//server/share is meant"
        )
    if not value:
        mistakes.append(
            "cifsroot=: missing; cifsroot=//server/share[/folder][,options] says where the root lies"
        )
        return nowhere
    return parse_cifsroot(value, line.last("rootflags") or "", image_credentials, mistakes)


def parse_cifsroot(value: str, rootflags: str, image_credentials: str, mistakes: list[str]) -> Share:
    """Take `//server/share[/dir][,options]` apart (fs/smb/client/cifsroot.c); mistakes are appended.

    What the user gives wins over the defaults; a user name given there makes the image's credentials unused.
    """
    unc, _, text = value.partition(",")
    unc = unc.replace("\\", "/").rstrip("/")
    server, _, path = unc[2:].partition("/")
    if not unc.startswith("//") or not server or not path.strip("/"):
        mistakes.append(f"cifsroot={unc}: //server/share[/folder][,options] is meant")
    username, password, domain = None, None, None
    options: list[str] = []
    for word in [word for part in (text, rootflags) for word in part.split(",") if word]:
        key, _, given = word.partition("=")
        if key in ("user", "username"):
            # DOMAIN\user and DOMAIN/user, as mount.cifs(8) allows
            head, slash, tail = given.replace("\\", "/").partition("/")
            username, domain = (tail, head) if slash else (given, domain)
        elif key in ("pass2", "password2"):
            mistakes.append(f"cifsroot=: {key}= cannot be kept secret; one password is taken, password=")
        elif key.startswith("pass"):  # mount.cifs, too, looks no further
            password = given
        elif key in ("dom", "domain", "workgroup"):
            domain = given
        else:
            options.append(word)
    if server[:1] == "[" or server.count(":") > 1:
        unc = _six(server, path, options, mistakes)
    names = {word.partition("=")[0] for word in options}
    if username is None and not names & {"guest", "cred", "credentials"} and "sec=none" not in options:
        packed = parse_credentials(image_credentials)
        username = packed.get("username")
        password = packed.get("password") if password is None else password
        domain = domain or packed.get("domain")
    options = [
        text for key, text in SHARE_DEFAULTS if key not in names and not (key == "hard" and "soft" in names)
    ] + options
    if username is None and not names & {"guest", "cred", "credentials", "sec"}:
        options.append("guest")  # mount.cifs would ask for a password on a terminal that is not there
    return Share(unc, ",".join(options), username, None if password is None else Secret(password), domain)


def _six(server: str, path: str, options: list[str], mistakes: list[str]) -> str:
    """A share's name with an IPv6 address in it: as Windows' name for such a server, the address as an option.

    A UNC name cannot hold colons ([MS-DTYP] 2.2.57), so both ends know 2001-db8--1.ipv6-literal.net instead.
    """
    from . import ip6

    address = ip6.packed(server.removeprefix("[").removesuffix("]"))
    if address is None or (server[:1] == "[") != (server[-1:] == "]"):
        mistakes.append(f"cifsroot=//{server}/{path}: {server!r} is not an IPv6 address, as in //[2001:db8::1]/share")
        return f"//{server}/{path}"
    text = ip6.text(address)
    if not any(word.startswith(("ip=", "addr=")) for word in options):
        options.append(f"ip={text}")
    return f"//{text.replace(':', '-')}.ipv6-literal.net/{path}"


def parse_credentials(text: str) -> dict[str, str]:
    """Read a mount.cifs(8) credentials file into the keys username, password and domain."""
    names = {"user": "username", "pass": "password", "dom": "domain", "workgroup": "domain"}
    found = {}
    for line in text.split("\n"):
        key, equals, value = line.lstrip().partition("=")
        if equals:
            found[names.get(key.strip(), key.strip())] = value.removesuffix("\r")
    return found


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
    return Loop("/".join(parts), "" if fstype == "auto" else fstype, line.last("loopflags") or "")


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
