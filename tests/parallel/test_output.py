"""Where the output of runs goes, and what happens when there is no room for it."""

import json
import os
import subprocess
import sys

import pytest
from processes import start_program, until

from kohakuengine.flow.runs import RunStatus

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def test_output_of_all_kinds_is_in_the_order_written(isolated, write, run, log):
    script = write("""
        import ctypes, os, subprocess, sys
        libc = ctypes.CDLL(None)
        print("1 print", flush=True)
        print("2 stderr", file=sys.stderr)
        libc.printf(b"3 printf\\n")
        libc.fflush(None)
        sys.stdout.write("4 write\\n")
        sys.stdout.flush()
        os.write(1, b"5 os.write\\n")
        subprocess.run(["echo", "6 child"])
        os.system("echo 7 shell >&2")
        sys.stdout.buffer.write(b"8 buffer\\n")
        sys.stdout.flush()
        sys.__stdout__.write("9 __stdout__\\n")
        def main(): pass
    """)
    lines = log(run(script, isolated)).splitlines()
    assert [line.split()[0] for line in lines] == list("123456789")


def test_what_is_in_buffers_at_the_end_is_written_out(isolated, write, run, log):
    script = write("""
        import ctypes, sys
        def main():
            print("print without newline", end="; ")
            sys.stdout.flush()
            ctypes.CDLL(None).printf(b"printf without newline")
            sys.stdout.write("")
    """)
    assert log(run(script, isolated)) == "print without newline; printf without newline"


def test_output_of_python_and_c_at_the_end_is_as_by_python(isolated, write, run, log):
    script = write("""
        import ctypes
        def main():
            print("python", end=" ")
            ctypes.CDLL(None).printf(b"c ")
        if __name__ == "__main__":
            main()
    """)
    command = [sys.executable, script.filename]
    python = subprocess.run(command, capture_output=True, text=True, check=True)
    assert log(run(script, isolated)) == python.stdout


def test_each_run_has_a_log_of_its_own_and_a_quiet_one_none(isolated, write, flow, log):
    from kohakuengine import Config, Script

    script = write("number = 0\ndef main():\n    if number: print('run', number)")
    scripts = [Script(script.location, Config({"number": number})) for number in range(4)]
    results = flow(scripts, isolated).results()
    assert [log(result) for result in results] == ["", "run 1\n", "run 2\n", "run 3\n"]
    assert results[0].log_path is None
    assert len({result.log_path for result in results}) == 4


def test_a_failure_is_in_the_log_as_by_python(isolated, write, run, log):
    script = write("def main():\n    raise ValueError('deep')\nif __name__ == '__main__': main()\n")
    command = [sys.executable, script.filename]
    python = subprocess.run(command, capture_output=True, text=True, check=False)
    result = run(script, isolated)
    lines, expected = log(result).splitlines(), python.stderr.splitlines()
    assert (lines[0], lines[-1]) == (expected[0], expected[-1])
    assert result.error.log_path == result.log_path


def test_an_attempt_has_a_log_of_its_own(isolated, write, run, log):
    script = write("""
        import os
        def main():
            print("attempt", os.environ["KOGINE_ATTEMPT"])
            assert os.environ["KOGINE_ATTEMPT"] == "3"
    """)
    result = run(script, isolated, retries=2)
    assert log(result) == "attempt 3\n"
    assert len(os.listdir(os.path.dirname(result.log_path))) == 3


def test_output_that_is_no_text_arrives(isolated, write, run):
    script = write("import os\ndef main(): os.write(1, bytes(range(256)))")
    with open(run(script, isolated).log_path, "rb") as file:
        assert file.read() == bytes(range(256))


def test_much_output_arrives_whole(mode, write, run):
    script = write("def main():\n    for number in range(200_000): print(number)")
    with open(run(script, mode).log_path, encoding="utf-8") as file:
        assert file.read().splitlines() == [str(number) for number in range(200_000)]


def test_the_caller_sees_nothing_of_it(mode, write, run, capfd):
    script = write("import sys\nprint('out')\nprint('err', file=sys.stderr)\ndef main(): pass")
    assert run(script, mode).ok
    assert capfd.readouterr() == ("", "")


