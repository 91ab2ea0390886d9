"""What `typing` gives, without what importing it costs: under emulation 90 ms of PID 1's start.

The type checker sees the real ones. cmodules.py does the same for `socket` and `signal`.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
    from typing import Any, NamedTuple
else:
    from _collections import _tuplegetter
    from _collections_abc import Callable, Generator, Iterable, Iterator, Mapping

    Any = object

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
            return type(self)(*(named.get(name, value) for name, value in zip(self._fields, self, strict=True)))

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            named = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({named})"


__all__ = ["TYPE_CHECKING", "Any", "Callable", "Generator", "Iterable", "Iterator", "Mapping", "NamedTuple"]
