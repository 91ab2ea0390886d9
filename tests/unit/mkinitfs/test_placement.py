"""Where things come to lie: merged and split /usr, and files that are added."""

import os
from pathlib import Path

import pytest

from mkinitfs import additions, skeleton
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Directory, Fifo, File, Manifest, OnDisk, Symlink
from mkinitfs.placement import place
from mkinitfs.sysroot import Sysroot


@pytest.fixture
def merged(tmp_path) -> Sysroot:
    """usr/{bin,sbin} with links to them at the top, one of them absolute."""
    root = tmp_path / "merged"
    for folder in ("usr/bin", "usr/lib", "etc"):
        (root / folder).mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    (root / "lib").symlink_to("/usr/lib")
    (root / "usr/sbin").symlink_to("bin")
    (root / "sbin").symlink_to("usr/sbin")
    return Sysroot(root)


@pytest.fixture
def split(tmp_path) -> Sysroot:
    root = tmp_path / "split"
    for folder in ("bin", "sbin", "lib", "usr/bin"):
        (root / folder).mkdir(parents=True)
    return Sysroot(root)


@pytest.mark.parametrize(
    ("path", "real", "links"),
    [
        ("/bin/sh", "usr/bin/sh", {"bin": "usr/bin"}),
        ("/sbin/modprobe", "usr/bin/modprobe", {"sbin": "usr/sbin", "usr/sbin": "bin"}),
        ("/lib/modules/6.1/x.ko", "usr/lib/modules/6.1/x.ko", {"lib": "/usr/lib"}),
        ("/init", "init", {}),
        ("/opt/none/x", "opt/none/x", {}),
        ("/etc/x", "etc/x", {}),
    ],
)
def test_links_on_the_way_are_followed_and_kept(merged, path, real, links):
    found, entries = place(merged, path)
    assert found == real
    assert {name: entry.target for name, entry in entries if isinstance(entry, Symlink)} == links


def test_a_split_usr_stays_split(split):
    assert place(split, "/sbin/modprobe") == ("sbin/modprobe", [])
    assert "bin" not in dict(skeleton.entries(split))


def test_the_skeleton_has_what_the_kernel_wants_and_the_sysroots_links(merged):
    found = Manifest(skeleton.entries(merged))
    assert {"dev/console", "proc", "sys", "run", "sysroot", "tmp", "etc/passwd"} <= set(found)
    assert found["tmp"] == Directory(0o1777, "every image")
    assert isinstance(found["sbin"], Symlink) and found["sbin"].target == "usr/sbin"
    assert "lib64" not in found


def added(sysroot: Sysroot, text: str) -> dict[str, object]:
    return dict(additions.from_option(sysroot, text))


def test_a_folder_comes_with_all_below_it(merged, tmp_path):
    source = tmp_path / "src"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "file").write_text("x")
    (source / "sub" / "file").chmod(0o6777)
    (source / "link").symlink_to("sub/file")
    os.mkfifo(source / "fifo", 0o600)
    reason = f"--add {source}:/bin/x"
    assert added(merged, f"{source}:/bin/x") == {
        "bin": Symlink("usr/bin", "leads to /usr/bin"),
        "usr/bin/x": Directory(source.stat().st_mode & 0o755, reason),
        "usr/bin/x/sub": Directory((source / "sub").stat().st_mode & 0o755, reason),
        "usr/bin/x/sub/file": File(OnDisk(source / "sub/file"), 0o755, reason),
        "usr/bin/x/link": Symlink("sub/file", reason),
        "usr/bin/x/fifo": Fifo(0o600, reason),
    }


def test_the_destination(merged, tmp_path):
    source = tmp_path / "file"
    source.write_text("x")
    inside = merged.root / "etc" / "conf"
    inside.write_text("x")
    colon = tmp_path / "a:b"
    colon.write_text("x")
    link = tmp_path / "link"
    link.symlink_to("file")
    assert list(added(merged, f"{source}")) == [str(source)[1:]]
    assert list(added(merged, f"{source}:/etc/")) == ["etc/file"]
    assert list(added(merged, f"{source}:etc/name")) == ["etc/name"]
    assert list(added(merged, f"{source}://etc/../etc/./name")) == ["etc/name"]
    assert list(added(merged, str(inside))) == ["etc/conf"]
    assert list(added(merged, str(colon))) == [str(colon)[1:]]
    assert list(added(merged, f"{colon}:/x")) == ["x"]
    # a link that is added under a name of its own is what it points to
    assert added(merged, f"{link}:/x") == {"x": File(OnDisk(source), 0o644, f"--add {link}:/x")}


def test_a_link_of_the_sysroot_keeps_its_chain(merged):
    (merged.root / "etc" / "two").write_text("x")
    (merged.root / "etc" / "one").symlink_to("/etc/two")
    reason = f"--add {merged.root}/etc/one"
    assert added(merged, f"{merged.root}/etc/one") == {
        "etc/one": Symlink("/etc/two", reason),
        "etc/two": File(OnDisk(merged.root / "etc/two"), 0o644, reason),
    }


def test_a_socket_has_no_place_in_an_image(merged, tmp_path):
    import socket

    (tmp_path / "d").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        path = tmp_path / "d" / "s"
        listener.bind(str(path))
        with pytest.raises(MkinitfsError) as caught:
            added(merged, f"{tmp_path / 'd'}:/x")
    assert caught.value.message == f"{path}: a socket cannot be in an image"


def test_a_script_brings_its_interpreter_from_the_sysroot(merged, tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/bin/interp -x\n")
    script.chmod(0o755)
    with pytest.raises(MkinitfsError, match=r"^/bin/interp: missing, the interpreter of /x$"):
        added(merged, f"{script}:/x")
    interpreter = Path(merged.root) / "usr/bin/interp"
    interpreter.write_text("neither ELF nor script")
    interpreter.chmod(0o755)
    found = added(Sysroot(merged.root), f"{script}:/x")
    assert set(found) == {"x", "bin", "usr/bin/interp"}
    script.chmod(0o644)  # data that happens to begin like a script
    assert set(added(merged, f"{script}:/x")) == {"x"}
