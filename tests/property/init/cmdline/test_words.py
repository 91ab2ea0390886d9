"""The command line against a reference that walks over the characters as the kernel's next_arg is written."""

from hypothesis import given
from hypothesis import strategies as st

from init.cmdline.words import parse

SPACE = " \t\n\v\f\r"


def reference(text: str) -> list[tuple[str, str | None]]:
    """One pass per parameter over a buffer with an end mark, quotes blanked out in place."""
    words: list[tuple[str, str | None]] = []
    buffer = [*text.removesuffix("\n"), "\0"]
    at = 0
    while True:
        while buffer[at] in SPACE:
            at += 1
        if buffer[at] == "\0":
            break
        quoted = inside = buffer[at] == '"'
        start = at + 1 if quoted else at
        end, equals = start, 0
        while buffer[end] != "\0" and (inside or buffer[end] not in SPACE):
            if buffer[end] == "=" and not equals:
                equals = end - start
            if buffer[end] == '"':
                inside = not inside
            end += 1
        after = end + 1 if buffer[end] != "\0" else end
        buffer[end] = "\0"
        value = None
        if equals:
            buffer[start + equals] = "\0"
            value = start + equals + 1
            if buffer[value] == '"':
                value += 1
                if buffer[end - 1] == '"':
                    buffer[end - 1] = "\0"
        if quoted and buffer[end - 1] == '"':
            buffer[end - 1] = "\0"
        words.append((until_mark(buffer, start), None if value is None else until_mark(buffer, value)))
        at = after
    return words[: words.index(("--", None))] if ("--", None) in words else words


def until_mark(buffer: list[str], start: int) -> str:
    """Text as C reads it."""
    return "".join(buffer[start : buffer.index("\0", start)])


@given(st.text(alphabet="ab=\"-' \t\n,/.\udc80é", max_size=40))
def test_parses_as_the_kernel_does(text: str) -> None:
    assert list(parse(text).words) == reference(text)


@given(st.text(alphabet=st.characters(blacklist_characters="\0"), max_size=60))
def test_never_fails(text: str) -> None:
    line = parse(text)
    for name, value in line.words:
        assert isinstance(line.flag(name), bool)
        assert value is None or value in line.all(name)
