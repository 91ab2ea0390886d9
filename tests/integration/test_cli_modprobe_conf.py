"""An image of a system whose administrator has a modprobe.d: from its files to the image's own."""

import subprocess
from pathlib import Path

import pytest

from tests.command import command, environment, mkinitfs
from tests.kernels import fake_kernel, fake_module
from tests.unit.files import put

OWN = """softdep nic pre: helper
options nic aspm=0
blacklist helper
options snd index=1
install bad /bin/false
install nic /sbin/modprobe --ignore-install nic && /sbin/setup-nic
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A sysroot with a kernel of three drivers, and the profile p.toml that names two of them."""
    root = tmp_path / "root"
    modules = {f"kernel/{name}.ko": fake_module(f"name={name}") for name in ("nic", "helper", "bad")}
    fake_kernel(root / "lib/modules/6.6.6", modules)
    (tmp_path / "p.toml").write_text('modules = ["nic", "?bad"]\n')
    return root


def build(system: Path, *wrapper: str) -> Path:
    image = system.parent / "x.img"
    words = ("--profile", system.parent / "p.toml", "--sysroot", system, "--compression", "none", "-o", image)
    argv = [*wrapper, *command("build", *words)]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    image.with_suffix(".err").write_text(done.stderr)
    return image


def test_the_targets_settings_are_the_images(system: Path) -> None:
    put(system / "usr/lib/modprobe.d/own.conf", "options nic hidden=1\n")
    put(system / "etc/modprobe.d/own.conf", OWN)
    image = build(system)
    assert mkinitfs("cat", image, "etc/modprobe.d/mkinitfs.conf").out == "options nic aspm=0\nblacklist helper\n"
    names = mkinitfs("list", image).out.splitlines()
    assert [path for path in names if path.endswith(".ko")] == [
        f"lib/modules/6.6.6/kernel/{name}.ko" for name in ("helper", "nic")
    ]
    dep = mkinitfs("cat", image, "lib/modules/6.6.6/modules.dep").out
    assert "kernel/nic.ko: kernel/helper.ko\n" in dep
    warnings = [line for line in image.with_suffix(".err").read_text().splitlines() if "modprobe.d" in line]
    assert len(warnings) == 1 and "install nic: the command is not run" in warnings[0]
    assert image.stat().st_mode & 0o777 == 0o644


def test_a_private_setting_makes_a_private_image(system: Path) -> None:
    put(system / "etc/modprobe.d/own.conf", "options nic key=secret\n", 0o600)
    image = build(system)
    assert image.stat().st_mode & 0o777 == 0o600
    assert "secret" not in image.with_suffix(".err").read_text()


def test_nothing_to_say_is_nothing_in_the_image(system: Path) -> None:
    put(system / "etc/modprobe.d/own.conf", "options snd index=1\n")
    assert "modprobe.d" not in mkinitfs("list", build(system)).out


def test_a_file_that_only_root_may_read_is_told(system: Path) -> None:
    """As root without its privilege, as for anybody else."""
    put(system / "etc/modprobe.d/own.conf", "options nic key=secret\n", 0)
    put(system / "etc/modprobe.d/zz.conf", "options nic aspm=0\n")
    image = build(system, "setpriv", "--bounding-set=-all", "--inh-caps=-all")
    assert mkinitfs("cat", image, "etc/modprobe.d/mkinitfs.conf").out == "options nic aspm=0\n"
    (line,) = [line for line in image.with_suffix(".err").read_text().splitlines() if "modprobe.d" in line]
    assert line.startswith("warning: /etc/modprobe.d/own.conf: cannot be read") and "its settings are not in" in line
