"""Lists that came over the network: what is good is kept, what is not is named."""

from __future__ import annotations

from init.system.stdlib import Any, Iterator

_TOLD = 4  # reasons for one list


def kept(entries: Iterator[Any]) -> tuple[tuple[Any, ...], str]:
    """Return the good entries, each once, and why there are not more, "" where all are good.

    A ValueError among the entries is the reason for one that is left out; one that is raised ends the list.
    """
    good: dict[Any, None] = {}
    reasons: dict[str, None] = {}
    try:
        for entry in entries:
            if isinstance(entry, ValueError):
                reasons[str(entry)] = None
            else:
                good[entry] = None
    except ValueError as error:
        reasons[str(error)] = None
    told = list(reasons)
    if len(told) > _TOLD:
        told[_TOLD:] = [f"{len(told) - _TOLD} more"]
    return tuple(good), "; ".join(told) if good or told else "empty"
