"""configure() and restore() of init/network in network namespaces, against dnsmasq and busybox udhcpd."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import ROOT, Configuring, Lab, eventually, laboratory

# Answers every question at once, wrongly in six ways.
ROGUE = """
import sys; sys.path.insert(0, sys.argv[1])
import socket
from tests import dhcp_wire as wire
rogue = bytes((10, 9, 0, 66))
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as wires:
    wires.bind((sys.argv[2], 0x0800))
    print("listening", flush=True)
    while True:
        question = wires.recv(4096)
        if question[36:38] != bytes((0, 67)):
            continue
        good = wire.answer(question, wire.OFFER, server=rogue, mac=question[6:12], address=rogue)
        wires.send(question[6:12] + good[6:12] + bytes((0x81, 0, 0, 5)) + good[12:])  # from VLAN 5
        to = {"mac": question[6:12], "address": rogue}
        for answer in (
            wire.answer(question, wire.OFFER, server=bytes(4), **to),
            wire.answer(question, wire.OFFER, (1, b"x"), server=rogue, **{**to, "address": b"\\xff" * 4}),
            wire.answer(question, wire.ACK, server=rogue, **to),
            wire.answer(question, wire.NAK, server=rogue, **to),
            wire.answer(question, wire.OFFER, server=rogue, **to)[:-20],
        ):
            wires.send(b"\\xff" * 6 + answer[6:])
"""

# Follows a lease on a clock of its own: renewal at half of it, rebinding later, and at the end the release.
LEASED = """
import sys; sys.path.insert(0, sys.argv[1])
import select
from init.cmdline.ip_request import Request
from init.network import sockets, state
from init.network.rtnetlink import Rtnetlink
from init.wire import dhcp, ethernet, netlink
with Rtnetlink() as rtnetlink:
    (link,) = (link for link in rtnetlink.links().values() if link.name == "eth0")
    rtnetlink.ask(netlink.set_link, link.number, up=True)
    links = rtnetlink.links()
    while not links[link.number].running:
        rtnetlink.await_changes(links, 60)
    opened = sockets.listen("eth0", ethernet.ETH_P_IP)
    client = dhcp.Client(ethernet.octets(link.mac), 77, dhcp.Wish(), 0.0)
    def until(states, now):
        while client.state not in states:
            for frame in client.outgoing():
                opened.send(frame)
            select.select([opened], [], [], 30)
            client.receive(opened.recv(4096), now, checksummed=False)
        print(client.state, client.deadline(), flush=True)
    until(["bound"], 0.0)
    rtnetlink.assign(link, state.leased(Request(), link, client.lease), print)
    for now in (1800.0, 1800.0 + 3150.0):
        client.tick(now)
        print(client.state, flush=True)
        until(["bound"], now)
    opened.send(client.release())
"""

# Answers RARP (RFC 903) with one address, written from the document.
RARPD = """
import socket, sys
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as wires:
    wires.bind((sys.argv[1], 0x8035))
    print("listening", flush=True)
    while True:
        question = wires.recv(4096)
        mac, head = question[6:12], bytes((0, 1, 8, 0, 6, 4, 0, 4))
        if question[20:22] == bytes((0, 3)) and question[32:38] == mac:
            own = bytes((2, 0, 0, 0, 0, 1))
            body = head + own + bytes((10, 9, 0, 1)) + mac + bytes((10, 9, 0, 88))
            wires.send(mac + own + bytes((0x80, 0x35)) + body)
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with laboratory(tmp_path) as made:
        yield made


def counted(log: str, kind: str) -> int:
    """How many packets of a kind dnsmasq has logged."""
    return sum(f"{kind}(" in line for line in log.splitlines())


