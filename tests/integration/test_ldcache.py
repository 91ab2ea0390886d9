"""ld.so.cache as we write it, read by the real `ldconfig -p` and used by the real ld.so in an image's tree."""

import re
import subprocess
from pathlib import Path

import pytest

from mkinitfs.archive.image import Segment, write_image
from mkinitfs.elf import ldcache, ldso
from mkinitfs.elf.ldcache import Library, encode
from mkinitfs.errors import MkinitfsError
from mkinitfs.inspection import unpack
from mkinitfs.manifest import Bytes, File, Manifest
from mkinitfs.sysroot import Sysroot
from tests.linker import GLIBC, compiled, library

X86_64, I386 = 0x303, 0x003


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system whose /usr/bin/main adds up what libraries in odd folders say: 1 + 20 + 300."""
    root = unpacked(Manifest(ldso.closure(Sysroot("/"), ["true"])), tmp_path / "sysroot")
    first = library(root / "opt/first/lib/libfirst.so.1", answer=1)
    second = library(root / "usr/local/lib/libsecond.so.9", answer=20)
    private = library(root / "usr/lib/x86_64-linux-gnu/private/libthird.so.10", answer=300)
    source = "int first(void), second(void), third(void);\n"
    source += '#include <stdio.h>\nint main(void) { printf("%d\\n", first() + second() + third()); return 0; }'
    compiled(root / "usr/bin/main", source, first, second, private)
    compiled(root / "usr/bin/plain", "int main(void) { return 0; }")
    (root / "opt/current").symlink_to("first")
    conf = root / "etc/ld.so.conf.d"
    conf.mkdir(parents=True)
    (conf.parent / "ld.so.conf").write_text("include ld.so.conf.d/*.conf\n")
    (conf / "a.conf").write_text("/usr/local/lib\n/opt/current/lib # through a link\n")
    (conf / "b.conf").write_text("/usr/lib/x86_64-linux-gnu/private\n")
    return root


def planned(root: Path, *programs: str) -> Manifest:
    sysroot = Sysroot(root)
    manifest = Manifest(ldso.closure(sysroot, programs))
    cache = ldcache.entry(manifest, sysroot)
    return Manifest([*manifest.items(), cache]) if cache else manifest


def unpacked(manifest: Manifest, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    write_image(folder / "image", [Segment(manifest, "none")])
    unpack(folder / "image", folder / "tree")
    return folder / "tree"


def said(tree: Path, program: str = "/usr/bin/main") -> str:
    """What `program` prints with `tree` as its root."""
    argv = ["unshare", "--user", "--map-root-user", "chroot", tree, program]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.strip()


def listed(cache: Path) -> list[str]:
    text = subprocess.run(["ldconfig", "-p", "-C", cache], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^\t(.*)$", text, re.MULTILINE)


def test_the_real_linker_finds_its_libraries_by_it(root: Path, tmp_path: Path) -> None:
    tree = unpacked(planned(root, "main"), tmp_path / "out")
    assert said(tree) == "321"
    (tree / ldcache.PATH).unlink()
    assert re.search(r"lib\w+\.so\.\d+: cannot open shared object file", said(tree))


def test_it_lists_what_ldconfig_lists_in_the_same_order(root: Path, tmp_path: Path) -> None:
    tree = unpacked(planned(root, "main"), tmp_path / "out")
    ours = listed(tree / ldcache.PATH)
    conf = tree / "etc/ld.so.conf"
    conf.write_text("/usr/local/lib\n/opt/current/lib\n/usr/lib/x86_64-linux-gnu/private\n")
    subprocess.run(["ldconfig", "-X", "-r", tree], check=True, capture_output=True)
    theirs = listed(tree / ldcache.PATH)
    assert ours == theirs
    assert "libfirst.so.1 (libc6,x86-64) => /opt/current/lib/libfirst.so.1" in ours


def test_only_where_a_library_lies_outside_of_the_default_folders(root: Path) -> None:
    assert ldcache.PATH not in planned(root, "plain")
    manifest = planned(root, "main")
    assert manifest[ldcache.PATH].reason == "leads ld.so to /usr/local/lib/libsecond.so.9"
    assert planned(root, "main")[ldcache.PATH] == manifest[ldcache.PATH]
    own = Manifest([*planned(root, "plain").items(), (ldcache.PATH, File(Bytes(b"own"), 0o644, "--add"))])
    assert ldcache.entry(own, Sysroot(root)) is None


def test_the_first_folder_of_the_configuration_wins_as_on_the_target(root: Path, tmp_path: Path) -> None:
    library(root / "usr/local/lib/libfirst.so.1", answer=7)
    assert said(unpacked(planned(root, "main"), tmp_path / "one")) == "327"
    both = [*planned(root, "main").items(), *Sysroot(root).entries("/opt/current/lib/libfirst.so.1", "too")]
    manifest = Manifest(item for item in both if item[0] != ldcache.PATH)
    cache = ldcache.entry(manifest, Sysroot(root))
    assert cache
    assert said(unpacked(Manifest([*manifest.items(), cache]), tmp_path / "two")) == "327"


def test_a_build_for_this_cpu_is_taken_as_on_the_target(root: Path, tmp_path: Path) -> None:
    text = subprocess.run([GLIBC, "--help"], capture_output=True, text=True).stdout
    usable = re.findall(r"^  (x86-64-v\d) \(supported", text, re.MULTILINE)
    for number, level in enumerate(["x86-64-v2", "x86-64-v3", "x86-64-v4"], 2):
        library(root / f"usr/local/lib/glibc-hwcaps/{level}/libsecond.so.9", answer=10 * number)
    best = max([20, *(10 * int(level[-1]) for level in usable)])
    assert said(unpacked(planned(root, "main"), tmp_path / "out")) == str(301 + best)


def test_32_bit_beside_64_bit(tmp_path: Path) -> None:
    libraries = [Library("liba.so", "/x/32/liba.so", I386), Library("liba.so", "/x/64/liba.so", X86_64)]
    cache = tmp_path / "cache"
    cache.write_bytes(encode(libraries))
    assert listed(cache) == ["liba.so (libc6,x86-64) => /x/64/liba.so", "liba.so (libc6) => /x/32/liba.so"]


def test_names_stand_in_the_order_in_which_ld_so_looks_for_them(tmp_path: Path) -> None:
    """Halving the table: a wrong order would lose names. Digits count by their value."""
    names = [f"lib{stem}.so.{number}" for stem in ("a", "b1", "b10", "b9", "c++", "ä") for number in (1, 2, 10, 9)]
    cache = tmp_path / "cache"
    cache.write_bytes(encode(Library(name, f"/x/{name}", X86_64) for name in names))
    found = [line.partition(" ")[0] for line in listed(cache)]
    assert sorted(found) == sorted(names)
    assert found[-4:] == ["liba.so.10", "liba.so.9", "liba.so.2", "liba.so.1"]
    stems = list(dict.fromkeys(name.partition(".")[0] for name in found))
    assert stems == ["libä", "libc++", "libb10", "libb9", "libb1", "liba"]


def test_a_library_that_cannot_be_read_is_named(root: Path) -> None:
    manifest = planned(root, "main")
    (root / "usr/local/lib/libsecond.so.9").unlink()
    without = Manifest(item for item in manifest.items() if item[0] != ldcache.PATH)
    with pytest.raises(MkinitfsError, match=r"/usr/local/lib/libsecond.so.9: .*No such file"):
        ldcache.entry(without, Sysroot(root))
