"""The kernel command line, case by case as lib/cmdline.c's next_arg treats it."""

import pytest

from init.cmdline.words import CommandLine, parse


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("\n", ()),
        ("  ro\t quiet \n", (("ro", None), ("quiet", None))),
        ("root=/dev/cifs ro", (("root", "/dev/cifs"), ("ro", None))),
        ("a=b=c", (("a", "b=c"),)),
        ("a=", (("a", ""),)),
        ("=a", (("=a", None),)),
        ("=a=b", (("=a", "b"),)),
        # Quotes around the value or around the whole parameter go.
        ('cifsroot="//server/my share/dir,user=a" ro', (("cifsroot", "//server/my share/dir,user=a"), ("ro", None))),
        ('"cifsroot=//server/my share/dir" ro', (("cifsroot", "//server/my share/dir"), ("ro", None))),
        ('"two words"', (("two words", None),)),
        ('a=""', (("a", ""),)),
        # Quotes elsewhere protect the space and stay, and so does anything behind the closing quote.
        ('cifsroot=//server/"my share" ro', (("cifsroot", '//server/"my share"'), ("ro", None))),
        ('a="b"c', (("a", 'b"c'),)),
        ('a="b" c"', (("a", "b"), ('c"', None))),
        ('"a="b""', (("a", 'b"'),)),
        ("a='b c'", (("a", "'b"), ("c'", None))),
        ('a=\\"b c', (("a", '\\"b c'),)),
        # A quote that is never closed runs to the end.
        ('a="b c', (("a", "b c"),)),
        ('a="', (("a", ""),)),
        ('"', (("", None),)),
        ("caf\udcc3\udca9=\u00e0", (("caf\udcc3\udca9", "\u00e0"),)),
        # What follows two dashes is for init.
        ("ro -- single", (("ro", None),)),
        ('-- a="b c" "d e" -- f\n', ()),
        ("ro --", (("ro", None),)),
        ("--=1 x", (("--", "1"), ("x", None))),
    ],
)
def test_words(text: str, words: tuple[tuple[str, str | None], ...]) -> None:
    assert parse(text) == CommandLine(words)


def test_last_and_all() -> None:
    line = parse("ip=dhcp ip=off ip ip_x=1 ip=")
    assert line.all("ip") == ("dhcp", "off", "")
    assert line.last("ip") == ""
    assert line.last("ip-x") is None  # names are compared exactly
    assert line.all("nothing") == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("quiet", True), ("quiet=1", True), ("quiet=Yes", True), ("quiet=y", True), ("quiet=0", False),
        ("quiet=", False), ("", False), ("quiet quiet=0", False), ("quiet=0 quiet", True),
    ],
)  # fmt: skip
def test_flag(text: str, expected: bool) -> None:
    assert parse(text).flag("quiet") is expected