def test_everything_that_dnsmasq_gives(lab: Lab) -> None:
    lab.wire("eth0")
    lab.serve("eth0", "10.9.0.1/24")
    log = lab.dnsmasq(
        "eth0",
        "10.9.0.50",
        "10.9.0.50",
        "--dhcp-option=6,10.9.0.3,10.9.0.4",
        "--dhcp-option=15,lab.example",
        "--dhcp-option=26,1400",
        "--dhcp-option=42,10.9.0.5",
        "--dhcp-option=17,10.9.0.1:/srv/root",
        "--dhcp-option=119,eng.lab.example,lab.example",
        "--dhcp-option=121,0.0.0.0/0,10.9.0.9,10.77.0.0/16,10.9.0.7",
    )
    found = lab.configuring("dhcp").result()
    assert found["protocol"] == "dhcp"
    assert (found["address"], found["prefix"], found["gateway"]) == ("10.9.0.50", "24", "10.9.0.9")
    assert (found["dns"], found["domain"]) == ("10.9.0.3 10.9.0.4", "lab.example")
    assert found["search"] == "eng.lab.example lab.example"
    assert (found["ntp"], found["rootpath"], found["bootserver"]) == ("10.9.0.5", "10.9.0.1:/srv/root", "10.9.0.1")
    assert found["lease_seconds"] == "3600"
    assert lab.addresses("eth0") == ["10.9.0.50/24"]
    assert lab.routes() == {"default": ("10.9.0.9", "eth0"), "10.77.0.0/16": ("10.9.0.7", "eth0")}
    assert lab.json("client", "link", "show", "eth0")[0]["mtu"] == 1400
    assert "UP" in lab.flags("lo")
    # The first question left with the carrier; more only where the kernel was late to see to its queues.
    assert counted(log(), "DHCPDISCOVER") in (1, 2, 3)
    assert counted(log(), "DHCPREQUEST") == 1


def test_udhcpd(lab: Lab) -> None:
    lab.wire("eth0")
    lab.serve("eth0", "10.8.0.1/24")
    lab.udhcpd(
        "eth0",
        "start 10.8.0.20\nend 10.8.0.20\noption subnet 255.255.0.0\noption router 10.8.0.1\n"
        "option dns 10.8.0.2\noption lease 600",
    )
    found = lab.configuring("eth0:dhcp").result()
    assert (found["address"], found["prefix"], found["lease_seconds"]) == ("10.8.0.20", "16", "600")
    assert lab.routes() == {"default": ("10.8.0.1", "eth0")}
    lab.run("client", "busybox", "ping", "-c", "1", "-W", "10", "10.8.0.1")


def test_a_bootp_answer(lab: Lab) -> None:
    lab.wire("eth0", mac="52:54:00:12:34:56")
    lab.serve("eth0", "10.9.0.1/24")
    lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.60", "--dhcp-host=52:54:00:12:34:56,10.9.0.70")
    found = lab.configuring("bootp").result()
    assert (found["protocol"], found["address"], found["lease_seconds"]) == ("bootp", "10.9.0.70", "0")


@pytest.mark.parametrize("word", ["rarp", "both"])
def test_a_rarp_answer(lab: Lab, word: str) -> None:
    lab.wire("eth0")
    server = lab.start("server", sys.executable, "-ISBc", RARPD, "eth0")
    assert server.stdout is not None
    assert server.stdout.readline() == "listening\n"
    found = lab.configuring(f":10.9.0.1:10.9.0.7:255.255.255.0::eth0:{word}").result()
    assert (found["protocol"], found["address"], found["prefix"]) == ("rarp", "10.9.0.88", "24")
    assert (found["server"], found["gateway"]) == ("10.9.0.1", "10.9.0.7")


def test_the_name_and_the_identifier_reach_the_server(lab: Lab) -> None:
    lab.wire("eth0")
    lab.serve("eth0", "10.9.0.1/24")
    log = lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.60", "--dhcp-host=id:00:62:6f:78,10.9.0.80")
    found = lab.configuring("::::wall.lab::dhcp,0,box").result()
    assert (found["address"], found["hostname"], found["nis_domain"]) == ("10.9.0.80", "wall", "lab")
    assert "client provides name: wall" in log()


def test_a_server_that_comes_late(lab: Lab) -> None:
    lab.wire("eth0")
    lab.serve("eth0", "10.9.0.1/24")
    configuring = lab.configuring("any")
    configuring.until("asking for an address")
    eventually(lambda: lab.json("server", "-s", "link", "show", "eth0")[0]["stats64"]["rx"]["packets"], "the question")
    lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.50")
    assert configuring.result()["address"] == "10.9.0.50"


