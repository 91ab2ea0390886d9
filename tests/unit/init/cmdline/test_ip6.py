"""IPv6 in ip=, as dracut.cmdline(7) writes it."""

import pytest

from init.cmdline.ip import parse
from init.cmdline.ip_request import GrammarError, Request


@pytest.mark.parametrize(
    ("value", "request_"),
    [
        ("auto6", Request(autoconf="auto6")),
        ("eth1:dhcp6", Request(device="eth1", autoconf="dhcp6")),
        ("either6", Request(autoconf="either6")),
        ("eth1:link6", Request(device="eth1", autoconf="link6")),
        ("eth1:auto6:1400", Request(device="eth1", autoconf="auto6", mtu=1400)),
        ("eth1:either6:1400:52:54:00:12:34:56",
         Request(device="eth1", autoconf="either6", mtu=1400, hwaddr="52:54:00:12:34:56")),
        ("[fd00::2]:::::eth0:none::52:54:00:12:34:56",
         Request("fd00::2", netmask="64", device="eth0", autoconf="off", hwaddr="52:54:00:12:34:56")),
        ("::::wall.lab:eth0:auto6", Request(hostname="wall", domain="lab", device="eth0", autoconf="auto6")),
        ("::::::dhcp6:[2001:DB8::3]", Request(autoconf="dhcp6", dns=("2001:db8::3",))),
        ("[2001:db8:0::5]::[2001:db8::1]:48:host:eth0:none",
         Request("2001:db8::5", "", "2001:db8::1", "48", "host", device="eth0", autoconf="off")),
        ("[fd00::2]", Request("fd00::2", netmask="64", autoconf="off")),
        ("[fd00::2]:[fd00::9]:[fe80::1]:::::[fd00::3]:[fd00::4]:[fd00::5]",
         Request("fd00::2", "fd00::9", "fe80::1", "64", autoconf="off", dns=("fd00::3", "fd00::4"), ntp=("fd00::5",))),
    ],
)  # fmt: skip
def test_what_dracut_writes(value: str, request_: Request) -> None:
    assert parse([value]) == (request_,)
    assert request_.six


def test_both_families_on_one_device_are_two_requests() -> None:
    found = parse(["eth0:dhcp", "eth0:auto6", "::::wall:eth0:auto6"])
    expected = Request(device="eth0", autoconf="dhcp"), Request(device="eth0", hostname="wall", autoconf="auto6")
    assert found == expected
    assert not found[0].six


def test_bootif_names_the_card_for_both_families() -> None:
    found = parse(["dhcp", "auto6"], "01-52-54-00-12-34-56")
    assert [request.mac for request in found] == ["52:54:00:12:34:56"] * 2


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("eth0:auto6:1279", "the MTU '1279' is not a number from 1280 to 65535"),
        ("eth0:dhcp6:[fd00::3]", "field 1 (client): 'eth0' is not the IPv6 address of a machine, in brackets"),
        ("eth0:dhcp6:fd00", "'eth0:dhcp6:fd00' is not <device>:<autoconf>[:[<mtu>][:<MAC>]]"),
        ("::::::auto6::52:54:00:12:34:56", "52:54:00:12:34:56 is to be given to a device, which field 6 has to name"),
        ("[fd00::2", "'[fd00::2': a bracket is not closed"),
        ("[fd00::[2]]", "'[fd00::[2]]': an address in brackets is meant, as in [2001:db8::1]"),
        ("x[fd00::2]", "'x[fd00::2]': an address in brackets is meant, as in [2001:db8::1]"),
        ("[fd00::2]x", "field 1 (client): '[fd00::2]x' is not the IPv6 address of a machine, in brackets"),
        ("[ff02::1]", "field 1 (client): '[ff02::1]' is not the IPv6 address of a machine, in brackets"),
        ("[fd00::2]::1.2.3.4", "field 3 (gateway): '1.2.3.4' is not the IPv6 address of a machine, in brackets"),
        ("[fd00::2]:::129", "field 4 (netmask): '129' is not a prefix length from 1 to 128"),
        ("[fd00::2]::::a b", "field 5 (hostname): 'a b' is not a host name"),
        ("[fd00::2]:::::a/b", "field 6 (device): 'a/b' is not the name of a network device"),
        ("[fd00::2]::::::dhcp", "field 7 (autoconf): 'dhcp' is none of auto6, dhcp6, either6, link6, off, none"),
        ("[fd00::2]::::::auto6",
         "'[fd00::2]::::::auto6': either an address in brackets or one of auto6, dhcp6, either6, link6 is meant"),
        ("[]:::::::::::",
         "12 fields in '[]:::::::::::', at most 10: client:server:gateway:netmask:hostname:device:autoconf:"
         "dns0:dns1:ntp0"),
    ],
)  # fmt: skip
def test_an_error_names_the_field(value: str, message: str) -> None:
    with pytest.raises(GrammarError) as caught:
        parse([value])
    assert str(caught.value) == f"ip=: {message}"
