import sys
from types import ModuleType

import pytest

from kohakuengine.config import Config, load_config_file
from kohakuengine.config.siblings import search_path


@pytest.fixture(autouse=True)
def interpreter():
    """Undo what the tests import."""
    modules, path = dict(sys.modules), sys.path.copy()
    yield
    for name in set(sys.modules) - set(modules):
        if name.startswith(("kin", "kogine_config_")):
            del sys.modules[name]
    sys.modules.update(modules)
    assert sys.path == path
    sys.path[:] = path


@pytest.fixture
def folder(tmp_path):
    """Make a folder of files; those of a sub-folder have its name before a slash."""

    def make(name, **sources):
        for file, source in sources.items():
            path = tmp_path / name / f"{file.replace('__in__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return tmp_path / name

    return make


class TestModule:
    def test_is_in_sys_modules_while_it_runs_and_not_after(self, folder):
        path = folder(
            "a", conf="import sys\nhere = sys.modules[__name__].__file__\nname = __name__"
        )
        config = load_config_file(path / "conf.py")
        assert config.globals_dict == {"here": str(path / "conf.py"), "name": "kogine_config_conf"}
        assert "kogine_config_conf" not in sys.modules

    def test_is_not_in_sys_modules_after_an_error(self, folder):
        with pytest.raises(ZeroDivisionError):
            load_config_file(folder("a", conf="1/0") / "conf.py")
        assert "kogine_config_conf" not in sys.modules

    def test_name_is_an_identifier(self, folder):
        path = folder("a", **{"my-conf.v2": "name = __name__"})
        assert load_config_file(path / "my-conf.v2.py") == Config(
            {"name": "kogine_config_my_conf_v2"}
        )

    def test_names_are_unique_among_those_that_run(self, folder):
        source = "import kohakuengine\nkohakuengine.use_config('../b/conf.py')\nouter = __name__"
        folder("b", conf="inner = __name__")
        config = load_config_file(folder("a", conf=source) / "conf.py")
        assert config == Config({"outer": "kogine_config_conf", "inner": "kogine_config_conf_2"})

    def test_is_in_no_package(self, folder):
        path = folder("a", conf="from . import kin", kin="")
        with pytest.raises(ImportError, match="no known parent package"):
            load_config_file(path / "conf.py")


