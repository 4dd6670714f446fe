"""`kogine config show`, `check` and `validate`: their formats, word for word."""

import pytest


def test_show_prints_the_style_and_the_values_with_their_types(here, write):
    write(
        conf="lr = 0.1\nlayers = [1]\n_args = [1, 'a']\n_kwargs = {'b': None}\n_metadata = {'n': 1}"
    )
    assert here("config", "show", "conf.py") == (
        0,
        """\
Config: conf.py
Source style: bare
  args: [1, 'a']
  globals:
    lr = 0.1 (float)
    layers = [1] (list)
  kwargs:
    b = None (NoneType)
  metadata:
    n = 1 (int)
""",
        "",
    )


GENERATOR = "from kohakuengine import Config\ndef config_gen():\n"


@pytest.mark.parametrize(
    ("name", "source", "style"),
    [
        ("c", "a = 1", "bare"),
        ("c", "_sweep = {'a': [1]}", "_sweep"),
        ("c", "from kohakuengine import Config\nCONFIG = Config({'a': 1})", "CONFIG"),
        ("c", GENERATOR + "    return Config({'a': 1})", "config_gen"),
        ("c", GENERATOR + "    yield Config({'a': 1})", "config_gen"),
        ("c_json", '{"a": 1}', "json"),
        ("c_toml", "a = 1", "toml"),
        ("c_yaml", "a: 1", "yaml"),
    ],
)
def test_each_form_of_a_config_is_named(here, write, name, source, style):
    write(**{name: source})
    file = name.replace("_", ".") if "_" in name else f"{name}.py"
    ended = here("config", "show", file)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Config: {file}\nSource style: {style}\n")
    assert "    a = 1 (int)\n" in ended.out


def test_show_counts_and_prints_each_config_of_a_sweep(here, write):
    write(conf="b = 0\n_sweep = {'a': [1, 2]}")
    assert here("config", "show", "conf.py").out == (
        "Config: conf.py\n"
        "Source style: _sweep\n"
        "Total configs: 2\n"
        "[1]\n"
        "  globals:\n"
        "    b = 0 (int)\n"
        "    a = 1 (int)\n"
        "  metadata:\n"
        "    a = 1 (int)\n"
        "[2]\n"
        "  globals:\n"
        "    b = 0 (int)\n"
        "    a = 2 (int)\n"
        "  metadata:\n"
        "    a = 2 (int)\n"
    )


def shown(ended):
    lines = ended.out.splitlines()
    return lines[2], sum(line.startswith("[") for line in lines), lines[-1]


def test_show_stops_at_a_hundred_unless_told_otherwise(here, write):
    write(conf="_sweep = {'a': list(range(101))}")
    assert shown(here("config", "show", "conf.py")) == (
        "Total configs: 101",
        100,
        "... these are the first 100; --all shows every one",
    )
    assert shown(here("config", "show", "conf.py", "--all")) == (
        "Total configs: 101",
        101,
        "    a = 100 (int)",
    )


@pytest.mark.parametrize(
    ("count", "flags", "total", "printed"),
    [
        (3, [], "Total configs: 3", 3),
        (100, [], "Total configs: 100", 100),
        (101, [], "Total configs: more than 100", 100),
        (101, ["--all"], "Total configs: 101", 101),
    ],
)
def test_show_makes_no_more_configs_of_a_generator_than_it_must(
    here, write, count, flags, total, printed
):
    write(conf=f"{GENERATOR}    for a in range({count}):\n        yield Config()")
    assert shown(here("config", "show", "conf.py", *flags))[:2] == (total, printed)


def test_validate_says_what_the_file_is(here, write):
    write(
        bare="a = 1",
        sweep="_sweep = {'a': [1, 2]}",
        one="_sweep = {'a': [1]}",
        generator=GENERATOR + "    yield Config()",
    )
    for file, what in [
        ("bare.py", "one config"),
        ("sweep.py", "2 configs"),
        ("one.py", "1 config"),
        ("generator.py", "configs, made one by one"),
    ]:
        assert here("config", "validate", file) == (0, f"OK: {file} ({what})\n", "")


def test_validate_makes_the_first_config(here, write):
    write(conf=GENERATOR + "    yield 3")
    ended = here("config", "validate", "conf.py")
    assert ended == (1, "", "Error: Generator must yield Config objects, got int\n")


SCRIPT = """
    import os
    lr = 0.1
    epochs = 3
    seed = os.getpid()
    cfg = {"x": 1}
    print("this is not run")
"""


def test_check_compares_with_the_script_and_runs_neither(here, write):
    write(script=SCRIPT, conf="lr = 0.5\nseed = 1\nepoch = 5\nzzzz = 1\nos = 2")
    assert here("config", "check", "script.py", "-c", "conf.py") == (
        1,
        """\
[OK]  lr: 0.1 -> 0.5
[OK]  seed: os.getpid() -> 1
[??]  epoch: not in script (did you mean 'epochs'?)
[+]   zzzz: new var
[OK]  os: ? -> 2
""",
        "",
    )


def test_check_is_content_with_known_and_new_names(here, write):
    write(script=SCRIPT, conf_json='{"lr": 1, "zzzz": 2, "cfg.x": 3}')
    assert here("config", "check", "script.py", "--config", "conf.json") == (
        0,
        "[OK]  lr: 0.1 -> 1\n[+]   zzzz: new var\n[OK]  cfg.x: 1 -> 3\n",
        "",
    )


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("lr = 0\n_sweep = {'epochs': [1, 2]}", "[OK]  lr: 0.1 -> 0\n[OK]  epochs: 3 -> 1, 2\n"),
        (
            "_sweep = {'epochs': list(range(10))}",
            "[OK]  epochs: 3 -> 0, 1, 2, 3, 4, 5, 6, 7 and 2 more\n",
        ),
        (GENERATOR + "    yield Config({'lr': 2})", "[OK]  lr: 0.1 -> 2\n"),
        (GENERATOR + "    return iter(())", ""),
    ],
)
def test_check_takes_sweeps(here, write, source, shown):
    write(script=SCRIPT, conf=source)
    assert here("config", "check", "script.py", "-c", "conf.py") == (0, shown, "")


def test_check_cannot_tell_with_a_star_import(here, write):
    write(script="from os.path import *", conf="lr = 1")
    assert here("config", "check", "script.py", "-c", "conf.py").out == "[OK]  lr: ? -> 1\n"


@pytest.mark.parametrize("words", [["x.py", "-c", "conf.py"], ["conf.py", "-c", "x.py"]])
def test_check_needs_both_files(here, write, words):
    write(conf="a = 1")
    ended = here("config", "check", *words)
    assert (ended.code, ended.out) == (1, "")
    assert "not found: x.py" in ended.err
