"""Devices made: what cmdline/devices.py has read of the command line, asked of the kernel.

Every device is made as soon as those that it stands on are there, so VLANs on bonds and bonds on VLANs come in their
order by themselves, and late cards (USB) are waited for. A bond stands for cards that may be broken: after
MISSING_WAIT it is made of those that are there. All of it may be done again: what is there is left as it is.
"""

from __future__ import annotations

import struct
import time

from init.cmdline import devices
from init.cmdline.devices import Bond, Device, Renamed, Vlan
from init.network.links import MISSING_WAIT, VIRTUAL, listed
from init.network.rtnetlink import Rtnetlink
from init.network.state import Made, NetworkError
from init.system.log import INFO, NOTICE, WARNING, Say
from init.system.stdlib import Mapping
from init.wire import netlink
from init.wire.netlink import Link, attribute

_IFLA_LINK = 5
_IFLA_INFO_DATA, _IFLA_VLAN_ID = 2, 1
_NLM_F_EXCL = 0x200
_LATE_OPTIONS = ("active_slave", "primary")  # which name a slave


def create(sequence: int, name: str, kind: str, lower: int = 0, data: bytes = b"") -> bytes:
    """Make a virtual device on the device with the index `lower`; `data` is what its kind wants."""
    info = attribute(netlink.IFLA_INFO_KIND, kind.encode()) + (attribute(_IFLA_INFO_DATA, data) if data else b"")
    body = netlink.IFINFOMSG.pack(0, 0, 0, 0, 0) + attribute(netlink.IFLA_IFNAME, name.encode() + b"\0")
    if lower:
        body += attribute(_IFLA_LINK, struct.pack("=I", lower))
    flags = netlink.NLM_F_ACK | netlink.NLM_F_CREATE | _NLM_F_EXCL
    return netlink.request(netlink.RTM_NEWLINK, flags, sequence, body + attribute(netlink.IFLA_LINKINFO, info))


def change(sequence: int, index: int, *, name: str = "", master: int = 0) -> bytes:
    """Give a device another name, or a bond to belong to."""
    body = netlink.IFINFOMSG.pack(0, 0, index, 0, 0)
    if name:
        body += attribute(netlink.IFLA_IFNAME, name.encode() + b"\0")
    if master:
        body += attribute(netlink.IFLA_MASTER, struct.pack("=I", master))
    return netlink.request(netlink.RTM_NEWLINK, netlink.NLM_F_ACK, sequence, body)


