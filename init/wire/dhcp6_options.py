"""DHCPv6's options, and the lease that they describe: RFC 8415 (section 21), RFC 3646 for name servers, RFC 4075 and
RFC 5908 for time servers.

What cannot be right makes the whole message invalid (PacketError) where the address hangs on it, and is left out
elsewhere.
"""

from __future__ import annotations

import struct

from init.system.stdlib import Callable, Iterator, NamedTuple
from init.wire import domain_names, ip6
from init.wire.dhcp_options import LEAST_SECONDS, text
from init.wire.entries import kept
from init.wire.ethernet import PacketError
from init.wire.exchange import FOREVER, INFINITE

CLIENT_ID, SERVER_ID, IA_NA, IA_ADDRESS, WANTED, PREFERENCE, ELAPSED, STATUS = 1, 2, 3, 5, 6, 7, 8, 13
RAPID_COMMIT, DNS, DOMAINS, TIME_SERVERS, NTP, SLOWEST_SOLICIT = 14, 23, 24, 31, 56, 82
NO_BINDING = 3  # a status: the server knows nothing of the lease
ASKED_FOR = struct.pack("!5H", DNS, DOMAINS, TIME_SERVERS, NTP, SLOWEST_SOLICIT)
_NTP_ADDRESS = 1  # NTP's one suboption that is a machine's address
_IA = struct.Struct("!4sII")
_ADDRESS = struct.Struct("!16sII")


class StatusError(PacketError):
    """A status code of the server's other than Success, with its own words."""

    def __init__(self, number: int, said: str) -> None:
        super().__init__(f"status {number}: {said or 'no reason given'}")
        self.number = number


class WithdrawnError(PacketError):
    """The server has taken the address back."""


class Lease6(NamedTuple):
    """What a server gave; addresses are text."""

    address: str  # "" for stateless DHCPv6
    server: bytes  # its DUID
    preference: int = 0  # 0 to 255, the highest is taken
    seconds: int | None = None  # valid from `obtained` on; None: without end
    preferred: int | None = None  # the same
    renew_after: float = FOREVER  # seconds from `obtained` on
    rebind_after: float = FOREVER  # the same
    dns: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ntp: tuple[str, ...] = ()
    obtained: float = 0.0  # seconds, on the caller's clock
    ignored: tuple[str, ...] = ()  # what was left out of its lists, and why


def duid(mac: bytes) -> bytes:
    """Return the identifier of the machine that has this card: DUID-LL (RFC 8415, 11.4)."""
    return struct.pack("!HH", 3, 1) + mac


def pairs(area: bytes) -> Iterator[tuple[int, bytes]]:
    """Read options in order. Raises PacketError."""
    offset = 0
    while offset < len(area):
        if len(area) - offset < 4:
            raise PacketError("an option is cut short")
        code, length = struct.unpack_from("!HH", area, offset)
        value = area[offset + 4 : offset + 4 + length]
        if len(value) != length:
            raise PacketError(f"option {code} runs past the end of its field")
        yield code, value
        offset += 4 + length


def split(area: bytes) -> dict[int, bytes]:
    """Read options; of one that comes more than once the first counts. Raises PacketError."""
    options: dict[int, bytes] = {}
    for code, value in pairs(area):
        options.setdefault(code, value)
    return options


def option(code: int, value: bytes = b"") -> bytes:
    """Return one option."""
    return struct.pack("!HH", code, len(value)) + value


def association(iaid: bytes, address: str = "") -> bytes:
    """Return IA_NA; with `address`, about that one. Times are the server's to say."""
    inner = option(IA_ADDRESS, _ADDRESS.pack(ip6.packed(address) or b"", 0, 0)) if address else b""
    return option(IA_NA, _IA.pack(iaid, 0, 0) + inner)


def lease(area: bytes, server: bytes, iaid: bytes, *, had: str = "", obtained: float = 0.0) -> Lease6:
    """Read what a message gives; of several addresses `had`, where it is one of them, or the first that is valid.

    `iaid` is the association's number, b"" where no address is asked for. Raises PacketError where the message holds
    no address that we could use, WithdrawnError where it takes back `had`, StatusError.
    """
    options = split(area)
    check_status(options)
    preference = options.get(PREFERENCE, b"")
    values: dict[str, tuple[str, ...]] = {}
    wrong: list[str] = []
    for code, (name, entries) in LISTS.items():
        for value in (value for one, value in pairs(area) if one == code):
            good, reason = kept(entries(value))
            values[name] = tuple(dict.fromkeys((*values.get(name, ()), *good)))
            wrong += [f"option {code} ({name}): {reason}"] if reason else []
    best = preference[0] if len(preference) == 1 else 0
    given = Lease6("", server, best, obtained=obtained, ignored=tuple(wrong), **values)  # type: ignore[arg-type]
    return _associated(given, area, iaid, had) if iaid else given


