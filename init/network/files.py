"""What became of the network, left as files: for the keeper and the way back, and for the real system."""

from __future__ import annotations

import os
import time

from init.network import record, texts
from init.network.rtnetlink import Rtnetlink
from init.network.state import Network
from init.system.files import read_text
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
        f"{folder}/resolv.conf": texts.resolv_conf(network),
        f"{folder}/state": record.encode(network),
    }
    for interface in network.interfaces if run else ():
        if interface.six:
            contents[f"{run}/net6-{interface.device}.conf"] = texts.klibc_conf6(interface)
        else:
            contents[f"{run}/net-{interface.device}.conf"] = texts.klibc_conf(interface, uptime)
    for path, content in contents.items():
        _write(f"{path}.new", content)
        os.rename(f"{path}.new", path)


def read_state(folder: str) -> Network:
    """Return what leave_files() has left, an empty Network where it has not. Raises NetworkError."""
    return record.decode(read_text(f"{folder}/state"))


def leave_for_managers(network: Network) -> None:
    """Have the real system's network managers keep what is configured. Raises NetworkError, OSError."""
    from init.network import managers  # late: only the boot needs it

    with Rtnetlink() as rtnetlink:
        left = managers.run_files(network, rtnetlink.links().values())
    for path, content in left.files.items():
        os.makedirs(os.path.dirname(f"/run/{path}"), exist_ok=True)
        _write(f"/run/{path}", content)
    for path, target in left.links.items():
        if not os.path.lexists(f"/run/{path}"):
            os.symlink(target, f"/run/{path}")


def _write(path: str, content: str) -> None:
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(content)
