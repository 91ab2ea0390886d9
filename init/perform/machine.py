"""The machine that a boot runs on: what was given at the start, and what its operations leave for later ones."""

from __future__ import annotations

from init.network.state import Network
from init.perform.drivers import Drivers
from init.perform.patience import Patience
from init.perform.renewal import Renewal
from init.system.log import Log
from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    from init.container_lease.holders import Holders


class Machine:
    """What every operation's function is handed."""

    def __init__(
        self,
        log: Log,
        environment: dict[str, str] | None = None,
        panic: int = 0,
        debug: bool = False,
        patience: Patience | None = None,
    ) -> None:
        self.log = log
        self.say = log.write
        self.environment = environment or {}  # the real init's
        self.panic = panic  # panic=, for the supervisor
        self.debug = debug  # whether each operation is logged
        self.patience = patience  # speaks while a server does not answer
        self.drivers: Drivers | None = None
        self.network = Network(())
        self.renewal = Renewal(self.say)  # of the network's leases
        self.holders: Holders | None = None
