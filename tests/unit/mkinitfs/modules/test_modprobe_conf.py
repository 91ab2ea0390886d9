"""modprobe.d(5) of a target: what is read of it, and what of it an image gets."""

from pathlib import Path

import pytest

from mkinitfs.manifest import Bytes, File
from mkinitfs.modules import modprobe_conf
from mkinitfs.modules.closure import closure_of
from mkinitfs.modules.modprobe_conf import PATH, ConfiguredModules, Line, ModprobeConf, parse, read
from mkinitfs.modules.softdep import Softdep
from mkinitfs.sysroot import Sysroot
from tests.kernels import fake_kernel
from tests.unit.files import link, put

DEP = "k/nic.ko: k/mii.ko\nk/mii.ko:\nk/helper.ko:\nk/other.ko:\nk/weak.ko:\n"
ALIAS = "alias pci:v1* nic\nalias net-pf-9 other\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("options snd-pcsp index=-2\n", [Line("options", "snd_pcsp", "index=-2")]),
        ('options a x="b c"   y\t z \n', [Line("options", "a", 'x="b c"   y\t z')]),
        ("options a x=1 \\\n  y=2", [Line("options", "a", "x=1   y=2")]),
        ("\t blacklist\tsome-thing more words\n", [Line("blacklist", "some_thing")]),
        ("alias pci:v*d[0-9]-* my-driver\n", [Line("alias", "pci:v*d[0-9]_*", "my_driver")]),
        ("install usb-storage /bin/true\n", [Line("install", "usb_storage", "/bin/true")]),
        ("softdep a pre: b post: c\nweakdep a d", [Line("softdep", "a", "pre: b post: c"), Line("weakdep", "a", "d")]),
        ("#blacklist a\n # blacklist b\nblacklist\nalias a\noptions a\nsoftdep\nremove a b\ninclude x\n\n", []),
        ("alias a[ b\nblacklist c]\nalias a b[0\n", []),
    ],
)
def test_lines(text: str, expected: list[Line]) -> None:
    assert list(parse(text)) == expected


def test_one_file_of_each_name_counts_and_names_give_the_order(tmp_path: Path) -> None:
    put(tmp_path / "usr/lib/modprobe.d/b.conf", "options nic b=1\n")
    put(tmp_path / "usr/lib/modprobe.d/c.conf", "options nic hidden=1\n")
    put(tmp_path / "usr/lib/modprobe.d/off.conf", "options nic off=1\n")
    put(tmp_path / "usr/lib/modprobe.d/README", "options nic text=1\n")
    put(tmp_path / "usr/local/lib/modprobe.d/a.conf", "options nic a=1\n")
    put(tmp_path / "run/modprobe.d/c.conf", "options nic run=1\n")
    put(tmp_path / "etc/modprobe.d/d.conf", "options nic d=1\n")
    put(tmp_path / "dev/null", "")
    link(tmp_path, {"lib": "usr/lib", "etc/modprobe.d/off.conf": "/nowhere"})
    found = read(Sysroot(tmp_path))
    assert [line.rest for line in found.lines] == ["a=1", "b=1", "run=1", "d=1"]
    put(tmp_path / "empty/etc/x", "")
    assert read(Sysroot(tmp_path / "empty")) == ModprobeConf()


def image(tmp_path: Path, text: str, *names: str, mode: int = 0o644) -> tuple[dict[str, File], list[str], set[str]]:
    """The file that an image with the modules `names` gets, the warnings, and the modules that are in it."""
    put(tmp_path / "root/etc/modprobe.d/own.conf", text, mode)
    paths = [line.partition(":")[0] for line in DEP.splitlines()]
    folder = fake_kernel(tmp_path / "root/lib/modules/6.6.6", dict.fromkeys(paths, b""), dep=DEP, alias=ALIAS)
    conf = read(Sysroot(tmp_path / "root"))
    kernel = ConfiguredModules(folder, Sysroot(tmp_path / "root"), conf)
    closure = closure_of(kernel, [(name, "profile p") for name in names])
    closure, warnings = conf.without_switched_off(closure, names)
    return dict(conf.entries(closure.chosen)), warnings, set(closure.chosen)


