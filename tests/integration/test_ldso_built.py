"""Programs built for this (gcc, gcc-multilib, musl-tools), judged by the linker that would run them."""

import os
import re
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

from mkinitfs.elf import elf, ldso
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import File, Manifest, OnDisk, Symlink
from mkinitfs.sysroot import Sysroot
from tests.linker import GLIBC, compiled, library, ours, theirs

MUSL = "/lib/ld-musl-x86_64.so.1"
HOST = Sysroot("/")


def program(out: Path, *options: str | Path, cc: str = "gcc", body: str = "") -> Path:
    return compiled(out, body or "int main(void) { return 0; }", *options, cc=cc)


def agreed(path: Path, linker: str = GLIBC) -> set[str] | None:
    found = ours(path)
    assert found == theirs(path, linker)
    return found


CONVERT = """
#include <iconv.h>
#include <stdio.h>
int main(int count, char **names) {
    if (iconv_open("UTF-8", names[1]) != (iconv_t)-1) return 0;
    perror(names[1]);
    return 1;
}
"""


@pytest.mark.parametrize("charset", ["CP850", "UTF-16LE", "ISO-8859-15"])
def test_converters_come_with_who_calls_iconv_open(tmp_path: Path, charset: str) -> None:
    """Run in the image's own tree, where nothing else is."""
    needed = Manifest(ldso.closure(HOST, [str(compiled(tmp_path / "convert", CONVERT))]))
    tree = tmp_path / "tree"
    for path, entry in needed.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(entry, Symlink):
            (tree / path).symlink_to(entry.target)
        elif isinstance(entry, File) and isinstance(entry.content, OnDisk):
            shutil.copy(entry.content.path, tree / path)
    for name, code in ((charset, 0), ("NO-SUCH", 1)):
        argv = ["unshare", "--user", "--map-root-user", "chroot", tree, str(tmp_path / "convert"), name]
        assert subprocess.run(argv, check=False, stderr=subprocess.DEVNULL).returncode == code
    kept = [path for path in needed if "/gconv/" in path]
    assert sum((tree / path).stat().st_size for path in kept) < 600_000


@pytest.mark.parametrize(("tags", "works"), [("--disable-new-dtags", True), ("--enable-new-dtags", False)])
def test_rpath_reaches_needs_of_needs_and_runpath_does_not(tmp_path: Path, tags: str, works: bool) -> None:
    inner = library(tmp_path / "lib/libinner.so")
    outer = library(tmp_path / "lib/libouter.so", inner)
    search = ["-Wl,-rpath,$ORIGIN/../lib", f"-Wl,{tags}", f"-Wl,-rpath-link,{tmp_path}/lib"]
    main = program(tmp_path / "bin/main", outer, *search)
    assert (agreed(main) is not None) == works
    if not works:
        with pytest.raises(MkinitfsError) as caught:
            ldso.closure(HOST, [str(main)])
        chain = f"{main} needs {outer} needs libinner.so"
        assert caught.value.message == f"libinner.so: library not found: {chain}"
        assert "/usr/lib/x86_64-linux-gnu" in caught.value.hint


def test_a_runpath_of_the_needer_cuts_the_inherited_rpath_off(tmp_path: Path) -> None:
    inner = library(tmp_path / "lib/libinner.so")
    own = ["-Wl,-rpath,/nowhere", "-Wl,--enable-new-dtags"]
    outer = library(tmp_path / "lib/libouter.so", inner, *own)
    search = [f"-Wl,-rpath,{tmp_path}/lib", "-Wl,--disable-new-dtags"]
    assert agreed(program(tmp_path / "main", outer, *search)) is None


def test_one_soname_is_loaded_once_and_a_slash_is_a_path(tmp_path: Path) -> None:
    first = library(tmp_path / "a/libone.so")
    library(tmp_path / "b/libone.so")
    user = library(tmp_path / "b/libuser.so", first, f"-Wl,-rpath,{tmp_path}/b")
    nameless = compiled(tmp_path / "c/libslash.so", "int slash(void){return 0;}", "-shared", "-fPIC")
    search = f"-Wl,-rpath,{tmp_path}/a:{tmp_path}/b"
    main = program(tmp_path / "main", first, user, nameless, search)
    with main.open("rb") as stream:
        assert str(nameless) in elf.parse(stream, "main").needed
    found = agreed(main)
    assert found is not None
    assert str(first) in found
    assert str(tmp_path / "b/libone.so") not in found


