import os

import pytest
from wflo_steps import attempt

from wflo import Workflow

pytestmark = pytest.mark.skipif(os.name != "posix", reason="they need POSIX")

SCRIPT = """
import sys
lr = 0.1
steps = 3
total = lr * steps

class Diverged(ArithmeticError): pass

def main():
    if steps < 0:
        raise Diverged(steps)
    if steps == 0:
        sys.exit(7)
    return {"total": total, "name": __name__}

def odd():
    return {1, 2}
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)

    def make(**options):
        wf = Workflow("w")
        wf.script("train", path, **options)
        return wf.code.steps["train"]

    return make


async def test_a_script_runs_with_its_config(script):
    outcome = await attempt(script(config={"lr": 2}))
    assert outcome.result == '{"total":6,"name":"__main__"}'


async def test_inputs_and_results_are_values_of_its_globals(script):
    code = script(config={"lr": 2}, inputs={"lr": "rate", "steps": "count"})
    outcome = await attempt(code, inputs={"rate": 10, "count": 5})
    assert outcome.result == '{"total":50,"name":"__main__"}'


async def test_a_config_file_serves_too(script, tmp_path):
    (tmp_path / "config.py").write_text("lr = 4\n")
    outcome = await attempt(
        script(config=tmp_path / "config.py", inputs={"steps": "n"}), inputs={"n": 2}
    )
    assert outcome.result == '{"total":8,"name":"__main__"}'


async def test_a_sweep_is_no_config(script, tmp_path):
    (tmp_path / "config.py").write_text("_sweep = {'lr': [1, 2]}\n")
    outcome = await attempt(script(config=str(tmp_path / "config.py")))
    assert outcome.failure.kind == "wflo.errors.DefinitionError"
    assert outcome.failure.message.endswith("config.py gives several configs, and a step runs one")
    assert outcome.failure.traceback == ""


async def test_what_it_raises_is_a_failure(script, tmp_path):
    outcome = await attempt(script(config={"steps": -1}))
    assert outcome.failure.kind == "Diverged"
    assert outcome.failure.kinds == ("Diverged", "ArithmeticError", "Exception")
    frames = [line for line in outcome.failure.traceback.splitlines() if "File " in line]
    assert frames == [f'  File "{tmp_path}/train.py", line 11, in main']


async def test_an_exit_with_a_status_is_a_failure(script):
    outcome = await attempt(script(config={"steps": 0}))
    assert outcome.failure.kind == "kohakuengine.errors.RunFailed"
    assert "exited with exit code 7" in outcome.failure.message


async def test_a_value_that_is_no_json_is_a_failure(script):
    outcome = await attempt(script(entrypoint="odd"))
    assert outcome.failure.message == (
        "the value of the script of step 'train': it is of type set, which is not JSON"
    )


async def test_an_entrypoint_that_is_not_there(script):
    outcome = await attempt(script(entrypoint="mian"))
    assert outcome.failure.kind == "kohakuengine.errors.NamedEntrypointNotFound"
    assert outcome.failure.traceback == ""


async def test_runs_for_the_items_of_a_map(script):
    code = script(map_over="rates", inputs={"lr": "item"})
    outcome = await attempt(code, inputs={"rates": [1, 2]}, item=2, iteration=1)
    assert outcome.result == '{"total":6,"name":"__main__"}'
