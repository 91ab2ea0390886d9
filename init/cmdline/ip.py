"""The grammar of `ip=`, `nfsaddrs=` and `BOOTIF=`: text in, requests out.

Source: the kernel's nfsroot document
(`ip=<client>:<server>:<gw>:<netmask>:<hostname>:<device>:<autoconf>:<dns0>:<dns1>:<ntp0>`, or the autoconf
word alone), net/ipv4/ipconfig.c for what the document leaves open, and pxelinux for `BOOTIF=` (`01-` and
the address of the card that the machine booted from) and for `ip=` with four fields.
`ip=<device>:<autoconf>` and `[<mtu>][:<MAC>]` instead of dns0, dns1 and ntp0 are dracut's, taken because people
know them: a number is an MTU, an address a name server. What concerns IPv6 is in ip6.py.

An address that is not given is "", and so is `0.0.0.0`, as to the kernel. A netmask may be a prefix length (dracut).
"""

from __future__ import annotations

from init.cmdline.ip_request import AUTOCONF6, GrammarError, Request, check_device, host_name, named, tail, where
from init.cmdline.loader_hints import boot_card, without_variables
from init.system.stdlib import Iterable
from init.wire.ip4 import dotted, is_host, netmask_of, packed, prefix_length

_OFF = ("off", "none")
_ANY = ("on", "any")
AUTOCONF = (*_OFF, *_ANY, "dhcp", "bootp", "rarp", "both")
_REFUSED = {
    "ibft": "no firmware's table (iBFT) is read; write the address out, or dhcp",
    "link-local": "IPv4 has none to give here; link6 is IPv6's",
    "single-dhcp": "dhcp is what it does: the first answer wins",
}
_LOADERS_FIELDS = 4  # client, boot server, gateway, netmask (pxelinux's genip)
_LEAST_MTU = 68  # what every device of IPv4 carries in one piece (RFC 791, 3.2)
_ADDRESSES = ("client", "server", "gateway", "netmask", "dns0", "dns1", "ntp0")


def parse(values: Iterable[str], bootif: str | None = None, notes: list[str] | None = None) -> tuple[Request, ...]:
    """Read every value of ip= and nfsaddrs= (in order) and BOOTIF=; at least one request comes back.

    No value at all means one request with everything left to autoconfiguration. Values for the same device
    (or several that name none, as when pxelinux adds its own) are one request in which the later field
    wins, as in the kernel; IPv4 and IPv6 on one device are two requests. BOOTIF= names the card of the
    requests that name no device. Four fields and no autoconf word beside it are what a loader was given by DHCP
    (pxelinux's IPAPPEND 3), and asked for again. What a loader left unfilled is left out, and told in `notes`.
    Raises GrammarError.
    """
    requests: dict[tuple[str, bool], Request] = {}
    left_out = [] if notes is None else notes
    for written in values:
        value = without_variables(written)
        if value != written:
            left_out.append(f"ip={written}: the boot loader knew nothing to fill in, so the field is empty")
            if not value.strip(":"):
                continue
        request = _value(value)
        key = request.device, request.six
        requests[key] = _merged(requests[key], request) if key in requests else request
    asked = tuple(requests.values()) or (Request(),)
    mac = boot_card(bootif) if bootif is not None else ""
    if not mac:
        left_out += [f"BOOTIF={bootif}: names no card, so it is left out"] if bootif is not None else []
        return tuple(request._replace(loaded=False) for request in asked)
    return tuple(
        request if request.device else request._replace(mac=mac, loaded=request.loaded and not request.autoconf)
        for request in asked
    )


def _merged(earlier: Request, later: Request) -> Request:
    """Fields of `later` where it has them."""
    return Request(*(new or old for old, new in zip(earlier, later, strict=True)))  # type: ignore[arg-type]


def _value(value: str) -> Request:
    if value == "":
        return Request(autoconf="off")
    # The word alone comes first, as in the kernel: a client identifier may then hold colons.
    if value.startswith("dhcp,") or value in AUTOCONF:
        return _autoconf(value, "ip=")
    if "[" in value or any(field in AUTOCONF6 for field in value.split(":")):
        from init.cmdline import ip6  # late: few boots need it

        return ip6.read(value)
    fields = value.split(":")
    second = fields[1] if len(fields) > 1 else ""
    for word in (value, second, *fields[6:7]):
        if word in _REFUSED:
            raise GrammarError(f"ip=: {word!r} is not supported: {_REFUSED[word]}")
    # A loader that knows no device leaves the short form's first field empty.
    short = packed(fields[0]) is None and (second in AUTOCONF or second.startswith("dhcp,"))
    rest = tail(fields[2:] if short else fields[7:], _LEAST_MTU)
    if short and rest is not None:
        device = check_device(fields[0], "ip=: field 1") if fields[0] else ""
        return _autoconf(second, "ip=: field 2 (autoconf)")._replace(device=device).with_tail(rest)
    if rest and any(rest):
        return _fields(named(fields[:7])).with_tail(rest)
    if len(fields) == 1 and packed(value) is None:
        raise GrammarError(f"ip=: {value!r} is neither an IPv4 address nor one of {', '.join(AUTOCONF)}")
    return _fields(named(fields))._replace(loaded=len(fields) == _LOADERS_FIELDS and fields[0] != "")


def _fields(texts: dict[str, str]) -> Request:
    if texts["netmask"].isdecimal() and 0 < int(texts["netmask"][:3]) <= 32:
        texts["netmask"] = netmask_of(int(texts["netmask"][:3]))
    addresses = {name: _address(name, texts[name]) for name in _ADDRESSES}
    for name in ("client", "gateway"):
        address = addresses[name]
        if address and not is_host(packed(address) or b"\0"):
            raise GrammarError(f"ip=: {where(name)}: {address!r} is not the address of a machine")
    netmask = addresses["netmask"]
    if netmask and prefix_length(packed(netmask) or b"") is None:
        raise GrammarError(f"ip=: {where('netmask')}: {netmask!r} has a hole, so it is not a netmask")
    hostname, domain = host_name(texts["hostname"])
    request = _autoconf(texts["autoconf"], f"ip=: {where('autoconf')}") if texts["autoconf"] else Request()
    device = check_device(texts["device"], f"ip=: {where('device')}") if texts["device"] else ""
    request = request._replace(netmask=netmask, hostname=hostname, domain=domain, device=device)
    return request.with_addresses(addresses)


def _address(name: str, text: str) -> str:
    """Return canonical dotted text, or "" where the field is empty or 0.0.0.0."""
    if not text:
        return ""
    address = packed(text)
    if address is None:
        raise GrammarError(f"ip=: {where(name)}: {text!r} is not an IPv4 address")
    return dotted(address) if any(address) else ""


def _autoconf(text: str, where: str) -> Request:
    """Read an autoconf word, with a client identifier behind `dhcp,`."""
    word, comma, rest = text.partition(",")
    if word not in AUTOCONF or (comma and word != "dhcp"):
        raise GrammarError(f"{where}: {text!r} is none of {', '.join(AUTOCONF)} or dhcp,<id type>,<id value>")
    if word in _OFF or word in _ANY:
        return Request(autoconf="off" if word in _OFF else "any")
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
