"""The journal in memory, and what it counts."""

from hypothesis import given
from hypothesis import strategies as st

from wflo.models import StepStatus
from wflo.workflow.view import UNFINISHED, Entry, Journal, Stop

READY = Entry(StepStatus.READY)
DONE = Entry(StepStatus.COMPLETED, size=3)


def test_what_was_recorded_last_is_what_is_known():
    journal = Journal()
    journal.record("a", 0, READY)
    journal.record("a", 0, DONE)
    assert journal.get("a") == DONE
    assert journal.entries == {"a": {0: DONE}}


def test_nothing_is_known_of_what_was_not_recorded():
    journal = Journal({"a": {0: READY}})
    assert journal.get("a", 1) is None
    assert journal.get("b") is None


def test_unfinished_iterations_are_those_that_have_not_ended():
    journal = Journal({"a": {0: DONE, 1: READY}, "b": {0: DONE}})
    assert list(journal.unfinished()) == [("a", 1, READY)]


def test_unfinished_statuses_are_those_that_have_not_ended():
    assert {status for status in StepStatus if not status.ended} == UNFINISHED


def test_journals_are_equal_by_their_entries_and_not_by_what_was_worked_out():
    journal = Journal()
    journal.record("a", 0, READY)
    journal.memo = object()
    assert journal == Journal({"a": {0: READY}})
    assert journal != Journal({"a": {0: READY}}, stop=Stop.CANCELLED)


def test_the_next_iteration_is_the_lowest_that_was_never_begun():
    journal = Journal({"a": {2: DONE, 0: DONE}})
    assert journal.tallies["a"].next == 1
    journal.record("a", 1, READY)
    assert journal.tallies["a"].next == 3


def test_what_was_worked_out_is_dropped_when_something_that_ended_begins_again():
    journal = Journal({"a": {0: READY}})
    journal.memo = kept = object()
    journal.record("a", 0, DONE)
    assert journal.memo is kept
    journal.record("a", 0, READY)
    assert journal.memo is None


steps = st.sampled_from("ab")
entries = st.builds(Entry, st.sampled_from(StepStatus))


@given(st.lists(st.tuples(steps, st.integers(0, 3), entries)))
def test_counts_are_those_of_the_entries(records):
    journal = Journal()
    for record in records:
        journal.record(*record)
    found = [entry.status for step in journal.entries.values() for entry in step.values()]
    assert journal.counts == {status: found.count(status) for status in StepStatus}
    for step, iterations in journal.entries.items():
        tally = journal.tallies[step]
        of_step = [entry.status for entry in iterations.values()]
        assert tally.counts == {status: of_step.count(status) for status in StepStatus}
        assert tally.unfinished == sum(not status.ended for status in of_step)
        assert tally.next == min({*range(5)} - iterations.keys())
    again = Journal(journal.entries)
    assert again.counts == journal.counts
