import copy
import pickle
from textwrap import dedent

import pytest

from kohakuengine import Config, ConfigGenerator, load_config_file
from kohakuengine.config.slots import expanding
from kohakuengine.config.sweep import Sweep
from kohakuengine.errors import ConfigValueError

ONE = """
    def config_gen(worker_id=None):
        return Config({"gpu": worker_id, "lr": 0.1}, ["a"], {"k": worker_id}, {"m": worker_id})
"""
MANY = """
    def config_gen(worker_id=None):
        for i in range(200):
            yield Config({"gpu": worker_id, "i": i})
"""


@pytest.fixture
def load(tmp_path):
    def load_source(source, **options):
        path = tmp_path / "gpus.py"
        path.write_text("from kohakuengine import Config, use_config\n" + dedent(source))
        return load_config_file(path, **options)

    return load_source


def globals_of(config, slot):
    return config.for_worker(slot).globals_dict


class TestOneConfig:
    def test_is_what_the_file_gives_for_the_slot(self, load):
        config = load(ONE)
        assert config == Config({"gpu": None, "lr": 0.1}, ["a"], {"k": None}, {"m": None})
        assert config.for_worker(3) == Config({"gpu": 3, "lr": 0.1}, ["a"], {"k": 3}, {"m": 3})
        assert globals_of(config, 0)["gpu"] == 0

    def test_one_that_takes_any_argument_is_asked_too(self, load):
        assert globals_of(load("def config_gen(**given): return Config(given)"), 1) == {
            "worker_id": 1
        }

    def test_one_that_takes_none_is_itself(self, load):
        for config in (load("def config_gen(): return Config({'x': 1})"), load("x = 1"), Config()):
            assert config.for_worker(1) is config

    def test_of_a_worker_is_for_that_one(self, load):
        config = load(ONE, worker_id=2)
        assert config.for_worker(0) is config

    def test_what_was_assigned_stays_on_top(self, load):
        config = load(ONE)
        config.globals_dict.update(lr=0.3, new=1)
        config.kwargs["k"] = "mine"
        config.args = ["b"]
        del config.metadata["m"]
        expected = Config({"gpu": 1, "lr": 0.3, "new": 1}, ["b"], {"k": "mine"})
        assert config.for_worker(1) == expected

    def test_what_was_removed_stays_away(self, load):
        config = load(ONE)
        del config.globals_dict["gpu"]
        config.args.clear()
        assert config.for_worker(1) == Config({"lr": 0.1}, [], {"k": 1}, {"m": 1})

    def test_a_copy_is_for_the_slot_too(self, load):
        config = load("def config_gen(worker_id): return Config({'x': [worker_id], 'o': object()})")
        again = config.copy()
        again.globals_dict["y"] = 1
        assert again.globals_dict["o"] is not config.globals_dict["o"]
        assert globals_of(again, 2)["x"] == [2]
        assert globals_of(again, 2)["y"] == 1

    def test_each_run_gets_values_of_its_own(self, load):
        config = load("def config_gen(worker_id): return Config({'x': []})")
        config.for_worker(1).globals_dict["x"].append(1)
        assert globals_of(config, 1) == {"x": []}

    def test_the_file_is_loaded_once_for_a_slot(self, load, capsys):
        config = load("def config_gen(worker_id):\n    print(worker_id)\n    return Config()")
        for slot in (1, 2, 1, 2):
            config.for_worker(slot)
        assert capsys.readouterr().out == "0\n1\n2\n"

    def test_is_equal_to_one_of_another_origin(self, load):
        config = load(ONE)
        assert config == Config({"gpu": None, "lr": 0.1}, ["a"], {"k": None}, {"m": None})
        assert "origin" not in repr(config)

    def test_where_it_came_from_does_not_leave_the_process(self, load):
        config = load(ONE)
        for again in (pickle.loads(pickle.dumps(config)), copy.deepcopy(config)):
            assert again == config
            assert again.for_worker(1) is again

    def test_an_error_for_one_slot_is_the_files(self, load):
        config = load("def config_gen(worker_id):\n    return Config({'x': 1 / (1 - worker_id)})")
        with pytest.raises(ZeroDivisionError):
            config.for_worker(1)

    def test_one_for_some_slots_and_several_for_others_is_an_error(self, load):
        source = "def config_gen(worker_id): return iter([Config()]) if worker_id else Config()"
        with pytest.raises(
            ConfigValueError, match=r"gpus\.py: with worker_id=1, .*several configs"
        ):
            load(source).for_worker(1)


class TestParents:
    def test_that_take_worker_id_make_their_children_do(self, load, tmp_path):
        (tmp_path / "base.py").write_text(
            "from kohakuengine import Config\n"
            "def config_gen(worker_id): return Config({'gpu': worker_id, 'x': 1})"
        )
        (tmp_path / "middle.py").write_text(
            "from kohakuengine import use_config\nuse_config('base.py')\nx = 2"
        )
        bare = load("parent = use_config('middle.py')\ny = 3")
        assert bare == Config({"gpu": 0, "x": 2, "y": 3})
        assert globals_of(bare, 1) == {"gpu": 1, "x": 2, "y": 3}
        constant = load("use_config('middle.py')\nCONFIG = Config({'z': 4})")
        assert globals_of(constant, 2) == {"gpu": 2, "x": 2, "z": 4}

    def test_of_a_sweep_give_its_base(self, load, tmp_path):
        (tmp_path / "base.py").write_text(
            "from kohakuengine import Config\n"
            "def config_gen(worker_id): return Config({'gpu': worker_id, 'x': 0})"
        )
        swept = load("use_config('base.py')\n_sweep = {'x': [1, 2]}")
        assert swept.length == 2
        first, second = swept
        assert first.for_worker(3) == Config({"gpu": 3, "x": 1}, metadata={"x": 1})
        assert second.for_worker(3) == Config({"gpu": 3, "x": 2}, metadata={"x": 2})


