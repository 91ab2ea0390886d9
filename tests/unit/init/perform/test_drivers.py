"""Drivers: what is read from sysfs, and that a module that cannot be loaded stops nothing."""

import os
import time
from pathlib import Path

import pytest

from init.cmdline import modules
from init.cmdline.words import parse
from init.perform.drivers import Drivers, modaliases
from init.system import syscalls
from tests.unit.files import put


def make(tmp_path: Path, words: str, lines: list[str]) -> Drivers:
    """Drivers of the image in tmp_path for a command line, which log to `lines`."""

    def say(level: int, text: str) -> None:
        lines.append(f"{level} {text}")

    return Drivers(say, modules.parse(parse(words)), str(tmp_path), f"{tmp_path}/modprobe.d")


@pytest.fixture
def drivers(tmp_path: Path) -> tuple[Drivers, list[str]]:
    """Drivers of an image in tmp_path, and what they log."""
    lines: list[str] = []
    put(tmp_path / "modules.dep", "kernel/net.ko: kernel/mii.ko\nkernel/mii.ko:\n")
    put(tmp_path / "modules.alias", "alias pci:v0000BEEF* net\nalias fs-none missing\n")
    return make(tmp_path, "", lines), lines


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
    made = make(tmp_path, "", [])
    assert made.mismatch().startswith(f"no modules for the running kernel {os.uname().release}; this image has ")
    (tmp_path / "modules.dep").touch()
    assert made.mismatch() == ""


def test_listener_starts_once_and_ends(tmp_path: Path) -> None:
    made = make(tmp_path, "", [])  # without modules: this machine's devices are not a test's to serve
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


# What the command line and modprobe.d have a say in.
DEP = "k/nic.ko: k/mii-bus.ko\nk/mii-bus.ko:\nk/loop.ko:\nk/other.ko:\n"
ALIAS = "alias pci:v1* nic\nalias pci:v1d2* other\nalias usb:v1-* loop\n"


@pytest.fixture
def inserted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the kernel is asked to load: the file and its parameters. This machine's kernel may take none."""
    put(tmp_path / "modules.dep", DEP)
    put(tmp_path / "modules.alias", ALIAS)
    found: list[tuple[str, str]] = []

    def finit_module(path: str, parameters: str = "") -> None:
        found.append((os.path.basename(path), parameters))

    monkeypatch.setattr(syscalls, "finit_module", finit_module)
    return found


def test_parameters_of_files_and_command_line(tmp_path: Path, inserted: list[tuple[str, str]]) -> None:
    put(tmp_path / "modprobe.d/a.conf", "options mii-bus debug=1\noptions nic a=1\n# options nic no=1\n")
    made = make(tmp_path, 'mii_bus.debug=2 nic.b="x y" nic.flag mii-bus.c=3 rd.break=x loop.max_loop=3 snd.x=1', [])
    assert made.load("nic") == 2
    assert inserted == [("mii-bus.ko", "debug=1 debug=2 c=3"), ("nic.ko", 'a=1 b="x y" flag')]
    made.load("loop")
    assert inserted[2:] == [("loop.ko", "max_loop=3")]


def test_a_value_that_a_driver_does_not_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel itself has no more to say than EINVAL."""

    def finit_module(path: str, parameters: str) -> None:
        raise OSError(22, "Invalid argument", path)

    put(tmp_path / "modules.dep", DEP)
    monkeypatch.setattr(syscalls, "finit_module", finit_module)
    lines: list[str] = []
    made = make(tmp_path, "loop.max_loop=many", lines)
    assert made.load("loop") + made.load("other") == 0
    assert lines == [
        "4 drivers: k/loop.ko: Invalid argument, given max_loop=many: are these its parameters' values?",
        "4 drivers: k/other.ko: Invalid argument",
    ]


def test_the_images_modprobe_is_told_the_same(tmp_path: Path, inserted: list[tuple[str, str]]) -> None:
    """Which the kernel executes for what it wants by name: it is to find every setting under the module's own name."""
    put(tmp_path / "modprobe.d/mkinitfs.conf", "options nic a=1\n")
    make(tmp_path, "mii-bus.debug=2 modprobe.blacklist=mii-bus,snd nic.a=2 rd.break=x", [])
    text = (tmp_path / "modprobe.d/mkinitfs.conf").read_text()
    assert text == "options nic a=1\noptions mii_bus debug=2\noptions nic a=2\nblacklist mii_bus\n"
    make(tmp_path / "plain", "quiet rd.break=x", [])
    assert not (tmp_path / "plain").exists()


