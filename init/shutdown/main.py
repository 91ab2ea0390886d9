"""The shutdown ramdisk's program: the supervisor of a real system, or the end that systemd hands over to.

shutdown supervise CHILD LISTENER PANIC     what perform/switch.py executes
shutdown VERB [options]                     what systemd-shutdown executes as PID 1, the old root at
                                            /oldroot (INITRD_INTERFACE); its own options mean nothing here
"""

from __future__ import annotations

import os
import sys

from init.shutdown import processes, supervisor, teardown
from init.system import places, syscalls
from init.system.log import NOTICE, Log


def main() -> None:
    """Run as PID 1; does not return."""
    os.chdir("/")
    words = sys.argv[1:]
    log = Log()
    if words[:1] == ["supervise"]:
        child, listener, panic = (int(word) for word in words[1:4])
        verb, old_root = supervisor.supervise(child, listener, panic, log.write), places.SYSROOT
    else:
        verb, old_root = words[0] if words and words[0] in syscalls.REBOOT else "poweroff", places.OLD_ROOT
        processes.end_processes(log.write)
    log.write(NOTICE, f"shutdown: the real system has ended ({verb}); releasing what it stood on")
    teardown.finish(verb, old_root, places.NETWORK, log.write)
