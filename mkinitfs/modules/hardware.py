"""Drivers by class: every Ethernet driver and keyboard of a kernel, or those that one machine's devices name.

`generic` goes by the folders of the kernel tree, as dracut and initramfs-tools do for the greater part of them;
dracut's other rule, the symbols that a module imports, means unpacking every module of the kernel: a test holds the
written list below against it instead, and only modules from outside that tree are asked (outside.py). A folder or
name that a kernel does not have is passed over.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from mkinitfs.errors import MkinitfsError
from mkinitfs.modules import info
from mkinitfs.modules.depmod import Modules
from mkinitfs.modules.outside import OWN, home, is_network_driver, is_other_network_driver, is_stranger


def _folders(text: str) -> tuple[str, ...]:
    return tuple(f"kernel/drivers/{folder}/" for folder in text.split())


# Drivers of cards and of what stands between card and wire, and adapters on USB.
_NETWORK = _folders("net/ethernet net/phy net/mdio net/pcs net/usb s390/net staging/octeon")
# Network devices of virtual machines, and oddities, that lie elsewhere.
_DRIVERS = (*("virtio_net", "vmxnet3", "hv_netvsc", "xen_netfront"), *("fjes", "thunderbolt_net", "sungem_phy", "qlge"))
# Buses that a network device may sit on and that no symbol joins to its driver: virtio, Hyper-V and its
# pass-through PCI, Xen's, PCI behind Intel's VMD, CardBus; an IOMMU that devices wait for. USB comes with its adapters.
_BUSES = (
    *("virtio_pci", "virtio_mmio", "hv_vmbus", "pci_hyperv", "xen_pcifront", "vmd", "yenta_socket"),
    "virtio_iommu",
)
# What a device on a board may wait for. The kernel does not probe it before all are there that its node in the
# device tree names (drivers/of/property.c, of_supplier_bindings: clocks, power domains, regulators, ...), and where
# all of it is a module, USB adapters, switches and clocks with a battery need no less.
_BOARD = _folders(
    "bus clk devfreq dma extcon firmware gpio hwspinlock i2c/busses i2c/muxes input/keyboard interconnect iommu irqchip"
    " mailbox memory mfd mux net/dsa nvmem pci/controller phy pinctrl platform/chrome pmdomain power pwm regulator"
    " remoteproc reset rpmsg rtc soc spi spmi tee usb/c67x00 usb/cdns3 usb/chipidea usb/dwc2 usb/dwc3 usb/host"
    " usb/isp1760 usb/mtu3 usb/musb usb/phy usb/renesas_usbhs usb/roles usb/typec"
)
_BOARD_DRIVERS = ("onboard_usb_hub", "onboard_usb_dev", "usb251xb", "usb3503", "usb4604")  # hubs that need power
# Keyboards beyond the usual (profiles/keyboard.toml). hid_generic leaves to its maker's driver what the kernel lists as
# special (drivers/hid/hid-quirks.c). Laptops have theirs on I2C or SPI, behind buses that no symbol joins to it.
_KEYBOARDS = (
    *("hyperv_keyboard", "virtio_input", "xen_kbdfront"),
    *("hid_apple", "hid_asus", "hid_belkin", "hid_cherry", "hid_chicony", "hid_corsair", "hid_cougar", "hid_evision"),
    *("hid_ezkey", "hid_glorious", "hid_google_hammer", "hid_gyration", "hid_holtek_kbd", "hid_ite", "hid_keytouch"),
    *(
        "hid_lenovo",
        "hid_lg_g15",
        "hid_logitech",
        "hid_logitech_dj",
        "hid_logitech_hidpp",
        "hid_macally",
        "hid_maltron",
    ),
    *("hid_microsoft", "hid_monterey", "hid_nti", "hid_ortek", "hid_primax", "hid_redragon", "hid_rmi", "hid_samsung"),
    *("hid_roccat_arvo", "hid_roccat_isku", "hid_roccat_ryos", "hid_semitek", "hid_sigmamicro", "hid_sunplus"),
    *("hid_topseed", "hid_vivaldi", "surface_hid", "surface_kbd", "surface_aggregator_registry", "applespi"),
    *(
        "i2c_hid_acpi",
        "i2c_hid_of",
        "i2c_designware_pci",
        "i2c_designware_platform",
        "intel_lpss_acpi",
        "intel_lpss_pci",
    ),
    *("spi_pxa2xx_pci", "spi_pxa2xx_platform", "cros_ec_keyb", "cros_ec_lpcs", "cros_ec_i2c", "cros_ec_spi"),
)
_KEYBOARD_FOLDERS = _folders("pinctrl")  # a key on I2C interrupts by a pin
# Machines (EM_386, EM_S390, EM_X86_64) that describe themselves by other means: the image does without all that.
_NO_BOARDS = (3, 22, 62)
# `host`: what may stand between the processor and a network device. A module elsewhere that a modalias of the
# machine names (sound, graphics, disks) is nothing that a root on a server needs.
_HOST = _folders(
    "net usb/host usb/core usb/dwc2 usb/dwc3 hv pci bus iommu ssb bcma phy thunderbolt ntb pcmcia soc clk pinctrl reset"
    " regulator s390/net staging/octeon"
)
_NOT_HOST = _folders("net/wireless net/wwan net/can")
# Display and multimedia devices: class codes 03 and 04 of the PCI Code and ID Assignment Specification.
_SCREEN_OR_SOUND = re.compile(r"pci:.*bc0[34]")

_NUMBER = re.compile("0x([0-9a-f]{8})")  # drivers/net/phy/phy_device.c, phy_id_show


def requests(kernel: Modules, hardware: str | tuple[str, ...], sys: Path = Path("/sys")) -> tuple[tuple[str, str], ...]:
    """Requests (name, origin) for a profile's `hardware`: "generic", "host", "" or the names of drivers."""
    match hardware:
        case "":
            return ()
        case "generic":
            return generic(kernel)
        case "host":
            return host(kernel, sys)
        case str(name):
            return ((name, "driver named as hardware"),)
        case names:
            return tuple((name, "driver named as hardware") for name in names)