def test_origin_of_a_program_started_through_a_link(tmp_path: Path) -> None:
    lib = library(tmp_path / "app/lib/libmine.so")
    real = program(tmp_path / "app/bin/main", lib, "-Wl,-rpath,${ORIGIN}/../lib")
    link = tmp_path / "main"
    link.symlink_to(real)
    subprocess.run([link], check=True)
    assert str(lib) in (ours(link) or set())
    entries = dict(ldso.closure(Sysroot("/"), [str(link)]))
    assert isinstance(entries[str(link)[1:]], Symlink)
    assert isinstance(entries[str(lib)[1:]], File)


def test_builds_for_other_cpus_come_along(tmp_path: Path) -> None:
    base = library(tmp_path / "lib/libcpu.so")
    hwcaps = tmp_path / "lib/glibc-hwcaps"
    levels = [library(hwcaps / level / "libcpu.so") for level in ("x86-64-v2", "x86-64-v4")]
    main = program(tmp_path / "main", base, f"-Wl,-rpath,{tmp_path}/lib")
    found = ours(main) or set()
    assert {str(base), *map(str, levels)} <= found
    assert (theirs(main) or {""}) <= found


def test_32_bit_beside_64_bit(tmp_path: Path) -> None:
    lib32, lib64 = library(tmp_path / "32/libboth.so", "-m32"), library(tmp_path / "64/libboth.so")
    search = f"-Wl,-rpath,{tmp_path}/32:{tmp_path}/64:{tmp_path}/32"
    main64 = program(tmp_path / "m64", lib64, search)
    main32 = program(tmp_path / "m32", lib32, "-m32", search)
    assert str(lib64) in (agreed(main64) or set())
    assert str(lib32) in (agreed(main32, "/lib/ld-linux.so.2") or set())
    entries = Manifest(ldso.closure(Sysroot("/"), [str(main64), str(main32)]))
    assert {str(lib32)[1:], str(lib64)[1:], "lib64"} <= set(entries)


def patched(path: Path, machine: int) -> Path:
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, 18, machine)
    path.write_bytes(data)
    return path


def test_another_machine_is_passed_over_as_library_and_refused_as_program(tmp_path: Path) -> None:
    lib = library(tmp_path / "good/libmach.so")
    library(tmp_path / "bad/libmach.so")
    main = program(tmp_path / "main", lib, f"-Wl,-rpath,{tmp_path}/bad:{tmp_path}/good")
    patched(tmp_path / "bad/libmach.so", 183)
    assert str(lib) in (agreed(main) or set())
    with pytest.raises(MkinitfsError, match=r"main: for another machine: x86_64, not aarch64"):
        ldso.closure(HOST, [str(main)], machine="EM_AARCH64")
    foreign = patched(program(tmp_path / "foreign"), 243)
    with pytest.raises(MkinitfsError, match=r"foreign: for another machine: riscv, not x86_64"):
        ldso.closure(HOST, [str(main), str(foreign)])
    with pytest.raises(MkinitfsError, match=r"so.2: for x86_64, 64 bit, yet the interpreter of"):
        ldso.closure(HOST, [str(foreign)])


def test_a_library_that_is_no_elf_file_stops_the_search_as_in_ldso(tmp_path: Path) -> None:
    lib = library(tmp_path / "good/libtext.so")
    main = program(tmp_path / "main", lib, f"-Wl,-rpath,{tmp_path}/bad:{tmp_path}/good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/libtext.so").write_text("INPUT(libgood.so)" * 20)
    assert agreed(main) is None
    (tmp_path / "bad/libtext.so").write_bytes(lib.read_bytes()[:-100])
    with pytest.raises(MkinitfsError, match="truncated ELF file"):
        ldso.closure(Sysroot("/"), [str(main)])


