"""The indexes made for an image, read by those who will read them: busybox's modprobe, kmod's depmod."""

import os
import shutil
from pathlib import Path

import pytest

from init.cmdline.modules import parse
from init.cmdline.words import parse as words_of
from init.perform.modprobe_conf import ModprobeConf, from_words
from init.perform.modules import ModuleIndex
from mkinitfs.archive.compress import unpack_file
from mkinitfs.locations import profiles
from mkinitfs.manifest import File, Manifest
from mkinitfs.modules import firmware, hardware, info
from mkinitfs.modules.binary_index import files
from mkinitfs.modules.closure import Closure, closure_of
from mkinitfs.modules.depmod import Modules
from mkinitfs.modules.index import index_files, load_order
from mkinitfs.profile import load
from mkinitfs.sysroot import Sysroot
from tests.command import run
from tests.kernels import ENV, SUITES, Kernel, kernel
from tests.unit.files import put

CIFS_LOOP = ("cifs", "loop", "ext4", "xfs", "overlay", "virtio_net", "e1000", "tg3", "nfs", "btrfs", "vfat")


@pytest.fixture(params=SUITES, scope="module")
def debian(request: pytest.FixtureRequest) -> Kernel:
    return kernel(request.param)


@pytest.fixture(scope="module")
def closure(debian: Kernel) -> Closure:
    return closure_of(Modules(debian.modules), [(name, "test") for name in CIFS_LOOP])


@pytest.fixture
def image(closure: Closure, tmp_path: Path) -> Path:
    """A root with the indexes where busybox looks for those of the running kernel, and busybox itself."""
    modules = tmp_path / "lib/modules" / os.uname().release
    modules.mkdir(parents=True)
    for name, text in index_files(closure).items():
        (modules / name).write_text(text)
    busybox = shutil.which("busybox", path=ENV["PATH"])
    assert busybox, "busybox: program not found"
    for library in [busybox, *(word for word in run(["ldd", busybox]).split() if word.startswith("/"))]:
        target = tmp_path / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    (tmp_path / "busybox").symlink_to(busybox)
    return tmp_path


def busybox_modprobe(image: Path, *words: str) -> str:
    """Run it in a chroot, with a user namespace of its own where we are not root."""
    enter = ["chroot"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "chroot"]
    # Without -a each path is followed by a blank and the options, of which there are none.
    return run([*enter, str(image), "/busybox", "modprobe", *words], env=ENV).replace(" \n", "\n")


def expected(closure: Closure, names: list[str] | tuple[str, ...]) -> str:
    folder = f"/lib/modules/{os.uname().release}"
    return "".join(f"insmod {folder}/{closure.chosen[name].module.image_path}\n" for name in names)


def test_busybox_loads_every_module_in_our_order(closure: Closure, image: Path) -> None:
    names = list(closure.chosen)
    output = busybox_modprobe(image, "-a", "-D", *names)
    assert output == "".join(expected(closure, load_order(closure, name)) for name in names)
    for name in names:
        order = load_order(closure, name)
        assert [one for one in order if one in closure.chosen[name].module.depends] == list(
            closure.chosen[name].module.depends
        )


def test_busybox_brings_what_softdeps_and_templates_need(closure: Closure, image: Path) -> None:
    """The failure of the field notes: libcrc32c without crc32c, gcm without ghash."""
    assert "/crc32c_generic.ko\n" in busybox_modprobe(image, "-D", "xfs").partition("libcrc32c")[0]
    assert "/ghash-generic.ko\n" in busybox_modprobe(image, "-D", "crypto-gcm").partition("/gcm.ko")[0]


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("fs-cifs", "cifs"),
        ("fs-ext4", "ext4"),
        ("crypto-ccm", "ccm"),
        ("crypto-cmac", "cmac"),
        ("nls_utf8", "nls_utf8"),
        ("nfsv4", "nfsv4"),
        ("virtio:d00000001v00001AF4", "virtio_net"),
        ("pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00", "e1000"),
        (f"mdio:{0x001CC916:032b}", "realtek"),
    ],
)
def test_busybox_finds_what_the_kernel_asks_for(closure: Closure, image: Path, alias: str, name: str) -> None:
    assert busybox_modprobe(image, "-q", "-D", "--", alias) == expected(closure, load_order(closure, name))


