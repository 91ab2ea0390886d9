"""What became of the network, left as files for the real system and for the way back; formats are netstate.py's."""

from __future__ import annotations

import os
import time

from init.network import record as network_record
from init.network import texts
from init.network.state import Network
from init.network.texts import resolv_conf
from init.system.places import NETWORK_AT_BOOT


def leave_files(network: Network, folder: str = NETWORK_AT_BOOT, run: str = "/run") -> None:
    """Write pnp, ntp_servers, resolv.conf, state to `folder`, and to `run` (not where that is "") what is about one
    device: net-DEVICE.conf, net6-DEVICE.conf.

    Each file is replaced whole: somebody may be reading it. Raises OSError.
    """
    os.makedirs(folder, mode=0o755, exist_ok=True)
    uptime = int(time.clock_gettime(time.CLOCK_BOOTTIME))
    contents = {
        f"{folder}/pnp": texts.pnp(network),
        f"{folder}/ntp_servers": texts.ntp_servers(network),
        f"{folder}/resolv.conf": resolv_conf(network),
        f"{folder}/state": network_record.encode(network),
    }
    for interface in network.interfaces if run else ():
        if interface.six:
            contents[f"{run}/net6-{interface.device}.conf"] = texts.klibc_conf6(interface)
        else:
            contents[f"{run}/net-{interface.device}.conf"] = texts.klibc_conf(interface, uptime)
    for path, content in contents.items():
        with open(f"{path}.new", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(content)
        os.rename(f"{path}.new", path)
