"""`vlan=`, `bond=` and `ifname=`: devices that the command line asks to be made or named (dracut.cmdline(7)).

    ifname=<name>:<MAC>
    bond=<name>[:<slave>,<slave>…[:<option>=<value>,…[:<mtu>]]]
    vlan=<name>:<device>      with the number at the name's end: vlan0005, vlan5, eth0.0005, eth0.5

`bond` alone means bond=bond0:eth0,eth1:mode=balance-rr. Options are the bonding driver's own (modinfo bonding; the
kernel's bonding document), several values of arp_ip_target separated by semicolons.
"""

from __future__ import annotations

from init.cmdline.ip_request import GrammarError, check_device, mac_address
from init.system.stdlib import Iterable, Mapping, NamedTuple

_DEFAULT_SLAVES, _DEFAULT_OPTIONS = ("eth0", "eth1"), (("mode", "balance-rr"),)
_OPTION_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")
_MONITORS = ("miimon", "arp_interval")


class Renamed(NamedTuple):
    """The card with the address `mac` is to be called `name`."""

    name: str
    mac: str  # lower case, colons


class Bond(NamedTuple):
    """Several devices as one."""

    name: str
    slaves: tuple[str, ...]
    options: tuple[tuple[str, str], ...]  # name and value, to be set in this order
    mtu: int = 0  # 0 for the kernel's own


class Vlan(NamedTuple):
    """The packets on `lower` that carry the tag `number`, as a device of their own."""

    name: str
    lower: str
    number: int  # 1 to 4094


Device = Renamed | Bond | Vlan


def parse(words: Iterable[tuple[str, str | None]]) -> tuple[Device, ...]:
    """Read (parameter, value) pairs in order, names first, then bonds, then VLANs. Raises GrammarError."""
    pairs = list(words)
    devices: list[Device] = []
    for wanted, reader in (("ifname", _renamed), ("bond", _bond), ("vlan", _vlan)):
        devices += [reader(value or "") for parameter, value in pairs if parameter == wanted]
    names = [device.name for device in devices]
    slaves = [slave for device in devices if isinstance(device, Bond) for slave in device.slaves]
    for name in names + slaves:
        if names.count(name) > 1 or slaves.count(name) > 1:
            raise GrammarError(f"ifname=, bond=, vlan=: {name!r} is named twice")
    return tuple(devices)


def lower(device: Device) -> tuple[str, ...]:
    """Return the names of the devices that `device` stands on; a card with a new name stands on none."""
    if isinstance(device, Renamed):
        return ()
    return (device.lower,) if isinstance(device, Vlan) else device.slaves


def above(devices: Iterable[Device]) -> dict[str, tuple[str, ...]]:
    """Return what stands on each device that something stands on."""
    uppers: dict[str, tuple[str, ...]] = {}
    for device in devices:
        for name in lower(device):
            uppers[name] = (*uppers.get(name, ()), device.name)
    return uppers


def tops(above: Mapping[str, tuple[str, ...]], names: Iterable[str]) -> set[str]:
    """Return the uppermost devices that stand on `names`; what nothing stands on is none of them."""
    pending, uppermost, seen = list(names), set(), set()
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            uppermost |= {upper for upper in above.get(name, ()) if upper not in above}
            pending += above.get(name, ())
    return uppermost


def text(device: Device) -> tuple[str, str]:
    """Return parameter and value that parse() reads as `device`."""
    if isinstance(device, Renamed):
        return "ifname", f"{device.name}:{device.mac}"
    if isinstance(device, Vlan):
        return "vlan", f"{device.name}:{device.lower}"
    options = ",".join(f"{name}={value}" for name, value in device.options)
    return "bond", f"{device.name}:{','.join(device.slaves)}:{options}" + (f":{device.mtu}" if device.mtu else "")


def _renamed(value: str) -> Renamed:
    name, _, mac = value.partition(":")
    return Renamed(check_device(name, "ifname="), mac_address(mac, "ifname=:"))


def _vlan(value: str) -> Vlan:
    name, _, lower = value.partition(":")
    check_device(name, "vlan=")
    digits = name.rpartition(".")[2] if "." in name else name.removeprefix("vlan")
    number = int(digits) if digits.isascii() and digits.isdigit() else 0
    if not 0 < number < 4095:
        raise GrammarError(
            f"vlan=: {name!r} does not end in a number from 1 to 4094, as vlan5, vlan0005, eth0.5 and eth0.0005 do"
        )
    return Vlan(name, check_device(lower, "vlan="), number)


def _bond(value: str) -> Bond:
    name, *rest = (value or "bond0").split(":")
    if len(rest) > 3:
        raise GrammarError(f"bond=: {value!r} is not <name>[:<slaves>[:<options>[:<mtu>]]]")
    slaves, options, mtu = [*rest, "", "", ""][:3]
    if mtu and not (mtu.isascii() and mtu.isdigit() and 68 <= int(mtu) <= 65535):
        raise GrammarError(f"bond=: the MTU {mtu!r} is not a number from 68 to 65535")
    return Bond(
        check_device(name, "bond="),
        tuple(check_device(slave, "bond=") for slave in slaves.split(",")) if slaves else _DEFAULT_SLAVES,
        _with_monitor(tuple(_option(word) for word in options.split(",")) if options else _DEFAULT_OPTIONS),
        int(mtu or 0),
    )


def _option(word: str) -> tuple[str, str]:
    """Read one option; its name becomes that of a file in sysfs."""
    name, _, value = word.partition("=")
    if not name or not _OPTION_CHARACTERS.issuperset(name) or not value or not value.isprintable():
        raise GrammarError(f"bond=: {word!r} is not <option>=<value>")
    return name, value


def _with_monitor(options: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """See that broken links are noticed: the driver's default is to look at none (kernel's bonding document).

    The mode comes first: which other options there are depends on it.
    """
    if not any(name in _MONITORS for name, _ in options):
        options = (*options, ("miimon", "100"))
    return tuple(sorted(options, key=lambda pair: pair[0] != "mode"))
