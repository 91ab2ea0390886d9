"""What is left in files of the network."""

from pathlib import Path

from init.network.files import leave_files, read_state
from init.network.state import Network
from tests.unit.init.network.samples import LEASED


def test_leave_files(tmp_path: Path) -> None:
    network, folder = Network((LEASED,)), tmp_path / "run/initramfs/net"
    leave_files(network, str(folder), str(tmp_path / "run"))
    assert sorted(path.name for path in folder.iterdir()) == ["ntp_servers", "pnp", "resolv.conf", "state"]
    assert read_state(str(folder)) == network
    assert (tmp_path / "run/net-eth0.conf").read_text().startswith("DEVICE='eth0'\nPROTO='dhcp'\n")
