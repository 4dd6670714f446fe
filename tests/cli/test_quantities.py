"""How one writes durations, sizes, numbers and names in a flag."""

from argparse import ArgumentTypeError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohakuengine_cli import quantities


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[("90", 90), ("90s", 90), ("5m", 300), ("1h", 3600), ("1h30m", 5400), ("2d", 172800)],
        *[("0.5", 0.5), (".5s", 0.5), ("1.", 1), ("1h1m1s", 3661), ("0", 0), ("0m", 0)],
    ],
)
def test_a_time_may_have_units(text, seconds):
    assert quantities.wait(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "1x", "-1", "1 h", "h", "1h30", "1e3", "nan", "1,5"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ArgumentTypeError, match="is no duration"):
        quantities.wait(text)


def test_a_timeout_is_more_than_nothing():
    assert quantities.duration("0.1") == 0.1
    with pytest.raises(ArgumentTypeError, match="'0s' is no time at all"):
        quantities.duration("0s")


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_the_parts_of_a_time_add_up(hours, minutes, seconds):
    text = f"{hours}h{minutes}m{seconds}s"
    assert quantities.wait(text) == hours * 3600 + minutes * 60 + seconds


@pytest.mark.parametrize(
    ("text", "size"), [("512", 512), ("4G", 4096), ("4gb", 4096), ("1.5g", 1536), ("2048K", 2)]
)
def test_memory_is_in_megabytes_unless_it_says_otherwise(text, size):
    assert quantities.megabytes(text) == size


@pytest.mark.parametrize(
    ("text", "match"), [("", "is no amount"), ("4X", "is no amount"), ("1K", "less than 1 MB")]
)
def test_what_is_no_memory_is_refused(text, match):
    with pytest.raises(ArgumentTypeError, match=match):
        quantities.megabytes(text)


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "", "٣"])
def test_numbers_are_whole(text):
    for kind in (quantities.count, quantities.number, quantities.workers):
        with pytest.raises(ArgumentTypeError, match=repr(text)):
            kind(text)


def test_no_workers_are_too_few():
    assert (quantities.count("0"), quantities.number("1")) == (0, 1)
    assert (quantities.workers("3"), quantities.workers("auto")) == (3, "auto")
    for kind in (quantities.number, quantities.workers, quantities.fraction):
        with pytest.raises(ArgumentTypeError, match="'0'"):
            kind("0")


def test_a_share_is_a_number():
    assert (quantities.fraction("0.5"), quantities.fraction("2")) == (0.5, 2.0)
    with pytest.raises(ArgumentTypeError, match="'half' is no number greater than 0"):
        quantities.fraction("half")


def test_names_have_commas_between_them():
    assert quantities.names("lost, my.Error") == ["lost", "my.Error"]
    with pytest.raises(ArgumentTypeError, match="'exit code' is no name"):
        quantities.names("ValueError,exit code")
