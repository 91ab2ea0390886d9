"""DHCPv6's options: what is built is read back, and what is damaged is refused or harmless."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from init.wire import dhcp6_options, ethernet
from tests.property.init.wire.damage import damaged, fuzzing
from tests.property.init.wire.test_dhcp6 import GOOD, blobs, well_formed
from tests.unit.init.wire.test_dhcp6 import ADDRESS, MAC, SERVER, ia


@fuzzing
@given(damaged(GOOD), st.sampled_from((b"", MAC[2:6])), st.sampled_from(("", ADDRESS)))
def test_options_of_dhcp6(area: bytes, iaid: bytes, had: str) -> None:
    with contextlib.suppress(ethernet.PacketError):
        lease = dhcp6_options.lease(area, SERVER, iaid, had=had)
        assert bool(lease.address) == bool(iaid)
        well_formed(lease, 0.0)


@fuzzing
@given(st.lists(st.integers(0, 0xFFFFFFFF), min_size=4, max_size=4))
def test_lifetimes(times: list[int]) -> None:
    renew, rebind, preferred, valid = times
    area = ia(preferred=preferred, valid=valid, times=(renew, rebind))
    with contextlib.suppress(ethernet.PacketError):
        well_formed(dhcp6_options.lease(area, SERVER, MAC[2:6]), 0.0)


@given(st.lists(st.tuples(st.integers(0, 65535), blobs), max_size=5, unique_by=lambda pair: pair[0]))
def test_options_read_back(pairs: list[tuple[int, bytes]]) -> None:
    assert dhcp6_options.split(b"".join(dhcp6_options.option(*pair) for pair in pairs)) == dict(pairs)
