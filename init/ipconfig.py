"""The grammar of `ip=`, `nfsaddrs=` and `BOOTIF=`: text in, requests out.

Source: the kernel's nfsroot document
(`ip=<client>:<server>:<gw>:<netmask>:<hostname>:<device>:<autoconf>:<dns0>:<dns1>:<ntp0>`, or the autoconf
word alone), net/ipv4/ipconfig.c for what the document leaves open, and pxelinux for `BOOTIF=` (`01-` and
the address of the card that the machine booted from) and for `ip=` with four fields.
`ip=<device>:<autoconf>` and `[<mtu>][:<MAC>]` instead of dns0, dns1 and ntp0 are dracut's, taken because people
know them: a number is an MTU, an address a name server. What concerns IPv6 is in ip6.py.

Addresses are dotted text everywhere outside of a packet; `""` means not given, as `0.0.0.0` does to the
kernel.
"""

from __future__ import annotations

from .cheap import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

FIELDS = ("client", "server", "gateway", "netmask", "hostname", "device", "autoconf", "dns0", "dns1", "ntp0")
OFF = ("off", "none")
ANY = ("on", "any")
AUTOCONF = (*OFF, *ANY, "dhcp", "bootp", "rarp", "both")
_SIX = frozenset(("dhcp6", "auto6", "either6", "link6"))
_REFUSED = {
    "ibft": "no firmware's table (iBFT) is read; write the address out, or dhcp",
    "link-local": "IPv4 has none to give here; link6 is IPv6's",
    "single-dhcp": "dhcp is what it does: the first answer wins",
}
_LEAST_MTU, _LARGEST_MTU = 68, 65535
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


def packed(address: str) -> bytes | None:
    """Return four bytes for dotted decimal text, None where it is no IPv4 address."""
    parts = address.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        return None
    numbers = [int(part) for part in parts]
    return bytes(numbers) if max(numbers) < 256 else None


def dotted(address: bytes) -> str:
    """Return dotted text for four bytes."""
    return ".".join(str(number) for number in address)


