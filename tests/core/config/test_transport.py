import decimal
import enum
import math
import os
import pathlib
import pickle
import signal
import stat
import subprocess
import sys
import textwrap
import threading

import pytest

from kohakuengine.config import Config, load_config_file
from kohakuengine.config.transport import dumps, loads, private_directory
from kohakuengine.errors import TransportError

CHILD = """
import sys
from kohakuengine.config.transport import loads
with open(sys.argv[1], "rb") as file:
    obj = loads(file.read())
exec(sys.argv[2])
"""


def python(*arguments, cwd=None):
    result = subprocess.run(
        [sys.executable, *arguments], check=False, capture_output=True, text=True, cwd=cwd
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def in_child(tmp_path):
    """Send a value to a new process, where it is `obj` of a statement, and return what it prints."""

    def run(obj, statement):
        (tmp_path / "bytes").write_bytes(dumps(obj, what="the value"))
        return python("-c", CHILD, str(tmp_path / "bytes"), statement, cwd="/").strip()

    return run


@pytest.fixture
def without_cloudpickle(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)


class Colour(enum.Enum):
    RED = 1


class TestPlainValues:
    @pytest.mark.parametrize(
        "value",
        [
            1,
            "é",
            None,
            [1, {"a": (2, 3)}],
            pathlib.PurePosixPath("/a/b"),
            decimal.Decimal("0.1"),
            {1},
        ],
    )
    def test_arrive_equal(self, value):
        config = Config({"v": value}, [value], {"k": value}, {"m": value})
        assert loads(dumps(config, what="the config")) == config

    def test_nan_arrives(self):
        assert math.isnan(loads(dumps(math.nan, what="it")))

    def test_enum_members_keep_their_identity(self):
        assert loads(dumps(Colour.RED, what="it")) is Colour.RED

    def test_one_object_under_two_names_stays_one(self):
        shared = [1]
        config = loads(dumps(Config({"a": shared, "b": shared}), what="the config"))
        assert config.globals_dict["a"] is config.globals_dict["b"]

    def test_need_no_cloudpickle(self, without_cloudpickle):
        assert loads(dumps(Config({"f": os.path.join}), what="it")) == Config({"f": os.path.join})

    def test_do_not_import_cloudpickle(self):
        source = (
            "import sys\nfrom kohakuengine.config import Config\n"
            "from kohakuengine.config.transport import dumps, loads\n"
            "loads(dumps(Config({'a': [1.5, 'x']}), what='it'))\n"
            "print('cloudpickle' in sys.modules)"
        )
        assert python("-c", source) == "False\n"

    def test_are_never_shown(self):
        class Shy(list):
            def __repr__(self):
                raise AssertionError("nobody asks for a repr")

        assert loads(dumps(Shy([1]), what="it")) == [1]
        with pytest.raises(TransportError):
            dumps(Shy([threading.Lock()]), what="it")


class TestInAnotherProcess:
    def test_a_config_with_functions_and_classes_of_its_file(self, in_child, tmp_path):
        (tmp_path / "conf.py").write_text(
            "from dataclasses import dataclass\nfrom enum import Enum\n"
            "factor = 3\n"
            "def scale(x): return x * factor\n"
            "double = lambda x: 2 * x\n"
            "@dataclass\nclass Model:\n    width: int\n"
            "    def wider(self): return Model(scale(self.width))\n"
            "class Mode(Enum):\n    FAST = 1\n"
            "model = Model(4)\nmode = Mode.FAST\n"
        )
        statement = (
            "g = obj.globals_dict\n"
            "print(g['scale'](2), g['double'](2), g['model'].wider().width,"
            " isinstance(g['model'], g['Model']), g['mode'] is g['Mode'].FAST)"
        )
        assert in_child(load_config_file(tmp_path / "conf.py"), statement) == "6 4 12 True True"

    def test_a_local_function(self, in_child):
        offset = 10
        assert (
            in_child(Config({"f": lambda x: x + offset}), "print(obj.globals_dict['f'](1))") == "11"
        )

    def test_a_value_of_a_class_of_a_sibling_file(self, in_child, tmp_path):
        folder = tmp_path / "configs"
        folder.mkdir()
        (folder / "kin_of_conf.py").write_text(
            "from enum import Enum\nclass Mode(Enum):\n    FAST = 1\n"
        )
        (folder / "conf.py").write_text("from kin_of_conf import Mode\nmode = Mode.FAST")
        statement = (
            "mode = obj.globals_dict['mode']\n"
            "print(sys.modules['kin_of_conf'].Mode.FAST is mode,"
            f" {str(folder)!r} in sys.path)"
        )
        try:
            config = load_config_file(folder / "conf.py")
            assert in_child(config, statement) == "True False"
        finally:
            sys.modules.pop("kin_of_conf", None)

    def test_what_the_main_script_defines(self, tmp_path):
        script = tmp_path / "main_script.py"
        script.write_text(
            "import sys\n"
            "from kohakuengine.config import Config\n"
            "from kohakuengine.config.transport import dumps\n"
            "class Thing:\n    size = 5\n"
            "def grow(thing): return thing.size + 1\n"
            "config = Config({'thing': Thing(), 'grow': grow, 'kind': Thing})\n"
            "open(sys.argv[1], 'wb').write(dumps(config, what='the config'))\n"
        )
        python("-W", "ignore", str(script), str(tmp_path / "bytes"))
        statement = (
            "g = obj.globals_dict\nprint(g['grow'](g['thing']), isinstance(g['thing'], g['kind']))"
        )
        assert python("-c", CHILD, str(tmp_path / "bytes"), statement, cwd="/") == "6 True\n"

    def test_what_lies_beside_the_main_script(self, tmp_path):
        (tmp_path / "beside.py").write_text("class Thing:\n    size = 5\n")
        script = tmp_path / "main_script.py"
        script.write_text(
            "import sys, beside\n"
            "from kohakuengine.config.transport import dumps\n"
            "with open(sys.argv[1], 'wb') as f: f.write(dumps(beside.Thing(), what='it'))\n"
        )
        python(str(script), str(tmp_path / "bytes"))
        assert python("-c", CHILD, str(tmp_path / "bytes"), "print(obj.size)", cwd="/") == "5\n"


class TestRefused:
    @pytest.mark.parametrize(
        ("make", "place"),
        [
            (lambda v: Config({"ok": 1, "bad": v}), r"globals\['bad'\] \(lock\)"),
            (lambda v: Config(args=[1, v]), r"args\[1\] \(lock\)"),
            (lambda v: Config(kwargs={"bad": v}), r"kwargs\['bad'\] \(lock\)"),
            (lambda v: Config(metadata={"bad": v}), r"metadata\['bad'\] \(lock\)"),
            (
                lambda v: Config({"a": {"b": [0, (v,)]}}),
                r"globals\['a'\]\['b'\]\[1\]\[0\] \(lock\)",
            ),
            (lambda v: ("x", Config({"bad": v})), r"\[1\]\.globals\['bad'\] \(lock\)"),
            (lambda v: {"bad": v}, r"\['bad'\] \(lock\)"),
        ],
    )
    def test_the_message_names_the_key(self, make, place):
        match = rf"^the config of a\.py: {place} cannot cross a process border: cannot pickle"
        with pytest.raises(TransportError, match=match):
            dumps(make(threading.Lock()), what="the config of a.py")

    def test_a_value_that_is_itself_the_trouble(self):
        match = (
            r"^the result \(generator\) cannot cross a process border: cannot pickle 'generator'"
        )
        with pytest.raises(TransportError, match=match):
            dumps((n for n in ()), what="the result")

    def test_a_value_that_holds_itself(self):
        loop = [threading.Lock()]
        loop.insert(0, loop)
        with pytest.raises(TransportError, match=r"it: \[1\] \(lock\)"):
            dumps(loop, what="it")

    def test_the_cause_is_kept(self):
        with pytest.raises(TransportError) as caught:
            dumps(threading.Lock(), what="it")
        assert isinstance(caught.value, TypeError)
        assert isinstance(caught.value.__cause__, TypeError)

    def test_with_cloudpickle_there_is_no_hint(self):
        with pytest.raises(TransportError) as caught:
            dumps(threading.Lock(), what="it")
        assert "pip install" not in str(caught.value)

    def test_without_cloudpickle_the_message_is_how_to_get_it(self, without_cloudpickle):
        match = r"it: globals\['f'\] \(function\) .*pip install cloudpickle"
        with pytest.raises(TransportError, match=match):
            dumps(Config({"f": lambda: 1}), what="it")

    def test_without_cloudpickle_what_the_main_script_defines_stays(self, tmp_path):
        script = tmp_path / "main_script.py"
        script.write_text(
            "import sys\nsys.modules['cloudpickle'] = None\n"
            "from kohakuengine.config.transport import dumps\n"
            "class Thing: ...\n"
            "try: dumps({'t': Thing()}, what='it')\n"
            "except TypeError as error: print(error)"
        )
        assert "it: ['t'] (Thing) cannot cross a process border: 'Thing' is defined in" in python(
            str(script)
        )


class TestLoads:
    def test_what_cannot_be_rebuilt_is_explained(self):
        data = dumps(1, what="it")
        lost = data[: -len(pickle.dumps(1, 5))] + b"cno_such_module\nThing\n."
        match = "cannot be rebuilt in this process: ModuleNotFoundError: .*no_such_module"
        with pytest.raises(TransportError, match=match):
            loads(lost)

    def test_finds_modules_where_the_other_process_has_just_found_them(self, tmp_path):
        # The search path is remembered, but not for longer than it is true.
        source = """if True:
            import os, sys
            from kohakuengine.config.transport import dumps
            dumps(1, what="it")
            os.chdir(sys.argv[1])
            import late
            sys.stdout.buffer.write(dumps(late.Late(), what="it"))
            """
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
        (tmp_path / "two" / "late.py").write_text("class Late: pass")
        command = [sys.executable, "-c", source, str(tmp_path / "two")]
        ended = subprocess.run(command, cwd=tmp_path / "one", capture_output=True, check=True)
        loads(dumps(1, what="it"))
        try:
            assert type(loads(ended.stdout)).__name__ == "Late"
        finally:
            sys.modules.pop("late", None)

    @pytest.mark.parametrize("kind", [bytes, bytearray])
    def test_takes_what_arrived_as_it_is(self, kind):
        assert loads(kind(dumps([b"x" * 10**6], what="it"))) == [b"x" * 10**6]

    def test_leaves_the_search_path_as_it_was(self, monkeypatch):
        monkeypatch.setattr(sys, "path", ["/made/up", *sys.path])
        data = dumps(1, what="it")
        monkeypatch.undo()
        before = sys.path.copy()
        assert loads(data) == 1
        assert sys.path == before


class TestPrivateDirectory:
    def test_only_its_user_can_enter(self):
        with private_directory() as path:
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
            assert os.path.basename(path).startswith("kogine-")

    def test_is_removed_with_all_it_holds(self):
        with private_directory() as path:
            os.mkdir(os.path.join(path, "sub"))
            pathlib.Path(path, "sub", "file").write_text("x")
        assert not os.path.exists(path)

    def test_is_removed_after_an_error(self):
        with pytest.raises(KeyboardInterrupt), private_directory() as path:
            raise KeyboardInterrupt
        assert not os.path.exists(path)

    @pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers here")
    def test_an_interrupt_is_raised_when_it_has_been_removed(self):
        def interrupt(*_):
            raise KeyboardInterrupt

        def interrupted(path):
            for number in range(5000):
                pathlib.Path(path, str(number)).touch()
            signal.setitimer(signal.ITIMER_REAL, 0.002)

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            with pytest.raises(KeyboardInterrupt), private_directory() as path:
                interrupted(path)
        finally:
            signal.signal(signal.SIGALRM, before)
        assert not os.path.exists(path)

    @pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's limits")
    def test_that_it_cannot_be_looked_into_is_an_error(self):
        source = (
            "import resource\nfrom kohakuengine.config.transport import private_directory\n"
            "limits = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
            "folder = private_directory()\n"
            "print(folder.__enter__())\n"
            "resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))\n"
            "try: folder.__exit__(None, None, None)\n"
            "except OSError as error: print(error.strerror)\n"
            "resource.setrlimit(resource.RLIMIT_NOFILE, limits)"
        )
        path, error = python("-c", source).splitlines()
        os.rmdir(path)
        assert error == "Too many open files"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forked children here")
    def test_stays_when_a_forked_child_leaves(self):
        source = (
            "import os, sys\nfrom kohakuengine.config.transport import private_directory\n"
            "with private_directory() as path:\n"
            "    child = os.fork()\n"
            "    if child == 0: sys.exit(0)\n"
            "    os.waitpid(child, 0)\n"
            "    print(os.path.exists(path))\n"
            "print(os.path.exists(path))"
        )
        assert python("-c", source) == "True\nFalse\n"


def test_a_python_without_the_c_code_of_pickle_uses_pickle():
    code = """
        import sys
        sys.modules["_pickle"] = None
        from kohakuengine.config.transport import dumps, loads
        print(loads(dumps({"x": [1.5]}, what="")))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    assert subprocess.check_output(command, text=True) == "{'x': [1.5]}\n"
