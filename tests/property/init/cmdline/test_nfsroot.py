"""Any nfsroot= is understood or refused; what it means is the affair of perform/test_nfs_attempts.py."""

from hypothesis import given
from hypothesis import strategies as st

from init.cmdline.nfsroot import Export, parse


@given(st.text(alphabet="[]:/,.%sdefault10é\udc80", max_size=30), st.text(alphabet="v=3,n", max_size=8))
def test_any_value_is_understood_or_refused(value: str, flags: str) -> None:
    mistakes: list[str] = []
    assert isinstance(parse(value, flags, "nfs", False, mistakes), Export)
    assert all(mistake.startswith("nfsroot=") and ": " in mistake for mistake in mistakes)
