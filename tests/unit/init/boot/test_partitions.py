"""Partition tables as sfdisk makes them are read as sfdisk reads them, and the root's partition is chosen by rule."""

import json
import subprocess
from pathlib import Path

import pytest

from init.boot.partitions import Partition, Table, choose, read, root_type
from init.operations import End, ReadAt, StepError
from tests.machine import Machine

ROOT = root_type("x86_64", 64)
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"


def table(path: Path) -> Table | None:
    """The table of a file, the reader's questions answered from it."""
    data = path.read_bytes()
    machine = Machine({ReadAt: lambda asked: data[asked.offset : asked.offset + asked.size]})
    found: Table | None = machine.returned(read("x", len(data)))
    assert set(machine.names(End)) == {"ReadAt"}
    return found


def disk(path: Path, script: str, megabytes: int = 64) -> Path:
    with path.open("wb") as file:
        file.truncate(megabytes << 20)
    done = subprocess.run(["sfdisk", "-q", path], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return path


def oracle(path: Path) -> list[tuple[int, int, int, str, str, str]]:
    """Number, start, size, type, PARTUUID and name by sfdisk's own reading."""
    done = subprocess.run(["sfdisk", "--json", path], capture_output=True, check=True)
    found = json.loads(done.stdout)["partitiontable"]
    rows = []
    for one in found["partitions"]:
        number = int(one["node"].removeprefix(str(path)))
        uuid = one["uuid"].lower() if found["label"] == "gpt" else f"{int(found['id'], 16):08x}-{number:02x}"
        kind = one["type"].lower().rjust(2, "0")
        rows.append((number, one["start"] * 512, one["size"] * 512, kind, uuid, one.get("name", "")))
    return rows


MBR, GPT = "label: dos\n", "label: gpt\n"


@pytest.mark.parametrize(
    "script",
    [
        MBR + ",16M,L\n,16M,S\n,,U\n",
        MBR + "start=63,size=1000,type=83\n",
        MBR + ",8M,L\n,8M,S\n,,E\n,8M,L\n,8M,L\n,8M,L\n",
        MBR + ",,Ex\n,4M\n,4M\n,4M\n,4M\n,4M\n",  # an extended partition alone
        MBR + "4 : start=2048,size=8M\n2 : start=40960,size=8M\n",
        GPT + "size=16M,name=boot\ntype=L\n",
        GPT + f"3 : size=8M,type={ROOT},name=\"Wurzel äöü 🌳\"\n1 : size=8M\n",
        GPT + "first-lba: 34\n" + "".join(f"size=1M,name=p{number}\n" for number in range(40)),
        GPT + "table-length: 8\n,16M\n",
    ],
)  # fmt: skip
def test_read_as_sfdisk_reads_it(tmp_path: Path, script: str) -> None:
    path = disk(tmp_path / "disk", script)
    found = table(path)
    assert found and found.sector == 512
    extended = {"05", "0f", "85"}
    expected = [row for row in oracle(path) if row[3] not in extended]
    assert [(p.number, p.start, p.size, p.kind, p.uuid, p.label) for p in found.partitions] == expected


def test_sectors_of_four_kib(tmp_path: Path) -> None:
    """A disk of such sectors, copied into a file: header and numbers count in them."""
    path = disk(tmp_path / "disk", GPT + "first-lba: 34\nstart=40,size=800,name=one\n")
    data = path.read_bytes()
    large = bytearray(64 << 20)
    large[:512] = data[:512]
    large[4096 : 4096 + 512] = data[512:1024]
    large[8192 : 8192 + 128 * 128] = data[1024 : 1024 + 128 * 128]
    (tmp_path / "large").write_bytes(large)
    found = table(tmp_path / "large")
    assert found and found.sector == 4096
    assert [(one.start, one.size, one.label) for one in found.partitions] == [(40 * 4096, 800 * 4096, "one")]


@pytest.mark.parametrize("content", [b"", b"x" * 100, bytes(1 << 20), b"\xeb\x58\x90".ljust(510, b"x") + b"\x55\xaa"])
def test_no_table(tmp_path: Path, content: bytes) -> None:
    """The last one is a boot sector: it ends as a table does, and its code is none."""
    (tmp_path / "file").write_bytes(content)
    assert table(tmp_path / "file") is None


def test_an_mbr_without_partitions_is_none(tmp_path: Path) -> None:
    assert table(disk(tmp_path / "disk", MBR)) is None


@pytest.mark.parametrize(
    ("offset", "what"),
    [(512 + 60, "header"), (512 + 16, "header"), (1024 + 40, "entries"), (512, "its header is not there")],
)
def test_a_damaged_gpt_is_told(tmp_path: Path, offset: int, what: str) -> None:
    path = disk(tmp_path / "disk", GPT + ",16M\n")
    data = bytearray(path.read_bytes())
    data[offset] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(StepError, match=what):
        table(path)


def test_root_types_are_those_of_sfdisk() -> None:
    listing = subprocess.run(["sfdisk", "--label", "gpt", "--list-types"], capture_output=True, text=True, check=True)
    lines = [line.split(maxsplit=1) for line in listing.stdout.splitlines() if "-" in line]
    known = {line[0].lower(): line[1] for line in lines}
    names = {
        ("x86_64", 64): "x86-64", ("x86_64", 32): "x86", ("i586", 32): "x86", ("i686", 32): "x86",
        ("aarch64", 64): "ARM-64", ("aarch64", 32): "ARM", ("armv8l", 32): "ARM", ("armv6l", 32): "ARM",
        ("riscv64", 64): "RISC-V-64", ("ppc64le", 64): "PPC64LE", ("s390x", 64): "S390X", ("mips64", 64): "MIPS-64 LE",
        ("mips", 32): "MIPS-32 LE", ("loongarch64", 64): "LoongArch-64",
    }  # fmt: skip
    assert {known[root_type(*of)] for of in names} == {f"Linux root ({name})" for name in names.values()}
    for (machine, bits), name in names.items():
        assert known[root_type(machine, bits)] == f"Linux root ({name})"
    assert root_type("sparc64", 64) == ""


# Which one is the root's.


def partition(number: int, kind: str = LINUX, label: str = "") -> Partition:
    return Partition(number, number << 20, 1 << 20, f"uuid-{number}", kind, label)


BOOT, REAL = partition(1, label="boot"), partition(2, ROOT, "root")
SWAP, OTHER = partition(3), partition(4, label="root")


@pytest.mark.parametrize(
    ("types", "wanted", "word", "number"),
    [
        ({BOOT: "ext4", SWAP: ""}, "", "", 1),  # the only one with a file system
        ({BOOT: "ext4", REAL: "ext4", SWAP: ""}, "", "", 2),  # the type says so
        ({BOOT: "ext4", REAL: "", SWAP: ""}, "", "", 1),  # it has no file system that could be a root
        ({BOOT: "ext4", OTHER: "xfs"}, "xfs", "", 4),
        ({SWAP: ""}, "f2fs", "", 3),  # whoever names an unknown type of a single partition knows better
        ({BOOT: "ext4", REAL: "ext4"}, "", "PARTLABEL=boot", 1),
        ({BOOT: "ext4", REAL: "ext4", SWAP: ""}, "", "PARTUUID=UUID-3", 3),
    ],
)
def test_chosen(types: dict[Partition, str], wanted: str, word: str, number: int) -> None:
    assert choose("disk.img", types, wanted, word, ROOT).number == number


@pytest.mark.parametrize(
    ("types", "wanted", "word", "reason"),
    [
        ({BOOT: "ext4", OTHER: "xfs"}, "", "", "disk.img: 2 partitions with a file system known here"),
        ({REAL: "ext4", partition(5, ROOT): "xfs"}, "", "", "disk.img: 2 partitions with a file system known here"),
        ({SWAP: ""}, "", "", "disk.img: no partition with a file system known here"),
        ({REAL: "ext4", OTHER: "ext4"}, "", "PARTLABEL=root", "disk.img: 2 partitions PARTLABEL=root"),
        ({BOOT: "ext4"}, "", "PARTUUID=x", "disk.img: no partition PARTUUID=x"),
        ({BOOT: "ext4", OTHER: "ext4"}, "btrfs", "", "disk.img: 2 partitions with btrfs"),
    ],
)
def test_nobody_guesses(types: dict[Partition, str], wanted: str, word: str, reason: str) -> None:
    with pytest.raises(StepError) as error:
        choose("disk.img", types, wanted, word, ROOT)
    assert error.value.reason == reason
    assert "PARTUUID=" in error.value.hint
    assert len(error.value.said) == len(types)
    assert all(f"PARTUUID={one.uuid}" in line for one, line in zip(types, error.value.said, strict=True))


def test_another_machines_root_is_not_ours() -> None:
    arm = partition(6, root_type("aarch64", 64))
    assert choose("d", {REAL: "ext4", arm: "ext4"}, "", "", arm.kind).number == 6
    assert choose("d", {REAL: "ext4", arm: "ext4"}, "", "", ROOT).number == 2
