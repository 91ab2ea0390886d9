from pathlib import Path

import pytest

from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import File, Manifest, OnDisk, Unpacked
from mkinitfs.modules.closure import closure_of, resolve
from mkinitfs.modules.depmod import Aliases, Modules, module_name, normalise
from mkinitfs.modules.index import index_files, load_order
from mkinitfs.modules.softdep import Softdep, parse_softdep
from tests.kernels import fake_kernel

DEP = """\
kernel/fs/cifs.ko.xz: kernel/net/dns-resolver.ko.zst
kernel/net/dns-resolver.ko.zst:
kernel/crypto/gcm.ko:
kernel/crypto/ghash.ko.gz:
kernel/crypto/ctr.ko:
kernel/drivers/crypto/engine.ko:
kernel/arch/x86/ghash-fast.ko:
kernel/lib/weak.ko:
kernel/fs/late.ko: kernel/fs/cifs.ko.xz kernel/net/dns-resolver.ko.zst
kernel/drivers/net/nic.ko:
"""
ALIAS = """# comment
alias fs-cifs cifs
alias crypto-gcm gcm
alias crypto-ctr ctr
alias crypto-ghash ghash-fast
alias crypto-ghash ghash
alias crypto-ghash engine
alias pci:v00008086d0000100[EF]sv*sd*bc*sc*i* nic
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Modules:
    folder = fake_kernel(
        tmp_path / "lib/modules/6.6.6",
        {line.partition(":")[0]: b"" for line in DEP.splitlines()},
        dep=DEP,
        alias=ALIAS,
        softdep="softdep cifs pre: crypto-gcm\nsoftdep cifs gone post: late\n",
        weakdep="weakdep cifs weak also_gone\n",
        builtin="kernel/crypto/md5.ko\nkernel/crypto/aes_generic.ko\n",
        builtin_modinfo="md5.alias=crypto-md5\0aes_generic.alias=crypto-aes\0md5.license=GPL\0",
    )
    return Modules(folder)


def test_names() -> None:
    assert module_name("kernel/crypto/ghash-generic.ko.xz") == "ghash_generic"
    assert normalise("a-b[0-9]c-d") == "a_b[0-9]c_d"
    softdep = parse_softdep(["a", "pre:", "b", "c", "post:", "d", "pre:", "e"])
    assert softdep == Softdep(("b", "c", "e"), ("d",), ("a",))


def test_aliases_match_in_file_order_and_once() -> None:
    pairs = [("usb:v*", "one"), ("usb:v1?3", "two"), ("usb:v123", "three"), ("*", "all"), ("usb:*", "one")]
    aliases = Aliases(pairs)
    assert aliases["usb:v123"] == ("one", "two", "three", "all")
    assert aliases["usb:v12"] == ("one", "all")
    assert aliases[""] == ("all",)


def test_lookup_by_name_alias_and_builtin(kernel: Modules) -> None:
    assert kernel.lookup("dns-resolver") == kernel.lookup("dns_resolver") == ("dns_resolver",)
    assert kernel.lookup("fs-cifs") == ("cifs",)
    assert kernel.lookup("pci:v00008086d0000100Esv1sd1bc02sc00i00") == ("nic",)
    assert kernel.lookup("pci:v00008086d0000100Dsv1sd1bc02sc00i00") == ()
    assert kernel.lookup("crypto-md5") == ("md5",)
    assert kernel.lookup("md5") == ("md5",)
    assert kernel.lookup("nothing") == ()


def test_resolve_knows_instances_and_paths(kernel: Modules) -> None:
    assert resolve(kernel, "crypto-gcm(aes)") == ("gcm", "aes_generic")
    assert resolve(kernel, "crypto-nothing(aes)") == ()
    assert resolve(kernel, "kernel/crypto/") == ("gcm", "ghash", "ctr")
    assert resolve(kernel, "kernel/fs/*.ko") == ("cifs", "late")


def test_closure_and_its_reasons(kernel: Modules) -> None:
    closure = closure_of(kernel, [("fs-cifs", "profile cifs"), ("?nothing", "profile cifs")])
    reasons = [item.reason for item in closure.chosen.values()]
    assert reasons == [
        "kernel module cifs: fs-cifs, profile cifs",
        "kernel module ctr: gcm asks for crypto-ctr, softdep of cifs, fs-cifs, profile cifs",
        "kernel module dns_resolver: dependency of cifs, fs-cifs, profile cifs",
        "kernel module gcm: softdep of cifs, fs-cifs, profile cifs",
        # The engine answers to crypto-ghash as well and stays out.
        "kernel module ghash: gcm asks for crypto-ghash, softdep of cifs, fs-cifs, profile cifs",
        "kernel module ghash_fast: gcm asks for crypto-ghash, softdep of cifs, fs-cifs, profile cifs",
        "kernel module late: softdep of cifs, fs-cifs, profile cifs",
        "kernel module weak: weak dependency of cifs, fs-cifs, profile cifs",
    ]
    assert closure.builtin == ("aes_generic", "md5")
    assert "engine" in closure_of(kernel, [("engine", "profile")]).chosen


def test_entries_are_unpacked_ko_files(kernel: Modules) -> None:
    manifest = Manifest(closure_of(kernel, [("cifs", "profile")]).entries("usr/lib/modules"))
    files = {path: entry for path, entry in manifest.items() if isinstance(entry, File)}
    base = "usr/lib/modules/6.6.6/kernel"
    assert list(files) == [
        f"{base}/arch/x86/ghash-fast.ko",
        f"{base}/crypto/ctr.ko",
        f"{base}/crypto/gcm.ko",
        f"{base}/crypto/ghash.ko",
        f"{base}/fs/cifs.ko",
        f"{base}/fs/late.ko",
        f"{base}/lib/weak.ko",
        f"{base}/net/dns-resolver.ko",
    ]
    assert files[f"{base}/fs/cifs.ko"].content == Unpacked(kernel.directory / "kernel/fs/cifs.ko.xz")
    assert files[f"{base}/crypto/gcm.ko"].content == OnDisk(kernel.directory / "kernel/crypto/gcm.ko")
    assert {entry.mode for entry in files.values()} == {0o644}


def test_load_order_follows_softdeps(kernel: Modules) -> None:
    assert kernel.load_order("cifs") == ("dns_resolver", "gcm", "cifs", "late")


def test_image_indexes(kernel: Modules) -> None:
    closure = closure_of(kernel, [("cifs", "profile")])
    files = index_files(closure)
    assert list(files) == [f"modules.{name}" for name in ("dep", "alias", "softdep", "builtin", "order")]
    lines = files["modules.dep"].splitlines()
    # Pre-softdep gcm before cifs and its own needs before that; what may refuse to load (arch/) and what
    # needs cifs itself (late) are not folded in. busybox loads from the end.
    assert lines[0] == (
        "kernel/fs/cifs.ko: kernel/crypto/gcm.ko kernel/crypto/ghash.ko kernel/crypto/ctr.ko kernel/net/dns-resolver.ko"
    )
    assert "kernel/fs/late.ko:" in files["modules.dep"]
    assert "engine" not in files["modules.alias"]
    assert "alias crypto-ghash ghash_fast\n" in files["modules.alias"]
    assert files["modules.softdep"] == "softdep cifs gone pre: crypto-gcm post: late\n"
    assert files["modules.order"].splitlines() == [line.partition(":")[0] for line in lines]
    assert files["modules.builtin"].startswith("kernel/crypto/md5.ko\n")


def test_a_circle_of_softdeps_is_left_open(tmp_path: Path) -> None:
    folder = fake_kernel(
        tmp_path / "6.6.6",
        {"kernel/a.ko": b"", "kernel/b.ko": b"", "kernel/c.ko": b""},
        dep="kernel/a.ko:\nkernel/b.ko: kernel/a.ko\nkernel/c.ko:\n",
        softdep="softdep a pre: b c\nsoftdep c pre: a\n",
    )
    closure = closure_of(Modules(folder), [("a", "test")])
    assert load_order(closure, "a") == ("c", "a")
    assert load_order(closure, "b") == ("c", "a", "b")
    assert load_order(closure, "c") == ("a", "c")


def test_unknown_names_in_one_error_with_a_hint(kernel: Modules) -> None:
    with pytest.raises(MkinitfsError) as caught:
        closure_of(kernel, [("cifz", "profile net"), ("cifs", "profile net"), ("zzzzzzzz", "--module")])
    assert caught.value.message == "kernel 6.6.6: no module or alias cifz (profile net), zzzzzzzz (--module)"
    assert "cifs" in caught.value.hint


def test_missing_kernel_names_those_there_are(kernel: Modules) -> None:
    with pytest.raises(MkinitfsError) as caught:
        Modules(kernel.directory.parent / "7.0")
    assert caught.value.message.startswith("kernel 7.0: no modules in ")
    assert caught.value.hint == "there are: 6.6.6"


def test_missing_indexes_and_modules(kernel: Modules) -> None:
    (kernel.directory / "kernel/crypto/gcm.ko").unlink()
    closure = closure_of(kernel, [("gcm", "profile")])
    with pytest.raises(MkinitfsError, match=r"gcm\.ko: no such file, though modules\.dep names it"):
        list(closure.entries())
    (kernel.directory / "modules.dep").unlink()
    with pytest.raises(MkinitfsError, match=r"modules\.dep: no such file"):
        Modules(kernel.directory)
