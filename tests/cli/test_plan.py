"""`kogine plan`: the table of all runs, and none of them run."""

import json
import re
import signal
import tracemalloc

import pytest

SCRIPT = "lr = 0.1\nseed = 1\nraise AssertionError('it ran')"


@pytest.fixture
def planned(here):
    """Plan, and tell the lines of the table."""

    def plan(*words):
        ended = here("plan", *words)
        assert (ended.code, ended.err) == (0, "")
        return ended.out.splitlines()

    return plan


def test_a_sweep_is_a_row_for_each_run(planned, write):
    write(script=SCRIPT)
    words = ["--sweep", "lr=0.1,0.01", "--sweep", "seed=1,20", "--set", "epochs=3"]
    write(script=f"epochs = 1\n{SCRIPT}")
    assert planned("script.py", *words) == [
        "run     lr   seed",
        "─────────────────",
        "  1    0.1      1",
        "  2    0.1     20",
        "  3   0.01      1",
        "  4   0.01     20",
        "",
        "4 runs.",
    ]


def test_it_takes_the_words_of_a_run(planned, write):
    write(script=SCRIPT)
    words = ["-j", "4", "--timeout", "1h", "--retries", "2", "--keep-going", "--subprocess"]
    assert planned("script.py", "--sweep", "lr=1,2", *words, "--", "-v")[-1] == "2 runs."
    assert planned("script.py", "-e", "main", "--timeout", "5")[-1] == "1 run."


def test_one_run_is_told_whole(planned, write):
    write(script=SCRIPT)
    assert planned("script.py", "--set", "lr=0.5")[2] == "  1   0.5"
    assert planned("script.py")[:3] == ["run   script", "────────────", "  1   script"]


def test_scripts_are_named_where_there_are_several(planned, write):
    write(one=SCRIPT, two=SCRIPT)
    assert planned("one.py", "two.py", "--sweep", "lr=1,2")[2:6] == [
        "  1   one      1.0",
        "  2   one      2.0",
        "  3   two      1.0",
        "  4   two      2.0",
    ]


def test_the_first_runs_are_listed_and_all_are_counted(planned, write):
    write(script=SCRIPT, conf="_sweep = {'lr': list(range(250))}")
    listed = planned("script.py", "-c", "conf.py")
    assert len(listed) == 104
    assert listed[-1] == "250 runs; these are the first 100, and --all lists every one."
    assert planned("script.py", "-c", "conf.py", "--limit", "1")[2:] == [
        "  1    0",
        "",
        "250 runs; these are the first 1, and --all lists every one.",
    ]
    assert len(planned("script.py", "-c", "conf.py", "--all")) == 254


def test_the_runs_of_a_sweep_are_counted_without_being_made(planned, write):
    write(script=SCRIPT, conf="_sweep = {c: list(range(1000)) for c in 'abcdefg'}")
    assert planned("script.py", "-c", "conf.py", "--limit", "2")[-1].startswith(f"{10**21} runs; ")


GENERATOR = """
    from kohakuengine import Config
    def config_gen():
        for n in range(1200):
            yield Config({"lr": n, "same": 1} if n < 1100 else {"same": 2, "seed": n})
"""


def test_a_generator_is_counted_by_going_through_it(planned, write):
    write(script=SCRIPT, conf=GENERATOR)
    listed = planned("script.py", "-c", "conf.py", "--limit", "3")
    assert listed[-1].startswith("1200 runs; these are the first 3")


def test_what_varies_in_later_runs_only_is_named_there(planned, write):
    write(script=SCRIPT, conf=GENERATOR)
    listed = planned("script.py", "-c", "conf.py", "--all")
    assert listed[:3] == [" run    lr", "──────────", "   1     0"]
    assert listed[1101] == "1100   1099"
    assert listed[1102] == "1101   same=2   seed=1100"


def test_no_runs_are_no_table(planned, write):
    write(script=SCRIPT, conf="def config_gen():\n    return iter(())")
    assert planned("script.py", "-c", "conf.py") == ["0 runs."]


