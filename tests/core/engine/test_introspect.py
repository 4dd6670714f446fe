"""A script's names and defaults, by running it and by reading it."""

import sys
import textwrap

import pytest

from kohakuengine.config.overrides import DeferredText
from kohakuengine.engine.introspect import (
    introspect,
    read_parameters,
    resolve_texts,
    script_parameters,
)
from kohakuengine.engine.script import Script
from kohakuengine.errors import CoercionError, ScriptNotFound, UnknownKey


@pytest.fixture
def write(tmp_path):
    def write(source, name="train.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(source))
        return path

    return write


CELL = """
    import os
    before = 1
    # %% kogine:config
    lr = 0.1
    decay = lr / 10
    # %% kogine:script
    after = 2
    raise RuntimeError("below the cell")
"""


class TestIntrospect:
    def test_it_returns_names_and_values(self, write):
        path = write("lr = 0.1\ndecay = lr / 10\ncfg = {'a': [1]}")
        assert introspect(path) == {"lr": 0.1, "decay": 0.01, "cfg": {"a": [1]}}
        assert introspect(str(path)) == introspect(path)

    def test_functions_and_classes_count_where_the_script_defines_them(self, write):
        path = write(
            """
            import os
            from os.path import join
            from collections import OrderedDict
            _private = 1
            def f(): pass
            class C: pass
            """
        )
        assert list(introspect(path)) == ["f", "C"]

    def test_main_guards_do_not_run(self, write):
        path = write("a = 1\nif __name__ == '__main__':\n    a = 2")
        assert introspect(path) == {"a": 1}

    def test_nothing_of_the_run_remains(self, write, capsys):
        write("value = 1", "helper_of_introspect.py")
        path = write("import helper_of_introspect, sys\nsys.argv.append('x')\nfolder = sys.path[0]")
        modules, search, argv = dict(sys.modules), list(sys.path), list(sys.argv)
        assert introspect(path) == {"folder": str(path.parent)}
        assert (sys.modules, sys.path, sys.argv) == (modules, search, argv)

    def test_nothing_remains_of_a_run_that_fails_and_its_error_comes_out(self, write):
        path = write("1 / 0")
        modules = dict(sys.modules)
        with pytest.raises(ZeroDivisionError):
            introspect(path)
        assert sys.modules == modules

    def test_an_exit_ends_the_script_and_not_the_caller(self, write):
        assert introspect(write("import sys\na = 1\nsys.exit(3)\nb = 2")) == {"a": 1}

    def test_dataclasses_find_their_module(self, write):
        path = write(
            """
            from __future__ import annotations
            from dataclasses import dataclass
            from typing import ClassVar
            @dataclass
            class C:
                a: int = 1
                b: ClassVar[int] = 2
            c = C()
            """
        )
        assert repr(introspect(path)["c"]) == "C(a=1)"

    def test_a_script_may_introspect_another(self, write):
        inner = write("a = 1", "inner.py")
        outer = write(
            f"""
            from kohakuengine.engine.introspect import introspect
            found = introspect({str(inner)!r})
            class C: pass
            import sys
            same = sys.modules[C.__module__].C is C
            """
        )
        found = introspect(outer)
        assert found["found"] == {"a": 1}
        assert found["same"] is True

    def test_of_a_cell_only_its_names_are_returned_and_nothing_below_it_runs(self, write):
        assert introspect(write(CELL)) == {"lr": 0.1, "decay": 0.01}

    def test_a_missing_script_is_named(self, tmp_path):
        with pytest.raises(ScriptNotFound, match=r"Script not found: .*nowhere\.py"):
            introspect(tmp_path / "nowhere.py")


class TestReadParameters:
    def test_nothing_is_executed(self, write):
        path = write("lr: float = 0.1\nraise SystemExit(1)")
        [lr] = read_parameters(path)
        assert (lr.name, lr.default, lr.annotation, lr.line) == ("lr", 0.1, "float", 1)

    def test_of_a_cell_only_its_names_are_read(self, write):
        assert [parameter.name for parameter in read_parameters(write(CELL))] == ["lr", "decay"]

    def test_a_cell_may_go_on_to_the_end(self, write):
        path = write("a = 1\n# %% kogine:config\nb = 2\nc = 3")
        assert [parameter.name for parameter in read_parameters(path)] == ["b", "c"]

    def test_the_words_alone_make_no_cell(self, write):
        path = write("a = 'kogine:config'")
        assert [parameter.name for parameter in read_parameters(path)] == ["a"]

    def test_a_script_that_is_not_python_is_python_s_own_error(self, write):
        with pytest.raises(SyntaxError):
            read_parameters(write("a ="))

    def test_a_bom_and_a_coding_line_are_honoured(self, tmp_path):
        path = tmp_path / "latin.py"
        path.write_bytes("# coding: latin-1\nname = 'é'".encode("latin-1"))
        assert read_parameters(path)[0].default == "é"
        path.write_bytes("name = 'é'  # now with a mark".encode("utf-8-sig"))
        assert read_parameters(path)[0].default == "é"

    def test_an_edited_script_is_read_again(self, write):
        path = write("a = 1")
        assert [p.default for p in read_parameters(path)] == [1]
        write("a = 1000")
        assert [p.default for p in read_parameters(path)] == [1000]


class TestScriptParameters:
    def test_all_global_names_are_known(self, write):
        known = script_parameters(
            Script(write("import os\nlr = 0.1\ndef f(x):\n    return x + late"))
        )
        assert known.names == {"os", "lr", "f", "late"}

    def test_with_a_star_import_they_are_not(self, write):
        assert script_parameters(Script(write("from os import *\nlr = 0.1"))).names is None

    def test_a_cell_says_what_the_names_are(self, write):
        assert script_parameters(Script(write(CELL))).names == {"lr", "decay"}

    def test_they_are_read_once(self, write):
        script = Script(write("lr = 0.1"))
        assert script_parameters(script) is script_parameters(script)


class TestResolveTexts:
    SOURCE = """
        import enum
        class Mode(enum.Enum):
            FAST = 1
        lr = 0.1
        mode = Mode.FAST
        speed: Mode = Mode.FAST
    """

    def test_texts_are_read_by_what_the_source_says(self, write):
        script = Script(write(self.SOURCE))
        assert resolve_texts(script, [("lr", "1"), ("mode", "FAST"), ("speed", "FAST")]) == {
            "lr": 1.0,
            "mode": DeferredText("FAST", key="mode"),
            "speed": DeferredText("FAST", key="speed"),
        }

    def test_an_unknown_name_warns_and_is_set_all_the_same(self, write):
        script = Script(write(self.SOURCE))
        with pytest.warns(UserWarning, match=r"'lrr' is not in .*; it is .* Did you mean 'lr'\?"):
            assert resolve_texts(script, [("lrr", "1")]) == {"lrr": 1}
        with pytest.warns(UserWarning, match=r"it is set all the same\.$"):
            assert resolve_texts(script, [("zzzz", "1")]) == {"zzzz": 1}

    def test_an_unknown_name_is_an_error_when_strict(self, write):
        with pytest.raises(UnknownKey, match=r"the script has lr = 0.1, mode = Mode.FAST, "):
            resolve_texts(Script(write(self.SOURCE)), iter([("lrr", "1")]), strict=True)

    def test_behind_a_star_import_any_name_may_be_there(self, write):
        script = Script(write("from os import *"))
        for strict in (True, False):
            assert resolve_texts(script, [("lrr", "1")], strict=strict) == {"lrr": 1}

    def test_a_text_that_does_not_fit_is_an_error_when_strict(self, write):
        with pytest.raises(CoercionError, match="cannot coerce 'x' to float"):
            resolve_texts(Script(write(self.SOURCE)), [("lr", "x")], strict=True)
