"""``wflo list``, ``show``, ``logs`` and ``history``."""

import asyncio
import json
import re
import signal
import sqlite3
from datetime import datetime, timedelta

import pytest
from wflo_rows import add_cost, add_execution, add_workflow

from wflo.db.engine import Database
from wflo.db.revisions import HEAD

FLOW = """
    import asyncio
    import os

    from wflo import Workflow, WorkflowContext

    inner = Workflow("inner")
    wf = Workflow("report", version="2")


    @inner.step()
    async def shout(text: str) -> str:
        return text.upper()


    @wf.step()
    async def fetch(ctx: WorkflowContext, text: str) -> list[str]:
        ctx.log.info("fetched", text=text, number=1)
        ctx.log.warning("odd")
        ctx.state["seen"] = text
        return [text, "b"]


    @wf.step(map_over="fetch")
    async def work(ctx: WorkflowContext, item: str, index: int) -> str:
        ctx.log.debug(f"working on {item}")
        while os.path.exists("wait") and index:
            await asyncio.sleep(0.01)
        return item


    wf.workflow("shouted", inner)
"""


def ids(text):
    return [line.split()[0] for line in text.splitlines()[1:]]


@pytest.fixture
def runs(here, write):
    """Four runs that ended: one of another workflow, one that failed."""
    other = """
        from wflo import Workflow
        wf = Workflow("other")
        @wf.step()
        async def a(n: int):
            return 1 / n
    """
    write(flow=FLOW, other=other)
    here("run", "flow.py:wf", "--input", "text=a", "--id", "r1")
    here("run", "flow.py:wf", "--input", "text=a", "--id", "r2")
    here("run", "other.py", "--input", "n=1", "--id", "o1")
    here("run", "other.py", "--input", "n=0", "--id", "o2")


def test_runs_are_listed_the_newest_first(here, runs):
    ended = here("list")
    assert ended.code == 0
    assert ids(ended.out) == ["o2", "o1", "r2", "r1"]
    head, *rows = ended.out.splitlines()
    assert head.split() == ["ID", "WORKFLOW", "STATUS", "CREATED", "DURATION", "ERROR"]
    assert re.search(r"^o2  other 1   failed     \d{4}-.* m?s  step 'a' failed$", rows[0])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--status", "failed"], ["o2"]),
        (["--status", "failed", "--status", "completed", "--workflow", "other"], ["o2", "o1"]),
        (["--workflow", "report", "--version", "2"], ["r2", "r1"]),
        (["--parent", "r2"], ["r2/shouted/0"]),
        (["--all", "--workflow", "inner"], ["r2/shouted/0", "r1/shouted/0"]),
        (["--since", "1h", "--limit", "1"], ["o2"]),
        (["--since", "2020-01-01", "--before", "9999-12-01T08:30"], ["o2", "o1", "r2", "r1"]),
    ],
)
def test_lists_are_narrowed(here, runs, words, expected):
    assert ids(here("list", *words).out) == expected


@pytest.mark.parametrize("option", ["--workflow", "--parent"])
def test_a_list_by_what_can_be_no_name_is_refused(here, folder, option):
    ended = here("list", option, "\udcff")
    assert ended == (1, "", f"Error: {option}: '\\udcff' is none that there could be\n")


def test_no_run_has_a_version_that_can_be_none(here, runs):
    assert here("list", "--version", "\udcff") == (0, "", "No runs.\n")


def test_a_list_without_runs_says_so(here, runs):
    assert here("list", "--before", "1d") == (0, "", "No runs.\n")
    assert here("list", "--since", f"{10**9}w").code == 2


def test_the_next_page_is_named(here, runs):
    first = here("list", "--limit", "3")
    words = first.err.split()
    assert words[:2] == ["More:", "--cursor"]
    rest = here("list", "--limit", "3", *words[1:])
    assert ids(first.out) + ids(rest.out) == ["o2", "o1", "r2", "r1"]
    assert rest.err == ""


def test_json_has_the_page(here, runs):
    page = json.loads(here("list", "--limit", "1", "--json").out)
    assert [each["id"] for each in page["executions"]] == ["o2"]
    assert (
        json.loads(here("list", "--cursor", page["next_cursor"], "--json").out)["next_cursor"]
        is None
    )


def test_a_file_without_tables_gets_them(here, folder):
    (folder / "empty.db").touch()
    assert here("list", "--database", "empty.db") == (0, "", "No runs.\n")
    assert here("db", "current", "--database", "empty.db").out == f"sqlite:///empty.db: {HEAD}\n"


@pytest.mark.parametrize("command", ["show", "logs", "history", "cancel", "resume"])
def test_a_run_that_does_not_exist_is_named(here, runs, command):
    ended = here(command, "r11")
    assert ended == (1, "", "Error: there is no execution 'r11'; did you mean 'r1'?\n")


