import os
import sys

import pytest

from kohakuengine.config import (
    Config,
    ConfigGenerator,
    ConfigLoader,
    load_config_file,
    load_from_dict,
)
from kohakuengine.errors import ConfigNotFound, ConfigTypeError, ConfigValueError

HEAD = "from kohakuengine import Config, ConfigGenerator, use\n"


@pytest.fixture
def load(tmp_path):
    """Load a source as a config file."""

    def load_source(source, name="conf.py", **kwargs):
        path = tmp_path / name
        path.write_bytes(source if isinstance(source, bytes) else (HEAD + source).encode())
        return load_config_file(path, **kwargs)

    return load_source


class TestMissing:
    def test_is_named(self, tmp_path):
        path = tmp_path / "none.py"
        with pytest.raises(FileNotFoundError, match=rf"^Config file not found: {path}$") as caught:
            load_config_file(path)
        assert isinstance(caught.value, ConfigNotFound)

    def test_names_the_nearest_config_file(self, tmp_path):
        for name in ("sweep.py", "sweep.txt", "other.json"):
            (tmp_path / name).write_text("")
        with pytest.raises(ConfigNotFound, match=r"swep\.py\. Did you mean 'sweep\.py'\?$"):
            load_config_file(tmp_path / "swep.py")

    def test_in_the_current_folder(self, tmp_path, monkeypatch):
        (tmp_path / "sweep.yml").write_text("")
        monkeypatch.chdir(tmp_path)
        with pytest.raises(
            ConfigNotFound, match=r"^Config file not found: sweep\.yaml\. Did you mean"
        ):
            load_config_file("sweep.yaml")

    def test_folder(self, tmp_path):
        with pytest.raises(ConfigNotFound, match=r"not found: .*/none/conf\.py$"):
            load_config_file(tmp_path / "none" / "conf.py")

    def test_a_folder_is_no_file(self, tmp_path):
        with pytest.raises(ConfigNotFound, match="Config file not found"):
            load_config_file(tmp_path)


class TestBare:
    def test_globals_are_the_config(self, load):
        config = load("import os\nlr = 0.1\n_x = 1\nf = use(os.getcwd)\ndef g(): return lr")
        assert list(config.globals_dict) == ["lr", "f", "g"]
        assert config.globals_dict["f"] is os.getcwd
        assert config.globals_dict["g"]() == 0.1

    def test_reserved_names(self, load):
        config = load("_args = (1, use(2))\n_kwargs = {'k': use(3)}\n_metadata = {'m': 4}\na = 0")
        assert config == Config({"a": 0}, [1, 2], {"k": 3}, {"m": 4})

    def test_none_counts_as_absent(self, load):
        assert load("_args = None\n_kwargs = None\n_metadata = None\n_sweep = None") == Config()

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("_args = 'abc'", "_args must be a list or tuple, got str"),
            ("_kwargs = [1]", "_kwargs must be a dict, got list"),
            ("_metadata = 3", "_metadata must be a dict, got int"),
        ],
    )
    def test_wrong_types_are_refused_with_the_file(self, load, source, message):
        with pytest.raises(TypeError, match=rf"conf\.py: {message}$") as caught:
            load(source)
        assert isinstance(caught.value, ConfigTypeError)

    def test_classes_of_the_file_are_values(self, load):
        source = (
            "from __future__ import annotations\n"
            "from dataclasses import dataclass, field\n"
            "@dataclass\nclass Model:\n    width: int = 1\n    layers: list = field(default_factory=list)\n"
            "model = Model(3)\n"
        )
        config = load(source.encode())
        assert config.globals_dict["model"] == config.globals_dict["Model"](3)


class TestConstant:
    def test_is_the_config(self, load):
        assert load("lr = 1\nCONFIG = Config({'lr': 0.1}, [1])") == Config({"lr": 0.1}, [1])

    def test_of_another_type_is_refused(self, load):
        with pytest.raises(ConfigValueError, match="CONFIG must be Config instance, got dict"):
            load("CONFIG = {'lr': 0.1}")

    def test_a_sweep_beside_it_is_ignored(self, load):
        with pytest.warns(
            UserWarning, match="_sweep is ignored, because .* defines CONFIG"
        ) as caught:
            assert load("CONFIG = Config()\n_sweep = {'a': [1]}") == Config()
        assert caught[0].filename.endswith("conf.py")


