"""The leases kept while the boot waits: for a share that is away, a container's lease, a check, a person in the shell.

A process of its own, since PID 1 waits inside of calls that come back when a server does. It is there from the time
when the network is until the real init starts, whose keeper or supervisor goes on from what it has recorded.
"""

from __future__ import annotations

import os
import select
import sys
import time

from init.network import files
from init.network.state import Network, NetworkError
from init.perform import network as networks
from init.system.cmodules import signal
from init.system.log import WARNING, Say
from init.system.places import NETWORK_AT_BOOT

LATER = 3.0  # seconds in which most boots are over: until then it does nothing, which costs them nothing


class Renewal:
    """Keeps what can end of a network."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._child = 0

    def start(self, network: Network) -> None:
        """Keep the leases of `network`, which is recorded, where it has any."""
        if not any(interface.renewable for interface in network.interfaces):
            return
        try:
            self._child = os.fork()
        except OSError as error:
            self._say(WARNING, f"network: nobody renews its leases during the boot: {error.strerror}")
            return
        if self._child == 0:
            try:
                time.sleep(LATER)
                self._keep()
            except BaseException:  # a child must never go on as PID 1
                sys.__excepthook__(*sys.exc_info())
            finally:
                os._exit(0)

    def stop(self, network: Network) -> Network:
        """End it, and return `network` with the leases that there are by now."""
        if not self._child:
            return network
        os.kill(self._child, signal.SIGKILL)  # each file is replaced whole
        os.waitpid(self._child, 0)
        self._child = 0
        try:
            return network._replace(interfaces=files.read_state(NETWORK_AT_BOOT).interfaces)
        except NetworkError as error:
            self._say(WARNING, error.message)
            return network

    def _keep(self) -> None:
        from init.keeper.main import Keeper  # late: few boots need it

        keeper = Keeper(files.read_state(NETWORK_AT_BOOT), NETWORK_AT_BOOT, self._say)
        poll = select.poll()
        poll.register(keeper, select.POLLIN)
        while True:
            before = keeper.network
            poll.poll()
            keeper.serve()
            if keeper.network != before:
                networks.tell(keeper.network)  # another network has other name servers
