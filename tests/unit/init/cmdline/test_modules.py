"""Words of the command line for modules."""

import pytest

from init.cmdline.modules import ModuleWords, parse
from init.cmdline.words import parse as words


def parameters(*pairs: tuple[str, str]) -> ModuleWords:
    return ModuleWords(pairs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("quiet ro ip=dhcp rd", ModuleWords()),
        ("loop.max_loop=3", parameters(("loop", "max_loop=3"))),
        ("nf-nat.hash-size=1 nf_nat.flag", parameters(("nf_nat", "hash-size=1"), ("nf_nat", "flag"))),
        ("a.b=1 a.b=2", parameters(("a", "b=1"), ("a", "b=2"))),
        ('"a.b=x y" c.d="z w" e.f="one"', parameters(("a", 'b="x y"'), ("c", 'd="z w"'), ("e", "f=one"))),
        ('g.h=p"q r"', parameters(("g", 'h=p"q r"'))),
        ("a.b=c.d=e a.=1 .b=1 a.b.c=1", parameters(("a", "b=c.d=e"), ("a", "b.c=1"))),
        ("modprobe.blacklist=a,b-c rd.driver.blacklist=d blacklist=e,", ModuleWords((), ("a", "b_c", "d", "e"))),
        ("modprobe.blacklist=a modprobe.blacklist=b", ModuleWords((), ("a", "b"))),
        ("module_blacklist=a,b-c", ModuleWords((), (), ("a", "b_c"))),
        ("rd.driver.pre=a,b-c rd.modules_load=d", ModuleWords((), (), (), ("a", "b_c", "d"))),
        ("modprobe.blacklist blacklist", ModuleWords()),
    ],
)
def test_words(text: str, expected: ModuleWords) -> None:
    assert parse(words(text)) == expected
