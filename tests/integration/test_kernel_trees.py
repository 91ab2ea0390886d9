"""Kernel trees as people have them: links, both module folders, a configuration that says what is not there."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.command import Done, command, environment, mkinitfs
from tests.kernels import fake_kernel, fake_module, kernel
from tests.unit.files import link, put

VERSION = "6.9.0-lab"


def profile(folder: Path, text: str = 'modules = ["foo"]') -> Path:
    path = folder / "p.toml"
    path.write_text(text)
    return path


def planned(folder: Path, *arguments: str | Path, text: str = 'modules = ["foo"]') -> tuple[set[str], list[str]]:
    """The paths of the image of a profile `text` with the kernel below `folder`/k, and what was said beside."""
    words = ("--profile", profile(folder, text), "--kernel-dir", folder / "k", *arguments)
    done = mkinitfs("plan", "--json", *words)
    assert done.code == 0, done.err
    # On a merged sysroot, as this machine's, they come to lie below usr.
    return {entry["path"].removeprefix("usr/") for entry in json.loads(done.out)["entries"]}, done.err.splitlines()


def built(folder: Path, *arguments: str | Path, text: str = 'modules = ["foo"]') -> Done:
    words = ("--profile", profile(folder, text), "--kernel-dir", folder / "k", "--output", folder / "image")
    return mkinitfs("build", *words, *arguments)


def test_the_version_is_the_name_asked_for_and_no_links_target(tmp_path):
    fake_kernel(tmp_path / "k/srv/build-42", {"kernel/foo.ko": fake_module("name=foo")})
    link(tmp_path / "k", {f"lib/modules/{VERSION}": "../../srv/build-42"})
    paths, said = planned(tmp_path)
    assert (f"lib/modules/{VERSION}/kernel/foo.ko" in paths, said) == (True, [])


def test_a_module_that_is_an_absolute_link_is_read_below_the_kernels_root(tmp_path):
    """As weak-updates has them; the file that the link names on the building machine is another one."""
    ours, theirs = fake_module("name=foo", "description=ours"), fake_module("name=foo", "description=theirs")
    put(tmp_path / "elsewhere/foo.ko", theirs)
    put(Path(f"{tmp_path}/k{tmp_path}/elsewhere/foo.ko"), ours)
    fake_kernel(tmp_path / f"k/lib/modules/{VERSION}", {}, dep="weak-updates/foo.ko:\n")
    link(tmp_path / "k", {f"lib/modules/{VERSION}/weak-updates/foo.ko": f"{tmp_path}/elsewhere/foo.ko"})
    done = built(tmp_path)
    assert done.code == 0, done.err
    mkinitfs("extract", tmp_path / "image", "-C", tmp_path / "tree")
    (module,) = (tmp_path / "tree").rglob("foo.ko")
    assert (module.parent.name, module.read_bytes()) == ("weak-updates", ours)


def test_a_folder_whose_modules_are_anothers_is_told(tmp_path):
    modules = {"kernel/foo.ko": fake_module("name=foo", "vermagic=6.9.0-lab SMP preempt mod_unload")}
    fake_kernel(tmp_path / f"k/lib/modules/{VERSION}", modules)
    assert planned(tmp_path)[1] == []
    link(tmp_path / "k", {"lib/modules/current": VERSION})
    assert planned(tmp_path)[1] == []
    assert planned(tmp_path, "--kernel-version", "current")[1] == [
        "warning: kernel current: its modules are of 6.9.0-lab, and no machine finds them under another name: "
        "rename the folder, or choose that one with --kernel-version"
    ]


@pytest.mark.matrix
def test_a_debian_kernel_of_three_packages(tmp_path):
    """All of it below usr/lib/modules/VERSION, and no link lib."""
    found = kernel("next")
    assert not (found.root / "lib").exists()
    words = ("build", "--kernel-dir", found.root, "--hardware", "virtio_net", "--output", tmp_path / "image")
    done = mkinitfs(*words)
    assert (done.code, done.err) == (0, "")
    assert f"lib/modules/{found.version}/kernel/drivers/net/virtio_net.ko" in mkinitfs("list", tmp_path / "image").out


def test_what_the_kernel_cannot_unpack(tmp_path):
    """A default gives way with a line; what was asked for is refused, and nothing is written."""
    fake_kernel(tmp_path / f"k/lib/modules/{VERSION}", {"kernel/foo.ko": fake_module("name=foo")})
    config = tmp_path / f"k/boot/config-{VERSION}"
    put(config, "CONFIG_RD_GZIP=y\n# CONFIG_RD_ZSTD is not set\n")
    told = f"kernel {VERSION}: cannot unpack zstd: CONFIG_RD_ZSTD is not set in {config}"
    done = built(tmp_path)
    assert (done.code, done.err) == (
        0, f"warning: {told}; packed with gzip, as --compression gzip does without a word\n",
    )  # fmt: skip
    assert (tmp_path / "image").read_bytes()[:2] == b"\x1f\x8b"
    (tmp_path / "image").unlink()
    done = built(tmp_path, "--compression", "zstd")
    assert (done.code, done.out, done.err) == (1, "", f"error: {told}\nhint: choose --compression gzip\n")
    assert not (tmp_path / "image").exists()
    assert built(tmp_path, "--compression", "gzip").err == ""


def test_what_the_kernel_was_built_without(tmp_path):
    fake_kernel(tmp_path / f"k/lib/modules/{VERSION}", {"kernel/foo.ko": fake_module("name=foo")})
    put(tmp_path / f"k/lib/modules/{VERSION}/config", "# CONFIG_CIFS is not set\n# CONFIG_BLK_DEV_INITRD is not set\n")
    done = built(tmp_path, text='modules = ["foo", "cifs"]')
    assert (done.code, done.err.splitlines()) == (1, [
        f"error: kernel {VERSION}: built without CONFIG_BLK_DEV_INITRD, cifs (CONFIG_CIFS), says "
        f"{tmp_path}/k/lib/modules/{VERSION}/config",
        "hint: name one that has it with --kernel-version or --kernel-dir",
    ])  # fmt: skip


def test_how_much_is_said(tmp_path):
    """A default build: nothing that nobody can act on; files with -v; nothing with -q, but errors."""
    modules = {"kernel/foo.ko": fake_module("name=foo", "firmware=foo/a.bin", "firmware=foo/b.bin")}
    fake_kernel(tmp_path / f"k/lib/modules/{VERSION}", modules)
    put(tmp_path / "s/etc/os-release", "ID=arch\n")
    words = ("--sysroot", tmp_path / "s")
    line = "no firmware for foo: where a machine has such a card, install linux-firmware (-v names drivers and files)"
    assert built(tmp_path, *words).err == f"warning: {line}\n"
    assert built(tmp_path, *words, "-v").err == (
        f"warning: {line}\nnote: firmware of foo not found: foo/a.bin, foo/b.bin (linux-firmware)\n"
    )
    done = built(tmp_path, *words, "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    argv = command("build", "--profile", tmp_path / "p.toml", "--kernel-dir", tmp_path / "k", *words, "-q", "-o", "x")
    terminal = ["script", "--quiet", "--return", "--command", shlex.join(argv), "/dev/null"]
    seen = subprocess.run(terminal, cwd=tmp_path, env=environment(), capture_output=True, stdin=subprocess.DEVNULL)
    assert (seen.returncode, seen.stdout) == (0, b"")
    assert json.loads(built(tmp_path, *words, "-q", "--json").out)["warnings"] == [line]
    assert built(tmp_path, *words, "-q", "--kernel-version", "1").err.startswith("error: kernel 1: not below")
