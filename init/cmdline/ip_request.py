"""What `ip=` asks for, and the grammar that IPv4 and IPv6 have in common."""

from __future__ import annotations

from init.system.stdlib import NamedTuple
from init.wire.ip4 import packed, prefix_length

FIELDS = ("client", "server", "gateway", "netmask", "hostname", "device", "autoconf", "dns0", "dns1", "ntp0")
# IPv6's words in the field autoconf (dracut.cmdline(7)).
AUTOCONF6 = AUTO6, DHCP6, EITHER6, LINK6 = ("auto6", "dhcp6", "either6", "link6")
_LARGEST_MTU = 65535


class GrammarError(ValueError):
    """A parameter that cannot be read: the message names parameter, field and what stands there."""


class Request(NamedTuple):
    """What the command line wants of one device; addresses are text, "" where they are not given."""

    client: str = ""  # the address that the device is to have
    server: str = ""  # the one to boot from
    gateway: str = ""
    netmask: str = ""  # dotted; for IPv6 a prefix length
    hostname: str = ""
    domain: str = ""  # NIS's: what stands behind the first dot of the field for the host name
    device: str = ""  # "" for any
    mac: str = ""  # the card that BOOTIF= names: lower case, colons
    autoconf: str = ""  # "" (not given, which means any), "off", "any", "dhcp", "bootp", "rarp", "both" or of AUTOCONF6
    dns: tuple[str, ...] = ()
    ntp: tuple[str, ...] = ()
    client_id: bytes = b""  # DHCP's option 61: a byte for the type, and the value
    mtu: int = 0  # 0 for the device's own
    hwaddr: str = ""  # the hardware address that the device is to be given, "" for its own
    loaded: bool = False  # the address is what a boot loader was given: a server's, whose lease goes on

    @property
    def six(self) -> bool:
        """Whether it is about IPv6."""
        return self.autoconf in AUTOCONF6 or ":" in self.client

    @property
    def disabled(self) -> bool:
        """Whether nothing is to be configured: off or none, and no address to assign."""
        return self.autoconf == "off" and not self.client

    @property
    def prefix(self) -> int:
        """The netmask as a prefix length, 0 where none is given."""
        return int(self.netmask or 0) if self.six else prefix_length(packed(self.netmask) or b"") or 0

    @property
    def automatic(self) -> bool:
        """Whether a server has to be asked even where the device is known."""
        return not self.client or self.loaded or self.autoconf in ("dhcp", "bootp", "rarp", "both")

    def with_addresses(self, addresses: dict[str, str]) -> Request:
        """Take in the addresses among FIELDS, by name."""
        client, server, gateway, *dns, ntp0 = (
            addresses[name] for name in ("client", "server", "gateway", "dns0", "dns1", "ntp0")
        )
        name_servers = tuple(address for address in dns if address)
        ntp = (ntp0,) if ntp0 else ()
        return self._replace(client=client, server=server, gateway=gateway, dns=name_servers, ntp=ntp)

    def with_tail(self, tail: tuple[int, str]) -> Request:
        """Take in what tail() has read. Raises GrammarError."""
        mtu, hwaddr = tail
        if hwaddr and not self.device:
            raise GrammarError(f"ip=: {hwaddr} is to be given to a device, which field 6 has to name")
        return self._replace(mtu=mtu, hwaddr=hwaddr)


def named(fields: list[str]) -> dict[str, str]:
    """FIELDS by name, "" for those that are missing. Raises GrammarError where there are more."""
    if len(fields) > len(FIELDS):
        value = ":".join(fields)
        raise GrammarError(f"ip=: {len(fields)} fields in {value!r}, at most {len(FIELDS)}: {':'.join(FIELDS)}")
    return dict(zip(FIELDS, fields + [""] * (len(FIELDS) - len(fields)), strict=True))


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


def host_name(written: str) -> tuple[str, str]:
    """Split a host name and the NIS domain behind its first dot."""
    from init.wire.domain_names import LABEL  # late: few boots need it

    hostname, _, domain = written.partition(".")
    for text in (hostname, *domain.split(".")):
        if len(text) > 63 or not LABEL.issuperset(text):
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
