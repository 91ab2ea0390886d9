"""What stands for a machine's own names in a path."""

import pytest

from init.cmdline.placeholders import expand, mistake

NAMES = {"m": "52:54:00:12:34:56", "h": "kiosk", "i": "10.0.2.15", "u": "03000200-0400-0500-0006-000700080009"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("own.img", "own.img"), ("own/%m.img", "own/52-54-00-12-34-56.img"), ("%h/%i", "kiosk/10.0.2.15"),
        ("%h%%%m", "kiosk%52-54-00-12-34-56"), ("%%m", "%m"), ("%u.img", "03000200-0400-0500-0006-000700080009.img"),
    ],
)  # fmt: skip
def test_names(path: str, found: str) -> None:
    assert expand(path, NAMES) == found
    assert mistake(path) == ""


@pytest.mark.parametrize("path", ["%", "a%", "%x", "100%.img", "%%%", "%H", "%m%"])
def test_mistakes(path: str) -> None:
    assert "is none of %m (MAC), %h (host name), %i (IP address), %u (UUID of the product), %%" in mistake(path)


@pytest.mark.parametrize("host", ["a/b", "../../etc/x", "a\0b", "a:b", "%m", "..\\x"])
def test_a_name_from_the_network_stays_one_name(host: str) -> None:
    path = expand("own/%h.img", NAMES | {"h": host})
    assert (path.count("/"), path.count("\\")) == (1, 0)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_nothing_known(name: str) -> None:
    with pytest.raises(KeyError, match="h"):
        expand("own/%h", NAMES | {"h": name})