class TestSiblings:
    def test_can_be_imported_and_stay(self, folder):
        path = folder("a", conf="from kin import Kind\nkind = Kind()", kin="class Kind: ...")
        kind = load_config_file(path / "conf.py").globals_dict["kind"]
        assert type(kind) is sys.modules["kin"].Kind
        assert type(load_config_file(path / "conf.py").globals_dict["kind"]) is type(kind)

    def test_come_before_all_other_modules(self, folder):
        path = folder("a", conf="import sys\nfirst = sys.path[0]")
        assert load_config_file(path / "conf.py") == Config({"first": str(path)})

    def test_the_files_own_edits_of_the_path_stay(self, folder):
        path = folder(
            "a", conf="import sys\nsys.path.append('/made/up')\nsys.path.insert(0, '/other')"
        )
        load_config_file(path / "conf.py")
        assert sys.path[0] == "/other"
        assert sys.path[-1] == "/made/up"
        assert str(path) not in sys.path
        sys.path.remove("/other")
        sys.path.remove("/made/up")

    def test_a_file_may_take_its_folder_off_the_path(self, folder):
        path = folder("a", conf="import sys, os\nsys.path.remove(os.path.dirname(__file__))")
        assert load_config_file(path / "conf.py") == Config()

    def test_the_folders_are_on_the_search_path_of_other_processes(self, folder):
        path = folder("a", conf="")
        load_config_file(path / "conf.py")
        assert str(path) in search_path()

    def test_the_search_path_is_absolute(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", ["", "lib", "/usr"])
        assert search_path()[:3] == (str(tmp_path), str(tmp_path / "lib"), "/usr")


class TestSameNamedInTwoFolders:
    conf = "from kin import where\nfrom kin_pack import inside\nfrom kin_pack.deep import depth"

    def make(self, folder, name):
        return folder(
            name,
            conf=self.conf,
            kin=f"where = {name!r}",
            kin_pack__in____init__=f"inside = {name!r}",
            kin_pack__in__deep=f"depth = {name!r}",
        )

    def test_each_file_gets_its_own(self, folder):
        for name in ("a", "b", "a"):
            config = load_config_file(self.make(folder, name) / "conf.py")
            assert config == Config({"where": name, "inside": name, "depth": name})

    def test_those_that_were_there_first_stay(self, folder):
        load_config_file(self.make(folder, "a") / "conf.py")
        load_config_file(self.make(folder, "b") / "conf.py")
        assert sys.modules["kin"].where == "a"
        assert sys.modules["kin_pack"].inside == "a"
        assert sys.modules["kin_pack.deep"].depth == "a"

    def test_they_stay_after_an_error(self, folder):
        load_config_file(self.make(folder, "a") / "conf.py")
        path = folder("b", conf="import kin\n1/0", kin="where = 'b'")
        with pytest.raises(ZeroDivisionError):
            load_config_file(path / "conf.py")
        assert sys.modules["kin"].where == "a"

    def test_a_parent_in_another_folder_gets_its_own(self, folder):
        folder("b", conf="from kin import where as parents", kin="where = 'b'")
        source = "from kin import where as mine\nimport kohakuengine\nkohakuengine.use_config('../b/conf.py')\nfrom kin import where as still"
        path = folder("a", conf=source, kin="where = 'a'")
        config = load_config_file(path / "conf.py")
        assert config.globals_dict == {"mine": "a", "parents": "b", "still": "a"}

    def test_namespace_packages(self, folder):
        for name in ("a", "b"):
            path = folder(name, conf="from kin_space.x import w", kin_space__in__x=f"w = {name!r}")
            assert load_config_file(path / "conf.py") == Config({"w": name})
        assert sys.modules["kin_space.x"].w == "a"

    def test_a_folder_of_data_hides_no_module(self, folder, tmp_path):
        load_config_file(self.make(folder, "a") / "conf.py")
        path = folder("b", conf="import kin\nimport sys\nsame = sys.modules['kin']")
        (path / "kin").mkdir()
        load_config_file(path / "conf.py")
        assert sys.modules["kin"].where == "a"

    def test_a_file_of_data_hides_no_module(self, folder):
        load_config_file(self.make(folder, "a") / "conf.py")
        path = folder("b", conf="import kin\nw = kin.where")
        (path / "kin.json").write_text("{}")
        (path / "kin").write_text("")
        assert load_config_file(path / "conf.py") == Config({"w": "a"})

    def test_a_config_named_like_an_installed_module_does_not_hide_it(self, folder):
        path = folder(
            "a",
            pytest="import pytest\nv = pytest.__version__",
            json="import json\nv = json.dumps(1)",
        )
        assert load_config_file(path / "pytest.py") == Config({"v": pytest.__version__})
        assert load_config_file(path / "json.py") == Config({"v": "1"})

    def test_our_own_package_is_never_hidden(self, folder):
        path = folder(
            "a", conf="from kohakuengine import Config\nCONFIG = Config()", kohakuengine=""
        )
        assert load_config_file(path / "conf.py") == Config()

    def test_a_module_without_a_place_is_left_alone(self, folder, monkeypatch):
        made = ModuleType("kin")
        monkeypatch.setitem(sys.modules, "kin", made)
        path = folder(
            "a", conf="import kin, sys\nsame = kin is sys.modules['kin']\nn = kin.__name__", kin=""
        )
        assert load_config_file(path / "conf.py").globals_dict == {"same": True, "n": "kin"}
        assert sys.modules["kin"] is made
