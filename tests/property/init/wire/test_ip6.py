"""IPv6's texts against inet_pton(3) and inet_ntop(3)."""

import socket

from hypothesis import example, given
from hypothesis import strategies as st

from init.wire import ip6

PARTS = ["", "0", "00000", "1", "ffff", "Db8", "g", "1.2.3.4", "01.2.3.4", "256.1.1.1", "%lo"]
WORDS = st.lists(st.sampled_from(PARTS)).map(":".join)


def oracle(text: str) -> bytes | None:
    try:
        return socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        return None


@given(st.one_of(st.text(), st.text("0123456789abcdefABCDEF:."), WORDS, WORDS.map("::{}".format)))
@example("::")
@example(":::")
@example("1:2:3:4:5:6:7::")
@example("1:2:3:4:5:6:7:8::")
@example("::1.2.3.4")
@example("1.2.3.4::")
@example("1:2:3:4:5:6:1.2.3.4")
@example("1:2:3:4:5:6:7:1.2.3.4")
@example("\u0661::")
def test_any_text_is_read_as_inet_pton_reads_it(text: str) -> None:
    assert ip6.packed(text) == oracle(text)


GROUP = st.one_of(st.just(bytes(2)), st.just(b"\xff\xff"), st.binary(min_size=2, max_size=2))


@given(st.lists(GROUP, min_size=8, max_size=8).map(b"".join))
def test_any_address_is_written_as_inet_ntop_writes_it_and_comes_back(address: bytes) -> None:
    text = ip6.text(address)
    assert text == socket.inet_ntop(socket.AF_INET6, address)
    assert ip6.packed(text) == address
