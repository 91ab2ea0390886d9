"""Drivers: what is read from sysfs, and that a module that cannot be loaded stops nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from init.perform.drivers import Drivers, modaliases
from init.perform.modules import ModuleIndex
from init.system.files import read_text


@pytest.fixture
def drivers(tmp_path: Path) -> tuple[Drivers, list[str]]:
    """Drivers of an image in tmp_path, and what they log."""
    lines: list[str] = []
    made = Drivers(lambda level, text: lines.append(f"{level} {text}"))
    made._folder = str(tmp_path)
    made._index = ModuleIndex(
        "kernel/net.ko: kernel/mii.ko\nkernel/mii.ko:\n", "alias pci:v0000BEEF* net\nalias fs-none missing\n"
    )
    return made, lines


def test_read_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"caf\xe9\n")
    assert read_text(str(tmp_path / "a")) == "caf\udce9\n"
    assert read_text(str(tmp_path / "b")) == ""
    assert read_text(str(tmp_path)) == ""


def test_modaliases_of_every_bus(tmp_path: Path) -> None:
    for path, text in {
        "pci/devices/0000:00:01.0/modalias": "pci:v00008086d00007000\n",
        "virtio/devices/virtio0/modalias": "virtio:d00000001v00001AF4\n",
        "usb/devices/1-1/modalias": "",
        "usb/devices/1-2/other": "x",
        "acpi/drivers/x/modalias": "no device",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    assert list(modaliases(str(tmp_path))) == ["pci:v00008086d00007000", "virtio:d00000001v00001AF4"]


def test_modaliases_of_this_machine() -> None:
    for modalias in modaliases():
        assert ":" in modalias
        assert modalias == modalias.strip()


def test_a_module_the_kernel_refuses(drivers: tuple[Drivers, list[str]], tmp_path: Path) -> None:
    made, lines = drivers
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel/mii.ko").write_bytes(b"no ELF file")
    assert made.load("net") == 0
    # what the kernel says depends on the rights here and on whether this kernel takes modules at all
    assert [line.rpartition(": ")[0] for line in lines] == [
        "4 drivers: kernel/mii.ko",
        "4 drivers: kernel/net.ko",
    ]
    assert lines[1].endswith(": No such file or directory")
    assert made.load("net") == 0
    assert len(lines) == 2  # told once, and not tried again


def test_a_module_that_is_not_in_the_image(drivers: tuple[Drivers, list[str]]) -> None:
    made, lines = drivers
    assert made.load("missing") == 0
    assert lines == []


def test_mismatch_names_what_is_there(drivers: tuple[Drivers, list[str]], tmp_path: Path) -> None:
    made, _ = drivers
    assert made.mismatch().startswith(f"no modules for the running kernel {os.uname().release}; this image has ")
    (tmp_path / "modules.dep").touch()
    assert made.mismatch() == ""


def test_listener_starts_once_and_ends(drivers: tuple[Drivers, list[str]]) -> None:
    made, _ = drivers
    made._index = ModuleIndex("", "")  # this machine's devices are not to be served by a test
    made.listen()
    child = made._listener
    made.listen()
    assert made._listener == child
    assert os.path.exists(f"/proc/{child}")
    made.stop()
    made.stop()
    end = time.monotonic() + 5
    while os.path.exists(f"/proc/{child}") and time.monotonic() < end:
        time.sleep(0.01)
    assert not os.path.exists(f"/proc/{child}")
