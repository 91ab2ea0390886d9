"""Build time, CPU time and image size."""

import resource
import time
from collections.abc import Callable
from pathlib import Path

from bench.contenders import ENV, MODULES, TOOLS, Bench, command, modules_in
from bench.table import Row, Series
from mkinitfs.errors import MkinitfsError
from tests.command import run

QUICK, SMALL = 9, 19
BARE = f"bare zstd -{SMALL} -T0"
TIME_LIMITS = {"dracut": 0.35, "initramfs-tools": 0.5}
SIZE_LIMITS = {"dracut": 0.5, "initramfs-tools": 0.9}
CLOCKS = ("time", "CPU time")


def image(bench: Bench, tool: str, level: int) -> Path:
    """Where the image of `tool` at `level` lies."""
    return bench.work / f"{tool}-{level}.img"


def measure(bench: Bench, rounds: int, say: Callable[[str], None]) -> list[Row]:
    """Build with every tool `rounds` times at the quick level, in turns, and once or as often at the small one."""
    for tool in TOOLS:
        say(f"building with {tool}, not counted: warms the page cache, and the modules are compared")
        ready(bench, tool)
    return [*_quick(bench, rounds, say), *_small(bench, rounds, say)]


def ready(bench: Bench, tool: str) -> Path:
    """The image of `tool` at the quick level, made where it is not there yet."""
    made = image(bench, tool, QUICK)
    if not made.exists():
        bench.run(command(bench, tool, QUICK, made))
        same_modules(bench, made)
    return made


def same_modules(bench: Bench, made: Path) -> None:
    """MkinitfsError where the image holds other modules than the others are to hold."""
    modules = modules_in(made)
    if modules != bench.modules or not {f"{name}.ko" for name in MODULES} <= modules:
        different = sorted(modules ^ bench.modules)
        raise MkinitfsError(f"{made}: other modules than the others: {', '.join(different)}")


def timed(action: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of all cores together in user and kernel mode by all children that `action` ran."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    action()
    end, after = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    return end - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def in_turns(
    actions: dict[str, Callable[[], object]], rounds: int, say: Callable[[str], None]
) -> dict[str, list[Series]]:
    """timed() of each action `rounds` times, always one of each before the next round: noise meets all alike."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in actions}
    for number in range(1, rounds + 1):
        say(f"round {number} of {rounds}: {', '.join(actions)}")
        for name, action in actions.items():
            samples[name].append(timed(action))
    return {name: [Series(values) for values in zip(*pairs, strict=True)] for name, pairs in samples.items()}


def _build(bench: Bench, tool: str, level: int) -> Callable[[], object]:
    argv = command(bench, tool, level, image(bench, tool, level))
    return lambda: bench.run(argv)


def _quick(bench: Bench, rounds: int, say: Callable[[str], None]) -> list[Row]:
    results = in_turns({tool: _build(bench, tool, QUICK) for tool in TOOLS}, rounds, say)
    how = "the whole command, from start to exit; the builders in turns, page cache warm; medians"
    return [
        Row(
            f"build at zstd {QUICK}, {clock}",
            "s",
            results["mkinitfs"][column],
            other,
            results[other][column],
            limit,
            how if clock == "time" else "user and system time of the command and all its children, same runs",
        )
        for column, clock in enumerate(CLOCKS)
        for other, limit in TIME_LIMITS.items()
    ]


def _small(bench: Bench, rounds: int, say: Callable[[str], None]) -> list[Row]:
    for tool in TOOLS:
        say(f"building with {tool} at zstd {SMALL}")
        bench.run(command(bench, tool, SMALL, image(bench, tool, SMALL)))
    archive = bench.work / "archive.cpio"
    run(["zstd", "-q", "-d", "-f", image(bench, "mkinitfs", SMALL), "-o", archive], env=ENV)
    bare: list[str | Path] = ["zstd", f"-{SMALL}", "-T0", "-q", "-f", archive]
    bare += ["-o", bench.work / "archive.zst"]
    actions: dict[str, Callable[[], object]] = {
        "mkinitfs": _build(bench, "mkinitfs", SMALL),
        BARE: lambda: run(bare, env=ENV),
    }
    results = in_turns(actions, rounds, say)
    rows = [
        Row(
            f"build at zstd {SMALL}, {clock}",
            "s",
            results["mkinitfs"][column],
            BARE,
            results[BARE][column],
            1.2,
            f"as at zstd {QUICK}, against {BARE} of our image's own bytes, unpacked beforehand; in turns",
        )
        for column, clock in enumerate(CLOCKS)
    ]
    return [*rows, *(_size_row(bench, level, other) for level in (SMALL, QUICK) for other in SIZE_LIMITS)]


def _size_row(bench: Bench, level: int, other: str) -> Row:
    mine, theirs = (Series((image(bench, tool, level).stat().st_size / 1e6,)) for tool in ("mkinitfs", other))
    limit = SIZE_LIMITS[other] if level == SMALL else None
    how = "bytes of the file; every image was read back and holds exactly the same kernel modules"
    return Row(f"image at zstd {level}", "MB", mine, other, theirs, limit, how)
