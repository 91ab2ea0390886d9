import lzma
from pathlib import Path

import pytest

from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import File, Manifest, OnDisk, Symlink, Unpacked
from mkinitfs.modules import hardware
from mkinitfs.modules.closure import Closure, closure_of
from mkinitfs.modules.depmod import Modules
from mkinitfs.modules.firmware import Firmware, collect, named
from mkinitfs.sysroot import Sysroot
from tests.kernels import fake_kernel, fake_module
from tests.unit.files import link, put

VERSION = "6.6.6"


def closure(root: Path, drivers: dict[str, tuple[str, ...]], **indexes: str) -> Closure:
    """What a kernel below `root` has for `drivers`, each with the firmware that it names."""
    modules = {
        f"kernel/{driver}.ko": fake_module(*(f"firmware={name}" for name in wanted))
        for driver, wanted in drivers.items()
    }
    folder = fake_kernel(root / "kernel" / VERSION, modules, **indexes)
    return closure_of(Modules(folder), [(driver, "test") for driver in drivers])


def collected(root: Path, *wanted: str, beside: Path | None = None) -> Firmware:
    """What one driver that names `wanted` gets from the firmware tree below `root`, after that `beside` the kernel."""
    trees = [Sysroot(path) for path in (beside, root) if path]
    return collect(closure(root, {"nic": wanted}), trees)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "usr/lib/firmware").mkdir(parents=True)
    link(tmp_path, {"lib": "usr/lib"})
    return tmp_path / "usr/lib/firmware"


def contents(firmware: Firmware) -> dict[str, object]:
    return {
        path.removeprefix("lib/firmware/"): entry.content if isinstance(entry, File) else entry
        for path, entry in firmware.entries
    }


def test_plain_file(tmp_path: Path, tree: Path) -> None:
    put(tree / "nic/a.bin")
    found = collected(tmp_path, "nic/a.bin")
    entry = File(OnDisk(tree / "nic/a.bin"), 0o644, "firmware of kernel module nic")
    assert found == Firmware((("lib/firmware/nic/a.bin", entry),), (), ())
    assert "lib/firmware/nic" in Manifest(found.entries)


def test_packed_file_takes_its_plain_name(tmp_path: Path, tree: Path) -> None:
    put(tree / "a.bin.xz", lzma.compress(b"x"))
    assert contents(collected(tmp_path, "a.bin")) == {"a.bin": Unpacked(tree / "a.bin.xz")}


def test_the_kernels_order_of_places(tmp_path: Path, tree: Path) -> None:
    places = [f"updates/{VERSION}/a.bin", "updates/a.bin", f"{VERSION}/a.bin", "a.bin"]
    places += [f"{place}.zst" for place in places] + [f"{place}.xz" for place in places]
    for place in places:
        put(tree / place)
    for place in places:
        (path,) = contents(collected(tmp_path, "a.bin"))
        assert path == place.removesuffix(".zst").removesuffix(".xz")
        (tree / place).unlink()
    assert collected(tmp_path, "a.bin").entries == ()


def test_links_stay_links_within_the_tree(tmp_path: Path, tree: Path) -> None:
    put(tree / "real/b.bin.xz")
    link(tree, {"a.bin.xz": "real/b.bin.xz", "folder": "real"})
    assert contents(collected(tmp_path, "a.bin", "folder/b.bin")) == {
        "a.bin": Symlink("real/b.bin", "firmware of kernel module nic"),
        "folder": Symlink("real", "firmware of kernel module nic"),
        "real/b.bin": Unpacked(tree / "real/b.bin.xz"),
    }


def test_a_link_out_of_the_tree_gives_its_content(tmp_path: Path, tree: Path) -> None:
    put(tmp_path / "etc/alternatives/regulatory.db")
    (tree / "regulatory.db").symlink_to("/etc/alternatives/regulatory.db")
    assert contents(collected(tmp_path, "regulatory.db")) == {
        "regulatory.db": OnDisk(tmp_path / "etc/alternatives/regulatory.db")
    }


