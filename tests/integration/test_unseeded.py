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


def test_python_starts_and_draws_without_a_seeded_generator(tmp_path):
    profile = tmp_path / "p.toml"
    profile.write_text('entry_points = { "/init" = "init.__main__:main" }\n')
    assert mkinitfs("build", "--profile", profile, "--output", tmp_path / "i", "--compression", "none").code == 0
    assert mkinitfs("extract", tmp_path / "i", "-C", tmp_path / "tree").code == 0
    command = [sys.executable, "-c", IN_THE_IMAGE, tmp_path / "tree", DRAW]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("not seeded\n6 True\n", 0), done.stderr
