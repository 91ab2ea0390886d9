"""A file in a container beside the same file on the share that holds the container: time, and memory for caching."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.builds import ready
from bench.contenders import ENV, Bench
from bench.table import Row, Series
from bench.wire import Wire
from mkinitfs.errors import MkinitfsError
from tests.command import run
from tests.vm.harness import Machine, MiB, Samba, make_container

# Of files.c, each side with microseconds, kibibytes of page cache, requests to the server.
SIDE = r"(\d+),(-?\d+),(\d+)"
REQUEST = r"^FILES request=(\d+)\."  # nanoseconds
REPORT = rf"^FILES round=\d+ what=(\S+) container={SIDE} share={SIDE}\.$"
LONGEST_BOOT = 1800  # seconds, all rounds included
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
WIRE = (
    "a wire of 1 Gbit/s and 0.2 ms there and back, as many times slower as the guest's processor is when a process "
    "asks for 4 KiB by TCP and another answers"
)
KEPT = "by how much Cached and Buffers of /proc/meminfo have grown after 16 MiB were read on either side"
SENT = "reads, writes and flushes that cifs counts in /proc/fs/cifs/Stats, in the same rounds"


@dataclass(frozen=True)
class Sample:
    """One round of one kind of work on one side."""

    seconds: float
    kept: float  # MB that the page cache has grown by
    requests: int  # sent to the server


def parse(console: str) -> dict[str, list[tuple[Sample, Sample]]]:
    """The rounds by kind, container and share; MkinitfsError where one is missing."""
    rounds: dict[str, list[tuple[Sample, Sample]]] = {kind: [] for kind in KINDS}
    for kind, *numbers in re.findall(REPORT, console, re.MULTILINE):
        values = [int(number) for number in numbers]
        both = [Sample(time / 1e6, kept * 1024 / 1e6, sent) for time, kept, sent in (values[:3], values[3:])]
        rounds[kind].append((both[0], both[1]))
    if missing := [kind for kind in KINDS if not rounds[kind]]:
        raise MkinitfsError(f"files: nothing was reported of {', '.join(missing)}")
    return rounds


def measure(bench: Bench, rounds: int, say: Callable[[str], None]) -> list[Row]:
    """One boot that works `rounds` times on either file, and one with a wire to the server."""
    folder = bench.work / "files"
    root = folder / "root"
    for name in ("dev", "proc", "run", "sbin", "sys"):
        (root / name).mkdir(parents=True)
    source = Path(__file__).with_name("files.c")
    run(["gcc", "-static", "-Os", "-Wall", "-Werror", "-o", root / "sbin/init", source], env=ENV)
    (folder / "share").mkdir()
    make_container(folder / "share/disk.img", root, "ext4", 192 * MiB)
    here = _request(run([root / "sbin/init", "request"], env=ENV))
    with Samba(folder) as samba:
        say(f"files, {rounds} rounds in one boot")
        console = _boot(bench, rounds, folder, samba, samba.port)
        slowness = _request(console) / here
        table = rows(parse(console))
        with Wire(samba.port, slowness) as wire:
            say(f"files, a wire as slow as the processor ({slowness:.0f} times), {rounds} rounds in one boot")
            table += rows(parse(_boot(bench, rounds, folder, samba, wire.port)), slowness)
    return table


def _request(console: str) -> int:
    """The nanoseconds of the first line; MkinitfsError without."""
    if line := re.search(REQUEST, console, re.MULTILINE):
        return int(line[1])
    raise MkinitfsError("files: nothing was reported of the processor")


def _boot(bench: Bench, rounds: int, folder: Path, samba: Samba, port: int) -> str:
    """What the console says in one boot from the server behind `port`."""
    words = f"root=/dev/cifs cifsroot={samba.cifsroot(port=port)} loop=disk.img rw ip=dhcp {rounds}"
    quick = ready(bench, "mkinitfs")
    with Machine(bench.kernel.vmlinuz, quick, folder, samba=samba, append=words) as machine:
        if machine.wait_for(r"FILES (done|failed)\.|/init failed|emergency shell", LONGEST_BOOT)[1] != "done":
            raise MkinitfsError(f"files: {' '.join(machine.console.text.split()[-40:])}")
        return machine.console.text


def rows(rounds: dict[str, list[tuple[Sample, Sample]]], slowness: float = 0.0) -> list[Row]:
    """Times as medians of the rounds' ratios, the memory of the sequential reading, and what was asked for it.

    `slowness` is the wire's, 0 where there was none.
    """
    table = []
    where, how = (", a wire between", f"{HOW}; {WIRE} ({slowness:.0f} times)") if slowness else ("", HOW)
    for kind, what in KINDS.items():
        ours, theirs = (Series(tuple(pair[side].seconds for pair in rounds[kind])) for side in (0, 1))
        limit = None if kind in UNLIMITED else SPEED
        table.append(Row(f"container, {kind}{where}", "s", ours, "share's file", theirs, limit, f"{what}; {how}", True))
    for kind in ("write", "read"):
        ours, theirs = (Series(tuple(float(pair[side].requests) for pair in rounds[kind])) for side in (0, 1))
        table.append(Row(f"container, {kind}{where}", "requests", ours, "share's file", theirs, how=SENT))
    if slowness:
        return table  # the wire has no part in it
    ours, theirs = (Series(tuple(pair[side].kept for pair in rounds["read"])) for side in (0, 1))
    table.append(Row("container, memory for what was read", "MB", ours, how=KEPT))
    table.append(Row("share's file, likewise", "MB", theirs, how=KEPT))
    return table
