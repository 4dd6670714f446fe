"""Values and configs that are hard to carry: both ways, and whole or not at all."""

import decimal
import os
import sys
import threading
from textwrap import dedent

import pytest

from kohakuengine.config.base import Config
from kohakuengine.config.generator import ConfigGenerator
from kohakuengine.engine.exchange import Unpicklable
from kohakuengine.engine.script import Script
from kohakuengine.errors import TransportError
from kohakuengine.flow.runs import RunStatus
from kohakuengine_parallel.zygote.values import BARE, bare_value, packed_config

MANY = 100 * 2**20


@pytest.fixture
def value(write, run):
    """The value of a run whose source this is."""

    def value(source, executor, **values):
        return run(write(source, **values), executor).value

    return value


# -- big -------------------------------------------------------------------------------------------


def test_values_of_a_hundred_megabytes(mode, value):
    arrived = value(f"def main(): return bytes({MANY - 3}) + b'end'", mode)
    assert len(arrived) == MANY
    assert arrived.endswith(b"\0end")


def test_configs_of_a_hundred_megabytes(mode, value):
    source = "data = b''\ndef main(): return len(data), data[-4:]"
    assert value(source, mode, data=bytes(MANY - 3) + b"end") == (MANY, b"\0end")


def test_big_values_of_several_kinds_both_ways(mode, write, flow):
    script = write("items, text = [], ''\ndef main(): return {'items': items, 'text': text * 2}")
    given = [Config({"items": list(range(200_000)), "text": str(n) * 10**6}) for n in range(4)]
    values = flow([Script(script.location, config) for config in given], mode).run()
    for number, value in enumerate(values):
        assert value == {"items": list(range(200_000)), "text": str(number) * 2 * 10**6}


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_527, 65_528, 65_529, 2**22, 2**22 + 9])
def test_values_about_the_sizes_of_buffers(mode, size, value):
    source = "data = b''\ndef main(): return data"
    data = os.urandom(size)
    assert value(source, mode, data=data) == data


def test_a_big_value_does_not_hold_up_others(mode, write, flow):
    big = write(f"def main(): return bytes({MANY})", "big.py")
    small = write("def main(): return 1")
    values = flow([big, *[small] * 10], mode).run()
    assert len(values[0]) == MANY
    assert values[1:] == [1] * 10


# -- of which types --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        "True, 1, 1.0, 1j, '', b''",
        "2**10_000",
        "'\\ud800'",
        "float('inf')",
        "bytearray(b'x')",
        "range(3)",
        "slice(1, None)",
        "...",
        "NotImplemented",
        "int",
        "len",
        "__import__('decimal').Decimal('1.10')",
        "__import__('datetime').datetime(2026, 1, 1)",
        "__import__('collections').OrderedDict(a=1)",
        "__import__('collections').Counter('aab')",
        "memoryview(b'x').tobytes()",
    ],
)
def test_values_arrive_as_what_they_are(mode, expression, value):
    arrived = value(f"def main(): return {expression}", mode)
    expected = eval(expression)
    assert arrived == expected
    assert type(arrived) is type(expected)


def test_subclasses_of_plain_types_stay_what_they_are(mode, value):
    source = "import http\ndef main(): return http.HTTPStatus(404), bool(1), given"
    arrived = value("given = None\n" + source, mode, given=decimal.Decimal("0.1"))
    assert [type(item).__name__ for item in arrived] == ["HTTPStatus", "bool", "Decimal"]


def test_one_object_twice_in_a_value_is_one_object(mode, value):
    first, second = value("def main():\n    one = []\n    return one, one", mode)
    assert first is second


def test_a_circle_arrives(mode, value):
    arrived = value("def main():\n    one = []\n    one.append(one)\n    return one", mode)
    assert arrived[0] is arrived


def test_arrays_arrive(mode, value):
    numpy = pytest.importorskip("numpy")
    source = "import numpy\ngiven = None\ndef main(): return given * 2, numpy.float32(1.5)"
    array, scalar = value(source, mode, given=numpy.arange(5))
    assert array.tolist() == [0, 2, 4, 6, 8]
    assert type(scalar) is numpy.float32


# -- classes and functions of the script -----------------------------------------------------------

