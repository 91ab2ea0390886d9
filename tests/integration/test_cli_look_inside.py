"""`list`, `cat`, `extract`, `plan`, `why` and `profiles` on real images, ours and another tool's.

Needs busybox, cpio and gzip.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.command import command, environment, mkinitfs

PROFILE = """programs = ["busybox"]
applets = ["sh", "cat", "busybox"]
symlinks = { "/opt/here" = "there" }
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    (folder / "p.toml").write_text(PROFILE)
    words = ("build", "--profile", folder / "p.toml", "--output", folder / "x.img")
    assert mkinitfs(*words, SOURCE_DATE_EPOCH="86400").code == 0
    return folder / "x.img"


@pytest.fixture
def foreign(tmp_path) -> Path:
    """Two segments as GNU cpio and gzip write them: an early one, and one with a leading ./ in its names."""
    tree = tmp_path / "tree"
    (tree / "kernel").mkdir(parents=True)
    (tree / "kernel" / "ucode").write_text("microcode")
    (tree / "kernel" / "link").symlink_to("ucode")
    writer = ["cpio", "-o", "-H", "newc", "--quiet"]
    early, main = (
        subprocess.run(writer, cwd=tree, input=names, capture_output=True, check=True).stdout
        for names in (b"kernel\nkernel/ucode\n", b".\n./kernel/link\n./kernel/ucode\n")
    )
    packed = subprocess.run(["gzip", "-n"], input=main, capture_output=True, check=True).stdout
    path = tmp_path / "foreign.img"
    path.write_bytes(early + packed)
    return path


def test_list(image, foreign):
    names = mkinitfs("list", image).out.splitlines()
    assert names == sorted(names) and {"usr/bin/busybox", "usr/bin/sh", "dev/console"} <= set(names)
    assert mkinitfs("list", foreign).out.splitlines() == ["kernel", "kernel/ucode", ".", "kernel/link", "kernel/ucode"]


def test_list_long(image, foreign):
    lines = mkinitfs("list", "--long", image).out.splitlines()
    assert lines[0] == "segment 1: zstd"
    assert "crw-------  1 0/0           5,1 1970-01-02 00:00 dev/console" in lines
    assert "lrwxrwxrwx  1 0/0             7 1970-01-02 00:00 usr/bin/sh -> busybox" in lines
    heads = [line for line in mkinitfs("list", "-l", foreign).out.splitlines() if line.startswith("segment")]
    assert heads == ["segment 1: none", "segment 2: gzip"]


def test_list_json(image, foreign):
    console = next(item for item in json.loads(mkinitfs("list", "--json", image).out) if item["path"] == "dev/console")
    assert console == {
        "path": "dev/console", "type": "character device", "mode": "0600", "uid": 0, "gid": 0, "size": 0,
        "mtime": 86400, "nlink": 1, "segment": 1, "compression": "zstd", "device": "5:1",
    }  # fmt: skip
    link = json.loads(mkinitfs("list", "--json", foreign).out)[3]
    assert (link["path"], link["type"], link["target"], link["segment"]) == ("kernel/link", "symlink", "ucode", 2)


def test_cat(image, foreign):
    done = subprocess.run(command("cat", image, "/usr/bin/sh"), env=environment(), capture_output=True, check=True)
    assert done.stdout == Path("/usr/bin/busybox").read_bytes()
    assert mkinitfs("cat", foreign, "kernel/link", "/kernel/ucode").out == "microcodemicrocode"
    done = mkinitfs("cat", image, "nothing")
    assert (done.code, done.out) == (1, "")
    assert done.err == f"error: {image}: there is no /nothing in it\nhint: mkinitfs list {image} shows what there is\n"


def test_extract(foreign, tmp_path):
    done = mkinitfs("extract", foreign, cwd=tmp_path)
    assert (done.code, done.out, done.err) == (0, "foreign.img.d\n", "")
    assert (tmp_path / "foreign.img.d/kernel/link").read_text() == "microcode"
    done = mkinitfs("extract", foreign, "kernel/link", "-C", tmp_path / "part")
    assert done.code == 0
    assert [path.name for path in (tmp_path / "part/kernel").iterdir()] == ["link"]
    done = mkinitfs("extract", foreign, "kernel/l", "-C", tmp_path / "none")
    assert (done.code, done.err.splitlines()[0]) == (1, f"error: {foreign}: there is no /kernel/l in it")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["list", "cat", "extract"])