def test_nodeflib(tmp_path: Path) -> None:
    main = program(tmp_path / "main", "-Wl,-z,nodefaultlib")
    assert agreed(main) is None


@pytest.mark.parametrize("tags", ["--disable-new-dtags", "--enable-new-dtags"])
def test_musl_inherits_both_kinds_of_path(tmp_path: Path, tags: str) -> None:
    inner = library(tmp_path / "lib/libinner.so", cc="musl-gcc")
    outer = library(tmp_path / "lib/libouter.so", inner, cc="musl-gcc")
    search = ["-Wl,-rpath,$ORIGIN/lib", f"-Wl,{tags}", f"-Wl,-rpath-link,{tmp_path}/lib"]
    main = program(tmp_path / "main", outer, *search, cc="musl-gcc")
    found = ours(main)
    listed = theirs(main, MUSL)
    assert found is not None
    assert listed is not None
    assert found - {os.path.realpath(MUSL)} == listed - {os.path.realpath(MUSL)}
    assert {str(inner), str(outer)} <= found
    entries = dict(ldso.closure(Sysroot("/"), [str(main)]))
    Manifest(entries.items())
    interp = HOST.require(MUSL)
    links = {link[1:] for link, _ in interp.links}
    assert links | {interp.real[1:], "etc/ld-musl-x86_64.path"} <= set(entries)
    assert not any("libc.so.6" in path or "libgcc_s" in path for path in entries)


def test_unwinder_comes_with_pthread_cancel(tmp_path: Path) -> None:
    body = "#include <pthread.h>\nint main(void) { return pthread_cancel(pthread_self()); }"
    entries = dict(ldso.closure(HOST, [str(program(tmp_path / "main", body=body))]))
    reasons = {path.rpartition("/")[2]: entry.reason for path, entry in entries.items()}
    assert reasons["libgcc_s.so.1"] == f"needed by {tmp_path}/main (pthread_cancel)"
    plain = dict(ldso.closure(HOST, [str(program(tmp_path / "plain"))]))
    assert not any("libgcc_s" in path for path in plain)


def noted(out: Path, json: str, *options: str) -> Path:
    escaped = json.replace('"', '\\\\\\"')
    note = (
        f'__asm__(".pushsection .note.dlopen,\\"a\\",@note\\n.balign 4\\n.long 4, 2f-1f, 0x407c0c0a\\n'
        f'.asciz \\"FDO\\"\\n1: .asciz \\"{escaped}\\"\\n2: .balign 4\\n.popsection\\n");\n'
    )
    return program(out, *options, body=note + "int main(void) { return 0; }")


@pytest.mark.parametrize(
    ("priority", "name", "outcome"),
    [
        ("recommended", "libopen.so", "taken"),
        ("required", "libopen.so", "taken"),
        ("suggested", "libopen.so", "left"),
        ("recommended", "libabsent.so", "left"),
        ("required", "libabsent.so", "error"),
    ],
)
def test_dlopen_notes(tmp_path: Path, priority: str, name: str, outcome: str) -> None:
    library(tmp_path / "lib/libopen.so")
    json = f'[{{"soname":["libnone.so","{name}"],"feature":"f","priority":"{priority}"}}]'
    main = noted(tmp_path / "main", json, f"-Wl,-rpath,{tmp_path}/lib")
    if outcome == "error":
        with pytest.raises(MkinitfsError, match=r"libnone.so: library not found: .*main needs libnone.so"):
            ldso.closure(HOST, [str(main)])
        return
    entries = dict(ldso.closure(Sysroot("/"), [str(main)]))
    taken = entries.get(f"{tmp_path}/lib/libopen.so"[1:])
    expected = f"needed by {main} (dlopen, f)" if outcome == "taken" else None
    assert (taken.reason if taken else None) == expected


def test_a_garbled_dlopen_note_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MkinitfsError, match=r"main: \.note\.dlopen: "):
        ldso.closure(HOST, [str(noted(tmp_path / "main", '[{"soname":'))])


