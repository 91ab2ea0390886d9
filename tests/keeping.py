"""A Keeper at work in a network namespace: what its programs have in common, and what it leaves."""

import sys

from init.network.files import read_state
from init.network.state import Interface

from .lab import ROOT, Configuring, Lab

_KEEP = """
import sys; sys.path.insert(0, sys.argv[1])
import select, time
from init.cmdline import ip
from init.keeper.main import Keeper
from init.network.configure import configure
from init.network.files import leave_files
{sooner}
def say(level, line): print(level, line, flush=True)
network = configure(ip.parse(sys.argv[3:]), deadline=time.monotonic() + 60, say=say)
{changed}
leave_files(network, sys.argv[2], sys.argv[2])
keeper = Keeper(network, sys.argv[2], say)
poll = select.poll()
poll.register(keeper, select.POLLIN)
end = time.monotonic() + {seconds}  # so that waiting for a line that never comes ends
while time.monotonic() < end:
    poll.poll(10000)
    keeper.serve()
"""
_GIVE_BACK = """
import sys; sys.path.insert(0, sys.argv[1])
from init.keeper.release import give_back
from init.network.files import read_state
def say(level, line): print(line)
give_back(read_state(sys.argv[2]), say)
"""


def keep(lab: Lab, *values: str, sooner: str = "", changed: str = "", seconds: int = 25) -> Configuring:
    """Have the client configure itself as /init does, and then keep its leases for so long; `until` follows its log.

    The statements `sooner` shorten the waits of life, `changed` change the `network` that is kept.
    """
    program = _KEEP.format(sooner=sooner, changed=changed, seconds=seconds)
    return Configuring(lab.start("client", sys.executable, "-ISBc", program, str(ROOT), str(lab.folder), *values))


def state(lab: Lab) -> Interface:
    """What is recorded."""
    (interface,) = read_state(str(lab.folder)).interfaces
    return interface


def give_back(lab: Lab) -> str:
    """Have the lease given back, as the way back does; what it says."""
    return lab.run("client", sys.executable, "-ISBc", _GIVE_BACK, str(ROOT), str(lab.folder))
