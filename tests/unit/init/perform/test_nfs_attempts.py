"""What the network adds to nfsroot=, and every way to try."""

import pytest

from init.network.state import Interface, Network
from init.perform.nfs_attempts import Attempt, attempts
from tests.unit.init.cmdline.test_nfsroot import export

DHCP = Interface("eth0", "52:54:00:12:34:56", "dhcp", "10.0.2.15", 24, bootserver="10.0.2.2", server="10.0.2.3")


def ways(text: str, *interfaces: Interface, container: bool = False) -> tuple[Attempt, ...]:
    return attempts(export(text), Network(interfaces or (DHCP,)), container)


def options(text: str, *interfaces: Interface) -> list[str]:
    return ways(text, *interfaces)[0].options.split(",")


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


def test_describe_names_everything() -> None:
    assert Attempt("fe80::1", "/x", "hard").describe() == "[fe80::1]:/x with hard"
