"""make bench: one run, one table. See README.md for what is measured and how."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bench import boots, builds, files, needs, nfs
from bench.contenders import ENV, Bench, chosen_kernel, mkinitfs, ours
from bench.table import Row, as_json, render
from mkinitfs.errors import MkinitfsError
from tests.command import run
from tests.kernels import kernel

SERIES = "6.1"
ROUNDS = click.IntRange(0)


def say(text: str) -> None:
    """What is being done, beside the result."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


@contextmanager
def mount_point(path: Path) -> Iterator[None]:
    """`path` as a folder to mount on; where it was not there it is gone again afterwards."""
    if path.is_dir():
        yield
        return
    path.mkdir()
    try:
        yield
    finally:
        path.rmdir()


def prepare(work: Path) -> Bench:
    """Which modules the comparison is about: those of our image and what they need; a kernel folder of just them."""
    full = kernel(SERIES)
    argv = [mkinitfs(), "plan", "--json", "--kernel-dir", full.root, *ours(full)]
    paths = [Path(entry["path"]) for entry in json.loads(run(argv, env=ENV))["entries"]]
    modules = frozenset(path.name for path in paths if path.suffix == ".ko")
    return Bench(work, chosen_kernel(full, modules, work / "kernel"), modules)


def machine() -> str:
    """One line about where this was measured."""
    load = "/".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, load before {load}"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--builds", "build_rounds", metavar="N", type=ROUNDS, default=5, help="Rounds, 5 by default; 0: none.")
@click.option("--boots", "boot_rounds", metavar="N", type=ROUNDS, default=5, help="Likewise, from the share.")
@click.option("--nfs", "nfs_rounds", metavar="N", type=ROUNDS, default=5, help="Likewise, from NFS.")
@click.option("--files", "file_rounds", metavar="N", type=ROUNDS, default=5, help="Likewise, 5 by default.")
@click.option("--json", "for_scripts", is_flag=True, help="For scripts, with every sample.")
def main(build_rounds: int, boot_rounds: int, nfs_rounds: int, file_rounds: int, for_scripts: bool) -> None:
    """Measure mkinitfs against dracut and initramfs-tools."""
    try:
        needs.check()
        where = machine()
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, mount_point(Path("/lib/modules")):
            bench = prepare(Path(folder))
            rows: list[Row] = []
            for part, rounds in ((builds, build_rounds), (boots, boot_rounds), (nfs, nfs_rounds), (files, file_rounds)):
                if rounds:
                    rows += part.measure(bench, rounds, say)
    except MkinitfsError as error:
        sys.exit("\n".join(filter(None, (f"error: {error.message}", error.hint))))
    if for_scripts:
        print(json.dumps({"machine": where, "kernel": bench.kernel.version, "rows": as_json(rows)}, indent=2))
    else:
        print(f"kernel {bench.kernel.version}, {len(bench.modules)} modules on every side; {where}\n")
        print(render(rows), end="")


if __name__ == "__main__":
    main()