def _associated(given: Lease6, area: bytes, iaid: bytes, had: str) -> Lease6:
    for code, value in pairs(area):
        if code != IA_NA or len(value) < _IA.size or value[:4] != iaid:
            continue
        _, renew, rebind = _IA.unpack_from(value)
        if 0 < rebind < renew:
            continue  # as if it were not there (21.4)
        inner = value[_IA.size :]
        check_status(split(inner))
        address, preferred, valid = _address(inner, had)
        if preferred == INFINITE:
            preferred = valid
        if valid != INFINITE:
            valid = max(valid, LEAST_SECONDS)
        given = given._replace(
            address=address,
            seconds=None if valid == INFINITE else valid,
            preferred=None if preferred == INFINITE else preferred,
        )
        return _with_times(given, renew, rebind)
    raise PacketError("no address (IA_NA)")


def _with_times(given: Lease6, renew: int, rebind: int) -> Lease6:
    """Add T1 and T2: where the server leaves them to us, half and four fifths of the preferred lifetime (14.2).

    An address that is preferred no longer is renewed by its valid lifetime instead.
    """
    life = given.preferred or given.seconds
    end = FOREVER if given.seconds is None else float(given.seconds)
    if renew == INFINITE or (life is None and not renew):
        return given
    first, second = float(renew), float(rebind)
    if life is not None and not 0 < first <= second < end:
        first, second = life * 0.5, life * 0.8
    first = max(first, LEAST_SECONDS / 2)
    return given._replace(renew_after=first, rebind_after=max(first, second))


def _address(inner: bytes, had: str) -> tuple[str, int, int]:
    """Choose an address of an association: its text, preferred and valid seconds."""
    reason, withdrawn = PacketError("no address (IAADDR)"), False
    usable = []
    for code, body in pairs(inner):
        if code != IA_ADDRESS or len(body) < _ADDRESS.size:
            continue
        address, preferred, valid = _ADDRESS.unpack_from(body)
        try:
            check_status(split(body[_ADDRESS.size :]))
            if not ip6.is_host(address) or ip6.is_link_local(address):
                raise PacketError("the address given is not the address of a machine")
            if not valid or preferred > valid:
                withdrawn |= ip6.text(address) == had and not valid
                raise PacketError("the address given is valid for no time")
        except PacketError as error:
            reason = error
        else:
            usable.append((ip6.text(address), preferred, valid))
    if usable:
        return next((one for one in usable if one[0] == had), usable[0])
    raise WithdrawnError("the server has taken the address back") if withdrawn else reason


def check_status(options: dict[int, bytes]) -> None:
    """Raise StatusError where a status code is not Success."""
    status = options.get(STATUS, b"\0\0")
    if status[:2] != b"\0\0":
        raise StatusError(int.from_bytes(status[:2], "big"), text(status[2:]))


def _hosts(value: bytes) -> Iterator[str | ValueError]:
    for at in range(0, len(value) - 15, 16):
        address = value[at : at + 16]
        good = ip6.is_host(address)
        yield ip6.text(address) if good else ValueError(f"{ip6.text(address)} is not a machine's address")
    if len(value) % 16:
        raise ValueError("the last address is cut short")


def _domains(value: bytes) -> Iterator[str | ValueError]:
    return domain_names.domains(value, pointers=False)


def _ntp(value: bytes) -> Iterator[str | ValueError]:
    """The time servers of one option 56."""
    for kind, inner in pairs(value):
        if kind == _NTP_ADDRESS:
            yield from _hosts(inner)
        else:
            yield ValueError("a server by name or multicast, of which no use is made")


LISTS: dict[int, tuple[str, Callable[[bytes], Iterator[str | ValueError]]]] = {
    DNS: ("dns", _hosts),
    DOMAINS: ("search", _domains),
    NTP: ("ntp", _ntp),
    TIME_SERVERS: ("ntp", _hosts),
}
