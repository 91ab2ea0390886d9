"""Packet sockets (packet(7)): whole frames in and out of a device, whatever its addresses and the firewall; and for
DHCPv6, which begins when the kernel has made an address on the link, plain UDP.
"""

from __future__ import annotations

import struct

from init.system import libc, randomness
from init.system.cmodules import socket
from init.system.stdlib import NamedTuple

Socket = socket.socket

_SOL_PACKET, _PACKET_AUXDATA = 263, 8
_SO_ATTACH_FILTER = 26
_AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata
_AUXDATA_SPACE = socket.CMSG_SPACE(_AUXDATA.size)
_TP_STATUS_CSUMNOTREADY = 8
_LARGEST_FRAME = 65536


def new_xid() -> int:
    """Return 32 bits by chance, for the transactions of a client of DHCP or DHCPv6."""
    return int.from_bytes(randomness.draw(4), "big")


class Packet(NamedTuple):
    """What a packet socket has received."""

    frame: bytes
    checksummed: bool  # False where the checksums are not filled in yet (ethernet.parse_udp)
    device: str  # that it came in by


def listen_everywhere(kind: int) -> Socket:
    """Open a socket for the frames of one Ethernet type from every device; send() sends by it. Raises OSError.

    To close a packet socket takes the kernel an RCU grace period (packet_release in net/packet/af_packet.c), 8 to
    24 ms, so a socket for each of four cards would be four of them.
    """
    mode = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    opened = Socket(socket.AF_PACKET, mode, socket.htons(kind))
    opened.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    return opened


def listen(device: str, kind: int, udp_port: int = 0) -> Socket:
    """Open a socket for the frames of one Ethernet type; with `udp_port`, for IPv4's UDP to that port alone.

    A device that the root lives on carries much else: what nobody asked for is dropped in the kernel, by a filter
    in classic BPF. Raises OSError.
    """
    # Protocol 0 receives nothing until bind() names device and protocol together.
    opened = Socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)
    try:
        opened.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        if udp_port:
            program = bytearray(_udp_filter(udp_port))
            header = struct.pack("@HP", len(program) // 8, libc.address(program))  # struct sock_fprog
            opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)
        opened.bind((device, kind))
    except OSError:
        opened.close()
        raise
    return opened


def _udp_filter(port: int) -> bytes:
    """Accept an Ethernet frame with IPv4 and UDP to `port`, nothing else (linux/filter.h)."""
    half, byte, header, indexed, equal, answer = 0x28, 0x30, 0xB1, 0x48, 0x15, 0x06
    return b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (half, 0, 0, 12),
            (equal, 0, 6, 0x0800),
            (byte, 0, 0, 23),
            (equal, 0, 4, 17),
            (header, 0, 0, 14),  # X = length of the IP header
            (indexed, 0, 0, 16),
            (equal, 0, 1, port),
            (answer, 0, 0, _LARGEST_FRAME),
            (answer, 0, 0, 0),
        )
    )


def receive(opened: Socket) -> Packet | None:
    """Return the next frame for this machine, None where none is waiting. Raises OSError."""
    while True:
        try:
            frame, ancillary, _, sender = opened.recvmsg(_LARGEST_FRAME, _AUXDATA_SPACE)
        except BlockingIOError:
            return None
        if sender[2] == socket.PACKET_OTHERHOST:
            continue  # another machine's, or from a VLAN that is not ours: its tag is gone by now
        status = 0
        for level, kind, data in ancillary:
            if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA) and len(data) >= _AUXDATA.size:
                status = _AUXDATA.unpack_from(data)[0]
        return Packet(frame, not status & _TP_STATUS_CSUMNOTREADY, sender[0])


def listen6(address: bytes, number: int, port: int) -> Socket:
    """Open a socket for UDP to `port` of the IPv6 address of the device with this index. Raises OSError.

    Others may have the same port of it at the same time (SO_REUSEADDR): a client of the real system's own.
    """
    opened = Socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((socket.inet_ntop(socket.AF_INET6, address), port, 0, number))
    except OSError:
        opened.close()
        raise
    return opened


def receive6(opened: Socket) -> bytes | None:
    """Return the next payload, from whatever port, None where there is none yet. Raises OSError."""
    try:
        return bytes(opened.recv(_LARGEST_FRAME))
    except BlockingIOError:
        return None
