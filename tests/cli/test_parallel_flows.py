"""Several runs at a time: what is printed where, what a failure does, and the exit code."""

import json
import re
import sys

import pytest

from kohakuengine_cli.workflows import make_workflow

FAILS_AT_3 = """
    import os
    x = 1
    def main():
        print("run", x, flush=True)
        if x % 10 == 3:
            raise ValueError(f"{x} is bad")
        if x == 5:
            os._exit(7)
        return x * 10
"""

MODES = ["fork", "subprocess", "pool"]


def rows(err):
    """The cells of the rows of the table."""
    lines = err.splitlines()
    rule = next(i for i, line in enumerate(lines) if line and set(line) == {"─"})
    end = lines.index("", rule)
    return [re.split(r"\s{2,}", line.strip()) for line in [lines[rule - 1], *lines[rule + 1 : end]]]


@pytest.mark.parametrize("mode", MODES)
def test_the_runs_of_a_sweep_print_to_their_logs(kogine, write, folder, mode):
    write(script=FAILS_AT_3)
    ended = kogine("run", "script.py", "--sweep", "x=1,2", "-j", "2", "--mode", mode)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith("2 runs, 2 at a time.\n")
    titles, *table = rows(ended.err)
    assert titles == ["run", "x", "status", "duration", "value"]
    assert [row[:3] + row[-1:] for row in table] == [
        ["1", "1", "success", "10"],
        ["2", "2", "success", "20"],
    ]
    logs = next((folder / ".kogine" / "logs").iterdir())
    assert ended.err.endswith(f": 2 succeeded\nLogs: .kogine/logs/{logs.name}\n")
    told = "".join(log.read_text() for log in logs.iterdir())
    assert sorted(told.splitlines()) == ["run 1", "run 2"]


