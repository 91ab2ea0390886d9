"""nfsroot=: what it says, what the network adds, and every way to try."""

from __future__ import annotations

import errno
import os

import pytest

from init import operations
from init.boot.steps import boot
from init.cmdline import settings
from init.cmdline.nfsroot import Export
from init.cmdline.settings import Settings, SettingsError
from init.cmdline.words import parse
from init.network.state import Interface, Network
from init.operations import StepError
from init.perform import nfs, nfs_attempts
from init.perform.nfs_attempts import Attempt, attempts
from tests.machine import Machine

DHCP = Interface("eth0", "52:54:00:12:34:56", "dhcp", "10.0.2.15", 24, bootserver="10.0.2.2", server="10.0.2.3")


def read(text: str) -> Settings:
    return settings.from_command_line(parse(text + "\n"))


def export(text: str) -> Export:
    found = read(text).source
    assert isinstance(found, Export)
    return found


def ways(text: str, *interfaces: Interface, container: bool = False) -> tuple[Attempt, ...]:
    return attempts(export(text), Network(interfaces or (DHCP,)), container)


def where(text: str, *interfaces: Interface) -> list[str]:
    """The sources that are tried, each once."""
    return list(dict.fromkeys(way.source for way in ways(text, *interfaces)))


def options(text: str, *interfaces: Interface) -> list[str]:
    return ways(text, *interfaces)[0].options.split(",")


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
        "root=/dev/nfs",
        "root=/dev/nfs rootfstype=nfs",
        "rootfstype=nfs",
        "nfsroot=",
        "root=dhcp",
        "root=/dev/nfs cifsroot=//forgotten/share",
    ],
)
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


DOCUMENT = "rsize=4096,wsize=4096,timeo=7,retrans=3,acregmin=3,acregmax=60,acdirmin=30,acdirmax=60,hard,noposix,cto,ac"


def test_the_documents_defaults() -> None:
    """The table of the nfsroot document; `port` is the port mapper's, `nointr` what kernels do by now."""
    assert ways("root=/dev/nfs") == tuple(
        Attempt("10.0.2.2", "/tftpboot/10.0.2.15", f"{DOCUMENT},{version},nolock", version in ("vers=4.1", "vers=4.0"))
        for version in ("vers=3", "vers=4.2", "vers=4.1", "vers=4.0")
    )


def test_what_is_given_comes_later_and_so_wins() -> None:
    found = options("nfsroot=/x,rsize=65536,soft,noac,lock")
    assert found.index("rsize=65536") > found.index("rsize=4096")
    assert found.index("soft") > found.index("hard")
    assert found.index("noac") > found.index("ac")
    assert found[-1] == "nolock"  # nobody answers lockd yet (nfsroot.c)


@pytest.mark.parametrize("word", ["vers=3", "nfsvers=4.1", "v3", "v4.2", "vers=4,minorversion=1"])
def test_a_version_that_is_given_is_the_only_one(word: str) -> None:
    (way,) = ways(f"nfsroot=/x,{word}")
    assert not {"vers=4.2", "vers=3"} & set(way.options.split(",")) - {word}


def test_a_container_needs_locks_and_large_pieces() -> None:
    found = ways("nfsroot=/x loop=disk.img", container=True)
    versions = ("4.2", "4.1", "4.0", "3")
    assert [way.options for way in found] == [f"hard,vers={version},nolock" for version in versions]
    assert [way.lesser for way in found] == [False, True, True, False]


SIXES = Interface("eth0", "52:54:00:12:34:56", "auto6", "2001:db8::5", 64)


@pytest.mark.parametrize(
    ("line", "interfaces", "expected"),
    [
        ("nfsroot=10.1.1.1:/x", (DHCP,), ["10.1.1.1:/x"]),
        ("nfsroot=/x", (DHCP,), ["10.0.2.2:/x"]),
        ("nfsroot=[2001:db8::1]:/%s", (SIXES,), ["[2001:db8::1]:/2001:db8::5"]),
        ("nfsroot=/x", (SIXES,), []),
        ("nfsroot=s:/x", (), ["s:/x"]),
        # The document's client address, and then nfsroot.c's host name.
        ("root=/dev/nfs", (DHCP._replace(hostname="box"),), ["10.0.2.2:/tftpboot/10.0.2.15", "10.0.2.2:/tftpboot/box"]),
        ("nfsroot=/x", (DHCP._replace(hostname="box"),), ["10.0.2.2:/x"]),
        ("nfsroot=/%s", (SIXES, DHCP), ["10.0.2.2:/10.0.2.15"]),
        # Option 17: a folder; a server with it; an address alone; options.
        ("root=/dev/nfs", (DHCP._replace(rootpath="/r/%s"),), ["10.0.2.2:/r/10.0.2.15"]),
        ("root=dhcp", (DHCP._replace(rootpath="10.9.9.9:/r"),), ["10.9.9.9:/r"]),
        ("root=dhcp", (DHCP._replace(rootpath="nas.lan:/r,v3"),), ["nas.lan:/r"]),
        ("root=dhcp", (DHCP._replace(rootpath="10.9.9.9"),), ["10.9.9.9:/tftpboot/10.0.2.15"]),
        ("nfsroot=/x", (DHCP._replace(rootpath="10.9.9.9:/r"),), ["10.9.9.9:/x"]),
        ("nfsroot=10.1.1.1:default", (DHCP._replace(rootpath="10.9.9.9:/r"),), ["10.1.1.1:/r"]),
        # What the command line says counts more than what a server says.
        ("root=/dev/nfs", (DHCP._replace(rootpath="10.9.9.9:/r", fixed=("bootserver",)),), ["10.0.2.2:/r"]),
        ("nfsroot=/x", (DHCP._replace(protocol="static", bootserver="10.8.8.8"),), ["10.8.8.8:/x"]),
    ],
)
def test_who_says_where(line: str, interfaces: tuple[Interface, ...], expected: list[str]) -> None:
    found = attempts(export(line), Network(interfaces), container=False)
    assert list(dict.fromkeys(way.source for way in found)) == expected


