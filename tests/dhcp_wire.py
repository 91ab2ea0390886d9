"""Packets of servers and neighbours for the tests, put together by hand from RFC 826, 903, 951, 2131 and 2132."""

import struct
from collections.abc import Iterable

from init.wire import ethernet

MAC = bytes.fromhex("525400123456")
SERVER_MAC = bytes.fromhex("525400fffefd")
NEIGHBOUR_MAC = bytes.fromhex("525400aaaaaa")
SERVER = bytes((10, 0, 0, 1))
ADDRESS = bytes((10, 0, 0, 50))
OFFER, ACK, NAK = 2, 5, 6
COOKIE = bytes((99, 130, 83, 99))
HOUR = (51, (3600).to_bytes(4, "big"))


def xid_of(frame: bytes) -> int:
    """The question's number."""
    return int.from_bytes(frame[46:50], "big")


def seconds_of(frame: bytes) -> int:
    """The question's `secs`."""
    return int.from_bytes(frame[50:52], "big")


def options_of(frame: bytes) -> dict[int, bytes]:
    """The question's options."""
    area, values = frame[42 + 240 :], {}
    while area[0] != 255:
        values[area[0]] = area[2 : 2 + area[1]]
        area = area[2 + area[1] :]
    return values


def options(pairs: Iterable[tuple[int, bytes]]) -> bytes:
    """The options field."""
    return COOKIE + b"".join(bytes((code, len(value))) + value for code, value in pairs) + b"\xff"


def payload(
    xid: int,
    area: bytes,
    *,
    operation: int = 2,
    hardware: int = 1,
    mac: bytes = MAC,
    address: bytes = ADDRESS,
    next_server: bytes = bytes(4),
    sname: bytes = b"",
    file: bytes = b"",
) -> bytes:
    """A BOOTREPLY; `area` begins with the cookie, where there is one."""
    fixed = struct.pack("!BBBBIHH", operation, hardware, 6, 0, xid, 0, 0)
    return fixed + struct.pack("!4x4s4s4x16s64s128s", address, next_server, mac, sname, file) + area


def frame(body: bytes, *, to: bytes = MAC, source: bytes = SERVER, ports: tuple[int, int] = (67, 68)) -> bytes:
    """A whole frame from the server to the client."""
    return ethernet.udp((SERVER_MAC, to), (source, ADDRESS), ports, body)


def answer(question: bytes, kind: int, *pairs: tuple[int, bytes], server: bytes = SERVER, **fields: object) -> bytes:
    """The server's answer of type `kind` (0: BOOTP) to a frame that the client sent."""
    told = [(53, bytes((kind,))), (54, server), *pairs] if kind else list(pairs)
    return frame(payload(xid_of(question), options(told), **fields))  # type: ignore[arg-type]


def arp_packet(address: bytes = ADDRESS, mac: bytes = NEIGHBOUR_MAC, operation: int = 2) -> bytes:
    """ARP by `mac`, which says that `address` is its own."""
    return MAC + mac + b"\x08\x06" + bytes((0, 1, 8, 0, 6, 4, 0, operation)) + mac + address + MAC + bytes(4)


def rarp_reply(target: bytes = MAC, server: bytes = SERVER, operation: int = 4) -> bytes:
    """The address of `target`, as a RARP server tells it."""
    body = bytes((0, 1, 8, 0, 6, 4, 0, operation)) + SERVER_MAC + server + target + ADDRESS
    return MAC + SERVER_MAC + b"\x80\x35" + body
