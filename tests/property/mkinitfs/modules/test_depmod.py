import fnmatch

from hypothesis import given
from hypothesis import strategies as st

from mkinitfs.modules.depmod import Aliases, normalise

PATTERNS = st.text(alphabet="ab:-_*?", max_size=8)
ALIASES = st.lists(st.tuples(PATTERNS, st.from_regex(r"m[0-6]", fullmatch=True)), max_size=12)


@given(ALIASES, st.text(alphabet="ab:-_", max_size=8))
def test_filed_patterns_answer_like_a_scan(pairs: list[tuple[str, str]], alias: str) -> None:
    scan = [name for pattern, name in pairs if fnmatch.fnmatchcase(normalise(alias), normalise(pattern))]
    assert Aliases(pairs)[alias] == tuple(dict.fromkeys(scan))
