"""DHCP's options, and the lease that they describe.

An option that cannot be right is left out and named in Lease.ignored, and so is an entry of a list, whose others
stay; options whose lengths run past their field make the whole packet invalid (PacketError). Text is taken only where
it is a host name, a domain or a printable path, so that nothing else can reach a file or a shell later. Sources: RFC
2132, 3396, 3397, 3442.
"""

from __future__ import annotations

from init.system.stdlib import Any, Callable, Iterator, NamedTuple
from init.wire import domain_names
from init.wire.entries import kept
from init.wire.ethernet import PacketError
from init.wire.exchange import INFINITE
from init.wire.ip4 import dotted, is_host, prefix_length

HOST_NAME, NIS_DOMAIN, REQUESTED_ADDRESS, LEASE_TIME, OVERLOAD, MESSAGE_TYPE, SERVER_ID = 12, 40, 50, 51, 52, 53, 54
PARAMETERS, MESSAGE, LARGEST_MESSAGE, CLIENT_ID = 55, 56, 57, 61
_PAD, _END = 0, 255
_WANTED = bytes((1, 121, 3, 6, 12, 15, 17, 26, 40, 42, 51, 54, 58, 59, 119))
_LARGEST = 1500  # bytes of an answer that we take
_DEFAULT_SECONDS = 3600
LEAST_SECONDS = 10  # nobody is asked at the network's speed
_LEAST_MTU = 576  # what every host must take (RFC 791); less would only be there to hurt
_SIZES = {1: 4, 26: 2, LEASE_TIME: 4, OVERLOAD: 1, MESSAGE_TYPE: 1, SERVER_ID: 4, 58: 4, 59: 4}  # of fixed length


class Route(NamedTuple):
    """A route; addresses are dotted."""

    destination: str
    prefix: int
    gateway: str  # "" for neighbours on the link


class Lease(NamedTuple):
    """What a server gave; addresses are dotted."""

    protocol: str  # "dhcp", "bootp", "rarp"
    address: str
    server: str
    server_mac: bytes  # the machine on this link that handed the answer over
    obtained: float  # seconds, on the caller's clock
    prefix: int
    boot_server: str = ""  # the packet's next server
    gateways: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: tuple[str, ...] = ()
    ntp: tuple[str, ...] = ()
    hostname: str = ""
    domain: str = ""
    search: tuple[str, ...] = ()
    nis_domain: str = ""
    root_path: str = ""
    mtu: int = 0  # 0: the device's own
    seconds: int | None = None  # from `obtained` on; None: without end
    renew_after: float = 0.0  # seconds from `obtained` on
    rebind_after: float = 0.0  # the same
    ignored: tuple[str, ...] = ()  # the options that were left out, and why


def encode(kind: int, options: dict[int, bytes]) -> bytes:
    """Return the options field of a request of DHCP type `kind` (0: plain BOOTP)."""
    options = {code: value[:255] for code, value in options.items()}
    if kind:
        options = {MESSAGE_TYPE: bytes((kind,)), **options}
        if kind in (1, 3):  # DISCOVER and REQUEST; the RFC allows neither in RELEASE
            options[LARGEST_MESSAGE] = _LARGEST.to_bytes(2, "big")
            options[PARAMETERS] = _WANTED
    return b"".join(bytes((code, len(value))) + value for code, value in options.items()) + bytes((_END,))


def split(area: bytes, file: bytes, sname: bytes) -> dict[int, bytes]:
    """Read the options of a packet, those in the overloaded fields included. Raises PacketError.

    An option that comes several times is one long option in pieces (RFC 3396). Servers that are told of one which they
    send by themselves send two whole ones: of an option of fixed length the first that has it counts, and text and
    lists that come twice count once.
    """
    pieces: dict[int, list[bytes]] = {}
    _collect(area, pieces)
    overload = _whole(OVERLOAD, pieces.get(OVERLOAD, [b"\0"]))
    if len(overload) != 1 or overload[0] > 3:
        raise PacketError("overload (option 52) is none of 1, 2, 3")
    before = len(pieces.get(OVERLOAD, ()))
    if overload[0] & 1:
        _collect(file, pieces)
    if overload[0] & 2:
        _collect(sname, pieces)
    if len(pieces.get(OVERLOAD, ())) != before:
        raise PacketError("overload (option 52) within an overloaded field")
    return {code: _whole(code, found) for code, found in pieces.items()}


def _collect(area: bytes, pieces: dict[int, list[bytes]]) -> None:
    offset = 0
    while offset < len(area) and area[offset] != _END:
        code = area[offset]
        offset += 1
        if code == _PAD:
            continue
        if offset >= len(area) or offset + 1 + area[offset] > len(area):
            raise PacketError(f"option {code} runs past the end of its field")
        pieces.setdefault(code, []).append(area[offset + 1 : offset + 1 + area[offset]])
        offset += 1 + area[offset]


