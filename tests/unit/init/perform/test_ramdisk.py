"""Staging, in a root of its own: everything of the list, `shutdown` last and whole."""

from pathlib import Path

import pytest

from tests import isolated
from tests.unit.files import link, put

STAGE = """
import codecs; codecs.lookup("utf-8")
from init.perform import ramdisk
os.umask(0o022)
os.chroot(sys.argv[4]); os.chdir("/")
try:
    ramdisk.mount_tmpfs()
    sizes = [ramdisk.stage() for _ in range(int(sys.argv[5]))]
except OSError as error:
    answer({"error": error.strerror, "shutdown": os.path.exists("/run/initramfs/shutdown")})
else:
    found = {}
    for folder, folders, files in os.walk("/run/initramfs"):
        for name in folders + files:
            path = f"{folder}/{name}"
            mode = oct(os.lstat(path).st_mode)
            content = os.readlink(path) if os.path.islink(path) else ""
            if os.path.isfile(path) and not content:
                content = open(path).read()
            found[path.removeprefix("/run/initramfs/")] = [mode, content]
    answer({"sizes": sizes, "found": found, "device": os.stat("/run/initramfs").st_dev != os.stat("/run").st_dev})
"""


def image(root: Path, listed: str) -> None:
    for name in ("dev", "run"):
        (root / name).mkdir()
    link(root, {"bin": "usr/bin"})
    put(root / "usr/bin/sh", "a shell", 0o755)
    put(root / "etc/secret", "not listed")
    put(root / "etc/passwd", "root\n", 0o640)
    put(root / "shutdown", "#!/bin/sh\n", 0o755)
    put(root / "usr/lib/mkinitfs/ramdisk", listed)


LISTED = "bin\nusr\nusr/bin\nusr/bin/sh\netc/passwd\nshutdown\nnot/there\n\n"


def test_files_links_and_folders_with_their_modes(tmp_path: Path) -> None:
    image(tmp_path, LISTED)
    answer = isolated.run(STAGE, tmp_path, 1)
    assert answer["found"] == {
        **{name: ["0o40755", ""] for name in ("usr", "usr/bin", "etc")},
        "bin": ["0o120777", "usr/bin"],
        "usr/bin/sh": ["0o100755", "a shell"],
        "etc/passwd": ["0o100640", "root\n"],
        "shutdown": ["0o100755", "#!/bin/sh\n"],
    }
    assert answer["sizes"] == [len("a shell") + len("root\n") + len("#!/bin/sh\n")]
    assert answer["device"]  # a tmpfs of its own below /run


def test_staging_again_is_the_same(tmp_path: Path) -> None:
    """A switch that failed is tried again after the shell."""
    image(tmp_path, LISTED)
    answer = isolated.run(STAGE, tmp_path, 2)
    assert answer["sizes"][0] == answer["sizes"][1]
    assert answer["found"]["shutdown"] == ["0o100755", "#!/bin/sh\n"]
    assert ".shutdown" not in answer["found"]


@pytest.mark.parametrize("name", ["shutdown", "usr/lib/mkinitfs/ramdisk"])
def test_without_its_program_or_a_list_there_is_no_shutdown(tmp_path: Path, name: str) -> None:
    image(tmp_path, LISTED)
    (tmp_path / name).unlink()
    assert isolated.run(STAGE, tmp_path, 1) == {"error": "No such file or directory", "shutdown": False}


def test_a_full_tmpfs_leaves_no_shutdown(tmp_path: Path) -> None:
    image(tmp_path, "usr/bin/sh\nshutdown\n")
    full = STAGE.replace(
        "    ramdisk.mount_tmpfs()",
        '    os.makedirs("/run/initramfs"); from init.system import syscalls\n'
        '    syscalls.mount("full", "/run/initramfs", "tmpfs", 0, "size=4096")\n'
        '    open("/run/initramfs/ballast", "w").write("x" * 4096)',
    )
    assert isolated.run(full, tmp_path, 1) == {"error": "No space left on device", "shutdown": False}