def test_busybox_takes_a_builtin_for_done(closure: Closure, image: Path) -> None:
    assert "md5" in closure.builtin
    assert busybox_modprobe(image, "-q", "--", "md5") == ""


def test_depmod_makes_the_same_indexes_of_the_same_files(closure: Closure, tmp_path: Path) -> None:
    folder = tmp_path / "lib/modules/6.6.6"
    for module in (item.module for item in closure.chosen.values()):
        target = folder / module.image_path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(unpack_file(closure.kernel.file(module.path)))
    ours = index_files(closure)
    # depmod sorts by modules.order, as we keep the order that it made for the whole kernel.
    (folder / "modules.order").write_text(ours["modules.order"])
    (folder / "modules.builtin").write_text(ours["modules.builtin"])
    run(["depmod", "-b", str(tmp_path), "6.6.6"], env=ENV)
    theirs = (folder / "modules.alias").read_text().splitlines()
    assert sorted(ours["modules.alias"].splitlines()) == sorted(line for line in theirs if line[0] != "#")
    again = Modules(folder)
    for name, item in closure.chosen.items():
        assert set(again[name].depends) == set(item.module.depends)
        assert again.softdeps.get(name) == closure.kernel.softdeps.get(name)


def test_the_manifest_holds_every_module_unpacked(closure: Closure) -> None:
    manifest = Manifest(closure.entries())
    files = {path for path, entry in manifest.items() if isinstance(entry, File)}
    base = f"lib/modules/{closure.kernel.version}"
    assert files == {f"{base}/{item.module.image_path}" for item in closure.chosen.values()}
    assert all(path.endswith(".ko") for path in files)


def test_the_ciphers_of_cifs_are_there_or_built_in(closure: Closure) -> None:
    there = {*closure.chosen, *closure.builtin}
    assert {"md5", "hmac", "cmac", "gcm", "ccm", "ctr", "ecb", "ghash_generic", "gf128mul"} <= there
    assert "nls_utf8" in there
    assert "padlock_aes" not in there
    for alias in ("crypto-sha512", "crypto-sha256", "crypto-aes"):
        assert there & {*closure.kernel.lookup(alias), *closure.kernel.builtin_aliases[alias]}


def test_a_usb_adapter_brings_its_host_controllers(debian: Kernel) -> None:
    closure = closure_of(Modules(debian.modules), [("r8152", "test")])
    assert {"xhci_pci", "ehci_pci", "usbcore", "mii"} <= {*closure.chosen}
    assert load_order(closure, "r8152")[-1] == "r8152"
    assert "xhci_pci" not in load_order(closure, "usbcore")


def test_generic_has_every_driver_that_makes_an_ethernet_device(debian: Kernel) -> None:
    """dracut's rule as the oracle: who allocates an Ethernet device is a driver of one."""
    modules = Modules(debian.modules)
    chosen = closure_of(modules, hardware.generic(modules)).chosen
    # Wireless, the other end of a wire (USB gadget), parallel port, AppleTalk in IP, cable modem on ISA.
    others = ("/wireless/", "/staging/rtl", "/r8188eu/", "/usb/gadget/", "/plip/", "/appletalk/", "/sb1000")
    found = 0
    for name, (path, _) in modules.lines.items():
        if path.startswith(("kernel/drivers/net/", "kernel/drivers/staging/", "kernel/drivers/usb/")):
            data = unpack_file(debian.modules / path)
            if b"\0alloc_etherdev_mqs\0" in data or b"\0devm_alloc_etherdev_mqs\0" in data:
                found += name in chosen
                assert name in chosen or any(other in path for other in others), path
    assert found > 80
    assert {"e1000", "e1000e", "igb", "r8169", "realtek", "tg3", "mlx5_core", "ax88179_178a"} <= set(chosen)
    assert {"virtio_net", "vmxnet3", "hv_netvsc", "xen_netfront", "xhci_pci"} <= set(chosen)


@pytest.mark.parametrize(
    ("driver", "phy"), [("tg3", "broadcom"), ("lan78xx", "microchip"), ("smsc95xx", "smsc"), ("dwmac_intel", "marvell")]
)
def test_a_named_card_brings_the_drivers_of_phys(debian: Kernel, driver: str, phy: str) -> None:
    """On kernels with libphy as a module, and as they are where it is built in: only the symbols tell then."""
    assert phy in closure_of(Modules(debian.modules), [(driver, "test")]).chosen
    builtin = Modules(debian.modules)
    libphy, _ = builtin.lines.pop("libphy")
    builtin.builtin["libphy"] = libphy
    builtin.lines |= {name: (path, needs.replace(libphy, "")) for name, (path, needs) in builtin.lines.items()}
    assert phy in closure_of(builtin, [(driver, "test")]).chosen
    assert phy not in closure_of(builtin, [("e1000e", "test")]).chosen


