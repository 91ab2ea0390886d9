import pytest

from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import File, Manifest, OnDisk, Unpacked
from mkinitfs.modules.closure import closure_of, resolve
from mkinitfs.modules.depmod import Modules


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
    names = "arch/x86/ghash-fast crypto/ctr crypto/gcm crypto/ghash fs/cifs fs/late lib/weak net/dns-resolver"
    assert list(files) == [f"{base}/{name}.ko" for name in names.split()]
    assert files[f"{base}/fs/cifs.ko"].content == Unpacked(kernel.directory / "kernel/fs/cifs.ko.xz")
    assert files[f"{base}/crypto/gcm.ko"].content == OnDisk(kernel.directory / "kernel/crypto/gcm.ko")
    assert {entry.mode for entry in files.values()} == {0o644}


def test_unknown_names_in_one_error_with_a_hint(kernel: Modules) -> None:
    with pytest.raises(MkinitfsError) as caught:
        closure_of(kernel, [("cifz", "profile net"), ("cifs", "profile net"), ("zzzzzzzz", "--module")])
    assert caught.value.message == "kernel 6.6.6: no module or alias cifz (profile net), zzzzzzzz (--module)"
    assert "cifs" in caught.value.hint


def test_a_missing_module_is_named(kernel: Modules) -> None:
    (kernel.directory / "kernel/crypto/gcm.ko").unlink()
    closure = closure_of(kernel, [("gcm", "profile")])
    with pytest.raises(MkinitfsError, match=r"gcm\.ko: no such file, though modules\.dep names it"):
        list(closure.entries())
