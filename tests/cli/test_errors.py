"""What bad input gets: one line first, what was looked for, the nearest name; never our traceback."""

import sys

import pytest

CYCLE = "from kohakuengine import use_config\nuse_config('{}.py')"


def error_of(ended, code=1):
    assert ended.code == code, ended
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert ended.err.startswith("Error: ")
    return ended.err.removeprefix("Error: ")


# -- scripts -------------------------------------------------------------------------------------


def test_a_script_that_is_missing_names_the_nearest(here, write):
    write(train="")
    text = error_of(here("run", "trian.py"))
    assert text == "Script not found: trian.py. Did you mean 'train.py'?\n"


def test_a_folder_is_no_script(here, folder):
    (folder / "d").mkdir()
    assert error_of(here("run", "./d")) == "Script must be .py file, got ./d\n"
    assert "did you mean the file ./d?" in error_of(here("run", "d"))


def test_a_file_of_another_kind_is_no_script(here, folder):
    (folder / "notes.txt").write_text("")
    assert error_of(here("run", "./notes.txt")) == "Script must be .py file, got ./notes.txt\n"


def test_a_module_that_is_missing_is_named(here):
    message = "No module named 'nope' (in 'nope.mod') in the current folder or on sys.path\n"
    assert error_of(here("run", "nope.mod")) == message


@pytest.mark.parametrize(
    "flags", [[], ["--set", "x=1"], ["--sweep", "x=1,2"], ["--subprocess"], ["--json"]]
)
def test_a_syntax_error_looks_as_in_python(kogine, write, folder, flags):
    write(script="x = 1\ny = (\n")
    python = kogine(str(folder / "script.py"), command=[sys.executable])
    ended = kogine("run", "script.py", *flags)
    assert (ended.code, ended.err) == (1, python.err)


def test_a_script_that_cannot_be_read_is_an_error_of_one_line(here, folder, write):
    (folder / "script.py").symlink_to("script.py")
    assert "Script not found" in error_of(here("run", "script.py"))
    (folder / "dir.py").mkdir()
    assert "got the folder dir.py" in error_of(here("run", "dir.py"))


# -- entrypoints ---------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [["--set", "x=1"], ["--sweep", "x=1,2"], ["-c", "conf.py"]])
def test_without_an_entrypoint_a_config_has_no_use(here, write, flags):
    write(script="x = 1", conf="x = 2")
    text = error_of(here("run", "script.py", *flags), code=2)
    assert text.startswith("No entrypoint found in script.py. Searched, in this order:\n")
    assert text.endswith("Add one of them, or name a function: --entrypoint NAME\n")


def test_without_an_entrypoint_and_without_a_config_all_is_well(here, write):
    write(script="x = 1")
    assert here("run", "script.py") == (0, "", "")


@pytest.mark.parametrize("flags", [[], ["--subprocess"], ["--json"]])
def test_an_unknown_entrypoint_names_the_nearest(kogine, write, flags):
    write(script="def main(): pass\ndef train(): pass")
    ended = kogine("run", "script.py", "-e", "trian", *flags)
    assert ended.code == 2
    assert ended.err == (
        "Error: Specified entrypoint 'trian' not found in module. It has main, train. "
        "Did you mean 'train'?\n"
    )


def test_an_unknown_entrypoint_is_wrong_usage_in_a_sweep_too(here, write):
    write(script="x = 1\ndef main(): pass")
    ended = here("run", "script.py:mian", "--sweep", "x=1,2", "--keep-going")
    assert ended.code == 2
    assert "Error: run 1 with x=1 failed: Specified entrypoint 'mian' not found" in ended.err


def test_several_decorated_functions_need_a_name(here, write):
    write(
        script="""
            import kohakuengine as kogine
            @kogine.entrypoint
            def a(): pass
            @kogine.entrypoint
            def b(): pass
        """
    )
    text = error_of(here("run", "script.py"), code=2)
    assert text == "Multiple @entrypoint functions: a, b. Name one: --entrypoint NAME\n"


def test_strict_refuses_arguments_that_nothing_takes(here, write):
    write(script="def main(a=1): pass", conf_json='{"kwargs": {"b": 2}}')
    text = error_of(here("run", "script.py", "-c", "conf.json", "--strict"))
    assert text == "main() does not take the argument b; it takes a.\n"


# -- config files --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("_sweep = {'lr': 3}", "sweep axis 'lr' must be a list or tuple, got int"),
        ("_sweep = 3", "_sweep must be a dict, got int"),
        ("_sweep = {'__mode__': 'gird', 'a': [1]}", "Unknown _sweep mode 'gird'"),
        ("_sweep = {'__mode__': 'zip', 'a': [1], 'b': [1, 2]}", "zip needs equal-length axes"),
        ("CONFIG = 3", "CONFIG must be Config instance, got int"),
        ("config_gen = 3", "config_gen must be callable, got int"),
        ("def config_gen(): return 3", "config_gen() must return Config or generator, got int"),
        ("_args = 3", "_args must be a list or tuple, got int"),
    ],
)
@pytest.mark.parametrize("command", ["run script.py -c", "config show", "config validate"])
def test_a_config_of_the_wrong_shape_is_named(here, write, source, message, command):
    write(script="lr = 1", conf=source)
    text = error_of(here(*command.split(), "conf.py"))
    assert text.count("\n") == 1
    assert "conf.py: " in text
    assert message in text


