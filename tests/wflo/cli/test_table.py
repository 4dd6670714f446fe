"""Tables."""

from wflo.cli.paint import Piece, plain_text
from wflo.cli.table import Column, table_lines

COLUMNS = (
    Column("ID"),
    Column("NAME", shrinks=True),
    Column("COST", right=True),
    Column("ERROR", shrinks=True),
)


def lines(rows, width=None):
    pieces = [[Piece(cell) for cell in row] for row in rows]
    return [plain_text(line) for line in table_lines(COLUMNS, pieces, width)]


def test_columns_stand_below_each_other():
    assert lines([("a", "日本", "1", "x"), ("bcd", "e", "100", "")]) == [
        "ID   NAME  COST  ERROR",
        "a    日本     1  x",
        "bcd  e      100",
    ]


def test_columns_without_anything_are_left_out():
    assert lines([("a", "", "1", ""), ("b", "", "", "")]) == ["ID  COST", "a      1", "b"]


def test_what_is_too_wide_gives_way_from_the_right():
    row = ("abc", "n" * 20, "1", "e" * 30)
    assert lines([row], 60)[1] == f"abc  {'n' * 20}     1  {'e' * 26}…"
    assert lines([row], 34)[1] == f"abc  {'n' * 12}…     1  {'e' * 7}…"
    assert lines([row], 10)[1] == "abc  nnnnnnn…     1  eeeeeee…"
