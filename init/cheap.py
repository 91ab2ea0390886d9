"""What `typing`, `socket` and `signal` give, without what importing them costs.

PID 1 starts by importing, on machines that may be slow: under emulation `typing` takes 90 ms, `socket` 60 and
`signal` 40, nearly all of it for enumerations, regular expressions and selectors that nothing here uses. The C
modules behind them are there in every CPython; the type checker sees the modules of the documentation.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    import signal
    import socket
    from typing import NamedTuple
else:
    import _signal as signal
    import _socket as socket
    from _collections import _tuplegetter

    class NamedTuple(tuple):
        """typing.NamedTuple, as far as it is used here: fields by name, defaults, equality by content."""

        __slots__ = ()

        def __init_subclass__(cls) -> None:
            """Make a property of every annotated name."""
            fields = tuple(cls.__annotations__)
            cls._defaults = {name: cls.__dict__[name] for name in fields if name in cls.__dict__}
            cls._fields = fields
            for index, name in enumerate(fields):
                setattr(cls, name, _tuplegetter(index, None))

        def __new__(cls, *values, **named):
            """Values in order, then by name, then the defaults."""
            fields = cls._fields
            if len(values) < len(fields):
                given = cls._defaults | named
                try:
                    values += tuple(given[name] for name in fields[len(values) :])
                except KeyError as missing:
                    raise TypeError(f"{cls.__name__}: no value for {missing}") from None
            if len(values) != len(fields) or not named.keys() <= set(fields):
                raise TypeError(f"{cls.__name__}: the fields are {', '.join(fields)}")
            return tuple.__new__(cls, values)

        def _replace(self, **named):
            """A copy with some values changed."""
            return type(self)(*(named.get(name, value) for name, value in zip(self._fields, self, strict=True)))

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self) -> str:
            named = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({named})"


__all__ = ["TYPE_CHECKING", "NamedTuple", "signal", "socket"]
