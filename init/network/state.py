"""What the network became: values, and the files that other programs read. Pure text; network.py writes it
out.

Formats: /proc/net/pnp and /proc/net/ipconfig/ntp_servers as the nfsroot document describes them,
/run/net-DEVICE.conf as klibc's ipconfig writes it for shells to source (every value in single quotes),
resolv.conf(5), and a state of our own for the way back at shutdown: key=value lines, one block for each
device, an empty line between blocks.
"""

from __future__ import annotations

from init.cmdline.ip_request import Request
from init.system.stdlib import NamedTuple
from init.wire.dhcp_options import Lease, Route
from init.wire.ip4 import classful_prefix, dotted, packed, prefix_length
from init.wire.netlink import FOREVER, Link

# A field of Interface that the command line decides, and the field of Request that does so.
_DECIDED = (
    ("prefix", "netmask"),
    ("gateway", "gateway"),
    ("dns", "dns"),
    ("hostname", "hostname"),
    ("nis_domain", "domain"),
    ("bootserver", "server"),
    ("ntp", "ntp"),
    ("mtu", "mtu"),
)


class NetworkError(Exception):
    """No network: `message` says what happened on each device, `hint` what to try."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Interface(NamedTuple):
    """One configured device. Addresses are dotted text, "" where there is none; `mac` is lower case with
    colons.

    `protocol` is "static", "dhcp", "bootp", "rarp", "auto6", "dhcp6" or "link6"; `kind` is the device's (netlink.Link).
    `mtu` is 0 where nobody asked for one, `metric` orders the default routes of several devices, `lease_seconds`
    is 0 for an address without end. For whoever renews the lease (lease.py): `server` and `server_mac` name the
    machine that gave it (DHCPv6: its DUID in hexadecimal); `obtained` is the time of asking on CLOCK_BOOTTIME,
    `renew_after` and `rebind_after` the seconds from then to T1 and T2, `preferred` (IPv6) those in which the kernel
    prefers the address, FOREVER where it always does; `client_id` is what was told as option 61, in hexadecimal;
    `fixed` names the fields that the command line has decided (DHCPv6: or a router).
    """

    device: str
    mac: str
    protocol: str
    address: str
    prefix: int
    gateway: str = ""
    routes: tuple[Route, ...] = ()
    mtu: int = 0
    metric: int = 0
    dns: tuple[str, ...] = ()
    domain: str = ""
    search: tuple[str, ...] = ()
    hostname: str = ""
    nis_domain: str = ""
    bootserver: str = ""
    rootpath: str = ""
    ntp: tuple[str, ...] = ()
    server: str = ""
    server_mac: str = ""
    lease_seconds: int = 0
    obtained: float = 0.0
    renew_after: float = 0.0
    rebind_after: float = 0.0
    preferred: int = FOREVER
    client_id: str = ""
    fixed: tuple[str, ...] = ()
    kind: str = ""

    @property
    def six(self) -> bool:
        """Whether it is about IPv6: a device with both is two of these."""
        return ":" in self.address

    @property
    def renewable(self) -> bool:
        """Whether its lease ends unless somebody renews it."""
        return self.protocol in ("dhcp", "dhcp6") and self.lease_seconds > 0

    @property
    def broadcast(self) -> str:
        """The broadcast address of its network."""
        number = int.from_bytes(packed(self.address) or b"", "big") | (0xFFFFFFFF >> self.prefix)
        return dotted(number.to_bytes(4, "big"))

    def describe(self) -> str:
        """One line for the log."""
        origin = f"{self.protocol} from {self.server}" if self.server and not self.six else self.protocol
        parts = [f"{self.device}: {self.address}/{self.prefix} ({origin})"]
        parts += [f"gateway {self.gateway}"] if self.gateway else []
        parts += [f"DNS {' '.join(self.dns)}"] if self.dns else []
        return ", ".join(parts)


class Made(NamedTuple):
    """A device that the command line had made: its `parameter` ("vlan", "bond", "ifname") and `value`, and the
    addresses of the cards that it stands on, "" for what is no card.
    """

    parameter: str
    value: str
    cards: tuple[str, ...]


class Network(NamedTuple):
    """Every configured device, in the order of the command line; empty where `ip=off` asked for nothing.

    `made` are the devices that were made for it, in the order of their making.
    """

    interfaces: tuple[Interface, ...]
    made: tuple[Made, ...] = ()

    @property
    def hostname(self) -> str:
        """The first host name found, else the first address, as the nfsroot document has it."""
        names = self._first("hostname")
        addresses = (interface.address for interface in self.interfaces if not interface.six)
        return names or next(addresses, "")

    @property
    def bootserver(self) -> str:
        """The server that the root lies on unless root says otherwise."""
        return self._first("bootserver")

    @property
    def rootpath(self) -> str:
        """Option 17."""
        return self._first("rootpath")

    def _first(self, name: str) -> str:
        found: list[str] = [getattr(interface, name) for interface in self.interfaces]
        return next((text for text in found if text), "")

    def describe(self) -> str:
        """One line for the log."""
        return "; ".join(interface.describe() for interface in self.interfaces) or "off"


def static(request: Request, link: Link, metric: int = 0) -> Interface:
    """Return what `request` says for `link`, nobody asked."""
    return Interface(
        device=link.name,
        mac=link.mac,
        protocol="static",
        address=request.client,
        prefix=_prefix(request) or classful_prefix(packed(request.client) or b"\0"),
        gateway=request.gateway,
        mtu=request.mtu,
        metric=metric,
        dns=request.dns,
        hostname=request.hostname,
        nis_domain=request.domain,
        bootserver=request.server,
        ntp=request.ntp,
        kind=link.kind,
    )


def leased(request: Request, link: Link, lease: Lease, metric: int = 0) -> Interface:
    """Return what a server gave, except where the command line says otherwise."""
    return Interface(
        device=link.name,
        mac=link.mac,
        protocol=lease.protocol,
        address=lease.address,
        prefix=_prefix(request) or lease.prefix,
        gateway=request.gateway or (lease.gateways[0] if lease.gateways else ""),
        routes=lease.routes,
        mtu=request.mtu or lease.mtu,
        metric=metric,
        dns=request.dns or lease.dns,
        domain=lease.domain,
        search=lease.search,
        hostname=request.hostname or lease.hostname.partition(".")[0],
        nis_domain=request.domain or lease.nis_domain,
        bootserver=request.server or lease.boot_server or lease.server,
        rootpath=lease.root_path,
        ntp=request.ntp or lease.ntp,
        server=lease.server,
        server_mac=lease.server_mac.hex(":"),
        lease_seconds=lease.seconds or 0,
        obtained=lease.obtained,
        renew_after=lease.renew_after,
        rebind_after=lease.rebind_after,
        client_id=request.client_id.hex(),
        kind=link.kind,
        fixed=fixed(request),
    )


def fixed(request: Request) -> tuple[str, ...]:
    """Return the fields of Interface that `request` decides."""
    return tuple(field for field, word in _DECIDED if getattr(request, word))


def renewed(interface: Interface, lease: Lease) -> Interface:
    """Return `interface` with what a renewal brought; what the command line decided stays."""
    link = Link(0, interface.device, interface.mac, 0, 0, 0, "", 0, "")
    kept = ("metric", "client_id", "kind", "fixed", *interface.fixed)
    return leased(Request(), link, lease)._replace(**{name: getattr(interface, name) for name in kept})


def _prefix(request: Request) -> int:
    """The prefix length of the netmask on the command line, 0 where there is none."""
    return (prefix_length(packed(request.netmask) or b"") or 0) if request.netmask else 0
