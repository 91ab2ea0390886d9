"""Bytes as they come, with look-ahead: what the nested readers of an image hand each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from mkinitfs.errors import MkinitfsError

_READ = 64 << 10


class Tape:
    """A stream of bytes; `offset` counts those taken so far."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._ahead = b""
        self._at = 0  # where in _ahead the next byte lies
        self.offset = 0

    @classmethod
    def of(cls, stream: BinaryIO, name: str) -> Tape:
        """A tape over an open binary file; where it cannot be read, MkinitfsError names `name`."""

        def chunks() -> Iterator[bytes]:
            try:
                while chunk := stream.read(_READ):
                    yield chunk
            except OSError as error:  # told here, or else it would be taken for damaged data
                raise MkinitfsError.of(name, error) from error

        return cls(chunks())

    def _fill(self, count: int) -> None:
        have = len(self._ahead) - self._at
        if have >= count:
            return
        parts = [self._ahead[self._at :]]
        while have < count and (chunk := next(self._chunks, None)) is not None:
            parts.append(chunk)
            have += len(chunk)
        self._ahead, self._at = b"".join(parts), 0

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, fewer at the end, without taking them."""
        self._fill(count)
        return self._ahead[self._at : self._at + count]

    def take(self, count: int) -> bytes:
        """The next `count` bytes; fewer only at the end."""
        data = self.peek(count)
        self._at += len(data)
        self.offset += len(data)
        return data

    def exactly(self, count: int) -> bytes:
        """The next `count` bytes; EOFError where there are fewer."""
        data = self.take(count)
        if len(data) < count:
            raise EOFError
        return data

    def skip_zeros(self) -> None:
        """Pass over zero bytes, however many."""
        while window := self.peek(4096):
            kept = window.lstrip(b"\0")
            self.take(len(window) - len(kept))
            if kept:
                return