CLASSES = {
    "a class": "class Point:\n    def __init__(self): self.x = 3\ndef main(): return Point()",
    "a dataclass": (
        "import dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: int = 3\n"
        "def main(): return Point()"
    ),
    "a named tuple": (
        "import typing\nclass Point(typing.NamedTuple):\n    x: int = 3\ndef main(): return Point()"
    ),
    "slots": (
        "class Point:\n    __slots__ = ('x',)\n    def __init__(self): self.x = 3\n"
        "def main(): return Point()"
    ),
    "inside a function": ("def main():\n    class Point:\n        x = 3\n    return Point()"),
    "that refers to globals": (
        "three = 3\nclass Point:\n    @property\n    def x(self): return three\n"
        "def main(): return Point()"
    ),
    "an enum": "import enum\nclass E(enum.Enum):\n    x = 3\ndef main(): return E.x, E",
}


@pytest.mark.parametrize("name", CLASSES)
def test_objects_of_the_scripts_classes(mode, name, value):
    arrived = value(CLASSES[name], mode)
    if name == "an enum":
        member, kind = arrived
        assert (member.value, member) == (3, kind.x)
    else:
        assert arrived.x == 3


def test_functions_of_the_script(mode, value):
    source = "base = 1\ndef add(n): return n + base\ndef main(): return add, lambda n: n * base"
    add, times = value(source, mode, base=10)
    assert (add(1), times(2)) == (11, 20)


def test_objects_of_a_module_beside_the_script(mode, write, run):
    write("class Thing:\n    def __init__(self, n): self.n = n\n", "beside_the_script.py")
    script = write("import beside_the_script\ndef main(): return beside_the_script.Thing(4)")
    try:
        assert run(script, mode).value.n == 4
        assert str(script.path.parent) not in sys.path
    finally:
        sys.modules.pop("beside_the_script", None)


# -- that cannot cross -----------------------------------------------------------------------------

STAY = {
    "a lock": ("import threading\ndef main(): return threading.Lock()", "a _thread.lock"),
    "inside": ("import threading\ndef main(): return {'a': [threading.Lock()]}", "a builtins.dict"),
    "a generator": ("def main():\n    yield 1", "a builtins.generator"),
    "an open file": ("import os\ndef main(): return open(os.devnull, 'w')", "a _io.TextIOWrapper"),
    "a module": ("import sys\ndef main(): return [sys._getframe()]", "a builtins.list"),
    "refuses": (
        "class No:\n    def __reduce__(self): raise ValueError('not me')\ndef main(): return No()",
        "a __main__.No",
    ),
}


@pytest.mark.parametrize("name", STAY)
def test_a_value_that_cannot_be_pickled_is_described(mode, name, write, flow):
    source, description = STAY[name]
    stream = flow([write(source)], mode).results
    with pytest.warns(UserWarning, match=r"script\.py in run 1 stayed in its process"):
        [result] = stream()
    assert result.status is RunStatus.SUCCESS
    assert isinstance(result.value, Unpicklable)
    assert repr(result.value) == f"<unpicklable: {description}>"


HOMELY = """
    import os
    home = os.getpid()
    def rebuilt(pid):
        import os
        if os.getpid() != pid:
            raise {error}("not here")
    class Homely:
        def __reduce__(self): return rebuilt, (home,)
    def main(): return Homely()
"""


def test_a_value_that_cannot_be_rebuilt_here_is_described(mode, write, flow):
    scripts = [write(HOMELY.format(error="OSError")), write("def main(): return 1", "after.py")]
    with pytest.warns(UserWarning, match=r"script\.py in run 1 stayed in its process"):
        first, second = flow(scripts, mode).results()
    assert repr(first.value) == "<unpicklable: a __main__.Homely>"
    assert second.value == 1


@pytest.mark.parametrize("error", ["SystemExit", "KeyboardInterrupt"])
def test_a_value_that_would_end_this_program_does_not(mode, error, write, flow):
    scripts = [write(HOMELY.format(error=error)), write("def main(): return 1", "after.py")]
    first, second = flow(scripts, mode).results()
    assert isinstance(first.error, TransportError)
    assert f"rebuilding it raised {error}" in str(first.error)
    assert second.value == 1


def test_a_config_that_cannot_cross_costs_one_run(mode, write, flow):
    script = write("given = 0\ndef main(): return given")
    configs = ConfigGenerator(Config({"given": each}) for each in (1, threading.Lock(), 3))
    first, refused, third = flow(Script(script.location, configs), mode).results()
    assert (first.value, third.value) == (1, 3)
    assert isinstance(refused.error, TransportError)
    assert "given" in str(refused.error)


