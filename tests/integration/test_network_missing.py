"""init/network/configure.py where one of several devices is missing: what is good is kept."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import Lab, laboratory

SHORT = "from init.network import searches; searches.MISSING_WAIT = 1.0"
GONE = "the device eth9 is not there; there are: "


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A server on eth0, and eth1 without a cable."""
    with laboratory(tmp_path) as made:
        made.wire("eth0")
        made.serve("eth0", "10.9.0.1/24")
        made.wire("eth1", up=False)
        made.dnsmasq("eth0", "10.9.0.50", "10.9.0.59")
        yield made


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        (("eth0:dhcp", "eth1:dhcp"), "eth1: no carrier"),
        (("eth1:dhcp", "eth0:dhcp"), "eth1: no carrier"),  # whatever comes first
        (("eth1:dhcp6", "eth0:dhcp"), "eth1: no carrier (IPv6)"),
        (("10.8.0.2:::255.255.255.0::eth1:off", "eth0:dhcp"), "eth1: no carrier"),
        (("eth9:dhcp", "eth0:dhcp"), GONE),  # a card that does not exist
        (("eth0:dhcp6", "eth0:dhcp"), "eth0: "),  # one family of two on the same card
        (("dhcp", "eth1:dhcp"), "eth1: no carrier"),
    ],
)
def test_a_boot_goes_on_with_the_device_that_there_is(lab: Lab, values: tuple[str, ...], missing: str) -> None:
    configuring = lab.configuring(*values, seconds=60, first=SHORT)
    started = time.monotonic()
    found = configuring.result()
    assert found.get("protocol") == "dhcp", found
    assert time.monotonic() - started < 20
    assert lab.addresses("eth0") == [f"{found['address']}/24"]
    (told,) = [line for line in configuring.log if line.startswith("log goes on without ")]
    assert told.startswith(f"log goes on without {missing}")
    lab.run("client", "busybox", "ping", "-c", "1", "-W", "10", "10.9.0.1")
    lab.restore(found["text"])
    assert lab.addresses("eth0") == [f"{found['address']}/24"]


def test_both_are_configured_where_both_are_there(lab: Lab) -> None:
    """The second one's cable is plugged in later; the first on the command line has the default route."""
    lab.serve("eth1", "10.8.0.1/24")
    lab.dnsmasq("eth1", "10.8.0.50", "10.8.0.59", "--dhcp-option=3,10.8.0.1")
    configuring = lab.configuring("eth1:dhcp", "eth0:dhcp")
    configuring.until("eth0: 10.9.0.5")
    lab.run("server", "ip", "link", "set", "eth1", "up")
    found = configuring.result()
    text = found["text"]
    assert text.index("device=eth1") < text.index("device=eth0")
    (default, *_) = lab.json("client", "-4", "route", "show", "default")
    assert default["dev"] == "eth1"
    assert not [line for line in configuring.log if "goes on without" in line]


def test_where_there_is_none_all_are_waited_for_and_named(lab: Lab) -> None:
    started = time.monotonic()
    found = lab.configuring("eth1:dhcp", "eth9:dhcp", seconds=2.5, first=SHORT).result()
    assert time.monotonic() - started > 2
    assert found["error"].startswith(f"network: eth1: no carrier; {GONE}"), found


# Configures what is missing once more, beside what there is, when there is an eth1.
AGAIN = """
from init.network.state import Network
from init.operations import ConfigureNetwork
from init.perform import network as perform
def configure(requests, deadline, say):
    network = perform.configure(ConfigureNetwork(requests, 20.0), Network(()), say)
    print("log first:", len(network.interfaces), flush=True)
    import socket
    while "eth1" not in [name for _, name in socket.if_nameindex()]: time.sleep(0.1)
    again = tuple(one.request for one in network.missing)
    return perform.configure(ConfigureNetwork(again, 20.0, besides=True), network, say)
"""


