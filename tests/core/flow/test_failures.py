import pytest

from kohakuengine.errors import EntrypointNotFound, RunFailed, RunLost, RunTimeout
from kohakuengine.flow.failures import FailureGroups, FailureKind, failure_kind
from kohakuengine.flow.runs import RunResult, RunStatus


@pytest.fixture
def result(script):
    made = script("")

    def make(error=None, status=RunStatus.FAILED, index=0):
        return RunResult(index, made, None, status, error=error)

    return make


def raised(kind, where="train.py:12"):
    return RunFailed("it failed", kinds=(kind, "Exception"), where=where)


class TestKinds:
    @pytest.mark.parametrize(
        ("error", "status", "kind"),
        [
            (raised("ValueError"), "failed", ("ValueError", "train.py:12")),
            (raised("lib.Error", ""), "failed", ("lib.Error", "")),
            (RunFailed("x"), "failed", ("failed", "")),
            (
                RunFailed("x", kinds=("SystemExit",), exit_code=3, where="a.py:1"),
                "failed",
                ("exit code 3", "a.py:1"),
            ),
            (EntrypointNotFound("x"), "failed", ("EntrypointNotFound", "")),
            (RunLost("x", exit_code=-9), "lost", ("lost: SIGKILL", "")),
            (RunLost("x", exit_code=-63), "lost", ("lost: signal 63", "")),
            (RunLost("x", exit_code=7), "lost", ("lost: exit code 7", "")),
            (RunLost("x"), "lost", ("lost", "")),
            (None, "lost", ("lost", "")),
            (RunTimeout("x"), "timeout", ("timeout", "")),
            (None, "cancelled", ("cancelled", "")),
            (None, "failed", ("failed", "")),
        ],
    )
    def test_are_what_failures_have_in_common(self, result, error, status, kind):
        assert failure_kind(result(error, RunStatus(status))) == kind

    def test_are_shown_with_their_place(self):
        assert str(FailureKind("ValueError", "train.py:12")) == "ValueError at train.py:12"
        assert str(FailureKind("timeout", "")) == "timeout"


class TestGroups:
    def test_have_a_count_and_the_first_result(self, result):
        groups = FailureGroups()
        first = groups.add(result(raised("ValueError"), index=4))
        assert groups.add(result(raised("KeyError"), index=5)) is not first
        assert groups.add(result(raised("ValueError"), index=6)) is first
        assert [(group.kind.kind, group.count, group.first.index) for group in groups] == [
            ("ValueError", 2, 4),
            ("KeyError", 1, 5),
        ]
        assert (groups.count, groups.others, len(groups)) == (3, 0, 2)

    def test_one_exception_at_two_lines_is_two(self, result):
        groups = FailureGroups()
        for line in (1, 2, 1):
            groups.add(result(raised("ValueError", f"train.py:{line}")))
        assert [group.count for group in groups] == [2, 1]

    def test_are_bounded(self, result):
        groups = FailureGroups(max_kinds=2)
        added = [groups.add(result(raised(kind))) for kind in "ABCDA"]
        assert [group and group.kind.kind for group in added] == ["A", "B", None, None, "A"]
        assert (groups.count, groups.others, len(groups)) == (5, 2, 2)
        assert groups.text() == "2 A at train.py:12, 1 B at train.py:12, 2 of other kinds"

    def test_in_one_line_the_most_frequent_come_first(self, result):
        groups = FailureGroups()
        for kind in "ABBCCCDDDDEEEEEFFFFFF":
            groups.add(result(raised(kind, "")))
        assert groups.text() == "6 F, 5 E, 4 D, 3 C, 2 B, 1 of other kinds"
        assert groups.text(6) == "6 F, 5 E, 4 D, 3 C, 2 B, 1 A"