def test_a_config_that_cannot_be_rebuilt_there_fails_one_run(
    mode, write, flow, tmp_path, monkeypatch
):
    source = """
        import os
        class HereOnly:
            def __reduce__(self): return rebuilt, (os.getpid(),)
        def rebuilt(pid):
            assert os.getpid() == pid, "only at home"
    """
    (tmp_path / "here_only.py").write_text(dedent(source))
    monkeypatch.syspath_prepend(tmp_path)
    import here_only

    script = write("given = 0\ndef main(): return 'arrived'")
    scripts = [Script(script.location, Config({"given": it})) for it in (here_only.HereOnly(), 2)]
    refused, fine = flow(scripts, mode, max_workers=1).results()
    sys.modules.pop("here_only")
    assert isinstance(refused.error, TransportError), refused.error
    assert "only at home" in str(refused.error)
    assert fine.value == "arrived"


# -- configs of all kinds --------------------------------------------------------------------------


def test_arguments_arrive(mode, write, flow):
    script = write("def main(*args, **kwargs): return args, kwargs")
    configs = [Config(args=[1, "two"]), Config(kwargs={"k": [3]}), Config({"g": 1}), Config()]
    values = flow([Script(script.location, config) for config in configs], mode).run()
    assert values == [((1, "two"), {}), ((), {"k": [3]}), ((), {}), ((), {})]


def test_arguments_of_a_command_line_script_arrive(mode, write, run):
    script = write("""
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float)
        parser.add_argument("--name")
        if __name__ == "__main__":
            found = parser.parse_args()
            assert (found.lr, found.name) == (0.5, "y"), found
            print(found)
    """)
    script = Script(script.location, Config(kwargs={"lr": 0.5}))
    result = run(script, mode, argv=["--name", "y"])
    assert result.ok, result.error


def test_overrides_of_different_names_in_one_sweep(mode, write, flow):
    script = write("a = 1\nb = a * 10\nc = b * 10\ndef main(): return a, b, c")
    given = [{}, {"a": 2}, {"b": 7}, {"a": 3, "c": 0}, {"c": "x"}, {"a": 2}, {}]
    values = flow([Script(script.location, Config(each)) for each in given], mode).run()
    assert values == [
        (1, 10, 100),
        (2, 20, 200),
        (1, 7, 70),
        (3, 30, 0),
        (1, 10, "x"),
        (2, 20, 200),
        (1, 10, 100),
    ]


def test_names_that_the_script_does_not_have_are_set_all_the_same(mode, value):
    assert value("def main(): return new", mode, new=5) == 5


def test_a_config_with_nested_names(mode, write, run):
    script = write("class opt:\n    lr = 1\n    wd = 2\ndef main(): return opt.lr, opt.wd")
    result = run(Script(script.location, Config({"opt.lr": 9})), mode)
    inline = flow_inline(script)
    assert (result.value if result.ok else type(result.error)) == inline


def flow_inline(script):
    """What the same run comes to in this process."""
    from kohakuengine import Sequential

    flow = Sequential([Script(script.location, Config({"opt.lr": 9}))], on_error="continue")
    [result] = flow.results()
    return result.value if result.ok else type(result.error)


def test_what_a_run_changes_in_its_config_no_other_sees(mode, write, flow):
    script = write("items = []\ndef main():\n    items.append(1)\n    return items")
    shared = []
    scripts = [Script(script.location, Config({"items": shared})) for _ in range(3)]
    assert flow(scripts, mode, max_workers=1).run() == [[1]] * 3
    assert shared == []


def test_a_protected_name_is_refused(mode, write, run):
    result = run(write("def main(): pass", __name__="other"), mode)
    assert result.status is RunStatus.FAILED
    assert "__name__" in str(result.error)


@pytest.mark.parametrize("count", [3_000, 4_000, 20_000])
def test_more_names_than_fit_into_one_message(mode, count, write, flow):
    given = {f"a_name_that_is_rather_long_{number}": number for number in range(count)}
    script = write("def main(): return sum(v for k, v in globals().items() if k[:7] == 'a_name_')")
    scripts = [Script(script.location, Config(given)) for _ in range(3)]
    assert flow(scripts, mode, timeout_s=30).run() == [sum(range(count))] * 3


def test_longer_arguments_than_fit_into_one_message(mode, write, run):
    words = [letter * 50_000 for letter in "abcdefgh"]
    script = write("import sys\ndef main(): return sys.argv[1:]")
    assert run(script, mode, argv=words, timeout_s=30).value == words


def test_names_of_a_kind_of_their_own_go_the_usual_way(write):
    class Name(str):
        __slots__ = ()

    script = write("")
    assert packed_config(Config({"name": 1}), script)[0] == BARE
    assert packed_config(Config({Name("name"): 1}), script)[0] != BARE


@pytest.mark.skipif(sys.maxsize < 2**32, reason="there is not so much of it")
def test_more_bytes_than_marshal_can_count_go_the_usual_way():
    assert bare_value(bytes(2**31)) is None  # of which no page is touched
