"""A lease of DHCPv6 kept against ISC dhcpd, Kea and dnsmasq, in network namespaces."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from init.wire.exchange import INFINITE
from tests.keeping import give_back, keep, state
from tests.lab import Configuring, Lab, eventually, laboratory
from tests.servers import dnsmasq6, isc6, kea6, signal

MAC = "52:54:00:12:34:56"
# Nobody is to grow old here.
SOONER = """
from init.keeper import holding
from init.network import search6
from init.wire import dhcp6, dhcp6_options
dhcp6_options.LEAST_SECONDS, search6.EXTRAS_WAIT, holding.SOONEST_LOOK = 2, 0.3, 1.0
dhcp6.TIMES |= {dhcp6.RENEWING: (1.0, 2.0), dhcp6.REBINDING: (1.0, 2.0), dhcp6.SOLICITING: (0.5, 2.0)}
"""
# Sooner than the server says, which has a least time of its own.
RENEWED_SOON = """
soon = {"renew_after": 6.0, "rebind_after": 20.0}
network = network._replace(interfaces=tuple(one._replace(**soon) for one in network.interfaces))
"""
ISC = """
subnet6 2001:db8::/64 {{ range6 {0} {0}; default-lease-time {1}; preferred-lifetime {2}; {3} }}
"""
SOON = {"valid-lifetime": 6, "preferred-lifetime": 4, "renew-timer": 1, "rebind-timer": 3}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with laboratory(tmp_path) as made:
        for space in ("server", "client"):  # no second of looking for others that have their addresses on the link
            made.run(space, "busybox", "sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad")
        made.wire("eth0", mac=MAC)
        made.run("server", "ip", "address", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
        yield made


def keeping(lab: Lab, value: str = "dhcp6", changed: str = "") -> Configuring:
    return keep(lab, value, sooner=SOONER, changed=changed)


def renewals(keeper: Configuring, number: int) -> None:
    for _ in range(number):
        keeper.until(": lease renewed by ")


def addresses(lab: Lab) -> dict[str, tuple[int, int]]:
    """The client's global addresses: preferred and valid seconds as the kernel counts them."""
    found = lab.json("client", "-6", "address", "show", "dev", "eth0", "scope", "global")
    infos = [info for link in found for info in link.get("addr_info", []) if "local" in info]
    return {info["local"]: (info["preferred_life_time"], info["valid_life_time"]) for info in infos}


def test_five_leases_of_kea_and_the_release(lab: Lab) -> None:
    log = kea6(lab, "eth0", "2001:db8::50", "2001:db8::50", **SOON)
    keeper = keeping(lab)
    renewals(keeper, 5)
    assert log().count("DHCP6_LEASE_RENEW") >= 5
    preferred, valid = addresses(lab)["2001:db8::50"]
    assert preferred <= 4
    assert valid == INFINITE  # it is never taken away
    recorded = state(lab)
    times = recorded.lease_seconds, recorded.renew_after, recorded.rebind_after, recorded.preferred
    assert times == (6, 1.0, 3.0, 4)
    assert abs(time.clock_gettime(time.CLOCK_BOOTTIME) - recorded.obtained) < 30
    said = give_back(lab)
    assert "lease of 2001:db8::50 given back to " in said
    assert "does not say" not in said
    assert addresses(lab) == {}


def test_isc_dhcpd_becomes_another_server(lab: Lab) -> None:
    """Its identifier is new with its file: only whoever asks every server (rebinding) is answered."""
    log = isc6(lab, "eth0", ISC.format("2001:db8::60", 8, 4, "option dhcp6.name-servers 2001:db8::3;"))
    keeper = keeping(lab)
    renewals(keeper, 2)
    assert log().count("Renew message from") >= 2
    signal(lab, "isc6", "TERM")
    log = isc6(lab, "eth0", ISC.format("2001:db8::60", 8, 4, "option dhcp6.name-servers 2001:db8::4;"))
    keeper.until("; asking every server")
    renewals(keeper, 2)
    assert "not our server identifier" in log()
    assert "Rebind message from" in log()
    assert list(addresses(lab)) == ["2001:db8::60"]
    assert state(lab).dns == ("2001:db8::4",)
    assert (lab.folder / "resolv.conf").read_text() == "nameserver 2001:db8::4\n"
    give_back(lab)
    eventually(lambda: "Release message from" in log(), "the release")