@pytest.mark.parametrize("command", ["show", "logs", "history", "cancel", "resume"])
@pytest.mark.parametrize("odd", ["\udcff", "a\nb", "", "\x1b[31m", "é", "x" * 300, "../one"])
def test_odd_ids_belong_to_no_run(here, folder, command, odd):
    here("db", "upgrade")
    ended = here(command, odd)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"Error: there is no execution {odd!r}\n"


def test_a_step_that_the_run_has_not_is_named(here, runs):
    ended = here("logs", "r1", "--step", "wrok")
    assert ended == (
        1,
        "",
        "Error: execution 'r1' has no step 'wrok'; did you mean 'work'?\n",
    )


@pytest.mark.parametrize("spoil", ["tables", "content", "folder"])
def test_a_list_says_of_a_bad_file_what_others_say(here, folder, spoil):
    if spoil == "tables":
        here("db", "upgrade", "--database", "x.db")
        with sqlite3.connect("x.db") as conn:
            conn.execute("UPDATE wflo_schema SET version_num = '9999'")
        conn.close()
    elif spoil == "content":
        (folder / "x.db").write_text("nothing of the kind" * 100)
    else:
        (folder / "x.db").mkdir()
    ended = here("list", "--database", "x.db")
    assert ended.code == 1
    assert ended.err.startswith("Error: ")
    assert ended == here("show", "r1", "--database", "x.db")


def test_a_list_waits_as_long_as_it_is_told_to(here, folder, monkeypatch):
    here("db", "upgrade", "--database", "x.db")
    monkeypatch.setenv("WFLO_DATABASE__WAIT_S", "0.2")
    conn = sqlite3.connect("x.db", isolation_level=None)
    conn.execute("PRAGMA locking_mode=EXCLUSIVE")
    conn.execute("BEGIN EXCLUSIVE")
    ended = here("list", "--database", "x.db")
    assert ended.err == (
        f"Error: the database {folder}/x.db was being written to by others for 0.2 s\n"
    )
    conn.close()
    assert here("list", "--database", "x.db").err == "No runs.\n"


def test_a_list_of_runs_on_postgresql(here, postgres_template):
    assert here("list", "--database", postgres_template) == (0, "", "No runs.\n")


def test_a_run_that_costs_something_shows_it(here, runs):
    async def spend():
        opened = await Database.open("sqlite:///.wflo/wflo.db")
        async with opened as database, database.begin() as conn:
            number = await add_workflow(conn)
            await add_execution(conn, "paid", number, status="pending", cost_micro_usd=2_500_000)
            await add_cost(conn, "paid", 2_500_000)
            await add_cost(conn, "paid", 0, position=1, input_tokens=0, output_tokens=0)

    asyncio.run(spend())
    assert re.search(r"paid .* pending .* +\$2.50", here("list", "--all").out)
    assert "cost     $2.50, 10 tokens in, 2 out" in here("show", "paid").out


def test_a_run_is_shown_with_its_steps(here, runs, folder):
    ended = here("show", "r1")
    assert ended.code == 0
    text = re.sub(r" +[0-9.]+ m?s", "  T", ended.out)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text)
    assert text.splitlines() == [
        "report 2  r1  completed  3/3 steps  T",
        "└─ ✓ shouted  T",
        "✓ fetch  T",
        "✓ work  T  2/2",
        "",
        "created  TIME",
        "started  TIME",
        "ended    TIME",
        f"source   {folder}/flow.py",
        'input    {"text": "a"}',
        'state    {"seen": "a"}',
        'output   {"work": ["a", "b"], "shouted": "A"}',
    ]


def test_a_run_of_another_says_so(here, runs):
    assert "parent   r1" in here("show", "r1/shouted/0").out


def test_a_run_that_failed_is_shown_with_its_traceback(here, runs, folder):
    lines = here("show", "o2").out.splitlines()
    lines = [line for line in lines if set(line) - set(" ~^")]  # since 3.11, in some places
    assert lines[-5:] == [
        "error    step 'a' failed",
        "Traceback (most recent call last):",
        f'  File "{folder}/other.py", line 5, in a',
        "    return 1 / n",
        "ZeroDivisionError: division by zero",
    ]


def test_a_failure_that_is_nobodys_code_has_no_traceback(here, write):
    source = """
        from wflo import Workflow
        wf = Workflow("w")
        @wf.step()
        async def a():
            return {1}
    """
    write(flow=source)
    here("run", "flow.py", "--id", "one")
    assert here("show", "one").out.splitlines()[-1] == (
        "wflo.errors.StepResultError: the result of step 'a': it is of type set, which is not JSON"
    )


