import copy
import pickle
import threading
from types import SimpleNamespace

import pytest

import kohakuengine.config
from kohakuengine.config import CaptureGlobals, Config, Use, capture_globals, use
from kohakuengine.config.base import capture, is_atomic
from kohakuengine.errors import ConfigError, ConfigTypeError


def executed(source, **given):
    """The namespace of a module called `sample` after it ran."""
    namespace = {"__name__": "sample", **given}
    exec(source, namespace)
    return namespace


class TestPackage:
    def test_every_public_name_can_be_imported(self):
        for name in kohakuengine.config.__all__:
            assert getattr(kohakuengine.config, name).__module__.startswith("kohakuengine.config.")

    def test_public_names(self):
        assert kohakuengine.config.__all__ == [
            "CaptureGlobals",
            "Config",
            "ConfigGenerator",
            "ConfigLoader",
            "Use",
            "capture_globals",
            "load_config_file",
            "load_from_dict",
            "use",
            "use_config",
        ]

    def test_dir_lists_the_public_names(self):
        assert set(kohakuengine.config.__all__) <= set(dir(kohakuengine.config))

    def test_an_unknown_name_is_an_attribute_error(self):
        with pytest.raises(AttributeError, match=r"'kohakuengine.config' has no attribute 'Confg'"):
            _ = kohakuengine.config.Confg


class TestConfig:
    def test_is_empty_by_default(self):
        config = Config()
        assert (config.globals_dict, config.args, config.kwargs, config.metadata) == (
            {},
            [],
            {},
            {},
        )

    def test_defaults_are_not_shared(self):
        Config().globals_dict["a"] = 1
        assert Config().globals_dict == {}

    def test_field_order(self):
        config = Config({"a": 1}, [2], {"b": 3}, {"c": 4})
        assert config.globals_dict == {"a": 1}
        assert config.args == [2]
        assert config.kwargs == {"b": 3}
        assert config.metadata == {"c": 4}

    def test_tuple_args_become_a_list(self):
        assert Config(args=(1, 2)).args == [1, 2]

    @pytest.mark.parametrize("field", ["globals_dict", "kwargs", "metadata"])
    def test_a_field_that_is_no_dict_is_refused(self, field):
        with pytest.raises(TypeError, match=rf"^{field} must be a dict, got list$") as caught:
            Config(**{field: []})
        assert isinstance(caught.value, ConfigTypeError)
        assert isinstance(caught.value, ConfigError)

    @pytest.mark.parametrize(("value", "kind"), [("abc", "str"), ({}, "dict"), (None, "NoneType")])
    def test_args_that_are_no_sequence_are_refused(self, value, kind):
        with pytest.raises(ConfigTypeError, match=rf"^args must be a list or tuple, got {kind}$"):
            Config(args=value)

    def test_equality_is_by_value(self):
        assert Config({"a": 1}) == Config({"a": 1})
        assert Config({"a": 1}) != Config({"a": 2})

    def test_is_mutable(self):
        config = Config()
        config.globals_dict = {"a": 1}
        config.kwargs["b"] = 2
        assert config == Config({"a": 1}, kwargs={"b": 2})

    def test_is_unhashable(self):
        with pytest.raises(TypeError, match="unhashable"):
            hash(Config())

    def test_pickles_and_deep_copies(self):
        config = Config({"a": [1]}, [2], {"b": 3}, {"c": 4})
        assert pickle.loads(pickle.dumps(config)) == config
        assert copy.deepcopy(config) == config

    def test_from_file_and_from_dict_are_the_loading_functions(self, tmp_path):
        (tmp_path / "c.py").write_text("lr = 0.1")
        assert Config.from_file(tmp_path / "c.py") == Config({"lr": 0.1})
        assert Config.from_dict({"globals": {"lr": 0.1}}) == Config({"lr": 0.1})

    def test_from_file_hands_the_worker_id_on(self, tmp_path):
        (tmp_path / "c.py").write_text(
            "from kohakuengine import Config\n"
            "def config_gen(worker_id): return Config({'w': worker_id})"
        )
        assert Config.from_file(tmp_path / "c.py", worker_id=3) == Config({"w": 3})

    def test_from_globals_takes_the_callers_module(self):
        namespace = executed(
            "import os\nlr = 0.1\n_private = 1\ndef own(): ...\n"
            "def config_gen(): return Config.from_globals()\nmade = config_gen()",
            Config=Config,
        )
        assert namespace["made"] == Config({"lr": 0.1, "own": namespace["own"]})


