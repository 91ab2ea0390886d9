"""Python run where it can do no harm: in namespaces of its own, PID 1 of a process table that ends with it.

With `user=True` it has root's rights over nothing but these namespaces, and needs none outside: no reboot(2),
mount(2) or kill(2) in it reaches this machine.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

# What every such program begins with. `answer` is how it hands its result over.
PROLOGUE = """
import sys; sys.path.insert(0, sys.argv[1])
import json, os, signal, time
def answer(value): print("ANSWER", json.dumps(value), flush=True)
assert os.getpid() == 1, "no PID namespace"
assert os.readlink("/proc/self/ns/pid") != sys.argv[2], "no PID namespace"
assert os.readlink("/proc/self/ns/mnt") != sys.argv[3], "no mount namespace"
"""


def run(program: str, *arguments: object, user: bool = True, seconds: float = 60) -> Any:
    """Run `program` (sys.argv[4:] are its arguments); returns what it handed to answer(), None for nothing.

    A program that fails raises AssertionError with all that it said. The end of PID 1 by a signal of reboot(2)
    is no failure.
    """
    command = ["unshare", *(["--user", "--map-root-user"] if user else []), "--mount", "--pid", "--fork"]
    command += ["--kill-child", "--mount-proc", "--propagation", "private", sys.executable, "-ISBc"]
    outside = [os.readlink("/proc/self/ns/pid"), os.readlink("/proc/self/ns/mnt")]
    done = subprocess.run(
        [*command, PROLOGUE + program, str(ROOT), *outside, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    answers = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}{done.stderr}"
    return json.loads(answers[-1].removeprefix("ANSWER ")) if answers else None
