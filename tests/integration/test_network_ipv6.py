"""IPv6 in network namespaces: router advertisements and DHCPv6 by dnsmasq, static addresses, the way back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from init.network.record import decode
from tests.lab import Lab, eventually, laboratory

MAC = "52:54:00:12:34:56"
MADE = "2001:db8::5054:ff:fe12:3456"  # of the prefix and the card's address (RFC 4291, appendix A)
DUID = "00:03:00:01:" + MAC


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with laboratory(tmp_path) as made:
        # The server's own addresses need no second of looking for others that have them.
        made.run("server", "busybox", "sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad")
        # And the client's none of the delay by chance that keeps many machines from speaking at once.
        delay = "echo 0 >/proc/sys/net/ipv6/conf/default/router_solicitation_delay"
        made.run("client", "busybox", "sh", "-c", delay)
        made.wire("eth0", mac=MAC)
        made.run("server", "ip", "address", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
        yield made


def serve(lab: Lab, *options: str, device: str = "eth0") -> Callable[[], str]:
    """Start dnsmasq as router and DHCPv6 server; return what reads its log."""
    eventually(lambda: "tentative" not in lab.run("server", "ip", "-6", "address"), "the server's own addresses")
    log = lab.folder / f"dnsmasq-{device}.log"
    server = lab.start(
        "server",
        *("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--pid-file=", "--port=0", f"--interface={device}"),
        *("--bind-interfaces", "--log-dhcp", f"--dhcp-leasefile={log}.leases", f"--log-facility={log}"),
        *options,
    )
    eventually(lambda: server.poll() is not None or (log.exists() and "started" in log.read_text()), "dnsmasq")
    assert server.poll() is None, server.stdout and server.stdout.read()
    return log.read_text


def addresses(lab: Lab, space: str = "client", scope: str = "global", device: str = "eth0") -> list[str]:
    """The IPv6 addresses of a device."""
    found = lab.json(space, "-6", "address", "show", "dev", device, "scope", scope)
    infos = [info for link in found for info in link.get("addr_info", []) if "local" in info]
    return [f"{info['local']}/{info['prefixlen']}" for info in infos]


def gateways(lab: Lab) -> list[str]:
    """Where the client's default routes go."""
    return [route["gateway"] for route in lab.json("client", "-6", "route", "show", "default")]


def router(lab: Lab) -> str:
    """The router's address on the link."""
    return addresses(lab, "server", "link")[0].removesuffix("/64")


def reaches(lab: Lab, address: str) -> None:
    lab.run("client", "busybox", "ping", "-6", "-c", "1", "-W", "10", address)


@pytest.mark.parametrize("value", ["auto6", "::::wall:eth0:auto6"])
def test_an_address_by_router_advertisement(lab: Lab, value: str) -> None:
    serve(
        lab, "--enable-ra", "--dhcp-range=2001:db8::,ra-only,64,10m",
        "--dhcp-option=option6:dns-server,[2001:db8::3]", "--dhcp-option=option6:domain-search,lab.example",
    )  # fmt: skip
    found = lab.configuring(value).result()
    assert (found["address"], found["prefix"], found["protocol"]) == (MADE, "64", "auto6")
    assert (found["gateway"], found["dns"], found["search"]) == (router(lab), "2001:db8::3", "lab.example")
    reaches(lab, "2001:db8::1")


def test_a_device_that_was_up_long_before(lab: Lab) -> None:
    dns = "--dhcp-option=option6:dns-server,[fe80::]"  # dnsmasq's word for its own address on the link
    serve(lab, "--enable-ra", "--dhcp-range=2001:db8::,ra-only,64,10m", "--ra-param=eth0,600", dns)
    lab.run("client", "ip", "link", "set", "eth0", "up")
    eventually(lambda: gateways(lab), "the kernel's own configuration")
    found = lab.configuring("eth0:auto6").result()
    assert (found["address"], found["dns"]) == (MADE, f"{router(lab)}%eth0")


def test_name_servers_by_stateless_dhcpv6(lab: Lab) -> None:
    """A router that tells of no name server itself, but that DHCPv6 has more to tell."""
    log = serve(
        lab, "--enable-ra", "--dhcp-range=2001:db8::,ra-stateless,64,10m", "--dhcp-option=option6:31,[2001:db8::5]",
        "--dhcp-option=option6:dns-server",
    )  # fmt: skip
    found = lab.configuring("auto6").result()
    assert (found["address"], found["dns"], found["ntp"]) == (MADE, "", "2001:db8::5")
    assert "DHCPINFORMATION-REQUEST(eth0)" in log()


def test_everything_that_dhcpv6_gives(lab: Lab) -> None:
    log = serve(
        lab, "--enable-ra", "--dhcp-range=2001:db8::50,2001:db8::50,64,1h",
        "--dhcp-option=option6:dns-server,[2001:db8::3],[2001:db8::4]",
        "--dhcp-option=option6:domain-search,eng.lab.example,lab.example",
        "--dhcp-option=option6:31,[2001:db8::5]",
    )  # fmt: skip
    found = lab.configuring("dhcp6").result()
    assert (found["protocol"], found["address"], found["prefix"]) == ("dhcp6", "2001:db8::50", "128")
    assert (found["gateway"], found["lease_seconds"]) == (router(lab), "3600")
    assert (found["dns"], found["search"]) == ("2001:db8::3 2001:db8::4", "eng.lab.example lab.example")
    assert found["ntp"] == "2001:db8::5"
    assert addresses(lab) == ["2001:db8::50/128"]
    reaches(lab, "2001:db8::1")
    kinds = ("DHCPSOLICIT", "DHCPREQUEST", "DHCPREPLY")
    counts = [sum(f"{kind}(eth0)" in line and DUID in line for line in log().splitlines()) for kind in kinds]
    assert counts == [1, 0, 1]  # dnsmasq knows the rapid commit


