import os

import pytest

from kohakuengine.config import Config, load_config_file, use_config
from kohakuengine.config.compose import merge
from kohakuengine.errors import ConfigNotFound, ConfigTypeError, ConfigValueError

HEAD = "from kohakuengine import Config, use_config\n"


@pytest.fixture
def write(tmp_path):
    """Write config files by name, and return the folder that they are in."""

    def write_files(**sources):
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(HEAD + source)
        return tmp_path

    return write_files


class TestMerge:
    def test_the_child_wins_by_key(self):
        parent = Config({"a": 1, "b": 1}, [1], {"k": 1, "l": 1}, {"m": 1, "n": 1})
        child = Config({"b": 2}, [2, 3], {"l": 2}, {"n": 2})
        assert merge(parent, child) == Config(
            {"a": 1, "b": 2}, [2, 3], {"k": 1, "l": 2}, {"m": 1, "n": 2}
        )

    def test_args_come_from_the_parent_if_the_child_has_none(self):
        assert merge(Config(args=[1]), Config()).args == [1]

    def test_neither_is_changed(self):
        parent, child = Config({"a": 1}, [1]), Config({"b": 2})
        merge(parent, child).args.append(2)
        assert parent == Config({"a": 1}, [1])
        assert child == Config({"b": 2})


class TestBareFiles:
    def test_own_globals_win_over_the_parent(self, write):
        folder = write(
            base="lr = 0.1\nepochs = 3\n",
            child="use_config('base.py')\nlr = 0.2\n",
        )
        assert load_config_file(folder / "child.py") == Config({"lr": 0.2, "epochs": 3})

    def test_later_parents_win(self, write):
        folder = write(
            one="a = 1\nb = 1\n_args = [1]\n",
            two="b = 2\n_args = [2]\n",
            three="c = 3\n",
            child="for name in ('one', 'two', 'three'): use_config(name + '.py')\ndel name\n",
        )
        assert load_config_file(folder / "child.py") == Config({"a": 1, "b": 2, "c": 3}, [2])

    def test_own_args_win(self, write):
        folder = write(base="_args = [1]", child="use_config('base.py')\n_args = [2]")
        assert load_config_file(folder / "child.py").args == [2]

    def test_kwargs_and_metadata_merge_by_key(self, write):
        folder = write(
            base="_kwargs = {'a': 1, 'b': 1}\n_metadata = {'m': 1, 'n': 1}",
            child="use_config('base.py')\n_kwargs = {'b': 2}\n_metadata = {'n': 2}",
        )
        config = load_config_file(folder / "child.py")
        assert config.kwargs == {"a": 1, "b": 2}
        assert config.metadata == {"m": 1, "n": 2}

    def test_is_transitive(self, write):
        folder = write(
            root="a = 1\nb = 1\nc = 1\n",
            middle="use_config('root.py')\nb = 2\nc = 2\n",
            child="use_config('middle.py')\nc = 3\n",
        )
        assert load_config_file(folder / "child.py") == Config({"a": 1, "b": 2, "c": 3})

    def test_a_parent_bound_to_a_name_is_no_value(self, write):
        folder = write(
            base="lr = 0.1\nepochs = 3",
            child="base = use_config('base.py')\nlr = base.globals_dict['lr'] * 2\nother = Config()",
        )
        expected = Config({"lr": 0.2, "epochs": 3, "other": Config()})
        assert load_config_file(folder / "child.py") == expected

    def test_changes_made_to_a_parent_count(self, write):
        folder = write(
            base="lr = 0.1\nepochs = 3",
            child="base = use_config('base.py')\ndel base.globals_dict['epochs']",
        )
        assert load_config_file(folder / "child.py") == Config({"lr": 0.1})

    def test_a_parent_named_twice_runs_once_and_applies_where_it_was_named_last(self, write):
        folder = write(
            one="import os\na = 1\nos.environ['KOGINE_TEST_RUNS'] += 'x'",
            two="a = 2",
            child="p = use_config('one.py')\nuse_config('two.py')\nq = use_config('../%s/one.py')\nsame = p is q",
        )
        child = folder / "child.py"
        child.write_text(child.read_text() % folder.name)
        os.environ["KOGINE_TEST_RUNS"] = ""
        try:
            assert load_config_file(child) == Config({"a": 1, "same": True})
            assert os.environ["KOGINE_TEST_RUNS"] == "x"
        finally:
            del os.environ["KOGINE_TEST_RUNS"]

    def test_a_data_file_can_be_a_parent(self, write):
        folder = write(child="use_config('base.json')\nlr = 0.2")
        (folder / "base.json").write_text('{"lr": 0.1, "epochs": 3}')
        assert load_config_file(folder / "child.py") == Config({"lr": 0.2, "epochs": 3})


