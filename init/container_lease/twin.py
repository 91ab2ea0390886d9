"""Whether a machine that looks like this one is another: it answers under the address that its record names.

Two machines may have one hardware address and one machine id (a virtual machine and its copy). Whoever is there
answers a datagram to a port that nobody listens on, by ICMP; and a firewall that drops it does not drop ARP, whose
answer then stands in the kernel's table (proc(5)).
"""

from __future__ import annotations

import select

from init.container_lease.record import Record
from init.system.cmodules import socket
from init.system.files import read_text

_DISCARD = 9  # RFC 863; hardly anybody serves it
_LONGEST = 1.0  # seconds for an answer
_COMPLETE = 0x2  # linux/if_arp.h, ATF_COM
_MOST = 4  # addresses that are believed of one record, which anybody may have written


def answers(record: Record, us: Record, proc: str = "/proc") -> bool:
    """Whether the machine of `record` has one of its addresses still, that is not one of ours."""
    for address in record.addresses.split()[:_MOST]:
        if address not in us.addresses.split():
            is_refused = _is_refused(address)
            mac = neighbour(address, read_text(f"{proc}/net/arp"))
            if mac in record.macs.split() if mac else is_refused:  # of another card: the address is somebody else's now
                return True
    return False


def _is_refused(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    asker = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        socket.inet_pton(family, address)  # anybody may have written it: no name is to be looked up
        asker.connect((address, _DISCARD))
        asker.send(b"")
        poll = select.poll()
        poll.register(asker, select.POLLIN)  # an error is reported in any case
        poll.poll(_LONGEST * 1000)
        asker.recv(1)
    except ConnectionRefusedError:
        return True
    except OSError:
        pass  # silence, no way there, or no address
    finally:
        asker.close()
    return False


def neighbour(address: str, table: str) -> str:
    """The hardware address that has answered for `address`, by the text of /proc/net/arp; "" for none."""
    rows = [line.split() for line in table.split("\n")[1:]]
    return next((row[3] for row in rows if len(row) > 3 and row[0] == address and int(row[2], 16) & _COMPLETE), "")
