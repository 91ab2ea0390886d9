"""The three builders, each told to make the same image: same kernel, same modules, same compression."""

import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mkinitfs.archive.image import members_of
from mkinitfs.errors import MkinitfsError
from tests.command import run
from tests.kernels import Kernel

DRIVERS = ("virtio_net", "e1000")
# Included on every side, with all that these need in turn.
MODULES = (*DRIVERS, "cifs", "nfs", "loop", "ext4", "xfs", "squashfs", "erofs", "overlay")
# Without systemd, D-Bus, device mapper, crypt and what else dracut takes along by default on Debian: smaller and
# quicker in every figure. With systemd-networkd it was still waiting for its share after 150 s.
DRACUT_MODULES = "base cifs network network-legacy kernel-modules fs-lib rootfs-block udev-rules shutdown"
TOOLS = ("mkinitfs", "dracut", "initramfs-tools")
# One environment for all. SOURCE_DATE_EPOCH would cost mkinitramfs its threads.
ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/root"}
# Shows the folder's /lib/modules and /boot only to the program that it becomes.
INSIDE = 'mount --bind "$0/lib/modules" /lib/modules; mount --bind "$0/boot" /boot; exec "$@"'

# A hook of initramfs-tools(7).
HOOK = """#!/bin/sh
[ "$1" != prereqs ] || exit 0
. /usr/share/initramfs-tools/hook-functions
manual_add_modules {modules}
"""


@dataclass(frozen=True)
class Bench:
    """Where everything lies that a measurement needs."""

    work: Path  # the folder to work in
    kernel: Kernel  # its folder holds the chosen modules
    modules: frozenset[str]  # file names: cifs.ko…

    def inside(self, argv: Sequence[str | Path]) -> list[str | Path]:
        """`argv` with the chosen kernel in /lib/modules and /boot, in a mount name space of its own."""
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", INSIDE, self.kernel.root, *argv]

    def run(self, argv: Sequence[str | Path]) -> None:
        """Run one of the builders to its end; MkinitfsError where it fails."""
        run(self.inside(argv), env={**ENV, "TMPDIR": str(self.work)})


def ours(kernel: Kernel, profile: str = "cifs-loop") -> list[str | Path]:
    """mkinitfs with the modules of the comparison, less the command."""
    extra = [word for name in MODULES if name not in DRIVERS for word in ("--module", name)]
    where = ["--kernel-version", kernel.version, "--hardware", ",".join(DRIVERS)]
    return ["--profile", profile, *where, *extra]


def command(bench: Bench, tool: str, level: int, image: Path) -> list[str | Path]:
    """What makes `image` with `tool` at zstd level `level`."""
    names = sorted(name.removesuffix(".ko") for name in bench.modules)
    version = bench.kernel.version
    match tool:
        case "mkinitfs":
            return [mkinitfs(), "build", *ours(bench.kernel), "--level", str(level), "--output", image]
        case "dracut":
            return dracut(bench, level, image)
        case "initramfs-tools":
            settings = _settings(bench.work / "initramfs-tools", names)
            return ["mkinitramfs", "-d", settings, "-c", "zstd", "-l", str(level), "-o", image, version]
    raise MkinitfsError(f"{tool}: not one of {', '.join(TOOLS)}")


def dracut(bench: Bench, level: int, image: Path, kind: str = "cifs") -> list[str | Path]:
    """What makes dracut's image for a root on `kind`, which is the name of its module for that."""
    names = sorted(name.removesuffix(".ko") for name in bench.modules)
    modules = DRACUT_MODULES.replace("cifs", kind)
    empty = bench.work / "dracut"
    empty.mkdir(exist_ok=True)
    return [
        *("dracut", "--force", "--quiet", "--no-hostonly", "--kver", bench.kernel.version, "--tmpdir", bench.work),
        *("--conf", "/dev/null", "--confdir", empty, "-m", modules, "--drivers", " ".join(names)),
        *("--compress", f"zstd -{level} -T0 -q", image),
    ]


def mkinitfs() -> Path:
    """The command of the virtual environment that the bench runs in."""
    return Path(sys.executable).with_name("mkinitfs")


def _settings(folder: Path, modules: Sequence[str]) -> Path:
    """The machine's own /etc/initramfs-tools, as its package brings it, with the modules of the comparison instead."""
    if not folder.is_dir():
        shutil.copytree("/etc/initramfs-tools", folder)
        config = folder / "initramfs.conf"
        text = re.sub(r"^MODULES=.*", "MODULES=list", config.read_text(), flags=re.MULTILINE)
        config.write_text(re.sub(r"^BUSYBOX=.*", "BUSYBOX=auto", text, flags=re.MULTILINE))
        # Not in its list `modules`: what is named there is also loaded at every boot, needed or not.
        hook = folder / "hooks" / "chosen"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(HOOK.format(modules=" ".join(modules)))
        hook.chmod(0o755)
    return folder


def chosen_kernel(full: Kernel, names: frozenset[str], folder: Path) -> Kernel:
    """A kernel folder that holds the modules `names` and no other, so that no builder brings more than the others."""
    made = Kernel(full.version, folder)
    made.modules.mkdir(parents=True)
    (folder / "boot").mkdir()
    for source in full.vmlinuz.parent.iterdir():
        shutil.copy2(source, folder / "boot")
    for source in full.modules.rglob("*.ko"):
        if source.name in names:
            target = made.modules / source.relative_to(full.modules)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for source in (*full.modules.glob("modules.builtin*"), full.modules / "modules.order"):
        shutil.copy2(source, made.modules)
    run(["depmod", "-b", folder, full.version], env=ENV)
    return made


def modules_in(image: Path) -> frozenset[str]:
    """The file names of the kernel modules in any tool's image."""
    names = (PurePosixPath(member.record.name).name for _, _, member in members_of(image))
    return frozenset(name for name in names if name.endswith(".ko"))
