"""What became of the network, left as files for the real system and for the way back; formats are netstate.py's."""

from __future__ import annotations

import os
import time

from . import netstate
from .netstate import Network, resolv_conf

STATE_FOLDER = "/run/initramfs/net"


def leave_files(network: Network, folder: str = STATE_FOLDER, run: str = "/run") -> None:
    """Write pnp, ntp_servers, resolv.conf, state to `folder`, and to `run` (not where that is "") what is about one
    device: net-DEVICE.conf, net6-DEVICE.conf.

    Each file is replaced whole: somebody may be reading it. Raises OSError.
    """
    os.makedirs(folder, mode=0o755, exist_ok=True)
    uptime = int(time.clock_gettime(time.CLOCK_BOOTTIME))
    contents = {
        f"{folder}/pnp": netstate.pnp(network),
        f"{folder}/ntp_servers": netstate.ntp_servers(network),
        f"{folder}/resolv.conf": resolv_conf(network),
        f"{folder}/state": netstate.encode(network),
    }
    for interface in network.interfaces if run else ():
        if interface.six:
            contents[f"{run}/net6-{interface.device}.conf"] = netstate.klibc_conf6(interface)
        else:
            contents[f"{run}/net-{interface.device}.conf"] = netstate.klibc_conf(interface, uptime)
    for path, content in contents.items():
        with open(f"{path}.new", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(content)
        os.rename(f"{path}.new", path)