def test_options_of_option_17_come_before_those_of_the_line() -> None:
    found = options("nfsroot=,v3,soft", DHCP._replace(rootpath="/r,rsize=8192,ro"))
    assert found[-5:] == ["rsize=8192", "ro", "v3", "soft", "nolock"]


def test_the_boot_asks_for_the_export() -> None:
    machine = Machine({operations.MountExport: "10.0.2.2:/x"})
    chosen = read("root=/dev/nfs nfsroot=/x ip=dhcp rw")
    machine.run(boot(chosen))
    assert machine.of(operations.MountExport) == [
        operations.MountExport(Export("", "/x", ""), "/sysroot", "rw", False, 180.0)
    ]
    assert machine.of(operations.MountShare) == []
    assert any("share: 10.0.2.2:/x mounted on /sysroot" in line for line in machine.log())


@pytest.mark.parametrize(("words", "mode"), [("ro", "ro"), ("", "ro"), ("rw", "rw"), ("ro loop=disk.img", "rw")])
def test_read_only_is_the_roots_affair(words: str, mode: str) -> None:
    machine = Machine({operations.MountExport: "10.0.2.2:/x"})
    machine.run(boot(read(f"nfsroot=/x {words}")))
    (asked,) = machine.of(operations.MountExport)
    assert (asked.mode, asked.container) == (mode, "loop" in words)


def test_a_server_that_is_late_is_waited_for() -> None:
    late = StepError("10.0.2.2:/x: Connection refused", retry=True)
    machine = Machine({operations.MountExport: [late, late, "10.0.2.2:/x"]})
    machine.run(boot(read("nfsroot=/x rw")))
    assert len(machine.of(operations.MountExport)) == 3
    assert machine.of(operations.Report) == []


def test_a_root_that_says_nothing_of_nfs_names_both_ways() -> None:
    with pytest.raises(SettingsError, match="root=/dev/nfs nfsroot="):
        read("root=/dev/sda1")


REFUSED, VERSION, SILENCE, NO_WAY = errno.EACCES, errno.EPROTONOSUPPORT, errno.ETIMEDOUT, errno.ECONNREFUSED


@pytest.mark.parametrize(
    ("numbers", "foremost", "retry"),
    [
        ([NO_WAY], NO_WAY, True),
        ([VERSION], VERSION, False),
        ([REFUSED, VERSION], REFUSED, False),
        ([VERSION, REFUSED], REFUSED, False),
        ([NO_WAY, VERSION], VERSION, True),  # NFS 3 is not up yet
        ([NO_WAY, errno.ENOENT], errno.ENOENT, False),
        ([SILENCE, NO_WAY], NO_WAY, True),
        ([errno.EOPNOTSUPP, NO_WAY], errno.EOPNOTSUPP, True),
    ],
)
def test_the_error_that_tells_most(numbers: list[int], foremost: int, retry: bool) -> None:
    way = Attempt("s", "/x", "hard,vers=3,nolock")
    found = nfs._foremost([nfs._error(way, str(number), ("nfs: said",)) for number in numbers])
    assert (found.errno, found.retry) == (foremost, retry)
    assert found.reason == f"s:/x (vers=3): {os.strerror(foremost)}"
    assert (found.said, bool(found.hint)) == (("nfs: said",), True)


def test_no_answer_at_all() -> None:
    found = nfs._error(Attempt("s", "/x", "hard,v3,nolock"), "", ())
    assert (found.reason, found.retry) == ("s:/x (v3): no answer from the server", True)


def test_describe_names_everything() -> None:
    assert nfs_attempts.Attempt("fe80::1", "/x", "hard").describe() == "[fe80::1]:/x with hard"
