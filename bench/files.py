"""A file in a container beside the same file on the share that holds the container: time, and memory for caching."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mkinitfs.errors import MkinitfsError
from mkinitfs.process import run
from tests.vm.harness import Machine, MiB, Samba, make_container

from .builds import ready
from .contenders import ENV, Bench
from .table import Row, Series
from .wire import Wire

# Of files.c, each side with microseconds, kibibytes of page cache, requests to the server.
SIDE = r"(\d+),(-?\d+),(\d+)"
REPORT = rf"^FILES round=\d+ what=(\S+) container={SIDE} share={SIDE}\.$"
PATIENCE = 1800  # seconds
SPEED = 1 / 0.95  # the container's time over the share's, where 0.95 of its speed is to be reached
KINDS = {
    "write": "16 MiB in pieces of 1 MiB, fsync(2) at the end",
    "read": "16 MiB in pieces of 1 MiB",
    "random-write": "400 pieces of 4 KiB at random places, fsync(2) at the end",
    "random-read": "400 pieces of 4 KiB at random places",
    "synced": "100 pieces of 4 KiB at random places, fdatasync(2) after each",
    "grown": "100 pieces of 4 KiB appended to an empty file, fdatasync(2) after each: here ext4 has a journal to write",
}
# What is compared are files whose blocks are there; what a file system takes to find some is told, not limited.
UNLIMITED = frozenset({"grown"})
HOW = (
    "guest in QEMU without hardware virtualisation, one core; a file in an ext4 container on a share, against a file "
    "of the same size on the same mount of the same share, one right after the other, page cache empty at first; the "
    "median of the rounds' ratios"
)
KEPT = "by how much Cached and Buffers of /proc/meminfo have grown after 16 MiB were read on either side"
SENT = "reads, writes and flushes that cifs counts in /proc/fs/cifs/Stats, in the same rounds"


@dataclass(frozen=True)
class Sample:
    """One round of one kind of work on one side: seconds, MB that the page cache has grown by, requests sent."""

    seconds: float
    kept: float
    requests: int


def parse(console: str) -> dict[str, list[tuple[Sample, Sample]]]:
    """The rounds by kind, container and share; MkinitfsError where one is missing."""
    found: dict[str, list[tuple[Sample, Sample]]] = {kind: [] for kind in KINDS}
    for kind, *numbers in re.findall(REPORT, console, re.MULTILINE):
        values = [int(number) for number in numbers]
        both = [Sample(time / 1e6, kept * 1024 / 1e6, sent) for time, kept, sent in (values[:3], values[3:])]
        found[kind].append((both[0], both[1]))
    if missing := [kind for kind, rounds in found.items() if not rounds]:
        raise MkinitfsError(f"files: nothing was reported of {', '.join(missing)}")
    return found


def measure(bench: Bench, rounds: int, say: Callable[[str], None]) -> list[Row]:
    """One boot that works `rounds` times on either file, and one with a slow wire to the server."""
    folder = bench.work / "files"
    root = folder / "root"
    for name in ("dev", "proc", "run", "sbin", "sys"):
        (root / name).mkdir(parents=True)
    source = Path(__file__).with_name("files.c")
    run(["gcc", "-static", "-Os", "-Wall", "-Werror", "-o", root / "sbin/init", source], env=ENV)
    (folder / "share").mkdir()
    make_container(folder / "share/disk.img", root, "ext4", 192 * MiB)
    table = []
    with Samba(folder) as samba, Wire(samba.port) as wire:
        for port, where in ((samba.port, ""), (wire.port, ", 100 Mbit/s")):
            say(f"files{where}, {rounds} rounds in one boot")
            table += rows(_boot(bench, rounds, folder, samba, port), where)
    return table


def _boot(bench: Bench, rounds: int, folder: Path, samba: Samba, port: int) -> dict[str, list[tuple[Sample, Sample]]]:
    """The rounds of one boot from the server behind `port`."""
    share = samba.cifsroot().replace(f"port={samba.port}", f"port={port}")
    words = f"root=/dev/cifs cifsroot={share} loop=disk.img rw ip=dhcp {rounds}"
    quick = ready(bench, "mkinitfs")
    with Machine(bench.kernel.vmlinuz, quick, folder, samba=samba, append=words) as machine:
        if machine.wait_for(r"FILES (done|failed)\.|/init failed|emergency shell", PATIENCE)[1] != "done":
            raise MkinitfsError(f"files: {' '.join(machine.console.text.split()[-40:])}")
        return parse(machine.console.text)


def rows(found: dict[str, list[tuple[Sample, Sample]]], where: str = "") -> list[Row]:
    """Times as medians of the rounds' ratios, the memory of the sequential reading, and what was asked for it."""
    table = []
    for kind, what in KINDS.items():
        ours, theirs = (Series(tuple(pair[side].seconds for pair in found[kind])) for side in (0, 1))
        limit = None if kind in UNLIMITED else SPEED
        table.append(Row(f"container, {kind}{where}", "s", ours, "share's file", theirs, limit, f"{what}; {HOW}", True))
    for kind in ("write", "read"):
        ours, theirs = (Series(tuple(float(pair[side].requests) for pair in found[kind])) for side in (0, 1))
        table.append(Row(f"container, {kind}{where}", "requests", ours, "share's file", theirs, how=SENT))
    if where:
        return table  # the wire has no part in it
    ours, theirs = (Series(tuple(pair[side].kept for pair in found["read"])) for side in (0, 1))
    table.append(Row("container, memory for what was read", "MB", ours, how=KEPT))
    table.append(Row("share's file, likewise", "MB", theirs, how=KEPT))
    return table
