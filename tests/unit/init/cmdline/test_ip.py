"""The grammar of ip=, nfsaddrs= and BOOTIF=."""

import pytest

from init.cmdline.ip import parse
from init.cmdline.ip_request import GrammarError, Request
from init.wire import ip4


@pytest.mark.parametrize(
    ("value", "request_"),
    [
        ("dhcp", Request(autoconf="dhcp")),
        ("bootp", Request(autoconf="bootp")),
        ("rarp", Request(autoconf="rarp")),
        ("both", Request(autoconf="both")),
        ("on", Request(autoconf="any")),
        ("any", Request(autoconf="any")),
        ("off", Request(autoconf="off")),
        ("none", Request(autoconf="off")),
        ("", Request(autoconf="off")),
        ("dhcp,1,box", Request(autoconf="dhcp", client_id=b"\x01box")),
        ("dhcp,0x10,a:b,c", Request(autoconf="dhcp", client_id=b"\x10a:b,c")),
        ("dhcp,010,a", Request(autoconf="dhcp", client_id=b"\x08a")),
        (":::::eth0:dhcp,0,x", Request(device="eth0", autoconf="dhcp", client_id=b"\x00x")),
        ("eth0:dhcp", Request(device="eth0", autoconf="dhcp")),
        ("eth0:off", Request(device="eth0", autoconf="off")),
        ("10.0.2.15", Request(client="10.0.2.15")),
        (
            "10.0.2.15:10.0.2.2:10.0.2.2:255.255.255.0",  # pxelinux, IPAPPEND 1
            Request(client="10.0.2.15", server="10.0.2.2", gateway="10.0.2.2", netmask="255.255.255.0"),
        ),
        (
            "10.0.0.2:10.0.0.9:10.0.0.1:255.0.0.0:box.lab.example:eth1:none:1.1.1.1:8.8.8.8:10.0.0.3",
            Request(
                client="10.0.0.2",
                server="10.0.0.9",
                gateway="10.0.0.1",
                netmask="255.0.0.0",
                hostname="box",
                domain="lab.example",
                device="eth1",
                autoconf="off",
                dns=("1.1.1.1", "8.8.8.8"),
                ntp=("10.0.0.3",),
            ),
        ),
        ("::::box::dhcp", Request(hostname="box", autoconf="dhcp")),
        ("0.0.0.0:::::eth0", Request(device="eth0")),
        (":::::eth0.5:on::9.9.9.9", Request(device="eth0.5", autoconf="any", dns=("9.9.9.9",))),
        ("eth0:dhcp:1400", Request(device="eth0", autoconf="dhcp", mtu=1400)),
        ("eth0:on::52:54:00:AB:cd:56", Request(device="eth0", autoconf="any", hwaddr="52:54:00:ab:cd:56")),
        (
            "eth0:dhcp:9000:52:54:00:12:34:56",
            Request(device="eth0", autoconf="dhcp", mtu=9000, hwaddr="52:54:00:12:34:56"),
        ),
        ("eth0:dhcp:", Request(device="eth0", autoconf="dhcp")),
        (
            "10.0.0.2:::255.0.0.0::eth0:off:1400",
            Request("10.0.0.2", netmask="255.0.0.0", device="eth0", autoconf="off", mtu=1400),
        ),
        (":::::eth0:dhcp::52:54:00:12:34:56", Request(device="eth0", autoconf="dhcp", hwaddr="52:54:00:12:34:56")),
        (":::::eth0:dhcp:1.1.1.1", Request(device="eth0", autoconf="dhcp", dns=("1.1.1.1",))),  # an address is no MTU
        ("010.001.002.003", Request(client="10.1.2.3")),  # decimal, as in_aton reads it
        (":", Request()),
    ],
)
def test_one_value(value: str, request_: Request) -> None:
    assert parse([value]) == (request_,)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("1.2.3.4:::255.0.x", "ip=: field 4 (netmask): '255.0.x' is not an IPv4 address"),
        ("1.2.3.4:::255.0.255.0", "ip=: field 4 (netmask): '255.0.255.0' has a hole, so it is not a netmask"),
        ("1.2.3.256:", "ip=: field 1 (client): '1.2.3.256' is not an IPv4 address"),
        ("224.0.0.1::", "ip=: field 1 (client): '224.0.0.1' is not the address of a machine"),
        ("1.2.3.4:srv:", "ip=: field 2 (server): 'srv' is not an IPv4 address"),
        ("1.2.3.4::\u0661.1.1.1", "ip=: field 3 (gateway): '\u0661.1.1.1' is not an IPv4 address"),
        ("::::a b", "ip=: field 5 (hostname): 'a b' is not a host name"),
        (":::::" + "e" * 16, "ip=: field 6 (device): 'eeeeeeeeeeeeeeee' is not the name of a network device"),
        (":::::../x:dhcp", "ip=: field 6 (device): '../x' is not the name of a network device"),
        (
            "::::::pump",
            "ip=: field 7 (autoconf): 'pump' is none of off, none, on, any, dhcp, bootp, rarp, both"
            " or dhcp,<id type>,<id value>",
        ),
        (":::::eth0:dhcp:1400:1.1.1.1", "ip=: field 8 (dns0): '1400' is not an IPv4 address"),
        (":::::eth0:dhcp:67", "ip=: the MTU '67' is not a number from 68 to 65535"),
        ("eth0:dhcp:70000", "ip=: the MTU '70000' is not a number from 68 to 65535"),
        (
            "eth0:dhcp::53:54:00:12:34:56",
            "ip=: the hardware address '53:54:00:12:34:56' is not one that a machine can have",
        ),
        (
            "::::::dhcp::52:54:00:12:34:56",
            "ip=: 52:54:00:12:34:56 is to be given to a device, which field 6 has to name",
        ),
        (
            "ibft",
            "ip=: 'ibft' is not supported: no firmware's table (iBFT) is read; write the address out, or dhcp",
        ),
        ("eth0:link-local", "ip=: 'link-local' is not supported: IPv4 has none to give here; link6 is IPv6's"),
        ("dhcp,300,x", "ip=: 'dhcp,300,x' is not dhcp,<id type 0 to 255>,<id value>"),
        ("dhcp,1", "ip=: 'dhcp,1' is not dhcp,<id type 0 to 255>,<id value>"),
        (":::::::::8.8.8", "ip=: field 10 (ntp0): '8.8.8' is not an IPv4 address"),
        (
            "1:2:3:4:5:6:7:8:9:10:11",
            "ip=: 11 fields in '1:2:3:4:5:6:7:8:9:10:11', at most 10: client:server:gateway:"
            "netmask:hostname:device:autoconf:dns0:dns1:ntp0",
        ),
        (
            "eth0",
            "ip=: 'eth0' is neither an IPv4 address nor one of off, none, on, any, dhcp, bootp, rarp, both",
        ),
    ],
)
def test_an_error_names_the_field(value: str, message: str) -> None:
    with pytest.raises(GrammarError) as caught:
        parse([value])
    assert str(caught.value) == message


