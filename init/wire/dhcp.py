"""A DHCP, BOOTP and RARP client without input and output: frames and the time go in, frames and a lease
come out.

Theory of operation. A Client starts in SELECTING with its first question ready in outgoing(). The caller
sends what outgoing() returns, hands every frame to receive(), and calls tick() when deadline() has passed;
the state changes only there, and only as dhcp_states.NEXT says. When `lease` is set the client is bound; the caller
may go on (deadline() is then the time of renewal) or drop it.

An address that is offered is asked for by ARP while the server is asked to give it (arp.py), so that PROBING is what
remains of the 20 to 200 ms that this takes. An address that another machine has is declined.

Sources: RFC 2131 (states, times), RFC 2132 (options), RFC 3396 (long options), RFC 3397 (119), RFC 3442
(121), RFC 951 and 1542 (BOOTP), RFC 903 (RARP), RFC 1534 (a BOOTP server's answer to DHCP, taken where any
protocol will do).
"""

from __future__ import annotations

from init.system.stdlib import NamedTuple
from init.wire import arp, bootp, dhcp_options, ethernet
from init.wire.bootp import ACK, CLIENT_PORT, DECLINE, DISCOVER, NAK, OFFER, RELEASE, REQUEST, SERVER_PORT, Reply
from init.wire.dhcp_options import Lease
from init.wire.dhcp_states import NEXT, PROBING, REBOOTING, REQUESTING, SELECTING
from init.wire.ethernet import NotForUsError, PacketError
from init.wire.exchange import BOUND, FOREVER, REBINDING, RENEWING, Exchange, Outcome
from init.wire.ip4 import classful_prefix, dotted, is_host, packed

_EVENTS = {OFFER: "offer", ACK: "ack", NAK: "nak"}
FIRST_WAIT, LONGEST_WAIT = 4.0, 64.0  # seconds, doubled each time and spread by one second (RFC 2131, 4.1)
REQUEST_ATTEMPTS = 3
FAITHFUL_ATTEMPTS = 2  # questions in which a resumed client hopes for the address it had: 12 seconds
SECOND_CHANCE = 0.5  # seconds
DECLINE_WAIT = 10.0  # seconds until a server is asked again after a decline (RFC 2131, 3.1)


class Wish(NamedTuple):
    """What a client asks servers for; "" and b"" where nothing is asked for."""

    protocol: str = "any"  # "dhcp", "bootp", "rarp", "both" (the last two), "any" (all three)
    address: str = ""  # the one that it would like to have
    server: str = ""  # the one whose answers alone count
    hostname: str = ""
    nis_domain: str = ""
    client_id: bytes = b""  # option 61: a type byte and the value


