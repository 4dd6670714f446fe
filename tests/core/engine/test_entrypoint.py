import sys
import warnings
from types import ModuleType

import pytest

import kohakuengine
from kohakuengine.engine import (
    EntrypointFinder,
    call_entrypoint,
    entrypoint,
    find_entrypoint,
)
from kohakuengine.errors import (
    EntrypointArgumentError,
    EntrypointNotFound,
    MultipleEntrypoints,
    NamedEntrypointNotFound,
)


@pytest.fixture
def module(script):
    """Execute a source as a module that was imported."""

    def make(source):
        made = ModuleType("imported")
        made.__file__ = script(source).filename
        code = compile(script(source).path.read_text(), made.__file__, "exec")
        exec(code, vars(made))
        return made

    return make


HEAD = "import kohakuengine as kogine\n"


class TestDecorator:
    def test_in_its_three_forms(self):
        @entrypoint
        def one():
            pass

        @entrypoint()
        def two():
            pass

        @entrypoint(name="alias")
        def three():
            pass

        names = [f.__kogine_entrypoint_name__ for f in (one, two, three)]
        assert names == ["one", "two", "alias"]
        assert all(f.__kogine_entrypoint__ is True for f in (one, two, three))

    def test_returns_the_function_itself(self):
        def f():
            return 1

        assert entrypoint(f) is f
        assert kohakuengine.entrypoint is entrypoint

    def test_takes_what_has_no_name(self):
        class Command:
            def __repr__(self):
                return "a command"

        assert entrypoint(Command()).__kogine_entrypoint_name__ == "a command"


class TestFindEntrypoint:
    def test_the_decorated_first(self, module):
        made = module(HEAD + "@kogine.entrypoint\ndef go(): return 1\ndef main(): pass")
        assert find_entrypoint(made)() == 1

    def test_then_the_function_of_the_guard(self, module):
        made = module("def start(): return 1\ndef main(): pass\nif __name__ == '__main__': start()")
        assert find_entrypoint(made) is made.start

    def test_then_the_guards_block(self, module):
        made = module("x = []\nif __name__ == '__main__':\n    x.append(__name__)\n    x.append(2)")
        find_entrypoint(made)()
        assert made.x == ["__main__", 2]
        assert made.__name__ == "imported"

    def test_a_guards_call_of_what_is_not_there_is_its_block(self, module):
        made = module("if __name__ == '__main__': missing()")
        with pytest.raises(NameError, match="missing"):
            find_entrypoint(made)()
        assert made.__name__ == "imported"

    @pytest.mark.parametrize("name", ["main", "run"])
    def test_then_main_then_run(self, module, name):
        assert (
            find_entrypoint(module(f"def run(): pass\ndef {name}(): return 1"))()
            == {
                "main": 1,
                "run": 1,
            }[name]
        )

    def test_imported_functions_do_not_count(self, module):
        made = module("from asyncio import run\nfrom kohakuengine.cli import main")
        with pytest.raises(EntrypointNotFound):
            find_entrypoint(made)

    def test_a_decorated_function_of_another_file_does_not_count(self, module, script, monkeypatch):
        script(HEAD + "@kogine.entrypoint\ndef go(): pass", name="ep_helper.py")
        monkeypatch.syspath_prepend(script("").path.parent)
        try:
            made = module("from ep_helper import go\ndef main(): return 1")
            assert find_entrypoint(made) is made.main
        finally:
            del sys.modules["ep_helper"]

    def test_a_wrapped_one_counts(self, module):
        source = """
            import functools, kohakuengine as kogine
            from contextlib import contextmanager
            def logged(f):
                @functools.wraps(f)
                def inner(): return f()
                return inner
            @kogine.entrypoint
            @logged
            def go(): return 1
        """
        assert find_entrypoint(module(source))() == 1

    def test_objects_and_classes_count_too(self, module):
        source = HEAD + "class Command:\n    def __call__(self): return 1\n"
        made = module(source + "go = kogine.entrypoint(Command())")
        assert find_entrypoint(made) is made.go
        made = module(source.replace("class", "@kogine.entrypoint\nclass") + "again = Command")
        assert find_entrypoint(made) is made.Command

    def test_objects_that_answer_strangely_do_not_count(self, module):
        source = """
            from unittest.mock import MagicMock, Mock, call
            mock = Mock(__kogine_entrypoint__="x")
            class Proxy:
                def __getattr__(self, name): raise RuntimeError("not yet")
            proxy = Proxy()
            def main(): return 1
        """
        assert find_entrypoint(module(source))() == 1

    def test_by_name_or_alias(self, module):
        source = "@kogine.entrypoint(name='alias')\ndef go(): return 1\ndef other(): return 2"
        made = module(HEAD + source)
        assert find_entrypoint(made, explicit_name="alias") is made.go
        assert find_entrypoint(made, explicit_name="go") is made.go
        assert find_entrypoint(made, explicit_name="other") is made.other

    def test_a_missing_name_is_an_error_that_names_the_nearest(self, module):
        made = module("def train(): pass\ndef _private(): pass\nx = 1")
        message = (
            r"^Specified entrypoint 'trian' not found in module\. It has train\. "
            r"Did you mean 'train'\?$"
        )
        with pytest.raises(NamedEntrypointNotFound, match=message) as caught:
            find_entrypoint(made, explicit_name="trian")
        assert isinstance(caught.value, ValueError)
        with pytest.raises(NamedEntrypointNotFound, match="'x' is not callable in module"):
            find_entrypoint(made, explicit_name="x")
        with pytest.raises(NamedEntrypointNotFound, match=r"not found in module\.$"):
            find_entrypoint(module("x = 1"), explicit_name="go")

    def test_several_decorated_are_an_error(self, module):
        source = "@kogine.entrypoint\ndef a(): pass\n@kogine.entrypoint\ndef b(): pass"
        with pytest.raises(
            MultipleEntrypoints, match=r"Multiple @entrypoint functions: a, b\."
        ) as caught:
            find_entrypoint(module(HEAD + source))
        assert isinstance(caught.value, RuntimeError)

    def test_nothing_is_an_error_that_lists_what_was_searched(self, module, tmp_path):
        made = module("x = 1")
        with pytest.raises(EntrypointNotFound) as caught:
            find_entrypoint(made)
        message = str(caught.value)
        assert message.startswith(f"No entrypoint found in {tmp_path / 'script.py'}. Searched")
        for place in (
            "@entrypoint",
            '__name__ == "__main__"',
            "main()",
            "run()",
            "--entrypoint NAME",
        ):
            assert place in message

    def test_the_path_may_be_given_or_be_absent(self, module, script):
        made = module("def main(): return 1")
        path = made.__file__
        del made.__file__
        assert find_entrypoint(made)() == 1
        assert find_entrypoint(made, path)() == 1
        with pytest.raises(EntrypointNotFound, match="No entrypoint found in empty"):
            find_entrypoint(ModuleType("empty"))

    def test_a_decorated_one_without_a_file_is_known_by_its_module(self):
        made = ModuleType("made")
        exec(HEAD + "@kogine.entrypoint\ndef go(): pass", vars(made))
        assert find_entrypoint(made) is made.go


