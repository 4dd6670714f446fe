"""From flags to runs: --set, --sweep, --zip, --config, and what is wrong with them."""

import pytest

SCRIPT = "a = 1\nb = 2\nprint(a, b)"
GENERATOR = """
    from kohakuengine import Config
    def config_gen():
        for a in (10, 20):
            yield Config({"a": a})
"""


def runs(ended):
    assert ended.code == 0, ended
    return ended.out.splitlines()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--sweep a=3,4", ["3 2", "4 2"]),
        ("--sweep a=3,4 --sweep b=5,6", ["3 5", "3 6", "4 5", "4 6"]),
        ("--zip a=3,4 --zip b=5,6", ["3 5", "4 6"]),
        ("--zip a=3,4 --sweep b=5,6", ["3 5", "4 5", "3 6", "4 6"]),
        ("--sweep a=3 --set b=9", ["3 9"]),
        ("--sweep a=None,1e3", ["None 2", "1000 2"]),
    ],
)
def test_axes_combine_or_advance_together(here, write, flags, expected):
    write(script=SCRIPT)
    assert runs(here("run", "script.py", *flags.split())) == expected


def test_commas_in_quotes_and_brackets_belong_to_the_value(here, write):
    write(script="a = None\nprint(a)")
    ended = here("run", "script.py", "--sweep", "a='x,y',[1,2],z")
    assert runs(ended) == ["x,y", "[1, 2]", "z"]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("", ["1 10", "1 20"]),
        ("--set a=5", ["5 10", "5 20"]),
        ("--set b=5", ["1 5"]),  # the axis has one value now, so there is one run
        ("--sweep a=5,6", ["5 10", "6 10", "5 20", "6 20"]),
        ("--sweep b=7,8,9", ["1 7", "1 8", "1 9"]),  # in place of the file's
        ("--set a=3 --sweep b=7,8", ["3 7", "3 8"]),
    ],
)
def test_flags_extend_and_replace_the_axes_of_a_sweep_file(here, write, flags, expected):
    write(script=SCRIPT, conf="_sweep = {'b': [10, 20]}")
    ended = here("run", "script.py", "-c", "conf.py", *flags.split())
    assert sorted(runs(ended)) == sorted(expected)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("", ["10 2", "20 2"]),
        ("--set b=5", ["10 5", "20 5"]),
        ("--sweep b=5,6", ["10 5", "10 6", "20 5", "20 6"]),
        ("--set a=7", ["7 2", "7 2"]),
        ("--zip b=5,6", ["10 5", "10 6", "20 5", "20 6"]),
    ],
)
def test_flags_spread_a_generator_of_configs(here, write, flags, expected):
    write(script=SCRIPT, conf=GENERATOR)
    assert runs(here("run", "script.py", "-c", "conf.py", *flags.split())) == expected


def test_an_adaptive_generator_hears_of_the_last_of_its_points(here, write):
    write(
        script="a = b = 0\ndef main():\n    print(a, b)\n    return a + b",
        conf="""
            from kohakuengine import Config
            def config_gen():
                result = yield Config({"a": 1})
                yield Config({"a": result.value})
        """,
    )
    ended = here("run", "script.py", "-c", "conf.py", "--sweep", "b=10,20")
    assert runs(ended) == ["1 10", "1 20", "21 10", "21 20"]


def test_the_length_of_a_generator_is_multiplied(here, write):
    write(
        script=SCRIPT,
        conf="""
            from kohakuengine import Config, ConfigGenerator
            def config_gen():
                return ConfigGenerator(iter([Config({"a": 1}), Config({"a": 2})]), 2)
        """,
    )
    ended = here("run", "script.py", "-c", "conf.py", "--sweep", "b=1,2,3")
    assert len(runs(ended)) == 6
    assert "6 runs in " in ended.err


def test_an_unknown_name_is_set_and_warned_of_once(here, write):
    write(script="epochs = 1\nprint(epochs)")
    ended = here("run", "script.py", "--set", "epoch=2", "--set", "epoch=3", "--set", "zzz=1")
    assert (ended.code, ended.out) == (0, "1\n")
    assert ended.err == (
        "Warning: 'epoch' is not in script.py; it is set all the same. Did you mean 'epochs'?\n"
        "Warning: 'zzz' is not in script.py; it is set all the same.\n"
    )


