"""Leases of a minute, followed in real time through several renewals and past their first end, from every server side
by side: the waiting is the same for all of them.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from init.wire.exchange import INFINITE
from tests.keeping import keep, state
from tests.lab import Lab, eventually, laboratory
from tests.servers import isc, isc6, kea, kea6

SUBNET = "subnet 10.9.0.0 netmask 255.255.255.0 {{ range 10.9.0.50 10.9.0.50; ping-check false; {} }}"
SUBNET6 = "subnet6 2001:db8::/64 { range6 2001:db8::50 2001:db8::50; default-lease-time 60; preferred-lifetime 40; }"
POOL = {"subnet": "10.9.0.0/24", "pools": [{"pool": "10.9.0.50 - 10.9.0.50"}]}
LIFETIMES = {"valid-lifetime": 60, "preferred-lifetime": 40}
# dnsmasq gives no lease of a minute, but says what T1 and T2 are.
DNSMASQ = ("--dhcp-option=option:T1,15", "--dhcp-option=option:T2,40")


def dnsmasq(lab: Lab) -> None:
    lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.50", *DNSMASQ)


def udhcpd(lab: Lab) -> None:
    text = "start 10.9.0.50\nend 10.9.0.50\nmin_lease 60\noption subnet 255.255.255.0\noption lease 60\n"
    lab.udhcpd("eth0", text)


# Each server, and how often its lease is renewed until a minute is over: at half of the (preferred) lifetime where
# the server says nothing else.
SERVERS: dict[str, tuple[Callable[[Lab], object], int]] = {
    "udhcpd": (udhcpd, 2),
    "isc": (lambda lab: isc(lab, "eth0", SUBNET.format("default-lease-time 60; max-lease-time 60;")), 2),
    "kea": (lambda lab: kea(lab, "eth0", POOL, **{"valid-lifetime": 60, "renew-timer": 20, "rebind-timer": 50}), 3),
    "dnsmasq": (dnsmasq, 2),
    "isc6": (lambda lab: isc6(lab, "eth0", SUBNET6), 3),
    "kea6": (lambda lab: kea6(lab, "eth0", "2001:db8::50", "2001:db8::50", **LIFETIMES), 3),
}


@pytest.fixture
def labs(tmp_path: Path) -> Iterator[dict[str, Lab]]:
    """A laboratory for each server."""
    with ExitStack() as stack:
        made = {}
        for name in SERVERS:
            (tmp_path / name).mkdir()
            lab = made[name] = stack.enter_context(laboratory(tmp_path / name))
            lab.wire("eth0", mac="52:54:00:12:34:56")
            lab.serve("eth0", "10.9.0.1/24")
            lab.run("server", "ip", "address", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
        yield made


def restart_forgetful(lab: Lab) -> None:
    """Another dnsmasq instead of the first, which knows nothing of its leases."""
    (leases,) = lab.folder.glob("dnsmasq-*.leases")
    log = leases.with_suffix("")
    number = log.read_text().partition("dnsmasq[")[2].partition("]")[0]  # its PID in the laboratory
    lab.run("server", "kill", number)
    eventually(lambda: "exiting on receipt of SIGTERM" in log.read_text(), "the first one's end")
    dnsmasq(lab)


def test_leases_of_a_minute(labs: dict[str, Lab]) -> None:
    keepers = {}
    for name, lab in labs.items():
        SERVERS[name][0](lab)
        keepers[name] = keep(lab, "dhcp6" if name.endswith("6") else "dhcp", seconds=150)
    for name, lab in labs.items():
        eventually((lab.folder / "state").exists, f"the lease of {name}", 90)
    started = time.clock_gettime(time.CLOCK_BOOTTIME)
    keepers["dnsmasq"].until(": lease renewed by ")
    restart_forgetful(labs["dnsmasq"])
    keepers["dnsmasq"].until("REFUSED by the server")
    keepers["dnsmasq"].until("given again by 10.9.0.1")
    for name, (_, renewals) in SERVERS.items():
        for _ in range(renewals - (name == "dnsmasq")):
            keepers[name].until(": lease renewed by ")
    assert time.clock_gettime(time.CLOCK_BOOTTIME) - started > 30
    for name, lab in labs.items():
        address, seconds = ("2001:db8::50" if name.endswith("6") else "10.9.0.50"), 3600 if name == "dnsmasq" else 60
        found = state(lab)
        assert (name, found.address, found.lease_seconds) == (name, address, seconds)
        assert found.obtained > started, name
        (link,) = lab.json("client", "address", "show", "dev", "eth0")
        lives = {info["local"]: info["valid_life_time"] for info in link["addr_info"]}
        assert lives[address] == INFINITE, name  # it does not end under the root, whatever becomes of the server
        others = [line for line in keepers[name].log if line.startswith(("2 ", "3 ", "4 "))]
        assert others == [] or name == "dnsmasq", others
