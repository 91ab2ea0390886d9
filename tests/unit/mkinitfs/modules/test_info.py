import gzip
import lzma
from pathlib import Path

import pytest

from mkinitfs.errors import MkinitfsError
from mkinitfs.modules.info import imports, machine, parse, parse_imports, parse_machine, read
from tests.kernels import fake_module

RECORDS = ("license=GPL", "firmware=a.bin", "firmware=b/c.bin", "vermagic=6.1 SMP", "parm=x:an = sign")
WANTED = {"license": ("GPL",), "firmware": ("a.bin", "b/c.bin"), "vermagic": ("6.1 SMP",), "parm": ("x:an = sign",)}


@pytest.mark.parametrize("elfclass", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
def test_either_class_and_byte_order(elfclass: int, order: str) -> None:
    module = fake_module(*RECORDS, elfclass=elfclass, order=order, imports=("printk", "register_netdev"), machine=183)
    assert parse(module, "x.ko") == WANTED
    assert parse_imports(module, "x.ko") == {"printk", "register_netdev"}  # and not what it defines itself
    assert parse_machine(module, "x.ko") == 183


def test_no_section_no_records_and_every_truncation_names_the_module() -> None:
    whole = fake_module(*RECORDS)
    assert parse(whole.replace(b".modinfo", b".nothing"), "x.ko") == {}
    for length in range(len(whole)):
        for reader in (parse, parse_imports):
            with pytest.raises(MkinitfsError) as caught:
                reader(whole[:length], "kernel/x.ko")
        assert caught.value.message.startswith("kernel/x.ko: ")


@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".xz", lzma.compress), (".gz", gzip.compress)])
def test_files_plain_and_packed(tmp_path: Path, suffix: str, pack) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / f"x.ko{suffix}"
    path.write_bytes(pack(fake_module(*RECORDS)))
    assert read(path) == WANTED
    assert (imports(path), machine(path)) == (frozenset(), 62)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(MkinitfsError, match=r"x\.ko"):
        read(path)


def test_empty_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "empty.ko").touch()
    with pytest.raises(MkinitfsError, match=r"empty\.ko: truncated kernel module"):
        read(tmp_path / "empty.ko")
    with pytest.raises(MkinitfsError, match=r"missing\.ko: No such file"):
        read(tmp_path / "missing.ko")
