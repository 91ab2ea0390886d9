"""The network: brought up, and left for the real system."""

from __future__ import annotations

import time

from init.network import configure as configuration
from init.network import files, texts
from init.network.state import Network, NetworkError
from init.operations import ConfigureNetwork, StepError
from init.system.cmodules import socket
from init.system.log import Say


def configure(operation: ConfigureNetwork, had: Network, say: Say) -> Network:
    """Bring the network up, beside what there was where asked, and have the real system's managers keep it.

    Raises StepError, OSError.
    """
    told: list[tuple[int, str]] = []

    def later(level: int, text: str) -> None:
        told.append((level, text))

    try:
        network = configuration.configure(
            operation.requests,
            operation.devices,
            deadline=time.monotonic() + operation.timeout,
            say=later if operation.besides else say,
            had=had if operation.besides else Network(()),
        )
        if network.interfaces:
            files.leave_for_managers(network)
    except NetworkError as error:
        raise StepError(error.message, hint=error.hint) from error
    for level, text in told:  # what is missing still was told before
        say(level, text)
    return network


def leave_word(network: Network) -> None:
    """Leave word of the network for the boot, the keeper and the real system. Raises OSError."""
    tell(network)
    if network.hostname:
        socket.sethostname(network.hostname)


def tell(network: Network) -> None:
    """Leave word of what may change with each lease. Raises OSError."""
    files.leave_files(network)
    with open("/etc/resolv.conf", "w") as file:
        file.write(texts.resolv_conf(network))
