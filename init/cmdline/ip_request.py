"""What `ip=` asks for, and the grammar that IPv4 and IPv6 have in common."""

from __future__ import annotations

from init.system.stdlib import NamedTuple

AUTO, DHCP, EITHER, LINK = "auto6", "dhcp6", "either6", "link6"
WORDS = (AUTO, DHCP, EITHER, LINK)


FIELDS = ("client", "server", "gateway", "netmask", "hostname", "device", "autoconf", "dns0", "dns1", "ntp0")
_SIX = frozenset(("dhcp6", "auto6", "either6", "link6"))
_LARGEST_MTU = 65535
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class GrammarError(ValueError):
    """A parameter that cannot be read: the message names parameter, field and what stands there."""


class Request(NamedTuple):
    """What the command line wants of one device.

    `autoconf` is "" (not given, which means any), "off", "any", "dhcp", "bootp", "rarp", "both", "auto6", "dhcp6",
    "either6" or "link6"; for IPv6 (`six`) addresses are its text, and `netmask` is a prefix length; `mac`
    comes from BOOTIF= (lower case, colons); `domain` is the NIS domain, the part of the host name field
    behind its first dot; `client_id` is DHCP option 61: a type byte and the value; `mtu` is 0 and `hwaddr`, the
    hardware address that the device is to have, "" where the device's own is right.
    """

    client: str = ""
    server: str = ""
    gateway: str = ""
    netmask: str = ""
    hostname: str = ""
    domain: str = ""
    device: str = ""
    mac: str = ""
    autoconf: str = ""
    dns: tuple[str, ...] = ()
    ntp: tuple[str, ...] = ()
    client_id: bytes = b""
    mtu: int = 0
    hwaddr: str = ""

    @property
    def six(self) -> bool:
        """Whether it is about IPv6."""
        return self.autoconf in _SIX or ":" in self.client

    @property
    def disabled(self) -> bool:
        """Whether nothing is to be configured: off or none, and no address to assign."""
        return self.autoconf == "off" and not self.client

    @property
    def automatic(self) -> bool:
        """Whether a server has to be asked even where the device is known."""
        return not self.client or self.autoconf in ("dhcp", "bootp", "rarp", "both")


def tail(rest: list[str], least: int) -> tuple[int, str] | None:
    """Read dracut's `[<mtu>][:<MAC>]`, 0 and "" where they are missing; None where something else stands there."""
    if rest in ([], [""]):
        return 0, ""
    mtu, *mac = rest
    number = mtu.isascii() and mtu.isdigit()
    if len(mac) not in (0, 6) or not (number or (mtu == "" and mac)):
        return None
    if mtu and not least <= int(mtu) <= _LARGEST_MTU:
        raise GrammarError(f"ip=: the MTU {mtu!r} is not a number from {least} to {_LARGEST_MTU}")
    hwaddr = mac_address(":".join(mac), "ip=: the hardware address") if mac else ""
    if hwaddr and (int(hwaddr[:2], 16) & 1 or hwaddr == "00:00:00:00:00:00"):
        raise GrammarError(f"ip=: the hardware address {hwaddr!r} is not one that a machine can have")
    return int(mtu or 0), hwaddr


def with_tail(request: Request, tail: tuple[int, str]) -> Request:
    """Add what tail() read. Raises GrammarError."""
    mtu, hwaddr = tail
    if hwaddr and not request.device:
        raise GrammarError(f"ip=: {hwaddr} is to be given to a device, which field 6 has to name")
    return request._replace(mtu=mtu, hwaddr=hwaddr)


def host_name(written: str) -> tuple[str, str]:
    """Split a host name and the NIS domain behind its first dot."""
    hostname, _, domain = written.partition(".")
    for text in (hostname, *domain.split(".")):
        if len(text) > 63 or not _HOST_CHARACTERS.issuperset(text):
            raise GrammarError(f"ip=: {where('hostname')}: {written!r} is not a host name")
    return hostname, domain


def where(name: str) -> str:
    """Name a field by number and name: `field 4 (netmask)`."""
    return f"field {FIELDS.index(name) + 1} ({name})"


def check_device(text: str, where: str) -> str:
    """Check a device's name against the kernel's own rule (dev_valid_name)."""
    if (
        not 0 < len(text.encode("utf-8", "surrogateescape")) < 16
        or text in (".", "..")
        or "/" in text
        or any(character.isspace() for character in text)
    ):
        raise GrammarError(f"{where}: {text!r} is not the name of a network device")
    return text


def mac_address(text: str, where: str) -> str:
    """Read an address as BOOTIF= has it: hardware type 01, which may be missing, six bytes, dashes or colons."""
    parts = text.lower().replace(":", "-").split("-")
    if len(parts) == 7 and parts[0] in ("01", "1"):
        parts = parts[1:]
    if len(parts) != 6 or not all(len(part) == 2 and set(part) <= set("0123456789abcdef") for part in parts):
        raise GrammarError(f"{where} {text!r} is not 01- and an Ethernet address, as in 01-52-54-00-12-34-56")
    return ":".join(parts)
