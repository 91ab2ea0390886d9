"""Drivers: what is read from sysfs, and that a module that cannot be loaded stops nothing."""

import os
import time
from pathlib import Path

import pytest

from init.perform.drivers import Drivers, modaliases
from tests.unit.files import put


@pytest.fixture
def drivers(tmp_path: Path) -> tuple[Drivers, list[str]]:
    """Drivers of an image in tmp_path, and what they log."""
    lines: list[str] = []
    put(tmp_path / "modules.dep", "kernel/net.ko: kernel/mii.ko\nkernel/mii.ko:\n")
    put(tmp_path / "modules.alias", "alias pci:v0000BEEF* net\nalias fs-none missing\n")
    return Drivers(lambda level, text: lines.append(f"{level} {text}"), str(tmp_path)), lines


def test_modaliases_of_every_bus(tmp_path: Path) -> None:
    for path, text in {
        "pci/devices/0000:00:01.0/modalias": "pci:v00008086d00007000\n",
        "virtio/devices/virtio0/modalias": "virtio:d00000001v00001AF4\n",
        "usb/devices/1-1/modalias": "",
        "usb/devices/1-2/other": "x",
        "acpi/drivers/x/modalias": "no device",
    }.items():
        put(tmp_path / path, text)
    assert list(modaliases(str(tmp_path))) == ["pci:v00008086d00007000", "virtio:d00000001v00001AF4"]


def test_modaliases_of_this_machine() -> None:
    for modalias in modaliases():
        assert ":" in modalias
        assert modalias == modalias.strip()


def test_a_module_the_kernel_refuses(drivers: tuple[Drivers, list[str]], tmp_path: Path) -> None:
    made, lines = drivers
    assert (made.load("missing"), lines) == (0, [])  # not in the image at all
    put(tmp_path / "kernel/mii.ko", "no ELF file")
    assert made.load("net") == 0
    # what the kernel says depends on the rights here and on whether this kernel takes modules at all
    assert [line.rpartition(": ")[0] for line in lines] == ["4 drivers: kernel/mii.ko", "4 drivers: kernel/net.ko"]
    assert lines[1].endswith(": No such file or directory")
    assert made.load("net") == 0
    assert len(lines) == 2  # told once, and not tried again


def test_mismatch_names_what_is_there(tmp_path: Path) -> None:
    made = Drivers(lambda *_: None, str(tmp_path))
    assert made.mismatch().startswith(f"no modules for the running kernel {os.uname().release}; this image has ")
    (tmp_path / "modules.dep").touch()
    assert made.mismatch() == ""


def test_listener_starts_once_and_ends(tmp_path: Path) -> None:
    made = Drivers(lambda *_: None, str(tmp_path))  # without modules: this machine's devices are not a test's to serve
    made.listen()
    child = made.listener
    made.listen()
    assert made.listener == child
    assert os.path.exists(f"/proc/{child}")
    made.stop()
    made.stop()
    end = time.monotonic() + 5
    while os.path.exists(f"/proc/{child}") and time.monotonic() < end:
        time.sleep(0.01)
    assert not os.path.exists(f"/proc/{child}")