def prefix_length(netmask: bytes) -> int | None:
    """Return the number of leading one bits, None where the mask has a hole."""
    number = int.from_bytes(netmask, "big")
    length = number.bit_count()
    return length if number == (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF else None


def netmask_of(prefix: int) -> str:
    """Return the dotted netmask of a prefix length from 0 to 32."""
    return dotted(((0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF).to_bytes(4, "big"))


def classful_prefix(address: bytes) -> int:
    """Return the prefix length of class A, B or C (RFC 791), the default where no netmask is given."""
    if address[0] < 128:
        return 8
    return 16 if address[0] < 192 else 24


def is_host(address: bytes) -> bool:
    """Whether a machine can have it: not this network, loopback, multicast, reserved or broadcast."""
    return address[0] not in (0, 127) and address[0] < 224


def parse(values: Iterable[str], bootif: str | None = None) -> tuple[Request, ...]:
    """Read every value of ip= and nfsaddrs= (in order) and BOOTIF=; at least one request comes back.

    No value at all means one request with everything left to autoconfiguration. Values for the same device
    (or several that name none, as when pxelinux adds its own) are one request in which the later field
    wins, as in the kernel; IPv4 and IPv6 on one device are two requests. BOOTIF= names the card of the
    requests that name no device. Raises GrammarError.
    """
    requests: dict[tuple[str, bool], Request] = {}
    for value in values:
        request = _value(value)
        key = request.device, request.six
        requests[key] = _merged(requests[key], request) if key in requests else request
    found = tuple(requests.values()) or (Request(),)
    if bootif is not None:
        mac = mac_address(bootif, "BOOTIF=:")
        found = tuple(request if request.device else request._replace(mac=mac) for request in found)
    return found


def _merged(earlier: Request, later: Request) -> Request:
    """Fields of `later` where it has them."""
    return Request(*(new or old for old, new in zip(earlier, later, strict=True)))  # type: ignore[arg-type]


def _value(value: str) -> Request:
    """Read one value of ip=."""
    if value == "":
        return Request(autoconf="off")
    # The word alone comes first, as in the kernel: a client identifier may then hold colons.
    if value.startswith("dhcp,") or value in AUTOCONF:
        return _autoconf(value, "ip=")
    if "[" in value or not _SIX.isdisjoint(value.split(":")):
        from . import ip6  # only machines with IPv6 on their command line pay for it

        return ip6.read(value)
    fields = value.split(":")
    second = fields[1] if len(fields) > 1 else ""
    for word in (value, second, *fields[6:7]):
        if word in _REFUSED:
            raise GrammarError(f"ip=: {word!r} is not supported: {_REFUSED[word]}")
    short = fields[0] and packed(fields[0]) is None and (second in AUTOCONF or second.startswith("dhcp,"))
    rest = tail(fields[2:] if short else fields[7:], _LEAST_MTU)
    if short and rest is not None:
        device = check_device(fields[0], "ip=: field 1")
        return with_tail(_autoconf(second, "ip=: field 2 (autoconf)")._replace(device=device), rest)
    if rest and any(rest):
        return with_tail(_fields(fields[:7]), rest)
    if len(fields) == 1 and packed(value) is None:
        raise GrammarError(f"ip=: {value!r} is neither an IPv4 address nor one of {', '.join(AUTOCONF)}")
    if len(fields) > len(FIELDS):
        raise GrammarError(
            f"ip=: {len(fields)} fields in {value!r}, at most {len(FIELDS)}: {':'.join(FIELDS)}"
        )
    return _fields(fields)


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


def _fields(fields: list[str]) -> Request:
    """Read up to ten fields in their documented order; missing ones are empty."""
    texts = dict(zip(FIELDS, fields + [""] * (len(FIELDS) - len(fields)), strict=True))
    client, server, gateway, netmask, dns0, dns1, ntp0 = (
        _address(name, texts[name])
        for name in ("client", "server", "gateway", "netmask", "dns0", "dns1", "ntp0")
    )
    for name, address in (("client", client), ("gateway", gateway)):
        if address and not is_host(packed(address) or b"\0"):
            raise GrammarError(f"ip=: {where(name)}: {address!r} is not the address of a machine")
    if netmask and prefix_length(packed(netmask) or b"") is None:
        raise GrammarError(f"ip=: {where('netmask')}: {netmask!r} has a hole, so it is not a netmask")
    hostname, domain = host_name(texts["hostname"])
    request = _autoconf(texts["autoconf"], f"ip=: {where('autoconf')}") if texts["autoconf"] else Request()
    return request._replace(
        client=client,
        server=server,
        gateway=gateway,
        netmask=netmask,
        hostname=hostname,
        domain=domain,
        device=check_device(texts["device"], f"ip=: {where('device')}") if texts["device"] else "",
        dns=tuple(address for address in (dns0, dns1) if address),
        ntp=(ntp0,) if ntp0 else (),
    )


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


def _address(name: str, text: str) -> str:
    """Return canonical dotted text, or "" where the field is empty or 0.0.0.0."""
    if not text:
        return ""
    address = packed(text)
    if address is None:
        raise GrammarError(f"ip=: {where(name)}: {text!r} is not an IPv4 address")
    return dotted(address) if any(address) else ""


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


def _autoconf(text: str, where: str) -> Request:
    """Read an autoconf word, with a client identifier behind `dhcp,`."""
    word, comma, rest = text.partition(",")
    if word not in AUTOCONF or (comma and word != "dhcp"):
        raise GrammarError(f"{where}: {text!r} is none of {', '.join(AUTOCONF)} or dhcp,<id type>,<id value>")
    if word in OFF or word in ANY:
        return Request(autoconf="off" if word in OFF else "any")
    return Request(autoconf=word, client_id=_client_id(rest, where) if comma else b"")


def _client_id(text: str, where: str) -> bytes:
    """Read `<type>,<value>`: the type is one byte written as in C, the value its text."""
    kind, comma, value = text.partition(",")
    try:
        number = int(kind, 8) if kind.startswith("0") and kind.isdigit() else int(kind, 0)
    except ValueError:
        number = -1
    raw = value.encode("utf-8", "surrogateescape")
    if not 0 <= number <= 255 or not comma or not 0 < len(raw) <= 251:
        raise GrammarError(f"{where}: 'dhcp,{text}' is not dhcp,<id type 0 to 255>,<id value>")
    return bytes((number,)) + raw


def mac_address(text: str, where: str) -> str:
    """Read an address as BOOTIF= has it: hardware type 01, which may be missing, six bytes, dashes or colons."""
    parts = text.lower().replace(":", "-").split("-")
    if len(parts) == 7 and parts[0] in ("01", "1"):
        parts = parts[1:]
    if len(parts) != 6 or not all(len(part) == 2 and set(part) <= set("0123456789abcdef") for part in parts):
        raise GrammarError(
            f"{where} {text!r} is not 01- and an Ethernet address, as in 01-52-54-00-12-34-56"
        )
    return ":".join(parts)
