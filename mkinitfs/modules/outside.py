"""Modules that do not come from the kernel's own tree: DKMS (updates/dkms), weak-updates, a vendor's extra/.

Where the kernel's own lie tells what they are; these say it themselves, by the module that they take the place of
or by the symbols that they import.
"""

from mkinitfs.modules import info
from mkinitfs.modules.depmod import Modules, unpacked_path

OWN = "kernel/"  # the kernel's own tree, below lib/modules/VERSION
# include/linux/netdevice.h, etherdevice.h, usb/usbnet.h, phy.h: who takes one of these makes a network device, or
# drives a PHY.
_NETWORK = frozenset(
    {
        *("register_netdev", "register_netdevice", "devm_register_netdev", "eth_type_trans"),
        *("alloc_etherdev_mqs", "devm_alloc_etherdev_mqs"),
        *("usbnet_probe", "phy_driver_register", "phy_drivers_register", "__mdiobus_register", "__of_mdiobus_register"),
    }
)
# include/net/cfg80211.h, mac80211.h, linux/can/dev.h: network devices that no root comes over.
_OTHER_NETWORK = frozenset(
    {*("wiphy_new_nm", "wiphy_register", "ieee80211_alloc_hw_nm", "ieee80211_register_hw"), "alloc_candev_mqs"}
)


def home(kernel: Modules, name: str) -> str:
    """The path that tells what module `name` is: its own, or that of the kernel's own which it takes the place of.

    A built-in one has a path, too (modules.builtin).
    """
    path = kernel.lines[name][0] if name in kernel else kernel.builtin[name]
    return path if path.startswith(OWN) else kernel.replaced.get(name, path)


def is_stranger(kernel: Modules, name: str) -> bool:
    """Whether the kernel's own tree has no module of that name; a vendor's makefile may put one there all the same."""
    path = home(kernel, name)
    return not path.startswith(OWN) or (name in kernel and bool(kernel.own) and unpacked_path(path) not in kernel.own)


def is_network_driver(kernel: Modules, name: str) -> bool:
    """Whether `name`, a stranger that answers to devices, makes wired network devices or drives what they need.

    It may do so through another stranger ("foo_pci" through "foo_core"). One that imports nothing at all cannot tell:
    rather one too many.
    """
    imports = _imports(kernel, name)
    return bool(not imports or imports & _NETWORK) and not imports & _OTHER_NETWORK


def is_other_network_driver(kernel: Modules, name: str) -> bool:
    """Whether the stranger `name` makes network devices that no root comes over: wireless, CAN."""
    return bool(_imports(kernel, name) & _OTHER_NETWORK)


def calls(kernel: Modules, name: str, symbols: frozenset[str]) -> bool:
    """Whether `name` is a network driver, or lies outside, that imports one of `symbols`."""
    loadable = name in kernel and (home(kernel, name).startswith("kernel/drivers/net/") or is_stranger(kernel, name))
    return loadable and bool(info.imports(kernel.file(kernel.lines[name][0])) & symbols)


def _imports(kernel: Modules, name: str) -> frozenset[str]:
    names = [name, *(each for each in kernel[name].depends if each in kernel and is_stranger(kernel, each))]
    return frozenset().union(*(info.imports(kernel.file(kernel.lines[each][0])) for each in names))
