"""Sizes in bytes: a number of ASCII digits and a unit of 1024, 1024 K, and so on, written together.

Two manuals have it, and differ in two points. losetup(8): the units are K, KiB, M, MiB and so on, as they stand here,
and the number is one that the kernel can count to (loff_t). tmpfs(5): K, M, G or T, small or large, and no such limit.
"""

from __future__ import annotations

_LETTERS = "KMGT"
_LOSETUP = {f"{unit}{more}": 1 << 10 * power for power, unit in enumerate(["", *_LETTERS]) for more in ("", "iB")}
_TMPFS = {unit: 1 << 10 * power for power, letter in enumerate(["", *_LETTERS]) for unit in (letter, letter.lower())}
_END = 1 << 63  # no loff_t is as large; it has 19 digits


def losetup(text: str) -> int | None:
    """Read 1048576, 1024K or 1MiB, in 19 digits at most; None for anything else."""
    digits, factor = _parts(text, _LOSETUP)
    number = int(digits) * factor if factor and len(digits) < 20 else _END
    return number if number < _END else None


def tmpfs(text: str) -> int | None:
    """Read 1048576, 1024k or 1M; None for anything else."""
    digits, factor = _parts(text, _TMPFS)
    return int(digits) * factor if factor else None


def _parts(text: str, units: dict[str, int]) -> tuple[str, int]:
    """The digits, and what they are to be multiplied with: 0 where the text is no size."""
    digits = text.rstrip("KMGTkmgtiB")
    return digits, units.get(text[len(digits) :], 0) if digits.isascii() and digits.isdigit() else 0
