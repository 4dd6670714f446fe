"""--json: one JSON document on stdout, whatever happens, and nothing else."""

import json
import math
import os
import signal
import sys
from fractions import Fraction
from types import SimpleNamespace

import pytest

from kohakuengine.config.deferred import DeferredText
from kohakuengine_cli.document import as_json

FAILS_AT_2 = "x = 1\ndef main():\n    print('run', x)\n    assert x != 2, 'two'\n    return x"


def document(ended, code=0):
    assert ended.code == code, ended
    return json.loads(ended.out)


def test_one_run_is_one_object(here, write):
    write(
        script="x = 1\ndef main(a, b=0):\n    print('hi')\n    return {'x': x, 'a': (a, b)}",
        conf="x = 5\n_args = [1]\n_kwargs = {'b': 2}",
    )
    ended = here("run", "script.py", "-c", "conf.py", "--json")
    told = document(ended)
    assert told.pop("duration_s") > 0
    assert told == {
        "index": 0,
        "script": "script.py",
        "status": "success",
        "value": {"x": 5, "a": [1, 2]},
        "attempt": 1,
        "globals": {"x": 5},
        "args": [1],
        "kwargs": {"b": 2},
    }
    assert ended.err == "hi\n"


def test_a_sweep_is_a_list_with_counts(here, write):
    write(script=FAILS_AT_2)
    ended = here("run", "script.py", "--sweep", "x=1,2,3", "--json", "--keep-going")
    told = document(ended, code=1)
    assert told["counts"] == {"success": 2, "failed": 1}
    assert [run["globals"] for run in told["runs"]] == [{"x": 1}, {"x": 2}, {"x": 3}]
    assert [run["value"] for run in told["runs"]] == [1, None, 3]
    failed = told["runs"][1]
    assert failed["error"] == "script.py: AssertionError: two"
    assert failed["traceback"].startswith("Traceback (most recent call last):\n")
    assert failed["exit_code"] == 1
    assert ended.err.startswith("run 1\nrun 2\nTraceback")


def test_each_run_of_a_sweep_stands_on_a_line_of_its_own(here, write):
    write(script=FAILS_AT_2)
    out = here("run", "script.py", "--sweep", "x=1,3", "--json").out
    first, *runs, last = out.splitlines()
    assert (first, len(runs), last) == ('{"runs": [', 2, '], "counts": {"success": 2}}')


def test_one_failed_run_has_its_reason_and_the_scripts_exit_code(here, write):
    write(script="import sys\nsys.exit(7)")
    ended = here("run", "script.py", "--json")
    told = document(ended, code=7)
    assert (told["status"], told["exit_code"], told["traceback"]) == ("failed", 7, "")
    assert told["error"] == "script.py: exited with exit code 7"


def test_a_run_that_was_tried_again_is_told_once(kogine, write):
    write(script="import os\nif not os.path.exists('tried'):\n    os.mkdir('tried')\n    1 / 0")
    told = document(kogine("run", "script.py", "--json", "--retries", "2"))
    assert (told["attempt"], told["status"]) == (2, "success")


def test_workflows_have_a_document_too(here, write):
    write(one="x = 1\nprint(x)", two="x = 1\nprint(x)")
    told = document(here("workflow", "sequential", "one.py", "two.py", "--json"))
    assert [run["script"] for run in told["runs"]] == ["one.py", "two.py"]


@pytest.mark.parametrize("flags", [[], ["--subprocess"]])
def test_what_scripts_and_their_children_print_goes_to_stderr(kogine, write, flags):
    write(
        script="""
            import os, subprocess, sys
            print("line", flush=True)
            os.write(1, b"raw\\n")
            subprocess.run([sys.executable, "-c", "print('child')"])
            print("end", end="")
        """,
        conf="print('config')\nx = 1",
    )
    ended = kogine("run", "script.py", "-c", "conf.py", "--json", *flags)
    assert document(ended)["status"] == "success"
    assert ended.err == "config\nline\nraw\nchild\nend"


