"""What can be a secret; tests/property has whether one is shown."""

import pytest

from init.cmdline import secrets
from init.cmdline.words import parse


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("//s/x,user=a,vers=3.0,ro", set()),
        ("//s/x,password=p", {"p"}),
        ("//s/x,Password=p,soft,uid=5", {"p"}),
        ("password=a,b=c,ro", {"a", "b=c", "b", "c"}),
        ("password=a,,ro,,b", {"a", "b", "a,ro,b", "a,,ro,,b"}),
        ("user=a%p,soft", {"p"}),
        ("cifs://u:p%40w@s/x", {"p%40w", "p@w", "40w"}),
        ("//s/x;password=p", {"p"}),  # no option, but meant as one
        ("//s/x?pass=p", {"p"}),
        ("//s/x?user=a&pass=p&ro", {"p", "p&ro"}),
        ("//s/x,user=a;password=p;ro", {"p", "p;ro"}),
        ("//s/x,vers=3.0:pwd=p", {"p"}),
        ("//s/x:passwd=p,soft", {"p"}),
        ("//s/x,pw=p", {"p"}),
        ("s:/srv/@home", set()),
        ("ttyS0,115200n8", set()),
    ],
)
def test_in_a_text(text: str, found: set[str]) -> None:
    assert secrets.in_text(text) == found


def test_in_a_line() -> None:
    line = parse("root=/dev/cifs cifspass=p,w iommu.passthrough=1 cifsroot=//s/x,pass=q quiet //a:r@s BOOTIF=01-52")
    assert secrets.found(line.words) == {"p,w", "p", "w", "q", "r"}


@pytest.mark.parametrize(
    "text",
    [
        "BOOT_IMAGE=(tftp)/vmlinuz root=/dev/cifs cifsroot=//10.0.2.2/pass,user=a,guest loop=disk.img rw ip=dhcp quiet",
        "root=/dev/nfs nfsroot=10.44.0.9:/srv/@home,vers=4.2,sec=sys ip=10.44.0.2::10.44.0.9:255.255.255.0::eth0:off",
        "root=UUID=1-2 console=ttyS0,115200n8 netconsole=6665@10.0.0.1/eth0,6666@10.0.0.2/ iommu.passthrough=1 mem=1G",
        "BOOTIF=01-52-54-00-12-34-56 rd.break=share init=/bin/sh -- single",
    ],
)
def test_an_ordinary_line_has_none(text: str) -> None:
    assert secrets.found(parse(text).words) == set()


def test_in_credentials() -> None:
    assert secrets.in_credentials("username=u\npassword= p \r\nmisplaced\nuser=a%q\ndomain=D\n") == {
        " p ",
        "misplaced",
        "q",
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("//s/x,password=p", "//s/x"),
        ("//u:p@s/x", "******"),
        ("pass=p", "******"),
        ("iscsi:u:p@s", "******"),
        ("", ""),
        ("UUID=1-2", "UUID=1-2"),
        ("UUID=1=p", "******"),
        ("UUID=u:p@s", "******"),
    ],
)
def test_shown(text: str, shown: str) -> None:
    assert secrets.shown(text) == shown
