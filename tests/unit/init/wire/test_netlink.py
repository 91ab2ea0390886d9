"""rtnetlink messages, byte for byte, and against what this machine's kernel answers."""

import socket
import struct

import pytest

from init.wire import netlink
from init.wire.netlink import NetlinkError


def test_set_link_up_with_an_mtu_or_leave_up_and_down_as_they_are() -> None:
    assert netlink.set_link(7, 3, up=True, mtu=1400) == (
        struct.pack("=IHHII", 40, 16, 5, 7, 0) + struct.pack("=BxHiII", 0, 0, 3, 1, 1) + struct.pack("=HHI", 8, 4, 1400)
    )
    assert netlink.set_link(7, 3, mtu=1400)[16:32] == struct.pack("=BxHiII", 0, 0, 3, 0, 0)


def test_replace_address() -> None:
    sent = netlink.replace_address(1, 2, bytes((10, 0, 0, 5)), 24)
    assert sent[:24] == struct.pack("=IHHII", 48, 20, 0x505, 1, 0) + struct.pack("=BBBBI", 2, 24, 0, 0, 2)
    attributes = netlink.attributes(sent[24:])
    assert attributes == {2: bytes((10, 0, 0, 5)), 1: bytes((10, 0, 0, 5)), 4: bytes((10, 0, 0, 255))}
    assert 4 not in netlink.attributes(netlink.replace_address(1, 2, bytes((10, 0, 0, 5)), 31)[24:])


def test_replace_route() -> None:
    sent = netlink.replace_route(1, 2, bytes(4), 0, bytes((10, 0, 0, 1)), 100)
    assert sent[16:28] == struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, 0, 1, 4)
    number = struct.pack("=I", 2)
    assert netlink.attributes(sent[28:]) == {5: bytes((10, 0, 0, 1)), 4: number, 6: struct.pack("=I", 100)}
    on_link = netlink.replace_route(1, 2, bytes((10, 1, 0, 0)), 16)
    assert on_link[16:28] == struct.pack("=BBBBBBBBI", 2, 16, 0, 0, 254, 3, 253, 1, 0)
    assert netlink.attributes(on_link[28:]) == {1: bytes((10, 1, 0, 0)), 4: number}


def dumped(request: bytes, kind: int) -> list[netlink.Message]:
    """The messages of a kind that the kernel answers to a dump, to its end."""
    answer = b""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.send(request)
        while not any(message.kind == netlink.NLMSG_DONE for message in netlink.messages(answer)):
            answer += kernel.recv(65536)
    return [message for message in netlink.messages(answer) if message.kind == kind]


def test_the_kernels_own_answers() -> None:
    links = list(map(netlink.link, dumped(netlink.dump_links(1), netlink.RTM_NEWLINK)))
    assert {link.number: link.name for link in links} == dict(socket.if_nameindex())
    (loopback,) = (link for link in links if link.name == "lo")
    assert (loopback.mac, loopback.type, loopback.mtu) == ("00:00:00:00:00:00", 772, 65536)
    assert loopback.flags & netlink.IFF_LOOPBACK
    answers = dumped(netlink.dump_addresses(1, netlink.AF_INET), netlink.RTM_NEWADDR)
    assert (loopback.number, bytes((127, 0, 0, 1)), 8) in [netlink.address(answer)[:3] for answer in answers]


def test_carrier_and_running() -> None:
    def link(flags: int) -> netlink.Link:
        body = struct.pack("=BxHiII", 0, 1, 2, flags, 0)
        return netlink.link(netlink.Message(netlink.RTM_NEWLINK, 0, 0, body))

    up, running, lower_up = netlink.IFF_UP, netlink.IFF_RUNNING, netlink.IFF_LOWER_UP
    assert [link(flags).carrier for flags in (up, lower_up, up | lower_up)] == [False, False, True]
    running_flags = (up | lower_up, up | running, up | running | lower_up)
    assert [link(flags).running for flags in running_flags] == [False, False, True]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (bytes(15), "15 bytes where a header of 16 should be"),
        (struct.pack("=IHHII", 15, 2, 0, 0, 0), "a message of 15 bytes in 16"),
        (struct.pack("=IHHII", 17, 2, 0, 0, 0), "a message of 17 bytes in 16"),
    ],
)
def test_a_message_that_is_too_long(data: bytes, message: str) -> None:
    with pytest.raises(NetlinkError, match=message):
        list(netlink.messages(data))


def test_an_attribute_that_is_too_long() -> None:
    for tail in (b"\x03", struct.pack("=HH", 3, 3), struct.pack("=HH", 9, 3) + b"ab"):
        body = struct.pack("=BxHiII", 0, 1, 2, 0, 0) + tail
        with pytest.raises(NetlinkError):
            netlink.link(netlink.Message(netlink.RTM_NEWLINK, 0, 0, body))
    for read in (netlink.link, netlink.address, netlink.error_number):
        with pytest.raises(NetlinkError):
            read(netlink.Message(0, 0, 0, b"\0\0\0"))


def test_error_numbers() -> None:
    assert netlink.error_number(netlink.Message(2, 0, 1, struct.pack("=i", -17) + bytes(16))) == 17
    assert netlink.error_number(netlink.Message(2, 0, 1, bytes(20))) == 0