class Maker:
    """Makes devices of the links that there are by now; `macs` tells the address of a card that may by now have another
    name.
    """

    def __init__(self, rtnetlink: Rtnetlink, wanted: tuple[Device, ...], macs: Mapping[str, str], say: Say) -> None:
        self._rtnetlink = rtnetlink
        self._wanted = wanted
        self._macs = macs
        self._say = say
        self._links = rtnetlink.links()
        self._made: dict[str, Made] = {}
        self._all_slaves_until = time.monotonic() + MISSING_WAIT
        self._failed: NetworkError | None = None  # why something could not be made when its cards were there

    @property
    def made(self) -> tuple[Made, ...]:
        """What was made, in the order of the command line."""
        return tuple(self._made[device.name] for device in self._wanted if device.name in self._made)

    @property
    def pending(self) -> list[Device]:
        """What could not be made yet."""
        return [device for device in self._wanted if device.name not in self._made]

    def advance(self) -> None:
        """Make all that can be made by now. Raises NetworkError, OSError."""
        late = time.monotonic() >= self._all_slaves_until
        while device := next((device for device in self.pending if self._stands(device, late=late)), None):
            self._made[device.name] = self._make(device)
            self._links = self._rtnetlink.links()

    def further(self) -> None:
        """As advance(), of the devices that there are now, and without an error: others may have an address by now."""
        if self.pending and not self._failed:
            self._links = self._rtnetlink.links()
            try:
                self.advance()
            except NetworkError as error:
                self._failed = error
                self._say(WARNING, error.message)

    def make(self, deadline: float) -> None:
        """Make all, and wait for what they need, until `deadline` on the monotonic clock. Raises NetworkError, OSError.

        What is still pending then stands on something that is not there: failure() says so.
        """
        self._all_slaves_until = min(self._all_slaves_until, deadline)
        self.advance()
        while self.pending and (now := time.monotonic()) < deadline:
            late = self._all_slaves_until if now < self._all_slaves_until else deadline
            self._rtnetlink.await_changes(self._links, min(late, deadline) - now)
            self.advance()

    def _find(self, name: str) -> Link | None:
        """Find the device that the command line calls `name`, by its card's own address where that is known."""
        mac = self._macs.get(name, "")
        named = (link for link in self._links.values() if link.name == name)
        return (self._card(mac) if mac else None) or next(named, None)

    def _card(self, mac: str) -> Link | None:
        """Find a card by its address, which bonds and VLANs have, too."""
        cards = (link for link in self._links.values() if link.card == mac and link.kind not in VIRTUAL)
        return next(cards, None)

    def _lower(self, device: Device) -> list[Link | None]:
        """The devices that `device` stands on, None for one that is not there."""
        if isinstance(device, Renamed):
            return [self._card(device.mac)]
        return [self._find(name) for name in devices.lower(device)]

    def _stands(self, device: Device, *, late: bool) -> bool:
        """Whether all that it stands on is there; `late` any of a bond's cards will do."""
        lower = self._lower(device)
        return any(lower) if late and isinstance(device, Bond) else all(lower)

    def _make(self, device: Device) -> Made:
        lower = self._lower(device)
        there = [link for link in lower if link]
        parameter, value = devices.text(device)
        try:
            if isinstance(device, Renamed):
                self._rename(there[0], device.name)
            elif isinstance(device, Vlan):
                self._vlan(there[0], device)
            else:
                self._bond(there, device)
        except OSError as error:
            hint = "see dmesg; is its module in the image (profile vlan-bond, or --module 8021q --module bonding)?"
            raise NetworkError(f"network: {parameter}={value}: {error.strerror}", hint) from error
        return Made(parameter, value, tuple(link.card if link and link.kind not in VIRTUAL else "" for link in lower))

    def _rename(self, link: Link, name: str) -> None:
        if link.name != name:
            if link.up:
                self._rtnetlink.ask(netlink.set_link, link.number, up=False)
            self._rtnetlink.ask(change, link.number, name=name)
            self._say(INFO, f"network: {link.name} is now called {name}")

    def _vlan(self, lower: Link, device: Vlan) -> None:
        self._rtnetlink.ask(netlink.set_link, lower.number, up=True)
        there = self._find(device.name)
        if there is None:
            data = attribute(_IFLA_VLAN_ID, struct.pack("=H", device.number))
            self._rtnetlink.ask(create, device.name, "vlan", lower.number, data)
            self._say(INFO, f"network: {device.name}: VLAN {device.number} on {lower.name}")

    def _bond(self, slaves: list[Link], device: Bond) -> None:
        there = self._find(device.name)
        if there is None:
            try:
                self._rtnetlink.ask(create, device.name, "bond")
            except FileExistsError:
                pass  # the driver makes a bond0 of its own when it is loaded (its parameter max_bonds)
            self._set(device, late=False)
            there = next(link for link in self._rtnetlink.links().values() if link.name == device.name)
        for slave in slaves:
            if slave.master != there.number:
                self._rtnetlink.ask(netlink.set_link, slave.number, up=False)  # the driver takes no others
                self._rtnetlink.ask(change, slave.number, master=there.number)
                self._say(INFO, f"network: {device.name}: of {slave.name}")
        self._set(device, late=True)
        self._rtnetlink.ask(netlink.set_link, there.number, up=True)
        self._rtnetlink.set_mtu(
            lambda reason: self._say(NOTICE, f"network: {device.name}: {reason}"), there, device.mtu
        )
        missing = set(device.slaves) - {link.name for link in slaves} if len(slaves) < len(device.slaves) else ()
        for name in missing:
            self._say(INFO, f"network: {device.name}: goes without {name}, which is not there")

    @staticmethod
    def _set(device: Bond, *, late: bool) -> None:
        """Write the driver's options, those that name a slave when there are slaves. Raises OSError."""
        for name, value in device.options:
            if (name in _LATE_OPTIONS) is not late:
                continue
            values = [f"+{one}" for one in value.split(";")] if name.endswith("_target") else [value]
            for one in values:
                path = f"/sys/class/net/{device.name}/bonding/{name}"
                try:
                    with open(path, "w") as file:
                        file.write(one)
                except OSError as error:
                    if late and name == "primary":
                        continue  # a slave that is not there
                    raise OSError(error.errno, f"{name}={value}: {error.strerror}") from error

    def failure(self) -> NetworkError:
        """Why something is pending."""
        if self._failed:
            return self._failed
        parameter, value = devices.text(self.pending[0])
        return NetworkError(
            f"network: {parameter}={value}: what it stands on is not there; there are: {listed(self._links.values())}",
            "is the driver in the image (--hardware, --module), and the name the kernel's own (eth0)?",
        )