def test_logs_are_for_the_user_alone(isolated, write, run):
    result = run(write("print('x')\ndef main(): pass"), isolated)
    assert os.stat(result.log_path).st_mode & 0o077 == 0
    assert os.stat(os.path.dirname(result.log_path)).st_mode & 0o077 == 0


# -- no room ---------------------------------------------------------------------------------------

# What is printed fits nowhere; it comes to that at once, or when the buffer is full, or at the end.
FULL = {
    "quiet": "pass",
    "at the end": "print('x' * 200, end='')",
    "at once": "print('x' * 5_000_000, flush=True)",
    "caught": "\n    try: print('x' * 5_000_000, flush=True)\n    except OSError: sys.stdout = None",
}

PROGRAM = """
import json, sys
{limit}
from kohakuengine import Parallel, Script

mode, log_dir, *scripts = sys.argv[1:]
flow = Parallel(scripts, max_workers=2, executor=mode, on_error="continue", log_dir=log_dir)
print(json.dumps([[str(result.status), result.value, str(result.error)] for result in flow.results()]))
"""

FILE_SIZE = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2**21, 2**21))"


@pytest.fixture
def outcomes(write, tmp_path, mark, scratch, monkeypatch):
    """How runs of these end in a program with this limit, each after as many quiet ones."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)  # it would have nowhere to write to, and complain

    def outcomes(mode, limit, log_dir, bodies):
        scripts = [
            write(f"import sys\ndef main():\n    {body}\n    return {number}", f"s{number}.py")
            for number, body in enumerate(bodies)
        ]
        words = [mode, str(log_dir), *(script.location for script in scripts)]
        with start_program(PROGRAM.format(limit=limit), tmp_path, *words) as program:
            out, err = program.communicate(timeout=60)
        assert err == ""
        until(lambda: not mark.pids(), 2, "the end of all processes")
        assert list(scratch.iterdir()) == []
        return json.loads(out)

    return outcomes


@linux
def test_a_file_that_may_not_grow_costs_only_those_that_print(isolated, outcomes, tmp_path):
    found = outcomes(isolated, FILE_SIZE, tmp_path / "logs", FULL.values())
    statuses = dict(zip(FULL, found, strict=True))
    assert statuses["quiet"][:2] == ["success", 0]
    assert statuses["at the end"][:2] == ["success", 1]
    assert statuses["at once"][0] == "failed"
    assert "OSError: [Errno 27] File too large" in statuses["at once"][2]
    assert statuses["caught"][:2] == ["success", 3]


@linux
def test_a_worker_whose_log_may_not_grow_serves_on(outcomes, tmp_path):
    printing = "print('x' * 5_000_000, flush=True)"
    found = outcomes("pool", FILE_SIZE, tmp_path / "logs", [printing, "pass", printing, "pass"])
    assert [status for status, *_ in found] == ["failed", "success", "failed", "success"]


@pytest.fixture
def full_disk(tmp_path):
    """A folder on a disk that is full."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    try:
        mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder):
    with open(folder / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass


@linux
def test_a_full_disk_costs_only_those_that_print(isolated, outcomes, full_disk):
    fill(full_disk)
    found = outcomes(isolated, "", full_disk / "logs", FULL.values())
    statuses = dict(zip(FULL, found, strict=True))
    assert statuses["quiet"][:2] == ["success", 0]
    for name in ("at the end", "at once", "caught"):
        status, _, error = statuses[name]
        assert status == "success" or "No space left on device" in error


@linux
def test_a_worker_whose_disk_is_full_serves_on(outcomes, full_disk):
    fill(full_disk)
    printing = "print('x' * 5_000_000, flush=True)"
    found = outcomes("pool", "", full_disk / "logs", [printing, "pass", printing, "pass"])
    assert [status for status, *_ in found][1::2] == ["success"] * 2


@linux
def test_a_full_disk_for_temporary_files_is_told(mode, outcomes, full_disk, tmp_path, monkeypatch):
    fill(full_disk)
    monkeypatch.setenv("TMPDIR", str(full_disk))
    found = outcomes(mode, "", tmp_path / "logs", ["pass", "pass"])
    for status, _, error in found:
        assert status == RunStatus.SUCCESS or "No space left on device" in error or "exit" in error