def test_the_device_that_is_answered_wins(lab: Lab) -> None:
    for name in ("eth0", "eth1", "eth2"):
        lab.wire(name)
    lab.serve("eth1", "10.9.0.1/24")
    lab.dnsmasq("eth1", "10.9.0.50", "10.9.0.50")
    configuring = lab.configuring("dhcp")
    assert configuring.result()["device"] == "eth1"
    assert [name for name in ("eth0", "eth1", "eth2") if "UP" in lab.flags(name)] == ["eth1"]
    for name in ("eth0", "eth2"):
        assert any(f"log {name}: no answer; left alone, eth1 was first" in line for line in configuring.log)


def test_an_address_without_device_is_for_the_one_that_is_answered(lab: Lab) -> None:
    """The nfsroot document: with several devices and none named, autoconfiguration finds the device."""
    for name in ("eth0", "eth1"):
        lab.wire(name)
    lab.serve("eth1", "10.9.0.1/24")
    lab.dnsmasq("eth1", "10.9.0.50", "10.9.0.70")
    found = lab.configuring("10.9.0.66:10.9.0.9::255.255.0.0").result()
    assert (found["device"], found["address"], found["prefix"]) == ("eth1", "10.9.0.66", "16")
    assert found["bootserver"] == "10.9.0.9"


PXELINUX = ("10.0.2.15:10.0.2.2:10.0.2.3:255.255.255.0", "01-52-54-00-12-34-56")  # as IPAPPEND 3 has it


def pxelinux(lab: Lab) -> Configuring:
    """Configure what a loader was given."""
    value, bootif = PXELINUX
    return lab.configuring(value, bootif=bootif)


@pytest.fixture
def loaded(lab: Lab) -> Lab:
    """Two cards, of which the machine has booted from the second; the server is 10.0.2.2."""
    lab.wire("eth0")
    lab.wire("eth1", mac="52:54:00:12:34:56")
    lab.serve("eth1", "10.0.2.2/24")
    return lab


DNSMASQ = ("10.0.2.10", "10.0.2.20", "--dhcp-option=option:dns-server,10.0.2.9", "--dhcp-option=option:router,10.0.2.4")


@pytest.mark.parametrize("told", ["*", "01:52:54:00:12:34:56"])
def test_what_pxelinux_writes_is_asked_for_again(told: str, loaded: Lab) -> None:
    """The boot ROM's lease is known by the hardware address, whether the ROM told an identifier or not."""
    leases = loaded.folder / "dnsmasq-0.log.leases"
    leases.write_text(f"{int(time.time()) + 600} 52:54:00:12:34:56 10.0.2.15 * {told}\n")
    host = "--dhcp-host=52:54:00:12:34:56,box"
    log = loaded.dnsmasq("eth1", *DNSMASQ, host)
    found = pxelinux(loaded).result()
    assert (found["device"], found["protocol"], found["server"]) == ("eth1", "dhcp", "10.0.2.2")
    assert (found["address"], found["dns"], found["hostname"]) == ("10.0.2.15", "10.0.2.9", "box")
    assert (found["lease_seconds"], found["bootserver"]) == ("3600", "10.0.2.2")
    assert loaded.addresses("eth1") == ["10.0.2.15/24"]
    assert loaded.routes() == {"default": ("10.0.2.4", "eth1")}  # the server's is newer
    assert "UP" not in loaded.flags("eth0")
    assert "DHCPDISCOVER" not in log()


def test_what_pxelinux_writes_stays_where_no_server_answers(loaded: Lab) -> None:
    configuring = pxelinux(loaded)
    started = time.monotonic()
    found = configuring.result()
    assert 2.5 < time.monotonic() - started < 15
    assert (found["device"], found["protocol"], found["bootserver"]) == ("eth1", "static", "10.0.2.2")
    assert loaded.addresses("eth1") == ["10.0.2.15/24"]
    assert loaded.routes() == {"default": ("10.0.2.3", "eth1")}
    assert sum("its lease is not renewed" in line for line in configuring.log) == 1
    assert "UP" not in loaded.flags("eth0")


