"""A call that waits for a server, and the process that speaks meanwhile."""

import os

import pytest

from init.perform import patience


def test_a_call_that_waits_is_told_and_then_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "TELL", 0.1)
    reader, writer = os.pipe()
    waiting = patience.Patience(
        0.3,
        lambda level, text: os.write(writer, f"{level} {text}\n".encode()),
        lambda call, seconds: os.write(writer, f"{call}: {seconds >= 0.3}\n".encode()),
    )
    waiting.begin("attach disk.img")
    os.close(writer)
    with os.fdopen(reader) as said:
        told = [said.readline(), said.readline()]
        waiting.over()
        waiting.stop()
        assert said.read() == ""
    assert told == [
        "3 no answer from the server to: attach disk.img; waiting, for 0.3 s at most\n",
        "attach disk.img: True\n",
    ]
