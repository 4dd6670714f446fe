"""How times, durations and values look in a line."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wflo.cli import texts


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 ms"),
        (0.0032, "3.2 ms"),
        (0.0994, "99.4 ms"),
        (0.0996, "0.1 s"),
        (65, "65.0 s"),
        (100, "1:40"),
        (7200, "2:00:00"),
        (200_000, "55:33:20"),
        (300_000, "3 days"),
    ],
)
def test_durations(seconds, text):
    assert texts.duration_text(seconds) == text


def test_times_are_those_of_the_wall():
    time = datetime(2026, 11, 22, 7, 15, 53, 123999, tzinfo=UTC)
    local = time.astimezone()
    assert texts.time_text(time) == f"{local:%Y-%m-%d %H:%M:%S}"
    assert texts.clock_text(time) == f"{local:%Y-%m-%d %H:%M:%S}.123"
    assert texts.time_text(None) == ""


@pytest.mark.parametrize(
    ("text", "cells"), [("abc", 3), ("é", 1), ("日本", 4), ("e\u0301", 1), ("a\u200d", 1)]
)
def test_cells_are_what_a_terminal_takes(text, cells):
    assert texts.cells(text) == cells


def test_a_text_is_cut_to_its_room():
    assert texts.cut("abcdef", 6) == "abcdef"
    assert texts.cut("abcdef", 4) == "abc…"
    assert texts.cut("日本語", 4) == "日…"
    assert texts.cut("abcdef", 4, end="...") == "a..."
    assert texts.cut("abcdef", 0) == ""


@settings(deadline=None)
@given(st.text(), st.integers(0, 20))
def test_a_cut_text_fits(text, width):
    assert texts.cells(texts.cut(text, width)) <= max(width, 0) or texts.cells(text) <= width


def test_a_line_has_nothing_that_steers_the_terminal():
    assert texts.one_line("a\nb\t c\x1b[31m\x07é") == "a b c\\x1b[31m\\x07é"


def test_a_text_of_several_lines_keeps_them():
    assert texts.harmless("a\n\tb \x1b[31m\r\x07") == "a\n\tb \\x1b[31m\\r\\x07"


def test_a_value_for_people_is_a_text_or_json():
    assert texts.value_text("hé\nx") == "hé\nx"
    assert texts.value_text({"a": ["é"]}) == '{\n  "a": [\n    "é"\n  ]\n}'
    assert texts.short_value_text({"a": "é" * 50}, 12) == '{"a": "éééé…'


def test_of_many_names_the_first_are_said():
    assert texts.names_text(("a", "b", "c", "d")) == "a, b, c, d"
    assert texts.names_text(("a", "b", "c", "d", "e")) == "a, b, c and 2 more"
