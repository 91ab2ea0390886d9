from functools import partial
from pathlib import Path

import pytest

from mkinitfs.elf import byname
from mkinitfs.elf.elf import ElfInfo
from mkinitfs.elf.ldsearch import Loaded
from mkinitfs.sysroot import Sysroot

info = partial(ElfInfo, "EM_X86_64", 64, True, "ET_DYN")


def test_nsswitch_services() -> None:
    text = "# hosts: no\nhosts: files mdns4 [NOTFOUND=return] dns [!UNAVAIL=return] x # end\n"
    text += "passwd:files\nnonsense\n"
    assert byname.services(text) == {"hosts": ("files", "mdns4", "dns", "x"), "passwd": ("files",)}


@pytest.mark.parametrize(
    ("glibc", "nss", "expected"),
    [
        (36, (), []),
        (33, (), ["libnss_files.so.2", "libnss_dns.so.2"]),
        (None, (), ["libnss_files.so.2", "libnss_dns.so.2"]),
        (36, ("mymachines",), ["libnss_mymachines.so.2"]),
    ],
)
def test_name_services(tmp_path: Path, glibc: int | None, nss: tuple[str, ...], expected: list[str]) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nsswitch.conf").write_text("hosts: files mdns4 dns\n")
    program = Loaded("/p", "/p", info(calls=frozenset({"getaddrinfo"})), None, "")
    libc = Loaded("/libc", "/libc", info(soname="libc.so.6", glibc=glibc), program, "")
    wanted = list(byname.wanted(Sysroot(tmp_path), [program, libc], nss))
    assert [each.names[0] for each in wanted] == expected
    assert all(each.reason == "needed by /p (getaddrinfo)" for each in wanted)
    explicit = [each.names[0] == "libnss_mymachines.so.2" for each in wanted]
    assert [each.required for each in wanted] == explicit
    assert list(byname.wanted(Sysroot(tmp_path), [program], nss)) == []
