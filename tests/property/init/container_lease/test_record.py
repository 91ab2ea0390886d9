"""A record comes back as it was written, and anything may be read."""

from hypothesis import given
from hypothesis import strategies as st

from init.container_lease.record import Record

PRINTABLE = st.text(st.characters().filter(str.isprintable), max_size=200)


@given(st.builds(Record, *[PRINTABLE] * len(Record._fields)), PRINTABLE)
def test_a_record(record: Record, name: str) -> None:
    assert Record.decode(record.encode(name)) == (record if any(record) else None)


@given(st.text())
def test_any_text(text: str) -> None:
    record = Record.decode(text)
    assert record is None or (any(record) and record.describe().isprintable())
