"""The modules in the image: which one a device asks for, and in which order to load what it needs.

The builder wrote modules.dep and modules.alias for exactly what the image holds, softdeps folded in, so this
is a look-up and no more.
"""

from __future__ import annotations

from init.system.stdlib import Iterable


def normal(name: str) -> str:
    """The name under which the kernel knows a module: path and suffix off, dashes as underscores."""
    return name.rpartition("/")[2].partition(".")[0].replace("-", "_")


def matches(pattern: str, text: str) -> bool:
    """Shell-style matching with `*`, `?` and `[...]`, as depmod's aliases use it.

    fnmatch brings `re` with it. This backtracks to the last star only, which is enough without alternatives.
    """
    p = t = 0
    star, mark = -1, 0
    while t < len(text):
        if p < len(pattern) and pattern[p] == "*":
            star, mark, p = p, t, p + 1
            continue
        width = _width(pattern, p, text[t]) if p < len(pattern) else 0
        if width:
            p, t = p + width, t + 1
        elif star >= 0:
            mark += 1
            p, t = star + 1, mark
        else:
            return False
    return all(character == "*" for character in pattern[p:])


def _width(pattern: str, p: int, character: str) -> int:
    """How many characters of `pattern` at `p` match `character` together, 0 for no match."""
    if pattern[p] == "?":
        return 1
    end = pattern.find("]", p + 2) if pattern[p] == "[" else -1
    if end < 0:
        return int(pattern[p] == character)
    body = pattern[p + 1 : end]
    negated = body[0] in "!^"
    body = body[1:] if negated else body
    inside, index = False, 0
    while index < len(body):
        if index + 2 < len(body) and body[index + 1] == "-":
            inside |= body[index] <= character <= body[index + 2]
            index += 3
        else:
            inside |= body[index] == character
            index += 1
    return end - p + 1 if inside != negated else 0


def _literal(pattern: str) -> str:
    """What a pattern begins with before its first wildcard."""
    for index, character in enumerate(pattern):
        if character in "*?[":
            return pattern[:index]
    return pattern


class ModuleIndex:
    """modules.dep and modules.alias of one kernel, read once."""

    KEY = 13  # characters, as in "pci:v00008086": most patterns of a bus differ within them

    def __init__(self, dep: str, alias: str) -> None:
        self._files: dict[str, list[str]] = {}
        for line in dep.splitlines():
            path, _, needed = line.partition(":")
            self._files[normal(path)] = [path, *needed.split()]
        self._buckets: dict[str, list[tuple[str, str]]] = {}
        self._short: list[tuple[str, str]] = []
        for line in alias.splitlines():
            words = line.split()
            if len(words) == 3 and words[0] == "alias":
                literal = _literal(words[1])
                bucket = self._buckets.setdefault(literal[: self.KEY], []) if len(literal) >= self.KEY else self._short
                bucket.append((words[1], normal(words[2])))

    def wanted(self, modaliases: Iterable[str]) -> list[str]:
        """The modules for these modaliases, sorted, each once."""
        names = set()
        for modalias in modaliases:
            patterns = [*self._buckets.get(modalias[: self.KEY], ()), *self._short]
            names |= {name for pattern, name in patterns if matches(pattern, modalias)}
        return sorted(names)

    def __contains__(self, name: str) -> bool:
        """Whether the module of that name is in the image."""
        return normal(name) in self._files

    def load_order(self, name: str) -> list[str]:
        """The files to load for a module, what it needs first; empty for one that is not in the image.

        modules.dep lists what a module needs so that the last one is to be loaded first (depmod(8)).
        """
        return list(reversed(self._files.get(normal(name), [])))
