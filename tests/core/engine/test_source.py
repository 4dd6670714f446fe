import ast
import os

import pytest

from kohakuengine.engine import source as source_module
from kohakuengine.engine.source import Source, compile_tree, parse, read_source
from kohakuengine.errors import ScriptError


def test_the_same_object_while_the_file_does_not_change(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("x = 1")
    assert read_source(path) is read_source(path)


def test_a_change_of_size_is_seen_though_the_time_is_the_same(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("x = 1")
    before = path.stat()
    assert read_source(path).text == "x = 1"
    path.write_text("x = 10")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read_source(path).text == "x = 10"


def test_a_replaced_file_is_seen_though_time_and_size_are_the_same(tmp_path):
    path, other = tmp_path / "script.py", tmp_path / "other.py"
    path.write_text("x = 1")
    other.write_text("x = 2")
    assert read_source(path).text == "x = 1"
    status = path.stat()
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    assert read_source(path).text == "x = 2"


def test_bytecode_is_neither_read_nor_written(script):
    script("import helper\ndef main(): return helper.x")
    read_source(script("x = 1").filename)
    assert not (script("x = 1").path.parent / "__pycache__").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfx = '\xc3\xa9'\n",  # BOM
        b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
        b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '\xe9'\n",
        b"x = '\xc3\xa9'\r\n",
    ],
)
def test_bytes_are_read_as_python_reads_them(tmp_path, data):
    path = tmp_path / "script.py"
    path.write_bytes(data)
    source = read_source(path)
    assert "x = 'é'" in source.text
    assert ast.unparse(source.tree) == "x = 'é'"


def test_what_is_no_python_is_python_own_error(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("x = (")
    with pytest.raises(SyntaxError, match="was never closed") as caught:
        read_source(path)
    assert caught.value.filename == str(path)


def test_a_file_that_cannot_be_read_is_a_script_error(tmp_path):
    with pytest.raises(ScriptError, match=r"Script cannot be read: .*gone\.py: No such file"):
        read_source(tmp_path / "gone.py")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(ScriptError, match="directory"):
        read_source(tmp_path / "folder.py")


def test_no_more_files_are_kept_than_the_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(source_module, "_MAX_SOURCES", 2)
    monkeypatch.setattr(source_module, "_sources", {})
    paths = [tmp_path / f"{name}.py" for name in "abc"]
    for path in paths:
        path.write_text(f"name = {path.stem!r}")
    first = read_source(paths[0])
    for path in paths:
        read_source(path)
    assert read_source(paths[0]) is not first
    assert len(source_module._sources) == 2


def test_no_more_compilations_are_kept_than_the_bound(monkeypatch):
    monkeypatch.setattr(source_module, "_MAX_COMPILED", 2)
    source = Source("s.py", b"x = 1")
    for key in "abc":
        source.remember(key, key.upper())
    assert source.compiled == {"b": "B", "c": "C"}


def test_future_statements_of_this_package_do_not_reach_scripts():
    tree = parse(b"def f(x: 1 + 1): pass", "s.py")
    namespace = {}
    exec(compile_tree(tree, "s.py"), namespace)
    assert namespace["f"].__annotations__ == {"x": 2}
