"""Facts below a sysroot: which Python, which kernel."""

from pathlib import Path

import pytest

from mkinitfs import host
from mkinitfs.errors import MkinitfsError
from mkinitfs.sysroot import Sysroot
from tests.unit.files import link, put


def python(root: Path, prefix: str, version: str, lib: str = "lib") -> None:
    for path in (f"{prefix}/bin/python{version}", f"{prefix}/{lib}/python{version}/os.py"):
        put(root / path)


def kernels(root: Path, *versions: str) -> Path:
    for version in versions:
        put(root / "lib/modules" / version / "modules.dep")
    return root


def test_the_newest_complete_python_is_taken(tmp_path):
    python(tmp_path, "usr", "3.9")
    python(tmp_path, "usr", "3.11")
    python(tmp_path, "usr/local", "3.12", "lib64")
    (tmp_path / "usr/bin/python3.14").touch()  # without its library
    (tmp_path / "usr/lib/x86_64-linux-gnu").mkdir()
    found = host.find_python(Sysroot(tmp_path))
    assert (found.version, found.executable) == ((3, 12), "/usr/local/bin/python3.12")
    assert found.stdlib == "/usr/local/lib64/python3.12"
    assert (found.libraries, found.name) == ((), "Python 3.12")


def test_libpython_is_found_where_the_distribution_keeps_it(tmp_path):
    python(tmp_path, "usr", "3.11")
    put(tmp_path / "usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0")
    assert host.find_python(Sysroot(tmp_path)).libraries == ("/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0",)


def test_no_python_and_half_a_python(tmp_path):
    with pytest.raises(MkinitfsError, match=f"^{tmp_path}: no Python 3 in /usr/bin$"):
        host.find_python(Sysroot(tmp_path))
    put(tmp_path / "usr/bin/python3.12")
    message = r"^/usr/bin/python3\.12: older than Python 3\.11 or without its standard library$"
    with pytest.raises(MkinitfsError, match=message):
        host.find_python(Sysroot(tmp_path))


def test_versions_are_sorted_as_numbers_and_need_their_index(tmp_path):
    kernels(tmp_path, "6.12.1-amd64", "6.9.3-amd64", "6.9.12-amd64")
    (tmp_path / "lib/modules/5.0").mkdir()
    assert list(host.kernel_folders(Sysroot(tmp_path))) == ["6.9.3-amd64", "6.9.12-amd64", "6.12.1-amd64"]


def test_a_link_in_a_circle_beside_a_kernel_costs_nothing(tmp_path):
    put(tmp_path / "lib/modules/6.9.0/modules.dep")
    link(tmp_path, {"lib/modules/6.8.0": "6.8.0"})
    assert host.find_kernel(tmp_path, None).version == "6.9.0"
    with pytest.raises(MkinitfsError, match="too many symbolic links"):
        host.find_kernel(tmp_path, "6.8.0")


def test_both_module_folders_are_looked_into(tmp_path):
    """Packages unpacked by themselves bring no link; half a kernel in one folder hides none in the other."""
    put(tmp_path / "usr/lib/modules/7.2/modules.dep")
    put(tmp_path / "lib/modules/6.1/modules.dep")
    put(tmp_path / "lib/modules/7.2/vmlinuz")
    assert host.kernel_folders(Sysroot(tmp_path)) == {"6.1": "/lib/modules/6.1", "7.2": "/usr/lib/modules/7.2"}
    assert host.find_kernel(tmp_path, "7.2").modules == tmp_path / "usr/lib/modules/7.2"


def test_two_names_of_one_folder_are_one_kernel(tmp_path):
    kernels(tmp_path / "usr", "6.1")
    links = {"usr/lib/modules/current": "6.1", "usr/lib/modules/6.0": "6.1", "usr/lib/modules/a": "/lib/modules/6.1"}
    link(tmp_path, {"lib": "usr/lib", **links})
    assert host.find_kernel(tmp_path, None).version == "6.1"
    assert host.find_kernel(tmp_path, "current").version == "current"
    assert host.find_kernel(tmp_path, None, running="a").version == "a"
    put(tmp_path / "lib/modules/6.2/modules.dep")
    with pytest.raises(MkinitfsError) as caught:
        host.find_kernel(tmp_path, None)
    assert (caught.value.message, caught.value.hint) == (
        f"{tmp_path}/lib/modules: 2 kernels", "choose one with --kernel-version: 6.1, 6.2",
    )  # fmt: skip


def test_a_version_keeps_its_name_whatever_it_is_a_link_to(tmp_path):
    put(tmp_path / "srv/build-42/modules.dep")
    link(tmp_path, {"lib/modules/6.9": "/srv/build-42"})
    found = host.find_kernel(tmp_path, None)
    assert (found.version, found.folder) == ("6.9", "/lib/modules/6.9")


def test_choice_wanted_then_running_then_only(tmp_path):
    kernels(tmp_path, "6.1", "6.12")
    assert host.find_kernel(tmp_path, "6.12").modules == tmp_path / "lib/modules/6.12"
    assert host.find_kernel(tmp_path, None, running="6.1").version == "6.1"
    one = kernels(tmp_path / "one", "5.4")
    assert host.find_kernel(one, None, running="6.1").version == "5.4"


@pytest.mark.parametrize(
    ("versions", "wanted", "message", "hint"),
    [
        ((), None, "{}/lib/modules: no kernel with a modules.dep",
         "install a kernel there, or name another folder with --kernel-dir"),
        (("6.1",), "6.2", "kernel 6.2: not below {}/lib/modules", "there is only 6.1"),
        (("6.1-a", "6.2-a"), "6.2-b", "kernel 6.2-b: not below {}/lib/modules, did you mean 6.2-a?",
         "there are: 6.1-a, 6.2-a"),
        (("6.1", "6.2"), None, "{}/lib/modules: 2 kernels", "choose one with --kernel-version: 6.1, 6.2"),
    ],
)  # fmt: skip
def test_a_kernel_that_is_not_there_names_those_that_are(tmp_path, versions, wanted, message, hint):
    kernels(tmp_path, *versions)
    with pytest.raises(MkinitfsError) as caught:
        host.find_kernel(tmp_path, wanted)
    assert (caught.value.message, caught.value.hint) == (message.format(tmp_path), hint)


def test_only_the_running_systems_own_root_has_a_running_kernel(tmp_path):
    assert host.running_kernel(tmp_path) is None
    assert host.running_kernel(Path("/")) == Path("/proc/sys/kernel/osrelease").read_text().strip()
