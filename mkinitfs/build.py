"""What the command line asks for, made into a plan and then into a file."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mkinitfs import credentials, host, kconfig, locations, privacy, profile
from mkinitfs.archive import compress
from mkinitfs.errors import MkinitfsError
from mkinitfs.plan import Options, Plan, needs_kernel, plan
from mkinitfs.profile import HARDWARE_CLASSES, Hardware, Profile
from mkinitfs.sysroot import Sysroot

_LATEST = 2**32 - 1  # eight hexadecimal digits, the most a newc header holds


@dataclass(frozen=True, slots=True)
class Request:
    """The options that `build` and `plan` share, as they were typed."""

    profile: str
    sysroot: Path
    kernel_dir: Path | None = None
    kernel_version: str | None = None
    hardware: str | None = None
    modules: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    credentials: Path | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan with what it was made from."""

    profile: Profile
    host: host.Host
    plan: Plan
    owners: str  # a path in the image for the sake of which only its owner may read it, "" where there is none

    @property
    def default_output(self) -> Path:
        """./initramfs-VERSION.img, with the profile's name where no kernel is involved."""
        kernel = self.host.kernel
        return Path(f"initramfs-{kernel.version if kernel else self.profile.name}.img")


@dataclass(frozen=True, slots=True)
class Packing:
    """How an image is compressed."""

    compression: str = "zstd"
    level: int | None = None  # None: the algorithm's default
    threads: int | None = None  # None: all cores
    asked: bool = True  # whether the user named the compression; a default may give way to another

    def checked(self) -> Packing:
        """With the level filled in. Raises MkinitfsError for one that the algorithm does not have."""
        return replace(self, level=compress.check_level(self.compression, self.level))

    def for_kernel(self, kernel: host.Kernel | None) -> tuple[Packing, str]:
        """The packing for an image that `kernel` is to unpack, and what to tell the user, if anything.

        Raises MkinitfsError where it cannot unpack what was asked for.
        """
        reason = kconfig.obstacle(self.compression, kernel.version, kernel.config) if kernel else ""
        if not kernel or not reason:
            return self, ""
        other = kconfig.instead(kernel.version, kernel.config)
        told = f"kernel {kernel.version}: cannot unpack {self.compression}: {reason}"
        if self.asked:
            raise MkinitfsError(told, f"choose --compression {other}")
        packing = replace(self, compression=other, level=None).checked()
        return packing, f"{told}; packed with {other}, as --compression {other} does without a word"


@dataclass(frozen=True, slots=True)
class Built:
    """An image that was written, as archive.image.Written has it, and how long it took."""

    size: int
    unpacked: int
    sha256: str
    seconds: float


def profile_folders() -> list[Path]:
    """Where profiles are looked up by name, the user's own first."""
    return [locations.USER_PROFILES, locations.profiles()]


def parse_hardware(text: str) -> Hardware:
    """`generic`, `host`, or names of drivers with commas between them."""
    if text in HARDWARE_CLASSES:
        return text
    names = tuple(name.strip() for name in text.split(","))
    if not all(re.fullmatch(r"\??[\w.:,*/()-]+", name) for name in names):
        raise MkinitfsError(
            f"--hardware {text!r}: neither generic, host nor a list of drivers", "e.g. virtio_net,e1000"
        )
    return names


def prepare(request: Request) -> Prepared:
    """Read profile, host and options, and plan the image. Raises MkinitfsError for whatever is wrong."""
    folders = profile_folders()
    chosen = profile.load(request.profile, folders)
    ramdisk = profile.load(chosen.ramdisk, folders) if chosen.ramdisk else None
    options = Options(
        hardware=None if request.hardware is None else parse_hardware(request.hardware),
        modules=request.modules,
        add=request.add,
        credentials=None if request.credentials is None else credentials.load(request.credentials),
    )
    sysroot = Sysroot(request.sysroot)
    kernel = None
    if needs_kernel(chosen, options):
        root = request.kernel_dir or request.sysroot
        kernel = host.find_kernel(root, request.kernel_version, running=host.running_kernel(root))
    python = host.find_python(sysroot) if chosen.entry_points else None
    target = host.Host(sysroot, python, kernel)
    planned = plan(chosen, target, options, ramdisk)
    trees = {sysroot.root, *([kernel.tree.root] if kernel else ())}
    return Prepared(chosen, target, planned, privacy.owners(planned.manifest, trees))


def timestamp(environment: Mapping[str, str]) -> int:
    """The time of every member: SOURCE_DATE_EPOCH (reproducible-builds.org), 0 where it is not set."""
    text = environment.get("SOURCE_DATE_EPOCH", "0")
    if not re.fullmatch(r"[0-9]{1,12}", text) or int(text) > _LATEST:
        raise MkinitfsError(
            f"SOURCE_DATE_EPOCH: {text!r} is not a number of seconds from 0 to {_LATEST}",
            "e.g. git log -1 --format=%ct",
        )
    return int(text)


def write(prepared: Prepared, path: Path, packing: Packing, mtime: int, progress: Callable[[int, int], None]) -> Built:
    """Write the image; whatever was at `path` before is replaced in one step or left as it is."""
    from mkinitfs.archive.image import Segment, write_image

    started = time.monotonic()
    segment = Segment(prepared.plan.manifest, packing.compression, packing.level)
    mode = 0o600 if prepared.owners else 0o644
    done = write_image(path, [segment], mode=mode, mtime=mtime, threads=packing.threads, progress=progress)
    return Built(done.size, done.unpacked, done.sha256, time.monotonic() - started)