@pytest.mark.parametrize("mode", MODES)
def test_failures_are_told_by_kind_with_the_log_of_the_first(kogine, write, folder, mode):
    write(script=FAILS_AT_3)
    words = ["--sweep", "x=1,3,13,5", "-j", "1", "--keep-going", "--mode", mode]
    ended = kogine("run", "script.py", *words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.count("Traceback") == 1
    assert f'File "{folder}/script.py", line 6, in main' in ended.err
    error, lost = (line for line in ended.err.splitlines() if line.startswith("Error: "))
    log = re.fullmatch(
        r"Error: run 2 with x=3 failed: ValueError: 3 is bad; its output: (\S+)", error
    )[1]
    assert "run 3\n" in (folder / log).read_text()
    assert lost.startswith("Error: run 4 with x=5 lost: its process ended with exit code 7")
    groups = ended.err[ended.err.index("2x  ") :].splitlines()
    assert groups[:3] == [
        "2x  ValueError: 3 is bad (script.py:6)",
        "    first: run 2  x=3",
        f"    log: {log}",
    ]
    assert groups[3].startswith("1x  lost: its process ended with exit code 7")
    assert ": 1 succeeded, 2 failed, 1 lost\n" in ended.err


def test_after_a_failure_nothing_new_is_started(kogine, write):
    write(script=FAILS_AT_3)
    ended = kogine("run", "script.py", "--sweep", "x=1,3,4,6,7,8,9", "-j", "1")
    assert ended.code == 1
    assert "Stopped at the first failure; --keep-going goes on with the others.\n" in ended.err
    assert "2 of 7 runs in " in ended.err


def test_a_failure_at_the_end_stopped_nothing(kogine, write):
    write(script=FAILS_AT_3)
    ended = kogine("run", "script.py", "--sweep", "x=1,3", "-j", "1")
    assert ended.code == 1
    assert "Stopped" not in ended.err


@pytest.mark.parametrize("flag", ["--max-failures", "--max-identical-failures"])
@pytest.mark.parametrize("place", [[], ["-j", "1"]])
def test_after_so_many_failures_nothing_new_is_started(kogine, write, flag, place):
    write(script="x = 1\ndef main():\n    assert x == 1")
    ended = kogine("run", "script.py", "--sweep", "x=1,2,3,4,5,6", flag, "2", *place)
    assert ended.code == 1
    assert f"Stopped at {flag} 2.\n" in ended.err
    assert "3 of 6 runs in " in ended.err


@pytest.mark.parametrize("mode", MODES)
def test_a_run_may_take_no_longer_than_it_is_given(kogine, write, mode):
    write(script="import threading\nx = 1\ndef main():\n    threading.Event().wait(x)")
    words = ["--sweep", "x=0,60", "-j", "2", "--timeout", "3s", "--keep-going", "--json"]
    ended = kogine("run", "script.py", *words, "--mode", mode)
    assert ended.code == 1
    told = json.loads(ended.out)
    assert told["counts"] == {"success": 1, "timeout": 1}
    late = next(run for run in told["runs"] if run["status"] == "timeout")
    assert (late["globals"], late["kind"]) == ({"x": 60}, "timeout")
    assert "Error: run 2 with x=60 timed out: " in ended.err


def test_a_document_tells_how_each_run_failed_and_where_its_log_is(kogine, write, folder):
    write(script=FAILS_AT_3)
    ended = kogine("run", "script.py", "--sweep", "x=3,5,1", "-j", "2", "--keep-going", "--json")
    assert ended.code == 1
    failed, lost, fine = sorted(json.loads(ended.out)["runs"], key=lambda run: run["index"])
    assert (failed["kind"], failed["where"]) == ("ValueError", "script.py:6")
    assert failed["kinds"] == ["ValueError", "Exception"]
    assert (lost["status"], lost["kind"], lost["exit_code"]) == ("lost", "lost: exit code 7", 7)
    assert (folder / failed["log_path"]).read_text().startswith("run 3\n")
    assert "kind" not in fine


def test_only_what_is_named_is_tried_again(kogine, write):
    write(script=FAILS_AT_3)
    words = ["-j", "1", "--keep-going", "--retries", "1", "--retry-delay", "0.01s"]
    words += ["--retry-on", "lost,TimeoutError", "--json"]
    ended = kogine("run", "script.py", "--sweep", "x=3,5,5", *words)
    assert [run["attempt"] for run in json.loads(ended.out)["runs"]] == [1, 2, 2]
    tried = [line for line in ended.err.splitlines() if line.startswith("Attempt 1 of 2 of run ")]
    assert len(tried) == 1
    assert "with x=5 failed, and it is tried again: its process ended" in tried[0]


def test_one_run_may_be_a_process_of_its_own_and_its_exit_code_is_1(kogine, write):
    write(script="import sys\nprint('bye')\nsys.exit(5)")
    ended = kogine("run", "script.py", "-j", "1", "--json")
    assert ended.code == 1
    told = json.loads(ended.out)
    assert (told["exit_code"], told["kind"]) == (5, "exit code 5")
    assert ended.err.startswith("Error: run 1 failed: ")


def test_logs_may_be_elsewhere(kogine, write, folder):
    write(script="print('hello')")
    ended = kogine("run", "script.py", "-j", "auto", "--logs", "out")
    assert ended.code == 0
    (log,) = (folder / "out").glob("*/*.log")
    assert log.read_text() == "hello\n"
    assert "Logs: out/" in ended.err


def test_of_what_printed_nothing_there_is_no_log(kogine, write):
    write(script="x = 1\nx += 1")
    assert "Logs:" not in kogine("run", "script.py", "--sweep", "x=1,2", "-j", "2").err


def test_subprocess_is_a_mode(kogine, write):
    write(script="import sys\ndef main():\n    return 'kohakuengine_parallel' in sys.modules")
    ended = kogine("run", "script.py", "-j", "1", "--subprocess", "--json")
    assert json.loads(ended.out)["value"] is False


def test_a_config_is_that_of_the_slot(kogine, write):
    write(
        script="gpu = None\nn = 0\ndef main():\n    return gpu",
        conf="""
            from kohakuengine import Config
            def config_gen(worker_id=None):
                return Config({"gpu": f"cuda:{worker_id}"})
        """,
    )
    ended = kogine("run", "script.py", "-c", "conf.py", "--sweep", "n=1,2", "-j", "1", "--json")
    assert [run["value"] for run in json.loads(ended.out)["runs"]] == ["cuda:0", "cuda:0"]
    assert (
        json.loads(kogine("run", "script.py", "-c", "conf.py", "--json").out)["value"] == "cuda:0"
    )


# -- workflow parallel -----------------------------------------------------------------------------


def test_scripts_run_side_by_side(kogine, write):
    write(
        one="x = 1\ndef main():\n    return x",
        two="import sys\nx = 1\ndef main():\n    return sys.argv",
    )
    words = ["one.py", "-w", "2", "two.py", "--sweep", "x=1,2", "--json", "--", "-v"]
    ended = kogine("workflow", "parallel", *words)
    assert ended.code == 0
    told = sorted(json.loads(ended.out)["runs"], key=lambda run: run["index"])
    assert [run["value"] for run in told] == [1, 2, ["two.py", "-v"], ["two.py", "-v"]]
    assert rows(ended.err)[0] == ["run", "script", "x", "status", "duration", "value"]


def test_a_script_without_entrypoint_is_wrong_usage_before_anything_runs(kogine, write):
    write(one="print(1)", two="x = 1", conf="x = 2")
    ended = kogine("workflow", "parallel", "one.py", "two.py", "-c", "conf.py")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: No entrypoint found in two.py.")


def test_without_the_distribution_it_says_what_to_install(here, write, monkeypatch):
    monkeypatch.setitem(sys.modules, "kohakuengine_parallel", None)
    write(script="print(1)")
    ended = here("run", "script.py", "-j", "2")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert ended.err.endswith('Install it: pip install "kohakuengine[parallel]"\n')


# -- flags -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--timeout", "5"], "--timeout is for runs in processes of their own: add -j N"),
        (["--grace", "0"], "--grace is for runs in processes of their own: add -j N"),
        (["--mode", "fork"], "--mode is for runs in processes of their own: add -j N"),
        (["--retry-on", "lost"], "--retry-on does nothing without --retries."),
        (["--retry-delay", "1"], "--retry-delay does nothing without --retries."),
        (["-j", "2", "--gpus-per-run", "1"], "--gpus-per-run does nothing without --gpus."),
        (["-j", "2", "--mode", "frok"], "unknown mode 'frok'; there are auto, fork, subprocess"),
        (["-j", "2", "--mode", "frok"], "Did you mean 'fork'?"),
        (["-j", "2", "--mode", "inline"], "unknown mode 'inline'"),
        (["-j", "2", "--mode", "pool", "--subprocess"], "--subprocess is --mode subprocess, and"),
        (["-j", "0"], "argument -j/--jobs: '0' is no number of workers"),
        (["-j", "2", "--timout", "3"], "unknown option '--timout'. Did you mean '--timeout'?"),
    ],
)
def test_flags_that_make_no_sense_are_wrong_usage(here, write, words, message):
    write(script="print(1)")
    ended = here("run", "script.py", *words)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_every_flag_reaches_the_flow(write):
    from kohakuengine.engine.script import Script
    from kohakuengine_cli.commands.workflow_parallel import make_parser

    write(script="print(1)")
    words = "script.py -w 3 --mode pool --timeout 1m --grace 2 --memory-limit 1G --threads 2"
    words += " --gpus 0,1 --gpus-per-run 0.5 --logs out --retries 1 --retry-delay 3s"
    flags = make_parser().parse([*words.split(), "--retry-on", "lost", "--max-failures", "4"])
    workflow = make_workflow([Script("script.py")], flags, argv=[], listeners=[])
    executor = workflow.make_executor()
    try:
        assert executor.capacity == 3
        assert type(executor).__name__ == "PoolExecutor"
    finally:
        executor.shutdown()
