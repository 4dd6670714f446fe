"""``wflo run``, through real processes where that makes a difference."""

import json
import re
import signal

import pytest

FLOW = """
    from wflo import Workflow, WorkflowContext

    wf = Workflow("report", version="2")


    @wf.step()
    async def fetch(ctx: WorkflowContext, url: str, pages: int = 2) -> list[str]:
        ctx.log.info("fetched", url=url)
        return [f"{url}/{page}" for page in range(pages)]


    @wf.step(map_over="fetch", item="page")
    async def size(page: str) -> int:
        return len(page)


    @wf.step()
    def total(size: list[int]) -> dict:
        print("adding")
        return {"total": sum(size)}
"""
BROKEN = """
    import os

    from wflo import Workflow

    wf = Workflow("broken")


    @wf.step()
    async def first() -> int:
        with open("first.txt", "a") as file:
            file.write("x")
        return 1


    @wf.step()
    async def second(first: int) -> int:
        if not os.path.exists("luck"):
            raise ValueError("no luck")
        return first + 1
"""
SLOW = """
    import asyncio
    import os
    import time

    from wflo import Workflow

    wf = Workflow("slow")


    @wf.step()
    async def first(n: int = 7) -> int:
        with open("first.txt", "a") as file:
            file.write("x")
        return n


    def hurry():
        return os.path.exists("hurry")


    @wf.step()
    async def awaits(first: int) -> int:
        print("awaiting", flush=True)
        while not hurry():
            await asyncio.sleep(0.01)
        return first


    @wf.step()
    def blocks(first: int) -> int:
        print("blocking", flush=True)
        while not hurry():
            time.sleep(0.01)
        return first
"""
TROUBLED = """
    from wflo import Workflow
    from wflo.models import RetryPolicy

    wf = Workflow("troubled")
    tries = []


    @wf.step(retry=RetryPolicy(max_attempts=3, initial_delay_s=0.2, jitter=0))
    async def work() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise KeyError("no luck")
"""


def test_the_result_is_on_stdout_and_how_it_goes_on_stderr(wflo, write):
    write(flow=FLOW)
    ended = wflo("run", "flow.py", "--input", "url=abc", "--input", "pages=3", "--id", "one")
    assert ended.code == 0
    assert ended.out == 'adding\n{\n  "total": 15\n}\n'
    lines = re.sub(r"in [0-9.]+ m?s", "in T", ended.err).splitlines()
    assert lines == [
        "execution one of report 2",
        "fetch: completed in T",
        "size: completed in T (3 iterations)",
        "total: completed in T",
        "execution one: completed in T",
    ]


def test_a_workflow_is_named_in_its_file_or_its_module(here, write):
    write(flow=FLOW)
    for target in ("flow.py:wf", "flow.py:report", "flow:wf"):
        assert here("run", target, "--input", "url=x").code == 0


def test_a_result_that_is_a_text_is_printed_as_it_is_and_none_not_at_all(here, write):
    source = """
        from wflo import Workflow
        wf = Workflow("w")
        @wf.step()
        async def a(text: str | None = None) -> str | None:
            return text
    """
    write(flow=source)
    assert here("run", "flow.py", "--input", "text=é\nb").out == "é\nb\n"
    assert here("run", "flow.py").out == ""


def test_json_has_all_of_it_on_one_line(here, write):
    write(flow=FLOW, input_json='{"url": "x"}')
    ended = here("run", "flow.py", "--json", "input.json", "--input", "pages=1", "--id", "one")
    document = json.loads(ended.out.removeprefix("adding\n"))
    assert ended.code == 0
    assert document["execution"]["id"] == "one"
    assert document["execution"]["input"] == {"url": "x", "pages": 1}
    assert document["execution"]["output"] == {"total": 3}
    assert document["results"] == {"fetch": ["x/0"], "size": [3], "total": {"total": 3}}


def test_json_needs_no_file(here, write):
    write(flow=FLOW)
    for words in (["flow.py", "--json"], ["--json", "flow.py"]):
        ended = here("run", *words, "--input", "url=x")
        assert ended.code == 0
        assert json.loads(ended.out.removeprefix("adding\n"))["results"]["size"] == [3, 3]


def test_the_input_may_come_from_stdin(wflo, write):
    write(flow=FLOW)
    ended = wflo("run", "flow.py", "--json", "-", stdin='{"url": "x", "pages": 0}')
    assert json.loads(ended.out.removeprefix("adding\n"))["execution"]["output"] == {"total": 0}


def test_a_run_that_failed_shows_the_users_traceback_and_how_to_go_on(wflo, write, folder):
    write(broken=BROKEN)
    ended = wflo("run", "broken.py", "--id", "one")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.splitlines()[-7:] == [
        "execution one: " + ended.err.splitlines()[-7].removeprefix("execution one: "),
        "Error: execution 'one' of workflow 'broken': step 'second' failed: ValueError: no luck",
        "Traceback (most recent call last):",
        f'  File "{folder}/broken.py", line 18, in second',
        '    raise ValueError("no luck")',
        "ValueError: no luck",
        "To try again what did not complete: wflo resume --run one",
    ]
    (folder / "luck").touch()
    assert wflo("resume", "--run", "one").out == "2\n"
    assert (folder / "first.txt").read_text() == "x"


def test_json_of_a_run_that_failed_says_why(here, write):
    write(broken=BROKEN)
    ended = here("run", "broken.py", "--json")
    document = json.loads(ended.out)
    assert ended.code == 1
    assert document["execution"]["failure"]["message"] == "no luck"
    assert document["results"] == {"first": 1}


