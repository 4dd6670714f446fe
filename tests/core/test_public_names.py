"""The names that users import, literally, and what happens where a sibling is absent."""

import importlib
import subprocess
import sys
from textwrap import dedent

import pytest

NAMES = {
    "kohakuengine": """
        __version__ Config ConfigGenerator Script ScriptExecutor Flow Sequential Parallel Pipeline
        capture_globals CaptureGlobals use use_config Use entrypoint run introspect coerce_globals
        load_config_file load_from_dict EntrypointNotFound MultipleEntrypoints
    """,
    "kohakuengine.config": """
        Config ConfigGenerator ConfigLoader load_config_file load_from_dict capture_globals
        CaptureGlobals use use_config Use
    """,
    "kohakuengine.engine": """
        Script ScriptExecutor GlobalInjector EntrypointFinder EntrypointNotFound
        MultipleEntrypoints entrypoint find_entrypoint call_entrypoint CellInfo parse_cell
        evaluate_cell execute_with_cell has_cell coerce_globals introspect
    """,
    "kohakuengine.flow": "Flow Sequential Parallel Pipeline",
    "kohakuengine.flow.base": "Workflow ScriptWorkflow",
    "kohakuengine.config.types": "ConfigProvider Configurable",
    "kohakuengine.main": "run",
    "kohakuengine.cli": "main",
    "kohakuengine.testing": "ExecutorContract FakeExecutor RecordingListener",
}


@pytest.mark.parametrize("path", NAMES)
def test_each_name_is_there(path):
    module = importlib.import_module(path)
    for name in NAMES[path].split():
        assert getattr(module, name) is not None


@pytest.mark.parametrize("path", [path for path in NAMES if path != "kohakuengine.config.types"])
def test_and_no_other_is_public(path):
    assert sorted(importlib.import_module(path).__all__) == sorted(NAMES[path].split())


@pytest.mark.parametrize(
    "path", ["kohakuengine", "kohakuengine.config", "kohakuengine.engine", "kohakuengine.flow"]
)
def test_dir_shows_them(path):
    assert set(NAMES[path].split()) <= set(dir(importlib.import_module(path)))


@pytest.mark.parametrize(
    "path", ["kohakuengine", "kohakuengine.config", "kohakuengine.engine", "kohakuengine.flow"]
)
def test_other_names_are_attribute_errors(path):
    with pytest.raises(AttributeError, match=f"module '{path}' has no attribute 'nothing'"):
        importlib.import_module(path).nothing  # noqa: B018


def test_a_name_is_the_same_object_wherever_it_is_imported_from():
    homes = {}
    for path in ("kohakuengine", "kohakuengine.config", "kohakuengine.engine", "kohakuengine.flow"):
        for name in NAMES[path].split():
            value = getattr(importlib.import_module(path), name)
            assert homes.setdefault(name, value) is value


def test_functions_win_over_the_modules_that_bear_their_names(python):
    code = """
        import kohakuengine.engine.entrypoint, kohakuengine.engine.introspect
        from kohakuengine.engine import entrypoint, introspect
        from kohakuengine.engine.entrypoint import entrypoint as same
        print(entrypoint is same, callable(introspect))
    """
    assert python(code) == "True True\n"


def test_the_version_is_the_distributions():
    import kohakuengine

    assert kohakuengine.__version__ == importlib.metadata.version("kohakuengine-core")


def test_the_upstream_path_of_parallel_leads_to_the_sibling():
    parallel = pytest.importorskip("kohakuengine_parallel").Parallel
    from kohakuengine.flow.parallel import Parallel

    assert Parallel is parallel


# Makes a process find core only, wherever the siblings are installed.
ALONE = """
import sys

class CoreOnly:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"kohakuengine_parallel", "kohakuengine_cli"}:
            return None
        return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [CoreOnly(finder) for finder in sys.meta_path]
"""


@pytest.fixture
def alone(python):
    """Run code in a process that has core only."""
    return lambda code, **options: python(ALONE + dedent(code), **options)


