"""The log: each line goes to /dev/kmsg, and with its time into the timeline that is left in /run/initramfs.

The kernel's own log level decides what the console shows, so that `quiet` and `debug` mean what they mean
everywhere. Secrets are masked here, once, wherever they came from.
"""

from __future__ import annotations

import os
import time

from init.system.escapes import undone
from init.system.files import write_text
from init.system.places import TIMELINE
from init.system.stdlib import Callable, Iterable, Iterator

Say = Callable[[int, str], None]  # what takes a level and one line: the only type of a log

# The levels of syslog(2). ERROR and worse are seen on a console that `quiet` keeps silent otherwise.
ALERT, CRITICAL, ERROR, WARNING, NOTICE, INFO, DEBUG = range(1, 8)
MASK = "******"
_MOST_SAID = 6  # lines of the kernel's beside a failure


def record(level: int, text: str) -> bytes:
    """What to write to /dev/kmsg for one line of facility 3, daemon (syslog(2)), within what the kernel takes."""
    return f"<{24 + level}>mkinitfs: {text}\n".encode(errors="replace")[:900]


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` with the secrets replaced, also where one begins within another.

    One of up to three letters is masked where it is a word by itself: a report without any `a` would tell nothing.
    """
    forms = {form for secret in secrets for form in (secret, repr(secret)[1:-1])}  # an error's text may quote it
    spans = sorted(span for form in forms for span in _spans(text, form))
    pieces, end = [], 0
    for start, stop in spans:
        if start >= end:
            pieces += [text[end:start], MASK]
        end = max(end, stop)
    return "".join([*pieces, text[end:]])


def _spans(text: str, secret: str) -> Iterator[tuple[int, int]]:
    """Where the secret stands."""
    start = text.find(secret) if secret else -1
    while start >= 0:
        stop = start + len(secret)
        if len(secret) > 3 or not (text[start - 1 : start].isalnum() or text[stop : stop + 1].isalnum()):
            yield start, stop
        start = text.find(secret, start + 1)


class Log:
    """Writes to the kernel's log and remembers."""

    def __init__(self, kmsg: str = "/dev/kmsg") -> None:
        self.lines: list[str] = []
        self.secrets: set[str] = set()  # never written
        self._kmsg = os.open(kmsg, os.O_WRONLY | os.O_CLOEXEC)

    def mask(self, text: str) -> str:
        """`text` with every known secret replaced."""
        return masked(text, self.secrets)

    def write(self, level: int, text: str) -> None:
        """Log one line; a `Say`."""
        text = self.mask(text)
        self.lines.append(f"{time.clock_gettime(time.CLOCK_BOOTTIME):10.3f} {text}")
        try:
            os.write(self._kmsg, record(level, text))
        except OSError:
            pass  # a full or missing log never stops a boot

    def save(self, path: str = TIMELINE) -> None:
        """Leave the timeline: on each line the seconds since the kernel started, and what happened."""
        write_text(path, "\n".join(self.lines) + "\n")


class KernelMessages:
    """What the kernel itself says between two moments, to be shown beside a failure."""

    def __init__(self) -> None:
        self._file = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.lseek(self._file, 0, os.SEEK_END)

    def __enter__(self) -> KernelMessages:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def said(self) -> tuple[str, ...]:
        """The kernel's own warnings and errors, and servers' answers, since this was made: the last _MOST_SAID."""
        lines: list[str] = []
        while True:
            try:
                message = os.read(self._file, 8192).decode(errors="surrogateescape")
            except BlockingIOError:
                return tuple(lines[-_MOST_SAID:])
            except OSError:
                continue  # EPIPE: records were overwritten before we read them
            head, _, text = message.partition(";")
            priority = int(head.partition(",")[0])
            # Facility 0 is the kernel; cifs tells a server's answer in a notice.
            if priority >> 3 == 0 and (priority & 7 <= WARNING or "STATUS_" in text):
                # cifs's names of shares have backslashes, and some of its lines a newline too many
                lines.append(undone(text.splitlines()[0], "\\x").strip())


def limit_kernel_log(word: str) -> None:
    """Set printk_devkmsg: "on" lets every line of ours through, where the kernel drops all but ten in 5 s.

    Where printk.devkmsg= on the command line has fixed it, that stays.
    """
    # Without the newline the kernel refuses it (devkmsg_sysctl_set_loglvl).
    write_text("/proc/sys/kernel/printk_devkmsg", f"{word}\n")
