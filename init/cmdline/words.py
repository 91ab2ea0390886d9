"""The kernel's command line, quoted and split as the kernel itself does it (lib/cmdline.c, next_arg).

The rule, in words:

- White space separates parameters, except between double quotes. A double quote anywhere opens or closes;
  nothing escapes it, and a single quote means nothing.
- The first `=` that is not the parameter's first character separates name and value.
- Quotes are kept where they stand, with two exceptions: a quote that begins the value goes, together with
  one that ends the parameter; and a quote that begins the whole parameter goes, together with one that ends
  it.
- After a parameter that reads `--`, everything is for the real init: the kernel hands it to /init itself.

Hence `cifsroot="//server/my share/dir,user=a"` and `"cifsroot=//server/my share/dir,user=a"` give the value
`//server/my share/dir,user=a`, and `cifsroot=//server/"my share"` gives `//server/"my share"`, quotes
included: the kernel would hand exactly that to a parameter of its own, and so do we.

Two notes on the letter of it. The kernel's table of white space holds the byte 0xA0 as well, which would
cut the UTF-8 name `à` in two; here only ASCII white space separates. The kernel compares the names of its
own and its modules' parameters with dash and underscore equal; names that early user space owns
(`rd.break`, `cifsroot`) are compared exactly, as every initramfs does.
"""

from __future__ import annotations

from init.system.stdlib import NamedTuple

_SPACE = " \t\n\v\f\r"
_YES = ("1", "y", "yes")


class CommandLine(NamedTuple):
    """A parsed command line."""

    words: tuple[tuple[str, str | None], ...]  # name and value in order, None where there is no `=`

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value given as `name=value`, in order; empty where there is none."""
        return tuple(value for known, value in self.words if known == name and value is not None)

    def last(self, name: str) -> str | None:
        """Return the last value given as `name=value` (the last one wins), None where there is none."""
        values = self.all(name)
        return values[-1] if values else None

    def flag(self, name: str) -> bool:
        """Whether the last mention of `name` says yes: alone, or with the value 1, y or yes."""
        mentions = [value for known, value in self.words if known == name]
        return bool(mentions) and (mentions[-1] is None or mentions[-1].lower() in _YES)


def parse(text: str) -> CommandLine:
    """Parse /proc/cmdline (closing newline included, non-ASCII bytes by surrogateescape). Never fails."""
    words: list[tuple[str, str | None]] = []
    for piece in _split(text.removesuffix("\n")):
        word = _name_and_value(piece)
        if word == ("--", None):
            break
        words.append(word)
    return CommandLine(tuple(words))


def _split(text: str) -> list[str]:
    """Split at white space outside double quotes; the pieces keep their quotes."""
    pieces, quoted = [""], False
    for character in text:
        quoted ^= character == '"'
        if character in _SPACE and not quoted:
            pieces.append("")
        else:
            pieces[-1] += character
    return [piece for piece in pieces if piece]


def _name_and_value(piece: str) -> tuple[str, str | None]:
    """Separate name and value and take off the quotes at the places where the kernel does."""
    whole = piece.startswith('"')
    if whole:
        piece = piece[1:]
    equals = piece.find("=", 1)
    if equals < 0:
        return (piece.removesuffix('"') if whole else piece), None
    name, value = piece[:equals], piece[equals + 1 :]
    if value.startswith('"'):
        return name, value[1:].removesuffix('"')
    return name, (value.removesuffix('"') if whole else value)
