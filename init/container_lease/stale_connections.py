"""Connections that a power cut left open at the server, ended by the machine that had them.

A server that has nothing to send never learns that the other end is gone, and keeps what was locked over it: Samba asks
after two hours unless told otherwise, ksmbd never. The machine that is back can tell it: a SYN from the old
connection's address and port is answered with a challenge ACK, and that, here, where nobody knows of such a
connection, with a reset (RFC 9293, 3.5.2 and 3.10.7.4). So the ports stand in the
record beside the container (record.py).
"""

from __future__ import annotations

import select
import struct

from init.system.cmodules import socket
from init.system.files import read_text
from init.system.stdlib import NamedTuple

_ESTABLISHED = "01"  # include/net/tcp_states.h
_MOST = 8  # ports that are believed of one record, which anybody may have written
LONGEST_CALL = 4.0  # seconds for one of them: two more SYNs go out within


class Connection(NamedTuple):
    """An established connection."""

    family: int  # AF_INET or AF_INET6
    here: str  # this machine's address
    port: int
    there: str  # the server's address
    server_port: int


def parse(table: str) -> list[Connection]:
    """The established connections in the text of /proc/net/tcp or tcp6."""
    rows = [line.split() for line in table.split("\n")[1:]]
    return [_connection(*row[1:3]) for row in rows if len(row) > 3 and row[3] == _ESTABLISHED]


def _connection(here: str, there: str) -> Connection:
    """Read both ends: hexadecimal words of 32 bits, each in this machine's byte order (net/ipv4/tcp_ipv4.c)."""
    (address, _, port), (server, _, server_port) = here.partition(":"), there.partition(":")
    family = socket.AF_INET6 if len(address) > 8 else socket.AF_INET
    return Connection(family, _text(family, address), int(port, 16), _text(family, server), int(server_port, 16))


def _text(family: int, words: str) -> str:
    packed = (struct.pack("=I", int(words[at : at + 8], 16)) for at in range(0, len(words), 8))
    return socket.inet_ntop(family, b"".join(packed))


def connections(proc: str = "/proc") -> list[Connection]:
    """This machine's established connections; in the initramfs, those to the root's server."""
    return [each for name in ("tcp", "tcp6") for each in parse(read_text(f"{proc}/net/{name}"))]


def ports(proc: str = "/proc", server: str = "") -> str:
    """This machine's ports of them, for a record; those to the address `server` alone, where it is not ""."""
    return " ".join(sorted({str(each.port) for each in connections(proc) if server in ("", each.there)}))


def end(ports: str, addresses: str) -> None:
    """Have the servers that this machine is connected to forget its connections from `ports`.

    It had `addresses` then: a connection can be named by none but its own. That this does not succeed is no error:
    the server, or a person there, ends it some other time.
    """
    words = [word for word in ports.split()[:_MOST] if word.isascii() and word.isdecimal()]
    old = [int(word) for word in words if 0 < int(word) < 1 << 16]
    now = connections()
    for each in now:
        for port in old:
            if each.here in addresses.split() and port not in [one.port for one in now]:
                call(each._replace(port=port))


def call(old: Connection) -> None:
    """Ask for the connection anew; the kernel does the rest, and a second SYN, or a third, is let in."""
    caller = socket.socket(old.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        caller.bind((old.here, old.port))
        caller.connect_ex((old.there, old.server_port))
        poll = select.poll()
        poll.register(caller, select.POLLOUT)
        poll.poll(LONGEST_CALL * 1000)
    except OSError:
        pass  # in use again, or no way there
    finally:
        caller.close()
