"""What the network leaves for other programs: exact texts in the documented formats."""

from init.network import texts
from init.network.state import Network
from tests.unit.init.network.samples import LEASED, SIX, STATIC


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


def test_ipv6_beside_ipv4() -> None:
    assert texts.pnp(Network((SIX, STATIC))) == "#MANUAL\nnameserver fe80::1%eth0\n"
    assert texts.klibc_conf6(SIX) == (
        "DEVICE6='eth0'\nIPV6PROTO='auto'\nIPV6ADDR='2001:db8::5'\nIPV6NETMASK='64'\nIPV6GATEWAY='fe80::1'\n"
        "IPV6DNS0='fe80::1%eth0'\nIPV6DNS1=''\nIPV6DOMAINSEARCH='lab'\nHOSTNAME=''\n"
    )
