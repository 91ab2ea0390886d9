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
        ("s:/srv/@home", set()),
        ("ttyS0,115200n8", set()),
    ],
)
def test_in_a_text(text: str, found: set[str]) -> None:
    assert secrets.in_text(text) == found


def test_in_a_line() -> None:
    line = parse("root=/dev/cifs cifspass=p,w iommu.passthrough=1 cifsroot=//s/x,pass=q quiet //a:r@s BOOTIF=01-52")
    assert secrets.found(line.words) == {"p,w", "p", "w", "q", "r"}


def test_in_credentials() -> None:
    assert secrets.in_credentials("username=u\npassword= p \r\nmisplaced\nuser=a%q\ndomain=D\n") == {
        " p ",
        "misplaced",
        "q",
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [("//s/x,password=p", "//s/x"), ("//u:p@s/x", "******"), ("pass=p", "******"), ("iscsi:u:p@s", "******"), ("", "")],
)
def test_shown(text: str, shown: str) -> None:
    assert secrets.shown(text) == shown