class TestConfigGen:
    def test_may_return_one_config(self, load):
        assert load("def config_gen(): return Config({'a': 1})") == Config({"a": 1})

    def test_may_be_a_generator_function(self, load):
        generator = load("def config_gen():\n    for a in (1, 2): yield Config({'a': a})")
        assert isinstance(generator, ConfigGenerator)
        assert generator.length is None
        assert list(generator) == [Config({"a": 1}), Config({"a": 2})]

    def test_may_return_any_iterator(self, load):
        assert list(load("def config_gen(): return iter([Config()])")) == [Config()]

    def test_may_return_a_config_generator_which_keeps_its_length(self, load):
        generator = load("def config_gen(): return ConfigGenerator([Config()], 1)")
        assert generator.length == 1
        assert list(generator) == [Config()]

    def test_may_return_the_sweep_of_another_file(self, load, tmp_path):
        (tmp_path / "sweep.py").write_text("_sweep = {'a': [1, 2]}")
        generator = load(
            "def config_gen():\n"
            "    from os.path import dirname\n"
            "    return Config.from_file(dirname(__file__) + '/sweep.py')"
        )
        assert generator.sweep.axes == ("a",)
        assert len(list(generator)) == 2

    def test_the_sweep_of_another_file_goes_over_parents(self, load, tmp_path):
        (tmp_path / "sweep.py").write_text("_sweep = {'a': [1, 2]}")
        (tmp_path / "base.py").write_text("b = 3")
        generator = load(
            "from os.path import dirname\nfrom kohakuengine import use_config\n"
            "use_config('base.py')\n"
            "def config_gen(): return Config.from_file(dirname(__file__) + '/sweep.py')"
        )
        assert [c.globals_dict for c in generator] == [{"b": 3, "a": 1}, {"b": 3, "a": 2}]
        assert generator.length == 2
        assert generator.sweep is None

    def test_wins_over_a_constant(self, load):
        source = "CONFIG = Config({'a': 2})\ndef config_gen(): return Config({'a': 1})"
        assert load(source) == Config({"a": 1})

    def test_a_sweep_beside_it_is_ignored(self, load):
        with pytest.warns(UserWarning, match="_sweep is ignored, because .* defines config_gen"):
            assert load("_sweep = 3\ndef config_gen(): return Config()") == Config()

    def test_that_cannot_be_called_is_refused(self, load):
        with pytest.raises(ConfigValueError, match="config_gen must be callable, got int"):
            load("config_gen = 3")

    @pytest.mark.parametrize(
        ("source", "kind"),
        [
            ("def config_gen(): return {'a': 1}", "dict"),
            ("def config_gen(): return [Config()]", "list"),
            ("def config_gen(): pass", "NoneType"),
            ("async def config_gen(): return Config()", "coroutine"),
            ("async def config_gen(): yield Config()", "async_generator"),
        ],
    )
    def test_result_of_another_type_is_refused(self, load, source, kind):
        match = rf"config_gen\(\) must return Config or generator, got {kind}$"
        with pytest.raises(ConfigValueError, match=match):
            load(source)

    def test_a_yielded_value_of_another_type_is_refused(self, load):
        with pytest.raises(ConfigTypeError, match="Generator must yield Config objects, got int"):
            next(load("def config_gen(): yield 3"))

    def test_its_body_can_import_siblings(self, load, tmp_path):
        (tmp_path / "sibling_of_conf.py").write_text("value = 7")
        try:
            source = "def config_gen():\n    import sibling_of_conf as s\n    return Config({'v': s.value})"
            assert load(source) == Config({"v": 7})
        finally:
            sys.modules.pop("sibling_of_conf", None)


class TestWorkerId:
    @pytest.mark.parametrize(
        ("signature", "given", "seen"),
        [
            ("worker_id=None", 3, 3),
            ("worker_id=None", None, None),
            ("worker_id=None", 0, 0),
            ("worker_id", 3, 3),
            ("*, worker_id=None", 3, 3),
        ],
    )
    def test_is_passed_where_it_is_taken_and_given(self, load, signature, given, seen):
        source = f"def config_gen({signature}): return Config({{'w': worker_id}})"
        assert load(source, worker_id=given) == Config({"w": seen})

    @pytest.mark.parametrize(("given", "seen"), [(3, {"worker_id": 3}), (None, {})])
    def test_is_passed_to_any_keywords(self, load, given, seen):
        source = "def config_gen(**kw): return Config(kw)"
        assert load(source, worker_id=given) == Config(seen)

    def test_is_not_passed_where_it_is_not_taken(self, load):
        source = "def config_gen(other=5): return Config({'o': other})"
        assert load(source, worker_id=3) == Config({"o": 5})

    def test_that_is_required_but_not_given_is_the_first_slots(self, load):
        source = "def config_gen(worker_id): return Config({'w': worker_id})"
        assert load(source) == Config({"w": 0})

    def test_a_callable_without_a_signature_is_called_without(self, load):
        # `iter` is one of the built-ins that do not tell what they take.
        with pytest.raises(TypeError, match="iter expected at least 1 argument"):
            load("config_gen = iter", worker_id=3)


