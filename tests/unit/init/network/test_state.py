"""What became of the network: what the command line and a server decide of it, and what it is called."""

from init.cmdline.ip_request import Request
from init.network import state
from init.network.state import Network
from tests.unit.init.network.samples import LEASE, LEASED, LINK, SIX, STATIC


def test_static_takes_the_classful_netmask() -> None:
    assert (STATIC.address, STATIC.prefix, STATIC.protocol) == ("192.168.7.5", 24, "static")
    assert state.static(Request(client="10.0.0.2", netmask="255.255.0.0"), LINK).prefix == 16


def test_the_command_line_wins_over_the_server_but_not_for_the_address() -> None:
    fields = ("10.0.2.99", "10.0.2.8", "10.0.2.1", "255.255.0.0", "wall", "here")
    merged = state.leased(Request(*fields, dns=("1.0.0.1",), ntp=("1.0.0.2",)), LINK, LEASE)
    assert (merged.address, merged.prefix, merged.gateway) == ("10.0.2.15", 16, "10.0.2.1")
    assert (merged.bootserver, merged.hostname, merged.nis_domain) == ("10.0.2.8", "wall", "here")
    assert (merged.dns, merged.ntp) == (("1.0.0.1",), ("1.0.0.2",))
    assert (LEASED.bootserver, LEASED.hostname, LEASED.gateway) == ("10.0.2.4", "box", "10.0.2.2")
    assert state.leased(Request(), LINK, LEASE._replace(boot_server="")).bootserver == "10.0.2.2"


def test_the_host_name_is_the_address_where_there_is_none() -> None:
    assert Network((STATIC,)).hostname == "wall"
    assert Network((STATIC._replace(hostname=""),)).hostname == "192.168.7.5"
    assert Network(()).hostname == ""
    assert Network((SIX, STATIC)).hostname == "wall"
    assert Network((SIX,)).hostname == ""  # IPv6 has none to give


def test_describe() -> None:
    assert [interface.describe() for interface in (STATIC, LEASED)] == [
        "eth0: 192.168.7.5/24 (static), gateway 192.168.7.1",
        "eth0: 10.0.2.15/24 (dhcp from 10.0.2.2), gateway 10.0.2.2, DNS 10.0.2.3 1.1.1.1 8.8.8.8 9.9.9.9",
    ]
    assert SIX.describe() == "eth0: 2001:db8::5/64 (auto6), gateway fe80::1, DNS fe80::1%eth0"
