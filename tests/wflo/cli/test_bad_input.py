"""A user's mistake: one clear line with the name, the exit code of the docs, nothing left behind.

All of it through real processes.
"""

import json
import sqlite3
import sys

import pytest

FLOW = """
    from wflo import Workflow

    wf = Workflow("report")


    @wf.step()
    async def double(n: int) -> int:
        return 2 * n
"""
SOURCES = {
    "flow": FLOW,
    "none": "x = 1",
    "two": """
        from wflo import Workflow

        first, second = Workflow("a"), Workflow("b")
    """,
    "needs": """
        from wflo import Workflow

        wf = Workflow("report")


        @wf.step(depends_on=["fetsh"])
        async def parse(): ...


        @wf.step()
        async def fetch(): ...
    """,
    "circle": """
        from wflo import Workflow

        wf = Workflow("report")


        @wf.step()
        async def a(b): ...


        @wf.step()
        async def b(a): ...
    """,
    "nested": """
        from wflo import Workflow

        wf = Workflow("report")


        def make():
            @wf.step()
            async def inner(): ...


        make()
    """,
    "broken": "from wflo import Workflw",
    "syntax": "def",
    "sets": """
        from wflo import Workflow

        wf = Workflow("report")


        @wf.step()
        async def numbers():
            return {"found": [1, {2}]}
    """,
}


BIG = """
    from wflo import Workflow

    wf = Workflow("big")


    @wf.step()
    async def text() -> str:
        return "x" * 5_000_000


    @wf.step()
    async def length(text: str) -> int:
        return len(text)
"""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.py"], "none.py has no workflow: nothing in it is a wflo.Workflow"),
        (["two.py"], "two.py has several workflows: first, second; name one of them: two.py:first"),
        (["two.py:c"], "two.py has no workflow 'c'; it has first, second"),
        (["flow.py:wff"], "flow.py has no workflow 'wff'; did you mean 'wf'?"),
        (["flwo.py"], "there is no file flwo.py; did you mean 'flow.py'?"),
        (["no.module:wf"], "no module named 'no'"),
        (["flow.txt"], "no module named 'flow.txt'"),
        (["."], "no module named '.'"),
        ([""], "no module named ''"),
        (["\udcff"], r"no module named '\udcff'"),
        (["\udcff.py"], r"\udcff.py has a name that is not UTF-8: no run can keep it"),
        (["needs.py"], "workflow 'report': step 'parse' depends on 'fetsh', which is no step; "),
        (["circle.py"], "workflow 'report': steps wait for each other: a -> b -> a"),
        (
            ["nested.py"],
            "workflow 'report': step 'inner', make.<locals>.inner, is defined in a function",
        ),
        (["broken.py"], "broken.py cannot be imported: ImportError: cannot import name 'Workflw'"),
        (["syntax.py"], "syntax.py cannot be imported: SyntaxError: "),
        (["flow.py"], "workflow 'report': input 'n' is missing, which 'double' takes"),
        (["flow.py", "--input", "n=two"], "workflow 'report': input 'n': "),
        (["flow.py", "--input", "n=1", "--input", "m=2"], "workflow 'report': there is no input"),
        (["flow.py", "--input", "n"], "workflow 'report': 'n' is not NAME=VALUE"),
        (["flow.py", "--json", "nope.json"], "the input nope.json cannot be read: No such file"),
        (["flow.py", "--json", "bad.json"], "the input bad.json is not JSON: "),
        (["flow.py", "--json", "list.json"], "the input list.json must be a JSON object"),
        (["flow.py", "--input", "n=1", "--id", "a b"], "'a b' cannot be the id of an execution"),
        (["flow.py", "--input", "n=1", "--database", "x://y"], "--database: a database URL is"),
    ],
)
def test_before_there_is_a_run(wflo, write, folder, words, message):
    write(**SOURCES, bad_json='{"n": ', list_json="[1]")
    before = sorted(folder.iterdir())
    ended = wflo("run", *words)
    assert ended.code == 1
    first, *more = ended.err.splitlines()
    assert first.startswith(f"Error: {message}")
    assert not more or "cannot be imported" in first  # the user's traceback follows
    assert not any("/wflo/" in line for line in more if line.startswith("  File "))
    assert sorted(folder.iterdir()) == before
    if "--json" in words:
        assert json.loads(ended.out) == {"error": first.removeprefix("Error: ")}
    else:
        assert ended.out == ""


def test_submit_refuses_the_same(wflo, write, folder):
    write(**SOURCES)
    before = sorted(folder.iterdir())
    ended = wflo("submit", "flow.py", "--input", "n=two")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: workflow 'report': input 'n': ")
    assert sorted(folder.iterdir()) == before


def test_a_target_that_is_missing(wflo):
    ended = wflo("run")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: TARGET is missing: a file, FILE.py[:WORKFLOW], or MODULE")


def test_a_result_that_is_not_json(wflo, write):
    write(**SOURCES)
    ended = wflo("run", "sets.py", "--id", "one")
    assert (ended.code, ended.out) == (1, "")
    [said] = [line for line in ended.err.splitlines() if line.startswith("Error: ")]
    assert said == (
        "Error: execution 'one' of workflow 'report': step 'numbers' failed: "
        "wflo.errors.StepResultError: the result of step 'numbers': ['found'][1] is of type set, "
        "which is not JSON"
    )
    assert "Traceback" not in ended.err
    found = json.loads(wflo("show", "one", "--json").out)
    assert [step["result"] for step in found["steps"]] == [None]


def test_a_database_of_a_newer_schema(wflo, write, folder):
    write(**SOURCES)
    assert wflo("db", "upgrade").code == 0
    with sqlite3.connect(".wflo/wflo.db") as conn:
        conn.execute("UPDATE wflo_schema SET version_num = '9999'")
    conn.close()
    for words in (["run", "flow.py", "--input", "n=1"], ["list"], ["db", "upgrade"]):
        ended = wflo(*words)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.startswith(
            "Error: sqlite:///.wflo/wflo.db has the tables of revision 9999, made by a newer wflo"
        )
        assert ended.err.count("\n") == 1


def test_a_database_that_is_none(wflo, write, folder):
    write(**SOURCES)
    (folder / "x.db").write_text("nothing of the kind" * 100)
    ended = wflo("run", "flow.py", "--input", "n=1", "--database", "x.db")
    assert ended == (
        1,
        "",
        f"Error: cannot use the database {folder}/x.db: file is not a database\n",
    )


def test_a_database_that_does_not_answer(wflo, write):
    write(**SOURCES)
    url = "postgresql://me:hunter2@127.0.0.1:1/x"
    ended = wflo("run", "flow.py", "--input", "n=1", "--database", url)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert "127.0.0.1:1" in ended.err
    assert "hunter2" not in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a shell")
def test_a_full_disk_in_the_middle_says_how_to_go_on(wflo, write):
    write(big=BIG)
    line = "trap '' XFSZ; ulimit -f 2000; exec wflo run big.py --id one"
    ended = wflo("-c", line, command=("bash",))
    assert (ended.code, ended.out) == (1, "")
    *_, error, hint = ended.err.splitlines()
    assert error.startswith("Error: cannot use the database ")
    assert hint == "To go on: wflo run big.py --id one"
    assert "Traceback" not in ended.err
    assert wflo("run", "big.py", "--id", "one")[:2] == (0, "5000000\n")
