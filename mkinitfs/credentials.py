"""A file in mount.cifs's credentials syntax, checked while there is someone to read the complaint.

No message holds a word of the file: a misplaced password must not end up on a terminal or in a log.
"""

import stat
from dataclasses import dataclass
from pathlib import Path

from mkinitfs.errors import MkinitfsError

# mount.cifs(8), "CREDENTIALS FILE FORMAT", and the spellings that its parser takes as well.
_KEYS = {
    "username": "username",
    "user": "username",
    "password": "password",
    "pass": "password",
    "domain": "domain",
    "dom": "domain",
    "workgroup": "domain",
}
_FORM = "username=NAME, password=WORD and domain=NAME, each on a line of its own"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What goes into the image; without a repr, so that no traceback or log shows it."""

    data: bytes
    warnings: tuple[str, ...] = ()


def load(path: Path) -> Credentials:
    """Read and check the file; the result is in a fixed order with one spelling of each key.

    Raises MkinitfsError with every line that is wrong.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")  # Windows' editors put a mark in front
        mode = path.stat().st_mode
    except OSError as error:
        raise MkinitfsError.of(f"credentials {path}", error, f"name a file with {_FORM}") from error
    except UnicodeDecodeError:
        # Without a cause: the cause's text quotes the byte.
        raise MkinitfsError(f"credentials {path}: not UTF-8 text", f"expected: {_FORM}") from None
    warnings: tuple[str, ...] = ()
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        warnings = (f"credentials {path}: others can read the file, chmod 600 would keep it private",)
    return Credentials(parse(text, str(path)), warnings)


def parse(text: str, name: str) -> bytes:
    """The content for the image; `name` stands in the messages."""
    values: dict[str, str] = {}
    mistakes: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        word, equals, value = line.partition("=")
        key = _KEYS.get(word.strip())
        if not equals:
            mistakes.append(f"line {number}: not of the form key=value")
        elif key is None:
            mistakes.append(f"line {number}: unknown key")
        elif key in values:
            mistakes.append(f"line {number}: {key} for a second time")
        elif "," in value and key != "password":
            mistakes.append(f"line {number}: a comma in the {key}, which mount.cifs cannot be told")
        elif "\0" in value:
            mistakes.append(f"line {number}: holds a NUL byte")
        else:
            values[key] = value
    if not mistakes and not values.get("username"):
        mistakes.append("no username")
    if mistakes:
        raise MkinitfsError(f"credentials {name}: {'; '.join(mistakes)}", f"expected: {_FORM}")
    return "".join(f"{key}={values[key]}\n" for key in ("username", "password", "domain") if key in values).encode()
