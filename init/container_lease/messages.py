"""What the processes around a container lease leave for one another: values, each with its text form beside it."""

from __future__ import annotations

import errno

from init.system.stdlib import NamedTuple

UNKEPT = "unkept"  # why there is no lease: the server grants every lock to everybody


class Answer(NamedTuple):
    """What became of one try, from the holder to PID 1. `verdict`:

    granted     the lease is held; `text` may say what is to be known of it
    held        another machine holds it; `text` is the record beside the container, "" where there is none
    ours        it is held, and the record is this machine's: by what it was before a power cut
    abandoned   nobody holds it, but `text` is another machine's record
    local       no lock is kept where another machine would find it; `text` is UNKEPT or the mount option that says so
    failed      `text` says why, `errno` its number; worth another try
    """

    verdict: str
    text: str = ""
    errno: int = 0

    def encode(self) -> bytes:
        """As the holder writes it to the pipe."""
        return f"{self.verdict} {self.errno} {self.text}".encode(errors="replace")

    @classmethod
    def decode(cls, said: bytes) -> Answer:
        verdict, number, text = said.decode(errors="replace").split(" ", 2)
        return cls(verdict, text, int(number))


NO_ANSWER = Answer("failed", "the server does not answer", errno.ETIMEDOUT)


class Held(NamedTuple):
    """What a holder holds, from its program in the initramfs to the one on the ramdisk."""

    file: int  # the descriptor of the container, with the lock
    folder: int  # that of its folder, opened with O_PATH
    write: bool  # alone with it, as opposed to reading beside others
    stacking: bool  # whether a second lock on the same range is granted (watch.py)
    beside: bool  # whether the lock to be asked for again and again is one beside it
    named: bool  # whether it has left a record
    boot: str  # the boot_id in the record that it has left
    name: str  # the container's, in its folder

    def encode(self) -> list[str]:
        """As words of a command line."""
        numbers = (self.file, self.folder, self.write, self.stacking, self.beside, self.named)
        return [*(str(int(number)) for number in numbers), self.boot, self.name]

    @classmethod
    def decode(cls, words: list[str]) -> Held:
        *numbers, boot, name = words
        file, folder, write, stacking, beside, named = (int(number) for number in numbers)
        return cls(file, folder, bool(write), bool(stacking), bool(beside), bool(named), boot, name)


class HolderNote(NamedTuple):
    """Word of a holder, from PID 1 at boot to the teardown: a file that is named by the PID."""

    pid: int
    device: str  # "major:minor" of the mount that the container lies on
    path: str  # the container's, below that mount

    def encode(self) -> str:
        return f"{self.device} {self.path}"

    @classmethod
    def decode(cls, pid: int, text: str) -> HolderNote:
        device, _, path = text.partition(" ")
        return cls(pid, device, path)
