"""Which module a device asks for, against modprobe on a Debian kernel."""

import subprocess

import pytest

from init.perform.modules import ModuleIndex, matches, normal
from tests.kernels import kernel


@pytest.mark.parametrize(
    ("pattern", "text", "result"),
    [
        ("", "", True), ("*", "", True), ("", "a", False), ("virtio:d00000001v*", "virtio:d00000001v00001AF4", True),
        ("virtio:d00000001v*", "virtio:d00000002v00001AF4", False),
        ("pci:v00008086d0000100Esv*sd*bc*sc*i*", "pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00", True),
        ("pci:v*d*sv*sd*bc0Csc03i30*", "pci:v00008086d00001E31sv00001AF4sd00001100bc0Csc03i30", True),
        ("pci:v*d*sv*sd*bc0Csc03i30*", "pci:v00008086d00001E31sv00001AF4sd00001100bc0Csc03i20", False),
        ("usb:v0B95p7720d*dc*", "usb:v0B95p7720d0001dcFFdscFFdp00icFFisc00ip00in00", True),
        ("usb:v*p*d[0-9]*", "usb:v1p1d5x", True), ("usb:v*p*d[0-9]*", "usb:v1p1dAx", False),
        ("cpu:type:x86,ven*fam*mod*:feature:*0091*", "cpu:type:x86,ven0000fam0006mod0055:feature:,0000,0091,", True),
        ("a[!b]c", "adc", True), ("a[!b]c", "abc", False), ("a[^b]c", "abc", False), ("a[]]c", "a]c", True),
        ("a[a-]c", "a-c", True), ("a[b", "a[b", True), ("a[b", "ab", False), ("a?c", "abc", True), ("a?c", "ac", False),
        ("*a*b*", "xxaxxbxx", True), ("*a*b", "abab", True), ("*ab", "aab", True),
    ],
)  # fmt: skip
def test_matches(pattern: str, text: str, result: bool) -> None:
    assert matches(pattern, text) is result


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("cifs", "cifs"), ("snd-hda-intel", "snd_hda_intel"), ("kernel/drivers/net/virtio_net.ko", "virtio_net"),
        ("kernel/fs/smb/client/cifs.ko.xz", "cifs"), ("kernel/drivers/scsi/iscsi-tcp.ko.zst", "iscsi_tcp"),
    ],
)  # fmt: skip
def test_names(name: str, known: str) -> None:
    assert normal(name) == known


INDEX = ModuleIndex(
    "kernel/fs/cifs.ko: kernel/lib/arc4.ko kernel/lib/md4.ko\nkernel/lib/arc4.ko:\nkernel/lib/md4.ko:\na-b.ko:\n",
    "# made by hand\nalias fs-cifs cifs\nalias pci:v00008086d* e1000\nalias pci:v00008086d0000100E* a-b\n"
    "alias virtio:d1 virtio_net\nalias broken\n\n",
)


def test_load_order_needs_first() -> None:
    # modules.dep lists what is needed last first
    assert INDEX.load_order("cifs") == ["kernel/lib/md4.ko", "kernel/lib/arc4.ko", "kernel/fs/cifs.ko"]
    assert INDEX.load_order("a-b") == INDEX.load_order("a_b") == ["a-b.ko"]
    assert INDEX.load_order("not_here") == []


def test_wanted_is_sorted_and_without_doubles() -> None:
    assert INDEX.wanted(["pci:v00008086d0000100Esv1", "pci:v00008086d0000100Fsv1", "virtio:d1", "x"]) == [
        "a_b", "e1000", "virtio_net",
    ]  # fmt: skip
    assert INDEX.wanted([]) == []
    assert INDEX.wanted(["fs-cifs"]) == ["cifs"]


def test_empty_indexes() -> None:
    assert ModuleIndex("", "").wanted(["pci:v1"]) == []


@pytest.mark.parametrize("series", ["6.1", "6.12"])
def test_as_modprobe_on_a_debian_kernel(series: str) -> None:
    found = kernel(series)
    alias = (found.modules / "modules.alias").read_text()
    index = ModuleIndex((found.modules / "modules.dep").read_text(), alias)
    patterns = [words[1] for line in alias.splitlines() if (words := line.split())[0] == "alias"]
    sample = [made_up(pattern) for pattern in patterns[:: len(patterns) // 60]] + [
        "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00",
        "pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00",
        "pci:v00008086d00001E31sv00001AF4sd00001100bc0Csc03i30",
        "virtio:d00000001v00001AF4",
        "usb:v0B95p7720d0001dcFFdscFFdp00icFFisc00ip00in00",
        "fs-cifs",
        "acpi:PNP0C0A:",
        "nothing:knows:this",
    ]
    answered = 0
    for modalias in sample:
        command = ["modprobe", "-d", found.root, "-S", found.version, "-R", modalias]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert index.wanted([modalias]) == sorted({normal(name) for name in done.stdout.split()}), modalias
        answered += bool(done.stdout)
    assert answered > 50


def made_up(pattern: str) -> str:
    """A modalias that the pattern matches."""
    text, inside = "", False
    for index, letter in enumerate(pattern):
        if inside or letter == "[":
            inside = letter != "]"
            text += pattern[index + 1] if letter == "[" else ""
        else:
            text += {"*": "0001", "?": "7"}.get(letter, letter)
    return text


@pytest.mark.parametrize("series", ["6.1", "6.12"])
def test_load_order_is_one_that_the_kernel_accepts(series: str) -> None:
    """Whatever the index names is loaded after all that it needs itself."""
    found = kernel(series)
    dep = (found.modules / "modules.dep").read_text()
    index = ModuleIndex(dep, "")
    for line in dep.splitlines()[::7]:
        path = line.partition(":")[0]
        order = index.load_order(path)
        assert order[-1] == path
        for position, needed in enumerate(order):
            assert set(index.load_order(needed)) <= set(order[: position + 1]), path