def test_what_pxelinux_writes_is_refused(loaded: Lab) -> None:
    """The port leads to another network by now."""
    loaded.serve("eth1", "10.5.0.1/24")
    loaded.run("server", "ip", "address", "del", "10.0.2.2/24", "dev", "eth1")
    loaded.dnsmasq("eth1", "10.5.0.10", "10.5.0.20", "--dhcp-authoritative")
    configuring = pxelinux(loaded)
    found = configuring.result()
    assert found["address"].startswith("10.5.0.")
    assert (found["gateway"], found["prefix"]) == ("10.5.0.1", "24")
    assert any("refused by the server: wrong network" in line for line in configuring.log)


@pytest.mark.parametrize(
    ("values", "address", "gateway"),
    [
        (["dhcp"], "", "10.0.2.4"),  # IPAPPEND 2, as in the README
        (["dhcp", PXELINUX[0]], "10.0.2.15", "10.0.2.3"),  # one request, whose fields count
        (["eth1:dhcp", PXELINUX[0]], "", "10.0.2.4"),  # a person's for that card, alone
        ([":::::::9.9.9.9", PXELINUX[0]], "10.0.2.15", "10.0.2.4"),  # the lease, beside a name server of one's own
    ],
)
def test_what_pxelinux_writes_beside_a_persons_word(values: list[str], address: str, gateway: str, loaded: Lab) -> None:
    loaded.dnsmasq("eth1", *DNSMASQ, "--dhcp-authoritative")
    found = loaded.configuring(*values, bootif=PXELINUX[1]).result()
    assert found["text"].count("device=") == 1
    assert (found["device"], found["protocol"], found["gateway"]) == ("eth1", "dhcp", gateway)
    assert found["address"] == (address or found["address"])
    assert found["dns"] == ("9.9.9.9" if ":::::::9.9.9.9" in values else "10.0.2.9")


def test_what_pxelinux_writes_for_a_card_that_comes_late(lab: Lab) -> None:
    value, bootif = PXELINUX
    configuring = lab.configuring("eth1:dhcp", value, bootif=bootif)
    configuring.until("waiting for the device eth1")
    lab.wire("eth1", mac="52:54:00:12:34:56")
    lab.serve("eth1", "10.0.2.2/24")
    log = lab.dnsmasq("eth1", *DNSMASQ)
    assert configuring.result()["text"].count("device=") == 1
    assert log().count("DHCPACK(") == 1


def test_static_with_a_gateway_outside_of_the_network(lab: Lab) -> None:
    lab.wire("eth0")
    lab.serve("eth0", "172.16.5.1/32")
    lab.run("server", "ip", "route", "add", "192.168.7.0/24", "dev", "eth0")
    found = lab.configuring("192.168.7.5::172.16.5.1:::eth0:off:1.1.1.1").result()
    assert (found["prefix"], found["dns"]) == ("24", "1.1.1.1")  # class C
    lab.run("client", "busybox", "ping", "-c", "1", "-W", "10", "172.16.5.1")


def test_two_devices_by_name(lab: Lab) -> None:
    for name in ("eth0", "eth1"):
        lab.wire(name)
    found = lab.configuring("10.1.0.2::10.1.0.1:255.255.255.0::eth1:off", "10.2.0.2::10.2.0.1:255.255.255.0::eth0:off")
    text = found.result()["text"]
    assert [line for line in text.splitlines() if line.startswith("device=")] == ["device=eth1", "device=eth0"]
    assert (lab.addresses("eth0"), lab.addresses("eth1")) == (["10.2.0.2/24"], ["10.1.0.2/24"])
    defaults = lab.json("client", "-4", "route", "show", "default")
    assert [(route["dev"], route.get("metric", 0)) for route in defaults] == [("eth1", 0), ("eth0", 100)]


