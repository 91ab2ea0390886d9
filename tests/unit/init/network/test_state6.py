"""What became of a device with IPv6."""

import pytest

from init.cmdline.ip_request import Request
from init.network import state6
from init.network.record import decode, encode
from init.network.state import Interface, Network
from init.wire import ip6
from init.wire.dhcp6_options import Lease6
from init.wire.exchange import INFINITE
from init.wire.netlink import Address
from init.wire.netlink6 import RouterDns
from tests.unit.init.network.samples import LINK
from tests.unit.init.wire.test_dhcp6 import ADDRESS, SERVER

FOUND = Address(2, ip6.packed(ADDRESS) or b"", 128, 0, 0)
LEASE = Lease6(ADDRESS, SERVER, 0, 600, 300, 150.0, 240.0, ("2001:db8::3",), ("lab",), ("2001:db8::5",), 1000.0)
DUID = SERVER.hex(":")


def interface(told: RouterDns | None = None, lease: Lease6 = LEASE, **request: object) -> Interface:
    """Had at 1000 s for 600 s."""
    return state6.interface(Request(autoconf="dhcp6", **request), LINK, FOUND, lease, told, 100)  # type: ignore[arg-type]


def test_what_is_recorded() -> None:
    made = interface()
    assert (made.protocol, made.address, made.prefix, made.server) == ("dhcp6", ADDRESS, 128, DUID)
    times = made.lease_seconds, made.obtained, made.renew_after, made.rebind_after, made.preferred
    assert times == (600, 1000.0, 150.0, 240.0, 300)
    assert made.renewable
    assert decode(encode(Network((made,)))).interfaces == (made,)
    assert made.describe() == f"eth0: {ADDRESS}/128 (dhcp6), DNS 2001:db8::3"


def test_a_lease_without_end_is_recorded() -> None:
    made = interface(lease=Lease6(ADDRESS, SERVER))
    assert (made.lease_seconds, made.preferred, made.renewable) == (0, INFINITE, False)
    assert decode(encode(Network((made,)))).interfaces == (made,)
    assert state6.lease_of(made) == Lease6(ADDRESS, SERVER)


@pytest.mark.parametrize(("lease", "expected"), [(LEASE, "dhcp6"), (None, "auto6"), (Lease6("", SERVER), "auto6")])
def test_either_is_recorded_as_what_it_was(lease: Lease6 | None, expected: str) -> None:
    found = state6.interface(Request(autoconf="either6"), LINK, FOUND, lease, None, 0)
    assert found.protocol == expected
