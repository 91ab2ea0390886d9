"""DHCP's options: what is built is read back, and what is damaged is refused or harmless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from init.wire import dhcp_options, ethernet
from init.wire.dhcp_options import Lease
from init.wire.ip4 import dotted, is_host, packed
from tests import dhcp_wire as wire
from tests.property.init.wire.damage import damaged, fuzzing
from tests.property.init.wire.test_dhcp import OPTIONS, well_formed


@given(st.dictionaries(st.integers(1, 254).filter(lambda code: code != 52), st.binary(max_size=255), max_size=6))
def test_options_read_back(options: dict[int, bytes]) -> None:
    assert dhcp_options.split(dhcp_options.encode(0, options), b"", b"") == options


@fuzzing
@given(st.data(), st.sampled_from(OPTIONS))
def test_each_option_by_itself(data: st.DataObject, option: tuple[int, bytes]) -> None:
    code, good = option
    bare = Lease("dhcp", "10.0.0.50", "10.0.0.1", wire.SERVER_MAC, 0.0, 8)
    lease = dhcp_options.with_options(bare, {code: data.draw(damaged(good))})
    well_formed(lease)
    for route in lease.routes:
        assert packed(route.destination) is not None
        assert 0 <= route.prefix <= 32


@pytest.mark.parametrize("size", range(1, 30))
def test_options_that_are_cut_off_are_refused(size: int) -> None:
    pairs = [(1, bytes(4)), (15, b"lab"), (121, bytes(18))]
    area = b"".join(bytes((code, len(value))) + value for code, value in pairs)[:size]
    if size in (6, 11):
        assert list(dhcp_options.split(area, b"", b"")) == [1, 15][: size // 5]
    else:
        with pytest.raises(ethernet.PacketError, match="runs past the end"):
            dhcp_options.split(area, b"", b"")


@given(st.data(), st.sampled_from(((1, 4), (26, 2), (51, 4), (53, 1), (54, 4), (58, 4), (59, 4))))
def test_an_option_of_fixed_length_is_the_first_whole_copy(data: st.DataObject, option: tuple[int, int]) -> None:
    code, size = option
    copies = data.draw(st.lists(st.binary(min_size=size, max_size=size), min_size=1, max_size=4))
    stray = data.draw(st.lists(st.binary(max_size=size - 1), max_size=2))
    area = b"".join(bytes((code, len(value))) + value for value in (*stray, *copies))
    assert dhcp_options.split(area, b"", b"")[code] == copies[0]


@given(st.lists(st.binary(min_size=4, max_size=4), max_size=40))
def test_a_list_is_its_good_entries(addresses: list[bytes]) -> None:
    bare = Lease("dhcp", "10.0.0.50", "10.0.0.1", wire.SERVER_MAC, 0.0, 8)
    lease = dhcp_options.with_options(bare, {6: b"".join(addresses)})
    assert lease.dns == tuple(dict.fromkeys(dotted(one) for one in addresses if is_host(one)))
    assert bool(lease.ignored) is not (addresses != [] and all(map(is_host, addresses)))