def _whole(code: int, pieces: list[bytes]) -> bytes:
    joined = b"".join(dict.fromkeys(pieces))
    return next((piece for piece in pieces if len(piece) == _SIZES.get(code)), joined)


def with_options(lease: Lease, options: dict[int, bytes]) -> Lease:
    """Add to a lease what `options` say; never fails, what is wrong is named in `ignored`."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for code, (name, read) in READERS.items():
        if code in options:
            try:
                values[name] = read(options[code])
            except ValueError as error:
                wrong[name] = f"option {code} ({name}): {error}"
    for code, (name, entries) in LISTS.items():
        if code in options:
            good, reason = kept(entries(options[code]))
            values |= {name: good} if good else {}
            wrong |= {name: f"option {code} ({name}): {reason}"} if reason else {}
    prefix = values.pop("netmask", lease.prefix)
    if "routes" in values:
        gateways = tuple(route.gateway for route in values["routes"] if not route.prefix and route.gateway)
        # RFC 3442: a client that reads option 121 must not look at option 3. A route that was left out of it may have
        # been the default route.
        if gateways or "routes" not in wrong:
            values["gateways"] = gateways
        values["routes"] = tuple(route for route in values["routes"] if route.prefix)
    if domains := values.pop("domain", ()):
        values["domain"] = domains[0]
        if len(domains) > 1:
            values.setdefault("search", domains)
    times = [values.pop(name, None) for name in ("seconds", "renew_after", "rebind_after")]
    if lease.protocol == "dhcp":
        values.update(_times(*times))
    return lease._replace(prefix=prefix, ignored=tuple(wrong.values()), **values)


def _times(seconds: int | None, renew: int | None, rebind: int | None) -> dict[str, float]:
    """The fields of a lease's end, renewal and rebinding: the server's, or RFC 2131's (4.4.5) where they are none."""
    seconds = _DEFAULT_SECONDS if seconds is None else max(seconds, LEAST_SECONDS)
    if seconds == INFINITE:
        return {}
    if renew is None or rebind is None or not 0 < renew < rebind < seconds:
        return {"seconds": seconds, "renew_after": seconds * 0.5, "rebind_after": seconds * 0.875}
    return {"seconds": seconds, "renew_after": float(renew), "rebind_after": float(rebind)}


def _hosts(value: bytes) -> Iterator[str | ValueError]:
    for at in range(0, len(value) - 3, 4):
        address = value[at : at + 4]
        yield dotted(address) if is_host(address) else ValueError(f"{dotted(address)} is not a machine's address")
    if len(value) % 4:
        raise ValueError("the last address is cut short")


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


def _domains(value: bytes) -> Iterator[str | ValueError]:
    """One domain, or several with spaces between them, as people write them where they want a search list."""
    for name in value.rstrip(b"\0").split() or [b""]:
        try:
            yield domain_names.domain(name)
        except ValueError as error:
            yield error


def _path(value: bytes) -> str:
    path = value.rstrip(b"\0").decode("utf-8")  # UnicodeDecodeError is a ValueError
    if not path.isprintable():
        raise ValueError("holds characters that cannot be printed")
    return path


def _routes(value: bytes) -> Iterator[Route | ValueError]:
    """RFC 3442: prefix length, the bytes of the destination that it needs, gateway (0.0.0.0: on the link)."""
    offset = 0
    while offset < len(value):
        prefix = value[offset]
        size = (prefix + 7) // 8
        entry = value[offset + 1 : offset + 5 + size]
        if prefix > 32 or len(entry) != size + 4:
            raise ValueError("not a list of routes" if not offset else "not a list of routes to its end")
        mask = (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF
        destination = dotted((int.from_bytes(entry[:size] + bytes(4 - size), "big") & mask).to_bytes(4, "big"))
        gateway = entry[size:]
        if any(gateway) and not is_host(gateway):
            yield ValueError(f"{destination}/{prefix}: {dotted(gateway)} is no gateway")
        else:
            yield Route(destination, prefix, dotted(gateway) if any(gateway) else "")
        offset += 5 + size


def _search(value: bytes) -> Iterator[str | ValueError]:
    return domain_names.domains(value, pointers=True)  # RFC 3397


READERS: dict[int, tuple[str, Callable[[bytes], Any]]] = {
    1: ("netmask", _netmask),
    HOST_NAME: ("hostname", domain_names.domain),
    17: ("root_path", _path),
    26: ("mtu", _mtu),
    NIS_DOMAIN: ("nis_domain", domain_names.domain),
    LEASE_TIME: ("seconds", _number),
    58: ("renew_after", _number),
    59: ("rebind_after", _number),
}
LISTS: dict[int, tuple[str, Callable[[bytes], Iterator[Any]]]] = {
    3: ("gateways", _hosts),
    6: ("dns", _hosts),
    15: ("domain", _domains),
    42: ("ntp", _hosts),
    119: ("search", _search),
    121: ("routes", _routes),
}
