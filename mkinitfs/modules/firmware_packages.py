"""Which package of the target's distribution brings a firmware file, to be named where it is missing.

The table is Debian's: what a path below lib/firmware begins with, and the package, as `dpkg-deb -c` shows for
Debian 12 and 13, for whatever drives a network card. Other distributions have linux-firmware, whole or in parts
of that name. To extend: the beginning and the package; None for what Debian has not got, mostly for want of a licence.
"""

from mkinitfs.sysroot import Sysroot

_UPSTREAM = "linux-firmware"

_DEBIAN: dict[str, str | None] = {
    "3com/": "firmware-misc-nonfree",
    "acenic/": None,
    "adaptec/": None,
    "ath": "firmware-atheros",
    "bnx2/": "firmware-bnx2",
    "bnx2x": "firmware-bnx2x",
    "brcm/": "firmware-brcm80211",
    "cavium/": "firmware-cavium",
    "cbfw-": "firmware-qlogic",
    "cis/": "firmware-linux-free",
    "ct2fw-": "firmware-qlogic",
    "ctfw-": "firmware-qlogic",
    "cxgb": "firmware-misc-nonfree",
    "e100/": "firmware-intel-misc",
    "intel/": "firmware-intel-misc",
    "iwlwifi-": "firmware-iwlwifi",
    "kaweth/": "firmware-misc-nonfree",
    "liquidio/": "firmware-cavium",
    "mediatek/": "firmware-mediatek",
    "microchip/": "firmware-misc-nonfree",
    "mrvl/prestera/": "firmware-marvell-prestera",
    "mt76": "firmware-mediatek",
    "myri10ge": "firmware-myricom",
    "netronome/": "firmware-netronome",
    "ositech/": None,
    "phanfw.bin": "firmware-netxen",
    "qed/": "firmware-qlogic",
    "qt2025": None,
    "renesas_usb_fw": None,
    "rt2": "firmware-mediatek",
    "rt3": "firmware-mediatek",
    "rt73": "firmware-mediatek",
    "rtl_nic/": "firmware-realtek",
    "rtlwifi/": "firmware-realtek",
    "rtw8": "firmware-realtek",
    "sun/": None,
    "tehuti/": "firmware-misc-nonfree",
    "ti-connectivity/": "firmware-ti-connectivity",
    "tigon/": "firmware-misc-nonfree",
}
# Debian 13 parted these from it.
_PARTED = {"firmware-intel-misc", "firmware-mediatek"}


class Packages:
    """The packages of the system below a sysroot."""

    def __init__(self, sysroot: Sysroot) -> None:
        """Read os-release(5)."""
        self._sysroot = sysroot
        text = sysroot.read_text("/etc/os-release") if sysroot.is_file("/etc/os-release") else ""
        pairs = (line.partition("=") for line in text.splitlines())
        values = {key: value.strip("\"' ") for key, _, value in pairs}
        names = {values.get("ID", ""), *values.get("ID_LIKE", "").split()}
        self._debian = "debian" in names and "ubuntu" not in names
        self._parted = values.get("VERSION_ID", "").partition(".")[0] not in {"10", "11", "12"}

    def of(self, file: str) -> str | None:
        """The package with `file`, a path below lib/firmware; None where the distribution has none."""
        if not self._debian:
            return _UPSTREAM
        beginning = next((each for each in _DEBIAN if file.startswith(each)), None)
        package = _UPSTREAM if beginning is None else _DEBIAN[beginning]
        return "firmware-misc-nonfree" if package in _PARTED and not self._parted else package

    def installed(self, package: str) -> bool:
        """Whether dpkg knows it to be there: then a file that is missing is not in it."""
        return self._sysroot.is_file(f"/var/lib/dpkg/info/{package}.list")
