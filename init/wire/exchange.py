"""What every client without input and output has in common: messages that wait to be sent, the time of its next deed,
and numbers by chance.

The caller sends what outgoing() returns, hands in what arrives, and calls the client's tick() when deadline() has
passed; nothing changes but there. dhcp.Client, dhcp6.Client and arp.Probe are such clients.
"""

from __future__ import annotations

from init.system.stdlib import NamedTuple

FOREVER = float("inf")  # a time that never comes
# Seconds without end as 32 bits write them: RFC 2131, 3.3; RFC 8415, 7.7; INFINITY_LIFE_TIME in linux/if_addr.h.
INFINITE = 0xFFFFFFFF
# The states of a lease that is kept, whatever the protocol.
BOUND, RENEWING, REBINDING = "bound", "renewing", "rebinding"


class Outcome(NamedTuple):
    """What receive() made of a message."""

    # "offer", "ack", "nak", "answer", "taken" (another machine has the address), "ignored" (other traffic) or "dropped"
    # (meant for us, but wrong).
    kind: str
    reason: str = ""  # why it was ignored or dropped, or a server's words


class Exchange:
    """The common part; `seed` is a number by chance, from which all others follow."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._outgoing: list[bytes] = []
        self._deadline = FOREVER

    def outgoing(self) -> tuple[bytes, ...]:
        """Return the messages to send now, each once."""
        ready, self._outgoing = tuple(self._outgoing), []
        return ready

    def deadline(self) -> float:
        """Return the time at which tick() has something to do; FOREVER where it has nothing."""
        return self._deadline

    def _random(self) -> int:
        """Return 32 bits that differ from machine to machine (a linear congruential generator, Knuth's MMIX)."""
        self._seed = (self._seed * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        return self._seed >> 32