def test_a_file_without_section_headers(tmp_path: Path) -> None:
    data = bytearray(Path("/usr/sbin/losetup").read_bytes())
    whole = elf.parse(bytes(data), "whole")
    shoff = struct.unpack_from("<Q", data, 40)[0]
    struct.pack_into("<Q", data, 40, 0)
    struct.pack_into("<HHH", data, 58, 0, 0, 0)
    assert elf.parse(bytes(data[:shoff]), "stripped") == whole


def copy_into(root: Path, entries: list[tuple[str, object]]) -> None:
    for path, entry in Manifest(entries).items():  # type: ignore[arg-type]
        target = root / path
        if isinstance(entry, Symlink):
            target.symlink_to(entry.target)
        elif isinstance(entry, File):
            assert isinstance(entry.content, OnDisk)
            target.write_bytes(entry.content.path.read_bytes())
            target.chmod(entry.mode)
        else:
            target.mkdir()


def test_a_copied_tree_stands_by_itself(tmp_path: Path) -> None:
    """The closure of a closure is itself; absolute links stay below the root, nothing outside is named."""
    names = ["busybox", "mount.cifs", "losetup"]
    first = ldso.closure(HOST, names)
    root = tmp_path / "root"
    root.mkdir()
    copy_into(root, list(first))
    sysroot = Sysroot(root)
    second = ldso.closure(sysroot, names)
    assert [path for path, _ in second] == [path for path, _ in first]
    for _, entry in second:
        if isinstance(entry, File):
            assert isinstance(entry.content, OnDisk)
            assert entry.content.path.resolve().is_relative_to(root)
    assert any(isinstance(entry, Symlink) and entry.target.startswith("/") for _, entry in second)
    cap = next(path for path, _ in first if re.search(r"libcap-ng\.so\.0\.", path))
    (root / cap).unlink()
    with pytest.raises(MkinitfsError, match=r"libcap-ng.so.0: library not found: /usr/sbin/mount.cifs needs"):
        ldso.closure(Sysroot(root), names)


def test_scripts_bring_their_interpreters(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("#!/usr/bin/env busybox\n")
    (tmp_path / "b").write_text(f"#!{tmp_path}/a -x\n")
    entries = dict(ldso.closure(HOST, [str(tmp_path / "b")], reason="asked for by a test"))
    assert {"usr/bin/env", "usr/bin/busybox", "usr/lib/x86_64-linux-gnu/libc.so.6"} <= set(entries)
    assert entries[str(tmp_path / "b")[1:]].reason == "asked for by a test"
    assert entries[str(tmp_path / "a")[1:]].reason == f"interpreter of {tmp_path}/b"
    (tmp_path / "loop").write_text(f"#!{tmp_path}/loop\n")
    with pytest.raises(MkinitfsError, match="more than 4 interpreters"):
        ldso.closure(HOST, [str(tmp_path / "loop")])
    for line in ("#!/nowhere/sh\n", "#!/usr/bin/env nowhere\n"):
        (tmp_path / "c").write_text(line)
        with pytest.raises(MkinitfsError, match=rf"nowhere.*: missing, the interpreter of {tmp_path}/c"):
            ldso.closure(Sysroot("/"), [str(tmp_path / "c")])


def test_missing_binary_and_interpreter(tmp_path: Path) -> None:
    with pytest.raises(MkinitfsError, match="nonesuch: program not found below /"):
        ldso.closure(HOST, ["nonesuch"])
    with pytest.raises(MkinitfsError, match="/usr/bin/nonesuch: not found below /"):
        ldso.closure(HOST, ["/usr/bin/nonesuch"])
    main = program(tmp_path / "main", "-Wl,--dynamic-linker,/nowhere/ld.so")
    with pytest.raises(MkinitfsError, match=f"/nowhere/ld.so: missing, the interpreter of {main}"):
        ldso.closure(HOST, [str(main)])


def test_the_closure_of_an_image_is_quick_and_stable() -> None:
    names = ["python3", "busybox", "mount.cifs", "losetup"]
    before = time.process_time()
    first = ldso.closure(Sysroot("/"), names)
    spent = time.process_time() - before
    assert first == ldso.closure(Sysroot("/"), names)
    assert spent < 0.15
