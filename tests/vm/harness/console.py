"""A guest's serial console: everything it prints is kept, tests wait for words in it and type to it."""

import contextlib
import re
import socket
import threading
import time
from pathlib import Path

# Colours, cursor moves and title changes: they would stand between the words that tests look for.
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78cDEHM])")


class Console:
    """Reads `channel` in a thread, because a guest that nobody listens to stands still."""

    def __init__(self, channel: socket.socket, transcript: Path) -> None:
        """Take over `channel`; `transcript` receives the raw bytes as they come."""
        self.transcript = transcript
        self._channel = channel
        self._raw = bytearray()
        self._position = 0
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="console", daemon=True)
        self._closed = False
        self._reader.start()

    def _read(self) -> None:
        with self.transcript.open("ab", buffering=0) as log:
            while True:
                try:
                    data = self._channel.recv(65536)
                except OSError:
                    data = b""
                log.write(data)
                with self._news:
                    self._raw += data
                    self._closed = not data
                    self._news.notify_all()
                if not data:
                    return

    @property
    def text(self) -> str:
        """All that was printed so far, with plain newlines and without terminal escapes."""
        text = ESCAPES.sub("", self._raw.decode("utf-8", "replace"))
        return re.sub(r"\r+\n", "\n", text)

    def wait_for(self, pattern: str, timeout: float) -> re.Match[str]:
        """Wait until `pattern` (^ and $ match at lines) is printed and return its match.

        The search begins behind the last match. AssertionError with the last 40 lines after `timeout` seconds
        or as soon as nothing more can come.
        """
        wanted, end = re.compile(pattern, re.MULTILINE), time.monotonic() + timeout
        while True:
            with self._news:
                text, closed, size = self.text, self._closed, len(self._raw)
            if found := wanted.search(text, self._position):
                self._position = found.end()
                return found
            left = end - time.monotonic()
            if left <= 0 or closed:
                why = "QEMU has ended" if closed else f"not within {timeout:g} s"
                last = "\n".join(text.splitlines()[-40:])
                raise AssertionError(f"console: {pattern!r}: {why}; last lines of {self.transcript}:\n{last}")
            with self._news:
                self._news.wait_for(lambda size=size: self._closed or len(self._raw) > size, left)  # type: ignore[misc]
            # A serial line brings a byte at a time, and the whole text is searched each time.
            time.sleep(0.05)

    def seen(self, pattern: str) -> bool:
        """Whether `pattern` stands anywhere in the transcript so far."""
        return re.search(pattern, self.text, re.MULTILINE) is not None

    def send(self, text: str) -> None:
        """Type `text` exactly as it is."""
        self._channel.sendall(text.encode())

    def close(self) -> None:
        """End the reading; what was read stays."""
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        self._reader.join(5)
        self._channel.close()