def test_carrier_and_device_are_waited_for(lab: Lab) -> None:
    configuring = lab.configuring("10.9.0.2:::255.255.255.0::eth5:off")
    configuring.until("waiting for the device eth5")
    lab.wire("eth5", up=False)
    configuring.until("eth5: set up, waiting for its carrier")
    lab.run("server", "ip", "link", "set", "eth5", "up")
    assert configuring.result()["device"] == "eth5"
    assert lab.addresses("eth5") == ["10.9.0.2/24"]


def test_carrier_lost_and_found_while_asking(lab: Lab) -> None:
    lab.wire("eth0")
    configuring = lab.configuring("dhcp")
    configuring.until("asking for an address")
    lab.run("server", "ip", "link", "set", "eth0", "down")
    configuring.until("eth0: lost its carrier")
    lab.serve("eth0", "10.9.0.1/24")
    lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.50")
    lab.run("server", "ip", "link", "set", "eth0", "up")
    assert configuring.result()["address"] == "10.9.0.50"


def test_failures_say_what_happened_on_each_device(lab: Lab) -> None:
    lab.wire("eth0", up=False, mac="52:54:00:00:00:01")
    found = lab.configuring("dhcp", seconds=0.3).result()
    assert found["error"].startswith("network: eth0: no carrier | is the cable plugged in")
    lab.wire("eth1")
    found = lab.configuring("dhcp", seconds=0.3).result()
    assert found["error"].startswith("network: eth0: no carrier; eth1: no answer | is there a DHCP server?")
    found = lab.configuring("eth7:dhcp", seconds=0.3).result()
    assert "network: the device eth7 is not there; there are: eth0 (52:54:00:00:00:01), eth1 (" in found["error"]
    assert lab.configuring("off").result() == {"text": "\n"}


def test_restore_after_the_real_system_has_taken_the_network_down(lab: Lab) -> None:
    lab.wire("eth0")
    lab.serve("eth0", "10.9.0.1/24")
    lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.50", "--dhcp-option=121,10.77.0.0/16,10.9.0.7,0.0.0.0/0,10.9.0.9")
    state = lab.configuring("dhcp").result()["text"]
    before = lab.addresses("eth0"), lab.routes()
    for words in (
        ("link", "set", "eth0", "down"),
        ("address", "flush", "dev", "eth0"),
        ("link", "set", "lo", "down"),
        ("link", "set", "eth0", "name", "ens3"),
    ):
        lab.run("client", "ip", *words)
    lab.restore(state)
    assert lab.addresses("ens3") == before[0]
    assert {to: gateway for to, (gateway, _) in lab.routes().items()} == {
        to: gateway for to, (gateway, _) in before[1].items()
    }
    lab.run("client", "busybox", "ping", "-c", "1", "-W", "10", "10.9.0.1")


def test_a_rogue_server_that_answers_wrongly_is_passed_over(lab: Lab) -> None:
    lab.wire("eth0")
    lab.serve("eth0", "10.9.0.1/24")
    rogue = lab.start("server", sys.executable, "-ISBc", ROGUE, str(ROOT), "eth0")
    assert rogue.stdout is not None
    assert rogue.stdout.readline() == "listening\n"
    lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.50")
    found = lab.configuring("dhcp").result()
    assert (found["address"], found["server"]) == ("10.9.0.50", "10.9.0.1")
    assert rogue.poll() is None


def test_a_lease_is_renewed_rebound_and_given_back(lab: Lab) -> None:
    lab.wire("eth0")
    lab.serve("eth0", "10.9.0.1/24")
    log = lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.50")
    said = lab.run("client", sys.executable, "-ISBc", LEASED, str(ROOT)).split()
    assert [word for word in said if word.isalpha()] == ["bound", "renewing", "bound", "rebinding", "bound"]
    # dnsmasq shortens its T1 by a random part, so that its clients do not all come at once.
    renewals = [float(word) for word in said if not word.isalpha()]
    assert all(now < at <= now + 1800 for now, at in zip((0, 1800, 4950), renewals, strict=True))
    eventually(lambda: counted(log(), "DHCPRELEASE"), "the release")
    kinds = ("DHCPDISCOVER", "DHCPREQUEST", "DHCPACK", "DHCPNAK")
    assert [counted(log(), kind) for kind in kinds] == [1, 4, 4, 0]
