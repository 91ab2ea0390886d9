"""DHCP's options, and the lease that they describe.

An option that cannot be right is left out and named in Lease.ignored; options whose lengths run past their
field make the whole packet invalid (PacketError). Text is taken only where it is a host name, a domain or a
printable path, so that nothing else can reach a file or a shell later. Sources: RFC 2132, 3396, 3397, 3442.
"""

from __future__ import annotations

from init.system.stdlib import TYPE_CHECKING, NamedTuple
from init.wire.ethernet import PacketError
from init.wire.ip4 import classful_prefix, dotted, is_host, prefix_length

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

(HOST_NAME, NIS_DOMAIN, REQUESTED_ADDRESS, LEASE_TIME, OVERLOAD, MESSAGE_TYPE, SERVER_ID) = (
    12,
    40,
    50,
    51,
    52,
    53,
    54,
)
PARAMETERS, MESSAGE, LARGEST_MESSAGE, CLIENT_ID = 55, 56, 57, 61
_PAD, _END = 0, 255
_WANTED = bytes((1, 121, 3, 6, 12, 15, 17, 26, 40, 42, 51, 54, 58, 59, 119))
_LARGEST = 1500
_DEFAULT_SECONDS, _LEAST_SECONDS, _INFINITE = 3600, 10, 0xFFFFFFFF
_LEAST_MTU = 576  # what every host must take (RFC 791); less would only be there to hurt
_LABEL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class Route(NamedTuple):
    """A route: dotted destination, prefix length, and dotted gateway ("" for neighbours on the link)."""

    destination: str
    prefix: int
    gateway: str


class Lease(NamedTuple):
    """What a server gave: addresses dotted, times in seconds, `obtained` on the caller's clock.

    `seconds` is None for a lease without end. `boot_server` is the next server of the packet, "" where it
    names none. `ignored` says which options were left out and why.
    """

    protocol: str
    address: str
    server: str
    server_mac: bytes
    obtained: float
    prefix: int
    boot_server: str = ""
    gateways: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: tuple[str, ...] = ()
    ntp: tuple[str, ...] = ()
    hostname: str = ""
    domain: str = ""
    search: tuple[str, ...] = ()
    nis_domain: str = ""
    root_path: str = ""
    mtu: int = 0
    seconds: int | None = None
    renew_after: float = 0.0
    rebind_after: float = 0.0
    ignored: tuple[str, ...] = ()


def encode(kind: int, told: dict[int, bytes]) -> bytes:
    """Return the options of a request of DHCP type `kind` (0: plain BOOTP)."""
    told = {code: value[:255] for code, value in told.items()}
    if kind:
        told = {MESSAGE_TYPE: bytes((kind,)), **told}
        if kind in (1, 3):  # DISCOVER and REQUEST; the RFC allows neither in RELEASE
            told[LARGEST_MESSAGE] = _LARGEST.to_bytes(2, "big")
            told[PARAMETERS] = _WANTED
    return b"".join(bytes((code, len(value))) + value for code, value in told.items()) + bytes((_END,))


def split(area: bytes, file: bytes, sname: bytes) -> dict[int, bytes]:
    """Read the options of a packet, those in the overloaded fields included. Raises PacketError.

    An option that comes several times is one long option in pieces (RFC 3396).
    """
    found: dict[int, bytes] = {}
    _collect(area, found)
    overload = found.get(OVERLOAD, b"\0")
    if len(overload) != 1 or overload[0] > 3:
        raise PacketError("overload (option 52) is none of 1, 2, 3")
    if overload[0] & 1:
        _collect(file, found)
    if overload[0] & 2:
        _collect(sname, found)
    if found.get(OVERLOAD, b"\0") != overload:
        raise PacketError("overload (option 52) within an overloaded field")
    return found


def _collect(area: bytes, found: dict[int, bytes]) -> None:
    """Add the options of one field to `found`."""
    offset = 0
    while offset < len(area) and area[offset] != _END:
        code = area[offset]
        offset += 1
        if code == _PAD:
            continue
        if offset >= len(area) or offset + 1 + area[offset] > len(area):
            raise PacketError(f"option {code} runs past the end of its field")
        found[code] = found.get(code, b"") + area[offset + 1 : offset + 1 + area[offset]]
        offset += 1 + area[offset]


def lease(
    found: dict[int, bytes],
    *,
    protocol: str,
    address: bytes,
    next_server: bytes,
    server: bytes,
    server_mac: bytes,
    obtained: float,
) -> Lease:
    """Read the lease that `found` describes; never fails, what is wrong is named in `ignored`."""
    values: dict[str, Any] = {}
    ignored = []
    for code, (name, read) in _READERS.items():
        if code in found:
            try:
                values[name] = read(found[code])
            except ValueError as error:
                ignored.append(f"option {code} ({name}): {error}")
    prefix = values.pop("netmask", 0) or classful_prefix(address)
    if "routes" in values:
        # RFC 3442: whoever reads option 121 must not look at option 3.
        values["gateways"] = tuple(route.gateway for route in values["routes"] if not route.prefix and route.gateway)
        values["routes"] = tuple(route for route in values["routes"] if route.prefix)
    seconds, renew, rebind = (values.pop(name, None) for name in ("seconds", "renew_after", "rebind_after"))
    if protocol == "dhcp":
        seconds = _DEFAULT_SECONDS if seconds is None else max(seconds, _LEAST_SECONDS)
    if seconds == _INFINITE or protocol != "dhcp":
        seconds = None
    if seconds is not None:
        if renew is None or rebind is None or not 0 < renew < rebind < seconds:
            renew, rebind = seconds * 0.5, seconds * 0.875
        values.update(seconds=seconds, renew_after=float(renew), rebind_after=float(rebind))
    return Lease(
        protocol,
        dotted(address),
        dotted(server),
        server_mac,
        obtained,
        prefix,
        boot_server=dotted(next_server) if is_host(next_server) else "",
        ignored=tuple(ignored),
        **values,
    )


