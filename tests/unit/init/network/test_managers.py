"""What is left in /run for the real system's network managers: exact texts, and for which devices."""

import pytest

from init.cmdline.ip_request import Request
from init.network import managers, state
from init.network.state import Made, Network, NetworkError
from init.wire.dhcp_options import Lease
from tests.unit.init.network.samples import LINK

CARD = LINK._replace(permanent=LINK.mac)
OTHER = CARD._replace(number=3, name="eth1", mac="52:54:00:12:34:57", permanent="52:54:00:12:34:57")
LEASE = Lease(
    "dhcp", "10.0.2.15", "10.0.2.2", bytes(6), 5.0, 24, dns=("10.0.2.3",), ntp=("10.0.2.5",),
    domain="lab.example", search=("eng.lab.example",), seconds=600,
)  # fmt: skip
LEASED = state.leased(Request(), CARD, LEASE)
ORIGIN = "# The root lies behind this network, which the initramfs has set up. See mkinitfs(7), The network stays.\n"
EXCEPT = "except:type:bond;except:type:bridge;except:type:macvlan;except:type:team;except:type:vlan"


def test_one_card_and_nothing_of_the_other() -> None:
    left = managers.run_files(Network((LEASED,)), [OTHER, CARD])
    assert left.files == {
        "systemd/network/00-mkinitfs-eth0.network": ORIGIN
        + "[Match]\nPermanentMACAddress=52:54:00:12:34:56\nType=ether\n"
        "[Network]\nKeepConfiguration=yes\nConfigureWithoutCarrier=yes\nNTP=10.0.2.5\n"
        "[IPv6AcceptRA]\nDHCPv6Client=no\n",
        "NetworkManager/conf.d/mkinitfs.conf": ORIGIN
        + f"[device-mkinitfs-cards]\nmatch-device=mac:52:54:00:12:34:56;{EXCEPT}\nmanaged=0\n",
        "network/mkinitfs.eth0": "mkinitfs\n",
        "systemd/system/ifup@.service.d/mkinitfs.conf": ORIGIN
        + "[Unit]\nConditionPathIsSymbolicLink=!/run/network/ifstate.%I\n",
        "udev/rules.d/81-mkinitfs.rules": ORIGIN
        + 'ACTION=="add", SUBSYSTEM=="net", ENV{DEVTYPE}=="", ATTR{address}=="52:54:00:12:34:56", '
        'RUN+="/bin/ln -sfn mkinitfs.eth0 /run/network/ifstate.$name"\n',
        "systemd/resolved.conf.d/mkinitfs.conf": ORIGIN
        + "[Resolve]\nDNS=10.0.2.3\nDomains=lab.example eng.lab.example\n",
    }
    assert left.links == {"network/ifstate.eth0": "mkinitfs.eth0"}


def test_a_card_without_an_address_of_its_own_is_known_by_the_one_it_has() -> None:
    """Virtual machines' and namespaces' cards; NetworkManager's `mac:` would not find them."""
    files = managers.run_files(Network((LEASED,)), [CARD._replace(permanent="", kind="veth")]).files
    assert "\nMACAddress=52:54:00:12:34:56\n" in files["systemd/network/00-mkinitfs-eth0.network"]
    assert "\nmatch-device=interface-name:=eth0\n" in files["NetworkManager/conf.d/mkinitfs.conf"]


def test_a_device_with_both_families_is_told_of_once_and_left_to_the_kernel() -> None:
    six = LEASED._replace(address="fd00::5", protocol="auto6", dns=("fd00::3",), domain="", ntp=())
    files = managers.run_files(Network((LEASED, six)), [CARD]).files
    assert [text for name, text in files.items() if name.endswith(".network")] == [
        ORIGIN + "[Match]\nPermanentMACAddress=52:54:00:12:34:56\nType=ether\n[Link]\nUnmanaged=yes\n"
    ]
    assert "\nDNS=10.0.2.3 fd00::3\n" in files["systemd/resolved.conf.d/mkinitfs.conf"]


def test_what_a_vlan_on_a_bond_stands_on_is_left_alone_by_all() -> None:
    bond = CARD._replace(number=4, name="bond0", kind="bond")
    vlan = bond._replace(number=5, name="bond0.5", kind="vlan")
    port = OTHER._replace(mac=CARD.mac, master=4)  # in a bond all have the address of the first
    made = (
        Made("bond", "bond0:eth0,eth1,eth2:mode=active-backup", (CARD.mac, OTHER.mac, "")),
        Made("vlan", "bond0.5:bond0", ("",)),
    )
    root = LEASED._replace(device="bond0.5", kind="vlan")
    left = managers.run_files(Network((root,), made), [CARD._replace(master=4), port, bond, vlan])
    networks = {name: text for name, text in left.files.items() if name.endswith(".network")}
    devices = ("bond0.5", "bond0", "eth0", "eth1")
    assert set(networks) == {f"systemd/network/00-mkinitfs-{name}.network" for name in devices}
    assert networks["systemd/network/00-mkinitfs-bond0.5.network"].startswith(
        ORIGIN + "[Match]\nName=bond0.5\nKind=vlan\n[Network]\nKeepConfiguration=yes\n"
    )
    assert networks["systemd/network/00-mkinitfs-bond0.network"] == (
        ORIGIN + "[Match]\nName=bond0\nKind=bond\n[Link]\nUnmanaged=yes\n"
    )
    assert networks["systemd/network/00-mkinitfs-eth1.network"] == (
        ORIGIN + "[Match]\nPermanentMACAddress=52:54:00:12:34:57\nType=ether\n[Link]\nUnmanaged=yes\n"
    )
    assert left.files["NetworkManager/conf.d/mkinitfs.conf"] == ORIGIN + (
        f"[device-mkinitfs-cards]\nmatch-device=mac:52:54:00:12:34:56;mac:52:54:00:12:34:57;{EXCEPT}\nmanaged=0\n"
        "[device-mkinitfs-names]\nmatch-device=interface-name:=bond0.5;interface-name:=bond0\nmanaged=0\n"
    )
    assert set(left.links) == {f"network/ifstate.{name}" for name in devices}


def test_what_leaves_nothing() -> None:
    assert managers.run_files(Network(()), [CARD]) == ({}, {})
    odd = CARD._replace(name='a;"$name')  # has a meaning in one of the languages
    assert managers.run_files(Network((LEASED._replace(device=odd.name),)), [odd]) == ({}, {})
    left = managers.run_files(Network((LEASED._replace(dns=()),)), [CARD])  # nothing for the resolver
    assert "systemd/resolved.conf.d/mkinitfs.conf" not in left.files


def test_a_device_that_is_gone_by_now() -> None:
    with pytest.raises(NetworkError, match=r"eth0 .* is gone"):
        managers.run_files(Network((LEASED,)), [])
