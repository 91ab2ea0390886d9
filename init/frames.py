"""Ethernet frames that carry UDP, ARP or RARP, whole: what a packet socket sends and receives before there is an
address.

Everything received is hostile: each reader cuts at the lengths that were checked before and raises
PacketError with the reason, nothing else. Sources: RFC 791, RFC 768, RFC 1071 (checksums), RFC 826 (ARP), RFC 5227 (its
use before an address is), RFC 903 (RARP).
"""

from __future__ import annotations

import struct

from .cheap import NamedTuple

BROADCAST_MAC = b"\xff" * 6
ANY_ADDRESS, BROADCAST_ADDRESS = bytes(4), b"\xff" * 4
ETH_P_IP, ETH_P_ARP, ETH_P_RARP = 0x0800, 0x0806, 0x8035
_UDP = 17
_ARP_REQUEST, _ARP_REPLY, _RARP_REQUEST, _RARP_REPLY = 1, 2, 3, 4

_ETHERNET = struct.Struct("!6s6sH")
_IP = struct.Struct("!BBHHHBBH4s4s")
_UDP_HEADER = struct.Struct("!HHHH")
_ARP = struct.Struct("!HHBBH6s4s6s4s")


class PacketError(ValueError):
    """A packet that is not for us or not what its protocol allows; the message is the reason to drop it."""


class NotForUsError(PacketError):
    """A packet that is nobody's fault: other traffic on the same wire."""


class Datagram(NamedTuple):
    """What a UDP frame carried, and the machine on this link that handed it over."""

    source_mac: bytes
    source: bytes
    payload: bytes


class ArpClaim(NamedTuple):
    """Who says in an ARP packet that an address is its own; 0.0.0.0 where it only asks."""

    mac: bytes
    address: bytes


class RarpReply(NamedTuple):
    """The address that a RARP server gave us, and the server's own."""

    source_mac: bytes
    server: bytes
    address: bytes


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


def udp(
    macs: tuple[bytes, bytes], addresses: tuple[bytes, bytes], ports: tuple[int, int], payload: bytes
) -> bytes:
    """Build a frame; each pair is (source, destination)."""
    length = _UDP_HEADER.size + len(payload)
    datagram = _UDP_HEADER.pack(*ports, length, 0) + payload
    # 0 means "no checksum", so a sum that comes out as 0 is sent as its other form.
    total = checksum(_pseudo_header(*addresses, length) + datagram) or 0xFFFF
    datagram = _UDP_HEADER.pack(*ports, length, total) + payload
    header = _IP.pack(0x45, 0, _IP.size + length, 0, 0x4000, 64, _UDP, 0, *addresses)
    header = header[:10] + checksum(header).to_bytes(2, "big") + header[12:]
    return _ETHERNET.pack(macs[1], macs[0], ETH_P_IP) + header + datagram


def parse_udp(frame: bytes, mac: bytes, ports: tuple[int, int], *, checksummed: bool = True) -> Datagram:
    """Read a frame sent to `mac` or to everybody, from and to the given ports. Raises PacketError.

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
    return Datagram(
        source_mac, source, _payload(packet[header_length:total], source, destination, ports, checksummed)
    )


def _payload(
    datagram: bytes, source: bytes, destination: bytes, ports: tuple[int, int], checksummed: bool
) -> bytes:
    """Check a UDP datagram and return what it carries."""
    if len(datagram) < _UDP_HEADER.size:
        raise PacketError("UDP header is cut off")
    source_port, destination_port, length, total = _UDP_HEADER.unpack_from(datagram)
    if (source_port, destination_port) != ports:
        raise NotForUsError("for another port")
    if not _UDP_HEADER.size <= length <= len(datagram):
        raise PacketError("UDP length contradicts the IP length")
    datagram = datagram[:length]
    if total and checksummed and checksum(_pseudo_header(source, destination, length) + datagram):
        raise PacketError("UDP checksum is wrong")
    return datagram[_UDP_HEADER.size :]


def arp_probe(mac: bytes, address: bytes) -> bytes:
    """Build the question who has `address`, by a machine that has none and changes nobody's table (RFC 5227, 1.1)."""
    body = _ARP.pack(1, ETH_P_IP, 6, 4, _ARP_REQUEST, mac, ANY_ADDRESS, bytes(6), address)
    return _ETHERNET.pack(BROADCAST_MAC, mac, ETH_P_ARP) + body


def parse_arp(frame: bytes) -> ArpClaim:
    """Read whose address the sender of an ARP packet says it has. Raises PacketError."""
    if ethertype(frame) != ETH_P_ARP or len(frame) < _ETHERNET.size + _ARP.size:
        raise NotForUsError("not ARP")
    hardware, protocol, mac_length, address_length, operation, mac, address, _, _ = _ARP.unpack_from(
        frame, _ETHERNET.size
    )
    if (hardware, protocol, mac_length, address_length) != (1, ETH_P_IP, 6, 4):
        raise NotForUsError("ARP for another network")
    if operation not in (_ARP_REQUEST, _ARP_REPLY):
        raise NotForUsError("neither ARP's question nor its answer")
    return ArpClaim(mac, address)


def rarp_request(mac: bytes) -> bytes:
    """Build the question "what is my address?"."""
    body = _ARP.pack(1, ETH_P_IP, 6, 4, _RARP_REQUEST, mac, ANY_ADDRESS, mac, ANY_ADDRESS)
    return _ETHERNET.pack(BROADCAST_MAC, mac, ETH_P_RARP) + body


def parse_rarp(frame: bytes, mac: bytes) -> RarpReply:
    """Read the answer to rarp_request(). Raises PacketError."""
    if ethertype(frame) != ETH_P_RARP or len(frame) < _ETHERNET.size + _ARP.size:
        raise NotForUsError("not RARP")
    source_mac = frame[6:12]
    hardware, protocol, mac_length, address_length, operation, _, server, target, address = _ARP.unpack_from(
        frame, _ETHERNET.size
    )
    if (hardware, protocol, mac_length, address_length) != (1, ETH_P_IP, 6, 4):
        raise PacketError("RARP for another network")
    if operation != _RARP_REPLY:
        raise NotForUsError("not a RARP reply")
    if target != mac:
        raise NotForUsError("RARP reply for another machine")
    return RarpReply(source_mac, server, address)
