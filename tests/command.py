"""Other programs, and mkinitfs as a user meets it: a process of its own, its output and its exit code."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mkinitfs.errors import MkinitfsError

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


def run(argv: Sequence[str | os.PathLike[str]], *, env: Mapping[str, str] | None = None) -> str:
    """Run any program to its end and return its standard output.

    Raises MkinitfsError where it is missing or fails; the hint is a command line to paste.
    """
    words = [os.fspath(word) for word in argv]
    try:
        done = subprocess.run(words, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise MkinitfsError(f"{words[0]}: program not found", "install the package that brings it") from error
    if done.returncode:
        *_, reason = [f"exit code {done.returncode}", *(done.stderr or done.stdout).strip().splitlines()]
        raise MkinitfsError(f"{words[0]}: {reason}", f"to see it again: {shlex.join(words)}")
    return done.stdout


def told(make: Callable[[str], object], names: Iterable[str]) -> int:
    """Print what `make` answers for each name, or the error; the exit code of a program that does no more."""
    try:
        for name in names:
            print(make(name))
    except MkinitfsError as error:
        print(error.message, error.hint, sep="\n", file=sys.stderr)
        return 1
    return 0
