"""Whether another machine has an address (RFC 5227), asked without input and output: frames and the time go in.

RFC 5227 asks three times within some seconds and waits for two more, which a boot cannot. On a wired link an answer
takes less than a millisecond: two questions, each with a tenth of a second for its answer, find whoever is awake, and
a question that is lost is made good by the other. (udhcpc does not ask unless told to, and then waits two seconds.)

Only who claims the address counts (it stands there as the sender's). The RFC would also count a machine that is
itself just asking for it: but switches ask so as well, for every address that they see given (device tracking), and a
machine that gives up its root's address because of that does not boot at all.
"""

from __future__ import annotations

from . import frames
from .exchange import FOREVER, Exchange

QUESTIONS, WAIT = 2, 0.1  # seconds each


class Probe(Exchange):
    """The question after `address` (four bytes) by the card `mac`. `holder` is the other machine's hardware address,
    b"" while there is none; when `over`, no answer is waited for any more.
    """

    def __init__(self, mac: bytes, address: bytes, now: float) -> None:
        super().__init__(0)
        self.holder = b""
        self.over = False
        self._mac, self._address = mac, address
        self._asked = 0
        self._deadline = now
        self.tick(now)

    def tick(self, now: float) -> None:
        """Ask, ask again, or be done."""
        if now < self._deadline:
            return
        if self._asked < QUESTIONS:
            self._asked += 1
            self._outgoing.append(frames.arp_probe(self._mac, self._address))
            self._deadline = now + WAIT
        else:
            self.over, self._deadline = True, FOREVER

    def receive(self, frame: bytes) -> bool:
        """Take in a frame; whether it is the first to say who has the address. Raises PacketError."""
        claim = frames.parse_arp(frame)
        if claim.address != self._address or claim.mac == self._mac or self.over:
            return False
        self.holder = claim.mac
        self.over, self._deadline = True, FOREVER
        self._outgoing.clear()
        return True
