"""Soft dependencies, what a module would like to have beside it: the lines of modules.softdep, read and written.

They have the form of modprobe.d(5): `softdep NAME [WORD...] [pre: WORD...] [post: WORD...]`, each word the name or
an alias of a module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Softdep:
    """What one module would like to have."""

    pre: tuple[str, ...] = ()  # loaded before it
    post: tuple[str, ...] = ()  # loaded after it
    plain: tuple[str, ...] = ()  # before any "pre:" or "post:": ignored by kmod, but cifs names its ciphers this way

    def __add__(self, other: Softdep) -> Softdep:
        return Softdep(self.pre + other.pre, self.post + other.post, self.plain + other.plain)


def parse_softdep(words: Sequence[str]) -> Softdep:
    """Sort the words after the module's name ("pre: a b post: c") by kind."""
    kinds: dict[str, list[str]] = {"pre:": [], "post:": [], "": []}
    kind = ""
    for word in words:
        if word in kinds:
            kind = word
        else:
            kinds[kind].append(word)
    return Softdep(*(tuple(kinds[kind]) for kind in ("pre:", "post:", "")))


def parse_softdeps(text: str) -> dict[str, Softdep]:
    """A modules.softdep by module name. All lines of a module count; kmod 30 reads only the first."""
    softdeps: dict[str, Softdep] = {}
    for line in text.splitlines():
        match line.split():
            case ["softdep", name, *words]:
                name = name.replace("-", "_")
                softdeps[name] = softdeps.get(name, Softdep()) + parse_softdep(words)
    return softdeps


def softdep_line(name: str, softdep: Softdep) -> str:
    """The one line of module `name`, its end of line included."""
    words = ["softdep", name, *softdep.plain]
    words += ["pre:", *softdep.pre] if softdep.pre else []
    words += ["post:", *softdep.post] if softdep.post else []
    return f"{' '.join(words)}\n"