def test_json_of_a_run_has_steps_attempts_and_state(here, runs):
    found = json.loads(here("show", "r1", "--json").out)
    assert found["execution"]["output"] == {"work": ["a", "b"], "shouted": "A"}
    assert found["state"] == {"seen": "a"}
    assert [(step["step"], step["iteration"]) for step in found["steps"]] == [
        ("fetch", 0),
        ("work", 0),
        ("work", 1),
        ("shouted", 0),
    ]
    assert {attempt["step"] for attempt in found["attempts"]} >= {"fetch", "work"}


LOG = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (.*)$", re.MULTILINE)


def test_logs_are_what_steps_said(here, runs):
    ended = here("logs", "r1")
    assert ended.code == 0
    assert sorted(LOG.findall(ended.out)) == sorted(
        [
            'info    fetch: fetched text="a" number=1',
            "warning fetch: odd",
            "debug   work: working on a",
            "debug   work[1]: working on b",
        ]
    )
    assert len(here("logs", "r1", "--step", "fetch").out.splitlines()) == 2


def test_each_line_of_logs_is_json(here, runs):
    lines = [json.loads(line) for line in here("logs", "r1", "--json").out.splitlines()]
    assert lines[0]["message"] == "fetched"
    assert lines[0]["fields"] == {"text": "a", "number": 1}
    assert len(lines) == 4


def test_logs_are_followed_until_the_run_has_ended(start, reading, here, write, folder):
    write(flow=FLOW)
    (folder / "wait").touch()
    process = start("run", "flow.py:wf", "--input", "text=a", "--id", "one")
    reading(process, "fetch: completed")
    follower = start("logs", "one", "--follow")
    reading(follower, "working on a", "stdout")
    (folder / "wait").unlink()
    out, err = follower.communicate(timeout=60)
    assert (follower.returncode, err) == (0, b"")
    assert b"working on b" in out
    process.communicate(timeout=60)


def test_many_logs_are_read_in_parts(here, write, monkeypatch):
    monkeypatch.setattr("wflo.cli.commands.logs._AT_ONCE", 2)
    write(flow=FLOW)
    here("run", "flow.py:wf", "--input", "text=a", "--id", "one")
    assert len(here("logs", "one").out.splitlines()) == 4


def test_following_ends_when_it_is_told_to(start, reading, tell, here, write, folder):
    write(flow=FLOW)
    (folder / "wait").touch()
    process = start("run", "flow.py:wf", "--input", "text=a", "--id", "one")
    reading(process, "fetch: completed")
    for command in ("logs", "show"):
        follower = start(command, "one", "--follow")
        reading(follower, "fetched|execution one of", "stdout" if command == "logs" else "stderr")
        assert tell(follower, signal.SIGINT).code == 130
    (folder / "wait").unlink()
    process.communicate(timeout=60)


def test_a_run_is_shown_until_it_has_ended(start, reading, here, write, folder):
    write(flow=FLOW)
    (folder / "wait").touch()
    process = start("run", "flow.py:wf", "--input", "text=a", "--id", "one")
    reading(process, "fetch: completed")
    follower = start("show", "one", "--follow")
    reading(follower, "fetch: completed")
    (folder / "wait").unlink()
    out, err = follower.communicate(timeout=60)
    assert follower.returncode == 0
    assert b"execution one: completed in" in err
    assert out.startswith(b"report 2  one  completed  3/3 steps")
    process.communicate(timeout=60)


def test_the_history_is_every_entry_in_order(here, runs):
    ended = here("history", "o2")
    lines = [re.sub(r"^( +\d+)  \d{4}-\S+ \S+", r"\1", line) for line in ended.out.splitlines()]
    assert lines == [
        "    1  execution.created     " + "  workflow=other  version=1",
        "    2  execution.started",
        "    3  step.failed           a  attempt=1  kind=ZeroDivisionError  message=division by zero",
        "    4  execution.failed      " + "  error=step 'a' failed",
    ]
    iterations = [line for line in here("history", "r1").out.splitlines() if "work[1]" in line]
    assert len(iterations) == 1


def test_json_of_the_history(here, runs):
    found = json.loads(here("history", "o1", "--json").out)
    assert found["execution_id"] == "o1"
    assert [event["sequence"] for event in found["events"]] == [1, 2, 3, 4]
    created = datetime.fromisoformat(found["events"][0]["created_at"])
    assert created.utcoffset() == timedelta(0)


@pytest.mark.parametrize("words", [["list"], ["show", "x"], ["db", "current"]])
def test_a_database_that_is_not_there_is_named_and_not_made(here, folder, words):
    ended = here(*words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: there is no database .wflo/wflo.db: no workflow was run")
    assert list(folder.iterdir()) == []