def test_images_that_are_none(name, image, tmp_path):
    more = {"cat": ["x"], "extract": ["-C", tmp_path / "out"]}.get(name, [])
    cut = tmp_path / "cut.img"
    cut.write_bytes(image.read_bytes()[:20000])
    done = mkinitfs(name, cut, *more)
    assert done.code == 1
    assert done.err.startswith(f"error: {cut}: segment 1 at offset 0: zstd data ends too early, 20000 bytes in")
    done = mkinitfs(name, "/etc/passwd", *more)
    assert done.code == 1
    assert "neither a cpio archive nor a compression that the kernel knows" in done.err
    done = mkinitfs(name, tmp_path / "gone.img", *more)
    assert (done.code, done.err) == (1, f"error: {tmp_path / 'gone.img'}: No such file or directory\n")
    plain = tmp_path / "plain.img"
    plain.write_bytes(subprocess.run(["zstd", "-dcq", image], capture_output=True, check=True).stdout[:20001])
    done = mkinitfs(name, plain, *more)
    assert done.code == 1 and done.err.startswith(f"error: {plain}: segment 1: offset ") and "Traceback" not in done.err


def test_a_reader_that_has_enough_is_no_error(image):
    script = '"$@" | head -n 1'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *command("list", image)], env=environment(), capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("bin\n", "")


def test_plan(tmp_path):
    (tmp_path / "p.toml").write_text(PROFILE)
    lines = mkinitfs("plan", "--profile", tmp_path / "p.toml").out.splitlines()
    assert any(line.startswith("crw-------         0 /dev/console ") for line in lines)
    line = next(line for line in lines if " /usr/bin/sh -> busybox" in line)
    assert line.startswith("lrwxrwxrwx         7 ") and line.endswith("  busybox applet, profile p")
    values = json.loads(mkinitfs("plan", "--profile", tmp_path / "p.toml", "--json").out)
    assert (values["profile"], values["kernel"], values["python"]) == ("p", None, None)
    entries = {item["path"]: item for item in values["entries"]}
    assert entries["opt/here"] == {
        "path": "opt/here", "type": "symlink", "reason": "link of profile p", "target": "there"
    }  # fmt: skip
    assert entries["usr/bin/busybox"]["source"] == "/usr/bin/busybox"
    # the program itself, not a link to itself
    assert entries["usr/bin/busybox"]["type"] == "file"


def test_why(tmp_path):
    (tmp_path / "p.toml").write_text(PROFILE)
    done = mkinitfs("why", "/usr/lib/x86_64-linux-gnu/libresolv.so.2", "--profile", tmp_path / "p.toml")
    assert done.out == (
        "/usr/lib/x86_64-linux-gnu/libresolv.so.2: needed by /usr/bin/busybox\n/usr/bin/busybox: program of profile p\n"
    )
    done = mkinitfs("why", "/nothing", "--profile", tmp_path / "p.toml")
    assert (done.code, done.err) == (
        1,
        "error: /nothing: would not be in the image\nhint: mkinitfs plan lists what would\n",
    )


def test_profiles():
    lines = mkinitfs("profiles").out.splitlines()
    assert "cifs         root on a Samba or CIFS share" in lines
    assert json.loads(mkinitfs("profiles", "--json").out)["nfs"] == "root on an NFS export"
    shown = mkinitfs("profiles", "cifs").out
    assert 'programs = ["busybox", "mount.cifs"]' in shown.splitlines()
    assert mkinitfs("profiles", "cisf").err.startswith(
        "error: profile cisf: not found, did you mean cifs?\nhint: there are: base, "
    )


def test_what_profiles_shows_is_a_profile(tmp_path):
    shown = mkinitfs("profiles", "cifs-loop").out
    (tmp_path / "again.toml").write_text(
        "".join(f"{line}\n" for line in shown.splitlines() if not line.startswith("name ="))
    )
    again = json.loads(mkinitfs("profiles", tmp_path / "again.toml", "--json").out)
    first = json.loads(mkinitfs("profiles", "cifs-loop", "--json").out)
    assert {**again, "name": "cifs-loop"} == first


def test_version_and_help():
    assert mkinitfs("--version").out == "mkinitfs, version 0.1.0\n"
    for name in ("build", "plan", "why", "list", "cat", "extract", "profiles"):
        done = mkinitfs(name, "--help")
        assert done.code == 0 and done.out.startswith(f"Usage: mkinitfs {name} ")
