"""A DHCPv6 client without input and output: UDP payloads and the time go in, payloads and a lease come out.

Theory of operation. As dhcp.Client: the first question is ready in outgoing(), every payload received on port 546
goes to receive(), tick() is called when deadline() has passed, and the state changes only there, as NEXT says. When
`lease` is set the client is bound. What comes out is for All_DHCP_Relay_Agents_and_Servers (ff02::1:2).

    SOLICITING --choice--> REQUESTING --reply--> BOUND --t1--> RENEWING --t2--> REBINDING    INFORMING --reply--> BOUND
       ^  |                    |                   ^ ^--- reply ---' '--- reply ---'  |      (stateless: no address)
       |  '-- reply (rapid commit) ----------------'                                  |
       |------ refusal, silence, taken                                                |
       '------ withdrawn, expired ----------------------------------------------------'

    RENEWING, REBINDING --forgotten (NoBinding)--> REQUESTING      BOUND --release--> RELEASING --reply--> RELEASED

An Advertise is not answered before the first second is over, unless its server names the highest preference
(RFC 8415, 18.2.1). The random delay before the first question is left out: the address that it is sent from has
waited one of its own (RFC 4862, 5.4.2).

Source: RFC 8415; what its options mean is in dhcp6_options.py.
"""

from __future__ import annotations

import struct

from init.wire import dhcp6_options
from init.wire.dhcp6_options import Lease6, StatusError, WithdrawnError, option
from init.wire.ethernet import NotForUsError, PacketError
from init.wire.exchange import BOUND, FOREVER, REBINDING, RENEWING, Exchange, Outcome

SOLICITING, REQUESTING, INFORMING, RELEASING, RELEASED = (
    "soliciting", "requesting", "informing", "releasing", "released",
)  # fmt: skip
NEXT = {
    (SOLICITING, "choice"): REQUESTING,
    (SOLICITING, "reply"): BOUND,
    (REQUESTING, "reply"): BOUND,
    (REQUESTING, "refusal"): SOLICITING,
    (REQUESTING, "silence"): SOLICITING,
    (INFORMING, "reply"): BOUND,
    **{(state, "taken"): SOLICITING for state in (BOUND, REQUESTING, RENEWING, REBINDING)},
    **{(state, "moved"): REBINDING for state in (BOUND, RENEWING)},
    (BOUND, "t1"): RENEWING,
    (RENEWING, "reply"): BOUND,
    (RENEWING, "forgotten"): REQUESTING,
    (RENEWING, "withdrawn"): SOLICITING,
    (RENEWING, "t2"): REBINDING,
    (REBINDING, "reply"): BOUND,
    (REBINDING, "forgotten"): REQUESTING,
    (REBINDING, "withdrawn"): SOLICITING,
    (REBINDING, "expired"): SOLICITING,
    (BOUND, "release"): RELEASING,
    (RELEASING, "reply"): RELEASED,
    (RELEASING, "silence"): RELEASED,
}
SOLICIT, ADVERTISE, REQUEST, RENEW, REBIND, REPLY, RELEASE, DECLINE, INFORMATION_REQUEST = 1, 2, 3, 5, 6, 7, 8, 9, 11
_QUESTION = {
    SOLICITING: SOLICIT, REQUESTING: REQUEST, INFORMING: INFORMATION_REQUEST, RENEWING: RENEW, REBINDING: REBIND,
    RELEASING: RELEASE,
}  # fmt: skip
SERVER_PORT, CLIENT_PORT = 547, 546
SERVERS = "ff02::1:2"
# Seconds until a question is repeated, and at most (RFC 8415, 7.6); a release has no end of its own.
TIMES = {
    SOLICITING: (1.0, 3600.0), REQUESTING: (1.0, 30.0), INFORMING: (1.0, 3600.0), RENEWING: (10.0, 600.0),
    REBINDING: (10.0, 600.0), RELEASING: (1.0, FOREVER),
}  # fmt: skip
REQUEST_ATTEMPTS = 5  # REQ_MAX_RC is 10, two minutes and a half in which another server might have answered
RELEASE_ATTEMPTS = 2  # REL_MAX_RC is 4, a quarter of a minute that the machine would not go off
_ATTEMPTS = {REQUESTING: REQUEST_ATTEMPTS, RELEASING: RELEASE_ATTEMPTS}
FAITHFUL_ATTEMPTS = 3  # questions in which a resumed client hopes for the address it had: seven seconds
_MOST_WANTED = 255
_LONGEST_ID = 130


