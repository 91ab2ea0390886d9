"""nfsroot=: what it says."""

import pytest

from init.cmdline.nfsroot import Export
from init.cmdline.settings import SettingsError
from tests.machine import settings as read


def export(text: str) -> Export:
    source = read(text).source
    assert isinstance(source, Export)
    return source


@pytest.mark.parametrize(
    ("value", "server", "directory", "given"),
    [
        ("10.0.2.2:/srv/root", "10.0.2.2", "/srv/root", ""),
        ("10.0.2.2:/srv/root,vers=4.2,ro", "10.0.2.2", "/srv/root", "vers=4.2,ro"),
        ("/srv/root", "", "/srv/root", ""),
        ("/srv/a:b,soft", "", "/srv/a:b", "soft"),
        (",tcp,v3", "", "", "tcp,v3"),
        ("", "", "", ""),
        ("10.0.2.2", "10.0.2.2", "", ""),
        ("10.0.2.2:", "10.0.2.2", "", ""),
        ("10.0.2.2:default,v3", "10.0.2.2", "", "v3"),
        ("10.0.2.2,v3", "10.0.2.2", "", "v3"),
        ("10.0.2.2:root", "10.0.2.2", "root", ""),
        ("1box", "", "1box", ""),
        ("box", "", "/tftpboot/box", ""),
        ("%s-root,v3", "", "/tftpboot/%s-root", "v3"),
        ("files.lan:/srv/%s", "files.lan", "/srv/%s", ""),
        ("[2001:db8::1]:/srv/root,v3", "2001:db8::1", "/srv/root", "v3"),
        ("[2001:db8::1]", "2001:db8::1", "", ""),
    ],
)
def test_server_folder_and_options(value: str, server: str, directory: str, given: str) -> None:
    assert export(f"root=/dev/nfs nfsroot={value}") == Export(server, directory, given)


@pytest.mark.parametrize("value", ["2001:db8::1:/srv", "[2001:db8::1:/srv", "[::1"])
def test_what_cannot_be_read(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^nfsroot=.*brackets$"):
        read(f"root=/dev/nfs nfsroot={value}")


@pytest.mark.parametrize(
    "line",
    [
        "root=/dev/nfs", "root=/dev/nfs rootfstype=nfs", "rootfstype=nfs", "nfsroot=", "root=dhcp",
        "root=/dev/nfs cifsroot=//forgotten/share",
    ],
)  # fmt: skip
def test_what_means_nfs(line: str) -> None:
    assert export(line) == Export("", "", "")


def test_root_decides_where_both_are_given() -> None:
    assert not isinstance(read("root=/dev/cifs cifsroot=//s/x nfsroot=/y").source, Export)
    assert not isinstance(read("cifsroot=//s/x nfsroot=/y").source, Export)


def test_other_words_of_the_line() -> None:
    assert export("nfsroot=/x,v3 rootflags=noatime,nconnect=4 nfsrootdebug") == Export(
        "", "/x", "v3,noatime,nconnect=4", debug=True
    )
    assert export("nfsroot=/x rootfstype=nfs4").options == "vers=4.2"
    assert export("nfsroot=/x,nfsvers=4.0 rootfstype=nfs4").options == "nfsvers=4.0"


def test_a_root_that_says_nothing_of_nfs_names_both_ways() -> None:
    with pytest.raises(SettingsError, match="root=/dev/nfs nfsroot="):
        read("root=/dev/sda1")