class TestOtherStyles:
    def test_parents_come_under_a_constant(self, write):
        folder = write(
            base="a = 1\nb = 1", child="use_config('base.py')\nCONFIG = Config({'b': 2})"
        )
        assert load_config_file(folder / "child.py") == Config({"a": 1, "b": 2})

    def test_from_globals_does_not_take_parents_for_values(self, write):
        folder = write(
            base="a = 1",
            child="base = use_config('base.py')\nb = 2\nCONFIG = Config.from_globals()",
        )
        assert load_config_file(folder / "child.py") == Config({"a": 1, "b": 2})

    def test_parents_come_under_the_config_of_config_gen(self, write):
        folder = write(
            base="a = 1\nb = 1",
            child="def config_gen():\n    use_config('base.py')\n    return Config({'b': 2})",
        )
        assert load_config_file(folder / "child.py") == Config({"a": 1, "b": 2})

    def test_parents_come_under_each_config_of_a_sweep(self, write):
        folder = write(
            base="a = 1\nb = 1\n_metadata = {'m': 1}",
            child="use_config('base.py')\n_sweep = {'b': [2, 3]}",
        )
        generator = load_config_file(folder / "child.py")
        assert generator.sweep.base == Config({"a": 1, "b": 1}, metadata={"m": 1})
        assert list(generator) == [
            Config({"a": 1, "b": 2}, metadata={"m": 1, "b": 2}),
            Config({"a": 1, "b": 3}, metadata={"m": 1, "b": 3}),
        ]

    def test_parents_come_under_each_config_that_is_yielded(self, write):
        folder = write(
            base="a = 1\nb = 1",
            child="use_config('base.py')\n"
            "def config_gen():\n    for b in (2, 3): yield Config({'b': b})",
        )
        generator = load_config_file(folder / "child.py")
        assert list(generator) == [Config({"a": 1, "b": 2}), Config({"a": 1, "b": 3})]

    def test_each_yielded_config_gets_its_own_copy_of_the_parents_values(self, write):
        folder = write(
            base="a = []",
            child="use_config('base.py')\ndef config_gen():\n    yield Config()\n    yield Config()",
        )
        first, second = load_config_file(folder / "child.py")
        first.globals_dict["a"].append(1)
        assert second.globals_dict["a"] == []

    def test_a_generator_body_that_runs_later_has_parents_too(self, write):
        folder = write(
            base="a = 1",
            child="def config_gen():\n"
            "    for b in (2, 3):\n        use_config('base.py')\n        yield Config({'b': b})",
        )
        generator = load_config_file(folder / "child.py")
        assert list(generator) == [Config({"a": 1, "b": 2}), Config({"a": 1, "b": 3})]
        assert use_config(folder / "base.py") == Config({"a": 1})

    def test_feedback_reaches_a_generator_with_parents(self, write):
        folder = write(
            base="a = 1",
            child="use_config('base.py')\n"
            "def config_gen():\n    heard = yield Config()\n    yield Config({'heard': heard})",
        )
        generator = load_config_file(folder / "child.py")
        generator.send(None)
        assert generator.send("news") == Config({"a": 1, "heard": "news"})
        with pytest.raises(StopIteration):
            generator.send(None)

    def test_closing_reaches_a_generator_with_parents(self, write):
        folder = write(
            base="a = 1",
            child="use_config('base.py')\nended = []\n"
            "def config_gen():\n"
            "    try:\n        yield Config({'ended': ended})\n"
            "    finally:\n        ended.append(1)",
        )
        generator = load_config_file(folder / "child.py")
        config = next(generator)
        generator.close()
        assert config.globals_dict["ended"] == [1]

    def test_the_worker_id_reaches_parents(self, write):
        folder = write(
            base="def config_gen(worker_id=None): return Config({'w': worker_id})",
            child="use_config('base.py')",
        )
        assert load_config_file(folder / "child.py", worker_id=2) == Config({"w": 2})