def test_what_was_printed_before_an_error_stands_before_it(kogine, write, folder):
    write(
        script="print('first')\nimport sys\nprint('second', file=sys.stderr)\nprint('third')\n1/0"
    )
    err = kogine("run", "script.py", "--json").err
    assert err.startswith("first\nsecond\nthird\nTraceback")


@pytest.mark.parametrize(
    ("flags", "code", "error"),
    [
        (["run", "nope.py"], 1, "Script not found: nope.py."),
        (["run", "script.py", "-c", "nope.py"], 1, "Config file not found: nope.py"),
        (["run", "script.py", "-c", "raises.py"], 1, "ValueError: no"),
        (["run", "script.py", "-c", "nope.py", "--sweep", "x=1,2"], 1, "Config file not found"),
        (["workflow", "sequential", "nope.py", "script.py"], 1, "Script not found: nope.py."),
    ],
)
def test_what_went_wrong_before_any_run_is_the_document(here, write, flags, code, error):
    write(script="x = 1\nprint(x)", raises="raise ValueError('no')")
    ended = here(*flags, "--json")
    told = document(ended, code)
    assert list(told) == ["error"]
    assert told["error"].startswith(error)


def test_a_sweep_that_never_begins_has_no_runs(here, write):
    write(script="x = 1")
    told = document(here("run", "script.py", "--sweep", "x=1,2", "--json"), code=2)
    assert told["error"].startswith("No entrypoint found in script.py.")
    assert (told["runs"], told["counts"]) == ([], {})


def test_a_sweep_cut_short_by_its_generator_keeps_what_ran(here, write):
    write(
        script=FAILS_AT_2,
        conf="""
            from kohakuengine import Config
            def config_gen():
                yield Config({"x": 1})
                raise ValueError("no more")
        """,
    )
    told = document(here("run", "script.py", "-c", "conf.py", "--json"), code=1)
    assert told["error"] == "ValueError: no more"
    assert (len(told["runs"]), told["counts"]) == (1, {"success": 1})


def test_a_document_has_what_was_given_not_what_the_script_made_of_it(here, write):
    write(script="x = []\ndef main():\n    x.append(2)", conf_json='{"x": [1]}')
    assert document(here("run", "script.py", "-c", "conf.json", "--json"))["globals"] == {"x": [1]}


@pytest.mark.parametrize(
    ("closed", "code", "err"),
    [
        (">&-", 2, "Error: --json prints on stdout, and that is closed\n"),
        ("2>&-", 0, ""),
    ],
)
def test_closed_streams(shell, write, closed, code, err):
    write(script="import os\nos.write(1, b'x')\ndef main():\n    return 1")
    ended = shell(f"kogine run script.py --json {closed}")
    assert (ended.code, ended.err) == (code, err)
    if not code:
        assert json.loads(ended.out)["value"] == 1


def test_a_stdout_of_another_kind_will_do(here, write, monkeypatch):
    class Plain:
        """As notebooks have it."""

        encoding = "utf-8"

        def fileno(self):
            return 1

        def write(self, text):
            os.write(1, text.encode())

        def flush(self):
            pass

    write(script="print('hi')\ndef main():\n    pass")
    monkeypatch.setattr(sys, "stdout", Plain())
    ended = here("run", "script.py", "--json")
    assert document(ended)["status"] == "success"
    assert ended.err == "hi\n"


# -- values --------------------------------------------------------------------------------------


class Odd:
    def __repr__(self):
        raise ValueError("no repr")


class Scalar:
    """As numpy and torch have them."""

    shape = ()

    def item(self):
        return True


ENDLESS = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        ("é", "é"),
        ((1, {2}), [1, [2]]),
        ({1: {"a": frozenset([3])}}, {"1": {"a": [3]}}),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (Fraction(1, 2), 0.5),
        ([Scalar()], [True]),
        (signal.SIGINT, 2),
        (SimpleNamespace(a=1), "namespace(a=1)"),
        (DeferredText("fast"), "fast"),
        (Odd(), "<Odd, whose repr raises ValueError>"),
        (ENDLESS, "[[...]]"),
    ],
)
def test_a_value_is_what_json_has_for_it(value, told):
    assert as_json(value) == told
    json.dumps(told, allow_nan=False)
