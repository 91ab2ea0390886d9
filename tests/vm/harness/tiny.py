"""The smallest initramfs there is: busybox, a list of modules, a script. The harness proves itself with it.

It is packed by GNU cpio, so that a fault of the product's writer cannot look like a fault of the harness.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.command import run
from tests.kernels import Kernel
from tests.roots import add_program, busybox_root


def tiny_initramfs(
    kernel: Kernel,
    folder: Path,
    script: str,
    modules: Sequence[str] = (),
    programs: Sequence[str] = (),
    fill: Callable[[Path], object] | None = None,
) -> Path:
    """An initramfs whose /init loads `modules` and all they need, then runs `script` (shell) as PID 1.

    `fill` is told the folder that becomes its root, to lay more into it.
    """
    folder.mkdir(parents=True)
    tree = shutil.copytree(busybox_root().tree, folder / "tree", symlinks=True)
    for program in programs:
        add_program(tree, program, f"bin/{Path(program).name}")
    if fill:
        fill(tree)
    loads = ""
    for path in dict.fromkeys(path for name in modules for path in needed(kernel, name)):
        shutil.copy2(path, tree / "lib" / path.name)
        loads += f"insmod /lib/{path.name}\n"
    mounts = "".join(f"mount -t {kind} {kind} /{name}\n" for name, kind in MOUNTS.items())
    (tree / "init").write_text(f"#!/bin/sh\n{mounts}{loads}{script}")
    (tree / "init").chmod(0o755)
    names = "\n".join(sorted(str(path.relative_to(tree)) for path in tree.rglob("*")))
    image = folder / "tiny.cpio"
    subprocess.run(
        ["cpio", "--create", "--quiet", "--format=newc", "--owner=0:0", f"--file={image}"],
        input=names,
        text=True,
        cwd=tree,
        check=True,
    )
    return image


MOUNTS = {"proc": "proc", "sys": "sysfs", "dev": "devtmpfs"}


def needed(kernel: Kernel, name: str) -> list[Path]:
    """The files that `modprobe` would load for module `name`, in its order."""
    listing = run(
        ["modprobe", "-d", kernel.modules.parents[2], "-S", kernel.version, "--show-depends", name], env=os.environ
    )
    return [Path(line.split()[1]) for line in listing.splitlines() if line.startswith("insmod ")]
