from pathlib import Path

import pytest

from mkinitfs.errors import MkinitfsError
from mkinitfs.modules.closure import closure_of
from mkinitfs.modules.depmod import Modules
from mkinitfs.modules.hardware import asked_for, generic, host, requests
from tests.kernels import fake_kernel, fake_module
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
    "kernel/drivers/hid/hid-apple.ko",
    "kernel/drivers/hid/hid-pad.ko",
    "kernel/sound/card.ko",
)
ALIAS = """\
alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci
alias pci:v00008086d00001000sv*sd*bc*sc*i* nic
alias pci:v00008086d00002000sv*sd*bc*sc*i* card
alias pci:v00008086d00003000sv*sd*bc*sc*i* radio
alias virtio:d00000001v* virtio_net
alias virtio:d00000005v* virtio_balloon
alias usb:v0BDAp8153d*dc*dsc*dp*ic*isc*ip*in* adapter
alias hid:b0003g*v000005ACp0000024F hid_apple
alias hid:b0003g*v000005ACp00000300 hid_pad
alias mdio:0000000000011100110010?????????? wire
"""
ARM64, X86_64 = 183, 62
# Outside the kernel's tree: path -> the symbols that it takes from others.
OUTSIDE: dict[str, tuple[str, ...]] = {
    "updates/dkms/nic.ko": (),  # takes the place of the kernel's own
    "updates/dkms/r8168.ko": ("printk", "alloc_etherdev_mqs"),
    "extra/vendor/foo_core.ko": ("register_netdev",),
    "extra/vendor/foo_pci.ko": ("foo_probe",),  # takes the network's symbols through foo_core
    "updates/dkms/wifi.ko": ("register_netdev", "wiphy_new_nm"),
    "updates/dkms/tunnel.ko": ("register_netdevice",),  # no device asks for it
    "updates/dkms/raid.ko": ("scsi_add_host",),
    "updates/wire2.ko": ("phy_drivers_register",),
    "kernel/drivers/net/r8125.ko": ("register_netdev",),  # by its vendor's makefile
}
OUTSIDE_ALIAS = """\
alias pci:v00008086d00001000sv*sd*bc*sc*i* nic
alias pci:v000010ECd00008168sv*sd*bc02sc*i* r8168
alias pci:v00001234d*sv*sd*bc*sc*i* foo_pci
alias pci:v000010ECd00008125sv*sd*bc02sc*i* r8125
alias usb:v0BDAp8812d*dc*dsc*dp*ic*isc*ip*in* wifi
alias rtnl-link-tunnel tunnel
alias pci:v00001000d*sv*sd*bc*sc*i* raid
alias pci:v000010DEd*sv*sd*bc03sc00i00* screen
alias mdio:000000000000000011?????????????? wire2
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Modules:
    return Modules(fake_kernel(tmp_path / "6.6.6", dict.fromkeys(PATHS, b""), alias=ALIAS))


@pytest.fixture
def outside(tmp_path: Path) -> Modules:
    """A kernel with modules from elsewhere; one of a screen's card that cannot even be read."""
    files = {path: fake_module(imports=imports) for path, imports in OUTSIDE.items()}
    dep = "".join(f"{path}:\n" for path in OUTSIDE if path != "extra/vendor/foo_pci.ko")
    dep += "extra/vendor/foo_pci.ko: extra/vendor/foo_core.ko\nupdates/dkms/screen.ko:\nkernel/lib/crc.ko:\n"
    files |= {path: fake_module() for path in ("kernel/drivers/net/ethernet/maker/nic.ko.xz", "kernel/lib/crc.ko")}
    files["updates/dkms/screen.ko"] = b""
    return Modules(fake_kernel(tmp_path / "7.7.7", files, dep=dep, alias=OUTSIDE_ALIAS, order="kernel/lib/crc.ko\n"))


def sysfs(root: Path, devices: dict[str, str]) -> Path:
    for device, alias in devices.items():
        put(root / "devices" / device / "modalias", f"{alias}\n")
    return root


def test_generic_takes_all_ethernet_and_its_buses(kernel: Modules) -> None:
    chosen = closure_of(kernel, generic(kernel)).chosen
    assert list(chosen) == ["adapter", "hid_apple", "nic", "virtio_net", "virtio_pci", "wire", "xhci_pci"]
    assert chosen["nic"].reason == "kernel module nic: Ethernet driver (hardware generic)"


def test_host_takes_what_the_devices_name_of_network_keyboards_and_buses(kernel: Modules, tmp_path: Path) -> None:
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
            "pci0000:00/0000:00:09.0/usb1/1-1/1-1:1.0/0003:05AC:024F.0001": "hid:b0003g0001v000005ACp0000024F",
            "pci0000:00/0000:00:09.0/usb1/1-2/1-2:1.0/0003:05AC:0300.0002": "hid:b0003g0001v000005ACp00000300",
            "platform/none": "",
        },
    )
    assert host(kernel, sys) == (
        ("hid_apple", "device pci0000:00/0000:00:09.0/usb1/1-1/1-1:1.0/0003:05AC:024F.0001 (hardware host)"),
        ("nic", "device pci0000:00/0000:00:05.0 (hardware host)"),
        ("virtio_net", "device pci0000:00/0000:00:03.0/virtio0 (hardware host)"),
        ("virtio_pci", "device pci0000:00/0000:00:03.0 (hardware host)"),
    )
    assert len(asked_for(sys)) == 8


