"""A file in a container beside the same file on the share that holds the container: time, and memory for caching."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mkinitfs.errors import MkinitfsError
from mkinitfs.process import run
from tests.vm.harness import Machine, MiB, Samba, make_container

from .builds import QUICK, image
from .contenders import ENV, Bench
from .table import Row, Series

REPORT = r"^FILES round=\d+ what=(\S+) container=(\d+),(-?\d+) share=(\d+),(-?\d+)\.$"  # of files.c
PATIENCE = 900  # seconds
SPEED = 1 / 0.95  # the container's time over the share's, where 0.95 of its speed is to be reached
KINDS = {
    "write": "64 MiB in pieces of 1 MiB, fsync(2) after every 16 MiB",
    "read": "64 MiB in pieces of 1 MiB",
    "random-write": "1600 pieces of 4 KiB at random places, fsync(2) after every 200",
    "random-read": "1600 pieces of 4 KiB at random places",
    "synced": "240 pieces of 4 KiB at random places, fdatasync(2) after each",
}
HOW = (
    "guest in QEMU without hardware virtualisation, one core; a file in an ext4 container on a share, against a file "
    "of the same size on the same mount of the same share; in turns, page cache empty at first"
)
KEPT = "by how much Cached and Buffers of /proc/meminfo have grown after 64 MiB were read on either side"


@dataclass(frozen=True)
class Sample:
    """One round of one kind of work on one side: seconds, and by how many MB the page cache has grown."""

    seconds: float
    kept: float


def parse(console: str) -> dict[str, list[tuple[Sample, Sample]]]:
    """The rounds by kind, container and share; MkinitfsError where one is missing."""
    found: dict[str, list[tuple[Sample, Sample]]] = {kind: [] for kind in KINDS}
    for kind, *numbers in re.findall(REPORT, console, re.MULTILINE):
        values = [int(number) for number in numbers]
        both = [Sample(values[side] / 1e6, values[side + 1] * 1024 / 1e6) for side in (0, 2)]
        found[kind].append((both[0], both[1]))
    if missing := [kind for kind, rounds in found.items() if not rounds]:
        raise MkinitfsError(f"files: nothing was reported of {', '.join(missing)}")
    return found


def measure(bench: Bench, rounds: int, say: Callable[[str], None]) -> list[Row]:
    """One boot that works `rounds` times on either file."""
    say(f"files, {rounds} rounds in one boot")
    folder = bench.work / "files"
    root = folder / "root"
    for name in ("dev", "proc", "run", "sbin", "sys"):
        (root / name).mkdir(parents=True)
    source = Path(__file__).with_name("files.c")
    run(["gcc", "-static", "-Os", "-Wall", "-Werror", "-o", root / "sbin/init", source], env=ENV)
    (folder / "share").mkdir()
    make_container(folder / "share/disk.img", root, "ext4", 192 * MiB)
    with Samba(folder) as samba:
        words = f"root=/dev/cifs cifsroot={samba.cifsroot()} loop=disk.img rw ip=dhcp {rounds}"
        quick = image(bench, "mkinitfs", QUICK)
        with Machine(bench.kernel.vmlinuz, quick, folder, samba=samba, append=words) as machine:
            machine.wait_for(r"^FILES (done|failed)\.$", PATIENCE)
            return rows(parse(machine.console.text))


def rows(found: dict[str, list[tuple[Sample, Sample]]]) -> list[Row]:
    """Times as ratios of medians, and the memory of the sequential reading."""
    table = []
    for kind, what in KINDS.items():
        ours, theirs = (Series(tuple(pair[side].seconds for pair in found[kind])) for side in (0, 1))
        how = f"{what}; {HOW}"
        table.append(Row(f"container, {kind}", "s", ours, "the share's file", theirs, SPEED, how))
    ours, theirs = (Series(tuple(pair[side].kept for pair in found["read"])) for side in (0, 1))
    table.append(Row("container, memory for what was read", "MB", ours, how=KEPT))
    table.append(Row("the share's file, likewise", "MB", theirs, how=KEPT))
    return table
