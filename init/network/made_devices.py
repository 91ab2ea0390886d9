"""Devices made: what devices.py has read of the command line, asked of the kernel.

Every device is made as soon as those that it stands on are there, so VLANs on bonds and bonds on VLANs come in their
order by themselves, and late cards (USB) are waited for. A bond stands for cards that may be broken: after
PATIENCE seconds it is made of those that are there. All of it may be done again: what is there is left as it is.
"""

from __future__ import annotations

import select
import struct

from init.cmdline import devices
from init.cmdline.devices import Bond, Renamed, Vlan
from init.network.links import VIRTUAL
from init.network.state import Made, NetworkError
from init.system.stdlib import TYPE_CHECKING
from init.wire import netlink
from init.wire.netlink import attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from init.cmdline.devices import Device
    from init.network.rtnetlink import Rtnetlink
    from init.wire.netlink import Link

PATIENCE = 10.0  # seconds
_IFLA_IFNAME, _IFLA_LINK, _IFLA_MASTER, _IFLA_LINKINFO = 3, 5, 10, 18
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _IFLA_VLAN_ID = 1, 2, 1
_NLM_F_EXCL = 0x200
_LATE_OPTIONS = ("active_slave", "primary")  # which name a slave


def create(sequence: int, name: str, kind: str, lower: int = 0, data: bytes = b"") -> bytes:
    """Make a virtual device on the device with the index `lower`; `data` is what its kind wants."""
    info = attribute(_IFLA_INFO_KIND, kind.encode()) + (attribute(_IFLA_INFO_DATA, data) if data else b"")
    body = netlink.IFINFOMSG.pack(0, 0, 0, 0, 0) + attribute(_IFLA_IFNAME, name.encode() + b"\0")
    if lower:
        body += attribute(_IFLA_LINK, struct.pack("=I", lower))
    flags = netlink.NLM_F_ACK | netlink.NLM_F_CREATE | _NLM_F_EXCL
    return netlink.request(netlink.RTM_NEWLINK, flags, sequence, body + attribute(_IFLA_LINKINFO, info))


def change(sequence: int, index: int, *, name: str = "", master: int = 0) -> bytes:
    """Give a device another name, or a bond to belong to."""
    body = netlink.IFINFOMSG.pack(0, 0, index, 0, 0)
    if name:
        body += attribute(_IFLA_IFNAME, name.encode() + b"\0")
    if master:
        body += attribute(_IFLA_MASTER, struct.pack("=I", master))
    return netlink.request(netlink.RTM_NEWLINK, netlink.NLM_F_ACK, sequence, body)


def make(
    kernel: Rtnetlink, wanted: Iterable[Device], macs: Mapping[str, str], *, deadline: float,
    log: Callable[[str], None], now: Callable[[], float],
) -> tuple[Made, ...]:  # fmt: skip
    """Make every device; `macs` tells the address of a card that may by now have another name.

    Raises NetworkError, which says what is missing, and OSError.
    """
    return _Workshop(kernel, macs, log).run(list(wanted), deadline, now)


class _Workshop:
    def __init__(self, kernel: Rtnetlink, macs: Mapping[str, str], log: Callable[[str], None]) -> None:
        self._kernel = kernel
        self._macs = macs
        self._log = log
        self._links = kernel.links()

    def run(self, pending: list[Device], deadline: float, now: Callable[[], float]) -> tuple[Made, ...]:
        """Make what can be made, wait for what it needs, until all are there."""
        made: dict[int, Made] = {}
        order = list(pending)
        settle = min(deadline, now() + PATIENCE)
        while pending:
            late = now() >= settle
            for device in [device for device in pending if self._can(device, late=late)]:
                made[order.index(device)] = self._make(device)
                pending.remove(device)
                self._links = self._kernel.links()
                break
            else:
                left = (settle if not late else deadline) - now()
                if now() >= deadline:
                    raise self._failure(pending[0])
                poll = select.poll()
                poll.register(self._kernel.events, select.POLLIN)
                poll.poll(max(0, int(left * 1000)) + 1)
                self._kernel.changes(self._links)
        return tuple(made[number] for number in sorted(made))

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
        return [self._find(name) for name in ((device.lower,) if isinstance(device, Vlan) else device.slaves)]

    def _can(self, device: Device, *, late: bool) -> bool:
        lower = self._lower(device)
        return any(lower) if late and isinstance(device, Bond) else all(lower)

    def _make(self, device: Device) -> Made:
        """Make one device, or see that it is as it should be."""
        lower = self._lower(device)
        there = [link for link in lower if link]
        try:
            if isinstance(device, Renamed):
                self._rename(there[0], device.name)
            elif isinstance(device, Vlan):
                self._vlan(there[0], device)
            else:
                self._bond(there, device)
        except OSError as error:
            parameter, value = devices.text(device)
            hint = "see dmesg; is its module in the image (profile vlan-bond, or --module 8021q --module bonding)?"
            raise NetworkError(f"network: {parameter}={value}: {error.strerror}", hint) from error
        parameter, value = devices.text(device)
        return Made(parameter, value, tuple(link.card if link and link.kind not in VIRTUAL else "" for link in lower))

    def _rename(self, link: Link, name: str) -> None:
        if link.name != name:
            if link.up:
                self._kernel.ask(netlink.set_link, link.number, up=False)
            self._kernel.ask(change, link.number, name=name)
            self._log(f"{link.name} is now called {name}")

    def _vlan(self, lower: Link, device: Vlan) -> None:
        self._kernel.ask(netlink.set_link, lower.number, up=True)
        there = self._find(device.name)
        if there is None:
            data = attribute(_IFLA_VLAN_ID, struct.pack("=H", device.number))
            self._kernel.ask(create, device.name, "vlan", lower.number, data)
            self._log(f"{device.name}: VLAN {device.number} on {lower.name}")

    def _bond(self, slaves: list[Link], device: Bond) -> None:
        there = self._find(device.name)
        if there is None:
            try:
                self._kernel.ask(create, device.name, "bond")
            except FileExistsError:
                pass  # the driver makes a bond0 of its own when it is loaded (its parameter max_bonds)
            self._set(device, late=False)
            there = next(link for link in self._kernel.links().values() if link.name == device.name)
        for slave in slaves:
            if slave.master != there.number:
                self._kernel.ask(netlink.set_link, slave.number, up=False)  # the driver takes no others
                self._kernel.ask(change, slave.number, master=there.number)
                self._log(f"{device.name}: of {slave.name}")
        self._set(device, late=True)
        self._kernel.ask(netlink.set_link, there.number, up=True, mtu=device.mtu)
        for name in set(device.slaves) - {link.name for link in slaves} if len(slaves) < len(device.slaves) else ():
            self._log(f"{device.name}: goes without {name}, which is not there")

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

    def _failure(self, device: Device) -> NetworkError:
        parameter, value = devices.text(device)
        others = [link for link in self._links.values() if not link.flags & netlink.IFF_LOOPBACK]
        there = ", ".join(f"{link.name} ({link.mac})" for link in others)
        return NetworkError(
            f"network: {parameter}={value}: what it stands on is not there; there are: {there or 'none'}",
            "is the driver in the image (--hardware, --module), and the name the kernel's own (eth0)?",
        )
