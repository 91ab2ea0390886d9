"""The command line as a user meets it: a process of its own, its output and its exit code."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


def command(*arguments: str | Path) -> list[str]:
    """The words that start mkinitfs."""
    return [sys.executable, "-m", "mkinitfs.cli", *map(str, arguments)]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment with the checkout on the path and no SOURCE_DATE_EPOCH of its own."""
    kept = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    return {**kept, "PYTHONPATH": str(ROOT), **changes}


def mkinitfs(*arguments: str | Path, cwd: Path | None = None, **changes: str) -> Done:
    """Run mkinitfs to its end; `changes` go into its environment."""
    done = subprocess.run(command(*arguments), env=environment(**changes), cwd=cwd, capture_output=True, text=True)
    return Done(done.returncode, done.stdout, done.stderr)
