"""RARP (RFC 903): the question "what is my address?", and its answer."""

from __future__ import annotations

from init.system.stdlib import NamedTuple
from init.wire.ethernet import ANY_ADDRESS, ETH_P_RARP, NotForUsError, Resolution, parse_resolution, resolution

_REQUEST, _REPLY = 3, 4


class RarpReply(NamedTuple):
    """What a RARP server's answer says."""

    source_mac: bytes  # the frame's
    server: bytes
    address: bytes  # ours


def question(mac: bytes) -> bytes:
    """Build the question."""
    return resolution(ETH_P_RARP, Resolution(_REQUEST, mac, ANY_ADDRESS, mac, ANY_ADDRESS))


def parse(frame: bytes, mac: bytes) -> RarpReply:
    """Read the answer to question(). Raises PacketError."""
    packet = parse_resolution(frame, ETH_P_RARP)
    if packet.operation != _REPLY:
        raise NotForUsError("not a RARP reply")
    if packet.target_mac != mac:
        raise NotForUsError("RARP reply for another machine")
    return RarpReply(frame[6:12], packet.address, packet.target)