class TestSweep:
    def test_becomes_a_generator_that_carries_it(self, load):
        generator = load("lr = 0.1\n_sweep = {'bs': [1, 2], '__mode__': 'grid'}\n_args = [1]")
        assert isinstance(generator, ConfigGenerator)
        assert generator.length == 2
        assert generator.sweep.axes == ("bs",)
        assert list(generator) == [
            Config({"lr": 0.1, "bs": 1}, [1], metadata={"bs": 1}),
            Config({"lr": 0.1, "bs": 2}, [1], metadata={"bs": 2}),
        ]

    def test_without_axes_gives_one_config(self, load):
        assert list(load("a = 1\n_sweep = {}")) == [Config({"a": 1})]

    @pytest.mark.parametrize(
        ("sweep", "error", "message"),
        [
            ("3", TypeError, "_sweep must be a dict, got int"),
            ("{'lr': 3}", TypeError, "axis 'lr'"),
            ("{'lr': [1], '__mode__': 'x'}", ValueError, "Unknown _sweep mode"),
            ("{'a': [1], 'b': [1, 2], '__mode__': 'zip'}", ValueError, "equal-length axes"),
        ],
    )
    def test_errors_show_at_load_with_the_file(self, load, sweep, error, message):
        with pytest.raises(error, match=rf"conf\.py: .*{message}"):
            load(f"_sweep = {sweep}")


