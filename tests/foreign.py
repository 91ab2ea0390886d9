"""Debian systems of other machines, unpacked and never run here: sysroots that nothing of is executed."""

from pathlib import Path

from tests.debs import unpack
from tests.roots import cached

# machine (Debian's name) -> suite, packages
SYSTEMS = {
    "arm64": ("trixie", ("busybox", "cifs-utils", "mount", "python3.13-minimal", "libpython3.13-stdlib")),
    "i386": ("bookworm", ("busybox-static", "cifs-utils", "mount", "python3.11-minimal", "libpython3.11-stdlib")),
}


def foreign_root(machine: str) -> Path:
    """The folder, made on first use. Raises MkinitfsError where the mirror does not answer."""
    suite, packages = recipe = SYSTEMS[machine]
    return cached(machine, lambda tree: unpack(tree, suite, packages, machine), recipe).tree
