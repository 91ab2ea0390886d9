"""What the real system takes down while it runs is put back by the keeper's watch, in network namespaces."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import ROOT, Configuring, Lab, eventually, laboratory

WATCH = """
import sys; sys.path.insert(0, sys.argv[1])
import select, time
from init.cmdline import ip
from init.keeper.watch import Watch
from init.network.configure import configure
def say(level, line): print(level, line, flush=True)
network = configure(ip.parse(sys.argv[2:]), deadline=time.monotonic() + 60, say=say)
watch = Watch(say)
poll = select.poll()
poll.register(watch, select.POLLIN)
say(6, "watching")
while True:
    poll.poll(max(0.0, watch.look_at - time.monotonic()) * 1000 + 1 if watch.look_at else None)
    looks = watch.look_at
    watch.serve(network)
    if looks and not watch.look_at: say(6, "looked")
"""
STATIC = "10.9.0.5::10.9.0.1:255.255.255.0::eth0:off"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with laboratory(tmp_path) as made:
        made.wire("eth0")
        made.wire("eth1")
        made.serve("eth0", "10.9.0.1/24")
        yield made


def watching(lab: Lab, value: str) -> Configuring:
    watch = Configuring(lab.start("client", sys.executable, "-ISBc", WATCH, str(ROOT), value))
    watch.until("watching")
    return watch


@pytest.mark.parametrize(
    "command",
    [
        "ip link set eth0 down",
        "ip link set eth0 down; ip link set eth0 up",  # the address is there again, the routes are not
        "ip address flush dev eth0",
        "printf 'link set eth0 down\\nlink set eth0 name lan0\\n' | ip -batch -",
    ],
)
def test_put_back(command: str, lab: Lab) -> None:
    watch = watching(lab, STATIC)
    lab.run("client", "sh", "-ec", command)
    watch.until("restored on")
    name = "lan0" if "name" in command else "eth0"
    assert lab.addresses(name) == ["10.9.0.5/24"]
    assert lab.routes() == {"default": ("10.9.0.1", name)}


def test_what_is_none_of_ours_is_left_alone(lab: Lab) -> None:
    """Another device, an address more, and the device as a part of a bridge that has its address."""
    watch = watching(lab, STATIC)
    lab.run("client", "sh", "-ec", "ip address add 10.8.0.1/24 dev eth1; ip link set eth1 up; ip link set eth1 down")
    lab.run("client", "ip", "address", "add", "10.9.0.6/24", "dev", "eth0")
    bridge = "ip link add br0 type bridge; ip link set eth0 master br0; ip address flush dev eth0"
    lab.run("client", "sh", "-ec", f"{bridge}; ip address add 10.9.0.5/24 dev br0; ip link set br0 up")
    watch.until("looked")
    lab.run("client", "ip", "link", "set", "eth0", "nomaster")  # now it is bare
    watch.until("restored on")
    assert sum("taken down" in line for line in watch.log) == 1
    assert lab.addresses("eth0") == ["10.9.0.5/24"]
    assert "UP" not in lab.flags("eth1")


def test_ipv6(lab: Lab) -> None:
    watch = watching(lab, "[2001:db8::5]::[2001:db8::1]:64::eth0:none")
    lab.run("client", "ip", "link", "set", "eth0", "down")  # the kernel then forgets all of IPv6
    watch.until("restored on")
    eventually(lambda: "2001:db8::5/64" in lab.run("client", "ip", "-6", "address", "show", "dev", "eth0"), "it")
    assert "default via 2001:db8::1" in lab.run("client", "ip", "-6", "route")
