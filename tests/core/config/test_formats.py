import datetime as dt
import json
import math
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kohakuengine.config.formats import SUFFIXES, read
from kohakuengine.errors import ConfigValueError, MissingDistribution

numbers = st.floats(allow_nan=False) | st.integers()
data = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def reading(tmp_path):
    def read_content(content, name):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read(str(path))

    return read_content


class TestJson:
    def test_values(self, reading):
        assert reading('{"a": [1, 2.5, null, true, {"b": "é"}]}', "c.json") == {
            "a": [1, 2.5, None, True, {"b": "é"}]
        }
        assert math.isnan(reading("NaN", "c.json"))

    @pytest.mark.parametrize("content", ['{"a": 1, "a": 2}', '{"b": [{"a": 1, "a": 1}]}'])
    def test_a_key_given_twice_is_refused(self, reading, content):
        with pytest.raises(ConfigValueError, match=r"c\.json: the key 'a' is given twice"):
            reading(content, "c.json")

    def test_an_error_names_the_line(self, reading):
        with pytest.raises(ConfigValueError, match=r"c\.json, line 3: Expecting"):
            reading('{\n"a": 1,\n"b" 2}', "c.json")

    @given(data)
    def test_what_json_writes_is_read(self, tmp_path_factory, value):
        path = tmp_path_factory.getbasetemp() / "any.json"
        path.write_text(json.dumps(value), encoding="utf-8")
        assert read(str(path)) == value


class TestToml:
    def test_values(self, reading):
        content = 'a = 1e-3\nd = 2026-01-02\r\n[t]\nb = ["é", true]'
        assert reading(content, "c.toml") == {
            "a": 0.001,
            "d": dt.date(2026, 1, 2),
            "t": {"b": ["é", True]},
        }

    def test_an_error_names_the_line(self, reading):
        with pytest.raises(ConfigValueError, match=r"c\.toml, line 2: Invalid value$"):
            reading("a = 1\nb = \n", "c.toml")

    def test_an_error_at_the_end_names_the_last_line(self, reading):
        with pytest.raises(ConfigValueError, match=r"c\.toml, line 2: "):
            reading('a = 1\nb = "x', "c.toml")

    def test_a_key_given_twice_is_refused(self, reading):
        with pytest.raises(ConfigValueError, match=r"c\.toml, line 2: Cannot overwrite a value"):
            reading("a = 1\na = 2\n", "c.toml")


class TestYaml:
    @pytest.mark.parametrize("name", ["c.yaml", "c.yml", "C.YML"])
    def test_values(self, reading, name):
        assert reading("a: [1, x, null, true]\nb: {c: é}\n", name) == {
            "a": [1, "x", None, True],
            "b": {"c": "é"},
        }

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1e-3", 0.001),
            ("1E5", 1e5),
            ("-2e+3", -2000.0),
            ("+1.5e3", 1500.0),
            (".5e1", 5.0),
            ("1_0e2", 1000.0),
            ("0.1", 0.1),
            ("12", 12),
            ("0x1e3", 483),
            ("1e3x", "1e3x"),
            ("e3", "e3"),
            ("'1e-3'", "1e-3"),
        ],
    )
    def test_numbers_with_an_exponent_are_numbers(self, reading, text, value):
        [result] = reading(f"a: {text}", "c.yaml").values()
        assert result == value
        assert type(result) is type(value)

    def test_pyyaml_itself_is_left_as_it_is(self, reading):
        reading("a: 1e-3", "c.yaml")
        assert yaml.safe_load("a: 1e-3") == {"a": "1e-3"}

    @pytest.mark.parametrize("content", ["a: 1\nb: 2\na: 3", "x:\n  - {a: 1,\n     a: 1}\n"])
    def test_a_key_given_twice_is_refused(self, reading, content):
        with pytest.raises(ConfigValueError, match=r"line 3: the key 'a' is given twice"):
            reading(content, "c.yaml")

    def test_merge_keys_work(self, reading):
        content = "o: {i: &b {<<: &a {x: 1, z: 0}, x: 2}}\nc: {<<: *b, y: 3}\nd: {<<: [*a, *b]}"
        assert reading(content, "c.yaml") == {
            "o": {"i": {"x": 2, "z": 0}},
            "c": {"x": 2, "z": 0, "y": 3},
            "d": {"x": 1, "z": 0},
        }

    @pytest.mark.parametrize(
        ("content", "line"),
        [
            ("a: 1\nb: [1,\n", 3),
            ("a: 1\n  b: 2", 2),
            ("a: 1\n---\nb: 2", 2),
            ("a: 1\nb: !!python/name:os.system x", 2),
            ("a: 1\nb: \x07", 2),
        ],
    )
    def test_an_error_names_the_line(self, reading, content, line):
        with pytest.raises(ConfigValueError, match=rf"c\.yaml, line {line}: ."):
            reading(content, "c.yaml")

    def test_without_pyyaml_the_message_is_how_to_get_it(self, reading, monkeypatch):
        monkeypatch.setitem(sys.modules, "yaml", None)
        match = r'c\.yaml needs PyYAML: pip install "kohakuengine-core\[yaml\]"'
        with pytest.raises(MissingDistribution, match=match) as caught:
            reading("a: 1", "c.yaml")
        assert caught.value.name == "yaml"

    def test_a_broken_pyyaml_is_not_called_missing(self, reading, tmp_path, monkeypatch):
        (tmp_path / "yaml.py").write_text("import no_such_module_for_yaml")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "yaml")
        with pytest.raises(ModuleNotFoundError, match="no_such_module_for_yaml"):
            reading("a: 1", "c.yaml")


@pytest.mark.parametrize(
    ("name", "content"), [("c.json", '{"a": 1}'), ("c.toml", "a = 1"), ("c.yaml", "a: 1")]
)
class TestAny:
    def test_a_byte_order_mark_is_skipped(self, reading, name, content):
        assert reading(b"\xef\xbb\xbf" + content.encode(), name) == {"a": 1}

    def test_what_is_not_utf_8_is_refused_with_its_line(self, reading, name, content):
        with pytest.raises(ConfigValueError, match=rf"{name}, line 2: this is not UTF-8"):
            reading(content.encode() + b"\n\xff", name)


@pytest.mark.parametrize("name", ["c.ini", "c", "c.py.bak"])
def test_another_suffix_lists_the_accepted_ones(reading, name):
    with pytest.raises(ConfigValueError, match=r"is one of \.py, \.json, \.toml, \.yaml, \.yml$"):
        reading("", name)


def test_suffixes():
    assert SUFFIXES == (".json", ".toml", ".yaml", ".yml")
