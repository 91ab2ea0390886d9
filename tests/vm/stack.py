"""What a test may hang on beside this project: the kernels at both ends, and what is known to be wrong with them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.kernels import kernel


@dataclass(frozen=True)
class Stack:
    """The versions of the kernels at both ends, as Debian names them."""

    client: str
    server: str

    @classmethod
    def of(cls, client: str, server: str) -> Stack:
        """The stack of two series (tests.kernels)."""
        return cls(*(kernel(series).version.removesuffix("-amd64") for series in (client, server)))

    def __str__(self) -> str:
        return f"client {self.client}, server {self.server}"


@dataclass(frozen=True)
class Fault:
    """A fault that each of `clients` was seen to have with each of `servers`, oldest first: these and no others.

    An older version has to do right. So has a newer one, unless it shows exactly the fault: the next update of a
    distribution is not to stop all work before somebody has looked, and named it here.
    """

    says: str
    clients: tuple[str, ...]
    servers: tuple[str, ...]

    def known_of(self, stack: Stack) -> bool:
        """Whether this very stack was seen to have it."""
        return stack.client in self.clients and stack.server in self.servers

    def open_for(self, stack: Stack) -> bool:
        """Whether nobody has looked: one end is newer than all that have it, and neither is older."""
        ends = ((stack.client, self.clients), (stack.server, self.servers))
        order = [(_numbers(own) > _numbers(known[-1]), _numbers(own) < _numbers(known[0])) for own, known in ends]
        return any(newer for newer, _ in order) and not any(older for _, older in order)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


# Since "smb: client: fix use-after-free of iface in cifs_try_adding_channels()" (6.12.112; Linux 7.3, d034e836eefd) the
# client begins its list of the server's addresses anew after each failure. One that cannot be reached is then tried as
# many times as its card is faster than the slowest, before any address of a slower card; after 9 * max_channels^2 tries
# the client gives up. ksmbd has part in it: of a card without an IPv6 address it tells the address "::"
# (fsctl_query_iface_info_ioctl), and a virtual card of unknown speed is the fastest of all to it: 4,294,967 times that
# of a device without a speed of its own. 6.12.107 and 6.12.111 are well; 7.3.4 has it, and 7.2.13 the same source.
STARVED = Fault(
    "an address that cannot be reached is tried until the client gives up, and one that can be never",
    clients=(
        "6.12.113+deb13", "6.12.115+deb13", "6.12.115+deb13.1", "6.12.116+deb13", "6.12.117+deb13", "6.12.118+deb13",
    ),
    servers=("6.12.95+deb12",),
)  # fmt: skip