class TestExecution:
    def test_an_exception_in_the_file_propagates(self, load):
        with pytest.raises(ZeroDivisionError):
            load("1 / 0")

    def test_a_config_error_of_the_files_own_code_propagates_unchanged(self, load):
        with pytest.raises(TypeError, match=r"^args must be a list or tuple, got int$"):
            load("CONFIG = Config(args=3)")

    def test_a_syntax_error_propagates(self, load):
        with pytest.raises(SyntaxError) as caught:
            load("lr = = 3")
        assert caught.value.filename.endswith("conf.py")

    def test_file_is_absolute(self, load, tmp_path, monkeypatch):
        load("f = __file__")
        monkeypatch.chdir(tmp_path)
        config = load_config_file("conf.py")
        assert config == Config({"f": str(tmp_path / "conf.py")})

    def test_bytes_and_strings_are_paths_too(self, load, tmp_path):
        load("a = 1")
        assert load_config_file(os.fsencode(tmp_path / "conf.py")) == Config({"a": 1})
        assert load_config_file(str(tmp_path / "conf.py")) == Config({"a": 1})

    def test_nothing_is_written_beside_it(self, load, tmp_path):
        load("a = 1")
        assert os.listdir(tmp_path) == ["conf.py"]

    def test_an_edit_of_equal_size_in_the_same_instant_is_seen(self, load, tmp_path):
        load("a = 1")
        stat = os.stat(tmp_path / "conf.py")
        (tmp_path / "conf.py").write_text(HEAD + "a = 2")
        os.utime(tmp_path / "conf.py", ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert load_config_file(tmp_path / "conf.py") == Config({"a": 2})

    @pytest.mark.parametrize(
        "source",
        [
            b"\xef\xbb\xbfname = '\xc3\xa9'",
            b"# -*- coding: latin-1 -*-\nname = '\xe9'",
            b"name = '\xc3\xa9'\r\n",
        ],
    )
    def test_encodings_are_those_of_python(self, load, source):
        assert load(source) == Config({"name": "é"})

    def test_our_future_imports_do_not_leak_into_it(self, load):
        config = load(b"def f(x: int): ...\na = f.__annotations__")
        assert config.globals_dict["a"] == {"x": int}

    def test_a_main_guard_does_not_run(self, load):
        assert load("a = 1\nif __name__ == '__main__':\n    a = 2") == Config({"a": 1})

    def test_a_suffix_in_capitals_counts(self, load):
        assert load("a = 1", name="CONF.PY") == Config({"a": 1})


class TestData:
    def test_plain_keys_are_globals(self, load):
        config = load(b'{"lr": 0.1, "model": {"width": 3}, "none": null}', "c.json")
        assert config == Config({"lr": 0.1, "model": {"width": 3}, "none": None})

    def test_plain_keys_go_beside_reserved_ones(self, load):
        config = load(b"lr = 0.1\nargs = [1]\n[kwargs]\nk = 2\n[metadata]\nm = 3", "c.toml")
        assert config == Config({"lr": 0.1}, [1], {"k": 2}, {"m": 3})

    def test_with_globals_the_keys_are_fixed(self, load):
        config = load(
            b"globals: {args: 1, lr: 0.1}\nargs: [x]\nkwargs:\nmetadata: {m: 1}", "c.yaml"
        )
        assert config == Config({"args": 1, "lr": 0.1}, ["x"], {}, {"m": 1})

    def test_with_globals_an_unknown_key_is_refused(self, load):
        match = r"c\.yml: unknown key 'metdata'; accepted are globals, args, .* Did you mean 'metadata'\?"
        with pytest.raises(ConfigValueError, match=match):
            load(b"globals: {lr: 0.1}\nmetdata: {m: 1}", "c.yml")

    @pytest.mark.parametrize(
        ("source", "name"),
        [
            (b'{"lr": 1, "sweep": {"bs": [1, 2]}}', "c.json"),
            (b'{"globals": {"lr": 1}, "sweep": {"bs": [1, 2], "__mode__": "zip"}}', "c.json"),
            (b"lr = 1\n[sweep]\nbs = [1, 2]", "c.toml"),
            (b"lr: 1\nsweep:\n  bs: [1, 2]\n", "c.yaml"),
        ],
    )
    def test_sweep(self, load, source, name):
        generator = load(source, name)
        assert generator.sweep.base == Config({"lr": 1})
        assert [c.globals_dict["bs"] for c in generator] == [1, 2]

    @pytest.mark.parametrize("source", [b"", b"# nothing\n", b"---\n"])
    def test_an_empty_yaml_file_is_an_empty_config(self, load, source):
        assert load(source, "c.yaml") == Config()

    @pytest.mark.parametrize(
        ("source", "name", "message"),
        [
            (b"[1]", "c.json", "the top level must be a mapping, got list"),
            (b"3", "c.yaml", "the top level must be a mapping, got int"),
            (b'{"globals": 3}', "c.json", "globals must be a dict, got int"),
            (b'{"args": 3}', "c.json", "args must be a list or tuple, got int"),
            (b'{"sweep": 3}', "c.json", "_sweep must be a dict, got int"),
            (b"on: 1", "c.yaml", "the name True must be a string: quote it"),
            (b"kwargs: {1: 2}", "c.yaml", "the name 1 must be a string"),
            (b"metadata: {null: 2}", "c.yaml", "the name None must be a string"),
            (b"sweep: {1: [2]}", "c.yaml", "sweep axis names must be strings, got 1"),
        ],
    )
    def test_wrong_types_are_refused_with_the_file(self, load, source, name, message):
        with pytest.raises(ConfigTypeError, match=f"{name}: {message}"):
            load(source, name)


class TestFromDict:
    def test_each_key_is_optional(self):
        assert load_from_dict({}) == Config()
        assert load_from_dict({"globals": {"a": 1}}) == Config({"a": 1})
        assert load_from_dict({"args": (1,), "kwargs": {"k": 2}, "metadata": {"m": 3}}) == Config(
            {}, [1], {"k": 2}, {"m": 3}
        )

    def test_none_counts_as_absent(self):
        assert load_from_dict({"globals": None, "args": None}) == Config()

    def test_the_dicts_given_are_not_shared(self):
        given = {"globals": {"a": 1}, "args": [1]}
        config = load_from_dict(given)
        config.globals_dict["b"] = 2
        config.args.append(2)
        assert given == {"globals": {"a": 1}, "args": [1]}

    def test_an_unknown_key_names_the_nearest(self):
        match = "unknown key 'global'; accepted are globals, args, kwargs, metadata. Did you mean 'globals'"
        with pytest.raises(ConfigValueError, match=match):
            load_from_dict({"global": {}})

    def test_an_unknown_key_of_any_type_is_refused(self):
        with pytest.raises(ConfigValueError, match="unknown key 3"):
            load_from_dict({3: {}})

    def test_what_is_no_dict_is_refused(self):
        with pytest.raises(ConfigTypeError, match=r"^config must be a dict, got list$"):
            load_from_dict([])

    def test_a_part_of_another_type_is_refused(self):
        with pytest.raises(ConfigTypeError, match=r"^globals must be a dict, got list$"):
            load_from_dict({"globals": []})


def test_config_loader_holds_the_same_functions():
    assert ConfigLoader.load_config is load_config_file
    assert ConfigLoader.load_from_dict is load_from_dict
    assert ConfigLoader().load_from_dict({}) == Config()
