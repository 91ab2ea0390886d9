"""vlan=, bond= and ifname= as dracut.cmdline(7) has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from init.cmdline import devices
from init.cmdline.devices import Bond, Renamed, Vlan
from init.cmdline.ip_request import GrammarError
from init.cmdline.words import parse as command_line

MIIMON = ("miimon", "100")


def read(text: str) -> tuple[devices.Device, ...]:
    return devices.parse(command_line(text).words)


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("vlan=vlan0005:eth0", Vlan("vlan0005", "eth0", 5)),
        ("vlan=vlan5:eth0", Vlan("vlan5", "eth0", 5)),
        ("vlan=eth0.0005:eth0", Vlan("eth0.0005", "eth0", 5)),
        ("vlan=eth0.4094:eth0", Vlan("eth0.4094", "eth0", 4094)),
        ("ifname=lan0:52:54:00:AB:cd:ef", Renamed("lan0", "52:54:00:ab:cd:ef")),
        ("bond", Bond("bond0", ("eth0", "eth1"), (("mode", "balance-rr"), MIIMON))),
        ("bond=b", Bond("b", ("eth0", "eth1"), (("mode", "balance-rr"), MIIMON))),
        ("bond=b:lan0", Bond("b", ("lan0",), (("mode", "balance-rr"), MIIMON))),
        ("bond=b:a,c:miimon=50,mode=4,lacp_rate=fast:9000",
         Bond("b", ("a", "c"), (("mode", "4"), ("miimon", "50"), ("lacp_rate", "fast")), 9000)),
        ("bond=b:a:arp_interval=1000,arp_ip_target=10.0.0.1;10.0.0.2",
         Bond("b", ("a",), (("arp_interval", "1000"), ("arp_ip_target", "10.0.0.1;10.0.0.2")))),
    ],
)  # fmt: skip
def test_what_dracut_documents(text: str, device: devices.Device) -> None:
    assert read(text) == (device,)
    assert devices.parse([devices.text(device)]) == (device,)


def test_names_come_first_then_bonds_then_vlans() -> None:
    found = read("quiet vlan=b.5:b bond=b:x,y ifname=x:52:54:00:00:00:01 ip=b.5:dhcp")
    assert [device.name for device in found] == ["x", "b", "b.5"]
    assert [devices.lower(device) for device in found] == [(), ("x", "y"), ("b",)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vlan=eth0", "vlan=: 'eth0' does not end in a number from 1 to 4094, as vlan5, vlan0005, eth0.5"),
        ("vlan=vlan0:eth0", "vlan=: 'vlan0' does not end in a number from 1 to 4094"),
        ("vlan=eth0.4095:eth0", "vlan=: 'eth0.4095' does not end in a number from 1 to 4094"),
        ("vlan=vlan5", "vlan=: '' is not the name of a network device"),
        ("bond=b:a:mode", "bond=: 'mode' is not <option>=<value>"),
        ("bond=b:a:../x=1", "bond=: '../x=1' is not <option>=<value>"),
        ("bond=b:a:mode=1:20", "bond=: the MTU '20' is not a number from 68 to 65535"),
        ("bond=b:a:mode=1:1500:x", "bond=: 'b:a:mode=1:1500:x' is not <name>[:<slaves>[:<options>[:<mtu>]]]"),
        ("ifname=lan0:52:54", "ifname=: '52:54' is not 01- and an Ethernet address"),
        ("bond=b:a,a", "ifname=, bond=, vlan=: 'a' is named twice"),
        ("bond=b:a vlan=b:eth0", "vlan=: 'b' does not end in a number"),
        ("vlan=vlan5:eth0 vlan=vlan5:eth1", "ifname=, bond=, vlan=: 'vlan5' is named twice"),
    ],
)
def test_an_error_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(GrammarError) as caught:
        read(text)
    assert str(caught.value).startswith(message)


@given(st.lists(st.tuples(st.sampled_from(["vlan", "bond", "ifname"]), st.text("abe0159.:,=/; ", max_size=20))))
def test_understood_or_refused(words: list[tuple[str, str | None]]) -> None:
    try:
        found = devices.parse(words)
    except GrammarError:
        return
    assert devices.parse(map(devices.text, found)) == found
