"""A lease kept for as long as the machine runs: what renewing means where the root hangs on the address.

Theory of operation. A Holding goes on where the boot's client of DHCP or DHCPv6 ended: bound, with the lease of the
recorded state. It is sans-IO as they are, and driven the same way: outgoing(), receive(), tick() when deadline() has
passed, on the clock of the lease (CLOCK_BOOTTIME); what is to be logged is in `news`. What it adds to the client
is what a root on the network asks for:

- Nothing is ever taken away. RFC 2131 has a client stop using an address when its lease ends or is refused; then
  the root would be gone, and with it all that could mend it. The address stays and servers are asked on. A server
  makes sure that nobody answers on an address before it gives it to somebody else, and we do answer.
- Another address is taken only where the server insists: after a refusal or the lease's end, when several questions
  brought no offer of the old one (dhcp.FAITHFUL_ATTEMPTS). It is added to the old one, which stays for the
  connections over it; routes follow the new lease, so that a network that was really renumbered is reached again
  by what connects anew (a share mounted `hard` does).
- An address that the device no longer has, or has for a time only, was taken over by a DHCP client of the real
  system: its lease is left alone, and looked at again later.
"""

from __future__ import annotations

from init.network.state import Interface, lease_of, renewed
from init.system.log import CRITICAL, DEBUG, ERROR, INFO, NOTICE, WARNING
from init.system.stdlib import TYPE_CHECKING
from init.wire import dhcp
from init.wire.dhcp_options import Lease
from init.wire.dhcp_states import REBOOTING
from init.wire.ethernet import octets
from init.wire.exchange import BOUND, REBINDING, RENEWING

if TYPE_CHECKING:
    from init.wire.dhcp6 import Client as Client6
    from init.wire.dhcp6_options import Lease6

SOONEST_LOOK, LATEST_LOOK = 10.0, 300.0  # seconds between two looks at an address that is not ours


def _client(interface: Interface, xid: int, now: float) -> dhcp.Client | Client6:
    if interface.six:
        from init.keeper import holding6  # late: few boots need it

        return holding6.resume(interface, xid, now)
    return _resume(interface, xid, now)


def _resume(interface: Interface, xid: int, now: float) -> dhcp.Client:
    """The client of the boot once more, told what the boot's had been told."""
    wish = dhcp.Wish(
        protocol="dhcp",
        address=interface.address,
        hostname=interface.hostname if "hostname" in interface.fixed else "",
        nis_domain=interface.nis_domain if "nis_domain" in interface.fixed else "",
        client_id=bytes.fromhex(interface.client_id),
    )
    return dhcp.Client.resume(octets(interface.mac), xid, wish, lease_of(interface), now)


def release_frame(interface: Interface, xid: int, now: float) -> bytes:
    """Return the frame that gives an interface's lease (IPv4's) back, empty where it has none.

    One that has run out by this machine's clock is given back, too: the address was in use until now, and a server
    that has given it to somebody else finds that the lease is not this client's.
    """
    return _resume(interface, xid, now).release() if interface.protocol == "dhcp" else b""


