"""The `#!` line of a script, read as the kernel and env(1) read it (execve(2), "Interpreter scripts")."""

import shlex
from dataclasses import dataclass

from mkinitfs.errors import MkinitfsError

LINE_LIMIT = 256  # the kernel's BINPRM_BUF_SIZE
MAX_DEPTH = 4  # interpreters that are scripts themselves


@dataclass(frozen=True, slots=True)
class Shebang:
    """What a `#!` line names."""

    interpreter: str
    argument: str  # the one there can be, "" for none

    @property
    def by_env(self) -> str | None:
        """The program that env(1) starts, where env is the interpreter and is given one."""
        if self.interpreter.rpartition("/")[2] != "env" or not self.argument:
            return None
        words = [self.argument]
        if self.argument.startswith(("-S", "--split-string")):
            try:
                text = self.argument.removeprefix("-S").removeprefix("--split-string").lstrip("=")
                words = shlex.split(text)
            except ValueError:  # an open quote: env fails on it too
                return None
        return next((word for word in words if not word.startswith("-") and "=" not in word), None)


def parse(head: bytes, name: str) -> Shebang | None:
    """The `#!` line that `head`, the first LINE_LIMIT bytes of a file, begins with; None where there is none.

    Raises MkinitfsError for a line that names no interpreter, a relative one, or one too long for the kernel.
    """
    if not head.startswith(b"#!"):
        return None
    line, newline, _ = head[2:LINE_LIMIT].partition(b"\n")
    words = line.decode(errors="surrogateescape").strip(" \t\0").split(None, 1)
    if not words:
        raise MkinitfsError(f"{name}: its #! line names no interpreter")
    if not newline and len(head) >= LINE_LIMIT and len(words) == 1:
        raise MkinitfsError(f"{name}: its #! line is longer than the kernel's {LINE_LIMIT} bytes")
    if not words[0].startswith("/"):
        raise MkinitfsError(f"{name}: its interpreter {words[0]} is no absolute path", "correct its #! line")
    return Shebang(words[0], words[1].strip(" \t\0") if len(words) > 1 else "")