class TestSweeps:
    def test_stay_on_top(self, load):
        sweep = Sweep(load(ONE)).with_axes({"lr": [1, 2]}, {}).with_values({"fixed": 3})
        configs = [config.for_worker(1) for config in sweep]
        assert [config.globals_dict for config in configs] == [
            {"gpu": 1, "lr": lr, "fixed": 3} for lr in (1, 2)
        ]
        assert [config.metadata for config in configs] == [{"m": 1, "lr": 1}, {"m": 1, "lr": 2}]

    @pytest.mark.parametrize("extra", [1, [1]])  # the latter is copied for each run
    def test_so_does_a_value_that_is_the_one_there_was(self, load, extra):
        config = load(ONE)
        gpu = config.globals_dict["gpu"]
        fixed = Sweep(config).with_values({"gpu": gpu, "extra": extra})
        assert globals_of(next(iter(fixed)), 1) == {"gpu": gpu, "lr": 0.1, "extra": extra}
        swept = Sweep(config).with_axes({"gpu": [gpu]}, {"extra": [extra]})
        assert globals_of(next(iter(swept)), 1) == {"gpu": gpu, "lr": 0.1, "extra": extra}

    def test_copied_values_are_not_taken_for_changed_ones(self, load):
        config = load("def config_gen(worker_id): return Config({'x': [worker_id]}, [[worker_id]])")
        first = next(iter(Sweep(config, [{"y": [1]}])))
        assert first.for_worker(2) == Config({"x": [2], "y": 1}, [[2]], metadata={"y": 1})


class TestGenerators:
    def test_give_each_run_what_has_its_index_for_the_slot(self, load):
        configs = list(load(MANY))
        assert configs[0] == Config({"gpu": None, "i": 0})
        for index, slot in [(0, 1), (1, 0), (2, 1), (5, 1), (6, 0)]:
            assert globals_of(configs[index], slot) == {"gpu": slot, "i": index}

    @pytest.mark.parametrize("index", [0, 100, 149])
    def test_also_where_the_slot_is_further_on(self, load, index):
        configs = list(load(MANY))
        configs[150].for_worker(1)
        assert globals_of(configs[index], 1) == {"gpu": 1, "i": index}
        assert globals_of(configs[151], 1) == {"gpu": 1, "i": 151}

    def test_each_time_with_values_of_its_own(self, load):
        (config,) = load("def config_gen(worker_id): yield Config({'x': []})")
        config.for_worker(1).globals_dict["x"].append(1)
        assert globals_of(config, 1) == {"x": []}

    def test_are_expanded_as_far_as_needed(self, load, capsys):
        source = """
            def config_gen(worker_id=None):
                for i in range(100):
                    print(worker_id, i)
                    yield Config()
        """
        configs = load(source)
        config = [next(configs) for _ in range(3)][1]
        config.for_worker(1)
        assert capsys.readouterr().out == "None 0\nNone 1\nNone 2\n1 0\n1 1\n"

    def test_in_a_flow_are_those_of_slot_0(self, load, capsys):
        configs = load(
            """
            def config_gen(worker_id=None):
                print(worker_id)
                told = yield Config({"gpu": worker_id})
                yield Config({"told": told})
            """
        )
        with expanding():
            first = next(configs)
        assert first == Config({"gpu": 0})
        assert first.for_worker(0) is first
        assert configs.send("news").for_worker(0) == Config({"told": "news"})
        assert list(configs) == []
        assert capsys.readouterr().out == "0\n"

    def test_over_parents(self, load, tmp_path):
        (tmp_path / "base.py").write_text("x = 1")
        (config,) = load(
            "use_config('base.py')\ndef config_gen(worker_id): yield Config({'gpu': worker_id})"
        )
        assert config == Config({"x": 1, "gpu": 0})
        assert globals_of(config, 1) == {"x": 1, "gpu": 1}

    def test_that_are_sweeps_are_streams_all_the_same(self, load):
        source = """
            from kohakuengine import ConfigGenerator
            from kohakuengine.config.sweep import Sweep
            def config_gen(worker_id):
                return ConfigGenerator.from_sweep(Sweep(Config(), [{"shard": [worker_id, 7]}]))
        """
        configs = load(source)
        assert (configs.length, configs.sweep) == (2, None)
        assert [globals_of(config, 1) for config in configs] == [{"shard": 1}, {"shard": 7}]

    def test_that_end_sooner_for_a_slot_are_an_error(self, load):
        source = (
            "def config_gen(worker_id):\n for i in range(3 - worker_id): yield Config({'i': i})"
        )
        configs = list(load(source))
        assert globals_of(configs[1], 1) == {"i": 1}
        message = (
            r"gpus\.py: with worker_id=1, config_gen\(\) gives 2 configs, and a run needs number 3"
        )
        with pytest.raises(ConfigValueError, match=message):
            configs[2].for_worker(1)

    def test_that_are_one_config_for_a_slot_are_an_error(self, load):
        source = "def config_gen(worker_id): return Config() if worker_id else iter([Config()])"
        (config,) = load(source)
        with pytest.raises(ConfigValueError, match=r"with worker_id=1, .* gives one config"):
            config.for_worker(1)

    def test_is_closed_with_what_it_came_from(self, load, capsys):
        source = """
            def config_gen(worker_id=None):
                try:
                    yield Config()
                    yield Config()
                finally:
                    print("closed")
        """
        configs = load(source)
        next(configs)
        configs.close()
        assert capsys.readouterr().out == "closed\n"
        assert isinstance(configs, ConfigGenerator)
