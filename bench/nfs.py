"""Time from the kernel's `Run /init` to the real init's first instruction, with the root on an NFS export."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bench.boots import REPORT, Boot, Report, make_root, parse
from bench.builds import QUICK, ready, same_modules
from bench.contenders import Bench, dracut, mkinitfs, ours
from bench.table import Row, Series
from tests.vm.harness import Machine
from tests.vm.harness.ganesha import Ganesha

LONGEST_BOOT = 600  # seconds; the slowest took 85 on a busy machine
LIMITS = {"dracut": 0.3, "initramfs-tools": 0.3}
# One version, the one that all three know, and a transport that Debian's kernels have.
APPEND = "root=/dev/nfs nfsroot=10.0.2.2:/srv,vers=3,tcp rw ip=dhcp"
HOW = (
    "as from the share, with the same export of one nfs-ganesha and the same command line on every side: "
    f"{APPEND}; each with its own defaults for the rest of the options"
)


def measure(bench: Bench, rounds: int, say: Callable[[str], None]) -> list[Row]:
    """Boot `rounds` times with each image, in turns."""
    folder = bench.work / "nfs"
    images = _images(bench)
    reports: dict[str, list[Report]] = {name: [] for name in images}
    with Ganesha(folder, {"/srv": make_root(folder / "export")}) as server:
        for number in range(1, rounds + 1):
            say(f"round {number} of {rounds}: boots from NFS, {', '.join(images)}")
            for name, path in images.items():
                reports[name].append(_boot(bench, server, Boot(path, APPEND)))
    return _rows(reports)


def _images(bench: Bench) -> dict[str, Path]:
    """Where each one's image lies; what differs from the images of the builds is made here."""
    made = {tool: bench.work / f"{tool}-nfs.img" for tool in ("mkinitfs", "dracut")}
    words = [mkinitfs(), "build", *ours(bench.kernel, "nfs"), "--level", str(QUICK), "--output", made["mkinitfs"]]
    bench.run(words)
    bench.run(dracut(bench, QUICK, made["dracut"], "nfs"))
    for path in made.values():
        same_modules(bench, path)
    return {**made, "initramfs-tools": ready(bench, "initramfs-tools")}


def _boot(bench: Bench, server: Ganesha, boot: Boot) -> Report:
    machine = Machine(bench.kernel.vmlinuz, boot.image, bench.work, append=boot.append)
    machine.argv[:0] = server.network
    with machine:
        return parse(machine.wait_for(REPORT, LONGEST_BOOT)[0])


def _rows(reports: Mapping[str, list[Report]]) -> list[Row]:
    times = {name: Series(tuple(report.seconds for report in values)) for name, values in reports.items()}
    title = "Run /init to the real init, NFS export"
    return [Row(title, "s", times["mkinitfs"], other, times[other], limit, HOW) for other, limit in LIMITS.items()]
