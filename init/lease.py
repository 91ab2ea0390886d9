"""A lease kept for as long as the machine runs: what renewing means where the root hangs on the address.

Theory of operation. A Holding goes on where the boot's DHCP client ended: bound, with the lease of the recorded
state. It is sans-IO as dhcp.Client is, and driven the same way: outgoing(), receive(), tick() when deadline() has
passed, on the clock of the lease (CLOCK_BOOTTIME); what is to be logged is in `news`. What it adds to the client
is what a root on the network asks for:

- Nothing is ever taken away. RFC 2131 has a client stop using an address when its lease ends or is refused; then
  the root would be gone, and with it whoever could mend it. The address stays and servers are asked on. A server
  makes sure that nobody answers on an address before it gives it to somebody else, and we do answer.
- Another address is taken only where the server insists: after a refusal or the lease's end, when several questions
  brought no offer of the old one (dhcp.FAITHFUL_ATTEMPTS). It is added to the old one, which stays for the
  connections over it; routes follow the new lease, so that a network that was really renumbered is reached again
  by whoever connects anew (a share mounted `hard` does).
- An address that the device no longer has, or has for a time only, was taken over by a DHCP client of the real
  system: its lease is left alone, and looked at again later.
"""

from __future__ import annotations

from . import dhcp, netstate
from .ipconfig import Request
from .netstate import Interface
from .options import Lease

SOONEST_LOOK, LATEST_LOOK = 10.0, 300.0  # seconds between two looks at an address that is not ours


def _resume(interface: Interface, xid: int, now: float) -> dhcp.Client:
    """The client of the boot once more, told what the boot's had been told."""
    lease = Lease(
        interface.protocol,
        interface.address,
        interface.server,
        bytes.fromhex(interface.server_mac.replace(":", "")),
        interface.obtained,
        interface.prefix,
        seconds=interface.lease_seconds or None,
        renew_after=interface.renew_after,
        rebind_after=interface.rebind_after,
    )
    request = Request(
        client=interface.address,
        autoconf="dhcp",
        hostname=interface.hostname if "hostname" in interface.fixed else "",
        domain=interface.nis_domain if "nis_domain" in interface.fixed else "",
        client_id=bytes.fromhex(interface.client_id),
    )
    return dhcp.Client.resume(bytes.fromhex(interface.mac.replace(":", "")), xid, request, lease, now)


def release(interface: Interface, xid: int, now: float) -> bytes:
    """Return the frame that gives an interface's lease back, empty where it has none any more."""
    ended = interface.lease_seconds and now >= interface.obtained + interface.lease_seconds
    return b"" if interface.protocol != "dhcp" or ended else _resume(interface, xid, now).release()


class Holding:
    """One interface's lease. `interface` is what became of it, `news` are (level, line) to be logged."""

    def __init__(self, interface: Interface, xid: int, now: float) -> None:
        """`xid` is a random number of 32 bits, `now` in seconds of CLOCK_BOOTTIME."""
        self.interface = interface
        self.news: list[tuple[int, str]] = []
        self._client = _resume(interface, xid, now)
        self._look_at = 0.0  # while the address is not ours
        self._dropped = ""

    @property
    def asking(self) -> bool:
        """Whether an answer may come."""
        return self._client.state != dhcp.BOUND and not self._look_at

    def deadline(self) -> float:
        """Return the time at which tick() has something to do; infinity where never."""
        return self._look_at or self._client.deadline()

    def outgoing(self) -> tuple[bytes, ...]:
        """Return the frames to send now, each once."""
        return self._client.outgoing()

    def tick(self, now: float, *, ours: bool) -> None:
        """Do what is due; `ours` says whether a device has the address as we left it."""
        if not ours:
            if not self._look_at:
                self._say(4, "no longer on a device as it was left there; the lease is left alone")
            self._look_at = now + max(SOONEST_LOOK, min(LATEST_LOOK, self.interface.lease_seconds / 8))
            return
        if self._look_at:
            self._say(5, "there again; its lease is kept again")
            self._look_at = 0.0
        before = self._client.state
        self._client.tick(now)
        if self._client.state != before:
            self._tell(now)

    def receive(self, frame: bytes, now: float, *, checksummed: bool = True) -> bool:
        """Take in a frame (`checksummed` as in frames.parse_udp); whether there is a new lease."""
        before = self._client.state
        outcome = self._client.receive(frame, now, checksummed=checksummed)
        if outcome.kind == "nak":
            reason = outcome.reason or "no reason given"
            self._say(3, f"REFUSED by the server ({reason}); it stays, for the root is on it, and is asked for anew")
        elif outcome.kind == "dropped" and outcome.reason != self._dropped:
            self._dropped = outcome.reason
            self._say(6, f"dropped a packet: {outcome.reason}")
        elif outcome.kind == "ack" and self._client.lease is not None:
            self._take(self._client.lease, before)
            return True
        return False

    def _tell(self, now: float) -> None:
        """Log the state that time has brought."""
        interface = self.interface
        left = interface.obtained + interface.lease_seconds - now
        if self._client.state == dhcp.RENEWING:
            self._say(7, f"asking {interface.server} to renew the lease")
        elif self._client.state == dhcp.REBINDING:
            self._say(4, f"no answer from {interface.server}; asking every server, {left:.0f} s of the lease left")
        else:
            self._say(3, "the lease HAS RUN OUT without an answer; it stays, for the root is on it; asking on")

    def _take(self, lease: Lease, before: str) -> None:
        """Go over to the lease that was acknowledged in the state `before`."""
        old, self.interface, self._dropped = self.interface, netstate.renewed(self.interface, lease), ""
        time = f"{lease.seconds} s" if lease.seconds else "ever"
        if self.interface.address != old.address:
            self._say(
                2,
                f"GIVEN INSTEAD OF {old.address} by {lease.server}, which insists; "
                f"{old.address} stays for as long as the root's connections need it",
            )
        elif before == dhcp.REQUESTING:
            self._say(5, f"given again by {lease.server} for {time}")
        else:
            self._say(7, f"lease renewed by {lease.server} for {time}")

    def _say(self, level: int, text: str) -> None:
        self.news.append((level, f"{self.interface.device}: {self.interface.address}: {text}"))
