"""The port mapper's question and answer, byte for byte."""

import struct

import pytest

from init.wire import portmap

QUESTION = bytes.fromhex(
    "80000038 00000007 00000000 00000002 000186a0 00000002 00000003 00000000 00000000 00000000 00000000"
    "000186a5 00000003 00000006 00000000"
)


def answer(*words: int) -> bytes:
    return struct.pack(f">{len(words) + 1}I", 1 << 31 | 4 * len(words), *words)


def test_the_question() -> None:
    assert portmap.question(7, portmap.MOUNT, 3) == QUESTION


@pytest.mark.parametrize(
    ("data", "port"),
    [
        (answer(7, 1, 0, 0, 0, 0, 20048), 20048),
        (answer(7, 1, 0, 1, 4, 99, 0, 20048), 20048),  # a verifier of four bytes
        (answer(7, 1, 0, 0, 0, 0, 0), 0),
        (answer(7, 1, 0, 0, 0, 1, 0), 0),  # PROG_UNAVAIL
        (answer(7, 1, 1, 0, 0), 0),  # denied
        (answer(8, 1, 0, 0, 0, 0, 20048), 0),  # to another question
        (answer(7, 1, 0, 0, 0, 0, 70000), 0),
        (answer(7, 1, 0, 1, 4096, 0, 20048), 0),
        (answer(7, 1, 0, 0, 0, 0, 20048)[:-1], 0),
        (b"", 0),
    ],
)
def test_the_answer(data: bytes, port: int) -> None:
    assert portmap.port(data, 7) == port


def test_when_an_answer_is_whole() -> None:
    whole = answer(7, 1, 0, 0, 0, 0, 20048)
    assert [portmap.answered(whole[:end]) for end in (0, 3, 4, 27, 28)] == [False] * 4 + [False]
    assert portmap.answered(whole) and portmap.answered(bytes(portmap.LONGEST))