def _hosts(value: bytes) -> tuple[str, ...]:
    """A list of addresses."""
    addresses = [value[at : at + 4] for at in range(0, len(value), 4)]
    if not value or len(value) % 4 or not all(is_host(address) for address in addresses):
        raise ValueError("not a list of machines' addresses")
    return tuple(dict.fromkeys(dotted(address) for address in addresses))


def _netmask(value: bytes) -> int:
    prefix = prefix_length(value) if len(value) == 4 else None
    if not prefix:
        raise ValueError("not a netmask")
    return prefix


def _number(value: bytes) -> int:
    if len(value) != 4:
        raise ValueError("not four bytes")
    return int.from_bytes(value, "big")


def _mtu(value: bytes) -> int:
    mtu = int.from_bytes(value, "big") if len(value) == 2 else 0
    if mtu < _LEAST_MTU:
        raise ValueError(f"not a number from {_LEAST_MTU} to 65535")
    return mtu


def text(value: bytes) -> str:
    """Return the printable characters of a text, for people to read."""
    return "".join(character for character in value.decode("utf-8", "replace") if character.isprintable())


def _domain(value: bytes) -> str:
    """A host name or domain: labels of letters, digits, dash, underscore; no final dot or NUL."""
    name = value.rstrip(b"\0").decode("latin-1").removesuffix(".")
    for label in name.split("."):
        if not 0 < len(label) < 64 or not _LABEL.issuperset(label) or label.startswith("-"):
            raise ValueError("not a host or domain name")
    if len(name) > 253:
        raise ValueError("longer than a domain name can be")
    return name


def _path(value: bytes) -> str:
    """A path on a server."""
    path = value.rstrip(b"\0").decode("utf-8")  # UnicodeDecodeError is a ValueError
    if not path.isprintable():
        raise ValueError("holds characters that cannot be printed")
    return path


def _routes(value: bytes) -> tuple[Route, ...]:
    """RFC 3442: prefix length, the bytes of the destination that it needs, gateway (0.0.0.0: on the link)."""
    routes = []
    offset = 0
    while offset < len(value):
        prefix = value[offset]
        size = (prefix + 7) // 8
        entry = value[offset + 1 : offset + 5 + size]
        if prefix > 32 or len(entry) != size + 4:
            raise ValueError("not a list of routes")
        mask = (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF
        destination = int.from_bytes(entry[:size] + bytes(4 - size), "big") & mask
        gateway = entry[size:]
        if any(gateway) and not is_host(gateway):
            raise ValueError(f"{dotted(gateway)} is no gateway")
        routes.append(Route(dotted(destination.to_bytes(4, "big")), prefix, dotted(gateway) if any(gateway) else ""))
        offset += 5 + size
    if not routes:
        raise ValueError("empty")
    return tuple(routes)


def _search(value: bytes) -> tuple[str, ...]:
    """RFC 3397: names as in RFC 1035, with pointers that may only go back, so that none can loop."""
    names = []
    offset = 0
    while offset < len(value):
        labels: list[bytes] = []
        after = -1
        barrier = at = offset
        while True:
            if at >= len(value):
                raise ValueError("a name without end")
            length = value[at]
            if length >= 0xC0:
                target = int.from_bytes(value[at : at + 2], "big") & 0x3FFF
                if at + 2 > len(value) or target >= barrier:
                    raise ValueError("a pointer that does not go back")
                after = after if after >= 0 else at + 2
                barrier = at = target
                continue
            if length > 63:
                raise ValueError("a label of unknown kind")
            at += 1 + length
            if not length:
                break
            labels.append(value[at - length : at])
        names.append(_domain(b".".join(labels)))
        offset = after if after >= 0 else at
    return tuple(dict.fromkeys(names))


_READERS: dict[int, tuple[str, Callable[[bytes], Any]]] = {
    1: ("netmask", _netmask),
    3: ("gateways", _hosts),
    6: ("dns", _hosts),
    HOST_NAME: ("hostname", _domain),
    15: ("domain", _domain),
    17: ("root_path", _path),
    26: ("mtu", _mtu),
    NIS_DOMAIN: ("nis_domain", _domain),
    42: ("ntp", _hosts),
    LEASE_TIME: ("seconds", _number),
    58: ("renew_after", _number),
    59: ("rebind_after", _number),
    119: ("search", _search),
    121: ("routes", _routes),
}
