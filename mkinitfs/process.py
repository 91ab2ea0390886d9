"""The only place that starts another program."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence

from mkinitfs.errors import MkinitfsError


def run(argv: Sequence[str | os.PathLike[str]], *, env: Mapping[str, str] | None = None) -> str:
    """Run `argv` to its end and return its standard output as text.

    Raises MkinitfsError when the program is missing or exits non-zero; the hint is a command line to paste.
    """
    words = [os.fspath(word) for word in argv]
    try:
        done = subprocess.run(words, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise MkinitfsError(f"{words[0]}: program not found", "install the package that brings it") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        reason = lines[-1] if lines else f"exit code {done.returncode}"
        raise MkinitfsError(f"{words[0]}: {reason}", f"to see it again: {shlex.join(words)}")
    return done.stdout