def test_imports_are_those_of_nm(debian: Kernel, tmp_path: Path) -> None:
    modules = Modules(debian.modules)
    for name in ("tg3", "cifs", "usbhid"):
        path = debian.modules / modules.lines[name][0]
        (tmp_path / "module.ko").write_bytes(unpack_file(path))
        undefined = {line.split()[-1] for line in run(["nm", "-u", tmp_path / "module.ko"]).splitlines()}
        assert info.imports(path) == undefined


def test_drivers_from_outside_the_kernel(debian: Kernel, tmp_path: Path) -> None:
    """Real drivers where DKMS and vendors put them, indexed by depmod."""
    own = Modules(debian.modules)
    folder = tmp_path / "lib/modules" / debian.version

    def put(name: str, path: str) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(unpack_file(debian.modules / own.lines[name][0]))

    for name in ("libphy", "mdio_devres", "e1000e", "ptp", "pps_core", "rfkill", "cfg80211"):
        if name in own:
            put(name, own[name].image_path)
    put("e1000e", "updates/dkms/e1000e.ko")  # in place of the kernel's own
    put("r8169", "extra/r8168.ko")  # under a name of its own
    put("ath6kl_usb", "updates/dkms/wifi.ko")
    put("snd_hda_intel", "updates/dkms/sound.ko")
    for index in ("modules.builtin", "modules.order", "modules.builtin.modinfo"):
        (folder / index).write_bytes((debian.modules / index).read_bytes())
    run(["depmod", "-b", tmp_path, debian.version], env=ENV)
    modules = Modules(folder)
    assert modules["e1000e"].path == "updates/dkms/e1000e.ko"
    chosen = closure_of(modules, hardware.generic(modules)).chosen
    assert {"e1000e", "r8168", "libphy"} <= set(chosen)
    assert not {"wifi", "sound"} & set(chosen)


def test_keyboards_are_there_with_what_stands_before_them(debian: Kernel) -> None:
    """The usual ones by the profile, whatever the hardware; the rest with all of it, without what keyboards are not."""
    modules = Modules(debian.modules)
    usual = closure_of(modules, [(name, "test") for name in load("keyboard", [profiles()]).modules])
    there = {*usual.chosen, *usual.builtin}
    assert {"i8042", "atkbd", "usbhid", "hid_generic", "xhci_pci", "ehci_pci", "uhci_hcd"} <= there
    there = {*closure_of(modules, hardware.generic(modules)).chosen}
    assert {"hid_apple", "hid_logitech_dj", "hid_roccat_ryos", "hyperv_keyboard", "virtio_input"} <= there
    assert {"i2c_hid_acpi", "intel_lpss_pci", "pinctrl_alderlake", "surface_kbd", "applespi"} <= there
    assert not {"snd", "wacom", "hid_sony", "industrialio"} & there


def test_the_image_for_any_pc_has_nothing_of_boards(debian: Kernel) -> None:
    modules = Modules(debian.modules)
    found = hardware.generic(modules)
    folders = {path.split("/")[2] for name, why in found if "keyboard" not in why and (path := _path(modules, name))}
    assert folders <= {"hv", "iommu", "net", "pci", "pcmcia", "staging", "virtio"}


def _path(modules: Modules, request: str) -> str:
    name = request.removeprefix("?")
    return modules.lines[name][0] if name in modules else ""


@pytest.mark.matrix
def test_a_board_has_what_its_devices_wait_for() -> None:
    debian = kernel("6.1-arm64")
    modules = Modules(debian.modules)
    chosen = closure_of(modules, hardware.generic(modules)).chosen
    boards = "dwc2 dwc3 fixed axp20x_regulator sunxi_rsb rk808_regulator i2c_rk3x phy_mvebu_cp110_comphy phy_gmii_sel"
    assert {name for name in boards.split() if name in modules} | {"reset_raspberrypi"} <= set(chosen)
    assert {"dwc2", "dwc3", "mv88e6xxx", "tag_dsa", "nvmem_imx_ocotp"} <= set(chosen)