@pytest.mark.parametrize(
    "words",
    [
        "modprobe.blacklist=x,nic",
        "rd.driver.blacklist=nic",
        "blacklist=nic",
        "modprobe.blacklist=a rd.driver.blacklist=nic",
    ],
)
def test_a_blacklisted_driver_is_loaded_by_no_device_and_by_its_name(
    tmp_path: Path, inserted: list[tuple[str, str]], words: str
) -> None:
    """As modprobe(8) has it: the blacklist is for aliases."""
    lines: list[str] = []
    made = make(tmp_path, words, lines)
    assert made._wanted(["pci:v1d2", "pci:v1d3"]) == ["other"]
    assert made._wanted(["pci:v1d3"]) == []
    assert lines == ["6 drivers: nic is not loaded (blacklisted)"]
    assert made.load("nic") == 2


def test_a_blacklist_of_the_image(tmp_path: Path, inserted: list[tuple[str, str]]) -> None:
    put(tmp_path / "modprobe.d/mkinitfs.conf", "blacklist other\n")
    put(tmp_path / "modprobe.d/README", "blacklist nic\n")
    assert make(tmp_path, "", [])._wanted(["pci:v1d2"]) == ["nic"]


def test_what_the_kernel_refuses_is_not_even_tried(tmp_path: Path, inserted: list[tuple[str, str]]) -> None:
    lines: list[str] = []
    made = make(tmp_path, "module_blacklist=mii-bus", lines)
    assert made.load("nic") == 1
    assert inserted == [("nic.ko", "")]
    assert lines == ["6 drivers: mii_bus is not loaded (module_blacklist=)"]


def test_what_is_switched_off_stays_out(tmp_path: Path, inserted: list[tuple[str, str]]) -> None:
    put(tmp_path / "modprobe.d/a.conf", "install mii-bus /bin/false\ninstall nic /sbin/modprobe --ignore-install nic\n")
    lines: list[str] = []
    assert make(tmp_path, "", lines).load("nic") == 1
    assert inserted == [("nic.ko", "")] and lines == ["6 drivers: mii_bus is not loaded (install, modprobe.d)"]


def test_an_alias_of_modprobe_d_hides_the_kernels(tmp_path: Path, inserted: list[tuple[str, str]]) -> None:
    put(tmp_path / "modprobe.d/a.conf", "alias pci:v1d2* nic\nalias usb:v[0-9]-* off\n")
    made = make(tmp_path, "", [])
    assert made._wanted(["pci:v1d2x"]) == ["nic"]
    assert sum(made.load(name) for name in made._wanted(["usb:v1-2"])) == 0
    assert made._wanted(["pci:v1d3"]) == ["nic"]


def test_what_the_command_line_wants_first(tmp_path: Path, inserted: list[tuple[str, str]]) -> None:
    put(tmp_path / "modules.builtin", "kernel/own-part.ko\n")
    lines: list[str] = []
    made = make(tmp_path, "rd.driver.pre=mii-bus,own-part rd.modules_load=gone", lines)
    made.coldplug()
    made.coldplug()
    assert inserted == [("mii-bus.ko", "")]
    assert lines == ["4 drivers: gone: not in this image (mkinitfs build --module gone)"]
