"""Profiles: composition, and every mistake in one report."""

from pathlib import Path

import pytest

from mkinitfs import locations, profile
from mkinitfs.errors import MkinitfsError


def write(folder: Path, **files: str) -> list[Path]:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return [folder]


def failure(name: str, folders: list[Path]) -> MkinitfsError:
    with pytest.raises(MkinitfsError) as caught:
        profile.load(name, folders)
    return caught.value


def test_lists_and_tables_grow_and_the_last_single_value_wins(tmp_path):
    folders = write(
        tmp_path,
        a='description = "a"\nmodules = ["x", "y"]\nhardware = "generic"\nsymlinks = { "/s" = "one", "/t" = "t" }',
        b='modules = ["z"]\nramdisk = "a"',
        c='description = "c"\nextends = ["a", "b"]\nmodules = ["y", "w"]\n'
        'hardware = ["e1000"]\nsymlinks = { "/s" = "two" }',
    )
    assert profile.load("c", folders) == profile.Profile(
        "c", description="c", modules=("x", "y", "z", "w"), hardware=("e1000",), symlinks={"/s": "two", "/t": "t"},
        ramdisk="a",
    )  # fmt: skip


def test_a_parent_reached_on_two_ways_counts_once_and_is_no_cycle(tmp_path):
    folders = write(
        tmp_path,
        top='extends = ["left", "right"]',
        left='extends = ["base"]\nprograms = ["l"]',
        right='extends = ["base"]\nprograms = ["r"]',
        base='programs = ["b"]',
    )
    assert profile.load("top", folders).programs == ("b", "l", "r")


def test_the_first_folder_wins_and_a_path_is_a_path(tmp_path, monkeypatch):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir(), theirs.mkdir()
    write(ours, p='description = "ours"')
    write(theirs, p='description = "theirs"', q='description = "q"\nextends = ["./r.toml"]', r='programs = ["r"]')
    assert profile.load("p", [theirs, ours]).description == "theirs"
    assert profile.load(str(ours / "p.toml"), [theirs]).description == "ours"
    assert profile.load(str(theirs / "q.toml"), [ours]).programs == ("r",)
    assert [name for name, _ in profile.available([theirs, ours])] == ["p", "q", "r"]


def test_every_mistake_of_every_file_is_in_one_report(tmp_path):
    folders = write(
        tmp_path,
        main='extends = ["part", "prat"]\nprogams = ["x"]\nhardware = "all"\nramdisk = "gone"',
        part='modules = "cifs"\ndescription = 3\ndirectories = ["relative"]\napplets = [1]\n'
        'entry_points = { "/init" = "nonsense" }\nsymlinks = ["a"]',
    )
    error = failure("main", folders)
    main, part = tmp_path / "main.toml", tmp_path / "part.toml"
    assert error.message.split("\n  ") == [
        "profile main: 10 mistakes",
        f"{main}: progams: unknown key, did you mean programs?",
        f'{main}: hardware: \'all\' is none of "generic", "host" and a list of drivers',
        f"{part}: modules: expected a list of strings, found a string",
        f"{part}: description: expected a string, found a number",
        f"{part}: directories: 'relative' is not an absolute path",
        f"{part}: applets: expected a list of strings, found 1 in it",
        f"{part}: entry_points: 'nonsense' is not of the form module:function",
        f"{part}: symlinks: expected a table of strings, found a list",
        f"{main}: extends: no profile prat, did you mean part?",
        f"{main}: ramdisk: no profile gone",
    ]
    assert error.hint == "mkinitfs-profile(5) describes every key"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('programs = ["../sh"]', "programs: '../sh' is not an absolute path"),
        ('programs = ["?bin/sh"]', "programs: 'bin/sh' is not an absolute path"),
        ('directories = ["/opt/../x"]', "directories: '/opt/../x' has .. in it"),
        ('directories = ["/"]', "directories: '/' has an empty part in it"),
        ('files = ["?/etc/x/"]', "files: '/etc/x/' has an empty part in it"),
        ('symlinks = { "//x" = "y" }', "symlinks: '//x' has an empty part in it"),
        ("programs = true", "programs: expected a list of strings, found a boolean"),
        ('programs = ["a"]\nmodules = [\n  nonsense\n]', "line 3: invalid value (column 3)"),
    ],
)
def test_one_mistake_is_one_line(tmp_path, text, mistake):
    assert failure("p", write(tmp_path, p=text)).message == f"{tmp_path / 'p.toml'}: {mistake}"


def test_a_cycle_is_named_step_by_step(tmp_path):
    folders = write(tmp_path, a='extends = ["b"]', b='extends = ["c"]', c='extends = ["a"]')
    assert failure("a", folders).message == f"{tmp_path / 'c.toml'}: extends: a extends itself (a -> b -> c -> a)"
    write(tmp_path, me='extends = ["me"]')
    assert failure("me", folders).message == f"{tmp_path / 'me.toml'}: extends: me extends itself (me -> me)"


def test_what_is_no_text_is_told_with_its_byte(tmp_path):
    (tmp_path / "bytes.toml").write_bytes(b'description = "\xff"')
    assert failure("bytes", [tmp_path]).message == f"{tmp_path / 'bytes.toml'}: not UTF-8 text (byte 15)"


def test_a_profile_that_is_not_there(tmp_path):
    folders = write(tmp_path, cifs="", nfs="")
    error = failure("cif", folders)
    assert (error.message, error.hint) == ("profile cif: not found, did you mean cifs?", "there are: cifs, nfs")
    assert failure("./cifs.toml", folders).message == "profile ./cifs.toml: no such file"


def test_ours_load_and_stay_small():
    folder = locations.profiles()
    for name, path in profile.available([folder]):
        assert profile.load(name, [folder]).description, path
        assert len(path.read_text().splitlines()) <= 15, path
    assert {"cifs", "cifs-loop", "nfs", "shutdown"} <= {name for name, _ in profile.available([folder])}
    ramdisk = profile.load("shutdown", [folder])
    assert not (ramdisk.modules or ramdisk.hardware or ramdisk.load)
    assert profile.load("cifs-loop", [folder]).ramdisk == "shutdown"