def test_isc_dhcpd_without_a_router(lab: Lab) -> None:
    """Four messages: this server has no rapid commit. A router is waited for a little, in vain."""
    config, leases = lab.folder / "dhcpd.conf", lab.folder / "dhcpd.leases"
    config.write_text(
        "subnet6 2001:db8::/64 { range6 2001:db8::60 2001:db8::60; default-lease-time 600;\n"
        'option dhcp6.name-servers 2001:db8::3; option dhcp6.domain-search "lab.example"; }\n'
    )
    leases.touch()
    words = ("dhcpd", "-6", "-f", "-d", "--no-pid", "-cf", str(config), "-lf", str(leases), "eth0")
    server = lab.start("server", *words)
    eventually(lambda: server.poll() is not None or ":547 " in lab.run("server", "busybox", "netstat", "-uln"), "dhcpd")
    found = lab.configuring("eth0:dhcp6").result()
    assert (found["address"], found["prefix"], found["lease_seconds"]) == ("2001:db8::60", "128", "600")
    assert (found["dns"], found["search"], found["gateway"]) == ("2001:db8::3", "lab.example", "")
    assert "2001:db8::60" in leases.read_text()


def test_a_server_that_has_no_address_says_so(lab: Lab) -> None:
    serve(lab, "--enable-ra", f"--dhcp-host=id:{DUID},ignore", "--dhcp-range=2001:db8::50,2001:db8::50,64,1h")
    found = lab.configuring("eth0:dhcp6", seconds=4).result()
    assert found["error"].startswith("network: eth0: no answer | ")


def test_no_router_is_said(lab: Lab) -> None:
    configuring = lab.configuring("auto6", seconds=3)
    assert "eth0: carrier, waiting for a router's advertisement | does a router" in configuring.result()["error"]


def test_the_device_that_a_router_is_on_wins_and_the_other_is_set_down(lab: Lab) -> None:
    lab.wire("eth1")
    lab.run("server", "ip", "address", "add", "2001:db8:1::1/64", "dev", "eth1", "nodad")
    configuring = lab.configuring("auto6")
    # Only then may there be a router: the kernel has no order between the devices for seeing that an address is free.
    configuring.until("eth0: carrier, waiting for a router's advertisement")
    serve(lab, "--enable-ra", "--dhcp-range=2001:db8:1::,ra-only,64,10m", device="eth1")
    assert configuring.result()["device"] == "eth1"
    assert "UP" not in lab.flags("eth0")
    assert any("eth0: carrier, waiting for a router's advertisement; left alone" in line for line in configuring.log)


def test_both_families_on_one_device(lab: Lab) -> None:
    lab.serve("eth0", "10.9.0.1/24")
    serve(
        lab, "--enable-ra", "--dhcp-range=2001:db8::,ra-only,64,10m", "--dhcp-range=10.9.0.50,10.9.0.50,1h", "--no-ping"
    )
    network = decode(lab.configuring("dhcp", "auto6").result()["text"])
    assert [interface.address for interface in network.interfaces] == ["10.9.0.50", MADE]
    assert (lab.addresses("eth0"), addresses(lab)) == (["10.9.0.50/24"], [f"{MADE}/64"])


def test_static_and_the_way_back(lab: Lab) -> None:
    state = lab.configuring("[2001:db8::5]::[fe80::1]:64:host:eth0:none:[2001:db8::3]").result()
    assert (state["protocol"], state["prefix"], state["hostname"]) == ("static", "64", "host")
    assert state["dns"] == "2001:db8::3"
    before = addresses(lab), gateways(lab)
    assert before == (["2001:db8::5/64"], ["fe80::1"])
    reaches(lab, "2001:db8::1")
    lab.run("client", "ip", "link", "set", "eth0", "down")  # with it go all addresses and routes
    lab.run("client", "ip", "link", "set", "eth0", "name", "ens3")
    assert addresses(lab, device="ens3") == []
    lab.restore(state["text"])
    assert (addresses(lab, device="ens3"), gateways(lab)) == before
    reaches(lab, "2001:db8::1")


def test_an_address_that_another_machine_has_is_not_taken(lab: Lab) -> None:
    configuring = lab.configuring("[2001:db8::1]:::64::eth0:none", seconds=4)
    assert "eth0: another machine on the link has 2001:db8::1" in configuring.result()["error"]
    assert addresses(lab) == []


def test_an_address_given_by_dhcpv6_that_another_machine_has_is_declined(lab: Lab) -> None:
    lab.run("server", "ip", "address", "add", "2001:db8::50/64", "dev", "eth0", "nodad")
    log = serve(lab, "--enable-ra", "--dhcp-range=2001:db8::50,2001:db8::51,64,1h", f"--dhcp-host=id:{DUID},[::50]")
    configuring = lab.configuring("dhcp6")
    assert configuring.result()["address"] == "2001:db8::51"
    assert any("another machine on the link has 2001:db8::50" in line for line in configuring.log)
    assert f"DHCPDECLINE(eth0) {DUID}" in log()