def test_patterns(tmp_path: Path, tree: Path) -> None:
    for name in ("a-1.bin", "a-2.bin.xz", "a-1.bin.xz", "b-1.bin"):
        put(tree / "nic" / name)
    assert contents(collected(tmp_path, "nic/a-*")) == {
        "nic/a-1.bin": OnDisk(tree / "nic/a-1.bin"),
        "nic/a-2.bin": Unpacked(tree / "nic/a-2.bin.xz"),
    }


def test_each_file_is_looked_for_beside_the_kernel_first(tmp_path: Path, tree: Path) -> None:
    """One file there hides none of the system's; a name that is a link in one and a folder in the other is both."""
    beside = tmp_path / "k/usr/lib/firmware"  # unmerged
    for path in (beside / "nic/a.bin", beside / "real/c.bin", tree / "nic/a.bin", tree / "nic/b.bin", tree / "x/d.bin"):
        put(path)
    link(beside, {"x": "real"})
    link(tree, {"nic/l.bin": "b.bin"})
    found = collected(tmp_path, "nic/a.bin", "nic/b.bin", "nic/l.bin", "x/c.bin", "x/d.bin", beside=tmp_path / "k")
    assert contents(found) == {
        "nic/a.bin": OnDisk(beside / "nic/a.bin"),
        "nic/b.bin": OnDisk(tree / "nic/b.bin"),
        "nic/l.bin": OnDisk(tree / "nic/b.bin"),
        "real/c.bin": OnDisk(beside / "real/c.bin"),
        "real/d.bin": OnDisk(tree / "x/d.bin"),
        "x": Symlink("real", "firmware of kernel module nic"),
    }
    assert Manifest(found.entries)
    assert found.warnings == ()


def test_firmware_of_what_is_built_in(tmp_path: Path, tree: Path) -> None:
    put(tree / "rtl_nic/a.fw")
    info = "r8169.name=r8169\0r8169.firmware=rtl_nic/a.fw\0r8169.firmware=rtl_nic/b.fw\0other.firmware=c.fw\0"
    builtin = "kernel/drivers/net/r8169.ko\nkernel/drivers/other.ko\n"
    folder = fake_kernel(tmp_path / VERSION, {}, builtin=builtin, builtin_modinfo=info)
    found = collect(closure_of(Modules(folder), [("r8169", "test")]), [Sysroot(tmp_path)])
    assert contents(found) == {"rtl_nic/a.fw": OnDisk(tree / "rtl_nic/a.fw")}
    assert found.details == ("firmware of r8169 not found: rtl_nic/b.fw (linux-firmware)",)


def test_built_in_drivers_are_of_generic_and_host_as_well(tmp_path: Path) -> None:
    nic, disk = "kernel/drivers/net/ethernet/maker/nic.ko", "kernel/drivers/ata/disk.ko"
    info = "nic.firmware=nic.fw\0nic.alias=pci:v1*\0disk.firmware=disk.fw\0disk.alias=pci:v2*\0"
    kernel = Modules(fake_kernel(tmp_path / VERSION, {}, builtin=f"{nic}\n{disk}\n", builtin_modinfo=info))
    for number in "12":
        put(tmp_path / f"sys/devices/{number}/modalias", f"pci:v{number}d1\n")
    for requests in (hardware.generic(kernel), hardware.host(kernel, tmp_path / "sys")):
        assert named(closure_of(kernel, requests)) == {"nic": ("nic.fw",)}


def test_trouble_with_one_file_is_a_warning(tmp_path: Path, tree: Path) -> None:
    put(tree / "a.bin.xz", lzma.compress(b"x")[:20])
    link(tree, {"b.bin": "c.bin", "c.bin": "b.bin", "dangling.bin": "nowhere"})
    (tree / "d.bin").mkdir()
    put(tree / f"{VERSION}/e.bin.zst", b"\x28\xb5\x2f\xfd")
    put(tree / "e.bin.xz", lzma.compress(b"x"))
    put(tree / "good.bin")
    wanted = ("a.bin", "b.bin", "d.bin", "dangling.bin", "e.bin", "../../../etc/passwd", "none-*.bin", "good.bin")
    found = collected(tmp_path, *wanted)
    assert contents(found) == {"good.bin": OnDisk(tree / "good.bin"), "e.bin": Unpacked(tree / "e.bin.xz")}
    broken, circle, zstd = found.warnings
    assert broken.startswith(f"{tree}/a.bin.xz: cannot be unpacked: ") and broken.endswith(": firmware left out")
    assert circle.startswith("/usr/lib/firmware/b.bin: too many symbolic links")
    assert zstd.startswith(f"{tree}/{VERSION}/e.bin.zst: cannot be unpacked: ")
    (detail,) = found.details
    files = "d.bin, dangling.bin, ../../../etc/passwd, none-*.bin"
    assert detail == f"firmware of nic not found: {files} (linux-firmware)"


