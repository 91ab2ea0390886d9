import pytest

from mkinitfs.errors import MkinitfsError
from mkinitfs.modules.depmod import Aliases, Modules, module_name, normalise
from tests.kernels import modprobe_order


def test_names() -> None:
    assert module_name("kernel/crypto/ghash-generic.ko.xz") == "ghash_generic"
    assert normalise("a-b[0-9]c-d") == "a_b[0-9]c_d"


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


def test_modprobes_order_follows_softdeps(kernel: Modules) -> None:
    assert modprobe_order(kernel, "cifs") == ("dns_resolver", "gcm", "cifs", "late")


def test_missing_kernel_names_those_there_are(kernel: Modules) -> None:
    with pytest.raises(MkinitfsError) as caught:
        Modules(kernel.directory.parent / "7.0")
    assert caught.value.message.startswith("kernel 7.0: no modules in ")
    assert caught.value.hint == "there are: 6.6.6"


def test_a_missing_index_is_named(kernel: Modules) -> None:
    (kernel.directory / "modules.dep").unlink()
    with pytest.raises(MkinitfsError, match=r"modules\.dep: no such file"):
        Modules(kernel.directory)