def test_an_id_that_exists_is_continued_and_its_input_may_be_left_out(here, write):
    write(flow=FLOW)
    first = here("run", "flow.py", "--input", "url=x", "--id", "one")
    again = here("run", "flow.py", "--id", "one")
    same = here("run", "flow.py", "--id", "one", "--input", "url=x")
    assert again.out == same.out == first.out.removeprefix("adding\n")
    other = here("run", "flow.py", "--id", "one", "--input", "url=y")
    assert other.code == 1
    assert "Error: execution 'one' exists, with other input" in other.err


def test_a_new_id_with_a_database_that_exists_needs_its_input(here, write):
    write(flow=FLOW)
    here("run", "flow.py", "--input", "url=x")
    ended = here("run", "flow.py", "--id", "new")
    assert ended.code == 1
    assert "input 'url' is missing" in ended.err


def test_an_id_of_another_workflow_is_refused(here, write):
    write(flow=FLOW, broken=BROKEN)
    here("run", "flow.py", "--input", "url=x", "--id", "one")
    ended = here("run", "broken.py", "--id", "one")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "Error: execution 'one' exists, of workflow 'report', not 'broken'\n"


def test_another_database_is_named_by_its_url_or_its_file(here, write, folder):
    write(flow=FLOW)
    here("run", "flow.py", "--input", "url=x", "--database", "sub/a.db")
    here("run", "flow.py", "--input", "url=x", "--database", f"sqlite:///{folder}/b.db")
    assert (folder / "sub" / "a.db").exists()
    assert (folder / "b.db").exists()
    assert not (folder / ".wflo").exists()


def test_the_environment_names_a_database(here, write, folder, monkeypatch):
    monkeypatch.setenv("WFLO_DATABASE_URL", "sqlite:///c.db")
    write(flow=FLOW)
    assert here("run", "flow.py", "--input", "url=x").code == 0
    assert (folder / "c.db").exists()


def test_attempts_that_fail_are_told_of(wflo, write):
    write(troubled=TROUBLED)
    ended = wflo("run", "troubled.py")
    assert ended.code == 0
    assert "work: attempt 1: KeyError: 'no luck'; again in 0.2 s" in ended.err
    assert "work: attempt 2: KeyError: 'no luck'; again in 0.4 s" in ended.err
    assert re.search(r"work: completed in [0-9.]+ m?s \(attempt 3\)", ended.err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_gives_up_what_runs_and_says_how_to_go_on(
    start, tell, reading, wflo, write, folder, number
):
    write(slow=SLOW)
    process = start("run", "slow.py", "--id", "one", "--input", "n=9", "--database", "d b.db")
    reading(process, "awaiting|blocking", "stdout")
    reading(process, "awaiting|blocking", "stdout")
    ended = tell(process, number)
    assert ended.code == 130
    again = "wflo run slow.py --id one --database 'd b.db'"
    assert ended.err.endswith(f"Interrupted; what completed is kept. To go on: {again}\n")
    (folder / "hurry").touch()
    done = wflo("-c", again, command=("bash",))
    assert done.code == 0
    assert json.loads(done.out[done.out.index("{") :]) == {"awaits": 9, "blocks": 9}
    assert (folder / "first.txt").read_text() == "x"


def test_interrupted_json_says_so(start, tell, reading, write):
    write(slow=SLOW)
    process = start("run", "slow.py", "--id", "one", "--json")
    reading(process, "awaiting|blocking", "stdout")
    ended = tell(process, signal.SIGINT)
    assert ended.code == 130
    assert ended.out.endswith('{"error": "interrupted", "execution_id": "one"}\n')


def test_killed_in_the_middle_it_goes_on_where_it_was(start, reading, tell, wflo, write, folder):
    write(slow=SLOW)
    process = start("run", "slow.py", "--id", "one")
    reading(process, "awaiting|blocking", "stdout")
    assert tell(process, signal.SIGKILL).code == -signal.SIGKILL
    (folder / "hurry").touch()
    assert wflo("run", "slow.py", "--id", "one").code == 0
    assert (folder / "first.txt").read_text() == "x"


def test_cancelled_from_elsewhere_it_ends_with_3(start, reading, wflo, write):
    write(slow=SLOW)
    process = start("run", "slow.py", "--id", "one")
    reading(process, "awaiting|blocking", "stdout")
    assert wflo("cancel", "one").code == 0
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "Error: execution 'one' of workflow 'slow': it was cancelled" in err.decode()


def test_changed_code_is_refused_unless_it_is_accepted(wflo, write, folder):
    write(broken=BROKEN)
    wflo("run", "broken.py", "--id", "one")
    write(broken=BROKEN.replace('raise ValueError("no luck")', "return 5"))
    refused = wflo("resume", "--run", "one")
    assert refused.code == 1
    assert "Error: execution 'one' was submitted with other code: 'second'" in refused.err
    accepted = wflo("resume", "--run", "one", "--accept-changes")
    assert (accepted.code, accepted.out) == (0, "5\n")


def test_ignored_signals_stay_ignored(start, reading, tell, write, folder):
    write(slow=SLOW)
    process = start("-c", "trap '' HUP; exec wflo run slow.py", command=("bash",))
    reading(process, "awaiting|blocking", "stdout")
    process.send_signal(signal.SIGHUP)
    (folder / "hurry").touch()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_one_variable_is_all_it_takes_to_be_on_postgresql(wflo, write, postgres, folder):
    write(flow=FLOW)
    url = postgres.create()
    env = {"WFLO_DATABASE_URL": url}
    try:
        ended = wflo("run", "flow.py", "--input", "url=abc", "--id", "one", env=env)
        assert (ended.code, ended.out) == (0, 'adding\n{\n  "total": 10\n}\n')
        assert "one  report 2  completed" in wflo("list", env=env).out
        assert "fetched" in wflo("logs", "one", env=env).out
    finally:
        postgres.drop(url)
    assert not (folder / ".wflo").exists()