class TestFinder:
    def test_nothing_is_none(self, module):
        assert EntrypointFinder().find_entrypoint(module("x = 1"), None) is None

    def test_is_the_same_otherwise(self, module):
        made = module("def main(a): return a")
        found = EntrypointFinder().find_entrypoint(made, made.__file__)
        assert EntrypointFinder().call_entrypoint(found, [1], {}) == 1


class TestCallEntrypoint:
    def test_passes_what_the_signature_takes(self):
        def f(a, /, b, *, c=3):
            return a, b, c

        assert call_entrypoint(f, [1], {"b": 2}) == (1, 2, 3)
        assert call_entrypoint(f, [1, 2], {"c": 4}) == (1, 2, 4)

    def test_passes_everything_to_what_takes_everything(self):
        def f(*args, **kwargs):
            return args, kwargs

        assert call_entrypoint(f, [1, 2], {"a": 3}) == ((1, 2), {"a": 3})

    def test_drops_the_rest_with_a_warning_that_names_the_nearest(self):
        def train(lr, *, epochs=3):
            return lr, epochs

        message = r"^train\(\) does not take the argument epoch; it takes epochs\. Did you mean 'epochs'\? It is dropped\.$"
        with pytest.warns(UserWarning, match=message):
            assert call_entrypoint(train, [0.1], {"epoch": 5}) == (0.1, 3)
        with pytest.warns(UserWarning, match=r"does not take the argument 'more'; it takes lr\."):
            assert call_entrypoint(train, [0.1, "more"]) == (0.1, 3)

    def test_a_parameter_that_is_filled_already_takes_no_more(self):
        with pytest.warns(UserWarning, match=r"argument a; it takes b\."):
            assert call_entrypoint(lambda a, b=2: (a, b), [1], {"a": 5}) == (1, 2)

    def test_a_positional_only_parameter_is_not_taken_by_name(self):
        with pytest.warns(UserWarning, match=r"argument a; it takes none\."):
            assert call_entrypoint(lambda a=1, /: a, kwargs={"a": 5}) == 1

    def test_strict_is_an_error(self):
        with pytest.raises(EntrypointArgumentError, match="argument x") as caught:
            call_entrypoint(lambda: None, kwargs={"x": 1}, strict=True)
        assert isinstance(caught.value, TypeError)

    def test_without_arguments_nothing_is_looked_at(self):
        class Odd:
            __signature__ = "no signature"

            def __call__(self):
                return 1

        assert call_entrypoint(Odd()) == 1

    def test_what_has_no_signature_takes_what_it_takes(self):
        assert call_entrypoint(max, [1, 2]) == 2
        assert call_entrypoint(dict, kwargs={"a": 1}) == {"a": 1}

    def test_coroutines_are_awaited_whatever_wraps_them(self):
        async def f(x):
            return x

        assert call_entrypoint(f, [1]) == 1
        assert call_entrypoint(lambda x: f(x + 1), [1]) == 2

    def test_nothing_warns_where_all_is_taken(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert call_entrypoint(lambda a, b: (a, b), [1], {"b": 2}) == (1, 2)