class TestCopy:
    def test_values_are_copied_deeply(self):
        config = Config({"a": [[1]]}, [[2]], {"b": [3]}, {"c": [4]})
        other = config.copy()
        assert other == config
        for field in ("globals_dict", "args", "kwargs", "metadata"):
            assert getattr(other, field) is not getattr(config, field)
        other.globals_dict["a"][0].append(5)
        other.args[0].append(5)
        other.kwargs["b"].append(5)
        other.metadata["c"].append(5)
        assert config == Config({"a": [[1]]}, [[2]], {"b": [3]}, {"c": [4]})

    def test_one_object_under_two_names_stays_one(self):
        shared = [1]
        other = Config({"a": shared, "b": {"c": shared}}, [shared]).copy()
        assert other.globals_dict["a"] is other.globals_dict["b"]["c"]
        assert other.globals_dict["a"] is other.args[0]

    def test_a_value_that_cannot_be_copied_is_shared(self):
        lock = threading.Lock()
        steps = (n for n in range(3))
        holder = {"lock": lock, "list": []}
        other = Config({"lock": lock, "steps": steps, "holder": holder}).copy()
        assert other.globals_dict["lock"] is lock
        assert other.globals_dict["steps"] is steps
        assert other.globals_dict["holder"] is holder

    def test_what_a_failed_copy_left_behind_is_not_used(self):
        first = [1]
        holder = {"first": first, "lock": threading.Lock()}
        other = Config({"holder": holder, "outer": SimpleNamespace(holder=holder)}).copy()
        assert other.globals_dict["holder"] is holder
        assert other.globals_dict["outer"].holder is holder
        later = Config({"before": first, "holder": holder, "after": first}).copy()
        assert later.globals_dict["before"] is later.globals_dict["after"]
        assert later.globals_dict["before"] is not first

    def test_whatever_a_value_raises_when_it_is_copied_it_is_shared(self):
        class Leaf:
            def __deepcopy__(self, memo):
                raise RuntimeError("only graph leaves support deepcopy")

        leaf = Leaf()
        assert Config({"leaf": leaf}).copy().globals_dict["leaf"] is leaf

    def test_functions_and_classes_are_not_copied(self):
        config = Config({"f": executed, "c": Config})
        assert config.copy() == config

    @pytest.mark.parametrize("value", [1, 1.0, "a", None, True, b"a", 1j, (), (1, ("a", None))])
    def test_atomic_values(self, value):
        assert is_atomic(value)

    @pytest.mark.parametrize("value", [[], {}, (1, []), set(), object()])
    def test_other_values_are_not_atomic(self, value):
        assert not is_atomic(value)


class TestUse:
    def test_holds_a_value(self):
        used = use(len)
        assert isinstance(used, Use)
        assert used.value is len

    def test_repr(self):
        assert repr(use([1, "a"])) == "use([1, 'a'])"

    def test_takes_no_other_attributes(self):
        with pytest.raises(AttributeError):
            use(1).other = 2


class TestCapture:
    def captured(self, source):
        namespace = executed(source)
        return capture(namespace, "sample")

    def test_keeps_values_and_skips_private_names(self):
        assert self.captured("a = 1\n_b = 2\n__c__ = 3\nd = None") == {"a": 1, "d": None}

    def test_skips_modules(self):
        assert self.captured("import os.path\nimport json as j") == {}

    def test_skips_imported_functions_and_classes(self):
        source = "from os.path import join\nfrom math import sqrt\nfrom enum import Enum\nn = len"
        assert self.captured(source) == {}

    def test_keeps_own_functions_classes_and_lambdas(self):
        source = "def f(): ...\nclass C: ...\ng = lambda: 1\n"
        assert list(self.captured(source)) == ["f", "C", "g"]

    def test_keeps_instances_of_imported_classes(self):
        source = "from pathlib import PurePath\nfrom functools import partial\np = PurePath('a')\nq = partial(int, base=2)"
        assert list(self.captured(source)) == ["p", "q"]

    def test_skips_what_annotations_need(self):
        source = (
            "from __future__ import annotations, division\n"
            "from typing import Any, Literal, Optional, TypeVar, Union\n"
            "T = TypeVar('T')\nx: Optional[int] = 3\n"
        )
        assert self.captured(source) == {"x": 3}

    def test_unwraps_used_values(self):
        namespace = executed("import os\nm = use(os)\nf = use(os.getcwd)\n_p = use(1)", use=use)
        assert capture({**namespace, "use": None}, "sample") == {
            "m": namespace["os"],
            "f": namespace["os"].getcwd,
            "use": None,
        }


class TestCaptureGlobals:
    def run(self, block, before="x = 1"):
        source = f"{before}\nwith capture_globals() as ctx:\n    {block}\nafter = 2"
        with pytest.warns(DeprecationWarning, match=r"capture_globals\(\) is deprecated"):
            return executed(source, capture_globals=capture_globals)["ctx"]

    def test_captures_the_globals_that_are_new_in_the_block(self):
        assert self.run("lr = 0.1; x = 3; import os; _p = 1").captured == {"lr": 0.1}

    def test_is_a_capture_globals(self):
        assert isinstance(self.run("pass"), CaptureGlobals)

    def test_does_not_capture_itself(self):
        namespace = {}
        with pytest.warns(DeprecationWarning, match="capture_globals"):
            namespace = executed(
                "ctx = capture_globals()\nwith ctx:\n    again = ctx\n    lr = 1",
                capture_globals=capture_globals,
            )
        assert namespace["ctx"].captured == {"lr": 1}

    def test_the_warning_points_at_the_caller(self):
        with pytest.warns(DeprecationWarning, match="capture_globals") as caught:
            capture_globals()
        assert caught[0].filename == __file__

    def test_from_context_reads_what_was_captured(self):
        ctx = self.run("lr = 0.1")
        config = Config.from_context(ctx)
        assert config == Config({"lr": 0.1})
        assert config.globals_dict is not ctx.captured