def generic(kernel: Modules) -> tuple[tuple[str, str], ...]:
    """Requests (name, origin) for every Ethernet driver of the kernel, keyboards, and the buses they may need."""
    boards = _has_boards(kernel)
    found: dict[str, str] = {}
    for name in (*kernel.lines, *kernel.builtin):  # built-in ones for their firmware
        path = home(kernel, name)
        if path.startswith(_NETWORK):
            found[name] = "Ethernet driver (hardware generic)"
        elif boards and path.startswith(_BOARD):
            found[name] = "part of a board (hardware generic)"
        elif path.startswith(_KEYBOARD_FOLDERS):
            found[name] = "keyboard (hardware generic)"
        elif is_stranger(kernel, name) and _is_for_network(kernel, name):
            found[name] = "network driver by what it imports (hardware generic)"
    more = dict.fromkeys(_DRIVERS, "Ethernet driver (hardware generic)")
    more |= dict.fromkeys(_BUSES, "bus of network devices (hardware generic)")
    more |= dict.fromkeys(_KEYBOARDS, "keyboard (hardware generic)")
    more |= dict.fromkeys(_BOARD_DRIVERS if boards else (), "part of a board (hardware generic)")
    return (*found.items(), *((f"?{name}", origin) for name, origin in more.items()))


def _has_boards(kernel: Modules) -> bool:
    """Whether the kernel is for machines with a device tree. One module tells; where none can, it may be."""
    for path, _ in kernel.lines.values():
        if path.startswith(OWN):
            try:
                return info.machine(kernel.file(path)) not in _NO_BOARDS
            except MkinitfsError:
                break
    return True


def _is_for_network(kernel: Modules, name: str) -> bool:
    devices = kernel.devices.get(name, ())
    return any(not _SCREEN_OR_SOUND.match(device) for device in devices) and is_network_driver(kernel, name)


def host(kernel: Modules, sys: Path = Path("/sys")) -> tuple[tuple[str, str], ...]:
    """Requests (name, origin) for the network, keyboard and bus drivers that the devices below `sys` name.

    MkinitfsError when there are no devices at all (an unmounted sysfs), rather than an image without drivers.
    """
    drivers: dict[str, str] = {}
    names = asked_for(sys)
    if not names:
        raise MkinitfsError(f"{sys}/devices: no device with a modalias", "hardware host needs sysfs there")
    folders = (*_HOST, *_BOARD) if _has_boards(kernel) else _HOST
    for alias, device in names.items():
        for name in kernel.lookup(alias):
            known = name in kernel or name in kernel.builtin
            if known and _is_host_driver(kernel, name, alias, folders):
                drivers.setdefault(name, f"device {device} (hardware host)")
    return tuple(sorted(drivers.items()))


def _is_host_driver(kernel: Modules, name: str, alias: str, folders: tuple[str, ...]) -> bool:
    if is_stranger(kernel, name):
        return not _SCREEN_OR_SOUND.match(alias) and not is_other_network_driver(kernel, name)
    path = home(kernel, name)
    listed = name in (*_DRIVERS, *_BUSES, *_BOARD_DRIVERS, *_KEYBOARDS)
    return listed or (path.startswith(folders) and not path.startswith(_NOT_HOST))


def asked_for(sys: Path) -> dict[str, str]:
    """What the devices below `sys`/devices go by, each with the path of its first device, sorted.

    That is a device's modalias; the driver that it has, which need not be found by one (i2c, a board's own devices);
    and a PHY's number, in the form in which the kernel asks for its driver (linux/mod_devicetable.h, MDIO_ID_FMT).
    """
    names: dict[str, str] = {}
    for device, name in sorted(_walk(sys / "devices")):
        names.setdefault(name, os.path.relpath(device, sys / "devices"))
    return names


def _walk(folder: Path) -> Iterator[tuple[str, str]]:
    # os.walk does not follow links, and in sysfs everything but the devices' own tree is links.
    for path, folders, files in os.walk(folder):
        if "modalias" in files and (alias := _text(path, "modalias")):
            yield path, alias
        if "phy_id" in files and (number := _NUMBER.fullmatch(_text(path, "phy_id"))):
            yield path, f"mdio:{int(number[1], 16):032b}"
        if "driver" in folders:
            try:
                yield path, Path(path, "driver/module").readlink().name
            except OSError:  # built in, without parameters
                continue


def _text(path: str, name: str) -> str:
    try:
        return Path(path, name).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # a device may go while we look, or refuse: it then names no driver
        return ""
