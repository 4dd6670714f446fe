"""A helper that imports the script that it serves gets the run's values."""

import sys

import pytest

from kohakuengine import Config
from kohakuengine.engine.reimport import Reimport

SOURCE = """
    import helper
    width = 1
    class Model:
        size = width * 10
    cfg = {"lr": 1}
    def main():
        return helper.seen(), Model.size
    if __name__ == "__main__":
        main()
"""
HELPER = """
    def seen():
        from script import Model, cfg, width
        return Model.size, cfg["lr"], width
"""


def test_what_it_imports_follows_the_overrides(script):
    script(HELPER, name="helper.py")
    made = script(SOURCE)
    assert made.run(Config({"width": 7, "cfg.lr": 5})) == ((70, 5, 7), 70)
    assert made.run(Config()) == ((10, 1, 1), 10)


def test_names_that_the_script_never_assigns_are_there_too(script):
    script("def seen():\n    import script\n    return script.new", name="helper.py")
    assert script("import helper\ndef main(): return helper.seen()").run(Config({"new": 3})) == 3


def test_by_a_package_name_as_well(script, monkeypatch):
    script("", name="pkg/__init__.py")
    script("def seen():\n    from pkg.mod import x\n    return x", name="pkg/helper.py")
    folder = script(
        "from pkg import helper\nx = 1\ndef main(): return helper.seen()", name="pkg/mod.py"
    )
    monkeypatch.chdir(folder.path.parents[1])
    from kohakuengine import Script

    assert Script("pkg.mod").run(Config({"x": 5})) == 5


def test_an_error_shows_no_frame_of_ours(script):
    script("import script", name="helper.py")
    made = script("x = 1\nif __name__ != '__main__': 1 / 0\nimport helper\ndef main(): pass")
    with pytest.raises(ZeroDivisionError) as caught:
        made.run(Config({"x": 2}))
    names = [entry.frame.code.path.name for entry in caught.traceback[-2:]]
    assert [str(name) for name in names] == ["helper.py", "script.py"]


def test_spawned_children_import_it_so_too(script, python):
    script("def seen():\n    from script import x\n    return x", name="helper.py")
    made = script("""
        import helper, multiprocessing
        x = 1
        def work(): return helper.seen()
        def main():
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                return pool.apply(work)
    """)
    code = """
        import sys
        from kohakuengine import Config, Script
        if __name__ == "__main__":
            print(Script(sys.argv[1]).run(Config({"x": 5})))
    """
    assert python(code, argv=[made.location]) == "5\n"


def test_modules_of_that_name_elsewhere_are_left_alone(script, tmp_path):
    finder = Reimport(str(tmp_path / "json.py"), {"x": 1})
    assert finder.find_spec("json", None) is None
    assert finder.find_spec("sys", None) is None
    assert Reimport(str(tmp_path / "nowhere.py"), {}).find_spec("nowhere", None) is None


def test_the_finder_goes_with_the_run(script):
    before = list(sys.meta_path)
    script("def main(): pass").run(Config({"x": 1}))
    assert sys.meta_path == before
