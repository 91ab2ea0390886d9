"""What the real system's network managers find in /run, so that none of them takes the root's network down.

Pure text, written once by files.leave_for_managers() while the image boots. Each tool is told by its own rules, about
the root's devices and what they stand on, and about no others:

systemd-networkd (systemd.network(5)) keeps what it finds (KeepConfiguration=) and starts no client of its own. The
    device stays a managed one, or systemd-networkd-wait-online would wait in vain for another; without waiting for
    a carrier it is ready where no router announces itself, and loses nothing when the cable is pulled. Not managed at
    all is a device with the root behind IPv6: networkd would turn the kernel's reading of routers' advertisements
    off, and have neither address nor route until the next one when it configures the device anew. Nor is what a
    root's device stands on (a bond's cards, a VLAN's device). The first file that matches counts, so these sort
    before all others; one of the same name in /etc replaces them.
NetworkManager (NetworkManager.conf(5)) does not manage these devices; a file of the same name in /etc replaces it.
ifupdown takes them for configured: `ifup -a` passes over what has a name in ifstate.DEVICE, and `ifdown -a` over what
    is not in ifstate. The name is one that no stanza has, so that even `ifdown DEVICE` finds nothing to undo.
    ifup@DEVICE.service (allow-hotplug) would miss it in ifstate, so it is not started for links such as ours.
    interfaces(5) knows devices by name alone: a rule for udev sees to it that the new name counts, too.
systemd-resolved is told the name servers (resolved.conf(5)); no manager has any for these devices.
"""

from __future__ import annotations

from init.network.links import VIRTUAL, same_device
from init.network.state import Network
from init.system.stdlib import Iterable, NamedTuple
from init.wire.netlink import Link

_ORIGIN = "# The root lies behind this network, which the initramfs has set up. See mkinitfs(7), The network stays.\n"
_LOGICAL = "mkinitfs"  # the stanza that ifupdown is told of
_ETHERNET = 17  # characters of an Ethernet address with its colons
# Names of other characters would mean something else in one or the other of these languages.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-")


class RunFiles(NamedTuple):
    """What to leave in /run, by path below it."""

    files: dict[str, str]  # contents
    links: dict[str, str]  # the targets of symbolic links


def run_files(network: Network, links: Iterable[Link]) -> RunFiles:
    """Return what to leave in /run for `network`, whose devices are among `links`. Raises NetworkError."""
    known = {link.name: link for link in links}
    roots: dict[str, bool] = {}  # and whether networkd may manage them
    for interface in network.interfaces:
        name = same_device(interface, known.values()).name
        roots[name] = roots.get(name, True) and not interface.six
    names = [name for name in (*roots, *_below(network, roots)) if name in known and _PLAIN.issuperset(name)]
    devices = {name: known[name] for name in names}
    if not devices:
        return RunFiles({}, {})
    files = {f"systemd/network/00-mkinitfs-{name}.network": _networkd(network, link, managed=roots.get(name, False))
             for name, link in devices.items()}  # fmt: skip
    files["NetworkManager/conf.d/mkinitfs.conf"] = _network_manager(devices.values())
    files |= {f"network/{_LOGICAL}.{name}": f"{_LOGICAL}\n" for name in devices}
    files["systemd/system/ifup@.service.d/mkinitfs.conf"] = (
        f"{_ORIGIN}[Unit]\nConditionPathIsSymbolicLink=!/run/network/ifstate.%I\n"
    )
    rules = "".join(_udev(link) for link in devices.values() if _is_card(link))
    files |= {"udev/rules.d/81-mkinitfs.rules": _ORIGIN + rules} if rules else {}
    resolved = _resolved(network)
    files |= {"systemd/resolved.conf.d/mkinitfs.conf": resolved} if resolved else {}
    return RunFiles(files, {f"network/ifstate.{name}": f"{_LOGICAL}.{name}" for name in devices})


def _below(network: Network, names: dict[str, bool]) -> list[str]:
    """The devices that `names` stand on, whatever those stand on included."""
    if not network.made:
        return []
    from init.cmdline import devices  # late: few boots need it

    made = [(made.parameter, made.value) for made in network.made]
    lower = {device.name: devices.lower(device) for device in devices.parse(made)}
    below: list[str] = []
    pending = list(names)
    while pending:
        for name in lower.get(pending.pop(), ()):
            if name not in below:
                below.append(name)
                pending.append(name)
    return [name for name in below if name not in names]


def _is_card(link: Link) -> bool:
    """Whether the device is known by its address, whatever udev calls it; what was made keeps its name."""
    return link.kind not in VIRTUAL and len(link.card) == _ETHERNET


def _networkd(network: Network, link: Link, *, managed: bool) -> str:
    """A systemd.network(5) file. Bonds and VLANs have a card's address, too, and are of another type."""
    lines = ["[Match]"]
    if _is_card(link):
        lines += [f"PermanentMACAddress={link.permanent}" if link.permanent else f"MACAddress={link.mac}", "Type=ether"]
    else:
        lines += [f"Name={link.name}"] + ([f"Kind={link.kind}"] if link.kind else [])
    if not managed:
        return _ORIGIN + "\n".join([*lines, "[Link]", "Unmanaged=yes"]) + "\n"
    lines += ["[Network]", "KeepConfiguration=yes", "ConfigureWithoutCarrier=yes"]
    ours = (interface for interface in network.interfaces if interface.mac == link.mac)
    lines += [f"NTP={address}" for interface in ours for address in interface.ntp]
    return _ORIGIN + "\n".join([*lines, "[IPv6AcceptRA]", "DHCPv6Client=no"]) + "\n"


def _network_manager(links: Iterable[Link]) -> str:
    """A file for NetworkManager, to which `mac:` is a permanent address and any exception counts for more."""
    cards = [f"mac:{link.permanent}" for link in links if _is_card(link) and link.permanent]
    names = [f"interface-name:={link.name}" for link in links if not (_is_card(link) and link.permanent)]
    text = _ORIGIN
    if cards:
        cards += [f"except:type:{kind}" for kind in ("bond", "bridge", "macvlan", "team", "vlan")]
        text += f"[device-mkinitfs-cards]\nmatch-device={';'.join(cards)}\nmanaged=0\n"
    if names:
        text += f"[device-mkinitfs-names]\nmatch-device={';'.join(names)}\nmanaged=0\n"
    return text


def _udev(link: Link) -> str:
    """A rule that says to ifupdown what the device is called once udev has renamed it."""
    command = f"/bin/ln -sfn {_LOGICAL}.{link.name} /run/network/ifstate.$name"
    return f'ACTION=="add", SUBSYSTEM=="net", ENV{{DEVTYPE}}=="", ATTR{{address}}=="{link.mac}", RUN+="{command}"\n'


def _resolved(network: Network) -> str:
    """A resolved.conf(5) file, "" where no device brought a name server."""
    servers = dict.fromkeys(address for interface in network.interfaces for address in interface.dns)
    domains = dict.fromkeys(
        name for interface in network.interfaces for name in (interface.domain, *interface.search) if name
    )
    if not servers:
        return ""
    lines = ["[Resolve]", f"DNS={' '.join(servers)}"]
    return _ORIGIN + "\n".join([*lines, f"Domains={' '.join(domains)}"] if domains else lines) + "\n"
