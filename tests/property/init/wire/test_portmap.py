"""Whatever comes from a port mapper's port."""

from hypothesis import given
from hypothesis import strategies as st

from init.wire import portmap


@given(st.binary(max_size=64), st.integers(0, 2**32 - 1))
def test_any_bytes_are_a_port_or_none(data: bytes, xid: int) -> None:
    assert 0 <= portmap.port(data, xid) < 65536
    assert portmap.answered(data) in (True, False)
