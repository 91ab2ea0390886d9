"""A DHCPv6 client without input and output: UDP payloads and the time go in, payloads and a lease come out.

Theory of operation. As dhcp.Client: the first question is ready in outgoing(), every payload received from port 547
goes to receive(), tick() is called when deadline() has passed, and the state changes only there, as _NEXT says. When
`lease` is set the client is bound. What comes out is for All_DHCP_Relay_Agents_and_Servers (ff02::1:2).

    SOLICITING --choice--> REQUESTING --reply--> BOUND        INFORMING --reply--> BOUND
       ^  |                    |                   |          (stateless: no address)
       |  '-- reply (rapid commit) ----------------|
       '------ refusal, silence, taken ------------'

An Advertise is not answered before the first second is over, unless its server claims the highest preference
(RFC 8415, 18.2.1). The random delay before the first question is left out: the address that it is sent from has
waited one of its own (RFC 4862, 5.4.2).

Source: RFC 8415; RFC 3646 for name servers, RFC 4075 for time servers.
"""

from __future__ import annotations

import struct

from . import ip6
from .cheap import NamedTuple
from .dhcp import Outcome
from .frames import NotForUsError, PacketError
from .options import text

SOLICITING, REQUESTING, INFORMING, BOUND = "soliciting", "requesting", "informing", "bound"
_NEXT = {
    (SOLICITING, "choice"): REQUESTING,
    (SOLICITING, "reply"): BOUND,
    (REQUESTING, "reply"): BOUND,
    (REQUESTING, "refusal"): SOLICITING,
    (REQUESTING, "silence"): SOLICITING,
    (INFORMING, "reply"): BOUND,
    (BOUND, "taken"): SOLICITING,
}
SOLICIT, ADVERTISE, REQUEST, REPLY, DECLINE, INFORMATION_REQUEST = 1, 2, 3, 7, 9, 11
SERVER_PORT, CLIENT_PORT = 547, 546
SERVERS = "ff02::1:2"
CLIENT_ID, SERVER_ID, IA_NA, IA_ADDRESS, WANTED, PREFERENCE, ELAPSED, STATUS = 1, 2, 3, 5, 6, 7, 8, 13
RAPID_COMMIT, DNS, DOMAINS, TIME_SERVERS = 14, 23, 24, 31
# Seconds: SOL_TIMEOUT and SOL_MAX_RT, REQ_TIMEOUT and REQ_MAX_RT, INF_TIMEOUT and INF_MAX_RT (RFC 8415, 7.6).
_TIMES = {SOLICITING: (1.0, 3600.0), REQUESTING: (1.0, 30.0), INFORMING: (1.0, 3600.0)}
REQUEST_ATTEMPTS = 5  # REQ_MAX_RC is 10, two minutes and a half in which another server might have answered
FOREVER = float("inf")
_MOST_WANTED = 255
_LONGEST_ID = 130
_IA = struct.Struct("!III")
_ADDRESS = struct.Struct("!16sII")


class Lease6(NamedTuple):
    """What a server gave: `address` is "" for INFORMING; `server` is its DUID, `seconds` None for without end."""

    address: str
    server: bytes
    preference: int = 0
    seconds: int | None = None
    dns: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ntp: tuple[str, ...] = ()


def duid(mac: bytes) -> bytes:
    """Return the identifier of the machine that has this card: DUID-LL (RFC 8415, 11.4)."""
    return struct.pack("!HH", 3, 1) + mac


def split(area: bytes) -> dict[int, bytes]:
    """Read options; of one that comes more than once the first counts. Raises PacketError."""
    found: dict[int, bytes] = {}
    offset = 0
    while offset < len(area):
        if len(area) - offset < 4:
            raise PacketError("an option is cut short")
        code, length = struct.unpack_from("!HH", area, offset)
        value = area[offset + 4 : offset + 4 + length]
        if len(value) != length:
            raise PacketError(f"option {code} runs past the end of its field")
        found.setdefault(code, value)
        offset += 4 + length
    return found


def option(code: int, value: bytes = b"") -> bytes:
    """Return one option."""
    return struct.pack("!HH", code, len(value)) + value


