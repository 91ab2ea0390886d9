"""A device that may be the one a request means, and its client."""

from __future__ import annotations

import errno

from init.cmdline.ip_request import Request
from init.network import sockets
from init.network.state import STATIC
from init.system.stdlib import Callable
from init.wire import dhcp, ethernet, netlink
from init.wire.dhcp_options import Lease
from init.wire.exchange import FOREVER


def of_the_loader(request: Request, mac: str) -> Request:
    """Return a request for the lease that a boot loader was given, as the server is asked for it by the card `mac`.

    ISC dhcpd refuses a lease to who does not tell the identifier that it was given for, which is iPXE's then; told
    none before, it takes the card's address for it, as every other server does. Gateway and netmask are the answer's.
    """
    client_id = request.client_id or bytes((netlink.ARPHRD_ETHER,)) + ethernet.octets(mac)
    return request._replace(gateway="", netmask="", client_id=client_id)


class Candidate:
    """A device that may be the one, and what has come of it so far."""

    def __init__(self, link: netlink.Link) -> None:
        self.link = link
        self.client: dhcp.Client | None = None  # while it has carrier
        self.sockets: list[sockets.Socket] = []  # for this device alone
        self.set_up_by_us = False
        self.early = False  # asked on carrier alone, so the question may be lost (netlink.Link.running)
        self.keeps_mac = False  # it does not take the one that it is to be given
        self.retry_at = 0.0
        self.outcome = "no carrier"
        self.reasons: set[str] = set()  # why packets were dropped, each logged once

    def start(self, request: Request, now: float) -> None:
        """Make the client; its first question is ready. Raises OSError."""
        if self.link.type != netlink.ARPHRD_ETHER:
            raise OSError(errno.EPROTONOSUPPORT, "not an Ethernet device, no server can be asked")
        wish = dhcp.Wish(
            protocol=request.autoconf or "any",
            address=request.client,
            server=request.server,
            hostname=request.hostname,
            nis_domain=request.domain,
            client_id=request.client_id,
        )
        mac, xid = ethernet.octets(self.link.mac), sockets.new_xid()
        if request.loaded:
            wish = wish._replace(protocol="dhcp", client_id=of_the_loader(request, self.link.mac).client_id)
            had = Lease(STATIC, request.client, "", b"", now, request.prefix)
            self.client = dhcp.Client.reboot(mac, xid, wish, had, now)
        else:
            self.client = dhcp.Client(mac, xid, wish, now, fresh=True, probing=True)
        self.outcome = "no answer"

    def stop(self, outcome: str) -> None:
        for opened in self.sockets:
            opened.close()
        self.sockets.clear()
        self.client = None
        self.outcome = outcome

    def deadline(self) -> float:
        """When something is due though nothing happens; infinity where never."""
        return self.client.deadline() if self.client else FOREVER

    def send(self, listen: Callable[[int], sockets.Socket]) -> None:
        """Send what the client has ready; what cannot be sent counts as lost and is asked again.

        `listen` gives the socket for an Ethernet type, which hears the answers from then on.
        """
        for frame in self.client.outgoing() if self.client else ():
            kind = ethernet.ethertype(frame)
            opened = listen(kind)
            try:
                opened.sendto(frame, (self.link.name, kind))
            except OSError as error:
                self.outcome = f"cannot send: {error.strerror}"
