"""A kernel whose random generator is not seeded yet, as on every processor without RDRAND: Python's first line comes.

A seccomp filter answers getrandom(2) as that kernel does, with EAGAIN, in a chroot with the image's files.
"""

import os
import subprocess
import sys

import pytest

from tests.command import mkinitfs

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="chroot and device nodes are root's")

# argv: the folder to be root, the program for the interpreter of its /init
IN_THE_IMAGE = """
import ctypes, os, struct, sys
folder, program = sys.argv[1:]
getrandom = {"x86_64": 318, "aarch64": 278}[os.uname().machine]
load, equal, answer, EAGAIN = 0x20, 0x15, 0x06, 11
code = b"".join(
    struct.pack("=HBBI", *instruction)
    for instruction in (
        (load, 0, 0, 0), (equal, 0, 1, getrandom), (answer, 0, 0, 0x00050000 | EAGAIN), (answer, 0, 0, 0x7FFF0000),
    )
)
buffer = ctypes.create_string_buffer(code, len(code))
header = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer)))
os.chroot(folder)
os.chdir("/")
interpreter, options = open("/init").readline().removeprefix("#!").split()
assert ctypes.CDLL(None).prctl(22, 2, header) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
os.execve(interpreter, [interpreter, options, "-c", program], {})
"""
DRAW = """
import os, sys
sys.path.insert(0, "/usr/lib/mkinitfs")
from init.system import randomness
try:
    os.getrandom(1, os.GRND_NONBLOCK)
except BlockingIOError:
    print("not seeded")
print(len(randomness.draw(6)), randomness.draw(6) != randomness.draw(6))
"""
# The keeper and the holders go over to the ramdisk, which has no /dev.
GO_OVER = """
import os, sys
sys.path.insert(0, "/usr/lib/mkinitfs")
from init.system import child
for name in os.listdir("/dev"):
    os.unlink(f"/dev/{name}")
with open("/x.py", "w") as file:
    file.write("import os, sys; print(sys.argv[1:], sorted(os.environ), sys.flags.safe_path, sys.path[0] != '/')")
child.become_python("/x.py", "a", environment={"PATH": "/bin"})
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """An image, unpacked."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "p.toml").write_text('entry_points = { "/init" = "init.__main__:main" }\n')
    done = mkinitfs("build", "--profile", folder / "p.toml", "--output", folder / "i", "--compression", "none")
    assert done.code == 0, done.err
    assert mkinitfs("extract", folder / "i", "-C", folder / "tree").code == 0
    return folder / "tree"


def run(tree, program):
    command = [sys.executable, "-c", IN_THE_IMAGE, tree, program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python_starts_and_draws_without_a_seeded_generator(tree):
    assert run(tree, DRAW) == "not seeded\n6 True\n"


def test_python_starts_anew_without_a_device(tree):
    assert run(tree, GO_OVER) == "['a'] ['PATH', 'PYTHONHASHSEED'] True True\n"
