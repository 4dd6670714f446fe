import operator
import sys

import pytest

from kohakuengine.config import Config, ConfigGenerator
from kohakuengine.config.sweep import Sweep


def configs(count):
    return [Config({"n": n}) for n in range(count)]


class TestStream:
    def test_gives_the_configs_once(self):
        generator = ConfigGenerator(iter(configs(3)))
        assert list(generator) == configs(3)
        assert list(generator) == []

    def test_is_its_own_iterator(self):
        generator = ConfigGenerator(iter([]))
        assert iter(generator) is generator

    def test_takes_any_iterable(self):
        assert list(ConfigGenerator(configs(2))) == configs(2)

    def test_is_lazy(self):
        made = []

        def make():
            for config in configs(3):
                made.append(config)
                yield config

        generator = ConfigGenerator(make())
        assert made == []
        next(generator)
        assert made == configs(1)

    def test_is_exhausted_once_the_end_was_seen(self):
        generator = ConfigGenerator(iter(configs(1)))
        assert not generator.exhausted
        next(generator)
        assert not generator.exhausted
        with pytest.raises(StopIteration):
            next(generator)
        assert generator.exhausted

    @pytest.mark.parametrize(("value", "kind"), [({"a": 1}, "dict"), (None, "NoneType")])
    def test_refuses_what_is_no_config(self, value, kind):
        generator = ConfigGenerator(iter([value]))
        with pytest.raises(TypeError, match=f"^Generator must yield Config objects, got {kind}$"):
            next(generator)

    def test_an_exception_of_the_generator_function_comes_through(self):
        def make():
            yield Config()
            raise KeyError("mine")

        generator = ConfigGenerator(make())
        next(generator)
        with pytest.raises(KeyError, match="mine"):
            next(generator)


class TestFeedback:
    def echo(self):
        heard = yield Config({"heard": "nothing"})
        while heard != "stop":
            heard = yield Config({"heard": heard})

    def test_reaches_the_yield(self):
        generator = ConfigGenerator(self.echo())
        assert generator.send(None).globals_dict == {"heard": "nothing"}
        assert generator.send("first").globals_dict == {"heard": "first"}
        assert generator.send(None).globals_dict == {"heard": None}
        with pytest.raises(StopIteration):
            generator.send("stop")
        assert generator.exhausted

    def test_of_the_first_call_has_no_yield_to_go_to(self):
        assert ConfigGenerator(self.echo()).send("early").globals_dict == {"heard": "nothing"}

    def test_next_tells_nothing(self):
        generator = ConfigGenerator(self.echo())
        next(generator)
        assert next(generator).globals_dict == {"heard": None}

    def test_a_plain_iterator_ignores_it(self):
        generator = ConfigGenerator(iter(configs(2)))
        assert [generator.send(None), generator.send("news")] == configs(2)

    def test_goes_through_a_generator_in_a_generator(self):
        generator = ConfigGenerator(ConfigGenerator(self.echo()))
        next(generator)
        assert generator.send("deep").globals_dict == {"heard": "deep"}


class TestClose:
    def test_closes_the_generator_function(self):
        ended = []

        def make():
            try:
                yield from configs(3)
            finally:
                ended.append(True)

        generator = ConfigGenerator(make())
        next(generator)
        generator.close()
        assert ended == [True]
        assert list(generator) == []

    def test_ends_a_plain_iterator_too(self):
        generator = ConfigGenerator(iter(configs(3)))
        generator.close()
        assert list(generator) == []


class TestLength:
    def test_is_unknown_unless_given(self):
        generator = ConfigGenerator(iter(configs(3)))
        assert generator.length is None
        assert operator.length_hint(generator, -1) == -1

    def test_hint_counts_what_is_to_come(self):
        generator = ConfigGenerator(iter(configs(3)), 3)
        assert generator.length == 3
        assert operator.length_hint(generator) == 3
        next(generator)
        assert generator.length == 3
        assert operator.length_hint(generator) == 2

    def test_hint_is_never_negative(self):
        generator = ConfigGenerator(iter(configs(3)), 1)
        list(generator)
        assert operator.length_hint(generator) == 0

    def test_beyond_what_python_counts_gives_no_hint(self):
        generator = ConfigGenerator(iter([]), sys.maxsize + 1)
        assert operator.length_hint(generator, 7) == 7
        assert list(generator) == []


class TestFresh:
    def test_a_sweep_starts_over(self):
        sweep = Sweep(Config(), [{"a": [1, 2]}])
        generator = ConfigGenerator.from_sweep(sweep)
        first = list(generator)
        again = generator.fresh()
        assert again.sweep is sweep
        assert again.length == 2
        assert list(again) == first

    def test_other_generators_cannot(self):
        generator = ConfigGenerator(iter([]))
        assert generator.sweep is None
        assert generator.fresh() is None
