import asyncio
import json
import sys

import pytest

from kohakuengine.engine.ending import (
    end_as_python,
    exception_kinds,
    exception_place,
    exit_status,
    first_line,
    traceback_text,
    user_traceback,
)
from kohakuengine.engine.executor import run_script


class TestExitStatus:
    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (ValueError(), 1),
            (SystemExit(), 0),
            (SystemExit(0), 0),
            (SystemExit(7), 7),
            (SystemExit(True), 1),
            (SystemExit("text"), 1),
            (SystemExit([]), 1),
            (KeyboardInterrupt(), 130),
        ],
    )
    def test_is_pythons(self, error, status):
        assert exit_status(error) == status


class TestKinds:
    @pytest.mark.parametrize(
        ("error", "kinds"),
        [
            (ValueError(), ("ValueError", "Exception")),
            (KeyError(), ("KeyError", "LookupError", "Exception")),
            (
                json.JSONDecodeError("", "", 0),
                ("json.decoder.JSONDecodeError", "ValueError", "Exception"),
            ),
            (SystemExit(3), ("SystemExit",)),
            (KeyboardInterrupt(), ("KeyboardInterrupt",)),
            (BaseException(), ("BaseException",)),
        ],
    )
    def test_are_names_of_the_class_and_its_bases(self, error, kinds):
        assert exception_kinds(error) == kinds

    def test_those_of_the_script_are_bare(self, script):
        source = "class Mixin: pass\nclass Mine(Mixin, ValueError): pass\ndef main(): raise Mine"
        error = run_script(script(source)).error
        assert exception_kinds(error) == ("Mine", "ValueError", "Exception")
        assert first_line(error) == "Mine"


class TestPlace:
    def place(self, made):
        return exception_place(run_script(made).error)

    def test_is_the_innermost_in_the_users_files(self, script, tmp_path):
        (tmp_path / "helper.py").write_text(
            "import json\ndef parse(t):\n    return json.loads(t)\n"
        )
        made = script("import helper\ndef main():\n    helper.parse('{')")
        assert self.place(made) == "helper.py:3"

    def test_is_not_in_an_installed_library(self, script, tmp_path):
        library = tmp_path / "site-packages"
        library.mkdir()
        (library / "lib.py").write_text("def call(f): f()\ndef fail(): 1/0\n")
        source = f"""\
            import sys
            sys.path.append({str(library)!r})
            import lib
            def inner():
                lib.fail()
            def main():
                lib.call(inner)
        """
        assert self.place(script(source)) == "script.py:5"

    def test_unless_that_is_all_there_is(self, script):
        made = script("def main(): 1/0", name="site-packages/lib.py")
        assert self.place(made) == "lib.py:1"

    @pytest.mark.parametrize("name", ["script.py", "helper.py"])
    def test_of_what_is_no_python_is_in_its_file(self, script, tmp_path, name):
        made = script("import helper")
        (tmp_path / name).write_text("\n\nx = = 1")
        try:
            error = run_script(made).error
        except SyntaxError as raised:
            error = raised
        assert exception_place(error) == f"{name}:3"

    def test_of_what_was_never_raised_is_not_known(self):
        assert exception_place(ValueError()) == ""


class TestTraceback:
    def test_begins_with_the_scripts_frames(self, script):
        made = script("def f():\n    1/0\ndef main():\n    f()")
        error = run_script(made).error
        assert user_traceback(error).tb_frame.f_code.co_name == "main"
        lines = traceback_text(error).splitlines()
        assert lines[:3] == [
            "Traceback (most recent call last):",
            f'  File "{made.filename}", line 4, in main',
            "    f()",
        ]
        assert lines[-1] == "ZeroDivisionError: division by zero"

    def test_frames_of_an_awaiting_engine_are_left_out(self, script):
        error = run_script(script("async def main():\n    1/0")).error
        assert "asyncio" not in traceback_text(error)

    def test_frames_of_a_scripts_own_asyncio_stay(self, script):
        source = "import asyncio\nasync def main():\n    1/0\nasyncio.run(main())"
        assert "asyncio" in traceback_text(run_script(script(source)).error)

    def test_causes_are_shown(self, script):
        source = "def main():\n    try:\n        1/0\n    except Exception as e:\n        raise KeyError(1) from e"
        text = traceback_text(run_script(script(source)).error)
        assert (
            text.index("ZeroDivisionError") < text.index("direct cause") < text.index("KeyError: 1")
        )

    def test_nothing_of_the_users_is_none(self):
        assert user_traceback(ValueError()) is None
        assert traceback_text(ValueError("x")) == "ValueError: x\n"


class TestFirstLine:
    def test_type_and_message(self):
        assert first_line(ValueError("one\ntwo")) == "ValueError: one"
        assert first_line(ValueError()) == "ValueError"
        assert first_line(asyncio.QueueEmpty("x")) == "asyncio.queues.QueueEmpty: x"

    def test_a_message_that_cannot_be_made(self):
        class Broken(Exception):
            def __str__(self):
                raise ZeroDivisionError

        assert first_line(Broken()).endswith(
            "Broken: <its message cannot be shown: ZeroDivisionError>"
        )


class TestEndAsPython:
    def test_a_system_exit_goes_on(self):
        error = SystemExit("text")
        with pytest.raises(SystemExit) as caught:
            end_as_python(error)
        assert caught.value is error

    def test_others_are_shown_by_the_excepthook(self, capsys):
        with pytest.raises(SystemExit) as caught:
            end_as_python(ValueError("x"))
        assert caught.value.code == 1
        assert capsys.readouterr().err == "ValueError: x\n"
        assert str(sys.last_value) == "x"

    def test_which_the_script_may_have_replaced(self, monkeypatch, capsys):
        monkeypatch.setattr(
            sys, "excepthook", lambda kind, error, traceback: print("hooked", error)
        )
        with pytest.raises(SystemExit):
            end_as_python(ValueError("x"))
        assert capsys.readouterr().out == "hooked x\n"

    def test_or_broken(self, monkeypatch, capsys):
        def hook(kind, error, traceback):
            raise KeyError("in the hook")

        monkeypatch.setattr(sys, "excepthook", hook)
        with pytest.raises(SystemExit):
            end_as_python(ValueError("x"))
        said = capsys.readouterr().err
        assert said.startswith("Error in sys.excepthook:\n")
        assert "KeyError: 'in the hook'" in said
        assert said.endswith("Original exception was:\nValueError: x\n")

    def test_or_made_to_exit(self, monkeypatch):
        monkeypatch.setattr(sys, "excepthook", lambda *error: sys.exit(5))
        with pytest.raises(SystemExit) as caught:
            end_as_python(ValueError("x"))
        assert caught.value.code == 5
