"""A server's packets for the tests of init/dhcp.py, put together by hand from RFC 951, 2131 and 2132."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from init.wire import ethernet

MAC = bytes.fromhex("525400123456")
SERVER_MAC = bytes.fromhex("525400fffefd")
SERVER = bytes((10, 0, 0, 1))
ADDRESS = bytes((10, 0, 0, 50))
OFFER, ACK, NAK = 2, 5, 6
COOKIE = bytes((99, 130, 83, 99))


def xid_of(frame: bytes) -> int:
    """The question's number."""
    return int.from_bytes(frame[46:50], "big")


def seconds_of(frame: bytes) -> int:
    """The question's `secs`."""
    return int.from_bytes(frame[50:52], "big")


def options_of(frame: bytes) -> dict[int, bytes]:
    """The question's options."""
    area, found = frame[42 + 240 :], {}
    while area[0] != 255:
        found[area[0]] = area[2 : 2 + area[1]]
        area = area[2 + area[1] :]
    return found


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
    fixed = struct.pack(
        "!BBBBIHH4s4s4s4s16s64s128s",
        operation,
        hardware,
        6,
        0,
        xid,
        0,
        0,
        bytes(4),
        address,
        next_server,
        bytes(4),
        mac,
        sname,
        file,
    )
    return fixed + area


def frame(body: bytes, *, to: bytes = MAC, source: bytes = SERVER, ports: tuple[int, int] = (67, 68)) -> bytes:
    """A whole frame from the server to the client."""
    return ethernet.udp((SERVER_MAC, to), (source, ADDRESS), ports, body)


def answer(question: bytes, kind: int, *pairs: tuple[int, bytes], server: bytes = SERVER, **fields: object) -> bytes:
    """The server's answer of type `kind` (0: BOOTP) to a frame that the client sent."""
    told = [(53, bytes((kind,))), (54, server), *pairs] if kind else list(pairs)
    return frame(payload(xid_of(question), options(told), **fields))  # type: ignore[arg-type]
