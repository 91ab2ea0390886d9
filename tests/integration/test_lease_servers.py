"""A lease kept against dnsmasq and busybox udhcpd, in network namespaces."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.keeping import give_back, keep, state
from tests.lab import ROOT, Configuring, Lab, eventually, laboratory

# Nobody is to grow old here.
SOONER = """
from init.wire import dhcp, dhcp_options
dhcp_options.LEAST_SECONDS, dhcp.FIRST_WAIT, dhcp.LONGEST_WAIT = 2, 1.0, 2.0
"""
# dnsmasq gives no lease of less than two minutes, but says what T1 and T2 are.
SOON = ("--dhcp-option=option:T1,3", "--dhcp-option=option:T2,6")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with laboratory(tmp_path) as made:
        made.wire("eth0")
        made.serve("eth0", "10.9.0.1/24")
        yield made


def keeping(lab: Lab, value: str = "dhcp") -> Configuring:
    return keep(lab, value, sooner=SOONER)


def renewals(keeper: Configuring, number: int) -> list[str]:
    """Wait for so many; their log lines."""
    for _ in range(number):
        keeper.until(": lease renewed by ")
    return [line for line in keeper.log if ": lease renewed by " in line]


def udhcpd(lab: Lab, address: str, seconds: int) -> None:
    lab.udhcpd(
        "eth0",
        f"start {address}\nend {address}\nauto_time 1\nmin_lease 1\noption subnet 255.255.255.0\n"
        f"option lease {seconds}\n",
    )


def expires(lab: Lab) -> list[float]:
    """When the leases in udhcpd's file end, as Unix time: int64 of its writing, then struct dyn_lease."""
    data = (lab.folder / "udhcpd.leases").read_bytes()
    written, rest = int.from_bytes(data[:8], "big"), data[8:]
    return [written + int.from_bytes(rest[at : at + 4], "big") for at in range(0, len(rest), 36)]


def test_five_leases_of_udhcpd_and_the_release(lab: Lab) -> None:
    udhcpd(lab, "10.9.0.20", 2)
    keeper = keeping(lab)
    started = time.monotonic()
    lines = renewals(keeper, 5)
    assert 4.5 < time.monotonic() - started < 60  # T1 is after one second
    assert lines[-1] == "7 lease: eth0: 10.9.0.20: lease renewed by 10.9.0.1 for 2 s"
    assert lab.addresses("eth0") == ["10.9.0.20/24"]
    recorded = state(lab)
    assert abs(time.clock_gettime(time.CLOCK_BOOTTIME) - recorded.obtained) < 5
    assert (recorded.lease_seconds, recorded.renew_after, recorded.rebind_after) == (2, 1.0, 1.75)


def test_the_release_is_in_the_servers_file(lab: Lab) -> None:
    udhcpd(lab, "10.9.0.20", 600)
    keeper = keeping(lab)
    eventually((lab.folder / "state").exists, "the lease")
    eventually(lambda: any(end > time.time() + 500 for end in expires(lab)), "the lease in the server's file")
    assert "lease of 10.9.0.20 given back to 10.9.0.1" in give_back(lab)
    eventually(lambda: all(end <= time.time() + 5 for end in expires(lab)), "its end in the server's file")
    assert keeper.log == []


def test_dnsmasq_is_asked_alone_and_gets_its_lease_back(lab: Lab) -> None:
    log = lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.60", *SOON, "--dhcp-option=26,1400")
    keeper = keeping(lab, "::::box.nis::dhcp,0,me")
    renewals(keeper, 3)
    assert log().count("client provides name: box") >= 4
    give_back(lab)
    eventually(lambda: "DHCPRELEASE(eth0)" in log(), "the release")
    assert log().count("DHCPDISCOVER(") <= 3  # the boot's
    assert "DHCPNAK" not in log()
    leases = lab.folder.glob("*.leases")
    eventually(lambda: "10.9.0" not in "".join(path.read_text() for path in leases), "the lease is gone there, too")


def test_what_changes_with_a_renewal(lab: Lab) -> None:
    log = lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.50", *SOON)
    keeper = keeping(lab)
    renewals(keeper, 1)
    assert lab.routes() == {"default": ("10.9.0.1", "eth0")}
    restart(lab, "10.9.0.50", "--dhcp-option=3,10.9.0.2", "--dhcp-option=6,10.9.0.3", forget=False)
    eventually(lambda: lab.routes() == {"default": ("10.9.0.2", "eth0")}, "the new gateway")
    assert state(lab).dns == ("10.9.0.3",)
    assert (lab.folder / "resolv.conf").read_text() == "nameserver 10.9.0.3\n"
    assert "DHCPNAK" not in log()


