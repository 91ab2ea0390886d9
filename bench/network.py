"""The network's two speed targets, measured in network namespaces against dnsmasq (issue 3):

    .venv/bin/python -m bench.network            # as root, half a minute; needs dnsmasq-base, busybox, iproute2
    .venv/bin/python -m bench.network --rounds 9

1. From the device's carrier to a configured address: init/network/configure.py, whose interpreter runs already as
   PID 1's does, against busybox udhcpc, started when the device has been set up, with a script that assigns the
   address (both have to do what comes after the carrier). To reach: a ratio of at most 1.0. Ours also asks whether
   another machine has the address, udhcpc does not (its option -a would, and waits for two seconds).
2. A machine with four cards, of which the last is the one that is answered, against one with a single card; to
   reach: at most 1.1. Measured from that device's carrier to its address, and as information from the start to
   configure()'s return.

The times are the kernel's: rtnetlink's announcements, as a third process in the same namespace hears them. The
contenders take turns; each round has a laboratory of its own; the ratio is that of the medians.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.lab import ROOT, Lab, eventually, laboratory

# Prints when the device had carrier, and when an address.
WATCH = """
import sys; sys.path.insert(0, sys.argv[1])
import time
from init.network.rtnetlink import Rtnetlink
from init.wire import netlink
with Rtnetlink(netlink.RTMGRP_LINK | netlink.RTMGRP_IPV4_IFADDR) as rtnetlink:
    number = next(link.number for link in rtnetlink.links().values() if link.name == sys.argv[2])
    rtnetlink.events.setblocking(True)
    print("watching", flush=True)
    carrier = 0.0
    while True:
        data, now = rtnetlink.events.recv(65536), time.monotonic()
        for message in netlink.messages(data):
            if message.kind == netlink.RTM_NEWLINK and netlink.link(message).number == number:
                carrier = carrier or (now if netlink.link(message).carrier else 0.0)
            if message.kind == netlink.RTM_NEWADDR and netlink.address(message).link == number:
                print(now - carrier)
                raise SystemExit
"""
OURS = """
import sys; sys.path.insert(0, sys.argv[1])
import time
from init.cmdline import ip
from init.network.configure import configure
lines = []
def say(level, line): lines.append(line)
start = time.monotonic()
configure(ip.parse(["dhcp"]), deadline=start + 30, say=say)
print(time.monotonic() - start)
"""
UDHCPC = 'ip link set "$1" up && exec busybox udhcpc -i "$1" -f -n -q -s "$2"'
SCRIPT = '#!/bin/sh\n[ "$1" != bound ] || exec ip address add "$ip/$mask" dev "$interface"\n'


def measure(contender: str, cards: int) -> tuple[float, float]:
    """One round: seconds from carrier to address, and from configure()'s start to its return (0 for udhcpc)."""
    with tempfile.TemporaryDirectory() as folder, laboratory(Path(folder)) as lab:
        for number in range(cards):
            lab.wire(f"eth{number}")
        name = f"eth{cards - 1}"
        lab.serve(name, "10.9.0.1/24")
        lab.dnsmasq(name, "10.9.0.50", "10.9.0.60")
        watch = _watch(lab, name)
        whole = 0.0
        if contender == "udhcpc":
            script = Path(folder) / "script"
            script.write_text(SCRIPT)
            script.chmod(0o755)
            lab.run("client", "sh", "-c", UDHCPC, "sh", name, str(script))
        else:
            whole = float(lab.run("client", sys.executable, "-ISBc", OURS, str(ROOT)))
        eventually(lambda: watch.poll() is not None, "the address")
        return float(watch.stdout.read()) if watch.stdout else 0.0, whole


def _watch(lab: Lab, name: str) -> subprocess.Popen[str]:
    """Start to look for carrier and address of one device of the client."""
    watch = lab.start("client", sys.executable, "-ISBc", WATCH, str(ROOT), name)
    if not watch.stdout or watch.stdout.readline() != "watching\n":
        raise RuntimeError("the namespace cannot be watched")
    return watch


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="The network's speed against udhcpc, and with four cards.")
    parser.add_argument("--rounds", type=int, default=15, help="how many of each (default: %(default)s)")
    rounds = max(1, parser.parse_args().rounds)
    contenders = (("mkinitfs", 1), ("mkinitfs", 4), ("udhcpc", 1))
    samples: dict[tuple[str, int], list[tuple[float, float]]] = {contender: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            samples[contender].append(measure(*contender))
    (one, one_whole), (four, four_whole), (theirs, _) = (
        tuple(1000 * statistics.median(values) for values in zip(*samples[contender], strict=True))
        for contender in contenders
    )
    print(f"medians of {rounds} rounds, milliseconds")
    print(f"carrier to address   {one:6.1f}  udhcpc        {theirs:6.1f}  ratio {one / theirs:.2f}  to reach 1.00")
    print(f"last of four cards   {four:6.1f}  a single card {one:6.1f}  ratio {four / one:.2f}  to reach 1.10")
    print(f"configure(), four    {four_whole:6.1f}  a single card {one_whole:6.1f}  ratio {four_whole / one_whole:.2f}")


if __name__ == "__main__":
    main()