def test_no_value_leaves_everything_to_autoconfiguration() -> None:
    assert parse([]) == (Request(),)
    assert Request().automatic
    assert not Request().disabled


def test_the_properties() -> None:
    assert parse(["off"])[0].disabled
    assert not parse(["10.0.0.2::::::off"])[0].disabled
    assert not parse(["10.0.0.2::::::on"])[0].automatic
    assert parse(["10.0.0.2::::::dhcp"])[0].automatic


def test_bootif_names_the_card() -> None:
    line = ["10.0.2.15:10.0.2.2:10.0.2.2:255.255.255.0"]
    assert parse(line, "01-52-54-00-AB-34-56")[0].mac == "52:54:00:ab:34:56"
    assert parse([], "52:54:00:12:34:56")[0].mac == "52:54:00:12:34:56"
    assert parse(["eth0:dhcp"], "01-52-54-00-12-34-56")[0].mac == ""  # the device is named already
    for wrong in ("", "01-52-54", "20-52-54-00-12-34-56", "01-52-54-00-12-34-5g"):
        with pytest.raises(GrammarError, match=r"^BOOTIF=: "):
            parse([], wrong)


def test_values_for_the_same_device_are_one_request() -> None:
    first, second = parse(["dhcp", "10.0.2.15::10.0.2.2:", "eth1:dhcp"])
    assert first == Request(client="10.0.2.15", gateway="10.0.2.2", autoconf="dhcp")
    assert second == Request(device="eth1", autoconf="dhcp")


@pytest.mark.parametrize(
    ("address", "prefix"),
    [("10.1.2.3", 8), ("127.0.0.1", 8), ("128.0.0.1", 16), ("191.9.9.9", 16), ("192.0.0.1", 24)],
)
def test_classful_netmask(address: str, prefix: int) -> None:
    assert ip4.classful_prefix(ip4.packed(address) or b"") == prefix


@pytest.mark.parametrize(("mask", "prefix"), [("255.255.255.0", 24), ("0.0.0.0", 0), ("255.255.255.255", 32)])
def test_prefix_length(mask: str, prefix: int) -> None:
    assert ip4.prefix_length(ip4.packed(mask) or b"") == prefix
    assert ip4.netmask_of(prefix) == mask
    assert ip4.prefix_length(b"\x00\xff\xff\xff") is None
