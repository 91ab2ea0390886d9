"""What reaches the terminal, and the exit code."""

import click
import pytest

from mkinitfs import console
from mkinitfs.errors import MkinitfsError


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (6_400_000, "6.4 MB"), (12e9, "12.0 GB")]
)
def test_sizes(size, text):
    assert console.human(size) == text


def test_an_error_its_hint_and_nothing_that_steers_a_terminal(capsys):
    console.show_error(MkinitfsError("subject: reason"))
    console.show_error(MkinitfsError("subject: reason", "do this"))
    console.warn("evil\x1b[2J\r\x07name\udcff ä")
    assert capsys.readouterr().err.splitlines() == [
        "error: subject: reason", "error: subject: reason", "hint: do this",
        "warning: evil\\x1b[2J\\r\\x07name\\udcff ä",
    ]  # fmt: skip


SHORT = (
    "error: mkinitfs: not enough memory\n"
    "hint: raise the limit on it (ulimit -v, the container's own), or build with --threads 1 and a lower --level\n"
)


@pytest.mark.parametrize(
    ("raised", "code", "text"),
    [
        (None, 0, ""),
        (MkinitfsError("a: b", "c"), 1, "error: a: b\nhint: c\n"),
        (OSError(28, "No space left on device", "/x"), 1, "error: /x: No space left on device\n"),
        (OSError(5, "Input/output error"), 1, "error: mkinitfs: Input/output error\n"),
        (click.UsageError("No such thing."), 2, "error: mkinitfs: no such thing\nhint: see: mkinitfs --help\n"),
        (click.ClickException("odd"), 1, "error: odd\n"),
        (MemoryError(), 1, SHORT),
        (OSError(12, "Cannot allocate memory"), 1, SHORT.replace("not enough", "Cannot allocate")),
        (RuntimeError("can't start new thread"), 1, SHORT),
        (ImportError("libz.so.1: failed to map segment from shared object: Cannot allocate memory"), 1, SHORT),
    ],
)
def test_outcomes(capsys, monkeypatch, raised, code, text):
    @click.command("mkinitfs")
    def command() -> None:
        if raised:
            raise raised

    monkeypatch.setattr("sys.argv", ["mkinitfs"])
    assert console.outcome(command) == code
    assert capsys.readouterr().err == text


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_stream_that_the_shell_closed_is_nowhere(monkeypatch, closed):
    @click.command("mkinitfs")
    def command() -> None:
        console.out("a result")
        console.warn("a warning")

    monkeypatch.setattr("sys.argv", ["mkinitfs"])
    monkeypatch.setattr(f"sys.{closed}", None)  # as Python has it after >&-
    assert console.outcome(command) == 0


@pytest.mark.parametrize("raised", [RuntimeError("a fault of ours"), ImportError("no module named x")])
def test_a_fault_of_ours_keeps_its_traceback(monkeypatch, raised):
    @click.command("mkinitfs")
    def command() -> None:
        raise raised

    monkeypatch.setattr("sys.argv", ["mkinitfs"])
    with pytest.raises(type(raised)):
        console.outcome(command)


def test_colour_only_where_somebody_watches(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    console.warn("x")
    assert capsys.readouterr().err == "\x1b[1;33mwarning:\x1b[0m x\n"
    monkeypatch.setenv("NO_COLOR", "1")
    console.warn("x")
    assert capsys.readouterr().err == "warning: x\n"
