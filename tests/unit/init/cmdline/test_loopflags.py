"""loopflags=: what of it is ours, what the file system's, and what is wrong."""

import pytest

from init.cmdline.loopflags import Flags
from init.cmdline.loopflags import parse as parse_flags
from init.cmdline.settings import SettingsError, from_command_line
from init.cmdline.words import parse


def told(words: str) -> Flags:
    mistakes: list[str] = []
    flags = parse_flags(words, mistakes)
    assert not mistakes
    return flags


@pytest.mark.parametrize(
    ("words", "mistake"),
    [
        ("offset=x", "loopflags=offset=x: a number of bytes is meant"),
        ("offset=", "loopflags=offset=: a number of bytes is meant"),
        ("offset=1,sizelimit=-1", "loopflags=sizelimit=-1: a number of bytes is meant"),
        ("sizelimit=1M", "loopflags=: sizelimit= means nothing without offset="),
        ("sector-size=8192", "loopflags=sector-size=8192: one of 512, 1024, 2048, 4096 is meant"),
        ("direct-io=maybe", "loopflags=direct-io=maybe: on or off is meant"),
        ("offset=1M,partscan", "loopflags=: offset= says where, so neither a partition's name nor partscan can"),
        ("offset=1M,PARTLABEL=x", "loopflags=: offset= says where, so neither a partition's name nor partscan can"),
    ],
)
def test_mistakes_in_loopflags(words: str, mistake: str) -> None:
    with pytest.raises(SettingsError) as error:
        from_command_line(parse(f"root=/dev/cifs cifsroot=//s/x loop=a loopflags={words}"))
    assert error.value.mistakes == (mistake,)


def test_what_is_no_flag_is_the_file_systems() -> None:
    assert told("discard,subvol=@,ro,direct-io=off") == Flags(("discard", "subvol=@"), read_only=True, direct=False)
    assert told("PARTUUID=0000-01,partscan") == Flags(partition="PARTUUID=0000-01", partscan=True)
