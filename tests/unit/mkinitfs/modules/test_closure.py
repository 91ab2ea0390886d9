from pathlib import Path

import pytest

from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import File, Manifest, OnDisk, Unpacked
from mkinitfs.modules.closure import closure_of, resolve
from mkinitfs.modules.depmod import Modules
from tests.kernels import fake_kernel, fake_module


def test_resolve_knows_instances_and_paths(kernel: Modules) -> None:
    assert resolve(kernel, "crypto-gcm(aes)") == ("gcm", "aes_generic")
    assert resolve(kernel, "crypto-nothing(aes)") == ()
    assert resolve(kernel, "kernel/crypto/") == ("gcm", "ghash", "ctr", "md5", "aes_generic")
    assert resolve(kernel, "kernel/fs/*.ko") == ("cifs", "late")
    assert resolve(kernel, "gh*-[!x]*") == ("ghash_fast",)
    assert resolve(kernel, "crypto-g*") == ("gcm", "ghash_fast", "ghash", "engine")
    assert resolve(kernel, "pci:*") == ("nic",)
    assert resolve(kernel, "usb:*") == ()


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


CARDS = {
    **{f"kernel/drivers/net/phy/{name}.ko": () for name in ("wire", "other", "cage")},
    "kernel/drivers/net/mdio/mdio-bus.ko": (),
    "kernel/drivers/net/ethernet/nic.ko": ("phy_start",),
    "kernel/drivers/net/ethernet/plain.ko": ("register_netdev",),
    "kernel/drivers/phy/usb.ko": ("phy_start",),
    "kernel/drivers/net/usb/adapter.ko": ("phylink_create",),
    "kernel/drivers/usb/host/xhci-pci.ko": (),
    "updates/wire2.ko": (),
}
CARDS_ALIAS = """\
alias mdio:0000000000011100110010?????????? wire
alias mdio:00000000000000001??????????????? other
alias mdio:000000000000000011?????????????? wire2
alias pci:v00008086d00001000sv*sd*bc*sc*i* nic
alias usb:v0BDAp8153d*dc*dsc*dp*ic*isc*ip*in* adapter
"""
PHYS = {"wire", "other", "cage", "mdio_bus", "wire2"}


@pytest.mark.parametrize("builtin", [False, True])
def test_a_driver_that_stands_on_libphy_brings_phy_drivers(tmp_path: Path, builtin: bool) -> None:
    libphy = "kernel/drivers/net/phy/libphy.ko"
    files = {path: fake_module(imports=imports) for path, imports in CARDS.items()} | ({} if builtin else {libphy: b""})
    on_libphy = {} if builtin else {f"kernel/drivers/net/{path}.ko": libphy for path in ("ethernet/nic", "usb/adapter")}
    dep = "".join(f"{path}: {on_libphy.get(path, '')}\n" for path in files)
    own = f"{libphy}\n" if builtin else ""
    kernel = Modules(fake_kernel(tmp_path / "6.6.6", files, dep=dep, alias=CARDS_ALIAS, builtin=own))

    def beside(*names: str) -> set[str]:
        return {*closure_of(kernel, [(name, "test") for name in names]).chosen} - {*names, "libphy"}

    assert beside("nic") == PHYS
    assert beside("adapter") == PHYS | {"xhci_pci"}
    assert beside("plain") == beside("usb") == set()
    assert beside("nic", "wire") == set()  # the PHY is known
    reason = closure_of(kernel, [("nic", "test")]).chosen["wire2"].why
    assert reason == f"libphy asks for mdio:*, {'nic stands on libphy' if builtin else 'dependency of nic'}, test"


def test_what_is_loaded_first_are_names_of_modules_in_the_image(kernel: Modules) -> None:
    names = ("crypto-g*", "kernel/fs/*.ko", "?nothing", "crypto-md5", "fs-cifs")
    closure = closure_of(kernel, [(name, "load") for name in names])
    assert closure.loaded(names) == ("gcm", "ghash_fast", "ghash", "engine", "cifs", "late")
    with pytest.raises(MkinitfsError, match=r"no module or alias kernel/none/\*\.ko \(load\)"):
        closure_of(kernel, [("kernel/none/*.ko", "load")])