def text_of(files: dict[str, File]) -> str:
    content = files[PATH].content
    assert isinstance(content, Bytes)
    return content.data.decode()


def test_only_what_has_a_say_over_the_image_goes_into_it(tmp_path: Path) -> None:
    text = (
        "options nic aspm=0\nblacklist mii\noptions snd x=1\nblacklist snd\nalias eth0 nic\nalias x snd\nalias y off\n"
    )
    files, warnings, _ = image(tmp_path, text, "nic")
    assert text_of(files) == "options nic aspm=0\nblacklist mii\nalias eth0 nic\nalias y off\n"
    assert files[PATH].mode == 0o644 and warnings == []
    assert image(tmp_path, "options snd x=1\n", "nic")[:2] == ({}, [])


def test_a_soft_or_weak_dependency_comes_along(tmp_path: Path) -> None:
    _, warnings, modules = image(tmp_path, "softdep nic pre: helper\nweakdep mii weak\n", "nic")
    assert (modules, warnings) == ({"nic", "mii", "helper", "weak"}, [])


def test_an_alias_comes_before_the_kernels_own(tmp_path: Path) -> None:
    assert image(tmp_path, "alias pci:v1* other\n", "pci:v1d2")[2] == {"other"}
    put(tmp_path / "root/etc/modprobe.d/own.conf", "alias net-pf-9 off\n")
    conf = read(Sysroot(tmp_path / "root"))
    kernel = ConfiguredModules(tmp_path / "root/lib/modules/6.6.6", Sysroot(tmp_path / "root"), conf)
    assert kernel.lookup("net-pf-9") == () and kernel.lookup("pci:v1d2") == ("nic",)


@pytest.mark.parametrize(
    "command",
    ["/bin/true", "/bin/false # why", "/usr/bin/false", "/bin/true $CMDLINE_OPTS", "exit 1", "/sbin/nologin", ":"],
)
def test_what_is_switched_off_is_left_out(tmp_path: Path, command: str) -> None:
    _, warnings, modules = image(tmp_path, f"softdep nic post: helper\ninstall helper {command}\n", "nic")
    assert (modules, warnings) == ({"nic", "mii"}, [])


def test_what_is_switched_off_and_needed_is_told(tmp_path: Path) -> None:
    for name, left in (("nic", {"nic"}), ("mii", set())):
        _, warnings, modules = image(tmp_path, "install mii /bin/false\n", name)
        assert len(warnings) == 1 and warnings[0].startswith("modprobe.d: install mii: switched off, so left out")
        assert modules == left
    assert image(tmp_path, "install mii /bin/false\n", "?mii")[1:] == ([], set())


def test_other_commands_are_told_where_the_module_is_in_the_image(tmp_path: Path) -> None:
    text = "install nic /sbin/modprobe --ignore-install nic && /sbin/setup\ninstall snd /sbin/alsa\n"
    files, warnings, modules = image(tmp_path, text, "nic")
    assert files == {} and modules == {"nic", "mii"}
    assert len(warnings) == 1 and warnings[0].startswith("modprobe.d: install nic: the command is not run")


def test_settings_that_not_everybody_may_read_stay_so(tmp_path: Path) -> None:
    files, _, _ = image(tmp_path, "options nic key=secret\n", "nic", mode=0o600)
    assert files[PATH].mode == 0o600


def test_softdeps_of_several_files_add_up() -> None:
    conf = ModprobeConf(tuple(modprobe_conf.parse("softdep a pre: b\nsoftdep a post: c\n")))
    assert conf.softdeps() == {"a": Softdep(("b",), ("c",))}
