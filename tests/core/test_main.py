import pytest

from kohakuengine import Config, run
from kohakuengine.errors import (
    CoercionError,
    ConfigNotFound,
    ConfigTypeError,
    EntrypointArgumentError,
    EntrypointNotFound,
    OverrideError,
    RunFailed,
    ScriptNotFound,
    UnknownKey,
)

SCRIPT = """
    lr = 0.1
    epochs = 3
    name: str = "base"
    cfg = {"a": 1, "b": 2}
    def main(*args, **kwargs): return lr, epochs, name, cfg, args, kwargs
"""


@pytest.fixture
def path(script):
    return script(SCRIPT).path


@pytest.fixture
def config(tmp_path):
    """Write a config file."""

    def write(source):
        (tmp_path / "config.py").write_text(source)
        return tmp_path / "config.py"

    return write


class TestMerging:
    def test_nothing_given(self, path):
        assert run(path) == (0.1, 3, "base", {"a": 1, "b": 2}, (), {})

    def test_a_config_file(self, path, config):
        file = config("lr = 1.0\n_args = [1]\n_kwargs = {'k': 1}")
        assert run(path, file) == (1.0, 3, "base", {"a": 1, "b": 2}, (1,), {"k": 1})

    def test_globals_and_kwargs_merge_over_it_and_args_replace(self, path, config):
        file = config("lr = 1.0\nepochs = 5\n_args = [1]\n_kwargs = {'k': 1, 'l': 1}")
        value = run(path, file, globals_dict={"lr": 2.0}, args=(2, 3), kwargs={"l": 2})
        assert value == (2.0, 5, "base", {"a": 1, "b": 2}, (2, 3), {"k": 1, "l": 2})

    def test_empty_args_replace_too(self, path, config):
        assert run(path, config("_args = [1]"), args=[])[4] == ()

    def test_texts_come_last_and_become_what_the_defaults_are(self, path, config):
        texts = {"lr": "1", "epochs": "1e3", "name": "7"}
        value = run(path, config("lr = 5.0"), {"lr": 6.0}, set_overrides=texts)
        assert value[:3] == (1.0, 1000, "7")
        assert [type(part) for part in value[:3]] == [float, int, str]

    def test_texts_may_be_assignments(self, path):
        assert run(path, set_overrides=["lr=1", "cfg.a=5"])[:4] == (
            1.0,
            3,
            "base",
            {"a": 5, "b": 2},
        )

    def test_only_texts_are_coerced(self, path, config):
        assert run(path, config("epochs = '7'"))[1] == "7"
        assert run(path, globals_dict={"epochs": "7"})[1] == "7"

    def test_dotted_keys_reach_into_objects(self, path, config):
        assert run(path, globals_dict={"cfg.a": 5})[3] == {"a": 5, "b": 2}

    def test_what_is_given_is_not_changed(self, path):
        values = {"lr": 2.0}
        run(path, globals_dict=values, set_overrides={"lr": "3"})
        assert values == {"lr": 2.0}

    def test_anything_given_is_a_config(self, script):
        made = script("x = 1").path
        assert run(made) is None
        for given in (
            {"globals_dict": {}},
            {"args": []},
            {"kwargs": {}},
            {"set_overrides": ["x=1"]},
        ):
            with pytest.raises(EntrypointNotFound):
                run(made, **given)


class TestStrict:
    def test_an_unknown_key_warns_or_is_an_error(self, path):
        with pytest.warns(UserWarning, match=r"'lrr' is not in .*script\.py.* Did you mean 'lr'\?"):
            run(path, set_overrides={"lrr": "1"})
        with pytest.raises(UnknownKey, match=r"unknown key 'lrr'.* Did you mean 'lr'\?") as caught:
            run(path, set_overrides={"lrr": "1"}, strict=True)
        assert isinstance(caught.value, KeyError)

    def test_a_text_of_another_type_warns_or_is_an_error(self, path):
        with pytest.warns(UserWarning, match="cannot coerce"):
            assert run(path, set_overrides={"epochs": "many"})[1] == "many"
        with pytest.raises(CoercionError, match="cannot coerce") as caught:
            run(path, set_overrides={"epochs": "many"}, strict=True)
        assert isinstance(caught.value, TypeError)

    def test_an_argument_that_nothing_takes_warns_or_is_an_error(self, script):
        made = script("def main(lr=1): return lr").path
        with pytest.warns(UserWarning, match="It is dropped"):
            assert run(made, kwargs={"lrr": 2}) == 1
        with pytest.raises(EntrypointArgumentError, match="Did you mean 'lr'"):
            run(made, kwargs={"lrr": 2}, strict=True)


class TestErrors:
    def test_of_what_is_given(self, path, tmp_path):
        with pytest.raises(ScriptNotFound):
            run(tmp_path / "none.py")
        with pytest.raises(ConfigNotFound, match="Config file not found"):
            run(path, tmp_path / "none.py")
        with pytest.raises(OverrideError, match="is not KEY=VALUE"):
            run(path, set_overrides=["lr"])

    def test_a_sweep_is_refused(self, path, config):
        with pytest.raises(ConfigTypeError, match="use Flow for sweeps"):
            run(path, config("_sweep = {'lr': [1, 2]}"))

    def test_of_the_script_are_its_own(self, script):
        with pytest.raises(ZeroDivisionError):
            run(script("1/0").path)
        with pytest.raises(RunFailed, match="exit code 3"):
            run(script("import sys\nsys.exit(3)").path)

    def test_the_entrypoint_may_be_part_of_the_path(self, script):
        made = script("def a(): return 1\ndef b(): return 2")
        assert run(f"{made.location}:b", globals_dict=Config().globals_dict) == 2
