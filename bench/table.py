"""Samples -> rows -> the one table that is printed, and the same for scripts."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Literal

Unit = Literal["s", "MB", "requests"]  # seconds; millions of bytes; of a client to its server
HEADINGS = ("figure", "mkinitfs", "against", "theirs", "ratio", "quartiles", "to reach", "", "n")


@dataclass(frozen=True)
class Series:
    """What was measured, in the order it was measured; at least one value."""

    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one; of an even number the mean of the two."""
        return statistics.median(self.samples)


@dataclass(frozen=True)
class Row:
    """One figure of ours, against another builder's where `theirs` is given."""

    figure: str
    unit: Unit
    ours: Series
    other: str = ""  # whose `theirs` is
    theirs: Series | None = None
    limit: float | None = None  # the highest ratio, without `theirs` the highest value; None: for information only
    how: str = ""  # how it was measured
    # Samples with the same number were taken one right after the other: the ratio is then the median of theirs, which
    # what else the machine does spoils least.
    paired: bool = False

    @property
    def ratio(self) -> float | None:
        """Our median over theirs, of paired samples the median of their ratios."""
        if not self.theirs:
            return None
        return statistics.median(self.ratios) if self.paired else self.ours.median / self.theirs.median

    @property
    def ratios(self) -> list[float]:
        """Those of the single rounds; empty where the samples were not taken in rounds."""
        if not self.theirs or len(self.theirs.samples) != len(self.ours.samples):
            return []
        return [ours / theirs for ours, theirs in zip(self.ours.samples, self.theirs.samples, strict=True)]

    @property
    def quartiles(self) -> tuple[float, float] | None:
        """Between which half of the rounds' ratios lie; None of fewer than three rounds."""
        if len(self.ratios) < 3:
            return None
        low, _, high = statistics.quantiles(self.ratios, n=4, method="inclusive")
        return low, high

    @property
    def reached(self) -> bool | None:
        """Whether the limit is kept; None without one."""
        if self.limit is None:
            return None
        return (self.ours.median if self.ratio is None else self.ratio) <= self.limit


def render(rows: Sequence[Row]) -> str:
    """The table as lines of text, and below it how each figure was measured."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    lines = ["  ".join(_aligned(line, widths)).rstrip() for line in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, "", *_how(rows)]) + "\n"


def _how(rows: Sequence[Row]) -> list[str]:
    """How the figures were measured, those together that were measured alike."""
    figures: dict[str, dict[str, None]] = {}
    for row in rows:
        figures.setdefault(row.how, {})[row.figure] = None
    notes = (f"{', '.join(names)}: {how}" for how, names in figures.items() if how)
    return [line for note in notes for line in wrap(note, 110, subsequent_indent="    ")]


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.figure,
        f"{row.ours.median:.2f} {row.unit}",
        row.other,
        f"{row.theirs.median:.2f} {row.unit}" if row.theirs else "",
        "" if row.ratio is None else f"{row.ratio:.3f}",
        f"{row.quartiles[0]:.2f}-{row.quartiles[1]:.2f}" if row.quartiles else "",
        "" if row.limit is None else f"<= {row.limit:g}{'' if row.theirs else f' {row.unit}'}",
        {True: "yes", False: "NO", None: ""}[row.reached],
        str(len(row.ours.samples)),
    )


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Words to the left, numbers to the right."""
    return [
        cell.ljust(width) if HEADINGS[column] in ("figure", "against", "to reach", "") else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows for a script, with every sample."""
    return [
        {
            "figure": row.figure,
            "unit": row.unit,
            "mkinitfs": {"median": row.ours.median, "samples": list(row.ours.samples)},
            "against": row.other or None,
            "theirs": row.theirs and {"median": row.theirs.median, "samples": list(row.theirs.samples)},
            "ratio": row.ratio,
            "quartiles": row.quartiles,
            "limit": row.limit,
            "reached": row.reached,
            "how": row.how,
        }
        for row in rows
    ]