class Holding:
    """One interface's lease."""

    def __init__(self, interface: Interface, xid: int, now: float) -> None:
        """`xid` is a random number of 32 bits, `now` in seconds of CLOCK_BOOTTIME."""
        self.interface = interface  # with the lease that it has by now
        self.news: list[tuple[int, str]] = []  # levels and lines to be logged
        self._client = _client(interface, xid, now)
        self._look_at = 0.0  # when to look whether the address is ours again, 0 while it is
        self._dropped = ""  # why a packet was dropped last, as it was logged
        self._ended = False  # the lease, and it has been logged

    @property
    def asking(self) -> bool:
        return self._client.state != BOUND and not self._look_at

    def deadline(self) -> float:
        """Return the time at which tick() has something to do; infinity where never."""
        return self._look_at or self._client.deadline()

    def outgoing(self) -> tuple[bytes, ...]:
        """Return the frames (IPv6: UDP payloads) to send now, each once."""
        return self._client.outgoing()

    def tick(self, now: float, *, ours: bool) -> None:
        """Do what is due; `ours` says whether a device has the address as we left it."""
        if not ours:
            if not self._look_at:
                self._say(WARNING, "no longer on a device as it was left there; the lease is left alone")
            self._look_at = now + max(SOONEST_LOOK, min(LATEST_LOOK, self.interface.lease_seconds / 8))
            return
        if self._look_at:
            self._say(NOTICE, "there again; its lease is kept again")
            self._look_at = 0.0
        before = self._client.state
        self._client.tick(now)
        if self._client.state != before and not self._taken(before):
            self._tell(now)

    def moved(self, now: float) -> None:
        """The link was cut and is back: it may be another network's by now, so the lease is asked for anew."""
        if not self._look_at:
            self._say(INFO, "the carrier is back; asking whether the address is still good")
            self._client.moved(now)

    def receive(self, frame: bytes, now: float, *, checksummed: bool = True) -> bool:
        """Take in a frame (`checksummed` as in ethernet.parse_udp) or IPv6's payload; whether there is a new lease."""
        before, client = self._client.state, self._client
        if isinstance(client, dhcp.Client):
            outcome = client.receive(frame, now, checksummed=checksummed)
        else:
            outcome = client.receive(frame, now)
        if outcome.kind == "nak":
            reason = outcome.reason or "no reason given"
            self._say(
                ERROR, f"REFUSED by the server ({reason}); it stays, for the root is on it, and is asked for anew"
            )
        elif outcome.kind == "dropped" and outcome.reason != self._dropped:
            self._dropped = outcome.reason
            self._say(INFO, f"dropped a packet: {outcome.reason}")
        elif outcome.kind == "taken":
            self._say(WARNING, f"another machine has the address offered instead: {outcome.reason}")
        return self._taken(before)

    def _taken(self, before: str) -> bool:
        """Go over to the lease that there is now, and was not in the state `before`."""
        if before == BOUND or self._client.state != BOUND or self._client.lease is None:
            return False
        self._take(self._client.lease, before)
        return True

    def _tell(self, now: float) -> None:
        """Log the state that time has brought."""
        interface = self.interface
        left = interface.obtained + interface.lease_seconds - now
        if self._client.state == RENEWING:
            self._say(DEBUG, f"asking {interface.server} to renew the lease")
        elif self._client.state == REBINDING:
            self._say(
                WARNING, f"no answer from {interface.server}; asking every server, {left:.0f} s of the lease left"
            )
        elif now >= interface.obtained + interface.lease_seconds and not self._ended:
            self._ended = True
            self._say(ERROR, "the lease HAS RUN OUT without an answer; it stays, for the root is on it; asking on")

    def _take(self, lease: Lease | Lease6, before: str) -> None:
        """Go over to the lease that was given in the state `before`."""
        old, self._dropped, self._ended = self.interface, "", False
        if isinstance(lease, Lease):
            self.interface = renewed(old, lease)
        else:
            from init.network import state6  # late: few boots need it

            self.interface = state6.renewed(old, lease)
        seconds, server = f"{lease.seconds} s" if lease.seconds else "ever", self.interface.server
        if self.interface.address != old.address:
            self._say(
                CRITICAL,
                f"GIVEN INSTEAD OF {old.address} by {server}, which insists; "
                f"{old.address} stays for as long as the root's connections need it",
            )
        elif before in (RENEWING, REBINDING, REBOOTING):
            self._say(DEBUG, f"lease renewed by {server} for {seconds}")
        else:
            self._say(NOTICE, f"given again by {server} for {seconds}")

    def _say(self, level: int, text: str) -> None:
        self.news.append((level, f"{self.interface.device}: {self.interface.address}: {text}"))
