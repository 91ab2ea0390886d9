"""IPv6 in `ip=`: dracut's grammar with brackets (dracut.cmdline(7)).

    ip=<word>    ip=<device>:<word>[:[<mtu>][:<MAC>]]    with one of the words auto6, dhcp6, either6, link6
    ip=[<client>]:[<server>]:[<gateway>]:<prefix length>:<hostname>:<device>:<autoconf>:[<dns0>]:[<dns1>]:[<ntp0>]
    ip=[<client>]:[<server>]:[<gateway>]:<prefix length>:<hostname>:<device>:<autoconf>:[<mtu>][:<MAC>]

where every address stands in brackets, as in `ip=[2001:db8::5]::[2001:db8::1]:64:host:eth0:none`. In a Request it
is text in RFC 5952's one spelling.
"""

from __future__ import annotations

from init.cmdline.ip_request import AUTOCONF6, GrammarError, Request, check_device, host_name, named, tail, where
from init.wire.ip6 import is_host, packed, text

_LEAST_MTU = 1280  # below, the kernel has no IPv6 on a device (RFC 8200, 5)
_DEFAULT_PREFIX = 64
_ADDRESSES = ("client", "server", "gateway", "dns0", "dns1", "ntp0")


def read(value: str) -> Request:
    """Read one value of ip= that has brackets or a word of IPv6's. Raises GrammarError."""
    fields = _split(value)
    if len(fields) == 1 and not value.startswith("["):
        return Request(autoconf=_autoconf(value, "ip="))
    if "[" not in value and (fields[0] or fields[1] in AUTOCONF6):
        rest = tail(fields[2:], _LEAST_MTU)
        if rest is None:
            raise GrammarError(f"ip=: {value!r} is not <device>:<autoconf>[:[<mtu>][:<MAC>]]")
        autoconf = _autoconf(fields[1], "ip=: field 2 (autoconf)")
        device = check_device(fields[0], "ip=: field 1") if fields[0] else ""
        return Request(device=device, autoconf=autoconf).with_tail(rest)
    rest = tail(fields[7:], _LEAST_MTU)
    texts = named(fields if rest is None else fields[:7])
    addresses = {name: _address(name, texts[name]) for name in _ADDRESSES}
    word = texts["autoconf"]
    autoconf = _autoconf(word, f"ip=: {where('autoconf')}") if word not in ("", "off", "none") else "off"
    if (autoconf == "off") != bool(addresses["client"]):
        raise GrammarError(f"ip=: {value!r}: either an address in brackets or one of {', '.join(AUTOCONF6)} is meant")
    hostname, domain = host_name(texts["hostname"])
    netmask = _prefix(texts["netmask"]) if addresses["client"] else ""
    device = check_device(texts["device"], f"ip=: {where('device')}") if texts["device"] else ""
    request = Request(netmask=netmask, hostname=hostname, domain=domain, device=device, autoconf=autoconf)
    request = request.with_addresses(addresses)
    return request.with_tail(rest) if rest else request


def _split(value: str) -> list[str]:
    """Split at the colons outside of brackets; the brackets stay."""
    fields, depth = [""], False
    for character in value:
        if character == ":" and not depth:
            fields.append("")
            continue
        if character in "[]":
            if (character == "[") is depth or (character == "[" and fields[-1]):
                raise GrammarError(f"ip=: {value!r}: an address in brackets is meant, as in [2001:db8::1]")
            depth = character == "["
        fields[-1] += character
    if depth:
        raise GrammarError(f"ip=: {value!r}: a bracket is not closed")
    return fields


def _address(name: str, written: str) -> str:
    """Return canonical text, "" for an empty field."""
    if not written:
        return ""
    address = packed(written[1:-1]) if written[0] == "[" and written[-1] == "]" else None
    if address is None or not is_host(address):
        raise GrammarError(f"ip=: {where(name)}: {written!r} is not the IPv6 address of a machine, in brackets")
    return text(address)


def _prefix(written: str) -> str:
    """Return the prefix length as a number's text; 64, which nearly every network has, where it is missing."""
    if not written:
        return str(_DEFAULT_PREFIX)
    if not (written.isascii() and written.isdigit() and len(written) <= 3 and 0 < int(written) <= 128):
        raise GrammarError(f"ip=: {where('netmask')}: {written!r} is not a prefix length from 1 to 128")
    return str(int(written))


def _autoconf(word: str, place: str) -> str:
    if word not in AUTOCONF6:
        raise GrammarError(f"{place}: {word!r} is none of {', '.join(AUTOCONF6)}, off, none")
    return word
