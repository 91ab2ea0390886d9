"""keeper.Keeper at work in a network namespace: what its programs have in common, and what it leaves."""

from __future__ import annotations

import sys

from init.network import record as network_record
from init.network.state import Interface

from .lab import ROOT, Lab

_STAY = """
network.leave_files(found, sys.argv[2], sys.argv[2])
kept = keeper.Keeper(found, sys.argv[2], say)
poll = select.poll()
poll.register(kept, select.POLLIN)
end = time.monotonic() + {seconds}  # whoever waits for a line that never comes is to know
while time.monotonic() < end:
    poll.poll(10000)
    kept.serve()
"""
_GIVE_BACK = """
import sys; sys.path.insert(0, sys.argv[1])
from init.keeper import release
from init.network import record as network_record
release.give_back(network_record.decode(open(sys.argv[2] + "/state").read()), lambda level, line: print(line))
"""


def stay(seconds: int) -> str:
    """The end of a program that has configured the network as /init does: keeps it, for so long at most.

    It has `found` and its log say(level, line); its first arguments are this repository and the state's folder.
    """
    return _STAY.format(seconds=seconds)


def state(lab: Lab) -> Interface:
    """What is recorded."""
    (interface,) = network_record.decode((lab.folder / "state").read_text()).interfaces
    return interface


def give_back(lab: Lab) -> str:
    """Have the lease given back, as the way back does; what it says."""
    return lab.run("client", sys.executable, "-ISBc", _GIVE_BACK, str(ROOT), str(lab.folder))