def restart(lab: Lab, address: str, *options: str, forget: bool = True) -> None:
    """Another dnsmasq instead of the first; it knows nothing of the leases given, or all of them."""
    (first,) = lab.folder.glob("dnsmasq-*.leases")
    log = first.with_suffix("")
    number = log.read_text().partition("dnsmasq[")[2].partition("]")[0]  # its PID in the laboratory
    lab.run("server", "kill", number)
    eventually(lambda: "exiting on receipt of SIGTERM" in log.read_text(), "the first one's end")
    if not forget:
        first.replace(lab.folder / f"dnsmasq-{len(lab._started)}.log.leases")
    lab.dnsmasq("eth0", address, address, *SOON, *options)


def test_a_server_that_forgot_gives_the_same_address_again(lab: Lab) -> None:
    lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.50", *SOON)
    keeper = keeping(lab)
    renewals(keeper, 1)
    before = lab.addresses("eth0")
    restart(lab, "10.9.0.50")
    keeper.until("REFUSED by the server")
    keeper.until("given again by 10.9.0.1")
    renewals(keeper, 1)
    assert lab.addresses("eth0") == before


def test_a_server_that_insists_on_another_address(lab: Lab) -> None:
    lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.50", *SOON)
    keeper = keeping(lab)
    renewals(keeper, 1)
    with subprocess.Popen(
        lab.words("client", sys.executable, "-c", CONNECTION), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as connected:
        assert connected.stdout is not None
        with subprocess.Popen(lab.words("server", sys.executable, "-c", ECHO), text=True) as echo:
            assert connected.stdout.readline() == "10.9.0.50\n"
            restart(lab, "10.9.0.77")
            keeper.until("2 lease: eth0: 10.9.0.77: GIVEN INSTEAD OF 10.9.0.50 by 10.9.0.1, which insists")
            assert lab.addresses("eth0") == ["10.9.0.50/24", "10.9.0.77/24"]
            assert connected.communicate("still there\n")[0] == "still there\n"  # what the root would feel
            echo.wait()
    renewals(keeper, 1)
    assert state(lab).address == "10.9.0.77"
    assert "lease of 10.9.0.77 given back" in give_back(lab)


ECHO = """
import socket
with socket.create_server(("10.9.0.1", 445)) as server:
    connection = server.accept()[0]
    while data := connection.recv(100): connection.send(data)
"""
CONNECTION = """
import socket, time
for _ in range(300):
    try:
        connection = socket.create_connection(("10.9.0.1", 445)); break
    except ConnectionRefusedError:
        time.sleep(0.05)
print(connection.getsockname()[0], flush=True)
connection.send(input().encode() + b"\\n")
print(connection.recv(100).decode(), end="", flush=True)
"""


def test_silence_to_the_end_and_a_server_that_comes_back(lab: Lab) -> None:
    udhcpd(lab, "10.9.0.20", 2)
    keeper = keeping(lab)
    renewals(keeper, 1)
    server = (lab.folder / "udhcpd.pid").read_text().strip()
    lab.run("server", "kill", "-STOP", server)
    keeper.until("4 lease: eth0: 10.9.0.20: no answer from 10.9.0.1; asking every server")
    keeper.until("3 lease: eth0: 10.9.0.20: the lease HAS RUN OUT without an answer; it stays")
    time.sleep(1.5)
    assert lab.addresses("eth0") == ["10.9.0.20/24"]
    lab.run("server", "kill", "-CONT", server)
    keeper.until("given again by 10.9.0.1")
    renewals(keeper, 2)


def test_an_address_taken_over_by_another_client_is_left_alone(lab: Lab) -> None:
    log = lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.50", *SOON)
    keeper = keeping(lab)
    renewals(keeper, 1)
    life = ("valid_lft", "300", "preferred_lft", "300")
    lab.run("client", "ip", "address", "change", "10.9.0.50/24", "dev", "eth0", *life)
    keeper.until("4 lease: eth0: 10.9.0.50: no longer on a device as it was left there; the lease is left alone")
    asked = log().count("DHCPREQUEST(")
    time.sleep(2.5)
    assert log().count("DHCPREQUEST(") == asked


def test_a_device_that_was_renamed_and_one_below_a_bridge(lab: Lab) -> None:
    log = lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.50", *SOON)
    keeper = keeping(lab)
    renewals(keeper, 1)
    script = "ip link set eth0 down; ip link set eth0 name ens3; ip link set ens3 up"
    lab.run("client", "sh", "-ec", script)
    renewals(keeper, 2)
    (link,) = lab.json("client", "link", "show", "dev", "ens3")
    script = (
        f"ip link add br0 address {link['address']} type bridge; ip link set br0 up;"
        "ip link set ens3 master br0; ip address add 10.9.0.50/24 dev br0; ip address flush dev ens3"
    )
    lab.run("client", "sh", "-ec", script)
    renewals(keeper, 3)
    assert "DHCPNAK" not in log()


def test_nothing_is_kept_where_nothing_ends(lab: Lab) -> None:
    lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.50", "--dhcp-host=52:54:00:12:34:56,10.9.0.70")
    keeper = keeping(lab, "10.9.0.9:::255.255.255.0::eth0:off")
    eventually((lab.folder / "state").exists, "the address")
    time.sleep(0.5)
    assert [line for line in keeper.log if "lease" in line] == []
    assert give_back(lab) == ""


def test_a_cut_link_has_the_lease_asked_for_anew(lab: Lab) -> None:
    log = lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.70")
    keeper = keeping(lab)
    eventually((lab.folder / "state").exists, "the lease")
    before = state(lab)
    time.sleep(1.5)
    lab.run("server", "sh", "-ec", "ip link set eth0 down; sleep 0.2; ip link set eth0 up")
    keeper.until("the carrier is back")
    keeper.until(f"{before.address}: lease renewed by 10.9.0.1")
    assert log().count("DHCPDISCOVER") == 1
    assert state(lab).obtained > before.obtained + 1
    assert lab.addresses("eth0") == [f"{before.address}/24"]


def test_a_port_that_was_moved_to_another_network(lab: Lab) -> None:
    lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.70", "--dhcp-option=option:dns-server,10.9.0.3")
    keeper = keeping(lab)
    eventually((lab.folder / "state").exists, "the lease")
    old = state(lab).address
    number = (lab.folder / "dnsmasq-0.log").read_text().partition("dnsmasq[")[2].partition("]")[0]
    move = f"ip link set eth0 down; kill {number}; ip address flush dev eth0; ip address add 10.5.0.1/24 dev eth0"
    lab.run("server", "sh", "-ec", move)
    lab.dnsmasq("eth0", "10.5.0.50", "10.5.0.70", "--dhcp-option=option:dns-server,10.5.0.3", "--dhcp-authoritative")
    lab.run("server", "ip", "link", "set", "eth0", "up")
    keeper.until(f"{old}: REFUSED by the server (")
    keeper.until(f"GIVEN INSTEAD OF {old} by 10.5.0.1")
    new = state(lab)
    assert new.address.startswith("10.5.0.")
    assert new.dns == ("10.5.0.3",)
    assert lab.routes() == {"default": ("10.5.0.1", "eth0")}


# As PID 1 does; what is left for the boot's own resolver is not this machine's business.
RENEWAL = """
import sys; sys.path.insert(0, sys.argv[1])
import time
from init.cmdline import ip
from init.network.configure import configure
from init.network.files import leave_files
from init.perform import renewal
from init.wire import dhcp_options
dhcp_options.LEAST_SECONDS, renewal.LATER, renewal.NETWORK_AT_BOOT = 2, 0.1, sys.argv[2]
renewal.networks.tell = lambda network: say(6, f"word of {network.interfaces[0].obtained > first}")
def say(level, line): print(level, line, flush=True)
network = configure(ip.parse(["dhcp"]), deadline=time.monotonic() + 30, say=say)
first = network.interfaces[0].obtained
leave_files(network, sys.argv[2], sys.argv[2])
keeping = renewal.Renewal(say)
keeping.start(network)
input()  # what PID 1 waits in for ever
after = keeping.stop(network)
say(6, f"renewed {after.interfaces[0].obtained - first:.1f}; {keeping.stop(after) is after}")
"""


def test_the_lease_is_renewed_while_the_boot_waits(lab: Lab) -> None:
    log = lab.dnsmasq("eth0", "10.9.0.50", "10.9.0.50", *SOON)
    words = lab.words("client", sys.executable, "-ISBc", RENEWAL, str(ROOT), str(lab.folder))
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as boot:
        eventually(lambda: log().count("DHCPACK(") >= 3, "two renewals")
        said, _ = boot.communicate("\n")
    assert said.count("word of True") >= 1
    seconds, once = re.findall(r"renewed (.*); (True|False)$", said, re.MULTILINE)[0]
    assert (float(seconds) >= 2.5, once) == (True, "True")
    acknowledged = log().count("DHCPACK(")
    time.sleep(4)
    assert log().count("DHCPACK(") == acknowledged  # nobody is left
