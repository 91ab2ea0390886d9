"""DHCP and DHCPv6 on wires that lose, double, delay and reorder (netem). Runs in test_network_netem.py's guest.

Every wire has a client of its own, all at a time, since most of it is waiting; a real dnsmasq is behind all of them.
Prints a line for each: the device, "addresses" or "failed", and what; then the packets that netem counted.
"""

import re
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.lab import Lab, laboratory

WIRES = tuple(f"eth{number}" for number in range(6))
DISTURBED = "delay 50ms 20ms reorder 25% 50% duplicate 10%"
LOSSY = f"{DISTURBED} loss 30%"
# A quarter of an hour ends a try; in it are 19 questions, each lost with 30 % or answered in vain: 1 of 10^9 fails.
PATIENCE = 900.0


def lay(lab: Lab) -> None:
    """Wires to one bridge, all disturbed in both directions, every other one lossy upward, the rest downward."""
    lab.run("server", "ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
    lab.run("server", "ip", "link", "set", "br0", "up")
    lab.serve("br0", "10.9.0.1/24")
    lab.run("server", "ip", "address", "add", "2001:db8::1/64", "dev", "br0", "nodad")
    script = {"client": "set -e\n", "server": "set -e\n"}
    for number, name in enumerate(WIRES):
        script["client"] += f"ip link add {name} type veth peer name {name} netns server\n"
        script["server"] += f"ip link set {name} up master br0\n"
        for space, lossy in (("client", number % 2), ("server", not number % 2)):
            script[space] += f"tc qdisc add dev {name} root netem {LOSSY if lossy else DISTURBED}\n"
    for space, text in script.items():
        lab.run(space, "sh", "-c", text)


def counted(lab: Lab) -> tuple[int, int]:
    """Packets sent and packets lost by all of netem."""
    told = "".join(lab.run(space, "tc", "-s", "qdisc", "show") for space in ("client", "server"))
    found = re.findall(r"qdisc netem .*\n Sent \d+ bytes (\d+) pkt \(dropped (\d+),", told)
    return sum(int(sent) for sent, _ in found), sum(int(lost) for _, lost in found)


def play(lab: Lab) -> None:
    """Configure every wire's client for both families and print what came of it."""
    lab.dnsmasq("br0", "10.9.0.50", "10.9.0.99", "--dhcp-range=2001:db8::50,2001:db8::99,64,1h", "--enable-ra")
    started = time.monotonic()
    # One for each family: of two in one, the second is waited for no longer than MISSING_WAIT once the first is there.
    clients = {
        name: [lab.configuring(f"{name}:{word}", seconds=PATIENCE) for word in ("dhcp", "dhcp6")] for name in WIRES
    }
    for name, both in clients.items():
        errors = [found["error"] for one in both if "error" in (found := one.result(2 * PATIENCE))]
        links = lab.json("client", "address", "show", "dev", name, "scope", "global")
        infos = [info for link in links for info in link.get("addr_info", []) if "local" in info]
        there = sorted(f"{info['local']}/{info['prefixlen']}" for info in infos)
        good = not errors and [text.count(".") for text in there] == [3, 0]
        seconds = time.monotonic() - started
        told = "addresses" if good else f"failed {errors}"
        print(f"{name}: {told} {' '.join(there)} after at most {seconds:.1f} s", flush=True)
    sent, lost = counted(lab)
    print(f"netem: {sent} packets sent, {lost} lost", flush=True)


def main() -> None:
    """Do all of it."""
    with tempfile.TemporaryDirectory() as folder, laboratory(Path(folder)) as lab:
        lay(lab)
        play(lab)


if __name__ == "__main__":
    main()