class TestPaths:
    def test_are_relative_to_the_file_that_calls(self, write, tmp_path, monkeypatch):
        (tmp_path / "sub").mkdir()
        folder = write(base="a = 1")
        (folder / "sub" / "child.py").write_text(HEAD + "use_config('../base.py')")
        monkeypatch.chdir("/")
        assert load_config_file(folder / "sub" / "child.py") == Config({"a": 1})

    def test_are_relative_to_the_current_folder_without_a_file(self, write, monkeypatch):
        monkeypatch.chdir(write(base="a = 1"))
        namespace = {"use_config": use_config}
        exec("made = use_config('base.py')", namespace)
        assert namespace["made"] == Config({"a": 1})

    def test_may_be_absolute(self, write):
        assert use_config(write(base="a = 1") / "base.py") == Config({"a": 1})

    def test_a_missing_parent_is_named(self, write):
        folder = write(child="use_config('bse.py')", base="")
        match = r"Config file not found: .*bse\.py\. Did you mean 'base\.py'\?"
        with pytest.raises(ConfigNotFound, match=match):
            load_config_file(folder / "child.py")


class TestRefused:
    @pytest.mark.parametrize(
        "parent", ["_sweep = {'a': [1, 2]}", "def config_gen():\n    yield Config()"]
    )
    def test_a_parent_that_gives_several_configs(self, write, parent):
        folder = write(base=parent, child="use_config('base.py')")
        match = r"cannot import a sweep/generator config: .*base\.py"
        with pytest.raises(ConfigTypeError, match=match):
            load_config_file(folder / "child.py")

    def test_a_cycle(self, write):
        folder = write(a="use_config('b.py')", b="use_config('a.py')")
        match = r"Circular use_config\(\) detected: a\.py -> b\.py -> a\.py$"
        with pytest.raises(ConfigValueError, match=match):
            load_config_file(folder / "a.py")

    def test_a_file_that_builds_on_itself(self, write):
        folder = write(a="use_config('a.py')")
        with pytest.raises(ConfigValueError, match=r"detected: a\.py -> a\.py$"):
            load_config_file(folder / "a.py")

    def test_a_cycle_further_up(self, write):
        folder = write(a="use_config('b.py')", b="use_config('c.py')", c="use_config('b.py')")
        with pytest.raises(ConfigValueError, match=r"detected: b\.py -> c\.py -> b\.py$"):
            load_config_file(folder / "a.py")

    def test_a_cycle_across_folders_shows_the_paths(self, write):
        folder = write(a="use_config('sub/a.py')")
        (folder / "sub").mkdir()
        (folder / "sub" / "a.py").write_text(HEAD + "use_config('../a.py')")
        one, two = folder / "a.py", folder / "sub" / "a.py"
        with pytest.raises(ConfigValueError, match=f"detected: {one} -> {two} -> {one}$"):
            load_config_file(one)

    def test_a_cycle_in_a_generator_body_that_runs_later(self, write):
        folder = write(a="def config_gen():\n    use_config('a.py')\n    yield Config()")
        generator = load_config_file(folder / "a.py")
        with pytest.raises(ConfigValueError, match=r"Circular use_config\(\) detected"):
            next(generator)

    def test_a_diamond_is_no_cycle(self, write):
        folder = write(
            root="a = 1",
            left="use_config('root.py')\nb = 2",
            right="use_config('root.py')\nc = 3",
            child="use_config('left.py')\nuse_config('right.py')",
        )
        assert load_config_file(folder / "child.py") == Config({"a": 1, "b": 2, "c": 3})

    def test_after_an_error_the_next_file_is_loaded_as_ever(self, write):
        folder = write(a="use_config('b.py')", b="use_config('a.py')\n", c="x = 1")
        with pytest.raises(ConfigValueError, match="Circular"):
            load_config_file(folder / "a.py")
        assert load_config_file(folder / "c.py") == Config({"x": 1})
