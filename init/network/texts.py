"""Files that other programs read about the network, as text.

Formats: /proc/net/pnp and /proc/net/ipconfig/ntp_servers as the nfsroot document describes them, resolv.conf(5),
/run/net-DEVICE.conf as klibc's ipconfig writes it for shells to source (every value in single quotes).
"""

from __future__ import annotations

from init.network.state import Interface, Network
from init.wire.ip4 import netmask_of

_NAME_SERVERS = 3  # MAXNS in resolv.conf(5)
_NTP_SERVERS = 3  # CONF_NTP_SERVERS_MAX in net/ipv4/ipconfig.c
_NO_ADDRESS = "0.0.0.0"  # noqa: S104  (klibc's word for none)


def pnp(network: Network) -> str:
    """Return the content of /proc/net/pnp; devices after the first only add name servers."""
    protocols = {interface.protocol for interface in network.interfaces if not interface.six} - {"static"}
    lines = [f"#PROTO: {protocol.upper()}" for protocol in sorted(protocols)[:1]] or ["#MANUAL"]
    lines += _resolver_lines(network, with_search=False)
    lines += [f"bootserver {network.bootserver}"] if network.bootserver else []
    return "\n".join(lines) + "\n"


def ntp_servers(network: Network) -> str:
    """Return the content of /proc/net/ipconfig/ntp_servers: one address on a line."""
    addresses = dict.fromkeys(address for interface in network.interfaces for address in interface.ntp)
    return "".join(f"{address}\n" for address in list(addresses)[:_NTP_SERVERS])


def resolv_conf(network: Network) -> str:
    """Return a resolv.conf(5), "" where no device brought a name server."""
    lines = _resolver_lines(network, with_search=True)
    return "\n".join(lines) + "\n" if any(line.startswith("nameserver") for line in lines) else ""


def _resolver_lines(network: Network, *, with_search: bool) -> list[str]:
    """The lines that /proc/net/pnp and resolv.conf have in common."""
    domains = [interface.domain for interface in network.interfaces if interface.domain]
    search = list(dict.fromkeys(name for interface in network.interfaces for name in interface.search))
    servers = dict.fromkeys(address for interface in network.interfaces for address in interface.dns)
    lines = [f"domain {domain}" for domain in domains[:1]]
    if search and with_search:  # of the two the last one counts (resolv.conf(5)), so there is only one
        lines = ["search " + " ".join(dict.fromkeys([*domains[:1], *search]))]
    return lines + [f"nameserver {address}" for address in list(servers)[:_NAME_SERVERS]]


def klibc_conf(interface: Interface, uptime: int) -> str:
    """Return /run/net-DEVICE.conf as klibc's ipconfig writes it; `uptime` in seconds."""
    dns = [*interface.dns, "", ""]
    values = (
        ("DEVICE", interface.device),
        ("PROTO", "none" if interface.protocol == "static" else interface.protocol),
        ("IPV4ADDR", interface.address),
        ("IPV4BROADCAST", interface.broadcast),
        ("IPV4NETMASK", netmask_of(interface.prefix)),
        ("IPV4GATEWAY", interface.gateway or _NO_ADDRESS),
        ("IPV4DNS0", dns[0] or _NO_ADDRESS),
        ("IPV4DNS1", dns[1] or _NO_ADDRESS),
        ("HOSTNAME", interface.hostname),
        ("DNSDOMAIN", interface.domain),
        ("NISDOMAIN", interface.nis_domain),
        ("ROOTSERVER", interface.bootserver or _NO_ADDRESS),
        ("ROOTPATH", interface.rootpath),
        ("filename", ""),
        ("UPTIME", str(uptime)),
        ("DHCPLEASETIME", str(interface.lease_seconds)),
        ("DOMAINSEARCH", " ".join(interface.search)),
    )
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values)


def klibc_conf6(interface: Interface) -> str:
    """Return /run/net6-DEVICE.conf, IPv6's counterpart as initramfs-tools leaves it for cloud-init and others."""
    dns = [*interface.dns, "", ""]
    values = (
        ("DEVICE6", interface.device),
        ("IPV6PROTO", {"static": "none", "auto6": "auto"}.get(interface.protocol, interface.protocol)),
        ("IPV6ADDR", interface.address),
        ("IPV6NETMASK", str(interface.prefix)),
        ("IPV6GATEWAY", interface.gateway),
        ("IPV6DNS0", dns[0]),
        ("IPV6DNS1", dns[1]),
        ("IPV6DOMAINSEARCH", " ".join(interface.search)),
        ("HOSTNAME", interface.hostname),
    )
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values)


def _quoted(value: str) -> str:
    """Quote for a POSIX shell: within single quotes nothing but the quote itself means anything."""
    return "'" + value.replace("'", "'\\''") + "'"
