"""Ethernet frames whole, and UDP in them: what a packet socket sends and receives before there is an address.

Everything received is hostile: each reader cuts at the lengths that were checked before and raises
PacketError with the reason, nothing else. Sources: RFC 791 (IP), RFC 768 (UDP), RFC 1071 (checksums), RFC 826 (the
body that ARP and RARP have in common).
"""

from __future__ import annotations

import struct

from init.system.stdlib import NamedTuple

BROADCAST_MAC = b"\xff" * 6
ANY_ADDRESS, BROADCAST_ADDRESS = bytes(4), b"\xff" * 4
ETH_P_IP, ETH_P_ARP, ETH_P_RARP = 0x0800, 0x0806, 0x8035
_UDP = 17

_ETHERNET = struct.Struct("!6s6sH")
_IP = struct.Struct("!BBHHHBBH4s4s")
_UDP_HEADER = struct.Struct("!HHHH")
_RESOLUTION = struct.Struct("!HHBBH6s4s6s4s")
_IP_OVER_ETHERNET = (1, ETH_P_IP, 6, 4)  # hardware, protocol, and the lengths of their addresses
_NAMES = {ETH_P_ARP: "ARP", ETH_P_RARP: "RARP"}


class PacketError(ValueError):
    """A packet that is not for us or not what its protocol allows; the message is the reason to drop it."""


class NotForUsError(PacketError):
    """A packet that is nobody's fault: other traffic on the same wire."""


class Datagram(NamedTuple):
    """What a UDP frame carried."""

    source_mac: bytes  # the machine on this link that handed it over
    source: bytes
    payload: bytes


def octets(text: str) -> bytes:
    """Return the bytes that hex(":") writes as `52:54:00:12:34:56`."""
    return bytes.fromhex(text.replace(":", ""))


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071): 0 over data that holds its own right checksum."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _pseudo_header(source: bytes, destination: bytes, length: int) -> bytes:
    """What UDP's checksum covers beside the datagram itself."""
    return source + destination + struct.pack("!BBH", 0, _UDP, length)


def ethertype(frame: bytes) -> int:
    """Return the type field of a frame, 0 where the frame is too short for one."""
    return int.from_bytes(frame[12:14], "big") if len(frame) >= _ETHERNET.size else 0


def udp(macs: tuple[bytes, bytes], addresses: tuple[bytes, bytes], ports: tuple[int, int], payload: bytes) -> bytes:
    """Build a frame; each pair is (source, destination)."""
    length = _UDP_HEADER.size + len(payload)
    datagram = _UDP_HEADER.pack(*ports, length, 0) + payload
    # 0 means "no checksum", so a sum that comes out as 0 is sent as its other form.
    total = checksum(_pseudo_header(*addresses, length) + datagram) or 0xFFFF
    datagram = _UDP_HEADER.pack(*ports, length, total) + payload
    header = _IP.pack(0x45, 0, _IP.size + length, 0, 0x4000, 64, _UDP, 0, *addresses)
    header = header[:10] + checksum(header).to_bytes(2, "big") + header[12:]
    return _ETHERNET.pack(macs[1], macs[0], ETH_P_IP) + header + datagram


def parse_udp(frame: bytes, mac: bytes, port: int, *, checksummed: bool = True) -> Datagram:
    """Read a frame sent to `mac` or to everybody, to `port`; relays answer from ports of their own. Raises PacketError.

    `checksummed` is False where the kernel says TP_STATUS_CSUMNOTREADY: the sender's UDP checksum was left
    to a network card that is not there (virtio, veth, a server on the same host), so the field holds a part
    of the sum only and proves nothing. A checksum of 0 means that the sender made none (RFC 768).
    """
    if ethertype(frame) != ETH_P_IP:
        raise NotForUsError("not IPv4")
    target, source_mac, _ = _ETHERNET.unpack_from(frame)
    if target not in (mac, BROADCAST_MAC):
        raise NotForUsError("for another machine")
    packet = frame[_ETHERNET.size :]
    if len(packet) < _IP.size or packet[0] >> 4 != 4:
        raise NotForUsError("not IPv4")
    header_length = (packet[0] & 15) * 4
    total, _, fragment, _, protocol, _, source, destination = _IP.unpack_from(packet)[2:]
    if not _IP.size <= header_length <= total <= len(packet):
        raise PacketError("IP lengths contradict each other")
    if protocol != _UDP:
        raise NotForUsError("not UDP")
    if checksum(packet[:header_length]):
        raise PacketError("IP header checksum is wrong")
    if fragment & 0x3FFF:
        raise PacketError("a fragment")
    return Datagram(source_mac, source, _payload(packet[header_length:total], source, destination, port, checksummed))


def _payload(datagram: bytes, source: bytes, destination: bytes, port: int, checksummed: bool) -> bytes:
    """Check a UDP datagram and return what it carries."""
    if len(datagram) < _UDP_HEADER.size:
        raise PacketError("UDP header is cut off")
    _, destination_port, length, total = _UDP_HEADER.unpack_from(datagram)
    if destination_port != port:
        raise NotForUsError("for another port")
    if not _UDP_HEADER.size <= length <= len(datagram):
        raise PacketError("UDP length contradicts the IP length")
    datagram = datagram[:length]
    if total and checksummed and checksum(_pseudo_header(source, destination, length) + datagram):
        raise PacketError("UDP checksum is wrong")
    return datagram[_UDP_HEADER.size :]


class Resolution(NamedTuple):
    """The body of an ARP or RARP packet."""

    operation: int
    mac: bytes  # the sender's
    address: bytes  # the sender's
    target_mac: bytes
    target: bytes


def resolution(kind: int, body: Resolution) -> bytes:
    """Build a broadcast of `kind` (ETH_P_ARP, ETH_P_RARP)."""
    return _ETHERNET.pack(BROADCAST_MAC, body.mac, kind) + _RESOLUTION.pack(*_IP_OVER_ETHERNET, *body)


def parse_resolution(frame: bytes, kind: int) -> Resolution:
    """Read a packet of `kind`: NotForUsError where it is none, PacketError where it is about other addresses."""
    if ethertype(frame) != kind or len(frame) < _ETHERNET.size + _RESOLUTION.size:
        raise NotForUsError(f"not {_NAMES[kind]}")
    *network, operation, mac, address, target_mac, target = _RESOLUTION.unpack_from(frame, _ETHERNET.size)
    if tuple(network) != _IP_OVER_ETHERNET:
        raise PacketError(f"{_NAMES[kind]} for another network")
    return Resolution(operation, mac, address, target_mac, target)
