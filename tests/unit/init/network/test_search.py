"""Which device an ip= means, where vlan= and bond= have made some: decided from names and addresses alone."""

from types import SimpleNamespace

import pytest

from init.cmdline import devices, ip
from init.cmdline.ip_request import Request
from init.network.search import Search
from init.wire.netlink import Link

CARD, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"
UP = 0x11043  # IFF_UP, IFF_BROADCAST, IFF_RUNNING, IFF_MULTICAST, IFF_LOWER_UP


def link(number: int, name: str, mac: str = CARD, *, master: int = 0, kind: str = "", permanent: str = "") -> Link:
    return Link(number, name, mac, 1, UP, 1500, master, kind, permanent)


# Two cards in a bond, of which each has the first one's address by now, a VLAN on it and one on a third card.
LINKS = (
    link(2, "eth0", master=5, permanent=CARD),
    link(3, "eth1", master=5, permanent=OTHER),
    link(4, "eth2", "52:54:00:00:00:03", permanent="52:54:00:00:00:03"),
    link(5, "bond0", kind="bond"),
    link(6, "bond0.5", kind="vlan"),
    link(7, "vlan7", "52:54:00:00:00:03", kind="vlan"),
)
MADE = devices.parse([("vlan", "bond0.5:bond0"), ("bond", "bond0:eth0,eth1"), ("vlan", "vlan7:eth2")])


def search(request: Request, *made: str, taken: tuple[str, ...] = ()) -> Search:
    """A search among LINKS, where only some devices were `made`."""
    there = [device for device in MADE if device.name in made] if made else MADE
    names = {device.name for device in there} | {"eth0", "eth1", "eth2"}
    links = {one.number: one for one in LINKS if one.name in names}
    return Search(SimpleNamespace(), links, request, set(taken), print, devices.above(there))  # type: ignore[arg-type]


def meant(request: Request, *made: str, taken: tuple[str, ...] = ()) -> list[str]:
    """The devices that it may be."""
    return [one.name for one in search(request, *made, taken=taken).meant().values()]


@pytest.mark.parametrize(
    ("request_", "made", "expected"),
    [
        (Request(device="eth2"), (), ["eth2"]),  # who names one means it
        (Request(device="bond0"), (), ["bond0"]),
        (Request(), (), ["bond0.5", "vlan7"]),  # otherwise what was made, uppermost, and no card
        (Request(), ("bond0",), ["bond0"]),
        (Request(mac=CARD), (), ["bond0.5"]),  # BOOTIF= of a card in the bond, whose address both have by now
        (Request(mac=OTHER), (), ["bond0.5"]),
        (Request(mac=OTHER), ("bond0",), ["bond0"]),
        (Request(mac="52:54:00:00:00:03"), (), ["vlan7"]),
        (Request(mac="52:54:00:00:00:03"), ("bond0",), ["eth2"]),  # nothing was made of that one
        (Request(mac=CARD, device="eth2"), (), ["eth2"]),
    ],
)
def test_which_device_is_meant(request_: Request, made: tuple[str, ...], expected: list[str]) -> None:
    assert meant(request_, *made) == expected


def test_an_infiniband_card_is_known_by_the_end_of_its_address() -> None:
    card = Link(2, "ib0", "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:ab:cd:ef", 32, UP, 2044)
    (request,) = ip.parse([], "20-00-02-c9-03-00-ab-cd-ef")
    searching = Search(SimpleNamespace(), {2: card, 3: LINKS[0]}, request, set(), print, {})  # type: ignore[arg-type]
    assert searching.meant() == {2: card}


def test_what_another_request_has_is_not_meant() -> None:
    assert meant(Request(), taken=("vlan7",)) == ["bond0.5"]


def test_the_address_that_pxelinux_adds_is_left_out_where_the_bond_has_one() -> None:
    added = Request(client="10.0.2.15", mac=CARD)
    assert search(added, "bond0", taken=("bond0",)).superseded
    assert not search(added, "bond0").superseded
    assert not search(Request(client="10.0.2.15", mac="52:54:00:00:00:03"), "bond0", taken=("bond0",)).superseded
    assert not search(Request(device="bond0", mac=CARD), "bond0", taken=("bond0",)).superseded
    assert not search(Request(), "bond0", taken=("bond0",)).superseded


def test_the_address_that_pxelinux_adds_is_left_out_where_its_card_is_named() -> None:
    added = Request(client="10.0.2.15", mac=CARD, loaded=True)
    assert search(added, taken=("eth0",)).superseded
    assert not search(added, taken=("eth2",)).superseded
    assert not search(Request(device="eth0", mac=CARD), taken=("eth0",)).superseded


def test_names_that_go_round_in_a_circle_end() -> None:
    above = {"a.1": ("b.2",), "b.2": ("a.1",), "c": ("a.1",)}
    assert devices.tops(above, ["c"]) == set()
