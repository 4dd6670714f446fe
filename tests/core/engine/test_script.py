import os
import sys
from pathlib import Path

import pytest

from kohakuengine import Config, Script
from kohakuengine.errors import (
    ConfigTypeError,
    RunFailed,
    ScriptModuleNotFound,
    ScriptNotFound,
    ScriptValueError,
)


@pytest.fixture
def package(in_folder, monkeypatch):
    """Packages in the current folder: with and without ``__init__.py``, and a ``__main__``."""
    for name in ("pkg", "pkg/sub", "space/inner"):
        Path(name).mkdir(parents=True)
    Path("pkg/__init__.py").touch()
    Path("pkg/mod.py").write_text("from .sub import other\ndef main(): return other.name\n")
    Path("pkg/sub/__init__.py").touch()
    Path("pkg/sub/other.py").write_text("name = __name__\n")
    Path("pkg/__main__.py").write_text("def main(): return __package__, __spec__.name\n")
    Path("space/inner/deep.py").write_text("def main(): return __package__\n")
    Path("plain.py").write_text("import sys\ndef main(): return sys.argv[0]\n")
    yield in_folder
    assert not {"pkg", "pkg.mod", "pkg.sub", "space", "space.inner"} & sys.modules.keys()


class TestFiles:
    def test_attributes(self, script, tmp_path):
        made = script("", Config({"a": 1}), name="train.py", entrypoint="go")
        assert made.path == tmp_path / "train.py"
        assert (made.name, made.is_module, made.module_name) == ("train", False, None)
        assert (made.entrypoint, made.config) == ("go", Config({"a": 1}))
        assert made.location == str(tmp_path / "train.py")

    def test_a_relative_path_stays_as_given(self, in_folder):
        Path("train.py").touch()
        made = Script("train.py")
        assert made.path == Path("train.py")
        assert made.filename == str(in_folder / "train.py")
        assert made.argv0 == "train.py"

    def test_a_colon_names_the_entrypoint(self, script, tmp_path):
        script("")
        made = Script(f"{tmp_path}/script.py:train")
        assert (made.path, made.entrypoint) == (tmp_path / "script.py", "train")

    def test_the_argument_beats_the_colon(self, script, tmp_path):
        script("")
        assert Script(f"{tmp_path}/script.py:train", entrypoint="test").entrypoint == "test"

    def test_a_drives_colon_is_none(self, in_folder):
        Path("C:").mkdir()
        Path("C:/train.py").touch()
        assert Script("C:/train.py").entrypoint is None
        with pytest.raises(ScriptNotFound):
            Script("C:train")

    def test_the_folder_of_a_link_is_its_targets(self, script, tmp_path):
        target = script("def main(): return __file__", name="real/script.py")
        link = tmp_path / "link.py"
        link.symlink_to(target.path)
        made = Script(link)
        assert made.folder == str(tmp_path / "real")
        assert made.run() == str(link)

    def test_a_missing_file_is_an_error_that_names_the_nearest(self, script, tmp_path):
        script("", name="train.py")
        message = r"Script not found: .*trian\.py\. Did you mean 'train\.py'\?"
        with pytest.raises(FileNotFoundError, match=message) as caught:
            Script(tmp_path / "trian.py")
        assert isinstance(caught.value, ScriptNotFound)

    def test_a_missing_folder_is_named(self, tmp_path):
        with pytest.raises(ScriptNotFound, match=r"There is no folder .*nowhere\."):
            Script(tmp_path / "nowhere" / "train.py")

    def test_another_suffix_is_an_error(self, tmp_path):
        (tmp_path / "train.txt").touch()
        with pytest.raises(
            ValueError, match=r"Script must be \.py file, got .*train\.txt"
        ) as caught:
            Script(tmp_path / "train.txt")
        assert isinstance(caught.value, ScriptValueError)

    def test_a_folder_is_an_error(self, tmp_path):
        (tmp_path / "train.py").mkdir()
        with pytest.raises(ScriptValueError, match=r"Script must be \.py file, got the folder"):
            Script(tmp_path / "train.py")

    def test_a_name_that_is_no_modules_is_a_file(self):
        with pytest.raises(ScriptNotFound, match="my-script"):
            Script("my-script")


