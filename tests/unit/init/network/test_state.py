"""What the network leaves behind: exact texts in the documented formats."""

from pathlib import Path

import pytest

from init.cmdline.ip_request import Request
from init.network import configure, links, state, texts
from init.network import record as network_record
from init.network.state import Interface, Network, NetworkError
from init.wire import netlink
from init.wire.dhcp_options import Lease, Route

LINK = netlink.Link(2, "eth0", "52:54:00:12:34:56", 1, 0x10043, 1500, "up", 0, "")
LEASE = Lease(
    "dhcp",
    "10.0.2.15",
    "10.0.2.2",
    bytes.fromhex("525400123502"),
    5.0,
    24,
    boot_server="10.0.2.4",
    gateways=("10.0.2.2", "10.0.2.9"),
    routes=(Route("10.7.0.0", 16, "10.0.2.7"), Route("10.8.0.0", 16, "")),
    dns=("10.0.2.3", "1.1.1.1", "8.8.8.8", "9.9.9.9"),
    ntp=("10.0.2.5",),
    hostname="box.lab",
    domain="lab.example",
    search=("eng.lab.example", "lab.example"),
    nis_domain="nis",
    root_path="/it's",
    mtu=1400,
    seconds=600,
)
LEASED = state.leased(Request(), LINK, LEASE)
STATIC = state.static(Request(client="192.168.7.5", gateway="192.168.7.1", hostname="wall"), LINK)


def test_static_takes_the_classful_netmask() -> None:
    assert (STATIC.address, STATIC.prefix, STATIC.protocol) == ("192.168.7.5", 24, "static")
    assert state.static(Request(client="10.0.0.2", netmask="255.255.0.0"), LINK).prefix == 16


def test_the_command_line_wins_over_the_server_but_not_for_the_address() -> None:
    request = Request(
        client="10.0.2.99",
        server="10.0.2.8",
        gateway="10.0.2.1",
        netmask="255.255.0.0",
        hostname="wall",
        domain="here",
        dns=("1.0.0.1",),
        ntp=("1.0.0.2",),
    )
    merged = state.leased(request, LINK, LEASE)
    assert (merged.address, merged.prefix, merged.gateway) == ("10.0.2.15", 16, "10.0.2.1")
    assert (merged.bootserver, merged.hostname, merged.nis_domain) == ("10.0.2.8", "wall", "here")
    assert (merged.dns, merged.ntp) == (("1.0.0.1",), ("1.0.0.2",))
    assert (LEASED.bootserver, LEASED.hostname, LEASED.gateway) == ("10.0.2.4", "box", "10.0.2.2")
    assert state.leased(Request(), LINK, LEASE._replace(boot_server="")).bootserver == "10.0.2.2"


def test_pnp() -> None:
    assert texts.pnp(Network((LEASED,))) == (
        "#PROTO: DHCP\ndomain lab.example\nnameserver 10.0.2.3\nnameserver 1.1.1.1\nnameserver 8.8.8.8\n"
        "bootserver 10.0.2.4\n"
    )
    assert texts.pnp(Network((STATIC,))) == "#MANUAL\n"


def test_ntp_servers() -> None:
    assert texts.ntp_servers(Network((LEASED, LEASED._replace(ntp=("1.2.3.4",))))) == "10.0.2.5\n1.2.3.4\n"
    assert texts.ntp_servers(Network((STATIC,))) == ""


def test_resolv_conf() -> None:
    assert texts.resolv_conf(Network((STATIC, LEASED))) == (
        "search lab.example eng.lab.example\nnameserver 10.0.2.3\nnameserver 1.1.1.1\nnameserver 8.8.8.8\n"
    )
    assert texts.resolv_conf(Network((LEASED._replace(search=(), dns=("1.1.1.1",)),))) == (
        "domain lab.example\nnameserver 1.1.1.1\n"
    )
    assert texts.resolv_conf(Network((STATIC,))) == ""


