"""The last lines of a terminal."""

import io
import os
import pty
import sys

import pytest

from wflo.cli.paint import has_colours, is_terminal, takes_symbols
from wflo.cli.screen import Screen


class Terminal(io.StringIO):
    """Remembers what it shows, as a terminal does that knows our codes."""

    encoding = "utf-8"

    def isatty(self):
        return True

    def shows(self):
        lines, row = [""], 0
        text = self.getvalue()
        while text:
            if text.startswith("\x1b["):
                code, text = text[2:], text[2:]
                number = ""
                while code[0].isdigit():
                    number, code = number + code[0], code[1:]
                text = code[1:]
                if code[0] == "F":
                    row -= int(number)
                elif code[0] == "J":
                    del lines[row + 1 :]
                    lines[row] = ""
            elif text[0] == "\n":
                row, text = row + 1, text[1:]
                lines += [""] * (row + 1 - len(lines))
            else:
                line, _, _ = text.partition("\n")
                line, _, _ = line.partition("\x1b")
                lines[row], text = line, text[len(line) :]
        return lines[:-1]


@pytest.fixture
def terminal():
    return Terminal()


@pytest.fixture
def screen(terminal):
    return Screen(terminal)


def test_lines_are_drawn_over_those_before(screen, terminal):
    screen.draw(["one", "two", "three"])
    assert terminal.shows() == ["one", "two", "three"]
    screen.draw(["1", "2"])
    assert terminal.shows() == ["1", "2"]
    screen.draw(["1", "2", "3", "4"])
    assert terminal.shows() == ["1", "2", "3", "4"]


def test_what_was_left_stands(screen, terminal):
    screen.draw(["one"])
    screen.leave()
    screen.draw(["two"])
    assert terminal.shows() == ["one", "two"]


def test_what_is_printed_meanwhile_stands_above(screen, terminal, monkeypatch):
    monkeypatch.setattr(sys, "stdout", terminal)
    screen.draw(["board"])
    with screen.holding_output():
        print("said")
        print("begun", end="")
        assert terminal.shows() == ["said", "board"]
        sys.stdout.writelines([" and", " ended\nnext"])
        sys.stdout.flush()
        assert terminal.shows() == ["said", "begun and ended", "board"]
        assert sys.stdout.encoding == "utf-8"
    assert sys.stdout is terminal
    assert terminal.shows() == ["said", "begun and ended", "next", "board"]


def test_what_goes_elsewhere_is_left_alone(screen, capsys):
    with screen.holding_output():
        print("said")
    assert capsys.readouterr().out == "said\n"


def test_closed_streams_are_no_trouble(screen, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with screen.holding_output():
        assert sys.stderr is None


def test_the_size_leaves_room_for_the_cursor():
    ours, theirs = pty.openpty()
    with open(theirs, "w") as stream:
        assert Screen(stream).size == (79, 23)  # a terminal that says that it has none
        import termios

        termios.tcsetwinsize(theirs, (30, 100))
        assert Screen(stream).size == (99, 29)
    os.close(ours)


def test_what_is_no_terminal_has_a_usual_size(tmp_path):
    with open(tmp_path / "file", "w") as stream:
        assert Screen(stream).size == (79, 23)


def test_colours_are_for_terminals(terminal, monkeypatch):
    assert has_colours(terminal)
    assert not has_colours(io.StringIO())
    assert not has_colours(None)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colours(terminal)
    assert is_terminal(terminal)
    monkeypatch.setenv("TERM", "dumb")
    assert not is_terminal(terminal)


def test_symbols_are_for_encodings_that_have_them(terminal):
    assert takes_symbols(terminal)
    assert not takes_symbols(None)
    assert not takes_symbols(io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
