"""ARP (RFC 826): whether another machine has an address (RFC 5227), asked without input and output.

RFC 5227 asks three times within some seconds and waits for two more, which a boot cannot. Kernels answer ARP by
themselves, sooner than any server of DHCP: so two questions are asked, one making good the other's loss, and each
waits for as long as the server took for its offer, within SHORTEST and LONGEST. On an idle wire, which brings answers
in less than a millisecond, that is 20 ms in all; a link that is slow is given 200 ms. (udhcpc does not ask unless told
to, and then waits for two seconds.)

Only who has the address as the sender of a packet counts. The RFC would also count a machine that is itself just
asking for it: but switches ask so as well, for every address that they see given (device tracking), and a machine that
gives up its root's address because of that does not boot at all.
"""

from __future__ import annotations

from init.wire import ethernet
from init.wire.exchange import FOREVER, Exchange

_REQUEST, _REPLY = 1, 2
QUESTIONS = 2
SHORTEST, LONGEST = 0.01, 0.1  # seconds for each


def question(mac: bytes, address: bytes) -> bytes:
    """Build the question who has `address`, by a machine that has none and changes nobody's table (RFC 5227, 1.1)."""
    body = ethernet.Resolution(_REQUEST, mac, ethernet.ANY_ADDRESS, bytes(6), address)
    return ethernet.resolution(ethernet.ETH_P_ARP, body)


def parse(frame: bytes) -> ethernet.Resolution:
    """Read who sent an ARP packet, with the address 0.0.0.0 where that only asks.

    Raises NotForUsError: a bad one was hardly for us.
    """
    try:
        packet = ethernet.parse_resolution(frame, ethernet.ETH_P_ARP)
    except ethernet.PacketError as error:
        raise ethernet.NotForUsError(str(error)) from error
    if packet.operation not in (_REQUEST, _REPLY):
        raise ethernet.NotForUsError("neither ARP's question nor its answer")
    return packet


class Probe(Exchange):
    """The question after `address` (four bytes) by the card `mac`; `pace` is what the network takes for an answer, in
    seconds. It begins at `now`.
    """

    def __init__(self, mac: bytes, address: bytes, now: float, pace: float = LONGEST) -> None:
        super().__init__(0)
        self.owner = b""  # the other machine's hardware address
        self.over = False  # no answer is waited for any more
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
            self._outgoing.append(question(self._mac, self._address))
            self._deadline = now + self._wait
        else:
            self.over, self._deadline = True, FOREVER

    def receive(self, frame: bytes) -> bool:
        """Take in a frame; whether it is the first to say who has the address. Raises NotForUsError."""
        packet = parse(frame)
        if packet.address != self._address or packet.mac == self._mac or self.over:
            return False
        self.owner = packet.mac
        self.over, self._deadline = True, FOREVER
        self._outgoing.clear()
        return True
