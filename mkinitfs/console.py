"""The only place that prints and that turns an outcome into an exit code.

Results go to standard output, everything else (errors, warnings, progress) to standard error. rich is loaded
only where a terminal is there to show its colours.
"""

import errno
import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

import click

from mkinitfs.errors import MkinitfsError

FAILURE, USAGE = 1, 2
_MORE = "raise the limit on it (ulimit -v, the container's own), or build with --threads 1 and a lower --level"
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Progress = Callable[[int, int], None]  # bytes of archive and of image so far, as write_image() tells them


def out(text: str) -> None:
    """One line of a result. Bytes of a file name that are no UTF-8 come out as they are."""
    sys.stdout.write(f"{text}\n")


def out_json(value: object) -> None:
    """A result for a script."""
    out(json.dumps(value, indent=2, ensure_ascii=True))


def out_bytes(data: bytes) -> None:
    """A part of a file's content."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def warn(text: str) -> None:
    """Something to know that stops nothing."""
    _note("warning", text, "33")


def note(text: str) -> None:
    """Something that was asked for with --verbose."""
    _note("note", text, "34")


def _note(word: str, text: str, colour: str) -> None:
    """`error: subject: reason`, its first word coloured on a terminal."""
    plain = not sys.stderr.isatty() or "NO_COLOR" in os.environ
    head = f"{word}:" if plain else f"\x1b[1;{colour}m{word}:\x1b[0m"
    sys.stderr.write(f"{head} {printable(text)}\n")


def printable(text: str) -> str:
    """`text` without what would steer a terminal or cannot be encoded; line breaks stay."""
    kept = (
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
    return "".join(kept)


def show_error(error: MkinitfsError) -> None:
    """The message and, on a line of its own, the hint."""
    _note("error", error.message, "31")
    if error.hint:
        _note("hint", error.hint, "36")


@contextmanager
def progress(label: str, total: int | None, quiet: bool = False) -> Iterator[Progress]:
    """A bar on a terminal, towards `total` bytes of archive where they are known; nothing anywhere else."""
    if quiet or not sys.stderr.isatty():
        yield lambda _unpacked, _written: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda unpacked, _written: bar.update(task, completed=unpacked)


class _Ended(BaseException):
    """A signal that ends the program, raised where it was at work: temporary files are removed on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run(command: click.Command) -> NoReturn:
    """Run the command line to its end and exit: 0, 1 for a failure, 2 for usage, 128 and the number of a signal."""
    for number in _ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup(1)
            signal.signal(number, _end)
    try:
        code = outcome(command)
    except _Ended as ended:
        code = 128 + ended.number
        if ended.number == signal.SIGINT:
            sys.stderr.write("interrupted\n")
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)  # a plain exit would wait for threads, and a block of xz takes them a minute


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)  # a second one must not stop the cleaning up
    if number == signal.SIGHUP:  # the terminal may be gone: what is still written to it must not fail
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
    raise _Ended(number)


def _nowhere() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO())


def outcome(command: click.Command) -> int:
    """Run `command`, print what went wrong, return the exit code."""
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()  # None where a shell closed it (>&-)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape")
    try:
        code: Any = command.main(prog_name="mkinitfs", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except MkinitfsError as error:
        show_error(error)
        return FAILURE
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else command.name
        show_error(MkinitfsError(f"{where}: {_usage(error)}", f"see: {where} --help"))
        return USAGE
    except click.ClickException as error:
        show_error(MkinitfsError(error.format_message()))
        return FAILURE
    except BrokenPipeError:
        # The reader of the output has enough. Closing must not try to write the rest once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE  # as click does where it sees the same
    except OSError as error:
        show_error(MkinitfsError.of(error.filename or "mkinitfs", error, _MORE if error.errno == errno.ENOMEM else ""))
        return FAILURE
    except (MemoryError, RuntimeError, ImportError) as error:
        if not _is_shortage(error):
            raise
        show_error(MkinitfsError("mkinitfs: not enough memory", _MORE))
        return FAILURE


def _is_shortage(error: BaseException) -> bool:
    """Whether memory was missing, for an object, for a thread's stack or for a library to be mapped."""
    text = str(error)
    return isinstance(error, MemoryError) or "start new thread" in text or os.strerror(errno.ENOMEM) in text


def _usage(error: click.UsageError) -> str:
    text = error.format_message().rstrip(".")
    return text[:1].lower() + text[1:].replace(". Did you mean", ", did you mean")


def human(size: float) -> str:
    """Bytes as people read them: 12.3 MB, 48 kB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size:.0f} bytes"