def test_missing_firmware_of_generic_is_one_line_with_debians_packages(debian: Kernel, tmp_path: Path) -> None:
    """None of its files is strange to the table: that would be called linux-firmware."""
    modules = Modules(debian.modules)
    closure = closure_of(modules, hardware.generic(modules))
    put(tmp_path / "etc/os-release", 'ID=debian\nVERSION_ID="13"\n')
    found = firmware.collect(closure, [Sysroot(debian.root), Sysroot(tmp_path)])
    assert found.entries == ()
    (line,) = found.warnings
    packages = line.partition("install ")[2].partition(" (-v")[0].split(", ")
    assert {"firmware-bnx2", "firmware-intel-misc", "firmware-misc-nonfree", "firmware-realtek"} <= set(packages)
    assert "linux-firmware" not in packages
    files = "tigon/tg3_tso5.bin, tigon/tg3_tso.bin, tigon/tg357766.bin, tigon/tg3.bin"
    assert f"firmware of tg3 not found: {files} (firmware-misc-nonfree)" in found.details


def test_busybox_and_init_give_a_module_the_same_parameters(closure: Closure, image: Path) -> None:
    """Two readers of one modprobe.d: the kernel asks busybox, which knows of the command line only what /init wrote."""
    folder = image / "etc/modprobe.d"
    folder.mkdir(parents=True)
    modules = image / "lib/modules" / os.uname().release
    index = ModuleIndex((modules / "modules.dep").read_text(), (modules / "modules.alias").read_text())
    words = parse(words_of('nls-utf8.c=2 "nls_utf8.d=v w" modprobe.blacklist=virtio-net'))
    text = 'options nls_utf8 a=1 b="x y"\nblacklist xfs\n' + from_words(words, index)
    (folder / "mkinitfs.conf").write_text(text)
    conf = ModprobeConf()
    conf.read(text)
    assert conf.parameters("nls_utf8") == 'a=1 b="x y" c=2 d="v w"'
    path = f"/lib/modules/{os.uname().release}/{closure.chosen['nls_utf8'].module.image_path}"
    assert busybox_modprobe(image, "-D", "nls_utf8") == f"insmod {path} {conf.parameters('nls_utf8')}\n"
    for alias, name in (("fs-xfs", "xfs"), ("virtio:d00000001v00001AF4", "virtio_net")):
        assert name in index.wanted([alias]) and name in conf.blacklist
        assert busybox_modprobe(image, "-D", alias) == ""
        assert f"/{name}.ko" in busybox_modprobe(image, "-D", name)


def test_kmods_modprobe_finds_in_the_binary_indexes_what_busybox_finds(closure: Closure, tmp_path: Path) -> None:
    texts = index_files(closure)
    folder = tmp_path / "lib/modules" / closure.kernel.version
    for name, data in (*((name, text.encode()) for name, text in texts.items()), *files(closure, texts)):
        put(folder / name, data)
    for item in closure.chosen.values():
        put(folder / item.module.image_path)
    (tmp_path / "conf").mkdir()

    def modprobe(*words: str) -> str:
        where = ["-d", str(tmp_path), "-S", closure.kernel.version, "-C", str(tmp_path / "conf")]
        return run(["modprobe", *where, *words], env=ENV)

    for name in closure.chosen:
        loaded = modprobe("-D", "--", name).splitlines()
        expected = [f"insmod {folder}/{closure.chosen[one].module.image_path} " for one in load_order(closure, name)]
        assert list(dict.fromkeys(line for line in loaded if line.startswith("insmod")))[-1] == expected[-1], name
        assert set(expected) <= set(loaded), name
    aliases = [alias for alias, name in closure.kernel.alias_lines if name in closure.chosen and "[" not in alias]
    asked = {alias.replace("*", "0").replace("?", "1") for alias in aliases}
    asked |= {alias for _, alias in closure.kernel.builtin_info["alias"] if "*" not in alias}
    assert len(asked) > 150
    kernel = Modules(closure.kernel.directory)
    for alias in asked:
        if alias.replace("-", "_") in {*kernel.lines, *kernel.builtin}:
            continue  # a name comes before an alias
        found = {name for name in kernel.aliases[alias] if name in closure.chosen} or set(kernel.builtin_aliases[alias])
        assert set(modprobe("-q", "-R", "--", alias).split()) == found, alias
