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
        # initramfs-tools and live-boot: what DHCP says
        ("auto", "", "", ""),
        ("auto,vers=4.1", "", "", "vers=4.1"),
        # dracut: options behind a second colon
        ("10.44.0.9:/srv/desk:ro,vers=4.1", "10.44.0.9", "/srv/desk", "ro,vers=4.1"),
        ("10.44.0.9:/srv/desk:vers=4.1", "10.44.0.9", "/srv/desk", "vers=4.1"),
        ("10.44.0.9:/srv/desk:v3", "10.44.0.9", "/srv/desk", "v3"),
        ("10.44.0.9:/srv/desk:", "10.44.0.9", "/srv/desk:", ""),
        ("/srv/desk:nolock,soft", "", "/srv/desk", "nolock,soft"),
        ("[fd00::1]:/srv/desk:sec=krb5:sys,ro", "fd00::1", "/srv/desk", "sec=krb5:sys,ro"),
        ("10.44.0.9:/srv/a:b", "10.44.0.9", "/srv/a:b", ""),
        ("10.44.0.9:/srv/a:b:ro", "10.44.0.9", "/srv/a:b", "ro"),
        ("nfs://files.lan:2050/srv/x", "files.lan", "/srv/x", "port=2050"),
        ("nfs:10.44.0.9:/srv/x:ro", "10.44.0.9", "/srv/x", "ro"),
        ("10.44.0.9:/srv/@home", "10.44.0.9", "/srv/@home", ""),
        # a server may be called so: nfsroot= never had the prefix of root=
        ("nfs:/srv/x,v3", "nfs", "/srv/x", "v3"),
        ("nfs4:/srv/x:ro", "nfs4", "/srv/x", "ro"),
        ("nfs://files.lan/srv/x", "files.lan", "/srv/x", ""),
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


@pytest.mark.parametrize(
    ("line", "server", "directory", "options"),
    [
        ("root=nfs:10.44.0.9:/srv/x:ro,v3", "10.44.0.9", "/srv/x", "ro,v3"),
        ("root=nfs:10.44.0.9:/srv/x,ro", "10.44.0.9", "/srv/x", "ro"),
        ("root=nfs4:10.44.0.9:/srv/x", "10.44.0.9", "/srv/x", "vers=4.2"),
        ("root=nfs4:10.44.0.9:/srv/x:v4.0", "10.44.0.9", "/srv/x", "v4.0"),
        ("root=nfs:/srv/x", "", "/srv/x", ""),
        ("root=nfs:nolock:10.44.0.9:/srv/x", "10.44.0.9", "/srv/x", "nolock"),
        ("root=nfs:vers=4.1:[fd00::1]:/srv/x", "fd00::1", "/srv/x", "vers=4.1"),
        ("root=nfs:sync:/srv/x", "sync", "/srv/x", ""),  # a server's name
        ("root=nfs:[fd00::1]:/srv/x:ro", "fd00::1", "/srv/x", "ro"),
        ("root=nfs://files.lan/srv/x", "files.lan", "/srv/x", ""),
        ("root=nfs://files.lan:/srv/x", "files.lan", "/srv/x", ""),
        ("root=nfs://[fd00::1]:2050/srv/x", "fd00::1", "/srv/x", "port=2050"),
        ("root=10.44.0.9:/srv/x", "10.44.0.9", "/srv/x", ""),
        ("root=files.lan:/srv/x:ro", "files.lan", "/srv/x", "ro"),
        ("root=[fd00::1]:/srv/x", "fd00::1", "/srv/x", ""),
        ("root=dhcp netroot=nfs:10.44.0.9:/srv/x", "10.44.0.9", "/srv/x", ""),
        ("netroot=nfs4:10.44.0.9:/srv/x", "10.44.0.9", "/srv/x", "vers=4.2"),
        ("root=/dev/nfs netroot=nfs:a:/y nfsroot=10.44.0.9:/srv/x", "10.44.0.9", "/srv/x", ""),
        ("root=nfs", "", "", ""),
        ("root=nfs4", "", "", "vers=4.2"),
        ("boot=nfs", "", "", ""),
        ("boot=live netboot=nfs nfsroot=10.44.0.9:/srv/x nfsopts=ro,v3", "10.44.0.9", "/srv/x", "ro,v3"),
        ("nfsroot=10.44.0.9:/srv/x nfsopts=-oro rootflags=soft", "10.44.0.9", "/srv/x", "ro,soft"),
    ],
)
def test_the_words_of_other_tools(line: str, server: str, directory: str, options: str) -> None:
    assert export(line) == Export(server, directory, options)


@pytest.mark.parametrize("value", ["nfs://anna:pw@s/x", "nfs://anna:p/w@s/x", "anna:pw@s:/x", "s:/x,password=p@w"])
def test_what_looks_like_a_password_is_refused_unseen(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^nfsroot=\*{6}: "):
        read(f"root=/dev/nfs nfsroot={value}")


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
