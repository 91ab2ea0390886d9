from pathlib import Path

import pytest

from mkinitfs.errors import MkinitfsError
from mkinitfs.modules.closure import closure_of
from mkinitfs.modules.depmod import Modules
from mkinitfs.modules.hardware import generic, host, modaliases, requests
from tests.kernels import fake_kernel
from tests.unit.files import put

PATHS = (
    "kernel/drivers/net/ethernet/maker/nic.ko",
    "kernel/drivers/net/phy/wire.ko",
    "kernel/drivers/net/usb/adapter.ko.xz",
    "kernel/drivers/net/virtio_net.ko",
    "kernel/drivers/net/wireless/radio.ko",
    "kernel/drivers/net/dummy.ko",
    "kernel/drivers/virtio/virtio_pci.ko",
    "kernel/drivers/virtio/virtio_balloon.ko",
    "kernel/drivers/usb/host/xhci-pci.ko",
    "kernel/sound/card.ko",
)
ALIAS = """\
alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci
alias pci:v00008086d00001000sv*sd*bc*sc*i* nic
alias pci:v00008086d00002000sv*sd*bc*sc*i* card
alias pci:v00008086d00003000sv*sd*bc*sc*i* radio
alias virtio:d00000001v* virtio_net
alias virtio:d00000005v* virtio_balloon
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Modules:
    return Modules(fake_kernel(tmp_path / "6.6.6", dict.fromkeys(PATHS, b""), alias=ALIAS))


def sysfs(root: Path, devices: dict[str, str]) -> Path:
    for device, alias in devices.items():
        put(root / "devices" / device / "modalias", f"{alias}\n")
    return root


def test_generic_takes_all_ethernet_and_its_buses(kernel: Modules) -> None:
    chosen = closure_of(kernel, generic(kernel)).chosen
    assert list(chosen) == ["adapter", "nic", "virtio_net", "virtio_pci", "wire", "xhci_pci"]
    assert chosen["nic"].reason == "kernel module nic: Ethernet driver (hardware generic)"


def test_host_takes_what_the_devices_name_of_network_and_buses(kernel: Modules, tmp_path: Path) -> None:
    sys = sysfs(
        tmp_path / "sys",
        {
            "pci0000:00/0000:00:03.0": "pci:v00001AF4d00001000sv1sd1bc02sc00i00",
            "pci0000:00/0000:00:03.0/virtio0": "virtio:d00000001v00001AF4",
            "pci0000:00/0000:00:04.0/virtio1": "virtio:d00000005v00001AF4",
            "pci0000:00/0000:00:05.0": "pci:v00008086d00001000sv1sd1bc02sc00i00",
            "pci0000:00/0000:00:06.0": "pci:v00008086d00001000sv1sd1bc02sc00i00",
            "pci0000:00/0000:00:07.0": "pci:v00008086d00002000sv1sd1bc04sc00i00",
            "pci0000:00/0000:00:08.0": "pci:v00008086d00003000sv1sd1bc02sc80i00",
            "platform/none": "",
        },
    )
    assert host(kernel, sys) == (
        ("nic", "device pci0000:00/0000:00:05.0 (hardware host)"),
        ("virtio_net", "device pci0000:00/0000:00:03.0/virtio0 (hardware host)"),
        ("virtio_pci", "device pci0000:00/0000:00:03.0 (hardware host)"),
    )
    assert len(modaliases(sys)) == 6


def test_what_a_profile_may_say(kernel: Modules, tmp_path: Path) -> None:
    sys = sysfs(tmp_path / "sys", {"virtio0": "virtio:d00000001v00001AF4"})
    assert requests(kernel, "") == ()
    assert requests(kernel, "generic") == generic(kernel)
    assert requests(kernel, "host", sys) == (("virtio_net", "device virtio0 (hardware host)"),)
    assert requests(kernel, "nic") == requests(kernel, ("nic",)) == (("nic", "driver named as hardware"),)


def test_host_without_sysfs_is_an_error(kernel: Modules, tmp_path: Path) -> None:
    with pytest.raises(MkinitfsError, match="no device with a modalias"):
        host(kernel, tmp_path / "nowhere")
