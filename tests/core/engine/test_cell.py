import ast

import pytest

from kohakuengine import Config, introspect
from kohakuengine.engine import (
    CellInfo,
    evaluate_cell,
    execute_with_cell,
    has_cell,
    parse_cell,
)
from kohakuengine.engine.cell import cell_names, cell_of
from kohakuengine.engine.source import read_source

SCRIPT = """\
import math
calls = []
# %% kogine:config
lr = 0.1
decay: float = lr / 10
steps = 1
steps += 1
# %% kogine:script
calls.append(lr)
def main(): return lr, decay, calls
"""


@pytest.fixture
def path(script):
    return script(SCRIPT).path


class TestParsing:
    def test_the_lines_of_its_markers(self, path):
        assert parse_cell(path) == CellInfo(config_line=3, script_line=8)
        assert has_cell(path)

    def test_the_second_marker_may_be_left_out(self, script):
        made = script("# %% kogine:config\nx = 1\ny = 2\n")
        assert parse_cell(made.path) == (1, None)

    @pytest.mark.parametrize(
        "marker", ["#%%kogine:config", "# %%  kogine:config  ", "#  %% kogine:config"]
    )
    def test_markers_are_spelled_freely(self, script, marker):
        assert parse_cell(script(f"{marker}\nx = 1").path) == (1, None)

    @pytest.mark.parametrize(
        "source",
        [
            "x = 1",
            "x = '''\n# %% kogine:config\n'''",
            "if x:\n    # %% kogine:config\n    y = 1",
            "# %% kogine:configuration\nx = 1",
            "x = 1  # %% kogine:config",
            "# %% kogine:script\nx = 1",
            "# kogine:config\nx = 1",
        ],
    )
    def test_nothing_else_is_a_marker(self, script, source):
        made = script(source)
        assert parse_cell(made.path) is None
        assert not has_cell(made.path)

    def test_only_the_first_cell_counts(self, script):
        source = "# %% kogine:config\nx = 1\n# %% kogine:config\ny = 2\n# %% kogine:script\nz = 3"
        assert parse_cell(script(source).path) == (1, 5)

    @pytest.mark.parametrize("statement", ["print()", "import os", "def f(): pass", "if x: y = 1"])
    def test_another_statement_ends_it_with_a_warning(self, script, statement):
        made = script(f"# %% kogine:config\nx = 1\n{statement}\nz = 3\n# %% kogine:script\n")
        message = r"script\.py:3: a config cell holds assignments only; the cell ends here\.$"
        with pytest.warns(UserWarning, match=message):
            assert parse_cell(made.path) == (1, 3)

    def test_what_follows_the_second_marker_is_free(self, path):
        assert cell_of(read_source(path)) == (3, 8)


class TestEvaluation:
    def test_gives_the_cells_names_and_nothing_below_runs(self, script):
        made = script(SCRIPT + "1/0\n")
        values = evaluate_cell(made.path, parse_cell(made.path))
        assert values == {"lr": 0.1, "decay": 0.01, "steps": 2}
        assert list(values) == ["lr", "decay", "steps"]

    def test_introspect_gives_exactly_these(self, path):
        assert introspect(path) == {"lr": 0.1, "decay": 0.01, "steps": 2}

    def test_names_are_all_that_it_assigns(self, script):
        source = read_source(
            script("# %% kogine:config\na, (b, *c) = 1, (2, 3)\nd = e = 4\nf: int\n").path
        )
        assert cell_names(source, cell_of(source)) == {"a", "b", "c", "d", "e", "f"}

    def test_a_guard_above_it_does_not_run(self, script):
        made = script("if __name__ == '__main__': 1/0\n# %% kogine:config\nx = 1")
        assert evaluate_cell(made.path, parse_cell(made.path)) == {"x": 1}


class TestExecution:
    def test_runs_down_to_its_end_under_overrides(self, path):
        namespace = {}
        tree, values, frozen = execute_with_cell(path, {"lr": 10.0}, namespace)
        assert values == {"lr": 10.0, "decay": 1.0, "steps": 2}
        assert frozen == {"lr", "decay", "steps"}
        assert namespace["calls"] == []
        assert ast.unparse(tree) == "calls.append(lr)\n\ndef main():\n    return (lr, decay, calls)"

    def test_overrides_of_other_names_are_not_its_business(self, path):
        _, values, _ = execute_with_cell(path, {"other": 1, "steps": 7}, {})
        assert values == {"lr": 0.1, "decay": 0.01, "steps": 7}

    def test_without_a_cell_is_an_error(self, script):
        with pytest.raises(RuntimeError, match="without a cell"):
            execute_with_cell(script("x = 1").path, {}, {})

    def test_a_run_evaluates_it_once_where_it_stands(self, script):
        made = script(SCRIPT)
        assert made.run() == (0.1, 0.01, [0.1])
        assert made.run(Config({"lr": 10.0})) == (10.0, 1.0, [10.0])
