"""Operations carried out: the table of functions, answers and errors sent back into the boot."""

import errno
import os
import time
import typing
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from init import operations
from init.network.state import Interface, Network
from init.operations import StepError
from init.perform import performer
from init.perform.machine import Machine
from init.system.log import INFO, Log


def performed(log: Log, *given: operations.Operation, debug: bool = False) -> list[Any]:
    """What each operation answers, or the StepError that it raises."""
    answers: list[Any] = []

    def steps() -> Generator[operations.Operation, Any, None]:
        for operation in given:
            try:
                answers.append((yield operation))
            except StepError as error:
                answers.append(error)

    performer.run(Machine(log, debug=debug), steps())
    return answers


def test_answers_come_back_in_order(log: Log, tmp_path: Path) -> None:
    first, slept, logged, second = performed(
        log, operations.Now(), operations.Sleep(0.05), operations.Log(INFO, "hello"), operations.Now()
    )
    assert (slept, logged) == (None, None)
    assert 0.05 <= second - first < 5
    assert abs(second - time.monotonic()) < 5
    assert log.lines[0].endswith(" hello")
    assert (tmp_path / "kmsg").read_text() == "<30>mkinitfs: hello\n"


def test_an_error_nobody_foresaw_names_the_operation_and_the_next_follows(log: Log, tmp_path: Path) -> None:
    where = f"{tmp_path}/none"
    error, found = performed(log, operations.ReadAt(where, 0, 512), operations.Resolve("/", "/nonexistent"))
    assert isinstance(error, StepError)
    assert error.reason == f"cannot read 512 bytes of {where} at 0: No such file or directory: {where}"
    assert (error.errno, error.retry, found) == (errno.ENOENT, False, "")


def test_nobody_renews_a_lease_that_is_given_back(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network((Interface("eth0", "52:54:00:12:34:56", "dhcp", "10.0.2.15", 24, lease_seconds=60),))
    machine = Machine(log)
    children = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
    seen: list[list[str]] = []

    def children_there(*_: object) -> None:
        seen.append([child for child in Path(children).read_text().split() if child not in before])

    def steps() -> Generator[operations.Operation, Any, None]:
        yield operations.End("halt")

    before = Path(children).read_text().split()
    machine.renewal.start(network)
    children_there()
    monkeypatch.setattr(performer, "end", children_there)
    performer.run(machine, steps())
    assert [len(one) for one in seen] == [1, 0]


def test_an_error_of_the_boot_itself_is_not_swallowed(log: Log) -> None:
    def steps() -> Generator[operations.Operation, Any, None]:
        yield operations.ReadAt("/nonexistent", 0, 1)

    with pytest.raises(StepError):
        performer.run(Machine(log), steps())


def test_every_operation_has_its_function() -> None:
    assert set(performer.FUNCTIONS) == set(typing.get_args(operations.Operation))


def test_debug_names_each_operation(log: Log) -> None:
    performed(log, operations.Now(), operations.Resolve("/", "/nonexistent"), debug=True)
    assert [line.split(maxsplit=1)[1] for line in log.lines] == ["debug: look for /nonexistent below /"]