@pytest.mark.parametrize("again", ["eth1:dhcp", "dhcp"])
def test_what_is_missing_may_be_looked_for_again(lab: Lab, again: str) -> None:
    lab.run("client", "ip", "link", "delete", "eth1")
    configuring = lab.configuring("eth0:dhcp", again, seconds=60, first=SHORT + AGAIN)
    configuring.until("first: 1")
    lab.wire("eth1")
    lab.serve("eth1", "10.8.0.1/24")
    lab.dnsmasq("eth1", "10.8.0.50", "10.8.0.59")
    found = configuring.result()
    assert found.get("device") == "eth1", found
    assert [address.rpartition(".")[0] for name in ("eth0", "eth1") for address in lab.addresses(name)] == [
        "10.9.0",
        "10.8.0",
    ]
    assert found["text"].index("device=eth0") < found["text"].index("device=eth1")
    assert found["metric"] == "100"


@pytest.mark.parametrize("value", ["dhcp", "10.9.0.9:10.9.0.1:10.9.0.1:255.255.255.0"])
def test_bootif_names_a_card_that_does_not_exist(lab: Lab, value: str) -> None:
    """A dock's card that firmware gives the address of the machine, or one without a driver."""
    first = "from init.network import search; search.MISSING_WAIT = 1.0"
    configuring = lab.configuring(value, bootif="01-52-54-00-00-00-99", seconds=60, first=first)
    found = configuring.result()
    assert found.get("device") == "eth0", found
    said = [line for line in configuring.log if "BOOTIF" in line]
    assert said == [
        "log waiting for the device with the address 52:54:00:00:00:99 (BOOTIF=)",
        "log 52:54:00:00:00:99 (BOOTIF=) is no card's; any card will do",
    ]


# `devices` are made first; {words} are their parameter and value.
MADE = """
from init.network import searches, made_devices
import init.network.configure as module
from init.cmdline import devices
searches.MISSING_WAIT = made_devices.MISSING_WAIT = module.MISSING_WAIT = {wait}
made = devices.parse([{words}])
def configure(requests, deadline, say): return module.configure(requests, made, deadline=deadline, say=say)
"""


def test_a_device_that_stands_on_a_card_that_does_not_exist(lab: Lab) -> None:
    first = MADE.format(words="('vlan', 'vlan5:eth9')", wait=0.5)
    configuring = lab.configuring("vlan5:dhcp", "eth0:dhcp", seconds=60, first=first)
    found = configuring.result()
    assert found.get("protocol") == "dhcp", found
    assert any(line.startswith("log goes on without the device vlan5 is not there") for line in configuring.log)
    found = lab.configuring("vlan5:dhcp", seconds=2.5, first=first).result()
    assert found["error"].startswith("network: vlan=vlan5:eth9: what it stands on is not there"), found


def test_a_late_card_that_nothing_comes_of_costs_no_address(lab: Lab) -> None:
    """Whether the kernel has VLANs (nobody answers there) or refuses to make one."""
    first = MADE.format(words="('vlan', 'vlan5:eth2')", wait=2)
    configuring = lab.configuring("vlan5:dhcp", "eth0:dhcp", seconds=60, first=first)
    configuring.until("eth0: 10.9.0.5")
    lab.wire("eth2", up=False)
    found = configuring.result()
    assert (found.get("device"), found.get("protocol")) == ("eth0", "dhcp"), found
    assert any(line.startswith("log goes on without ") and "vlan5" in line for line in configuring.log)


def test_a_card_that_comes_late_is_made_what_it_is_to_be(lab: Lab) -> None:
    first = MADE.format(words="('ifname', 'lan0:52:54:00:00:00:07')", wait=0.5)
    configuring = lab.configuring("lan0:dhcp", seconds=60, first=first)
    configuring.until("waiting for the device lan0")
    lab.wire("eth2", mac="52:54:00:00:00:07")
    lab.serve("eth2", "10.7.0.1/24")
    lab.dnsmasq("eth2", "10.7.0.50", "10.7.0.59")
    found = configuring.result()
    assert (found.get("device"), found.get("prefix")) == ("lan0", "24"), found
    assert "parameter=ifname" in found["text"]
