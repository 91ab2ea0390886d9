"""What the teardown reads of the kernel's tables."""

import pytest

from init.shutdown.teardown import connected

# proc(5): the head and a listener, as every table has them.
TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1
"""


@pytest.mark.parametrize(("state", "open_still"), [("01", True), ("04", True), ("05", False), ("06", False)])
def test_a_connection_is_closed_when_the_other_end_knows(state: str, open_still: bool) -> None:
    line = f"   1: 0F02000A:9C4A 0202000A:01BD {state} 00000000:00000000 00:00000000 00000000     0        0 0 1\n"
    assert not connected(TABLE) and not connected("")
    assert connected(TABLE + line) == open_still
