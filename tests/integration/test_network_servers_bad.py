"""init/network/configure.py where the wire or the servers are not as they should be: frames lost, doubled, late and
overtaken on the way to real servers; servers that are silent, lie or compete with each other.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab import Lab, laboratory
from tests.servers import faulty_wire, isc, kea, script

MAC = "52:54:00:12:34:56"
POOL = "range 10.9.0.50 10.9.0.59; ping-check false;"

# Answers every question at once with one of the lies in LIES, and afterwards is silent.
LIAR = """
import sys; sys.path.insert(0, sys.argv[1])
import socket
from tests import dhcp_wire as wire
liar = bytes((10, 9, 0, 66))
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as wires:
    wires.bind((sys.argv[2], 0x0800))
    print("listening", flush=True)
    while True:
        question = wires.recv(4096)
        if question[36:38] != bytes((0, 67)):
            continue
        mac, kind = question[6:12], wire.options_of(question)[53][0]
        kind = {1: wire.OFFER, 3: wire.ACK}[kind]
        to = {"mac": mac, "address": liar, "server": liar}
        answer = eval(sys.argv[3])
        wires.send(b"\\xff" * 6 + answer[6:])
"""
# What never becomes a lease, and what the log says of it ("" where it is another machine's business).
REFUSED = {
    "wrong xid": ("wire.answer(question[:49] + bytes((question[49] ^ 1,)) + question[50:], kind, **to)", ""),
    "wrong MAC": ("wire.answer(question, kind, **{**to, 'mac': b'RogueX'})", ""),
    "no server": ("wire.answer(question, kind, **{**to, 'server': b'x'})", "no server identifier"),
    "loopback": ("wire.answer(question, kind, **{**to, 'address': bytes((127, 0, 0, 1))})", "not the address"),
    "multicast": ("wire.answer(question, kind, **{**to, 'address': bytes((224, 0, 0, 1))})", "not the address"),
    "endless option": (
        "wire.frame(wire.payload(wire.xid_of(question), wire.COOKIE + bytes((53, 1, kind, 6, 255)), mac=mac))",
        "option 6 runs past the end",
    ),
    "overload of itself": (
        "wire.answer(question, kind, (52, b'\\x03'), file=bytes((52, 1, 2, 255)), **to)",
        "overload (option 52) within",
    ),
    "overload past its field": (
        "wire.answer(question, kind, (52, b'\\x01'), file=bytes((12, 200)), **to)",
        "option 12 runs past the end",
    ),
}
# What is left out of a lease that is otherwise good, and what the log says of it.
LEFT_OUT = {
    "netmask 0": ("(1, bytes(4))", "option 1 (netmask): not a netmask"),
    "netmask with a hole": ("(1, bytes((255, 0, 255, 0)))", "option 1 (netmask): not a netmask"),
    "name for a shell": ("(12, b'$(reboot)')", "option 12 (hostname): not a host or domain name"),
    "overlong name": ("(15, b'a.' * 127 + b'a')", "option 15 (domain): longer than"),
    "line break": ("(17, b'/srv\\nnameserver 6.6.6.6')", "option 17 (root_path): holds characters"),
    "tiny MTU": ("(26, b'\\x00\\x10')", "option 26 (mtu): not a number from 576"),
    "looping name": ("(119, b'\\x01a\\xc0\\x00')", "option 119 (search): a pointer that does not go back"),
    "cut route": ("(121, bytes((24, 10, 9)))", "option 121 (routes): not a list of routes"),
    "broadcast as DNS": ("(6, b'\\xff' * 4)", "option 6 (dns): 255.255.255.255 is not a machine's address"),
}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with laboratory(tmp_path) as made:
        yield made


def start_isc(lab: Lab, name: str) -> Callable[[], str]:
    return isc(lab, name, f"subnet 10.9.0.0 netmask 255.255.255.0 {{ {POOL} option routers 10.9.0.1; }}")


# The words are those of tests/wire_faults.py. A first question is repeated after half a second, any other after
# four, so the losses here are few; what many do is tests/property/init/wire/test_dhcp_lossy.py's.
@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("drop ok", "ok"),  # the first question is lost
        ("ok", "drop ok"),  # the first offer is lost
        ("1:twice 3:twice ok", "2:twice 5:twice ok"),
        ("twice", "twice"),
        ("0.7 ok", "ok"),  # the second question overtakes the first, whose answer comes when all is over
        ("ok", "0.8 ok"),  # the second offer overtakes the first
        ("0.2", "0.2"),
        ("0.3 twice 0.1 ok", "twice 0.3 ok 0.2 twice"),
    ],
)
def test_a_bad_wire_delays_an_address_at_most(lab: Lab, up: str, down: str) -> None:
    faulty_wire(lab, up=up, down=down)
    lab.serve("srv0", "10.9.0.1/24")
    start_isc(lab, "srv0")
    found = lab.configuring("dhcp").result()
    assert (found["protocol"], found["server"], found["gateway"]) == ("dhcp", "10.9.0.1", "10.9.0.1")
    assert lab.addresses("eth0") == [f"{found['address']}/24"]
    lab.run("client", "busybox", "ping", "-c", "1", "-W", "10", "10.9.0.1")


def test_an_acknowledgement_that_is_lost_is_asked_for_again(lab: Lab) -> None:
    faulty_wire(lab, down="5:drop ok")
    lab.serve("srv0", "10.9.0.1/24")
    said = start_isc(lab, "srv0")
    assert lab.configuring("dhcp").result()["server"] == "10.9.0.1"
    assert said().count("DHCPREQUEST") == said().count("DHCPACK") >= 2


def test_a_server_that_only_listens(lab: Lab) -> None:
    """Kea with nothing to give hears every question and says nothing."""
    lab.wire("eth0")
    lab.serve("eth0", "10.9.0.1/24")
    said = kea(lab, "eth0", {"subnet": "10.9.0.0/24"})
    found = lab.configuring("dhcp", seconds=1.5).result()
    assert found["error"].startswith("network: eth0: no answer | is there a DHCP server?")
    assert "ALLOC" in said()


def test_of_two_servers_the_first_to_offer_is_the_one(lab: Lab) -> None:
    """Both say that they are authoritative. dnsmasq, which finds both servers' addresses on its own machine, refuses
    even a request that the other one was sent: a refusal by a server that was not asked does not count.
    """
    lab.wire("eth0")
    lab.serve("eth0", "10.9.0.1/24")
    pool = f"server-identifier 10.9.0.2; subnet 10.9.0.0 netmask 255.255.255.0 {{ {POOL} }}"
    said = isc(lab, "eth0", pool)
    log = lab.dnsmasq("eth0", "10.9.0.150", "10.9.0.159", "--dhcp-authoritative")
    found = lab.configuring("dhcp").result()
    chosen = {"10.9.0.1": log, "10.9.0.2": said}
    assert [server for server, text in chosen.items() if "DHCPACK" in text()] == [found["server"]]
    assert (found["server"] == "10.9.0.2") is (int(found["address"].rpartition(".")[2]) < 100)
    assert lab.addresses("eth0") == [f"{found['address']}/24"]


@pytest.mark.parametrize("lie", REFUSED)
def test_a_lie_gives_no_address_and_a_second_server_does(lab: Lab, lie: str) -> None:
    answer, reason = REFUSED[lie]
    lab.wire("eth0")
    lab.serve("eth0", "10.9.0.1/24")
    liar = script(lab, LIAR, "eth0", answer)
    configuring = lab.configuring("dhcp")
    configuring.until(reason or "asking for an address")
    start_isc(lab, "eth0")
    assert configuring.result()["server"] == "10.9.0.1"
    assert liar.poll() is None


@pytest.mark.parametrize("lie", LEFT_OUT)
def test_a_lie_in_one_option_costs_that_option(lab: Lab, lie: str) -> None:
    option, reason = LEFT_OUT[lie]
    lab.wire("eth0")
    script(lab, LIAR, "eth0", f"wire.answer(question, kind, (3, bytes((10, 9, 0, 1))), {option}, **to)")
    configuring = lab.configuring("dhcp")
    found = configuring.result()
    assert (found["address"], found["prefix"], found["gateway"]) == (
        "10.9.0.66",
        "8",
        "10.9.0.1",
    )  # class A, where no netmask is given
    assert any(reason in line for line in configuring.log), configuring.log
    assert (found["hostname"], found["domain"], found["rootpath"], found["mtu"], found["dns"]) == ("", "", "", "0", "")


def test_what_dnsmasq_tells_twice(lab: Lab) -> None:
    """It sends an option of its own once more where it is told to send it."""
    lab.wire("eth0")
    lab.serve("eth0", "10.9.0.1/24")
    doubled = [f"--dhcp-option-force={option}" for option in ("1,255.255.255.0", "51,3600", "54,10.9.0.1", "58,1800")]
    said = lab.dnsmasq("eth0", "10.9.0.150", "10.9.0.159", *doubled)
    configuring = lab.configuring("dhcp")
    found = configuring.result()
    assert (found["server"], found["prefix"], found["lease_seconds"]) == ("10.9.0.1", "24", "3600")
    assert not any("ignored" in line or "dropped" in line for line in configuring.log), configuring.log
    assert said().count("option: 54 server-identifier") == 4  # two in each answer


# What stands between the server's words and the wire: `answer` is the frame.
@pytest.mark.parametrize(
    "relay",
    [
        "answer[:34] + bytes((0, 68)) + answer[36:40] + bytes(2) + answer[42:]",  # from port 68, without a checksum
        "answer[:34] + bytes((4, 43)) + answer[36:40] + bytes(2) + answer[42:]",  # from port 1067
        "answer[:12] + bytes((0x81, 0, 0, 0)) + answer[12:] + bytes(18)",  # a priority tag (802.1Q), padded
        "answer if kind == wire.OFFER else wire.answer(question, kind, **{**to, 'server': bytes((10, 9, 0, 7))})",
    ],
)
def test_answers_as_relays_and_switches_hand_them_on(lab: Lab, relay: str) -> None:
    lab.wire("eth0")
    script(lab, LIAR, "eth0", f"(lambda answer: {relay})(wire.answer(question, kind, **to))")
    found = lab.configuring("dhcp").result()
    assert found.get("address") == "10.9.0.66", found
    assert found["server"] in ("10.9.0.66", "10.9.0.7")


def test_an_address_is_taken_without_what_the_kernel_refuses(lab: Lab) -> None:
    """A card of 1500 bytes (a macvlan takes no more than the card below it), a gateway that is the machine itself."""
    lab.wire("eth0")
    lab.run("client", "ip", "link", "add", "mac0", "link", "eth0", "type", "macvlan")
    lab.run("client", "ip", "link", "set", "eth0", "up")
    own, other = "10, 9, 0, 66", "10, 9, 0, 1"
    routes = f"bytes((8, 11, {own}, 8, 12, {other}, 0, {own}))"
    script(lab, LIAR, "eth0", f"wire.answer(question, kind, (26, (9000).to_bytes(2, 'big')), (121, {routes}), **to)")
    configuring = lab.configuring("mac0:dhcp")
    found = configuring.result()
    assert lab.addresses("mac0") == ["10.9.0.66/8"], found
    assert lab.routes() == {"12.0.0.0/8": ("10.9.0.1", "mac0")}
    assert (found["mtu"], found["gateway"], found["routes"]) == ("0", "", "12.0.0.0/8,10.9.0.1")
    assert [line for line in configuring.log if " is not set" in line] == [
        "log mac0: the MTU 9000 is not set: Invalid argument",
        "log mac0: the route to 11.0.0.0/8 by 10.9.0.66 is not set: Invalid argument",
        "log mac0: the gateway 10.9.0.66 is not set: Invalid argument",
    ]
    lab.restore(found["text"].replace("mtu=0", "mtu=9000"))
    assert lab.addresses("mac0") == ["10.9.0.66/8"]


@pytest.mark.parametrize(
    "words", ["mac0:dhcp:9000", "10.9.0.5::10.9.0.5:255.255.255.0::mac0:off:9000", "mac0:link6:9000"]
)
def test_what_ip_asks_for_and_the_kernel_refuses_costs_no_address(lab: Lab, words: str) -> None:
    lab.wire("eth0")
    lab.serve("eth0", "10.9.0.1/24")
    lab.run("client", "ip", "link", "add", "mac0", "link", "eth0", "type", "macvlan")
    lab.run("client", "ip", "link", "set", "eth0", "up")
    lab.dnsmasq("eth0", "10.9.0.150", "10.9.0.159")
    configuring = lab.configuring(words)
    found = configuring.result()
    assert found.get("mtu") == "0" and found["address"], found
    assert "log mac0: the MTU 9000 is not set: Invalid argument" in configuring.log


def test_a_hardware_address_that_the_driver_refuses(lab: Lab) -> None:
    """The driver ifb has no way to set one."""
    lab.run("client", "ip", "link", "add", "ifb0", "type", "ifb")
    configuring = lab.configuring("10.9.0.5:::255.255.255.0::ifb0:off::52:54:00:00:00:07", seconds=5)
    found = configuring.result()
    assert lab.addresses("ifb0") == ["10.9.0.5/24"], found
    assert found["mac"] != "52:54:00:00:00:07"
    refused = "log ifb0: the hardware address 52:54:00:00:00:07 is not set: Operation not supported"
    assert configuring.log.count(refused) == 1, configuring.log
    asking = lab.configuring("ifb0:dhcp::52:54:00:00:00:07", seconds=2)
    assert asking.result()["error"].startswith("network: ifb0: no answer"), asking.log
    assert asking.log.count(refused) == 1, asking.log


def test_times_gateways_and_lengths_that_nobody_expects(lab: Lab) -> None:
    """A lease of no time, a gateway on another network, a long option in pieces, options in every field."""
    lab.wire("eth0")
    lab.serve("eth0", "172.16.5.1/32")
    lab.run("server", "ip", "route", "add", "10.0.0.0/8", "dev", "eth0")
    servers = ", ".join(f"(6, bytes((10, 9, 1, {number}, 10, 9, 2, {number})))" for number in range(1, 60))
    overloaded = "file=bytes((12, 4)) + b'wall' + bytes((255,)), sname=bytes((15, 3)) + b'lab' + bytes((255,))"
    times = "(51, bytes(4)), (58, bytes(4)), (59, bytes(4)), (52, b'\\x03'), (3, bytes((172, 16, 5, 1)))"
    script(lab, LIAR, "eth0", f"wire.answer(question, kind, {times}, {servers}, {overloaded}, **to)")
    found = lab.configuring("dhcp").result()
    assert (found["lease_seconds"], found["renew_after"], found["rebind_after"]) == ("10", "5.0", "8.75")
    assert (found["hostname"], found["domain"], found["gateway"]) == ("wall", "lab", "172.16.5.1")
    assert len(found["dns"].split()) == 118
    lab.run("client", "busybox", "ping", "-c", "1", "-W", "10", "172.16.5.1")