def test_a_config_that_is_missing_names_the_nearest(here, write):
    write(script="", config="")
    text = error_of(here("run", "script.py", "-c", "confg.py"))
    assert text == "Config file not found: confg.py. Did you mean 'config.py'?\n"


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("c.json", '{"lr": 1,}', "c.json, line 1: "),
        ("c.toml", "a = 1\nb = ", "c.toml, line 2: "),
        ("c.yaml", "a: 1\nb: [", "c.yaml, line 2: "),
        ("c.ini", "", "c.ini: the suffix of a config file is one of .py, .json"),
        ("c.json", "[1]", "c.json: the top level must be a mapping, got list"),
        ("c.json", '{"globals": {}, "arg": []}', "unknown key 'arg'; accepted are"),
    ],
)
def test_a_data_file_that_is_no_config_is_named_with_its_line(
    here, write, folder, file, content, message
):
    write(script="")
    (folder / file).write_text(content)
    text = error_of(here("run", "script.py", "-c", file))
    assert message in text
    assert text.count("\n") == 1


def test_a_yaml_config_without_pyyaml_says_what_to_install(kogine, write, folder):
    write(script="", conf_yaml="lr: 1")
    (folder / "yaml").mkdir()
    (folder / "yaml" / "__init__.py").write_text("raise ModuleNotFoundError(name='yaml')")
    ended = kogine("run", "script.py", "-c", "conf.yaml", env={"PYTHONPATH": str(folder)})
    assert error_of(ended) == 'conf.yaml needs PyYAML: pip install "kohakuengine-core[yaml]"\n'


def test_a_cycle_of_configs_is_shown_with_the_line_that_closes_it(here, write):
    write(script="", one=CYCLE.format("two"), two=CYCLE.format("one"))
    assert error_of(here("run", "script.py", "-c", "one.py")) == (
        "Circular use_config() detected: one.py -> two.py -> one.py\n  in two.py, line 2\n"
    )


def test_a_sweep_is_no_parent(here, write):
    write(script="", one=CYCLE.format("two"), two="_sweep = {'a': [1, 2]}")
    text = error_of(here("run", "script.py", "-c", "one.py"))
    assert text.startswith("use_config() cannot import a sweep/generator config: ")
    assert text.endswith("\n  in one.py, line 2\n")


def test_an_error_of_ours_in_a_config_names_the_line_of_the_config(here, write):
    write(script="", conf="from kohakuengine import Config\n\nCONFIG = Config(globals_dict=3)")
    text = error_of(here("run", "script.py", "-c", "conf.py"))
    assert text == "globals_dict must be a dict, got int\n  in conf.py, line 3\n"


@pytest.mark.parametrize(
    "command", ["run script.py -c", "config show", "config check script.py -c"]
)
def test_a_config_that_raises_shows_the_users_frames(here, write, folder, command):
    write(script="lr = 1", conf="def f():\n    return 1 / 0\nlr = f()")
    ended = here(*command.split(), "conf.py")
    assert (ended.code, ended.out) == (1, "")
    lines = [line for line in ended.err.splitlines() if not set(line) <= set(" ~^")]
    assert lines == [
        "Traceback (most recent call last):",
        f'  File "{folder}/conf.py", line 3, in <module>',
        "    lr = f()",
        f'  File "{folder}/conf.py", line 2, in f',
        "    return 1 / 0",
        "ZeroDivisionError: division by zero",
    ]


def test_our_frames_are_cut_between_those_of_two_configs_too(here, write, folder):
    write(script="", one=CYCLE.format("two"), two="raise ValueError('no GPU')")
    ended = here("run", "script.py", "-c", "one.py")
    files = [line for line in ended.err.splitlines() if line.startswith("  File")]
    assert files == [
        f'  File "{folder}/one.py", line 2, in <module>',
        f'  File "{folder}/two.py", line 1, in <module>',
    ]


def test_a_config_with_a_syntax_error_looks_as_in_python(here, write, folder):
    write(script="", conf="x = (")
    ended = here("run", "script.py", "-c", "conf.py")
    assert ended.code == 1
    assert ended.err.startswith(f'  File "{folder}/conf.py", line 1\n    x = (\n')
    assert ended.err.endswith("SyntaxError: '(' was never closed\n")


def test_a_config_may_end_everything(here, write):
    write(script="", conf="raise SystemExit(5)")
    assert here("run", "script.py", "-c", "conf.py") == (5, "", "")


def test_a_generator_that_raises_ends_the_sweep_after_its_table(here, write, folder):
    write(
        script="def main():\n    print('ran')",
        conf="""
            from kohakuengine import Config
            def config_gen():
                yield Config({"a": 1})
                yield Config({"a": 2})
                raise ValueError("no more")
        """,
    )
    ended = here("run", "script.py", "-c", "conf.py")
    assert (ended.code, ended.out) == (1, "ran\nran\n")
    table, _, traceback = ended.err.partition("Traceback (most recent call last):\n")
    assert "2 runs in " in table
    assert traceback.startswith(f'  File "{folder}/conf.py", line 5, in config_gen\n')
    assert traceback.endswith("ValueError: no more\n")


def test_a_generator_of_other_things_is_an_error(here, write):
    write(script="def main(): pass", conf="def config_gen():\n    yield 3")
    ended = here("run", "script.py", "-c", "conf.py")
    assert ended.code == 1
    assert ended.err == "No runs.\nError: Generator must yield Config objects, got int\n"


# -- what is no mistake of the user's ------------------------------------------------------------


def test_a_bug_of_ours_keeps_its_whole_traceback(here, write, monkeypatch):
    monkeypatch.setattr("kohakuengine_cli.selection.select", None)
    write(script="")
    with pytest.raises(TypeError, match="not callable"):
        here("run", "script.py", "--set", "x=1")


def test_warnings_as_errors_make_ours_an_error_of_one_line(here, write):
    write(script="a = 1\nprint(a)")  # the tests themselves are run with warnings as errors
    text = error_of(here("run", "script.py", "--set", "a=x"))
    assert text == "cannot coerce 'x' to int (a = 1 in the script)\n"