class Client:
    """One device's client; `mac`, `xid` and `now` as for dhcp.Client. `stateless` asks for no address."""

    def __init__(self, mac: bytes, xid: int, now: float, *, stateless: bool = False) -> None:
        self.state = INFORMING if stateless else SOLICITING
        self.lease: Lease6 | None = None
        self._id = duid(mac)
        self._iaid = mac[2:6]
        self._seed = xid
        self._choice: Lease6 | None = None
        self._outgoing: list[bytes] = []
        self._begin(now)

    def outgoing(self) -> tuple[bytes, ...]:
        """Return the payloads to send now, each once."""
        ready, self._outgoing = tuple(self._outgoing), []
        return ready

    def deadline(self) -> float:
        """Return the time at which tick() has something to do; infinity where never."""
        return self._deadline

    def tick(self, now: float) -> None:
        """Do what is due at `now`: choose a server, ask again, give up one that is silent."""
        if now < self._deadline:
            return
        if self.state == SOLICITING and self._choice:
            self._change("choice", now)
        elif self.state == REQUESTING and self._attempts >= REQUEST_ATTEMPTS:
            self._change("silence", now)
        else:
            self._ask(now)

    def taken(self, now: float) -> None:
        """Decline the address: somebody else on the link has it (RFC 8415, 18.2.8)."""
        if self.lease and self.lease.address:
            self._xid = self._random() >> 8
            self._outgoing.append(self._message(DECLINE, now, self.lease))
            self._change("taken", now)

    def receive(self, payload: bytes, now: float) -> Outcome:
        """Take in a payload. Never raises."""
        try:
            return self._take(payload, now)
        except NotForUsError as error:
            return Outcome("ignored", str(error))
        except PacketError as error:
            return Outcome("dropped", str(error))

    def _take(self, payload: bytes, now: float) -> Outcome:
        """Act on an Advertise or a Reply."""
        if len(payload) < 4 or payload[0] not in (ADVERTISE, REPLY):
            raise NotForUsError("no answer")
        if int.from_bytes(payload[1:4], "big") != self._xid:
            raise NotForUsError("answers another question (transaction id)")
        found = split(payload[4:])
        if found.get(CLIENT_ID) != self._id:
            raise NotForUsError("answers another machine (client identifier)")
        server = found.get(SERVER_ID, b"")
        if not 2 < len(server) <= _LONGEST_ID:
            raise PacketError("no server identifier")
        if payload[0] == ADVERTISE:
            if self.state != SOLICITING:
                raise NotForUsError(f"an offer is not expected while {self.state}")
            self._consider(self._lease(found, server), now)
            return Outcome("offer")
        if (self.state, "reply") not in _NEXT or (self.state == SOLICITING and RAPID_COMMIT not in found):
            raise NotForUsError(f"a reply is not expected while {self.state}")
        if self.state == REQUESTING and self._choice and server != self._choice.server:
            raise PacketError("reply by another server")
        try:
            lease = self._lease(found, server)
        except PacketError as error:
            if self.state != REQUESTING:
                raise
            self._change("refusal", now)
            return Outcome("nak", str(error))
        self.lease = lease
        self._change("reply", now)
        return Outcome("ack")

    def _consider(self, lease: Lease6, now: float) -> None:
        """Keep the best offer; take it when the first second is over, or it cannot be bettered."""
        if self._choice is None or lease.preference > self._choice.preference:
            self._choice = lease
        if lease.preference == _MOST_WANTED or self._attempts > 1:
            self._change("choice", now)

    def _lease(self, found: dict[int, bytes], server: bytes) -> Lease6:
        """Read what a message gives. Raises PacketError where it holds no address that we could use."""
        _check_status(found)
        address, seconds = ("", None) if self.state == INFORMING else self._address(found)
        preference = found.get(PREFERENCE, b"")
        return Lease6(
            address,
            server,
            preference[0] if len(preference) == 1 else 0,
            seconds,
            dns=_hosts(found.get(DNS, b"")),
            search=ip6.names(found.get(DOMAINS, b"")),
            ntp=_hosts(found.get(TIME_SERVERS, b"")),
        )

    def _address(self, found: dict[int, bytes]) -> tuple[str, int | None]:
        """The address of our association and its seconds."""
        association = found.get(IA_NA, b"")
        if len(association) < _IA.size or association[:4] != self._iaid:
            raise PacketError("no address (IA_NA)")
        inner = split(association[_IA.size :])
        _check_status(inner)
        body = inner.get(IA_ADDRESS, b"")
        if len(body) < _ADDRESS.size:
            raise PacketError("no address (IAADDR)")
        address, preferred, valid = _ADDRESS.unpack_from(body)
        _check_status(split(body[_ADDRESS.size :]))
        if not ip6.is_host(address) or ip6.is_link_local(address):
            raise PacketError("the address given is not the address of a machine")
        if not valid or preferred > valid:
            raise PacketError("the address given is valid for no time")
        return ip6.text(address), None if valid == 0xFFFFFFFF else valid

    def _change(self, event: str, now: float) -> None:
        """Enter the state that _NEXT names and do what it begins with."""
        self.state = _NEXT[self.state, event]
        if self.state == BOUND:
            self._deadline = FOREVER
            return
        if self.state == SOLICITING:
            self.lease = self._choice = None
        self._begin(now)
        if event == "refusal":  # a server that always refuses is not asked at the network's speed
            self._outgoing.clear()
            self._attempts = 0

    def _begin(self, now: float) -> None:
        """Begin a new exchange."""
        self._xid = self._random() >> 8
        self._started = now
        self._attempts = 0
        self._wait = 0.0
        self._ask(now)

    def _ask(self, now: float) -> None:
        """Ask, and set the time of asking again (RFC 8415, 15)."""
        kind = {SOLICITING: SOLICIT, REQUESTING: REQUEST, INFORMING: INFORMATION_REQUEST}[self.state]
        self._outgoing.append(self._message(kind, now, self._choice))
        first, longest = _TIMES[self.state]
        spread = self._random() / 0xFFFFFFFF / 5 - 0.1
        if not self._wait:
            # A first Solicit never waits less than a second for what other servers offer.
            self._wait = first * (1 + (abs(spread) if self.state == SOLICITING else spread))
        else:
            self._wait = min(self._wait * (2 + spread), longest * (1 + spread))
        self._deadline = now + self._wait
        self._attempts += 1

    def _message(self, kind: int, now: float, lease: Lease6 | None) -> bytes:
        """Build a message; `lease` is what Request and Decline are about."""
        elapsed = min(int((now - self._started) * 100), 0xFFFF)
        parts = [option(CLIENT_ID, self._id), option(ELAPSED, elapsed.to_bytes(2, "big"))]
        if kind != DECLINE:
            parts.append(option(WANTED, struct.pack("!3H", DNS, DOMAINS, TIME_SERVERS)))
        if kind == SOLICIT:
            parts.append(option(RAPID_COMMIT))
        if kind != INFORMATION_REQUEST:
            inner = b""
            if lease and kind in (REQUEST, DECLINE):
                parts.append(option(SERVER_ID, lease.server))
                inner = option(IA_ADDRESS, _ADDRESS.pack(ip6.packed(lease.address) or b"", 0, 0))
            parts.append(option(IA_NA, self._iaid + bytes(8) + inner))
        return bytes((kind,)) + self._xid.to_bytes(3, "big") + b"".join(parts)

    def _random(self) -> int:
        """Return 32 bits that differ from machine to machine (a linear congruential generator)."""
        self._seed = (self._seed * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        return self._seed >> 32


def _check_status(found: dict[int, bytes]) -> None:
    """Raise PacketError with the server's own words where a status code is not Success."""
    status = found.get(STATUS, b"\0\0")
    if status[:2] != b"\0\0":
        raise PacketError(f"status {int.from_bytes(status[:2], 'big')}: {text(status[2:]) or 'no reason given'}")


def _hosts(value: bytes) -> tuple[str, ...]:
    """A list of addresses; what is none is left out, and so is a list of another length."""
    addresses = [value[at : at + 16] for at in range(0, len(value), 16)] if len(value) % 16 == 0 else []
    return tuple(dict.fromkeys(ip6.text(address) for address in addresses if ip6.is_host(address)))
