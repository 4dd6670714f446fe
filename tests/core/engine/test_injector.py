from types import ModuleType

import pytest

from kohakuengine.engine import GlobalInjector
from kohakuengine.errors import ConfigValueError, OverrideError


@pytest.fixture
def module():
    made = ModuleType("made")
    exec("import os\nx = 1\n_private = 2\ncfg = {'lr': 0.1}\nclass C: pass", vars(made))
    return made


def test_sets_values(module):
    GlobalInjector.inject(module, {"x": 5, "new": 6, "cfg.lr": 7})
    assert (module.x, module.new, module.cfg) == (5, 6, {"lr": 7})


def test_a_dotted_name_that_leads_nowhere_is_an_error(module):
    with pytest.raises(OverrideError, match=r"Did you mean 'cfg'\?"):
        GlobalInjector.inject(module, {"cgf.lr": 1})


@pytest.mark.parametrize(
    "name",
    [
        "__name__",
        "__file__",
        "__package__",
        "__loader__",
        "__spec__",
        "__cached__",
        "__builtins__",
        "__doc__",
    ],
)
def test_protected_names_are_refused_before_anything_is_set(module, name):
    assert name in GlobalInjector.PROTECTED_NAMES
    message = f"^Cannot override protected module attribute: {name}$"
    with pytest.raises(ConfigValueError, match=message) as caught:
        GlobalInjector.inject(module, {"x": 5, name: "x"})
    assert isinstance(caught.value, ValueError)
    assert module.x == 1


def test_other_names_are_not(module):
    GlobalInjector.inject(module, {"__all__": ["x"], "x": 5})
    assert (module.__all__, module.x) == (["x"], 5)


def test_user_globals_are_the_modules_own(module):
    assert GlobalInjector.get_user_globals(module) == {"x": 1, "cfg": {"lr": 0.1}, "C": module.C}
