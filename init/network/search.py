"""The search for a device: set up, waited for, asked on, and given the address that comes of it.

It never waits: searches.py does, for all of them at once. Nothing here decides anything about DHCP (wire/dhcp.py).
"""

from __future__ import annotations

import errno
import time

from init.cmdline.ip_request import Request
from init.network import sockets, state
from init.network.candidate import Candidate, of_the_loader
from init.network.links import MISSING_WAIT, VIRTUAL, listed
from init.network.rtnetlink import Refused, Rtnetlink
from init.network.state import Interface
from init.system.log import INFO, NOTICE, WARNING, Say
from init.system.stdlib import Iterable, Iterator, Mapping
from init.wire import ethernet, netlink
from init.wire.exchange import Outcome

_RETRY_WAIT = 2.0  # seconds until a device that could not be set up is tried again
_AT_ONCE = 64  # packets, so that a flood of them does not keep us from looking at the clock


class Search:
    """The search for the device of one request, and for its lease where a server is to give one.

    `links` are the devices that there are, kept up to date by who drives the search (searches.py); `taken` the names of
    those that other requests mean, `above` what the command line has made of which (devices.above). Clients go by the
    monotonic clock.
    """

    FAMILY = ""  # told beside what is missing
    GROUPS = netlink.RTMGRP_LINK  # what rtnetlink has to announce
    HINT = "is there a DHCP server? a static address: ip=<client>::<gateway>:<netmask>::<device>:off"

    def __init__(
        self,
        rtnetlink: Rtnetlink,
        links: dict[int, netlink.Link],
        request: Request,
        taken: set[str],
        say: Say,
        above: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._rtnetlink = rtnetlink
        self._links = links
        self.request = request  # as the command line has it
        self._request = request  # as it is understood by now
        self._taken = taken
        self._say = say
        self._above = above
        self._devices: dict[int, Candidate] = {}
        self._sockets: dict[int, sockets.Socket] = {}  # for all devices, by Ethernet type
        self._winner: Candidate | None = None
        self._ignored: dict[str, None] = {}  # what was told to us that is left out, and why
        self._hint_until = time.monotonic() + MISSING_WAIT  # when BOOTIF='s card may be another one

    def leave_alone(self, interfaces: Iterable[Interface]) -> None:
        """Look among other devices than those that are configured already."""
        self._taken = self._taken | {one.device for one in interfaces if one.six == self._request.six}

    def begin(self) -> None:
        """Look which devices there are. Raises OSError where the kernel lacks what the search needs."""
        self.follow_links()
        if not self._devices:
            self._say(INFO, f"network: waiting for {self._what()}")

    def advance(self, now: float) -> bool:
        """Do what is due; whether the device is found, which has no client where its address is on the command line."""
        if self._request.mac and not self._devices and now >= self._hint_until:
            self._forget_hint()
        self._winner = self._decided(now)
        return self._winner is not None

    def _forget_hint(self) -> None:
        """Look for any card where BOOTIF='s is not there: firmware may give a dock's card another address than its own,
        and a card may lack its driver.
        """
        hinted = self._request
        self._request = hinted._replace(mac="")
        if self.meant():
            self._say(NOTICE, f"network: {hinted.mac} (BOOTIF=) is no card's; any card will do")
            self.follow_links()
        else:
            self._request = hinted

    def configure(self, metric: int) -> Interface:
        """Give the device that was found its address and routes. Raises OSError."""
        if self._winner is None:
            raise OSError(errno.ENODEV, "no device")
        interface = self._assign(self._winner, metric)
        for reason in self._ignored:
            self._say(INFO, f"network: {interface.device}: ignored {reason}")
        self._say(INFO, f"network: {interface.describe()}")
        return interface

    def _assign(self, device: Candidate, metric: int) -> Interface:
        """Give the device that was found the address of its lease or of the command line. Raises OSError."""
        link, lease = device.link, device.client.lease if device.client else None
        if lease is None or lease.protocol == state.STATIC:
            from init.network.conflict import who_has  # late: few boots need it

            interface = state.static(self._request, link, metric)
            if lease is not None:
                self._tell(
                    device,
                    f"{interface.address}: no server answers for the boot loader's address: it is static, "
                    "its lease is not renewed",
                    NOTICE,
                )
            if trouble := who_has(self._rtnetlink, link, interface.address):
                self._tell(device, f"WARNING: {interface.address} {trouble}", WARNING)
        else:
            lease = lease._replace(obtained=self._on_boottime(lease.obtained))
            request = self._request
            if request.loaded:
                request = of_the_loader(request, link.mac)
            interface = state.leased(request, link, lease, metric)
            self._ignored |= dict.fromkeys(lease.ignored)
        return self._rtnetlink.assign(link, interface, self._refused(device))

    def _on_boottime(self, moment: float) -> float:
        """A moment of the search's clock on the leases', which goes on while the machine sleeps."""
        return moment + (time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic())

    def meant(self) -> dict[int, netlink.Link]:
        return {index: link for index, link in self._links.items() if self._may_be_meant(link)}

    def _may_be_meant(self, link: netlink.Link) -> bool:
        if self._request.device:
            return link.name == self._request.device
        if self._above:  # unnamed, it is what the command line had made of cards, not the cards
            tops = self._tops()
            if tops or not self._request.mac:
                return link.name in tops and link.name not in self._taken
        if self._request.mac:
            return _is_card(link, self._request.mac)
        broadcasts = link.type == netlink.ARPHRD_ETHER and link.flags & netlink.IFF_BROADCAST
        free = not link.master and link.name not in self._taken and link.kind not in VIRTUAL
        return bool(broadcasts and free)

    def _tops(self) -> set[str]:
        """The devices that the command line had made of the card that BOOTIF= names, or of any."""
        from init.cmdline.devices import tops  # late: few boots need it

        mac = self._request.mac
        cards = [link.name for link in self._links.values() if _is_card(link, mac)]
        return tops(self._above, cards if mac else self._above)

    @property
    def superseded(self) -> bool:
        """Whether another request has named BOOTIF='s card, or what it is a part of: pxelinux adds its own ip=."""
        mac = self._request.mac
        if not mac or self._request.device:
            return False
        tops = self._tops() if self._above else set()
        named = any(_is_card(link, mac) and link.name in self._taken for link in self._links.values())
        return named or (bool(tops) and tops <= self._taken)

    def follow_links(self) -> None:
        """Take in what the kernel announced: devices that came, changed or went."""
        meant = self.meant()
        for index in self._devices.keys() - meant.keys():
            gone = self._devices.pop(index)
            gone.stop("gone")
            self._tell(gone, "gone")
        for index, link in meant.items():
            if index not in self._devices:
                self._devices[index] = self._candidate(link)
            self._devices[index].link = link

    def _candidate(self, link: netlink.Link) -> Candidate:
        return Candidate(link)

    def _decided(self, now: float) -> Candidate | None:
        """Do for every device what its state allows; return the one that is decided."""
        for device in self._devices.values():
            try:
                if self._ready(device, now) and self._serve(device, now):
                    return device
            except OSError as error:
                device.stop(f"{error.strerror}")
                device.retry_at = now + _RETRY_WAIT
                self._tell(device, f"{error.strerror}")
        return None

    def _ready(self, device: Candidate, now: float) -> bool:
        """Set a device up; True when it has carrier."""
        if device.retry_at > now:
            return False
        hwaddr = self._request.hwaddr
        if hwaddr and device.link.mac != hwaddr and not device.keeps_mac:
            self._give_mac(device, hwaddr)
        if not device.link.up and not device.set_up_by_us:
            # One after the other, each asked at once: setting all up first gains nothing and costs the last its turn.
            self._rtnetlink.ask(netlink.set_link, device.link.number, up=True)
            device.set_up_by_us = True
            self._rtnetlink.changes(self._links)
            device.link = self._links.get(device.link.number, device.link)
            if not device.link.carrier:
                self._tell(device, "set up, waiting for its carrier")
        if not device.link.carrier:
            if device.client or device.sockets:
                device.stop("lost its carrier")
                self._tell(device, "lost its carrier")
            return False
        return True

    def _give_mac(self, device: Candidate, hwaddr: str) -> None:
        """Give a device another hardware address, and leave it down. Raises OSError where it cannot be set down."""
        link = device.link
        self._rtnetlink.ask(netlink.set_link, link.number, up=False)  # most drivers take no other while up
        device.link = link = link._replace(flags=link.flags & ~netlink.IFF_UP)
        what, mac = f"the hardware address {hwaddr}", ethernet.octets(hwaddr)
        if self._rtnetlink.attempt(self._refused(device), what, netlink.set_link, link.number, mac=mac):
            device.link = link._replace(mac=hwaddr)
        else:
            device.keeps_mac = True

    def _serve(self, device: Candidate, now: float) -> bool:
        """Ask on a device that has carrier; True when it is the one."""
        if not self._needs_server():
            return True
        if device.client is None:
            device.start(self._request, now)
            device.early = not device.link.running
            device.send(self._listen)
            what = f"{self._request.client} again" if self._request.loaded else "an address"
            self._tell(device, f"carrier, asking for {what} ({self._request.autoconf or 'any'})")
        elif device.early and device.link.running:
            device.client.repeat(now)
            device.early = False
        if device.client is None:
            return False
        device.client.tick(now)
        device.send(self._listen)
        return device.client.lease is not None

    def _listen(self, kind: int) -> sockets.Socket:
        if kind not in self._sockets:
            self._sockets[kind] = sockets.listen_everywhere(kind)
        return self._sockets[kind]

    def hear(self, now: float) -> None:
        """Hand what has arrived to the client of the device that it came by. Raises OSError."""
        asking = {device.link.name: device for device in self._devices.values() if device.client}
        for opened in self._sockets.values():
            for _ in range(_AT_ONCE):
                packet = sockets.receive(opened)
                if packet is None:
                    break
                device = asking.get(packet.device)
                client = device.client if device else None
                if device and client and not client.lease:
                    outcome = client.receive(packet.frame, now, checksummed=packet.checksummed)
                    self._note(device, outcome)

    def _note(self, device: Candidate, outcome: Outcome) -> None:
        """Remember what became of a packet, and log what is worth it."""
        if outcome.kind == "nak":
            device.outcome = f"refused by the server: {outcome.reason or 'no reason given'}"
            self._tell(device, device.outcome)
        elif outcome.kind == "dropped":
            device.outcome = f"no good answer; dropped a packet: {outcome.reason}"
            if outcome.reason not in device.reasons:
                device.reasons.add(outcome.reason)
                self._tell(device, f"dropped a packet: {outcome.reason}")
        elif outcome.kind == "taken":
            device.outcome = f"{outcome.reason}; declined"
            self._tell(device, device.outcome, WARNING)
        elif outcome.kind == "offer":
            device.outcome = "an offer, but no acknowledgement of it"

    def _needs_server(self) -> bool:
        """Whether to ask: for the address, or for which of several devices is meant (nfsroot document)."""
        request = self._request
        named = request.device or request.mac or request.autoconf == "off"
        if request.loaded and all(device.link.type != netlink.ARPHRD_ETHER for device in self._devices.values()):
            return False
        return request.automatic or (not named and len(self._devices) > 1)

    def deadlines(self) -> Iterator[float]:
        """When something is due though nothing happens."""
        if self._request.mac and not self._devices and time.monotonic() < self._hint_until:
            yield self._hint_until
        for device in self._devices.values():
            if device.retry_at > time.monotonic():
                yield device.retry_at
            else:
                yield device.deadline()

    def listening(self) -> Iterator[sockets.Socket]:
        """The sockets by which answers may come."""
        yield from self._sockets.values()
        for device in self._devices.values():
            yield from device.sockets

    def finish(self, used: set[str]) -> None:
        """Close every socket; set down again what was set up in vain, unless it is `used` by another search."""
        winner = self._winner
        for opened in self._sockets.values():
            opened.close()
        self._sockets.clear()
        for device in self._devices.values():
            outcome = device.outcome
            device.stop(outcome)
            if winner is not None and device is not winner and device.link.name not in used:
                if device.set_up_by_us:
                    self._rtnetlink.ask(netlink.set_link, device.link.number, up=False)
                self._tell(device, f"{outcome}; left alone, {winner.link.name} was first")

    def _tell(self, device: Candidate, text: str, level: int = INFO) -> None:
        self._say(level, f"network: {device.link.name}: {text}")

    def _refused(self, device: Candidate) -> Refused:
        return lambda reason: self._tell(device, reason, NOTICE)

    @property
    def subject(self) -> str:
        """What it looks for, in a word or two."""
        return self._winner.link.name if self._winner else self._request.device or self._what()

    def _what(self) -> str:
        request = self._request
        if request.device:
            return f"the device {request.device}"
        return f"the device with the address {request.mac} (BOOTIF=)" if request.mac else "an Ethernet device"

    def failure(self) -> tuple[str, str]:
        """Why there is no address yet, and what to try."""
        if not self._devices:
            return (
                f"{self._what()} is not there; there are: {listed(self._links.values())}",
                "is its driver in the image (--hardware, --module), and the name the kernel's own (eth0)?",
            )
        outcomes = "; ".join(f"{device.link.name}: {device.outcome}" for device in self._devices.values())
        if all(device.outcome == "no carrier" for device in self._devices.values()):
            return outcomes, "is the cable plugged in at both ends, and the switch's port enabled?"
        return outcomes, self.HINT


def _is_card(link: netlink.Link, address: str) -> bool:
    """Whether BOOTIF= means this card; of Infiniband's it has the end (loader_hints)."""
    return link.card.endswith(address) and link.kind not in VIRTUAL
