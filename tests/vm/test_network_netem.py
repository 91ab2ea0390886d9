"""DHCP and DHCPv6 under netem's loss, reordering, delay and duplicates, in namespaces of a guest: not every kernel that
tests run on has sch_netem, and Debian's have.
"""

import _ctypes
import os
import shutil
from pathlib import Path

import pytest

from tests.kernels import Kernel
from tests.lab import ENV, ROOT
from tests.roots import add_program

from .harness import Machine
from .harness.tiny import tiny_initramfs
from .netem_rounds import PATIENCE, WIRES

pytestmark = pytest.mark.vm

PROGRAMS = ("dnsmasq", "tc", "ip", "unshare", "nsenter")
# What is large in the standard library and not imported by tests.lab or init.
LEFT_OUT = ("config-*", "*test*", "asyncio", "distutils", "email", "ensurepip", "idlelib", "lib2to3", "pydoc_data")
FILES = ("init", "tests/__init__.py", "tests/lab.py", "tests/vm/netem_rounds.py")
SCRIPT = f"export PATH={ENV['PATH']}; python3 -B /work/{FILES[-1]}; poweroff -f"


def fill(tree: Path) -> None:
    """Lay this machine's programs, its Python and what is tested into the guest's root."""
    (tree / "usr/bin").mkdir(parents=True)
    for program in PROGRAMS:
        found = shutil.which(program)
        assert found, program
        add_program(tree, found, f"usr/bin/{program}")  # before busybox's own on the PATH
    add_program(tree, "/usr/bin/python3", "usr/bin/python3")
    with (tree / "etc/passwd").open("a") as file:
        file.write("nobody:x:65534:65534::/:/bin/false\n")  # dnsmasq asks who that is
    library = Path(os.__file__).parent
    shutil.copytree(library, tree / str(library).lstrip("/"), ignore=shutil.ignore_patterns(*LEFT_OUT))
    add_program(tree, _ctypes.__file__, _ctypes.__file__.lstrip("/"))  # again, with what it needs
    for name in FILES:
        target = tree / "work" / name  # /init is the guest's own
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy2)(ROOT / name, target)


def test_addresses_come_through_whatever_netem_does(tmp_path: Path, kernel_6_1: Kernel) -> None:
    initrd = tiny_initramfs(kernel_6_1, tmp_path / "tiny", SCRIPT, ["veth", "bridge", "sch_netem"], fill=fill)
    with Machine(kernel_6_1.vmlinuz, initrd, tmp_path, nic=None, memory=1024) as vm:
        done = vm.wait_for(r"netem: (\d+) packets sent, (\d+) lost|reboot: Power down", 2 * PATIENCE)
        for name in WIRES:
            assert vm.seen(rf"^{name}: addresses 10\.9\.0\.\d+/24 2001:db8::.*/128 "), vm.console.text
        sent, lost = map(int, done.groups())
        assert lost > 0, sent  # of so many that none at all would mean a wire without netem
        vm.wait_powered_off()