def test_klibc_conf() -> None:
    assert texts.klibc_conf(LEASED, 7) == (
        "DEVICE='eth0'\nPROTO='dhcp'\nIPV4ADDR='10.0.2.15'\nIPV4BROADCAST='10.0.2.255'\n"
        "IPV4NETMASK='255.255.255.0'\nIPV4GATEWAY='10.0.2.2'\nIPV4DNS0='10.0.2.3'\nIPV4DNS1='1.1.1.1'\n"
        "HOSTNAME='box'\nDNSDOMAIN='lab.example'\nNISDOMAIN='nis'\nROOTSERVER='10.0.2.4'\nROOTPATH='/it'\\''s'\n"
        "filename=''\nUPTIME='7'\nDHCPLEASETIME='600'\nDOMAINSEARCH='eng.lab.example lab.example'\n"
    )
    assert "PROTO='none'\n" in texts.klibc_conf(STATIC, 7)


def test_the_host_name_is_the_address_where_there_is_none() -> None:
    assert Network((STATIC,)).hostname == "wall"
    assert Network((STATIC._replace(hostname=""),)).hostname == "192.168.7.5"
    assert Network(()).hostname == ""


def test_describe() -> None:
    assert Network((STATIC, LEASED)).describe() == (
        "eth0: 192.168.7.5/24 (static), gateway 192.168.7.1; "
        "eth0: 10.0.2.15/24 (dhcp from 10.0.2.2), gateway 10.0.2.2, DNS 10.0.2.3 1.1.1.1 8.8.8.8 9.9.9.9"
    )
    assert Network(()).describe() == "off"


SIX = Interface("eth0", LINK.mac, "auto6", "2001:db8::5", 64, "fe80::1", dns=("fe80::1%eth0",), search=("lab",))
MADE = (state.Made("bond", "b:eth0,eth1:mode=1", (LINK.mac, "")), state.Made("vlan", "b.5:b", ("",)))


def test_ipv6_beside_ipv4() -> None:
    found = Network((SIX, STATIC))
    assert (found.hostname, texts.pnp(found)) == ("wall", "#MANUAL\nnameserver fe80::1%eth0\n")
    assert Network((SIX,)).hostname == ""
    assert SIX.describe() == "eth0: 2001:db8::5/64 (auto6), gateway fe80::1, DNS fe80::1%eth0"
    assert texts.klibc_conf6(SIX) == (
        "DEVICE6='eth0'\nIPV6PROTO='auto'\nIPV6ADDR='2001:db8::5'\nIPV6NETMASK='64'\nIPV6GATEWAY='fe80::1'\n"
        "IPV6DNS0='fe80::1%eth0'\nIPV6DNS1=''\nIPV6DOMAINSEARCH='lab'\nHOSTNAME=''\n"
    )


@pytest.mark.parametrize(
    "network_", [Network(()), Network((STATIC,)), Network((LEASED, STATIC)), Network((SIX, LEASED), MADE)]
)
def test_the_state_reads_back(network_: Network) -> None:
    assert network_record.decode(network_record.encode(network_)) == network_


def test_a_damaged_state_is_an_error() -> None:
    text = network_record.encode(Network((LEASED,)))
    for damaged in (
        text.replace("prefix=24", "prefix=x"),
        text.replace("mtu=", "utm="),
        "x",
        text + "what=1\n",
        text.replace("/16", "/"),
    ):
        with pytest.raises(NetworkError, match="network state: cannot be read"):
            network_record.decode(damaged)


def test_leave_files(tmp_path: Path) -> None:
    found = Network((LEASED,))
    configure.leave_files(found, str(tmp_path / "run/initramfs/net"), str(tmp_path / "run"))
    folder = tmp_path / "run/initramfs/net"
    assert sorted(path.name for path in folder.iterdir()) == ["ntp_servers", "pnp", "resolv.conf", "state"]
    assert network_record.decode((folder / "state").read_text()) == found
    assert (tmp_path / "run/net-eth0.conf").read_text().startswith("DEVICE='eth0'\nPROTO='dhcp'\n")


def test_the_same_device_is_found_though_renamed_or_below_a_bridge() -> None:
    bridge = LINK._replace(number=5, name="br0", kind="bridge")
    renamed = LINK._replace(name="ens3")
    other = LINK._replace(number=9, name="eth0", mac="52:54:00:00:00:09")
    assert links.same_device(Interface("eth0", LINK.mac, "static", "1.2.3.4", 8), [other, bridge, renamed]) == renamed
    assert links.same_device(Interface("eth0", "00:00:00:00:00:01", "static", "1.2.3.4", 8), [bridge, other]) == other
    with pytest.raises(NetworkError, match="is gone"):
        links.same_device(Interface("eth3", "00:00:00:00:00:01", "static", "1.2.3.4", 8), [bridge, other])
