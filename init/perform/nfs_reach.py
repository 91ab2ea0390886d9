"""Whether the ports that a mount will need can be reached, asked before the kernel is: it waits a minute and more.

NFS 4 needs one port; NFS 3 the port mapper's, and what that names for mountd and for NFS. The kernel, too, asks by TCP
where the mount goes by TCP (net/sunrpc/rpcb_clnt.c, rpcb_getport_async).
"""

from __future__ import annotations

import errno

from init.cmdline.nfsroot import version_of
from init.system.cmodules import socket
from init.system.stdlib import Any, NamedTuple
from init.wire import portmap

SILENCE = 5.0  # seconds for one port: a SYN is sent at 0, 1 and 3 (RFC 6298)
_NFS_PORT = 2049  # RFC 7530, 3.1
_NUMBERS = (errno.ETIMEDOUT, errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH)
_Address = tuple[Any, ...]  # a socket's, for whatever port


class Obstacle(NamedTuple):
    """What is in the way."""

    number: int  # errno
    where: str  # the port, for people


def obstacle(options: str, address: _Address, silence: float = SILENCE) -> Obstacle | None:
    """What is in the way of a mount from this server; None also where only the kernel can tell."""
    words = options.split(",")
    values = dict(word.split("=", 1) for word in words if "=" in word)
    by_tcp = {values.get("proto", "tcp")[:3], values.get("mountproto", "tcp")[:3]} == {"tcp"}
    if not by_tcp or {"udp", "rdma"} & set(words) or {"mountaddr", "mounthost"} & set(values):
        return None
    nfs, mountd = _number(values.get("port")), _number(values.get("mountport"))
    if version_of(words) not in ("v3", "vers=3", "nfsvers=3"):
        return _knock(address, nfs or _NFS_PORT, "NFS", silence)
    if not (nfs and mountd):
        try:
            told = _ask(address, silence)
        except OSError as error:
            return _obstacle(error, portmap.PORT, "port mapper")
        mountd, nfs = mountd or told[0], nfs or told[1]
    return _knock(address, mountd, "mountd", silence) or _knock(address, nfs, "NFS", silence)


def _knock(address: _Address, port: int, name: str, silence: float) -> Obstacle | None:
    """Connect, no more; a port 0 is one that nobody knows."""
    if port:
        try:
            _connected(address, port, silence).close()
        except OSError as error:
            return _obstacle(error, port, name)
    return None


def _ask(address: _Address, silence: float) -> tuple[int, int]:
    """The ports of mountd and of NFS as the port mapper has them, 0 where it does not say. Raises OSError."""
    connection = _connected(address, portmap.PORT, silence)
    try:
        if len(address) > 2:
            return 0, 0  # the question knows IPv4 alone (RFC 1833, 3.2)
        ports = []
        for xid, program in enumerate((portmap.MOUNT, portmap.NFS), 1):
            connection.sendall(portmap.question(xid, program, 3))
            data = b""
            while not portmap.answered(data) and (piece := connection.recv(portmap.LONGEST)):
                data += piece
            ports.append(portmap.port(data, xid))
        return ports[0], ports[1]
    finally:
        connection.close()


def _connected(address: _Address, port: int, silence: float) -> socket.socket:
    """A connection on which each call takes so many seconds at most. Raises OSError."""
    connection = socket.socket(socket.AF_INET if len(address) == 2 else socket.AF_INET6, socket.SOCK_STREAM)
    connection.settimeout(silence)
    try:
        connection.connect((address[0], port, *address[2:]))
    except OSError:
        connection.close()
        raise
    return connection


def _obstacle(error: OSError, port: int, name: str) -> Obstacle:
    number = error.errno or errno.ETIMEDOUT  # settimeout's own has none
    if number not in _NUMBERS:
        number = errno.EHOSTUNREACH  # not what a mount's EACCES means
    return Obstacle(number, f"{name} (port {port})")


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and int(text) < 65536 else 0
