import lzma
from pathlib import Path

import pytest

from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import File, Manifest, OnDisk, Symlink, Unpacked
from mkinitfs.modules.closure import closure_of
from mkinitfs.modules.depmod import Modules
from mkinitfs.modules.firmware import Firmware, collect, named
from mkinitfs.sysroot import Sysroot
from tests.kernels import fake_kernel, fake_module
from tests.unit.files import link, put

VERSION = "6.6.6"


def collected(root: Path, *wanted: str) -> Firmware:
    """What one driver that names `wanted` gets from the firmware tree below `root`."""
    module = fake_module(*(f"firmware={name}" for name in wanted))
    folder = fake_kernel(root / "kernel" / VERSION, {"kernel/nic.ko": module})
    return collect(closure_of(Modules(folder), [("nic", "test")]), Sysroot(root))


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
    assert found == Firmware((("lib/firmware/nic/a.bin", entry),), ())
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


def test_missing_files_are_one_warning_for_a_driver(tmp_path: Path, tree: Path) -> None:
    (tree / "dangling.bin").symlink_to("nowhere")
    found = collected(tmp_path, "a.bin", "dangling.bin", "../../../etc/passwd", "none-*.bin")
    missing = "a.bin, dangling.bin, ../../../etc/passwd, none-*.bin"
    assert found == Firmware((), (f"nic: firmware not found in {tree}: {missing}",))


def test_no_firmware_tree_at_all(tmp_path: Path) -> None:
    assert collected(tmp_path, "a.bin").warnings == (f"nic: firmware not found in {tmp_path}/lib/firmware: a.bin",)


def test_a_truncated_module_is_an_error_that_names_it(tmp_path: Path) -> None:
    folder = fake_kernel(tmp_path / VERSION, {"kernel/nic.ko": fake_module("firmware=a.bin")[:100]})
    with pytest.raises(MkinitfsError, match=r"kernel/nic\.ko: truncated kernel module"):
        named(closure_of(Modules(folder), [("nic", "test")]))
