"""The holder's watch over its lock, against every sequence of outcomes that servers have shown."""

import pytest

from init.container_lease import watch
from init.container_lease.watch import GRACE, Act


class Holder:
    """A holder's effects as a list of outcomes; what it was told to do, in words."""

    def __init__(self, stacking: bool, outcomes: str) -> None:
        self.said: list[str] = []
        self.done: list[str] = []
        self.waited = 0.0
        self.lost = False
        rest = outcomes.split()
        acts = watch.watch(stacking)
        try:
            act: Act = next(acts)
            while True:
                outcome = "granted"
                if act.do == "wait":
                    self.waited += act.seconds
                elif act.do == "warn":
                    self.said.append(act.text)
                else:
                    self.done.append(act.do)
                    if not rest:
                        return
                    outcome = rest.pop(0)
                act = acts.send(outcome)
        except StopIteration:
            self.lost = True


def test_all_is_well() -> None:
    for stacking, outcome in ((True, "granted"), (False, "refused")):
        holder = Holder(stacking, " ".join([outcome] * 9))
        assert (holder.done, holder.said, holder.lost) == (["relock"] * 10, [], False)
        assert holder.waited == 10 * watch.PERIOD


def test_a_server_that_forgot_is_told_at_once() -> None:
    holder = Holder(False, "granted refused")
    assert holder.done == ["relock"] * 3
    assert holder.said == ["the server had forgotten our lock; it is taken again"]


def test_a_handle_that_is_gone_is_opened_and_its_lock_proved() -> None:
    """What is refused after a restart may be ours, pushed by the kernel, or another's."""
    holder = Holder(False, "gone gone gone granted granted refused")
    assert holder.done == ["relock", "reopen", "reopen", "reopen", "retake", "relock", "relock"]
    said = ["the server does not answer for it", "the server was restarted or away"]
    assert [text.partition(";")[0] for text in holder.said] == said
    assert not holder.lost


def test_a_newcomers_look_is_no_loss() -> None:
    holder = Holder(False, "gone granted refused refused granted")
    assert holder.done[-1] == "relock" and not holder.lost


@pytest.mark.parametrize(("stacking", "first"), [(False, "gone granted"), (True, "refused")])
def test_another_machine_was_quicker(stacking: bool, first: str) -> None:
    holder = Holder(stacking, first + " refused" * 50)
    assert holder.lost
    assert watch.LONGEST_LOOK <= holder.waited - watch.PERIOD <= watch.LONGEST_LOOK + 1
    assert watch.PERIOD + watch.LONGEST_LOOK < GRACE / 2  # a polite newcomer comes after us


def test_a_server_that_goes_away_while_it_is_asked_again() -> None:
    holder = Holder(False, "gone granted gone gone granted granted")
    assert holder.done == ["relock", "reopen", "retake", "reopen", "reopen", "retake", "relock"]


@pytest.mark.parametrize("outcomes", ["refused superseded", "gone granted superseded"])
def test_who_is_superseded_has_lost_at_once(outcomes: str) -> None:
    holder = Holder(False, outcomes + " granted")
    assert holder.lost and not holder.said[1:]
