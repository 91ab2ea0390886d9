"""What became of the network, as values; what is made of them for others is in texts.py, managers.py and record.py."""

from __future__ import annotations

from init.system.stdlib import TYPE_CHECKING, Any, NamedTuple
from init.wire.dhcp_options import Lease, Route
from init.wire.ethernet import octets
from init.wire.exchange import INFINITE
from init.wire.ip4 import classful_prefix, dotted, packed
from init.wire.netlink import Link

if TYPE_CHECKING:
    from init.cmdline.ip_request import Request

# A field of Interface that the command line decides, and the field of Request that does so.
_DECIDED = {
    "prefix": "prefix", "gateway": "gateway", "dns": "dns", "hostname": "hostname", "nis_domain": "domain",
    "bootserver": "server", "ntp": "ntp", "mtu": "mtu",
}  # fmt: skip


STATIC = "static"  # the protocol of an address that nobody gave


class NetworkError(Exception):
    """No network: `message` says what happened on each device, `hint` what to try."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Interface(NamedTuple):
    """One configured device. Addresses are text, "" where there is none; seconds are counted from `obtained`."""

    device: str
    mac: str  # lower case with colons
    protocol: str  # "static", "dhcp", "bootp", "rarp", "auto6", "dhcp6" or "link6"
    address: str
    prefix: int
    gateway: str = ""
    routes: tuple[Route, ...] = ()
    mtu: int = 0  # 0 where nobody asked for one
    metric: int = 0  # orders the default routes of several devices
    dns: tuple[str, ...] = ()
    domain: str = ""
    search: tuple[str, ...] = ()
    hostname: str = ""
    nis_domain: str = ""
    bootserver: str = ""
    rootpath: str = ""
    ntp: tuple[str, ...] = ()
    # For the keeper, who renews the lease:
    server: str = ""  # that gave it; its DUID in hexadecimal with colons for DHCPv6
    server_mac: str = ""  # where a renewal is sent to; not for DHCPv6
    lease_seconds: int = 0  # 0 for an address without end
    obtained: float = 0.0  # when it was asked for, on CLOCK_BOOTTIME
    renew_after: float = 0.0  # T1
    rebind_after: float = 0.0  # T2
    preferred: int = INFINITE  # the seconds in which the kernel prefers an address of IPv6; INFINITE for always
    client_id: str = ""  # option 61 as it was told, in hexadecimal
    fixed: tuple[str, ...] = ()  # the fields that the command line has decided (or, for IPv6, a router)
    kind: str = ""  # the device's, as in netlink.Link

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
        number = int.from_bytes(packed(self.address) or b"", "big") | (0xFFFFFFFF >> self.prefix)
        return dotted(number.to_bytes(4, "big"))

    def describe(self) -> str:
        origin = f"{self.protocol} from {self.server}" if self.server and not self.six else self.protocol
        parts = [f"{self.device}: {self.address}/{self.prefix} ({origin})"]
        parts += [f"gateway {self.gateway}"] if self.gateway else []
        parts += [f"DNS {' '.join(self.dns)}"] if self.dns else []
        return ", ".join(parts)


class Made(NamedTuple):
    """A device that the command line had made."""

    parameter: str  # "vlan", "bond" or "ifname"
    value: str
    cards: tuple[str, ...]  # the addresses of the cards that it stands on, "" for what is no card


class Missing(NamedTuple):
    """What the command line asks for beside what there is."""

    request: Request
    reason: str  # why it is not there: the device, and what came of it


class Network(NamedTuple):
    """Every configured device; empty where `ip=off` asked for nothing."""

    interfaces: tuple[Interface, ...]  # in the order of the command line
    made: tuple[Made, ...] = ()  # what was made for them, in the order of devices.parse()
    missing: tuple[Missing, ...] = ()

    @property
    def hostname(self) -> str:
        """The first host name there is, else the first address, as the nfsroot document has it."""
        addresses = (interface.address for interface in self.interfaces if not interface.six)
        return self._first("hostname") or next(addresses, "")

    @property
    def bootserver(self) -> str:
        """The server that the root lies on unless root says otherwise."""
        return self._first("bootserver")

    @property
    def rootpath(self) -> str:
        """Option 17."""
        return self._first("rootpath")

    def _first(self, field: str) -> str:
        texts: list[str] = [getattr(interface, field) for interface in self.interfaces]
        return next((text for text in texts if text), "")


def decided(request: Request) -> dict[str, Any]:
    """Return the fields of Interface that `request` decides, with its values."""
    values = {field: getattr(request, word) for field, word in _DECIDED.items()}
    return {field: value for field, value in values.items() if value}


def static(request: Request, link: Link, metric: int = 0) -> Interface:
    """Return what `request` says for `link`, nobody asked."""
    prefix = classful_prefix(packed(request.client) or b"\0")
    bare = Interface(link.name, link.mac, STATIC, request.client, prefix, metric=metric, kind=link.kind)
    return bare._replace(**decided(request))


def leased(request: Request, link: Link, lease: Lease, metric: int = 0) -> Interface:
    """Return what a server gave, except where the command line says otherwise."""
    given, values = _given(lease, link.name, link.mac, link.kind), decided(request)
    client_id = request.client_id.hex()
    return given._replace(metric=metric, client_id=client_id, fixed=tuple(values), **values)


def renewed(interface: Interface, lease: Lease) -> Interface:
    """Return `interface` with what a renewal brought; what the command line decided stays."""
    given = _given(lease, interface.device, interface.mac, interface.kind)
    kept = ("metric", "client_id", "fixed", *interface.fixed)
    return given._replace(**{field: getattr(interface, field) for field in kept})


def _given(lease: Lease, device: str, mac: str, kind: str) -> Interface:
    """The device as the server alone would have it."""
    return Interface(
        device=device, mac=mac, kind=kind, protocol=lease.protocol, address=lease.address, prefix=lease.prefix,
        gateway=lease.gateways[0] if lease.gateways else "", routes=lease.routes, mtu=lease.mtu,
        dns=lease.dns, domain=lease.domain, search=lease.search, ntp=lease.ntp,
        hostname=lease.hostname.partition(".")[0], nis_domain=lease.nis_domain,
        bootserver=lease.boot_server or lease.server, rootpath=lease.root_path,
        server=lease.server, server_mac=lease.server_mac.hex(":"), lease_seconds=lease.seconds or 0,
        obtained=lease.obtained, renew_after=lease.renew_after, rebind_after=lease.rebind_after,
    )  # fmt: skip


def lease_of(interface: Interface) -> Lease:
    """Return the lease that `interface` was made of, as far as a client needs it to go on."""
    return Lease(
        interface.protocol, interface.address, interface.server, octets(interface.server_mac), interface.obtained,
        interface.prefix, seconds=interface.lease_seconds or None, renew_after=interface.renew_after,
        rebind_after=interface.rebind_after,
    )  # fmt: skip