def test_host_takes_the_driver_that_a_device_has_and_that_of_its_phy(kernel: Modules, tmp_path: Path) -> None:
    sys = sysfs(tmp_path / "sys", {"pci0000:00/0000:00:07.0": "pci:v00008086d00002000sv1sd1bc04sc00i00"})
    card = sys / "devices/platform/soc/board-mac"
    put(card / "mdio_bus/fixed-0/fixed-0:00/phy_id", "0x001cc915\n")
    put(card / "mdio_bus/fixed-0/fixed-0:01/phy_id", "0x00000000\n")  # by clause 45: no number here
    driver = sys / "bus/platform/drivers/maker"
    driver.mkdir(parents=True)
    (card / "driver").symlink_to(driver)
    assert host(kernel, sys) == (("wire", "device platform/soc/board-mac/mdio_bus/fixed-0/fixed-0:00 (hardware host)"),)
    (driver / "module").symlink_to("../../../../module/nic")  # a built-in one has no such link
    assert [name for name, _ in host(kernel, sys)] == ["nic", "wire"]


def test_boards_get_whole_classes_and_other_machines_do_not(tmp_path: Path) -> None:
    paths = (
        *("regulator/fixed", "clk/maker/clk", "phy/maker/phy-usb", "i2c/busses/i2c-maker", "usb/dwc3/dwc3"),
        *("reset/reset-maker", "net/dsa/switch", "mailbox/box", "pmdomain/domain", "usb/misc/onboard_usb_hub"),
        *("net/ethernet/nic", "media/camera", "gpu/drm/drm"),
    )
    for machine, wanted in ((ARM64, 11), (X86_64, 1)):
        module = fake_module(machine=machine)
        files = {f"kernel/drivers/{path}.ko": module for path in paths}
        boards = Modules(fake_kernel(tmp_path / f"{machine}", files, alias="alias of:N*T*Cmaker,i2c i2c_maker\n"))
        chosen = closure_of(boards, generic(boards)).chosen
        assert len(chosen) == wanted, list(chosen)
        assert "nic" in chosen
        assert not {"camera", "drm"} & set(chosen)
        board = sysfs(tmp_path / f"sys{machine}", {"platform/i2c": "of:Ni2cT(null)Cmaker,i2c"})
        assert bool(host(boards, board)) is (machine == ARM64)


def test_generic_takes_network_drivers_from_outside_the_kernel(outside: Modules) -> None:
    chosen = closure_of(outside, generic(outside)).chosen
    assert list(chosen) == ["foo_core", "foo_pci", "nic", "r8125", "r8168", "wire2"]
    assert chosen["nic"].module.path == "updates/dkms/nic.ko"
    assert chosen["r8168"].why == "network driver by what it imports (hardware generic)"


def test_a_module_that_imports_nothing_cannot_tell_and_is_taken(tmp_path: Path) -> None:
    alias = "alias pci:v00001000d*sv*sd*bc*sc*i* raid\n"
    kernel = Modules(fake_kernel(tmp_path / "7.7.7", {"updates/raid.ko": fake_module()}, alias=alias))
    assert [name for name, _ in generic(kernel) if not name.startswith("?")] == ["raid"]


def test_host_takes_what_devices_name_wherever_it_lies(outside: Modules, tmp_path: Path) -> None:
    sys = sysfs(
        tmp_path / "sys",
        {
            "pci0000:00/0000:00:01.0": "pci:v00008086d00001000sv1sd1bc02sc00i00",
            "pci0000:00/0000:00:02.0": "pci:v00001000d00000001sv1sd1bc01sc00i00",
            "pci0000:00/0000:00:03.0": "pci:v000010DEd00000001sv1sd1bc03sc00i00",
            "pci0000:00/0000:00:04.0/usb1/1-1/1-1:1.0": "usb:v0BDAp8812d0000dc00dsc00dp00icFFiscFFipFFin00",
        },
    )
    assert [name for name, _ in host(outside, sys)] == ["nic", "raid"]


def test_what_a_profile_may_say(kernel: Modules, tmp_path: Path) -> None:
    sys = sysfs(tmp_path / "sys", {"virtio0": "virtio:d00000001v00001AF4"})
    assert requests(kernel, "") == ()
    assert requests(kernel, "generic") == generic(kernel)
    assert requests(kernel, "host", sys) == (("virtio_net", "device virtio0 (hardware host)"),)
    assert requests(kernel, "nic") == requests(kernel, ("nic",)) == (("nic", "driver named as hardware"),)


def test_host_without_sysfs_is_an_error(kernel: Modules, tmp_path: Path) -> None:
    with pytest.raises(MkinitfsError, match="no device with a modalias"):
        host(kernel, tmp_path / "nowhere")
