"""Soft dependencies: what a module would like to have loaded beside it (modprobe.d(5))."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Softdep:
    """What a module would like to have: `pre` loaded before it, `post` after it, `plain` loaded by nobody.

    `plain` is what stands before any "pre:" or "post:". kmod ignores it, but cifs names its ciphers this way.
    """

    pre: tuple[str, ...] = ()
    post: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()


def parse_softdep(words: list[str]) -> Softdep:
    """Sort the words after the module's name ("pre: a b post: c") by kind."""
    kinds: dict[str, list[str]] = {"pre:": [], "post:": [], "": []}
    kind = ""
    for word in words:
        if word in kinds:
            kind = word
        else:
            kinds[kind].append(word)
    return Softdep(tuple(kinds["pre:"]), tuple(kinds["post:"]), tuple(kinds[""]))