def test_nothing_is_unknown_to_a_script_with_a_star_import(here, write):
    write(script="from os.path import *\ndef main(): print(anything)")
    assert here("run", "script.py", "--set", "anything=2") == (0, "2\n", "")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--set bb=2 --strict", "unknown key 'bb'; the script has a = 1, b = 2. Did you mean 'b'?"),
        ("--sweep zz=1,2 --strict", "unknown key 'zz'; the script has a = 1, b = 2."),
        ("--zip zz=1,2 --strict", "unknown key 'zz'; the script has a = 1, b = 2."),
        ("--set a=x --strict", "cannot coerce 'x' to int (a = 1 in the script)"),
        ("--sweep a=1,x --strict", "cannot coerce 'x' to int (a = 1 in the script)"),
        ("--set a", "'a' is not KEY=VALUE"),
        ("--set =1", "'=1' is not KEY=VALUE: '' is no name, nor names joined by dots"),
        ("--sweep 1a=1", "'1a=1' is not KEY=VALUE: '1a' is no name, nor names joined by dots"),
        ("--sweep a=", "an empty value in '': values are separated by single commas"),
        ("--sweep a=1,,2", "an empty value in '1,,2': values are separated by single commas"),
        ("--zip a=[1,2", "']' is missing in '[1,2'"),
        ("--sweep a=1 --sweep a=2", "'a' is swept twice; give all of its values in one flag"),
        ("--sweep a=1 --zip a=2", "'a' is swept twice; give all of its values in one flag"),
        ("--set a=1 --sweep a=2,3", "'a' is swept, and given one value by --set"),
        ("--zip a=1,2 --zip b=1", "equal-length axes, but 'a' has 2, 'b' has 1 values"),
        ("--set __name__=1", "Cannot override protected module attribute: __name__"),
        ("--sweep __name__=1", "Cannot override protected module attribute: __name__"),
        ("--set nope.x=1", "cannot set 'nope.x': the script has no 'nope'."),
        ("--set cfg.y.x=1", "there is no 'cfg.y'; 'cfg' (dict) has x."),
    ],
)
def test_what_is_wrong_with_a_flag_is_said_in_one_line(here, write, flags, message):
    write(script=SCRIPT + "\ncfg = {'x': 1}" if "cfg" in flags else SCRIPT)
    ended = here("run", "script.py", *flags.split())
    errors = [line for line in ended.err.splitlines() if line.startswith("Error: ")]
    assert (ended.code, len(errors)) == (1, 1)
    assert message in errors[0]
    assert "Traceback" not in ended.err


def test_a_text_of_the_wrong_type_is_kept_with_a_warning(kogine, write):
    write(script=SCRIPT)
    ended = kogine("run", "script.py", "--set", "a=x")
    assert ended == (0, "x 2\n", "Warning: cannot coerce 'x' to int (a = 1 in the script)\n")


MISSPELT = {
    "bare": "aa = 1",
    "sweep": "_sweep = {'aa': [1, 2]}",
    "base": "aa = 1\n_sweep = {'b': [1, 2]}",
    "generator": """
        from kohakuengine import Config
        def config_gen():
            yield Config({"a": 1})
            yield Config({"aa": 1})
    """,
}


@pytest.mark.parametrize("form", MISSPELT)
def test_strict_wants_the_names_of_a_config_file_in_the_script_too(here, write, form):
    write(script=SCRIPT, conf=MISSPELT[form])
    ended = here("run", "script.py", "-c", "conf.py", "--strict")
    assert ended.code == 1
    assert "unknown key 'aa'; the script has a = 1, b = 2. Did you mean 'a'?" in ended.err


def test_without_strict_a_config_file_may_set_what_it_likes(here, write):
    write(script=SCRIPT, conf="aa = 1")
    assert here("run", "script.py", "-c", "conf.py") == (0, "1 2\n", "")


@pytest.mark.parametrize("form", ["a = 3", "_sweep = {'a': [3]}", GENERATOR])
def test_strict_takes_a_config_file_whose_names_the_script_has(here, write, form):
    write(script=SCRIPT, conf=form)
    ended = here("run", "script.py", "-c", "conf.py", "--strict", "--set", "b=5")
    assert ended.code == 0
    assert ended.out.endswith(" 5\n")
