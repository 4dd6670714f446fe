import pytest

from kohakuengine import Config
from kohakuengine.config.transport import dumps, loads
from kohakuengine.engine.exchange import Report, Request, Unpicklable, do, lost, received
from kohakuengine.errors import (
    EntrypointNotFound,
    RunFailed,
    RunLost,
    ScriptNotFound,
    TransportError,
)


def exchanged(script, config=None, argv=(), strict=False):
    """Ask, cross the border, do, cross the border."""
    request = Request.of(script, config, argv, strict=strict)
    report, error = do(loads(dumps(request, what="")))
    return loads(dumps(report, what="")), error


class TestValues:
    def test_arrive(self, script):
        made = script("import sys\nx = 1\ndef main(a): return x, a, sys.argv")
        report, error = exchanged(made, Config({"x": 2}, args=[3]), ["--flag"])
        assert received(report, made, None) == (2, 3, [made.location, "--flag"])
        assert (error, report.exit_code) == (None, 0)

    def test_the_entrypoints_name_arrives(self, script):
        made = script("def go(): return 1", entrypoint="go")
        assert received(exchanged(made)[0], made, None) == 1

    def test_a_relative_path_means_what_it_meant(self, script, tmp_path, monkeypatch):
        from kohakuengine import Script

        script("import sys\ndef main(): return sys.argv[0]")
        monkeypatch.chdir(tmp_path)
        made = Script("script.py")
        monkeypatch.chdir("/")
        assert received(exchanged(made)[0], made, None) == "script.py"

    def test_what_cannot_be_pickled_is_described_with_a_warning(self, script):
        made = script("import threading\ndef main(): return threading.Lock()")
        report, _ = exchanged(made)
        message = r"the value of .*script\.py stayed in its process: .*lock"
        with pytest.warns(UserWarning, match=message):
            value = received(report, made, None)
        assert isinstance(value, Unpicklable)
        assert repr(value) == "<unpicklable: a _thread.lock>"
        assert "lock" in value.reason

    def test_the_warning_names_the_run(self, script):
        made = script("import threading\ndef main(): return threading.Lock()")
        report, _ = exchanged(made)
        with pytest.warns(UserWarning, match=r"script\.py in run 6 stayed in its process"):
            received(report, made, None, index=5)

    def test_so_is_what_cannot_be_rebuilt_here(self, script):
        source = "class Odd:\n def __reduce__(self): return int, ('odd',)\ndef main(): return Odd()"
        made = script(source)
        report, _ = exchanged(made)
        with pytest.warns(UserWarning, match=r"script\.py stayed in its .* cannot be rebuilt"):
            value = received(report, made, None)
        assert repr(value) == "<unpicklable: a __main__.Odd>"
        assert "ValueError: invalid literal for int()" in value.reason


class TestFailures:
    def test_have_type_message_and_traceback(self, script):
        made = script("def main(): raise KeyError('k')")
        report, error = exchanged(made)
        assert isinstance(error, KeyError)
        message = r"script\.py failed with exit code 1: KeyError: 'k'$"
        with pytest.raises(RunFailed, match=message) as caught:
            received(report, made, Config({"x": 1}))
        assert caught.value.script is made
        assert caught.value.config == Config({"x": 1})
        assert caught.value.traceback.startswith("Traceback (most recent call last):")
        assert caught.value.traceback.endswith("KeyError: 'k'\n")

    def test_have_kinds_and_place(self, script):
        made = script("class Mine(OSError): pass\ndef main():\n    raise Mine")
        with pytest.raises(RunFailed) as caught:
            received(exchanged(made)[0], made, None)
        assert caught.value.kinds == ("Mine", "OSError", "Exception")
        assert caught.value.where == "script.py:3"

    @pytest.mark.parametrize(("code", "status"), [("3", 3), ("'text'", 1), ("True", 1)])
    def test_exits_have_their_code_and_no_traceback(self, script, code, status):
        report, _ = exchanged(script(f"import sys\nsys.exit({code})"))
        assert (report.exit_code, report.traceback) == (status, "")
        assert report.error.startswith(f"exited with exit code {status}")
        assert report.exited

    def test_an_exit_with_status_0_is_a_success(self, script):
        report, error = exchanged(script("import sys\nsys.exit()"))
        assert isinstance(error, SystemExit)
        assert received(report, script(""), None) is None

    def test_an_interrupt_is_one(self, script):
        report, error = exchanged(script("raise KeyboardInterrupt"))
        assert isinstance(error, KeyboardInterrupt)
        assert (report.error, report.exit_code) == ("KeyboardInterrupt", 130)

    @pytest.mark.parametrize("source", ["def main(:", "x = 1\0", "return"])
    def test_what_is_no_python_is_one(self, script, source):
        report, error = exchanged(script(source))
        assert report.error.startswith(("SyntaxError", "ValueError"))
        assert isinstance(error, (SyntaxError, ValueError))


class TestRefusals:
    def test_arrive_as_what_they_are(self, script):
        made = script("x = 1")
        report, error = exchanged(made, Config())
        assert (error, report.exit_code) == (None, 1)
        with pytest.raises(EntrypointNotFound, match="No entrypoint found"):
            received(report, made, None)

    def test_a_script_that_is_gone_is_one(self, script):
        made = script("x = 1")
        made.path.unlink()
        with pytest.raises(ScriptNotFound):
            received(exchanged(made)[0], made, None)

    def test_a_config_that_cannot_leave_is_one_before_anything_starts(self, script):
        config = Config({"x": [iter("")], "g": (i for i in "")})
        with pytest.raises(TransportError, match=r"the config of script: .*\['g'\]"):
            Request.of(script(""), config, (), strict=False)

    def test_a_config_that_cannot_arrive_is_one(self, script, tmp_path, monkeypatch):
        import sys

        (tmp_path / "vanishing.py").write_text("class C: pass")
        monkeypatch.syspath_prepend(tmp_path)
        import vanishing

        request = Request.of(script("print()"), Config({"x": vanishing.C()}), (), strict=False)
        del sys.modules["vanishing"]
        (tmp_path / "vanishing.py").unlink()
        sys.path_importer_cache.clear()
        report, _ = do(request)
        with pytest.raises(TransportError, match="cannot be rebuilt in this process"):
            received(report, script(""), None)


class TestLost:
    @pytest.mark.parametrize(
        ("status", "how"),
        [
            (7, r"ended with exit code 7 "),
            (-9, r"was killed by SIGKILL \(exit code -9\) "),
            (-63, r"was killed by signal 63 \(exit code -63\) "),
        ],
    )
    def test_says_how_the_process_ended(self, script, status, how):
        error = lost(script(""), Config(), status)
        assert isinstance(error, RunLost)
        assert error.exit_code == status
        with pytest.raises(RunLost, match=f"script.py: its process {how}before the run was over$"):
            raise error

    def test_and_why(self, script):
        error = lost(script(""), None, -9, "out of memory")
        assert str(error).endswith("before the run was over: out of memory")


def test_a_report_tells_of_nothing_that_was_not_said():
    report = Report(None, "e")
    assert (report.error, report.traceback, report.kinds, report.where) == ("e", "", (), "")
    assert (report.value, report.value_kind) == (None, "")
    assert (report.refused, report.exit_code, report.exited) == (None, 0, False)
