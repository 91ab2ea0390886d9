"""Time from the kernel's `Run /init` to the real init's first instruction, and what the staged ramdisk keeps."""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.builds import QUICK, ready, same_modules
from bench.contenders import ENV, Bench, mkinitfs, ours
from bench.table import Row, Series
from mkinitfs.errors import MkinitfsError
from tests.command import run
from tests.vm.harness import Machine, MiB, Samba, make_container
from tests.vm.harness.samba import HOST_SEEN_BY_GUEST

CONTAINER = "disk.img"
REPORT = r"^BENCH run=(\d+) first=(\d+) kept=(\d+)\.$"  # of first.c
LONGEST_BOOT = 120  # seconds
HOW_LONG = (
    "guest in QEMU without hardware virtualisation, one core, virtio-net, DHCP, vers=3.1.1, the same Samba; both "
    "stamps from the guest's kernel log, the second one written by the real init, a static program (first.c); "
    "in turns, medians"
)
HOW_MUCH = "blocks in use of the tmpfs /run/initramfs, asked by the real init (statfs)"


@dataclass(frozen=True)
class Boot:
    """One way to boot."""

    image: Path
    append: str  # the kernel command line


@dataclass(frozen=True)
class Report:
    """What the real init told."""

    run: int  # microseconds of the kernel's clock at `Run /init`
    first: int  # at its own first instruction
    kept: int  # bytes that the staged ramdisk takes

    @property
    def seconds(self) -> float:
        """From `Run /init` to the real init's first instruction."""
        return (self.first - self.run) / 1e6


def parse(console: str) -> Report:
    """The report of first.c in what the console printed; MkinitfsError where it is missing or says nothing."""
    line = re.search(REPORT, console, re.MULTILINE)
    if not line:
        raise MkinitfsError("boot: the real init did not report")
    report = Report(*map(int, line.groups()))
    if not 0 < report.run < report.first:
        raise MkinitfsError(f"boot: {line[0]}: no time between /init and the real init")
    return report


def measure(bench: Bench, rounds: int, say: Callable[[str], None]) -> list[Row]:
    """Boot `rounds` times with each image, in turns."""
    with Samba(_share(bench)) as samba:
        boots = _boots(bench, samba)
        reports: dict[str, list[Report]] = {name: [] for name in boots}
        for number in range(1, rounds + 1):
            say(f"round {number} of {rounds}: boots {', '.join(boots)}")
            for name, boot in boots.items():
                reports[name].append(_boot(bench, samba, boot))
    return _rows(reports)


def _rows(reports: Mapping[str, list[Report]]) -> list[Row]:
    times = {name: Series(tuple(report.seconds for report in values)) for name, values in reports.items()}
    title = "Run /init to the real init"
    kept = Series(tuple(report.kept / 1e6 for report in reports["container"]))
    return [
        Row(f"{title}, share", "s", times["share"], "dracut", times["dracut"], 0.3, HOW_LONG),
        Row(
            f"{title}, container",
            "s",
            times["container"],
            "dracut, share",
            times["dracut"],
            None,
            "the same with an ext4 container on the share, which dracut cannot boot from",
        ),
        Row("staged ramdisk", "MB", kept, limit=12, how=HOW_MUCH),
    ]


def _share(bench: Bench) -> Path:
    """A folder for Samba; its share is a root by itself and holds a container with the same root."""
    folder = bench.work / "samba"
    root = make_root(folder / "share")
    container = make_container(folder / CONTAINER, root, "ext4", 64 * MiB)
    container.rename(root / CONTAINER)
    return folder


def make_root(root: Path) -> Path:
    """A root in a folder, its init the one that reports."""
    # What dracut takes for a usable root has these folders and a dynamic loader.
    for name in ("dev", "lib64", "proc", "run", "sbin", "sys", "tmp"):
        (root / name).mkdir(parents=True)
    shutil.copy2("/lib64/ld-linux-x86-64.so.2", root / "lib64")
    source = Path(__file__).with_name("first.c")
    run(["gcc", "-static", "-Os", "-Wall", "-Werror", "-o", root / "sbin/init", source], env=ENV)
    return root


def _boots(bench: Bench, samba: Samba) -> dict[str, Boot]:
    plain = bench.work / "mkinitfs-cifs.img"
    bench.run([mkinitfs(), "build", *ours(bench.kernel, "cifs"), "--level", str(QUICK), "--output", plain])
    same_modules(bench, plain)
    who = f"{samba.user}:{samba.password}@{HOST_SEEN_BY_GUEST}"
    root = f"root=/dev/cifs cifsroot={samba.cifsroot('vers=3.1.1')} rw ip=dhcp"
    return {
        "share": Boot(plain, root),
        "container": Boot(ready(bench, "mkinitfs"), f"{root} loop={CONTAINER} loopfstype=ext4"),
        "dracut": Boot(
            ready(bench, "dracut"), f"root=cifs://{who}/share rootflags=port={samba.port},vers=3.1.1 rw ip=dhcp"
        ),
    }


def _boot(bench: Bench, samba: Samba, boot: Boot) -> Report:
    with Machine(bench.kernel.vmlinuz, boot.image, bench.work, samba=samba, append=boot.append) as machine:
        return parse(machine.wait_for(REPORT, LONGEST_BOOT)[0])