def test_a_server_that_insists_on_another_address(lab: Lab) -> None:
    kea6(lab, "eth0", "2001:db8::50", "2001:db8::50", **SOON)
    keeper = keeping(lab)
    renewals(keeper, 1)
    lab.run("client", "ip", "route", "add", "2001:db8::/64", "dev", "eth0")  # as a router would have told
    echo = lab.start("server", sys.executable, "-c", ECHO)
    connected = lab.start("client", sys.executable, "-c", CONNECTION, str(lab.folder / "go on"))
    assert echo.stdout is not None
    assert connected.stdout is not None
    assert connected.stdout.readline() == "2001:db8::50\n"
    signal(lab, "kea6", "TERM")
    kea6(lab, "eth0", "2001:db8::77", "2001:db8::77", **SOON)
    keeper.until("2 lease: eth0: 2001:db8::77: GIVEN INSTEAD OF 2001:db8::50 by ")
    eventually(lambda: set(addresses(lab)) == {"2001:db8::50", "2001:db8::77"}, "both addresses")
    assert addresses(lab)["2001:db8::50"] == (0, INFINITE)  # for what there is, not for what comes
    (lab.folder / "go on").touch()
    assert connected.stdout.readline() == "still there\n"  # what the root would feel
    renewals(keeper, 1)
    assert state(lab).address == "2001:db8::77"
    assert "lease of 2001:db8::77 given back" in give_back(lab)


ECHO = """
import socket
with socket.create_server(("2001:db8::1", 445), family=socket.AF_INET6) as server:
    connection = server.accept()[0]
    while data := connection.recv(100): connection.send(data)
"""
CONNECTION = """
import os, socket, sys, time
for _ in range(600):
    try:
        connection = socket.create_connection(("2001:db8::1", 445)); break
    except OSError:
        time.sleep(0.05)
print(connection.getsockname()[0], flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
connection.send(b"still there\\n")
print(connection.recv(100).decode(), end="", flush=True)
"""


def test_silence_to_the_end_a_release_that_nobody_hears_and_a_server_that_comes_back(lab: Lab) -> None:
    kea6(lab, "eth0", "2001:db8::50", "2001:db8::50", **SOON)
    keeper = keeping(lab)
    renewals(keeper, 1)
    signal(lab, "kea6", "STOP")
    keeper.until(": no answer from ")
    keeper.until("3 lease: eth0: 2001:db8::50: the lease HAS RUN OUT without an answer; it stays")
    assert addresses(lab)["2001:db8::50"][1] == INFINITE
    signal(lab, "kea6", "CONT")
    keeper.until("given again by ")
    renewals(keeper, 1)
    signal(lab, "kea6", "STOP")
    assert "which does not say that it has heard" in give_back(lab)
    assert addresses(lab) == {}


def test_dnsmasq_forgets_gives_the_same_address_again_and_gets_it_back(lab: Lab) -> None:
    options = ("--dhcp-range=2001:db8::50,2001:db8::50,64,2m", "--dhcp-duid=1234,01:02:03")
    dnsmasq6(lab, "eth0", *options)
    keeper = keeping(lab, "::::box:eth0:dhcp6", RENEWED_SOON)
    eventually((lab.folder / "state").exists, "the lease")
    signal(lab, "dnsmasq6", "TERM")
    log = dnsmasq6(lab, "eth0", *options)
    keeper.until("REFUSED by the server (status 3")
    keeper.until("given again by 00:02:00:00:04:d2:01:02:03 for 120 s")
    seen = ["DHCPRENEW(eth0)" in log(), "DHCPREQUEST(eth0)" in log(), "DHCPSOLICIT(eth0)" in log()]
    assert seen == [True, True, False]
    assert state(lab).renew_after >= 40  # from here on it is the server's word again
    assert "lease of 2001:db8::50 given back" in give_back(lab)
    eventually(lambda: "DHCPRELEASE(eth0)" in log(), "the release")


def test_an_address_that_another_client_took_over_and_a_device_that_was_renamed(lab: Lab) -> None:
    kea6(lab, "eth0", "2001:db8::50", "2001:db8::50", **SOON)
    keeper = keeping(lab)
    renewals(keeper, 1)
    life = ("valid_lft", "300", "preferred_lft", "300")
    lab.run("client", "ip", "address", "change", "2001:db8::50/128", "dev", "eth0", *life)
    keeper.until("no longer on a device as it was left there; the lease is left alone")
    lab.run("client", "ip", "address", "change", "2001:db8::50/128", "dev", "eth0")
    keeper.until("there again; its lease is kept again")
    script = "ip link set eth0 down; ip link set eth0 name ens3; ip link set ens3 up; "
    lab.run("client", "sh", "-ec", script + "ip address add 2001:db8::50/128 dev ens3 nodad")
    renewals(keeper, 2)


def test_a_cut_link_has_the_lease_asked_for_anew(lab: Lab) -> None:
    log = isc6(lab, "eth0", ISC.format("2001:db8::60", 900, 600, ""))
    keeper = keeping(lab)
    eventually((lab.folder / "state").exists, "the lease")
    time.sleep(1)
    lab.run("server", "sh", "-ec", "ip link set eth0 down; sleep 0.2; ip link set eth0 up")
    keeper.until("2001:db8::60: the carrier is back")
    keeper.until("2001:db8::60: lease renewed by ")
    assert "Rebind message from" in log()
    assert list(addresses(lab)) == ["2001:db8::60"]
