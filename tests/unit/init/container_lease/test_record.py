"""The record beside a container: what is written, and what is believed of what is read."""

import pytest

from init.container_lease.record import Record

ANNA = Record("anna", "10.0.0.7 2001:db8::7", "52:54:00:00:00:0a", "6c1d-a", "boot-1", "2026-11-21 15:00:01 UTC")


def test_a_record_comes_back_as_it_was() -> None:
    assert Record.decode(ANNA.encode("disk.img")) == ANNA
    assert ANNA.encode("disk.img").startswith("# Who writes disk.img.")
    assert Record.decode(Record().encode("disk.img")) is None


@pytest.mark.parametrize("text", ["", "\n", "no record", "\0\0\0", "=\n==\n", "x" * 5000])
def test_what_is_no_record(text: str) -> None:
    assert Record.decode(text) is None


def test_a_record_brings_nothing_but_words_to_the_console() -> None:
    found = Record.decode("host=a\x1b[2Jb\rc\nsince=" + "9" * 1000)
    assert found and found.describe() == "a?[2Jb?c since " + "9" * 200
    assert Record(host="a\nsince=forged").encode("x") == Record(host="a?since=forged").encode("x")


def test_a_machine_is_known_by_its_card() -> None:
    assert ANNA.is_machine(ANNA._replace(boot="another", addresses="", host="new"))
    assert ANNA.is_machine(ANNA._replace(machine="", macs="52:54:00:00:00:01 52:54:00:00:00:0a"))
    assert not ANNA.is_machine(ANNA._replace(machine="6c1d-c"))
    assert not ANNA.is_machine(ANNA._replace(macs="52:54:00:00:00:01"))  # boards of one make may share a machine-id
    assert not ANNA.is_machine(ANNA._replace(macs=""))


def test_a_machine_in_words() -> None:
    assert ANNA.describe() == "anna (10.0.0.7, 2001:db8::7, 52:54:00:00:00:0a) since 2026-11-21 15:00:01 UTC"
    assert Record(host="10.0.0.7", addresses="10.0.0.7").describe() == "10.0.0.7"
    assert Record(macs="52:54:00:00:00:0a").describe() == "a machine without a name (52:54:00:00:00:0a)"