class TestModules:
    def test_attributes(self, package):
        made = Script("pkg.mod:train")
        assert (made.name, made.is_module, made.module_name) == ("mod", True, "pkg.mod")
        assert (made.path, made.entrypoint) == (package / "pkg/mod.py", "train")
        assert (made.location, made.folder) == ("pkg.mod", str(package))

    def test_the_current_folder_is_importable(self, package):
        assert Script("plain").run() == str(package / "plain.py")

    def test_relative_imports_work(self, package):
        assert Script("pkg.mod").run() == "pkg.sub.other"

    def test_a_package_is_its_main_module(self, package):
        assert Script("pkg").run() == ("pkg", "pkg.__main__")

    def test_namespace_packages_are_found(self, package):
        assert Script("space.inner.deep").run() == "space.inner"

    def test_with_overrides_relative_imports_still_work(self, package):
        assert Script("pkg.mod").run(Config({"x": 1})) == "pkg.sub.other"

    def test_finding_one_imports_nothing(self, package):
        Path("pkg/__init__.py").write_text("1/0")
        assert Script("pkg.mod").is_module

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("nowhere", r"^No module named 'nowhere' in the current folder or on sys\.path$"),
            ("pkg.nowhere.deep", r"^No module named 'pkg\.nowhere' \(in 'pkg\.nowhere\.deep'\)"),
            ("pkg.sub", r"^No module named 'pkg\.sub'"),
            ("sys", r"^No module named 'sys'"),
        ],
    )
    def test_an_unknown_one_is_an_error(self, package, name, message):
        with pytest.raises(ModuleNotFoundError, match=message) as caught:
            Script(name)
        assert isinstance(caught.value, ScriptModuleNotFound)
        assert caught.value.name == name

    def test_a_file_of_that_very_name_is_guessed(self, in_folder):
        Path("train").write_text("")
        with pytest.raises(ScriptModuleNotFound, match=r"did you mean the file \./train\?"):
            Script("train")


class TestValue:
    def test_equal_if_all_is(self, script):
        made = script("", Config({"a": 1}))
        assert made == Script(made.path, Config({"a": 1}))
        assert made != Script(made.path, Config({"a": 2}))
        assert made != Script(made.path, Config({"a": 1}), entrypoint="go")
        assert made != str(made.path)

    def test_it_is_unhashable(self, script):
        with pytest.raises(TypeError, match="unhashable"):
            hash(script(""))

    def test_repr_is_the_call_that_makes_it(self, in_folder):
        Path("s.py").touch()
        assert repr(Script("s.py")) == "Script('s.py')"
        made = Script("s.py:go", Config({"a": 1}))
        assert eval(repr(made)) == made


class TestRun:
    def test_returns_the_entrypoints_value(self, script):
        assert script("x = 1\ndef main(): return x").run() == 1

    def test_with_its_own_config_or_the_one_given(self, script):
        made = script("x = 1\ndef main(): return x", Config({"x": 2}))
        assert made.run() == 2
        assert made.run(Config({"x": 3})) == 3

    def test_in_a_process_of_its_own(self, script):
        made = script("import os\ndef main(): return os.getpid()")
        assert made.run() == os.getpid()
        assert made.run(use_subprocess=True) != os.getpid()

    def test_an_exception_is_the_scripts_own_or_crosses_as_run_failed(self, script):
        made = script("def main(): raise KeyError('k')")
        with pytest.raises(KeyError, match="k"):
            made.run()
        with pytest.raises(RunFailed, match="exit code 1: KeyError: 'k'"):
            made.run(use_subprocess=True)

    @pytest.mark.parametrize("use_subprocess", [False, True])
    def test_a_sweep_is_refused(self, script, use_subprocess):
        from kohakuengine import ConfigGenerator

        made = script("def main(): pass", ConfigGenerator(iter([])))
        with pytest.raises(ConfigTypeError, match="use Flow for sweeps"):
            made.run(use_subprocess=use_subprocess)