WORKER = """
    from kohakuengine import Config
    def config_gen(worker_id=None):
        return Config({"lr": worker_id})
"""


def test_configs_that_depend_on_the_worker_are_marked(planned, here, write):
    write(script=SCRIPT, conf=WORKER)
    assert planned("script.py", "-c", "conf.py")[2] == "  1    0   (as worker 0)"
    ended = here("plan", "script.py", "-c", "conf.py", "--json")
    assert json.loads(ended.out)["runs"][0]["depends_on_worker"] is True


def test_a_document_has_every_run_on_a_line_and_their_number(here, write):
    write(script=SCRIPT, conf="print('loaded')\n_args = [1]\n_sweep = {'lr': [float('nan'), (2,)]}")
    ended = here("plan", "script.py", "-c", "conf.py", "--json")
    assert (ended.code, ended.err) == (0, "loaded\n")
    assert json.loads(ended.out) == {
        "runs": [
            {
                "index": 0,
                "script": "script.py",
                "globals": {"lr": "nan"},
                "args": [1],
                "kwargs": {},
            },
            {"index": 1, "script": "script.py", "globals": {"lr": [2]}, "args": [1], "kwargs": {}},
        ],
        "count": 2,
    }
    assert len(ended.out.splitlines()) == 4
    limited = json.loads(here("plan", "script.py", "-c", "conf.py", "--json", "--limit", "1").out)
    assert (len(limited["runs"]), limited["count"]) == (1, 2)


def test_a_document_without_runs_is_one_too(here, write):
    write(script=SCRIPT, conf="def config_gen():\n    return iter(())")
    ended = here("plan", "script.py", "-c", "conf.py", "--json")
    assert json.loads(ended.out) == {"runs": [], "count": 0}


def test_a_generator_that_needs_results_is_told_why_there_are_none(here, write):
    write(
        script=SCRIPT,
        conf="""
            from kohakuengine import Config
            def config_gen():
                result = yield Config({"lr": 1})
                yield Config({"lr": result.value})
        """,
    )
    ended = here("plan", "script.py", "-c", "conf.py")
    assert ended.code == 1
    assert "line 4, in config_gen" in ended.err
    assert "kogine plan runs nothing, so the generator is told of no results." in ended.err


def test_what_cannot_be_run_cannot_be_planned(here, write):
    write(script="x = 1", conf="x = 2")
    assert here("plan", "script.py", "-c", "conf.py").code == 2
    assert here("plan", "nothing.py").err.startswith("Error: Script not found: nothing.py")
    write(two="print(1)")
    ended = here("plan", "two.py", "two.py", "-e", "main")
    assert (ended.code, ended.out) == (2, "")
    assert "write SCRIPT:NAME" in ended.err


def test_memory_does_not_grow_with_the_number_of_runs(here, write):
    write(script=SCRIPT, conf="_sweep = {'lr': list(range(100)), 'seed': list(range(200))}")
    here("plan", "script.py", "-c", "conf.py")
    tracemalloc.start()
    try:
        assert here("plan", "script.py", "-c", "conf.py", "--json", "--limit", "20000").code == 0
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def test_an_endless_generator_is_counted_until_one_has_enough_of_it(start, write, monkeypatch):
    for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
        monkeypatch.delenv(name, raising=False)  # what measures coverage loses interrupts
    write(
        script=SCRIPT,
        conf="""
            from itertools import count
            from kohakuengine import Config
            config_gen = lambda: map(lambda n: Config({"lr": n}), count())
        """,
    )
    process = start("plan", "script.py", "-c", "conf.py", "--limit", "1", bufsize=0)
    lines = [process.stdout.readline() for _ in range(4)]
    assert lines[2] == b"  1    0\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert re.fullmatch(rb"More than \d+ runs: they were not counted to the end\.\n", out)
    assert err == b"Interrupted.\n"
