"""What one process says of a container lease is what the other reads."""

from hypothesis import given
from hypothesis import strategies as st

from init.container_lease.messages import Answer, Held, HolderNote

NUMBERS = st.integers(0, 1 << 20)
DEVICES = st.builds("{}:{}".format, NUMBERS, NUMBERS)
VERDICTS = st.sampled_from(["granted", "held", "ours", "abandoned", "local", "failed"])


@given(st.builds(Answer, VERDICTS, st.text(), NUMBERS))
def test_an_answer(answer: Answer) -> None:
    assert Answer.decode(answer.encode()) == answer


@given(st.builds(Held, NUMBERS, NUMBERS, *[st.booleans()] * 4, st.text(), st.text()))
def test_what_is_held(held: Held) -> None:
    words = held.encode()
    assert all(type(word) is str for word in words)
    found = Held.decode(words)
    assert found == held
    assert [type(value) for value in found] == [type(value) for value in held]


@given(st.builds(HolderNote, NUMBERS, DEVICES, st.text()))
def test_a_note(note: HolderNote) -> None:
    assert HolderNote.decode(note.pid, note.encode()) == note