def test_much_trouble_is_counted(tmp_path: Path, tree: Path) -> None:
    names = [f"{number}.bin" for number in range(6)]
    link(tree, dict(zip(names, [*names[1:], names[0]], strict=True)))
    found = collected(tmp_path, *names)
    assert len(found.warnings) == 4
    assert found.warnings[3] == "3 more files of firmware left out (-v names them)"
    assert [line.partition(":")[0] for line in found.details] == [f"/usr/lib/firmware/{n}.bin" for n in range(3, 6)]


DRIVERS = {
    "bnx2": ("bnx2/a.fw", "bnx2/b.fw"),
    "cassini": ("sun/cassini.bin",),  # which Debian may not distribute
    "e100": ("e100/d101m_ucode.bin",),
    "odd": ("odd.bin",),
    "r8169": ("rtl_nic/a.fw", "rtl_nic/new.fw"),
}


@pytest.mark.parametrize(
    ("release", "packages"),
    [
        ('ID=debian\nVERSION_ID="12"\n', "firmware-bnx2, firmware-misc-nonfree, firmware-realtek, linux-firmware"),
        ("ID=debian\n", "firmware-bnx2, firmware-intel-misc, firmware-realtek, linux-firmware"),
        ("ID=mint\nID_LIKE='ubuntu debian'\n", "linux-firmware"),
        (None, "linux-firmware"),
    ],
)
def test_one_warning_names_the_packages(tmp_path: Path, release: str | None, packages: str) -> None:
    if release:
        put(tmp_path / "etc/os-release", release)
    found = collect(closure(tmp_path, DRIVERS), [Sysroot(tmp_path)])
    count = 4 if "firmware-bnx2" in packages else 5
    assert found.warnings == (
        f"no firmware for {count} drivers: where a machine has such a card, install {packages} "
        "(-v names drivers and files)",
    )
    assert len(found.details) == 5
    where = "in no package" if count == 4 else "linux-firmware"
    assert found.details[1] == f"firmware of cassini not found: sun/cassini.bin ({where})"


def test_nothing_is_said_that_nobody_can_mend(tmp_path: Path, tree: Path) -> None:
    """No package has it, the installed one is too old for it, or the driver has files of other cards."""
    drivers = {name: DRIVERS[name] for name in ("cassini", "r8169", "odd", "bnx2")}
    for path in (tmp_path / "var/lib/dpkg/info/firmware-realtek.list", tree / "bnx2/b.fw", tree / "odd.bin"):
        put(path)
    put(tmp_path / "etc/os-release", "ID=debian\n")
    found = collect(closure(tmp_path, drivers), [Sysroot(tmp_path)])
    assert found.warnings == ()
    assert [line.split()[2] for line in found.details] == ["bnx2", "cassini", "r8169"]
    (tmp_path / "var/lib/dpkg/info/firmware-realtek.list").unlink()
    assert collect(closure(tmp_path, drivers), [Sysroot(tmp_path)]).warnings == (
        "no firmware for r8169: where a machine has such a card, install firmware-realtek (-v names drivers and files)",
    )


def test_a_truncated_module_is_an_error_that_names_it(tmp_path: Path) -> None:
    folder = fake_kernel(tmp_path / VERSION, {"kernel/nic.ko": fake_module("firmware=a.bin")[:100]})
    with pytest.raises(MkinitfsError, match=r"kernel/nic\.ko: truncated kernel module"):
        named(closure_of(Modules(folder), [("nic", "test")]))
