"""What is seen of a run that workers elsewhere do."""

import asyncio

import pytest
from wflo_rows import START_US, add_event, add_execution, add_step, add_workflow

from wflo.cli.lookout import look_for
from wflo.cli.texts import time_text
from wflo.cli.watching import watch
from wflo.journal.rows import to_datetime
from wflo.models import ExecutionStatus, StepStatus


@pytest.fixture
def dialect():
    return "sqlite"


@pytest.fixture
async def run(database):
    async with database.begin() as conn:
        workflow_id = await add_workflow(conn)
        await add_execution(conn, "run", workflow_id, status="running", started_at_us=START_US)
        await add_step(conn, "run", workflow_id, "fetch", status="running")
    return database


@pytest.mark.parametrize(
    ("type_", "payload", "note", "news"),
    [
        (
            "step.retrying",
            {"attempt": 2, "kind": "KeyError", "message": "a\nb", "delay_s": 1.5},
            "KeyError: a b",
            ["fetch: attempt 2: KeyError: a b; again in 1.5 s"],
        ),
        (
            "step.lost",
            {"attempt": 1, "worker": "host|1"},
            "its worker was lost",
            ["fetch: attempt 1: its worker was lost; again at once"],
        ),
        (
            "step.failed",
            {"attempt": 1, "kind": "wflo.errors.StepTimeout", "message": "it took too long"},
            "StepTimeout: it took too long",
            [],
        ),
        ("step.failed", {"message": "too many items"}, "too many items", []),
        ("step.waiting", {"child": "run/sub/0"}, "for run/sub/0", []),
        (
            "step.waiting",
            {"due_at_us": START_US},
            f"until {time_text(to_datetime(START_US))}",
            [],
        ),
        ("step.completed", {"attempt": 1}, None, []),
    ],
)
async def test_what_happens_is_noted_and_is_news_once(run, type_, payload, note, news):
    lookout = await look_for(run, "run")
    assert (await lookout.look()).notes == {}
    async with run.begin() as conn:
        await add_event(conn, "run", 5, type_, "fetch", 0, **payload)
    seen = await lookout.look()
    assert seen.notes == ({} if note is None else {"fetch": note})
    assert list(seen.news) == news
    again = await lookout.look()
    assert (again.notes, list(again.news)) == (seen.notes, [])


async def test_news_of_an_iteration_name_it(run):
    async with run.begin() as conn:
        await add_event(conn, "run", 5, "step.lost", "fetch", 7, attempt=1)
    seen = await (await look_for(run, "run")).look()
    assert seen.news == ["fetch[7]: attempt 1: its worker was lost; again at once"]


async def test_a_run_is_shown_once_more_when_it_is_to_be_shown_no_longer(run):
    class Display:
        interval_s = 60

        def __init__(self):
            self.shown = []

        def draw(self, shown):
            self.shown.append(shown)

    display, stop = Display(), asyncio.Event()
    watching = asyncio.create_task(watch(await look_for(run, "run"), display, stop))
    async with asyncio.timeout(30):
        while not display.shown:  # noqa: ASYNC110 # a display is told, and tells nobody
            await asyncio.sleep(0.01)
        stop.set()
        await watching
    assert [shown.status for shown in display.shown] == [ExecutionStatus.RUNNING] * 2
    assert display.shown[0].views["fetch"].status is StepStatus.RUNNING
