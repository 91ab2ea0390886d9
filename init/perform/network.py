"""The network: brought up, left for the real system, and the names that it gives this machine."""

from __future__ import annotations

import os
import time

from init.network import configure as configuration
from init.network import files, texts
from init.network.state import Network, NetworkError
from init.operations import ConfigureNetwork, StepError, TakeHostName
from init.system.cmodules import socket
from init.system.files import read_text
from init.system.log import Say


def configure(operation: ConfigureNetwork, say: Say) -> Network:
    """Bring the network up, and have the real system's managers keep it. Raises StepError, OSError."""
    try:
        network = configuration.configure(
            operation.requests, operation.devices, deadline=time.monotonic() + operation.timeout, say=say
        )
        if network.interfaces:
            files.leave_for_managers(network)
    except NetworkError as error:
        raise StepError(error.message, hint=error.hint) from error
    return network


def leave_word(network: Network) -> None:
    """Leave word of the network for the boot, the keeper and the real system. Raises OSError."""
    files.leave_files(network)
    with open("/etc/resolv.conf", "w") as file:
        file.write(texts.resolv_conf(network))
    if network.hostname:
        socket.sethostname(network.hostname)


def take_host_name(operation: TakeHostName) -> bool:
    """Read hostname(5) of the root, and take it; answers whether the name is another one."""
    lines = [line.strip() for line in read_text(f"{operation.root}/etc/hostname").splitlines()]
    name = next((line for line in lines if line and line[0] != "#"), "")
    if name in ("", os.uname().nodename):
        return False
    socket.sethostname(name)
    return True


def machine_names(network: Network) -> dict[str, str]:
    """What overlay= may call this machine by: %m its MAC address, %h its host name, %i its address."""
    first = next(iter(network.interfaces), None)
    mac, address = (first.mac, first.address) if first else ("", "")
    return {"m": mac, "h": network.hostname, "i": address}