class Client(Exchange):
    """One device's client: see the theory of operation above.

    `mac` is six bytes; `xid` (32 bits by chance, from which the spread of the waits follows) and `now` (seconds on any
    clock that only goes forward) are the caller's. `fresh` says that the link has only just come up: the other end may
    not have seen its carrier yet and lose its answer, so the first question is repeated after SECOND_CHANCE. `probing`
    says that frames of ARP are sent and handed in as well, and no address is taken that another machine has.
    """

    def __init__(
        self, mac: bytes, xid: int, wish: Wish, now: float, *, fresh: bool = False, probing: bool = False
    ) -> None:
        super().__init__(xid & 0xFFFFFFFF)
        self.state = SELECTING
        self.lease: Lease | None = None
        self._mac = mac
        self._xid = xid & 0xFFFFFFFF
        self._wish = wish
        self._started = self._asked = now
        self._fresh = fresh
        self._probing = probing
        self._probe: arp.Probe | None = None
        self._declined: set[str] = set()
        self._attempts = self._refusals = 0
        self._offer: Lease | None = None
        self._faithful_to = ""  # the address that a resumed client had
        self._discover(now)

    @classmethod
    def resume(cls, mac: bytes, xid: int, wish: Wish, lease: Lease, now: float) -> Client:
        """Return a client that is BOUND to a `lease` of earlier; `lease.obtained` is on the clock of `now`.

        Should it lose that lease, it asks for the same address again, and takes another one only when
        FAITHFUL_ATTEMPTS questions brought no such offer.
        """
        client = cls(mac, xid, wish, now, probing=True)
        client._outgoing.clear()
        client._offer, client._faithful_to = lease, lease.address
        client.state = REQUESTING
        client._change("ack", now)
        return client

    @classmethod
    def reboot(cls, mac: bytes, xid: int, wish: Wish, had: Lease, now: float) -> Client:
        """Return a client that asks again for an address that it `had`, of whichever server knows it; without an answer
        to REQUEST_ATTEMPTS quick questions (3.5 s) it is BOUND to `had`.
        """
        client = cls(mac, xid, wish, now, probing=True)
        client._offer = had
        client._reboot(now)
        return client

    def moved(self, now: float) -> None:
        """Ask whether the address is still good: the link was cut, and may lead to another network by now."""
        if self.state == SELECTING:
            self._attempts = 0
            self._discover(now)
        elif self.state in (BOUND, RENEWING, REBINDING):
            self._reboot(now)

    def _reboot(self, now: float) -> None:
        self._offer, self.lease = self.lease or self._offer, None
        self.state, self._attempts, self._xid = REBOOTING, 0, self._random()
        self._started = self._asked = now
        self._outgoing.clear()
        self._ask(now)

    def deadline(self) -> float:
        return min(self._deadline, self._probe.deadline()) if self._probe else self._deadline

    def tick(self, now: float) -> None:
        """Do what is due at `now`: ask again, renew, give up an offer or an expired lease."""
        if self._probe:
            self._probe.tick(now)
            self._outgoing += self._probe.outgoing()
            if self.state == PROBING and self._probe.over:
                self._change("free", now)
        while now >= self._deadline:  # more than once where the caller comes late
            self._due(now)

    def _due(self, now: float) -> None:
        """Do the one thing whose time has come; the deadline moves on."""
        if self.state == SELECTING:
            self._discover(now)
        elif self.state in (REQUESTING, REBOOTING) and self._attempts < REQUEST_ATTEMPTS:
            self._ask(now)
        elif self.state in (REQUESTING, REBOOTING):
            self._change("silence" if self.state == REQUESTING or self._faithful_to else "alone", now)
        elif self.lease is not None:
            self._age(self.lease, now)

    def repeat(self, now: float) -> None:
        """Repeat the first question where there is no answer yet: it may never have left the machine."""
        if self.state == SELECTING and not self._declined and not self._refusals:
            self._fresh = True
            self._discover(now)
        elif self.state == REBOOTING:
            self._reboot(now)

    def receive(self, frame: bytes, now: float, *, checksummed: bool = True) -> Outcome:
        """Take in a frame (`checksummed` as in ethernet.parse_udp). Never raises."""
        try:
            kind = ethernet.ethertype(frame)
            if kind == ethernet.ETH_P_RARP:
                return self._take_rarp(frame, now)
            if kind == ethernet.ETH_P_ARP:
                return self._take_arp(frame, now)
            datagram = ethernet.parse_udp(frame, self._mac, CLIENT_PORT, checksummed=checksummed)
            reply = bootp.parse_reply(datagram.payload, self._mac, self._xid)
            return self._take(reply, datagram, now)
        except NotForUsError as error:
            return Outcome("ignored", str(error))
        except PacketError as error:
            return Outcome("dropped", str(error))

    def release(self) -> bytes:
        """Return the frame that gives the lease back (RFC 2131, 4.4.6), empty where there is none."""
        if self.lease is None or self.lease.protocol != "dhcp":
            return b""
        body = self._message(RELEASE, self.lease.address, {dhcp_options.SERVER_ID: packed(self.lease.server) or b""})
        return self._unicast(self.lease, body)

    # -- what comes in

    def _take(self, reply: Reply, datagram: ethernet.Datagram, now: float) -> Outcome:
        """Act on a BOOTREPLY that is meant for us."""
        event = _EVENTS.get(reply.kind, "") if reply.kind else "answer"
        if (self.state, event) not in NEXT or not self._speaks(event):
            raise NotForUsError(f"{event or f'message type {reply.kind}'} is not expected while {self.state}")
        server = reply.options.get(dhcp_options.SERVER_ID, b"")
        if event == "offer" and not _is_server(server):
            raise PacketError("no server identifier (option 54)")
        if event == "nak":
            asked_one = self.state in (REQUESTING, RENEWING)
            if asked_one and self._offer and server != packed(self._offer.server):
                raise PacketError("refusal by another server")
            self._refusals += 1
            self._change(event, now)
            return Outcome("nak", dhcp_options.text(reply.options.get(dhcp_options.MESSAGE, b"")))
        if not is_host(reply.address):
            raise PacketError("the address offered is not the address of a machine")
        lease = self._lease(reply, datagram, "bootp" if event == "answer" else "dhcp")
        if event == "offer" and self._attempts <= FAITHFUL_ATTEMPTS and self._faithful_to not in ("", lease.address):
            raise PacketError(f"offers {lease.address} while {self._faithful_to} is still hoped for")
        if event == "ack" and self._offer and lease.address != self._offer.address:
            raise PacketError("acknowledges another address than was offered")
        if (event == "offer" or self.state == REBOOTING) and self._probing and lease.address != self._faithful_to:
            self._probe = arp.Probe(self._mac, reply.address, now, now - self._asked)
        self._offer = lease
        self._change(event, now)
        if self._probe:
            self._outgoing += self._probe.outgoing()
        return Outcome(event)

    def _lease(self, reply: Reply, datagram: ethernet.Datagram, protocol: str) -> Lease:
        """Read an answer. A relay or a server's twin may acknowledge in its own name what another has offered; an
        acknowledgement without a name is the server's that was asked.
        """
        named, asked = reply.options.get(dhcp_options.SERVER_ID, b""), self._offer
        server = (
            dotted(named) if _is_server(named) else asked.server if asked and asked.server else dotted(datagram.source)
        )
        bare = Lease(
            protocol,
            dotted(reply.address),
            server,
            datagram.source_mac,
            self._asked,
            classful_prefix(reply.address),
            boot_server=dotted(reply.next_server) if is_host(reply.next_server) else "",
        )
        return dhcp_options.with_options(bare, reply.options)

    def _take_arp(self, frame: bytes, now: float) -> Outcome:
        """Hear of a machine that has the address that was offered to us."""
        if not self._probe or not self._offer or not self._probe.receive(frame):
            raise NotForUsError("ARP about another address")
        address, owner = self._offer.address, self._probe.owner
        if self.state == PROBING:
            self._decline(self._offer, now)
        return Outcome("taken", f"{address} is in use by {owner.hex(':')}")

    def _take_rarp(self, frame: bytes, now: float) -> Outcome:
        """Act on a RARP reply; a server on the command line is the only one to count (nfsroot document)."""
        from init.wire import rarp  # late: few boots need it

        reply = rarp.parse(frame, self._mac)
        if not self._asks_rarp() or self.state != SELECTING:
            raise PacketError(f"RARP is not expected while {self.state}")
        if self._wish.server and packed(self._wish.server) != reply.server:
            raise PacketError("RARP reply by another server")
        if not is_host(reply.address):
            raise PacketError("the address given is not the address of a machine")
        address, server = dotted(reply.address), dotted(reply.server)
        self._offer = Lease("rarp", address, server, reply.source_mac, now, classful_prefix(reply.address))
        self._change("answer", now)
        return Outcome("answer")

    def _speaks(self, event: str) -> bool:
        """Whether the protocol asked for has such a message."""
        return self._wish.protocol in (("any", "bootp", "both") if event == "answer" else ("any", "dhcp"))

    def _asks_rarp(self) -> bool:
        return self._wish.protocol in ("rarp", "both")

    # -- what time and packets do to the state

    def _change(self, event: str, now: float) -> None:
        """Enter the state that NEXT names and do what it begins with."""
        self.state = NEXT[self.state, event]
        self._attempts = 0
        if self.state == SELECTING:
            self.lease = self._offer = self._probe = None
            self._xid = self._random()
            # One refusal may be an old lease's; a server that always refuses is not asked at the network's speed.
            pause = self._wait(self._refusals - 2) if self._refusals >= 2 else 0.0
            self._deadline = now + (DECLINE_WAIT if event == "taken" else pause)
            self.tick(now)
        elif self.state == PROBING:
            self._deadline = FOREVER
            if self._probe and self._probe.owner and self._offer:
                self._decline(self._offer, now)
            elif self._probe is None or self._probe.over:
                self._change("free", now)
        elif self.state == BOUND:
            self._refusals = 0
            self._probe = None
            self.lease = self._offer
            self._faithful_to = self._faithful_to and self.lease.address if self.lease else ""
            self._deadline = self._at(self.lease, "renew")
        else:
            self._ask(now)

    def _age(self, lease: Lease, now: float) -> None:
        """Renew, rebind or lose a lease, or repeat the question."""
        if self.state == BOUND:
            self._started = self._asked = now  # `secs` counts from the renewal's beginning (RFC 2131, table 1)
            self._change("t1", now)
        elif self.state == RENEWING and now >= self._at(lease, "rebind"):
            self._change("t2", now)
        elif self.state == REBINDING and now >= self._at(lease, "expire"):
            self._change("expired", now)
        else:
            self._ask(now)

    @staticmethod
    def _at(lease: Lease | None, what: str) -> float:
        if lease is None or lease.seconds is None:
            return FOREVER
        after = {"renew": lease.renew_after, "rebind": lease.rebind_after, "expire": lease.seconds}[what]
        return lease.obtained + after

    def _wait(self, attempt: int) -> float:
        """Return 4, 8, 16, 32, 64, 64… seconds for attempt 0, 1, 2…, each spread by up to one second."""
        return min(FIRST_WAIT * 2.0 ** min(attempt, 10), LONGEST_WAIT) + self._random() / 0x7FFFFFFF - 1.0

    # -- what goes out

    def _discover(self, now: float) -> None:
        """Ask every server that there is."""
        self._asked = now
        if self._wish.protocol != "rarp":
            asked = "" if self._wish.address in self._declined else self._wish.address
            options = {dhcp_options.REQUESTED_ADDRESS: packed(asked) or b""}
            dhcp = self._wish.protocol in ("any", "dhcp")
            self._broadcast(self._message(DISCOVER, "", options) if dhcp else self._message(0, "", {}))
        if self._asks_rarp():
            from init.wire import rarp  # late: few boots need it

            self._outgoing.append(rarp.question(self._mac))
        if self._fresh:
            self._fresh, self._attempts, self._deadline = False, 0, now + SECOND_CHANCE
        else:
            self._deadline = now + self._wait(self._attempts)
            self._attempts += 1

    def _ask(self, now: float) -> None:
        """Ask for the address that was offered, or to keep the one we have."""
        lease = self.lease or self._offer
        if lease is None:
            return
        if self.state == REQUESTING:
            # The RFC has REQUEST repeat DISCOVER's `secs`: so the time of asking is set after the message is built.
            self._broadcast(self._message(REQUEST, "", _naming(lease)))
            self._deadline = now + self._wait(self._attempts)
        elif self.state == REBOOTING:
            self._broadcast(self._message(REQUEST, "", {dhcp_options.REQUESTED_ADDRESS: packed(lease.address) or b""}))
            hasty = SECOND_CHANCE * 2.0**self._attempts
            self._deadline = now + (self._wait(self._attempts) if self._faithful_to else hasty)
        else:
            body = self._message(REQUEST, lease.address, {})
            if self.state == RENEWING:
                self._outgoing.append(self._unicast(lease, body))
            else:
                self._broadcast(body, source=lease.address)
            end = self._at(lease, "rebind" if self.state == RENEWING else "expire")
            # Half of what is left, not more often than each minute (RFC 2131, 4.4.5), or than a short lease stands.
            least = min(60.0, (lease.seconds or 0) / 20)
            self._deadline = min(now + max((end - now) / 2, least), end)
        self._asked = now
        self._attempts += 1

    def _decline(self, lease: Lease, now: float) -> None:
        """Tell the server that another machine has the address that it gave us."""
        self._broadcast(self._message(DECLINE, "", _naming(lease)))
        self._declined.add(lease.address)
        self._change("taken", now)

    def _message(self, kind: int, address: str, options: dict[int, bytes]) -> bytes:
        """Build a message; `address` is the one we already have, kind 0 is plain BOOTP."""
        options = {dhcp_options.CLIENT_ID: self._wish.client_id, **options}
        seconds = 0
        if kind not in (DECLINE, RELEASE):  # which have no `secs` and no more options (RFC 2131, table 5)
            seconds = int(self._asked - self._started)
            options[dhcp_options.HOST_NAME] = self._wish.hostname.encode("ascii", "ignore")
            options[dhcp_options.NIS_DOMAIN] = self._wish.nis_domain.encode("ascii", "ignore")
        return bootp.build(kind, self._mac, self._xid, seconds, address, options)

    def _broadcast(self, body: bytes, source: str = "") -> None:
        addresses = (packed(source) or ethernet.ANY_ADDRESS, ethernet.BROADCAST_ADDRESS)
        ports = (CLIENT_PORT, SERVER_PORT)
        self._outgoing.append(ethernet.udp((self._mac, ethernet.BROADCAST_MAC), addresses, ports, body))

    def _unicast(self, lease: Lease, body: bytes) -> bytes:
        """Address a frame to the server by the machine on this link that brought its answer."""
        addresses = (packed(lease.address) or b"", packed(lease.server) or b"")
        return ethernet.udp((self._mac, lease.server_mac), addresses, (CLIENT_PORT, SERVER_PORT), body)


def _is_server(identifier: bytes) -> bool:
    return len(identifier) == 4 and is_host(identifier)


def _naming(lease: Lease) -> dict[int, bytes]:
    """The options that say which offer of which server is meant."""
    return {
        dhcp_options.REQUESTED_ADDRESS: packed(lease.address) or b"",
        dhcp_options.SERVER_ID: packed(lease.server) or b"",
    }