class TestAlone:
    def test_dir_and_star_imports_leave_absent_names_out(self, alone):
        code = """
            import kohakuengine, kohakuengine.flow
            for module in (kohakuengine, kohakuengine.flow):
                assert "Sequential" in dir(module)
                assert "Parallel" not in dir(module)
                assert "Parallel" not in module.__all__
            from kohakuengine.flow import *
            print(Flow.__name__)
        """
        assert alone(code) == "Flow\n"

    @pytest.mark.parametrize(
        "path", ["kohakuengine", "kohakuengine.flow", "kohakuengine.flow.parallel"]
    )
    def test_an_absent_name_is_an_error_that_says_how_to_get_it(self, alone, path):
        code = f"""
            try:
                from {path} import Parallel
            except ImportError as error:
                print(type(error).__name__, error)
        """
        expected = 'MissingDistribution Parallel is not installed. Install it: pip install "kohakuengine[parallel]"\n'
        assert alone(code) == expected

    def test_so_is_a_parallel_flow(self, alone, script):
        code = """
            import kohakuengine, sys
            try:
                kohakuengine.Flow([sys.argv[1]], mode="parallel")
            except kohakuengine.errors.MissingDistribution as error:
                print("kohakuengine[parallel]" in str(error))
        """
        assert alone(code, argv=[script("").location]) == "True\n"

    def test_what_a_present_sibling_lacks_is_its_own_error(self, python, tmp_path):
        for name in ("kohakuengine_parallel", "kohakuengine_cli"):
            (tmp_path / f"{name}.py").write_text("import a_dependency")
        code = """
            import sys, kohakuengine.cli
            sys.path.insert(0, "")
            for use in (lambda: kohakuengine.Parallel, kohakuengine.cli.main):
                try:
                    use()
                except ModuleNotFoundError as error:
                    print(error.name)
        """
        assert python(code) == "a_dependency\n" * 2

    @pytest.mark.parametrize("module", ["kohakuengine", "kohakuengine.cli"])
    def test_the_command_line_says_how_to_get_it(self, alone, module):
        code = f"""
            import runpy
            sys.stderr = sys.stdout
            runpy.run_module({module!r}, run_name="__main__")
        """
        assert alone(code, status=1) == (
            'Error: The command line is not installed. Install it: pip install "kohakuengine[cli]"\n'
        )

    def test_its_main_raises_that(self, alone):
        code = """
            from kohakuengine.cli import main
            from kohakuengine.errors import MissingDistribution
            try:
                main(["--version"])
            except MissingDistribution as error:
                print(error)
        """
        assert "kohakuengine[cli]" in alone(code)

    def test_everything_else_works(self, alone, script):
        code = """
            import sys, kohakuengine as kogine
            config = kogine.Config({"x": 2})
            made = kogine.Script(sys.argv[1], config)
            print(made.run(), made.run(use_subprocess=True), kogine.Flow([made]).run())
        """
        made = script("x = 1\ndef main(): return x")
        assert alone(code, argv=[made.location]) == "2 2 [2]\n"


class TestTogether:
    @pytest.mark.parametrize("module", ["kohakuengine", "kohakuengine.cli"])
    def test_python_m_is_kogine(self, module):
        pytest.importorskip("kohakuengine_cli")
        ended = subprocess.run(
            [sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=False
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.startswith("kogine ")

    def test_main_takes_arguments(self, capsys):
        pytest.importorskip("kohakuengine_cli")
        from kohakuengine.cli import main

        try:
            status = main(["--version"])
        except SystemExit as error:
            status = error.code
        assert status in (0, None)
        assert capsys.readouterr().out.startswith("kogine ")


def test_every_module_has_the_names_that_it_lists():
    import importlib
    import pkgutil

    import kohakuengine

    for found in pkgutil.walk_packages(kohakuengine.__path__, "kohakuengine."):
        if found.name.endswith("__main__"):
            continue  # it is a program
        module = importlib.import_module(found.name)
        absent = [name for name in getattr(module, "__all__", ()) if not hasattr(module, name)]
        assert (found.name, absent) == (found.name, [])
