"""The grammar of ip=, nfsaddrs= and BOOTIF=."""

import re

import pytest

from init.cmdline.ip import parse
from init.cmdline.ip_request import GrammarError, Request


@pytest.mark.parametrize(
    ("value", "request_"),
    [
        *((word, Request(autoconf=word)) for word in ("dhcp", "bootp", "rarp", "both", "any", "off")),
        ("on", Request(autoconf="any")),
        ("none", Request(autoconf="off")),
        ("", Request(autoconf="off")),
        ("dhcp,1,box", Request(autoconf="dhcp", client_id=b"\x01box")),
        ("dhcp,0x10,a:b,c", Request(autoconf="dhcp", client_id=b"\x10a:b,c")),
        ("dhcp,010,a", Request(autoconf="dhcp", client_id=b"\x08a")),
        (":::::eth0:dhcp,0,x", Request(device="eth0", autoconf="dhcp", client_id=b"\x00x")),
        ("eth0:dhcp", Request(device="eth0", autoconf="dhcp")),
        ("eth0:off", Request(device="eth0", autoconf="off")),
        ("10.0.2.15", Request(client="10.0.2.15")),
        # pxelinux, IPAPPEND 1, or a person
        ("10.0.2.15:10.0.2.2:10.0.2.2:255.255.255.0", Request("10.0.2.15", "10.0.2.2", "10.0.2.2", "255.255.255.0")),
        ("10.0.0.2:10.0.0.9:10.0.0.1:255.0.0.0:box.lab.example:eth1:none:1.1.1.1:8.8.8.8:10.0.0.3",
         Request("10.0.0.2", "10.0.0.9", "10.0.0.1", "255.0.0.0", "box", "lab.example", "eth1", autoconf="off",
                 dns=("1.1.1.1", "8.8.8.8"), ntp=("10.0.0.3",))),
        ("::::box::dhcp", Request(hostname="box", autoconf="dhcp")),
        ("0.0.0.0:::::eth0", Request(device="eth0")),
        (":::::eth0.5:on::9.9.9.9", Request(device="eth0.5", autoconf="any", dns=("9.9.9.9",))),
        ("eth0:dhcp:1400", Request(device="eth0", autoconf="dhcp", mtu=1400)),
        ("eth0:on::52:54:00:AB:cd:56", Request(device="eth0", autoconf="any", hwaddr="52:54:00:ab:cd:56")),
        ("eth0:dhcp:9000:52:54:00:12:34:56",
         Request(device="eth0", autoconf="dhcp", mtu=9000, hwaddr="52:54:00:12:34:56")),
        ("eth0:dhcp:", Request(device="eth0", autoconf="dhcp")),
        ("10.0.0.2:::255.0.0.0::eth0:off:1400",
         Request("10.0.0.2", netmask="255.0.0.0", device="eth0", autoconf="off", mtu=1400)),
        (":::::eth0:dhcp::52:54:00:12:34:56", Request(device="eth0", autoconf="dhcp", hwaddr="52:54:00:12:34:56")),
        (":::::eth0:dhcp:1.1.1.1", Request(device="eth0", autoconf="dhcp", dns=("1.1.1.1",))),  # an address is no MTU
        ("010.001.002.003", Request(client="10.1.2.3")),  # decimal, as in_aton reads it
        (":", Request()),
    ],
)  # fmt: skip
def test_one_value(value: str, request_: Request) -> None:
    assert parse([value]) == (request_,)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("1.2.3.4:::33", "field 4 (netmask): '33' is not an IPv4 address"),
        ("1.2.3.4:::255.0.x", "field 4 (netmask): '255.0.x' is not an IPv4 address"),
        ("1.2.3.4:::255.0.255.0", "field 4 (netmask): '255.0.255.0' has a hole, so it is not a netmask"),
        ("1.2.3.256:", "field 1 (client): '1.2.3.256' is not an IPv4 address"),
        ("224.0.0.1::", "field 1 (client): '224.0.0.1' is not the address of a machine"),
        ("1.2.3.4:srv:", "field 2 (server): 'srv' is not an IPv4 address"),
        ("1.2.3.4::\u0661.1.1.1", "field 3 (gateway): '\u0661.1.1.1' is not an IPv4 address"),
        ("::::a b", "field 5 (hostname): 'a b' is not a host name"),
        (":::::" + "e" * 16, "field 6 (device): 'eeeeeeeeeeeeeeee' is not the name of a network device"),
        (":::::../x:dhcp", "field 6 (device): '../x' is not the name of a network device"),
        ("::::::pump", "field 7 (autoconf): 'pump' is none of off, none, on, any, dhcp, bootp, rarp, both"
         " or dhcp,<id type>,<id value>"),
        (":::::eth0:dhcp:1400:1.1.1.1", "field 8 (dns0): '1400' is not an IPv4 address"),
        (":::::eth0:dhcp:67", "the MTU '67' is not a number from 68 to 65535"),
        ("eth0:dhcp:70000", "the MTU '70000' is not a number from 68 to 65535"),
        ("eth0:dhcp::53:54:00:12:34:56", "the hardware address '53:54:00:12:34:56' is not one that a machine can have"),
        ("::::::dhcp::52:54:00:12:34:56", "52:54:00:12:34:56 is to be given to a device, which field 6 has to name"),
        ("ibft", "'ibft' is not supported: no firmware's table (iBFT) is read; write the address out, or dhcp"),
        ("eth0:link-local", "'link-local' is not supported: IPv4 has none to give here; link6 is IPv6's"),
        ("dhcp,300,x", "'dhcp,300,x' is not dhcp,<id type 0 to 255>,<id value>"),
        ("dhcp,1", "'dhcp,1' is not dhcp,<id type 0 to 255>,<id value>"),
        (":::::::::8.8.8", "field 10 (ntp0): '8.8.8' is not an IPv4 address"),
        ("1:2:3:4:5:6:7:8:9:10:11", "11 fields in '1:2:3:4:5:6:7:8:9:10:11', at most 10: client:server:gateway:"
         "netmask:hostname:device:autoconf:dns0:dns1:ntp0"),
        ("eth0", "'eth0' is neither an IPv4 address nor one of off, none, on, any, dhcp, bootp, rarp, both"),
    ],
)  # fmt: skip
def test_an_error_names_the_field(value: str, message: str) -> None:
    with pytest.raises(GrammarError, match=f"^ip=: {re.escape(message)}$"):
        parse([value])


