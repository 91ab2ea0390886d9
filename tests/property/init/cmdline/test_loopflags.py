"""Any loopflags= is understood or refused."""

from hypothesis import given
from hypothesis import strategies as st

from init.cmdline.loopflags import parse


@given(st.text(alphabet="offsetizlm-PARTUID=,0123456789KMGTiBrow ", max_size=60))
def test_any_loopflags(text: str) -> None:
    mistakes: list[str] = []
    flags = parse(text, mistakes)
    assert all(mistake.startswith("loopflags=") for mistake in mistakes)
    assert (flags.offset or 0) >= 0 and flags.size >= 0
