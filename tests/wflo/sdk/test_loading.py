import os
import sys

import pytest

from wflo.errors import DefinitionError, MissingExtra, WorkflowNotFound
from wflo.runtime.home import home
from wflo.runtime.importing import import_file
from wflo.sdk.loading import load_app, load_source, load_workflow

ONE = """
    from wflo import Workflow

    wf = Workflow("report")

    @wf.step()
    def fetch():
        return 1
"""
TWO = """
    from wflo import Workflow

    first = Workflow("report")
    second = other = Workflow("cleanup")
"""


class TestFiles:
    def test_have_the_only_workflow(self, files):
        path = files.write(ONE)
        wf = load_workflow("flow.py")
        assert wf.name == "report"
        assert wf.source == path
        assert wf.definition.steps[0].code.module == "flow"
        assert sys.path[0] == str(files.folder)
        assert load_workflow(path) is wf  # a file is imported once

    @pytest.mark.parametrize("name", ["second", "other", "cleanup"])
    def test_or_the_one_of_a_name(self, files, name):
        files.write(TWO)
        assert load_workflow(f"flow.py:{name}").name == "cleanup"

    def test_of_which_others_that_were_imported_do_not_count(self, files):
        files.write(TWO, "parts.py")
        files.write("from parts import *\n" + ONE.replace("    ", ""))
        files.write("from parts import first", "only.py")
        assert load_workflow("only.py").name == "report"
        files.write("from parts import first, second\nfrom wflo import Workflow\nw=Workflow('w')")
        assert load_workflow("flow.py").name == "w"

    def test_find_their_neighbours(self, files):
        files.write("LIMIT = 3", "sub/settings.py")
        files.write(
            "from settings import LIMIT\nfrom wflo import Workflow\nwf = Workflow(f'w{LIMIT}')",
            "sub/flow.py",
        )
        assert load_workflow("sub/flow.py").name == "w3"

    def test_may_have_the_name_of_another_module(self, files):
        files.write(ONE, "json.py")
        files.write(ONE.replace("report", "dotted"), "v1.2.py")
        wf = load_workflow("json.py")
        assert wf.module == "wflo_file_json"
        assert wf.definition.steps[0].code.module == "json"
        assert load_workflow("v1.2.py").definition.steps[0].code.module == "v1.2"

    @pytest.mark.parametrize(
        ("target", "message"),
        [
            ("flwo.py", r"there is no file flwo.py; did you mean 'flow.py'\?$"),
            ("nowhere/flow.py", "there is no folder nowhere, in which flow.py would be"),
            ("./flow", "./flow is no Python file: its name does not end in .py"),
            ("flow.py", r"flow.py has several workflows: first, second; name one .*flow.py:first$"),
            ("flow.py:zzz", "flow.py has no workflow 'zzz'; it has first, second, other$"),
            ("flow.py:frist", r"flow.py has no workflow 'frist'; did you mean 'first'\?$"),
            ("flow.py:clenup", r"did you mean 'cleanup'\?$"),
            ("empty.py", "empty.py has no workflow: nothing in it is a wflo.Workflow, as in wf ="),
            ("empty.py:wf", "empty.py has no workflow: nothing in it"),
        ],
    )
    def test_that_do_not_have_it(self, files, target, message):
        files.write(TWO)
        files.write("x = 1", "empty.py")
        with pytest.raises(WorkflowNotFound, match=message):
            load_workflow(target)

    def test_whose_folder_is_a_file(self, files):
        with pytest.raises(WorkflowNotFound, match=r"there is no file flow.py$"):
            load_workflow("flow.py")

    def test_a_drive_is_no_name(self, files):
        with pytest.raises(WorkflowNotFound, match=r"no file C:.*flow.py|no folder C:"):
            load_workflow("C:\\flow.py")
        with pytest.raises(WorkflowNotFound, match=r"C:\\flow is no Python file"):
            load_workflow("C:\\flow")