def test_the_properties() -> None:
    assert parse([]) == (Request(),)  # no value leaves everything to autoconfiguration
    assert Request().automatic and not Request().disabled
    assert parse(["off"])[0].disabled and not parse(["10.0.0.2::::::off"])[0].disabled
    assert parse(["10.0.0.2::::::dhcp"])[0].automatic and not parse(["10.0.0.2::::::on"])[0].automatic


def test_bootif_names_the_card() -> None:
    line = ["10.0.2.15:10.0.2.2:10.0.2.2:255.255.255.0"]
    assert parse(line, "01-52-54-00-AB-34-56")[0].mac == "52:54:00:ab:34:56"
    assert parse([], "52:54:00:12:34:56")[0].mac == "52:54:00:12:34:56"
    assert parse(["eth0:dhcp"], "01-52-54-00-12-34-56")[0].mac == ""  # the device is named already


@pytest.mark.parametrize(
    "written", ["", "01-", "01", "-", "01-52-54", "01-00-00-00-00-00-00", "${net0/mac:hexhyp}", "?"]
)
def test_a_bootif_that_names_no_card_is_left_out_and_told(written: str) -> None:
    notes: list[str] = []
    assert parse(["dhcp"], written, notes) == (Request(autoconf="dhcp"),)
    assert notes == [f"BOOTIF={written}: names no card, so it is left out"]


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("${net0/ip}", ()),
        ("${net0/ip}:${next-server}:${net0/gateway}:${net0/netmask}", ()),
        (":::::eth0:dhcp", ("eth0", "dhcp")),
        (":::::${net0/name:string}:dhcp", ("", "dhcp")),
        ("$net_default_interface:dhcp", ("", "dhcp")),
        ("0.0.0.0:0.0.0.0:0.0.0.0:0.0.0.0::eth0:dhcp:0.0.0.0:0.0.0.0:0.0.0.0", ("eth0", "dhcp")),
        (":dhcp", ("", "dhcp")),
        (":auto6", ("", "auto6")),
        (":::::::", ("", "")),
    ],
)
def test_what_a_loader_left_empty_is_not_given(written: str, values: tuple[str, ...]) -> None:
    notes: list[str] = []
    device, word = values or ("", "")
    assert parse([written], None, notes) == (Request(device=device, autoconf=word),)
    told = [f"ip={written}: the boot loader knew nothing to fill in, so the field is empty"]
    assert notes == (told if "$" in written else [])


def test_a_netmask_may_be_a_prefix_length() -> None:
    assert parse(["10.0.0.5::10.0.0.1:23:box:eth0:off"])[0].netmask == "255.255.254.0"


def test_values_for_the_same_device_are_one_request() -> None:
    first, second = parse(["dhcp", "10.0.2.15::10.0.2.2:", "eth1:dhcp"])
    assert first == Request(client="10.0.2.15", gateway="10.0.2.2", autoconf="dhcp")
    assert second == Request(device="eth1", autoconf="dhcp")


PXELINUX = "10.0.2.15:10.0.2.2:10.0.2.3:255.255.255.0"


@pytest.mark.parametrize(
    ("values", "loaded"),
    [
        ([PXELINUX], [True]),
        (["10.0.2.15:::"], [True]),  # an iPXE script whose server names neither
        (["::::box", PXELINUX], [True]),
        (["dhcp", PXELINUX], [False]),  # asked for anyway
        (["off", PXELINUX], [False]),  # a person's word that nobody is to be asked
        (["10.0.2.15::10.0.2.3:255.255.255.0:box::off"], [False]),
        (["10.0.2.15:10.0.2.2:10.0.2.3:255.255.255.0:"], [False]),
        (["10.0.2.15"], [False]),
        ([":::"], [False]),
        (["eth0:dhcp", PXELINUX], [False, True]),
        (["dhcp6", PXELINUX], [False, True]),
    ],
)
def test_what_a_loader_was_given_is_asked_for_again(values: list[str], loaded: list[bool]) -> None:
    requests = parse(values, "01-52-54-00-12-34-56")
    assert [request.loaded for request in requests] == loaded
    assert all(request.automatic for request in requests if request.loaded)
    assert not any(request.loaded for request in parse(values))
    assert not any(request.loaded for request in parse(values, "01-"))
