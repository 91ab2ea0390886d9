"""The bench's own arithmetic, table and checks; what it measures is measured by `make bench`."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import boots, builds, files, needs, wire
from bench.contenders import TOOLS, Bench, chosen_kernel, command
from bench.table import Row, Series, as_json, render
from mkinitfs.errors import MkinitfsError
from tests.kernels import Kernel, fake_kernel, fake_module

FAST = Row("build", "s", Series((1.0, 5.0, 2.0)), "dracut", Series((8.0, 4.0)), 0.35, "by the clock")
SLOW = Row("build", "s", Series((1.0, 5.0, 2.0)), "other", Series((2.0,)), 0.35, "by the clock")
ALONE = Row("ramdisk", "MB", Series((11.5,)), limit=12)
KNOWN = Row("size", "MB", Series((7.0,)), "dracut", Series((14.0,)))


def test_medians_ratios_and_limits() -> None:
    assert (FAST.ours.median, FAST.ratio, FAST.reached) == (2.0, pytest.approx(1 / 3), True)
    assert (SLOW.ratio, SLOW.reached) == (1.0, False)
    assert (ALONE.ratio, ALONE.reached) == (None, True)
    assert not Row("ramdisk", "MB", Series((12.1,)), limit=12).reached
    assert (KNOWN.ratio, KNOWN.reached) == (0.5, None)


def test_the_table() -> None:
    assert render([FAST, SLOW, ALONE, KNOWN]).splitlines() == [
        "figure   mkinitfs  against    theirs  ratio  quartiles  to reach       n",
        "-------  --------  -------  --------  -----  ---------  --------  ---  -",
        "build      2.00 s  dracut     6.00 s  0.333             <= 0.35   yes  3",
        "build      2.00 s  other      2.00 s  1.000             <= 0.35   NO   3",
        "ramdisk  11.50 MB                                       <= 12 MB  yes  1",
        "size      7.00 MB  dracut   14.00 MB  0.500                            1",
        "",
        "build: by the clock",
    ]


def test_a_script_gets_every_sample() -> None:
    row, _, alone = json.loads(json.dumps(as_json([FAST, KNOWN, ALONE])))
    assert row["mkinitfs"] == {"median": 2.0, "samples": [1.0, 5.0, 2.0]}
    assert (row["against"], row["theirs"]["samples"], row["limit"], row["reached"]) == ("dracut", [8, 4], 0.35, True)
    assert (alone["against"], alone["theirs"], alone["ratio"]) == (None, None, None)


def test_what_the_real_init_reports() -> None:
    report = boots.parse("noise\nBENCH run=2800000 first=5000000 kept=4096.\nBENCH")
    assert (report.seconds, report.kept) == (2.2, 4096)


@pytest.mark.parametrize("text", ["", "BENCH run=0 first=5 kept=0.", "BENCH run=9 first=0 kept=0.", "BENCH run=1 fi"])
def test_no_time_is_made_up(text: str) -> None:
    with pytest.raises(MkinitfsError, match="real init"):
        boots.parse(text)


def test_children_are_timed() -> None:
    clock, processor = builds.timed(lambda: subprocess.run(["sleep", "0.2"], check=True))
    assert clock >= 0.2 > processor
    loop = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"
    assert builds.timed(lambda: subprocess.run(["sh", "-c", loop], check=True))[1] > 0
    assert builds.timed(lambda: time.sleep(0))[1] == pytest.approx(0, abs=1e-9)


def test_contenders_take_turns() -> None:
    order: list[str] = []
    result = builds.in_turns({name: lambda name=name: order.append(name) for name in "ab"}, 3, lambda _: None)
    assert "".join(order) == "ababab"
    assert [len(series.samples) for series in result["a"]] == [3, 3]


def test_packages_are_named_when_they_are_missing(tmp_path: Path) -> None:
    listing = tmp_path / "packages.txt"
    listing.write_text("# comment\nlibc6\nno-such-package-of-ours  # why\n")
    assert needs.packages(listing.read_text()) == ["libc6", "no-such-package-of-ours"]
    with pytest.raises(MkinitfsError, match=r"not installed: no-such-package-of-ours$") as told:
        needs.check(listing)
    assert told.value.hint.startswith("to install them: apt-get install")


def test_every_builder_gets_the_kernel_the_modules_and_the_level(tmp_path: Path) -> None:
    dep = "kernel/a.ko: kernel/b.ko\nkernel/b.ko:\nkernel/c.ko:\n"
    content = {f"kernel/{name}.ko": fake_module(f"name={name}") for name in "abc"}
    fake_kernel(tmp_path / "full/lib/modules/1.2", content, dep=dep, order="", builtin="")
    (tmp_path / "full/boot").mkdir()
    (tmp_path / "full/boot/vmlinuz-1.2").touch()
    full = Kernel("1.2", tmp_path / "full")
    bench = Bench(tmp_path, chosen_kernel(full, frozenset({"a.ko", "b.ko"}), tmp_path / "kernel"), frozenset({"a.ko"}))
    assert sorted(path.stem for path in bench.kernel.modules.rglob("*.ko")) == ["a", "b"]
    assert (bench.kernel.modules / "modules.dep").exists() and bench.kernel.vmlinuz.exists()
    for tool in TOOLS:
        words = [str(word) for word in command(bench, tool, 7, tmp_path / "image")]
        assert any(word.endswith("7") or word.startswith("zstd -7") for word in words), words
        assert {"1.2", str(tmp_path / "image")} <= set(words)
    assert "MODULES=list" in (tmp_path / "initramfs-tools/initramfs.conf").read_text()
    assert "\nmanual_add_modules a\n" in (tmp_path / "initramfs-tools/hooks/chosen").read_text()
    with pytest.raises(MkinitfsError, match="not one of"):
        command(bench, "mkinitrd", 7, tmp_path / "image")


FILES = "FILES round={} what={} container={},{},{} share={},{},{}.\n"


def test_samples_in_pairs() -> None:
    row = Row("read", "s", Series((1.0, 4.0, 30.0)), "other", Series((2.0, 4.0, 10.0)), 1.5, paired=True)
    assert (row.ratio, row.quartiles, row.reached) == (1.0, (0.75, 2.0), True)
    assert Row("read", "s", row.ours, "other", row.theirs, 0.9).ratio == 1.0
    assert FAST.quartiles is None and ALONE.ratio is None
    assert " 1.000  0.75-2.00 " in render([row])


def test_files_are_read_by_kind_and_side() -> None:
    console = "noise\n" + "".join(FILES.format(1, kind, 2_000_000, 1000, 9, 1_000_000, -4, 8) for kind in files.KINDS)
    found = files.parse(console + FILES.format(2, "read", 4_000_000, 3000, 7, 8_000_000, 0, 8) + "FILES done.\n")
    assert found["write"] == [(files.Sample(2.0, 1.024, 9), files.Sample(1.0, -0.004096, 8))]
    assert [pair[0].seconds for pair in found["read"]] == [2.0, 4.0]
    table = {(row.figure, row.unit): row for row in files.rows(found)}
    synced, read = table["container, synced", "s"], table["container, read", "s"]
    assert (synced.ratio, synced.reached, read.ratio, read.reached) == (2, False, 1.25, False)
    assert table["container, grown", "s"].reached is None
    assert table["container, read", "requests"].ratio == 1
    assert table["container, memory for what was read", "MB"].ours.median == 2.048
    assert len(table) == len(files.KINDS) + 4
    table = {(row.figure, row.unit): row for row in files.rows(found, 46.4)}
    assert "(46 times)" in table["container, read, a wire between", "s"].how
    assert len(table) == len(files.KINDS) + 2


def test_the_wire_hands_on_both_ways_and_tells_of_the_end() -> None:
    sent = bytes(range(256)) * 400
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        wire.Wire(listener.getsockname()[1], 2.0) as way,
        socket.create_connection(("127.0.0.1", way.port), timeout=30) as guest,
        listener.accept()[0] as server,
    ):
        server.settimeout(30)
        for one, other in ((guest, server), (server, guest)):
            one.sendall(sent)
            assert b"".join(exactly(other, len(sent))) == sent
        guest.close()
        assert server.recv(1) == b""


def exactly(connection: socket.socket, size: int) -> Iterator[bytes]:
    """Pieces of what comes, `size` bytes in all."""
    while size > 0 and (piece := connection.recv(size)):
        size -= len(piece)
        yield piece


@pytest.mark.parametrize("text", ["", "FILES failed.\n", FILES.format(1, "read", 1, 1, 1, 1, 1, 1)])
def test_files_not_reported(text: str) -> None:
    with pytest.raises(MkinitfsError, match=r"nothing was reported of .*write"):
        files.parse(text)
