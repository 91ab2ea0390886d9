"""Whether another machine has an address (RFC 5227), asked without input and output: frames and the time go in.

RFC 5227 asks three times within some seconds and waits for two more, which a boot cannot. Kernels answer ARP by
themselves, sooner than any server of DHCP: so two questions are asked, one making good the other's loss, and each
waits for as long as the server took for its offer, within SHORTEST and LONGEST. On an idle wire, which brings answers
in less than a millisecond, that is 20 ms in all; a link that is slow is given 200 ms. (udhcpc does not ask unless told
to, and then waits for two seconds.)

Only who claims the address counts (it stands there as the sender's). The RFC would also count a machine that is
itself just asking for it: but switches ask so as well, for every address that they see given (device tracking), and a
machine that gives up its root's address because of that does not boot at all.
"""

from __future__ import annotations

from . import frames
from .exchange import FOREVER, Exchange

QUESTIONS = 2
SHORTEST, LONGEST = 0.01, 0.1  # seconds for each


class Probe(Exchange):
    """The question after `address` (four bytes) by the card `mac`; `pace` is what the network takes for an answer, in
    seconds. `holder` is the other machine's hardware address, b"" while there is none; when `over`, no answer is waited
    for any more.
    """

    def __init__(self, mac: bytes, address: bytes, now: float, pace: float = LONGEST) -> None:
        super().__init__(0)
        self.holder = b""
        self.over = False
        self._mac, self._address = mac, address
        self._wait = min(max(pace, SHORTEST), LONGEST)
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
            self._deadline = now + self._wait
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
