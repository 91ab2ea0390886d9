"""Network drivers by class: every Ethernet driver of a kernel, or those that one machine's devices name.

`generic` goes by the folders of the kernel tree, as dracut does for the greater part of them; dracut's other
rule, the symbols that a module imports, means unpacking every module of the kernel, and a test holds the
written list below against it instead. A folder or name that a kernel does not have is passed over.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from mkinitfs.errors import MkinitfsError
from mkinitfs.modules.depmod import Modules

# Drivers of cards and of what stands between card and wire, and adapters on USB.
_FOLDERS = (
    "kernel/drivers/net/ethernet/",
    "kernel/drivers/net/phy/",
    "kernel/drivers/net/mdio/",
    "kernel/drivers/net/pcs/",
    "kernel/drivers/net/usb/",
)
# Network devices of virtual machines, and oddities, that lie elsewhere.
_DRIVERS = (*("virtio_net", "vmxnet3", "hv_netvsc", "xen_netfront"), *("fjes", "thunderbolt_net", "sungem_phy", "qlge"))
# Buses that a network device may sit on and that no symbol joins to its driver: virtio, USB, Hyper-V and
# its pass-through PCI, PCI behind Intel's VMD.
_BUSES = (
    *("virtio_pci", "virtio_mmio", "xhci_pci", "ehci_pci", "ohci_pci", "uhci_hcd", "xhci_plat_hcd"),
    *("hv_vmbus", "pci_hyperv", "vmd"),
)
# `host`: what may stand between the processor and a network device. A module elsewhere that a modalias of the
# machine names (sound, graphics, disks) is nothing that a root on a server needs.
_HOST_FOLDERS = tuple(
    f"kernel/drivers/{folder}/"
    for folder in (
        *("net", "usb/host", "usb/core", "usb/dwc2", "usb/dwc3", "hv", "pci", "bus", "ssb", "bcma"),
        *("phy", "thunderbolt", "ntb", "soc", "clk", "pinctrl", "reset", "regulator"),
    )
)
_NOT_HOST = ("kernel/drivers/net/wireless/", "kernel/drivers/net/wwan/", "kernel/drivers/net/can/")


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
    """Requests (name, origin) for every Ethernet driver of the kernel and the buses it may need."""
    origin = "Ethernet driver (hardware generic)"
    folders = tuple((name, origin) for name, (path, _) in kernel.lines.items() if path.startswith(_FOLDERS))
    drivers = tuple((f"?{name}", origin) for name in _DRIVERS)
    buses = tuple((f"?{name}", "bus of network devices (hardware generic)") for name in _BUSES)
    return folders + drivers + buses


def host(kernel: Modules, sys: Path = Path("/sys")) -> tuple[tuple[str, str], ...]:
    """Requests (name, origin) for the network and bus drivers that the devices below `sys` name.

    MkinitfsError when there are no devices at all (an unmounted sysfs), rather than an image without drivers.
    """
    drivers: dict[str, str] = {}
    aliases = modaliases(sys)
    if not aliases:
        raise MkinitfsError(f"{sys}/devices: no device with a modalias", "hardware host needs sysfs there")
    for alias, device in aliases.items():
        for name in kernel.lookup(alias):
            if name in kernel and _is_host_driver(name, kernel.lines[name][0]):
                drivers.setdefault(name, f"device {device} (hardware host)")
    return tuple(sorted(drivers.items()))


def _is_host_driver(name: str, path: str) -> bool:
    return name in _BUSES or (path.startswith(_HOST_FOLDERS) and not path.startswith(_NOT_HOST))


def modaliases(sys: Path) -> dict[str, str]:
    """The modaliases of all devices below `sys`/devices, each with the path of its first device, sorted."""
    aliases: dict[str, str] = {}
    for device, alias in sorted(_walk(sys / "devices")):
        aliases.setdefault(alias, os.path.relpath(device, sys / "devices"))
    return aliases


def _walk(folder: Path) -> Iterator[tuple[str, str]]:
    # os.walk does not follow links, and in sysfs everything but the devices' own tree is links.
    for path, _, files in os.walk(folder):
        if "modalias" in files:
            try:
                alias = (Path(path) / "modalias").read_text(encoding="utf-8", errors="replace").strip()
            except OSError:  # a device may go while we look, or refuse: it then names no driver
                continue
            if alias:
                yield path, alias
