"""Our matching of aliases is fnmatch's."""

from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from init.perform.modules import ModuleIndex, matches

# Brackets without what fnmatch and the kernel's tools see differently: "^" first, "]" first, a dash at an end.
ranges = st.sampled_from(["[ab]", "[!ab]", "[a-c]", "[!b-d]", "[0-9a-c]", "[c]", "[!c]", "[b-b]", "[A-F0-9]"])
pieces = st.sampled_from(["*", "?", "a", "b", "c", "ab", ":", "-", "", "**", "v0000"]) | ranges
patterns = st.lists(pieces, max_size=8).map("".join)
texts = st.text(alphabet="abcd0:-v", max_size=12)


@given(patterns, texts)
def test_agrees_with_fnmatch(pattern: str, text: str) -> None:
    assert matches(pattern, text) is fnmatchcase(text, pattern)


@given(st.text(alphabet="ab*?[]!-^", max_size=10), texts)
def test_any_pattern_ends(pattern: str, text: str) -> None:
    assert matches(pattern, text) in (True, False)


some = patterns.filter(bool)
aliases = st.lists(st.tuples(some | some.map(lambda tail: f"pci:v0000000{tail}"), st.sampled_from("mno")), max_size=8)


@given(aliases, st.lists(texts | texts.map(lambda tail: f"pci:v0000000{tail}"), max_size=4))
def test_the_index_finds_what_a_walk_over_all_finds(pairs: list[tuple[str, str]], asked: list[str]) -> None:
    index = ModuleIndex("", "".join(f"alias {pattern} {name}\n" for pattern, name in pairs))
    found = {name for pattern, name in pairs for text in asked if fnmatchcase(text, pattern)}
    assert index.wanted(asked) == sorted(found)
