"""Asking a port mapper which port a program listens on (RFC 1833, 3.2), in one record of TCP (RFC 5531, 11)."""

from __future__ import annotations

import struct

PORT = 111
NFS, MOUNT = 100003, 100005  # programs
LONGEST = 512  # bytes of an answer
_PROGRAM, _VERSION, _GETPORT = 100000, 2, 3
_CALL, _REPLY, _RPC_VERSION, _TCP = 0, 1, 2, 6
_LAST_FRAGMENT = 1 << 31


def question(xid: int, program: int, version: int) -> bytes:
    """Ask for the TCP port of a version of a program."""
    nobody = (0, 0) * 2  # AUTH_NONE as credential and as verifier
    call = (xid, _CALL, _RPC_VERSION, _PROGRAM, _VERSION, _GETPORT, *nobody, program, version, _TCP, 0)
    return struct.pack(">15I", _LAST_FRAGMENT | 4 * len(call), *call)


def answered(data: bytes) -> bool:
    """Whether `data` holds a whole record, or more than any answer has."""
    return len(data) >= LONGEST or (len(data) >= 4 and len(data) - 4 >= _length(data))


def port(data: bytes, xid: int) -> int:
    """The port, 0 where nothing is registered or the answer is none."""
    body = data[4:]
    if len(body) < 20 or _length(data) != len(body) or struct.unpack_from(">3I", body) != (xid, _REPLY, 0):
        return 0
    behind = 20 + (struct.unpack_from(">I", body, 16)[0] + 3) // 4 * 4  # the verifier
    if len(body) != behind + 8:
        return 0
    status, number = struct.unpack_from(">2I", body, behind)
    return int(number) if status == 0 and number < 65536 else 0


def _length(data: bytes) -> int:
    return int(struct.unpack_from(">I", data)[0]) & ~_LAST_FRAGMENT