class Client(Exchange):
    """One device's client; `mac`, `xid` and `now` as for dhcp.Client. `stateless` asks for no address."""

    def __init__(self, mac: bytes, xid: int, now: float, *, stateless: bool = False) -> None:
        super().__init__(xid)
        self.state = INFORMING if stateless else SOLICITING
        self.lease: Lease6 | None = None
        self._id = dhcp6_options.duid(mac)
        self._iaid = mac[2:6]
        self._choice: Lease6 | None = None
        self._faithful_to = ""  # the address that a resumed client had
        self._slowest = TIMES[SOLICITING][1]
        self._begin(now)

    @classmethod
    def resume(cls, mac: bytes, xid: int, lease: Lease6, now: float) -> Client:
        """Return a client that is BOUND to a `lease` of earlier, as dhcp.Client.resume() does."""
        client = cls(mac, xid, now)
        client._outgoing.clear()
        client._faithful_to = lease.address
        client._bind(lease)
        return client

    def tick(self, now: float) -> None:
        """Do what is due at `now`: choose a server, ask again, renew, give up a silent server or an ended lease."""
        while now >= self._deadline:  # more than once where the caller comes late
            self._due(now)

    def _due(self, now: float) -> None:
        """Do the one thing whose time has come; the deadline moves on."""
        if self.state == SOLICITING and self._choice:
            self._change("choice", now)
        elif self._attempts >= _ATTEMPTS.get(self.state, FOREVER):
            self._change("silence", now)
        elif self.state == BOUND:
            self._change("t1", now)
        elif self.state in (RENEWING, REBINDING) and now >= self._end():
            self._change("t2" if self.state == RENEWING else "expired", now)
        else:
            self._ask(now)

    def _end(self) -> float:
        """When renewing becomes rebinding, or rebinding the lease's end; never for other states."""
        if self.lease is None or self.state not in (RENEWING, REBINDING):
            return FOREVER
        ending = self.lease.rebind_after if self.state == RENEWING else self.lease.seconds
        return FOREVER if ending is None else self.lease.obtained + ending

    def taken(self, now: float) -> None:
        """Decline the address: another machine on the link has it (RFC 8415, 18.2.8)."""
        if self.lease and self.lease.address and (self.state, "taken") in NEXT:
            self._xid = self._random() >> 8
            self._outgoing.append(self._message(DECLINE, now, self.lease))
            self._faithful_to = ""
            self._change("taken", now)

    def moved(self, now: float) -> None:
        """Ask every server whether the address is still good: the link was cut (18.2.12: by Confirm; but what answers
        a Rebind brings the lease and the name servers, too).
        """
        if (self.state, "moved") in NEXT:
            self._change("moved", now)
        elif self.state == SOLICITING:
            self._begin(now)

    def release(self, now: float) -> None:
        """Begin to give the address back, which is used no more by now (18.2.7); it ends in RELEASED."""
        if self.state == BOUND and self.lease and self.lease.address:
            self._change("release", now)

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
        options = dhcp6_options.split(payload[4:])
        if options.get(dhcp6_options.CLIENT_ID) != self._id:
            raise NotForUsError("answers another machine (client identifier)")
        server = options.get(dhcp6_options.SERVER_ID, b"")
        if not 2 < len(server) <= _LONGEST_ID:
            raise PacketError("no server identifier")
        self._hear_slowest(options.get(dhcp6_options.SLOWEST_SOLICIT, b""))
        if payload[0] == ADVERTISE:
            if self.state != SOLICITING:
                raise NotForUsError(f"an offer is not expected while {self.state}")
            self._consider(self._lease(payload, server, now), now)
            return Outcome("offer")
        rapid = dhcp6_options.RAPID_COMMIT in options
        if (self.state, "reply") not in NEXT or (self.state == SOLICITING and not rapid):
            raise NotForUsError(f"a reply is not expected while {self.state}")
        asked_one = self._choice if self.state == REQUESTING else None if self.state == REBINDING else self.lease
        if asked_one and server != asked_one.server:
            raise PacketError("reply by another server")
        return self._take_reply(payload, server, now)

    def _take_reply(self, payload: bytes, server: bytes, now: float) -> Outcome:
        """Act on a Reply that is the answer to what we asked."""
        if self.state == RELEASING:  # whatever it says, the server has heard (18.2.10.2)
            self._change("reply", now)
            return Outcome("ack")
        try:
            lease = self._lease(payload, server, self._asked)
        except PacketError as error:
            event = self._refusal(error)
            if (self.state, event) not in NEXT:
                raise
            if event == "forgotten" and self.lease:  # the same server is asked for it anew (18.2.10.1)
                self._choice = self.lease._replace(server=server)
            self._change(event, now)
            return Outcome("nak", str(error))
        self.lease = lease
        self._change("reply", now)
        return Outcome("ack")

    def _refusal(self, error: PacketError) -> str:
        """What it means that a Reply gives no lease."""
        if self.state != REQUESTING and isinstance(error, WithdrawnError):
            return "withdrawn"
        if self.state != REQUESTING and isinstance(error, StatusError) and error.number == dhcp6_options.NO_BINDING:
            return "forgotten"
        return "refusal"

    def _consider(self, lease: Lease6, now: float) -> None:
        """Keep the best offer; take it when the first second is over, or it cannot be bettered."""
        hoped = self._faithful_to in ("", lease.address)
        if not hoped and self._attempts <= FAITHFUL_ATTEMPTS:
            raise PacketError(f"offers {lease.address} while {self._faithful_to} is still hoped for")
        best = self._choice
        if best is None or (hoped, lease.preference) > (best.address == self._faithful_to, best.preference):
            self._choice = lease
        if lease.preference == _MOST_WANTED or self._attempts > 1:
            self._change("choice", now)

    def _lease(self, payload: bytes, server: bytes, obtained: float) -> Lease6:
        """Read what a message gives. Raises PacketError."""
        iaid = b"" if self.state == INFORMING else self._iaid
        had = self.lease.address if self.lease else self._faithful_to
        return dhcp6_options.lease(payload[4:], server, iaid, had=had, obtained=obtained)

    def _hear_slowest(self, value: bytes) -> None:
        """Take the server's word for the longest wait between two Solicits (SOL_MAX_RT, 18.2.1)."""
        seconds = int.from_bytes(value, "big") if len(value) == 4 else 0
        if 60 <= seconds <= 86400:
            self._slowest = float(seconds)

    def _change(self, event: str, now: float) -> None:
        """Enter the state that NEXT names and do what it begins with."""
        self.state = NEXT[self.state, event]
        if self.state == BOUND and self.lease:
            self._bind(self.lease)
        elif self.state == RELEASED:
            self._deadline = FOREVER
        else:
            if self.state == SOLICITING:
                self.lease = self._choice = None
            self._begin(now)
            if event == "refusal":  # a server that always refuses is not asked at the network's speed
                self._outgoing.clear()
                self._attempts = 0

    def _bind(self, lease: Lease6) -> None:
        """Be bound until it is time to renew."""
        self.state, self.lease, self._choice = BOUND, lease, None
        self._faithful_to = self._faithful_to and lease.address
        self._deadline = lease.obtained + lease.renew_after

    def _begin(self, now: float) -> None:
        self._xid = self._random() >> 8
        self._started = now
        self._attempts = 0
        self._wait = 0.0
        self._ask(now)

    def _ask(self, now: float) -> None:
        """Ask, and set the time of asking again (RFC 8415, 15)."""
        about = self._choice if self.state == REQUESTING else self.lease
        self._outgoing.append(self._message(_QUESTION[self.state], now, about))
        first, longest = TIMES[self.state]
        longest = self._slowest if self.state == SOLICITING else longest
        spread = self._random() / 0xFFFFFFFF / 5 - 0.1
        if not self._wait:
            # A first Solicit never waits less than a second for what other servers offer.
            self._wait = first * (1 + (abs(spread) if self.state == SOLICITING else spread))
        else:
            self._wait = min(self._wait * (2 + spread), longest * (1 + spread))
        self._deadline = min(now + self._wait, max(self._end(), now))
        self._asked = now
        self._attempts += 1

    def _message(self, kind: int, now: float, lease: Lease6 | None) -> bytes:
        """Build a message; `lease` is what it is about, except for Solicit and Information-request."""
        elapsed = min(int((now - self._started) * 100), 0xFFFF)
        parts = [option(dhcp6_options.CLIENT_ID, self._id), option(dhcp6_options.ELAPSED, struct.pack("!H", elapsed))]
        if kind not in (DECLINE, RELEASE):
            parts.append(option(dhcp6_options.WANTED, dhcp6_options.ASKED_FOR))
        # A client that hopes for its old address does not have another committed before it is seen.
        if kind == SOLICIT and (not self._faithful_to or self._attempts >= FAITHFUL_ATTEMPTS):
            parts.append(option(dhcp6_options.RAPID_COMMIT))
        if lease and kind not in (SOLICIT, REBIND, INFORMATION_REQUEST):
            parts.append(option(dhcp6_options.SERVER_ID, lease.server))
        if kind != INFORMATION_REQUEST:
            parts.append(dhcp6_options.association(self._iaid, lease.address if lease else self._faithful_to))
        return bytes((kind,)) + self._xid.to_bytes(3, "big") + b"".join(parts)
