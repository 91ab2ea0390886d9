"""A machine made of answers, to run the boot's generators on: a virtual clock, and a record of what was asked."""

import struct
from collections.abc import Callable, Generator, Mapping
from typing import Any

from init import operations
from init.boot import filesystem
from init.boot import steps as boot_steps
from init.boot.share_needs import Look
from init.cmdline.settings import Settings, from_command_line
from init.cmdline.words import parse
from init.container_lease.messages import Answer
from init.network.state import Network
from init.operations import StepError

# The beginning of an ext4 of 4 KiB blocks, 64 MiB, unmounted properly.
_SUPER = struct.pack("<4xI16xI", 16384, 2).ljust(0x38, b"\0") + b"\x53\xef\x01\0"
EXT4 = bytes(1024) + _SUPER.ljust(filesystem.HEAD, b"\0")

# What a machine answers on which everything works.
WORKS: Mapping[type, Any] = {
    operations.LoadDrivers: 7,
    operations.ConfigureNetwork: Network(()),
    operations.MachineNames: {"m": "52:54:00:12:34:56", "h": "", "i": "10.0.2.15", "u": ""},
    operations.FindContainer: 512 << 20,
    operations.ReadAt: lambda operation: EXT4[operation.offset : operation.offset + operation.size],
    operations.TakeContainerLease: Answer("granted"),
    operations.AttachLoop: operations.Attached("/dev/loop0", True),
    operations.Resolve: lambda operation: operation.path,
    operations.StageRamdisk: 9_876_543,
    operations.TryRoot: Look((), ()),
}
PLAIN = "root=/dev/cifs cifsroot=//server/share,username=anna,password=secret ip=dhcp"
LOOP = f"{PLAIN} loop=images/root.img"
FINAL = (operations.End, operations.SwitchRoot, operations.Supervise)  # never answered, unless by a StepError


class Machine:
    """Answers operations by their type: a value, a StepError to be raised, a function of the operation, or a
    list of these that is used up one by one, the last one for good."""

    def __init__(self, answers: Mapping[type, Any] | None = None, *, limit: int = 1000) -> None:
        self.answers = {**WORKS, **(answers or {})}
        self._limit = limit
        self.now = 1000.0
        self.done: list[operations.Operation] = []

    def run(self, steps: Generator[operations.Operation, Any, Any]) -> None:
        """Drive `steps` until the machine ends or becomes another; anything else is an error of the boot's."""
        answer: Any = None
        error: StepError | None = None
        for _ in range(self._limit):
            operation = steps.throw(error) if error else steps.send(answer)
            answer, error = None, None
            if not isinstance(operation, operations.Now):
                self.done.append(operation)
            try:
                answer = self._answer(operation)
            except StepError as failed:
                error = failed
            else:
                if isinstance(operation, FINAL):
                    steps.close()
                    return
        raise AssertionError(f"no end after {self._limit} operations: {self.done[-5:]}")

    def returned(self, part: Generator[operations.Operation, Any, Any]) -> Any:
        """Drive a part of a boot, which ends neither machine nor boot; what it returns."""
        values = []

        def steps() -> Generator[operations.Operation, Any, None]:
            values.append((yield from part))
            yield operations.End("halt")

        self.run(steps())
        return values[0]

    def _answer(self, operation: operations.Operation) -> Any:
        if isinstance(operation, operations.Now):
            return self.now
        if isinstance(operation, operations.Sleep):
            assert operation.seconds >= 0
            self.now += operation.seconds
            return None
        answer = self.answers.get(type(operation))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Callable):
            answer = answer(operation)
        if isinstance(answer, StepError):
            raise answer
        return answer

    def of(self, *kinds: type) -> list[Any]:
        """The operations of these types, in order."""
        return [operation for operation in self.done if isinstance(operation, kinds)]

    def names(self, *without: type) -> list[str]:
        """The types of all operations in order, logging and those given left out."""
        return [type(o).__name__ for o in self.done if not isinstance(o, (operations.Log, *without))]

    def log(self, level: int = 7) -> list[str]:
        """The lines logged at `level` or more urgently."""
        return [operation.text for operation in self.of(operations.Log) if operation.level <= level]


def settings(text: str, arguments: tuple[str, ...] = (), credentials: str = "") -> Settings:
    """What a kernel command line asks for; `credentials` are the image's."""
    return from_command_line(parse(text), credentials, arguments)


def booted(text: str, answers: dict[type, Any] | None = None, arguments: tuple[str, ...] = ()) -> Machine:
    """The machine on which a whole boot has run."""
    machine = Machine(answers)
    machine.run(boot_steps.boot(settings(text, arguments)))
    return machine
