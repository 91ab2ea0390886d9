"""Profiles of any shape: a profile, or one report; and composition does what lists promise."""

import string
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mkinitfs import profile, report
from mkinitfs.errors import MkinitfsError

WORDS = st.lists(st.text(string.ascii_letters + '._-/ä"\\', min_size=1).filter(str.strip), max_size=4)
PATHS = st.text(string.ascii_letters + '._-"\\', min_size=1).filter(lambda part: part.strip(".")).map("/{}".format)
PROGRAMS = st.lists(st.text(string.ascii_letters + "._-ä", min_size=1) | PATHS, max_size=4)
HARDWARE = st.sampled_from(["generic", "host"]) | WORDS
GOOD = st.fixed_dictionaries(
    {},
    optional={
        "description": st.text(string.printable),
        **dict.fromkeys(("applets", "modules", "load"), WORDS),
        **dict.fromkeys(("files", "directories"), st.lists(PATHS, max_size=3)),
        "symlinks": st.dictionaries(PATHS, st.text(string.ascii_letters, min_size=1), max_size=3),
        "programs": PROGRAMS,
        "hardware": HARDWARE,
    },
)


def load(files: dict[str, str], name: str) -> profile.Profile:
    with tempfile.TemporaryDirectory() as folder:
        for stem, text in files.items():
            (Path(folder) / f"{stem}.toml").write_text(text, encoding="utf-8", newline="")
        return profile.load(name, [Path(folder)])


def toml(values: dict[str, object]) -> str:
    return "".join(f"{line}\n" for line in report.toml(values))


@given(GOOD)
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(values):
    found = load({"p": toml(values)}, "p")
    for key, value in values.items():
        kept = getattr(found, key)
        if isinstance(value, list):
            assert kept == (tuple(value) if key == "hardware" else tuple(dict.fromkeys(value)))
        else:
            assert kept == value


@given(GOOD, GOOD)
@settings(max_examples=60, deadline=None)
def test_a_child_has_all_of_its_parent(parent, child):
    files = {"parent": toml(parent), "child": 'extends = ["parent"]\n' + toml(child)}
    found, above = load(files, "child"), load(files, "parent")
    for key in ("programs", "applets", "modules", "load", "files", "directories"):
        ours = getattr(found, key)
        assert ours[: len(getattr(above, key))] == getattr(above, key)
        assert len(set(ours)) == len(ours)
        assert set(ours) == set(getattr(above, key)) | set(child.get(key, ()))
    assert dict(found.symlinks) == {**above.symlinks, **child.get("symlinks", {})}
    assert found.description == child.get("description", "")


SCALARS = st.booleans() | st.integers(-9, 9) | st.text(string.ascii_letters, max_size=3)
ANY = st.dictionaries(
    st.sampled_from([*profile.KEYS, "programms", "x"]),
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2), max_leaves=4),
)


@given(ANY)
@settings(max_examples=150, deadline=None)
def test_any_other_file_is_a_profile_or_one_report_that_names_it(values):
    try:
        found = load({"p": toml(values)}, "p")
    except MkinitfsError as error:
        mistakes = error.message.split("\n")
        assert all("p.toml: " in line for line in mistakes if not line.startswith("profile p: "))
    else:
        assert isinstance(found, profile.Profile)
        assert set(values) <= set(profile.KEYS)


@given(st.binary(max_size=60))
@settings(max_examples=80, deadline=None)
def test_bytes_never_raise_anything_else(data):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "p.toml").write_bytes(data)
        try:
            profile.load("p", [Path(folder)])
        except MkinitfsError as error:
            assert "p.toml: " in error.message
