"""Addresses that another machine has, what ip= gives a device beside an address, and IPv6's two ways, in namespaces."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import Lab, eventually, laboratory
from tests.servers import dnsmasq6, isc

MAC, OTHER = "52:54:00:12:34:56", "52:54:00:00:00:99"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with laboratory(tmp_path) as made:
        for space in ("server", "client"):  # no second of looking for others that have their addresses on the link
            made.run(space, "busybox", "sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad")
        made.run("client", "busybox", "sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/router_solicitation_delay")
        made.wire("eth0", mac=MAC)
        yield made


def lan(lab: Lab, taken: str) -> None:
    """A bridge br0 at the server's end of the wire, and a third machine on it that has the address `taken`."""
    script = (
        "ip netns add third; ip link add br0 type bridge forward_delay 0; ip link set eth0 master br0;"
        f"ip link add third0 type veth peer name eth0 address {OTHER} netns third; ip link set third0 master br0;"
        f"for each in br0 eth0 third0; do ip link set $each up; done; ip address add 10.9.0.1/24 dev br0;"
        f"ip -n third link set eth0 up; ip -n third address add {taken}/24 dev eth0"
    )
    lab.run("server", "sh", "-ec", script)
    eventually(lambda: "forwarding" in lab.run("server", "ip", "-d", "link", "show", "third0"), "the bridge")
    lab.run("server", "busybox", "ping", "-c", "1", "-W", "10", taken)


def test_an_address_given_by_dhcp_that_another_machine_has_is_declined(lab: Lab) -> None:
    lan(lab, "10.9.0.51")
    pool = "range 10.9.0.50 10.9.0.51; ping-check false; default-lease-time 600;"
    log = isc(lab, "br0", f"subnet 10.9.0.0 netmask 255.255.255.0 {{ {pool} }}")
    configuring = lab.configuring("10.9.0.51::::::dhcp")  # what it is asked for, which is free as far as it knows
    assert configuring.result()["address"] == "10.9.0.50"
    assert f"log eth0: 10.9.0.51 is in use by {OTHER}; declined" in configuring.log
    assert "DHCPDECLINE of 10.9.0.51" in log()
    assert lab.addresses("eth0") == ["10.9.0.50/24"]


def test_where_no_other_address_comes_the_error_names_the_machine(lab: Lab) -> None:
    lan(lab, "10.9.0.50")
    log = lab.dnsmasq("br0", "10.9.0.50", "10.9.0.50")
    found = lab.configuring("dhcp", seconds=5).result()
    assert found["error"].startswith(f"network: eth0: 10.9.0.50 is in use by {OTHER}; declined | ")
    assert lab.addresses("eth0") == []
    assert "DHCPDECLINE(br0) 10.9.0.50" in log()


def test_a_static_address_that_another_machine_has_is_taken_with_a_warning(lab: Lab) -> None:
    lan(lab, "10.9.0.6")
    configuring = lab.configuring("10.9.0.6:::255.255.255.0::eth0:off")
    assert configuring.result()["address"] == "10.9.0.6"
    assert f"log eth0: WARNING: 10.9.0.6 is in use by {OTHER}" in configuring.log
    assert lab.addresses("eth0") == ["10.9.0.6/24"]
    configuring = lab.configuring("10.9.0.7:::255.255.255.0::eth0:off")
    assert configuring.result()["address"] == "10.9.0.7"
    assert not any("WARNING" in line for line in configuring.log)


def test_mtu_and_hardware_address_of_the_command_line(lab: Lab) -> None:
    lab.serve("eth0", "10.9.0.1/24")
    lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.60", "--dhcp-host=52:54:00:77:77:77,10.9.0.70", "--dhcp-option=26,1300")
    lab.run("client", "ip", "link", "set", "eth0", "up")  # which has to go down for its address
    state = lab.configuring("eth0:dhcp:1400:52:54:00:77:77:77").result()
    assert (state["address"], state["mtu"], state["mac"]) == ("10.9.0.70", "1400", "52:54:00:77:77:77")
    (link,) = lab.json("client", "link", "show", "eth0")
    assert (link["mtu"], link["address"]) == (1400, "52:54:00:77:77:77")
    found = lab.configuring("10.9.0.8:::255.255.255.0::eth0:none:1320").result()
    assert (found["address"], lab.json("client", "link", "show", "eth0")[0]["mtu"]) == ("10.9.0.8", 1320)
    found = lab.configuring("eth0:link6:1450").result()
    assert (found["protocol"], found["mtu"]) == ("link6", "1450")
    assert lab.json("client", "link", "show", "eth0")[0]["mtu"] == 1450


def test_the_address_on_the_link_alone(lab: Lab) -> None:
    configuring = lab.configuring("link6")
    found = configuring.result()
    assert (found["address"], found["prefix"], found["protocol"]) == ("fe80::5054:ff:fe12:3456", "64", "link6")
    lab.run("client", "ip", "-6", "address", "flush", "dev", "eth0")
    lab.restore(found["text"])
    assert "fe80::5054:ff:fe12:3456/64" in lab.run("client", "ip", "-6", "address", "show", "dev", "eth0")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--enable-ra", "--dhcp-range=2001:db8::,ra-only,64,10m"), ("auto6", "2001:db8::5054:ff:fe12:3456")),
        (("--enable-ra", "--dhcp-range=2001:db8::50,2001:db8::50,64,1h"), ("dhcp6", "2001:db8::50")),
        (("--dhcp-range=2001:db8::50,2001:db8::50,64,1h",), ("dhcp6", "2001:db8::50")),
    ],
    ids=["a prefix", "a router without", "no router"],
)
def test_either_way_of_ipv6(lab: Lab, options: tuple[str, ...], expected: tuple[str, str]) -> None:
    lab.run("server", "ip", "address", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
    dnsmasq6(lab, "eth0", *options)
    found = lab.configuring("either6").result()
    assert (found.get("protocol"), found.get("address")) == expected, found
    assert found["lease_seconds"] == ("3600" if expected[0] == "dhcp6" else "0")


def test_the_time_server_of_option_56(lab: Lab) -> None:
    lab.run("server", "ip", "address", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
    dnsmasq6(
        lab, "eth0", "--dhcp-range=2001:db8::50,2001:db8::50,64,1h", "--dhcp-option=option6:ntp-server,[2001:db8::9]"
    )
    assert lab.configuring("dhcp6").result()["ntp"] == "2001:db8::9"
