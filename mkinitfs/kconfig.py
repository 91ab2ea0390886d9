"""What a kernel was built with, by its configuration: which images it unpacks, and what it will never have.

Where nobody laid the configuration beside the kernel, its version still tells which compressions it cannot know.
"""

import gzip
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from mkinitfs.errors import MkinitfsError
from mkinitfs.sysroot import Sysroot

# Where distributions and a kernel's own `make` lay it, and the running one's, with CONFIG_IKCONFIG_PROC.
_PLACES = (
    *("/boot/config-{version}", "{folder}/config", "/usr/lib/modules/{version}/config"),
    *("/lib/modules/{version}/config", "{folder}/build/.config"),
)
_RUNNING = "/proc/config.gz"
_LINE = re.compile(r"^(?:CONFIG_(\w+)=([ym]$)?|# CONFIG_(\w+) is not set$)", re.MULTILINE)

# The first kernel that unpacks an initramfs of each compression (usr/Kconfig, lib/decompress.c).
_SINCE = {"gzip": (2, 6), "xz": (2, 6, 38), "lz4": (3, 11), "zstd": (5, 9)}
_INSTEAD = ("zstd", "gzip", "xz", "lz4", "none")  # in the order to be preferred
# What the kernel itself has to have for /init to run, and what that mounts first.
_ALWAYS = ("BLK_DEV_INITRD", "BINFMT_ELF")
_FOR_INIT = ("BINFMT_SCRIPT", "PROC_FS", "SYSFS", "DEVTMPFS", "TMPFS")
# The options behind modules that profiles ask for.
_OPTIONS = {
    "cifs": "CIFS", "nfs": "NFS_FS", "nfsv3": "NFS_V3", "nfsv4": "NFS_V4", "loop": "BLK_DEV_LOOP",
    "overlay": "OVERLAY_FS", "ext4": "EXT4_FS", "xfs": "XFS_FS", "btrfs": "BTRFS_FS", "squashfs": "SQUASHFS",
    "erofs": "EROFS_FS", "f2fs": "F2FS_FS", "8021q": "VLAN_8021Q", "bonding": "BONDING", "af_packet": "PACKET",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Configuration:
    """A kernel's .config."""

    path: Path
    values: dict[str, str]  # option without CONFIG_ -> "y", "m", "n", or "" for a number or a text

    def lacks(self, option: str) -> bool:
        """Whether it says that `option` is not there at all; one that it does not mention may be younger."""
        return self.values.get(option) == "n"


def parse(text: str) -> dict[str, str]:
    """The options of a .config."""
    return {name or unset: value or ("" if name else "n") for name, value, unset in _LINE.findall(text)}


def read(tree: Sysroot, folder: str, version: str) -> Configuration | None:
    """The configuration of the kernel in `folder` of `tree`; None where it is not there or cannot be read."""
    places = [place.format(version=version, folder=folder) for place in _PLACES]
    if tree.root == Path("/") and version == os.uname().release:
        places.append(_RUNNING)
    for place in places:
        try:
            if tree.is_file(place):
                data = tree.read(place)
                text = gzip.decompress(data) if place == _RUNNING else data
                return Configuration(tree.host(tree.require(place).real), parse(text.decode(errors="replace")))
        except (MkinitfsError, OSError, EOFError):
            continue
    return None


def obstacle(algorithm: str, version: str, config: Configuration | None) -> str:
    """Why the kernel cannot unpack an image of `algorithm`; empty where it can, or nothing is known."""
    if algorithm == "none":
        return ""
    option = f"RD_{algorithm.upper()}"
    if config and any(name.startswith("RD_") for name in config.values):
        return "" if config.values.get(option) == "y" else f"CONFIG_{option} is not set in {config.path}"
    number = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    since = _SINCE[algorithm]
    if number and tuple(int(part or 0) for part in number.groups()) < since:
        return f"it came with Linux {'.'.join(map(str, since))}"
    return ""


def instead(version: str, config: Configuration | None) -> str:
    """The compression to take where the default one cannot be unpacked: quick and small before small, then slow."""
    return next(name for name in _INSTEAD if not obstacle(name, version, config))


def missing(config: Configuration, names: Iterable[str], python: bool, there: Callable[[str], object]) -> list[str]:
    """What an image that needs the modules `names` lacks, as "cifs (CONFIG_CIFS)".

    `python`: whether early user space is to run. `there` tells whether a module is in the kernel's tree after all:
    one from elsewhere (DKMS) may stand for what the kernel was built without.
    """
    lacking = [f"CONFIG_{option}" for option in (*_ALWAYS, *(_FOR_INIT if python else ())) if config.lacks(option)]
    for name in dict.fromkeys(names):
        option = _OPTIONS.get(name.replace("-", "_"), "")
        if config.lacks(option) and not there(name):
            lacking.append(f"{name} (CONFIG_{option})")
    return lacking
