"""Files that are added, and what comes with them."""

import os
import socket

import pytest

from mkinitfs import additions
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Directory, Fifo, File, OnDisk, Symlink
from mkinitfs.sysroot import Sysroot
from tests.unit.files import link, put


def added(sysroot: Sysroot, text: str) -> dict[str, object]:
    return dict(additions.from_option(sysroot, text))


def test_a_folder_comes_with_all_below_it(merged, tmp_path):
    source = tmp_path / "src"
    put(source / "sub" / "file", mode=0o6777)
    link(source, {"link": "sub/file"})
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
    source, inside, colon = tmp_path / "file", merged.root / "etc/conf", tmp_path / "a:b"
    for path in (source, inside, colon):
        put(path)
    for text, name in {
        f"{source}": str(source)[1:],
        f"{source}:/etc/": "etc/file",
        f"{source}:etc/name": "etc/name",
        f"{source}://etc/../etc/./name": "etc/name",
        f"{inside}": "etc/conf",
        f"{colon}": str(colon)[1:],
        f"{colon}:/x": "x",
    }.items():
        assert list(added(merged, text)) == [name]
    # a link that is added under a name of its own is what it points to
    link(tmp_path, {"link": "file"})
    option = f"{tmp_path}/link:/x"
    assert added(merged, option) == {"x": File(OnDisk(source), 0o644, f"--add {option}")}


def test_a_link_of_the_sysroot_keeps_its_chain(merged):
    put(merged.root / "etc/two")
    link(merged.root, {"etc/one": "/etc/two"})
    reason = f"--add {merged.root}/etc/one"
    assert added(merged, f"{merged.root}/etc/one") == {
        "etc/one": Symlink("/etc/two", reason),
        "etc/two": File(OnDisk(merged.root / "etc/two"), 0o644, reason),
    }


def test_a_socket_has_no_place_in_an_image(merged, tmp_path):
    (tmp_path / "d").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        path = tmp_path / "d" / "s"
        listener.bind(str(path))
        with pytest.raises(MkinitfsError) as caught:
            added(merged, f"{tmp_path / 'd'}:/x")
    assert caught.value.message == f"{path}: a socket cannot be in an image"


def test_a_circle_of_links_is_told_as_what_it_is(merged, tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(MkinitfsError) as caught:
        added(merged, f"{tmp_path / 'a'}:/x")
    assert caught.value.message == f"--add {tmp_path / 'a'}:/x: Too many levels of symbolic links"


def test_a_script_brings_its_interpreter_from_the_sysroot(merged, tmp_path):
    script = tmp_path / "script"
    put(script, "#!/bin/interp -x\n", 0o755)
    with pytest.raises(MkinitfsError, match=r"^/bin/interp: missing, the interpreter of /x$"):
        added(merged, f"{script}:/x")
    put(merged.root / "usr/bin/interp", "neither ELF nor script", 0o755)
    found = added(Sysroot(merged.root), f"{script}:/x")
    assert set(found) == {"x", "bin", "usr/bin/interp"}
    script.chmod(0o644)  # data that happens to begin like a script
    assert set(added(merged, f"{script}:/x")) == {"x"}
