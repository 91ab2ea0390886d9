"""What a configuration, or the version alone, says of a kernel."""

from pathlib import Path

import pytest

from mkinitfs import host, kconfig
from mkinitfs.build import Packing
from mkinitfs.errors import MkinitfsError
from mkinitfs.kconfig import Configuration, instead, missing, obstacle, parse
from mkinitfs.sysroot import Sysroot
from tests.kernels import kernel
from tests.unit.files import link, put

TEXT = """\
# Automatically generated file; DO NOT EDIT.
CONFIG_RD_GZIP=y
# CONFIG_RD_XZ is not set
CONFIG_RD_LZ4=y
CONFIG_CIFS=m
CONFIG_LOCALVERSION="-lab"
CONFIG_HZ=250
"""


def config(text: str) -> Configuration:
    return Configuration(Path("/boot/config-6.9"), parse(text))


def test_options_as_kconfig_writes_them():
    assert parse(TEXT) == {"RD_GZIP": "y", "RD_XZ": "n", "RD_LZ4": "y", "CIFS": "m", "LOCALVERSION": "", "HZ": ""}


def test_a_debian_kernels_own():
    found = kernel("6.1")
    config = kconfig.read(Sysroot(found.root), f"/lib/modules/{found.version}", found.version)
    assert config and config.path == found.root / f"boot/config-{found.version}"
    assert (config.values["CIFS"], config.values["BLK_DEV_INITRD"]) == ("m", "y") and config.lacks("IP_PNP")
    assert not any(obstacle(name, found.version, config) for name in ("zstd", "xz", "gzip", "lz4", "none"))


@pytest.mark.parametrize(
    "place", ["boot/config-6.9", "lib/modules/6.9/config", "usr/lib/modules/6.9/config", "usr/src/linux/.config"]
)
def test_where_a_configuration_lies(tmp_path, place):
    put(tmp_path / "lib/modules/6.9/modules.dep")
    link(tmp_path, {"lib/modules/6.9/build": "/usr/src/linux"})  # below the root, not this machine's
    assert host.find_kernel(tmp_path, None).config is None
    put(tmp_path / place, TEXT)
    assert host.find_kernel(tmp_path, None).config == Configuration(tmp_path / place, parse(TEXT))


@pytest.mark.parametrize(
    ("algorithm", "version", "text", "reason"),
    [
        ("zstd", "6.9", TEXT, "CONFIG_RD_ZSTD is not set in /boot/config-6.9"),  # not even mentioned
        ("xz", "6.9", TEXT, "CONFIG_RD_XZ is not set in /boot/config-6.9"),
        ("lz4", "6.9", TEXT, ""),
        ("none", "2.4", TEXT, ""),
        ("zstd", "5.4.0-vendor", "CONFIG_RD_ZSTD=y\n", ""),  # taken over from a younger one
        ("zstd", "5.8.18-amd64", None, "it came with Linux 5.9"),
        ("zstd", "5.9.0", None, ""),
        ("zstd", "5.10", "CONFIG_CIFS=m\n", ""),  # a fragment
        ("lz4", "3.10.0-1160.el7", None, "it came with Linux 3.11"),
        ("xz", "2.6.32-754.el6", None, "it came with Linux 2.6.38"),
        ("zstd", "lab", None, ""),
    ],
)
def test_what_a_kernel_unpacks(algorithm, version, text, reason):
    assert obstacle(algorithm, version, None if text is None else config(text)) == reason


def test_what_to_take_instead():
    assert instead("5.4", None) == "gzip"
    assert instead("6.9", config("CONFIG_RD_XZ=y\n# CONFIG_RD_ZSTD is not set\n")) == "xz"
    assert instead("6.9", config("# CONFIG_RD_GZIP is not set\n")) == "none"


def test_a_default_gives_way_and_a_wish_is_refused(tmp_path):
    put(tmp_path / "lib/modules/5.4.0/modules.dep")
    found = host.find_kernel(tmp_path, None)
    packing, told = Packing("zstd", 19, 1, asked=False).for_kernel(found)
    assert packing == Packing("gzip", 6, 1, asked=False)
    assert told == (
        "kernel 5.4.0: cannot unpack zstd: it came with Linux 5.9; "
        "packed with gzip, as --compression gzip does without a word"
    )
    with pytest.raises(MkinitfsError) as caught:
        Packing("zstd").for_kernel(found)
    assert (caught.value.message, caught.value.hint) == (
        "kernel 5.4.0: cannot unpack zstd: it came with Linux 5.9", "choose --compression gzip",
    )  # fmt: skip
    assert Packing("xz").for_kernel(found) == (Packing("xz"), "")
    assert Packing().for_kernel(None) == (Packing(), "")


def test_what_is_not_there_at_all():
    known = config("# CONFIG_CIFS is not set\n# CONFIG_BLK_DEV_LOOP is not set\n# CONFIG_DEVTMPFS is not set\n")
    names = ("cifs", "loop", "ext4", "cifs")
    assert missing(known, names, True, lambda name: name == "loop") == ["CONFIG_DEVTMPFS", "cifs (CONFIG_CIFS)"]
    assert missing(known, (), False, bool) == []
    assert missing(config("# CONFIG_BLK_DEV_INITRD is not set\n"), (), False, bool) == ["CONFIG_BLK_DEV_INITRD"]
    assert missing(config(TEXT), names, True, lambda _: False) == []