class TestErrorsOfTheFile:
    def test_are_told_with_their_own_frames(self, files):
        files.write("import parts", "flow.py")
        path = files.write("def f():\n    return 1 / 0\n\nf()", "parts.py")
        with pytest.raises(DefinitionError) as raised:
            load_workflow("flow.py")
        lines = str(raised.value).splitlines()
        assert lines[0] == "flow.py cannot be imported: ZeroDivisionError: division by zero"
        assert lines[1] == "Traceback (most recent call last):"
        assert f'  File "{path}", line 2, in f' in lines
        assert not any("importlib" in line or "wflo" in line for line in lines[1:])
        assert isinstance(raised.value.__cause__, ZeroDivisionError)
        assert "flow" not in sys.modules

    def test_are_tried_again(self, files):
        files.write("1 / 0")
        with pytest.raises(DefinitionError):
            load_workflow("flow.py")
        files.write(ONE)
        assert load_workflow("flow.py").name == "report"

    def test_of_syntax(self, files):
        files.write("def f(:\n")
        with pytest.raises(DefinitionError) as raised:
            load_workflow("flow.py")
        assert str(raised.value).startswith("flow.py cannot be imported: SyntaxError: ")
        assert 'flow.py", line 1' in str(raised.value)

    def test_of_a_missing_module(self, files):
        files.write("import not_there_at_all")
        with pytest.raises(DefinitionError, match="ModuleNotFoundError: No module named 'not_ther"):
            load_workflow("flow.py")

    def test_an_exit(self, files):
        files.write("raise SystemExit(3)")
        with pytest.raises(DefinitionError, match=r"flow.py cannot be imported: SystemExit: 3"):
            load_workflow("flow.py")

    def test_an_interrupt_is_one(self, files):
        files.write("raise KeyboardInterrupt")
        with pytest.raises(KeyboardInterrupt):
            load_workflow("flow.py")

    def test_a_definition_that_cannot_be_is_told_as_it_is(self, files):
        files.write("from wflo import Workflow\nwf = Workflow('two words')")
        with pytest.raises(DefinitionError, match=r"^'two words' cannot be the name of a workflow"):
            load_workflow("flow.py")

    def test_a_run_while_it_is_imported(self, files):
        files.write(ONE + "\n    wf.run_sync()\n")
        with pytest.raises(
            DefinitionError,
            match=r"flow.py calls a run of a workflow while it is imported; put the call under `if __n",
        ):
            load_workflow("flow.py")

    def test_that_need_an_extra_say_so_in_one_line(self, files, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        files.write("from wflo import Workflow\nWorkflow('w').script('train', 'train.py')\n")
        with pytest.raises(
            MissingExtra, match=r"^workflow 'w': step 'train' runs .*wflo\[scripts\]"
        ):
            load_workflow("flow.py")


class TestModules:
    def test_have_workflows(self, files):
        files.write("", "pkg/__init__.py")
        files.write(TWO, "pkg/flows.py")
        assert load_workflow("pkg.flows:second").name == "cleanup"
        assert load_workflow("pkg.flows:second").source == "pkg.flows:second"
        assert load_workflow("pkg.flows:first").source == "pkg.flows:first"

    def test_are_searched_in_the_current_folder(self, files, monkeypatch):
        monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
        files.write(ONE, "app_flows.py")
        assert load_workflow("app_flows").name == "report"
        assert sys.path[0] == os.getcwd()

    def test_that_are_imported_already(self, files):
        files.write(ONE, "app_flows.py")
        wf = load_workflow("app_flows")
        assert load_workflow("app_flows") is wf

    @pytest.mark.parametrize(
        ("target", "message"),
        [
            ("nowhere", "^no module named 'nowhere'$"),
            ("nowhere.flows", r"^no module named 'nowhere' \(in 'nowhere.flows'\)$"),
            ("pkg.flwos", "^no module named 'pkg.flwos'$"),
        ],
    )
    def test_that_are_not_there(self, files, target, message):
        files.write("", "pkg/__init__.py")
        with pytest.raises(WorkflowNotFound, match=message):
            load_workflow(target)

    def test_that_need_what_is_not_there(self, files):
        files.write("import not_there_at_all", "app_flows.py")
        with pytest.raises(
            DefinitionError, match="app_flows cannot be imported: ModuleNotFoundError"
        ):
            load_workflow("app_flows")


class TestApp:
    def test_is_all_the_workflows(self, files):
        files.write(TWO, "parts.py")
        files.write("from parts import first, second\n", "app.py")
        assert [wf.name for wf in load_app("app")] == ["report", "cleanup"]
        assert [wf.name for wf in load_app("app.py")] == ["report", "cleanup"]

    def test_without_any(self, files):
        files.write("x = 1", "app.py")
        with pytest.raises(WorkflowNotFound, match="app has no workflow: nothing in it is a wflo"):
            load_app("app")

    def test_with_two_of_one_name(self, files):
        files.write("from wflo import Workflow\na = Workflow('w')\nb = Workflow('w')", "app.py")
        with pytest.raises(DefinitionError, match="app has two workflows with the name 'w'"):
            load_app("app")


class TestSource:
    def test_of_a_file_and_a_name(self, files):
        path = files.write(TWO)
        assert load_source(path, "cleanup").name == "cleanup"

    def test_of_a_module(self, files):
        files.write(TWO, "app_flows.py")
        assert load_source("app_flows:first", "report").name == "report"
        assert load_source("app_flows:renamed", "report").name == "report"
        assert load_source("app_flows:second", "report").name == "report"

    def test_that_is_not_there_any_more(self, files):
        path = files.write(TWO)
        with pytest.raises(
            WorkflowNotFound, match=r"flow.py has no workflow 'repotr'; did you mean"
        ):
            load_source(path, "repotr")


class TestHome:
    def test_of_the_program(self, monkeypatch):
        from importlib.machinery import ModuleSpec
        from types import ModuleType

        main = ModuleType("__main__")
        monkeypatch.setitem(sys.modules, "__main__", main)
        assert home("__main__") == ("__main__", None)
        assert not home("__main__").importable
        main.__file__ = "flow.py"
        assert home("__main__") == ("flow", os.path.abspath("flow.py"))
        assert home("__main__").importable
        main.__spec__ = ModuleSpec("pkg.flows", None)
        assert home("__main__") == ("pkg.flows", None)

    def test_of_a_module(self):
        assert home("json") == ("json", None)
        assert home("not.there") == ("not.there", None)

    def test_of_a_file(self, files):
        path = files.write("x = 1")
        module = import_file("flow.py")
        assert home(module.__name__) == ("flow", path)


def test_what_a_function_has_made_is_where_it_was_found(files):
    files.write("from wflo import Workflow\n\ndef make(): return Workflow('made')", "makers.py")
    files.write("from makers import make\nwf = make()", "app_flows.py")
    files.write("from app_flows import wf", "others.py")
    assert load_workflow("app_flows").source == "app_flows:wf"
    assert load_workflow("others").source == "app_flows:wf"
    path = files.write("from makers import make\nwf = make()")
    assert load_workflow("flow.py").source == path


def test_a_workflow_that_no_variable_holds_has_a_source_too(files):
    files.write("from wflo import Workflow\n\ndef make(): return Workflow('w')", "app_flows.py")
    sys.path.insert(0, str(files.folder))
    import app_flows

    assert app_flows.make().source == "app_flows:w"
