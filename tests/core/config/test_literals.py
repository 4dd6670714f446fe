"""Texts that are literals, texts that are not, and where texts are split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohakuengine.config.literals import parse_literal, split_values, unquote
from kohakuengine.errors import OverrideError

atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
)
hashables = st.recursive(atoms, lambda inner: st.tuples(inner, inner))
literals = st.recursive(
    atoms | st.sets(hashables, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(hashables, inner, max_size=4)
    ),
    max_leaves=12,
)


class TestParseLiteral:
    @given(literals)
    def test_the_repr_of_a_literal_reads_as_that_literal(self, value):
        read = parse_literal(repr(value))
        assert read == value
        assert type(read) is type(value)

    @given(st.text())
    def test_any_text_gives_a_value_and_never_an_error(self, text):
        value = parse_literal(text)
        if isinstance(value, str):
            assert value == text or text.strip()[0] in "\"'uUrR"

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1_000", 1000),
            ("0x10", 16),
            ("-1", -1),
            ("+5", 5),
            ("1e3", 1000.0),
            (".5", 0.5),
            ("  7 ", 7),
            ("1\n", 1),
            ("None", None),
            ("True", True),
            ("set()", set()),
            ("{}", {}),
            ("(1,)", (1,)),
            ("{1, 2}", {1, 2}),
            ("[[1, 'a'], {'b': (2.5, None)}]", [[1, "a"], {"b": (2.5, None)}]),
            ("'C:\\d'", "C:\\d"),
            ("r'C:\\n'", "C:\\n"),
            ("b'x'", b"x"),
            ("'bread or butter'", "bread or butter"),
        ],
    )
    def test_literals_become_their_values(self, text, value):
        assert parse_literal(text) == value
        assert type(parse_literal(text)) is type(value)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "abc",
            " padded ",
            "true",
            "none",
            "nan",
            "None1",
            "[a, b]",
            "[1, b]",
            "{a: 1}",
            "f()",
            "'it",
            "don't",
            "007",
            "2024-01-31",
            "1.2.3",
            "1,2",
            "1,",
            "(1), 2",
            "(1,2),(3,4)",
            "1],[2",
            "1 # one",
            "[1][0]",
            "*a",
            "[*'ab']",
            "{[1]: 2}",
            "{**{}}",
            "1or 2",
            "1 if 1 else 2",
            "...",
            "1j",
            "1+2j",
            "\0",
            "f'x'",
            "/data/x.csv",
            "-",
        ],
    )
    def test_anything_else_stays_as_it_is(self, text):
        assert parse_literal(text) is text

    @pytest.mark.parametrize(
        "text",
        [
            "-" * 1_000_000 + "1",
            "[" * 1_000_000,
            "[" * 500_000 + "]" * 500_000,
            "1+" * 100_000 + "1",
            "9" * 1_000_000,
            "[not " * 150,
            "." * 1_000_000,
            "set()" * 100_000,
            "a" * 1_000_000,
        ],
        ids=lambda text: text[:6],
    )
    def test_no_text_is_too_long_or_too_deep_to_be_refused(self, text):
        assert parse_literal(text) is text


class TestUnquote:
    @given(st.text())
    def test_what_is_quoted_loses_its_quotes(self, text):
        assert unquote(repr(text)) == text

    @pytest.mark.parametrize("text", ["a", " a ", "it's", "'a' 'b'", "'a', 'b'", "''a''", "'", ""])
    def test_what_is_not_one_quoted_string_stays(self, text):
        assert unquote(text) is text

    def test_a_string_with_a_broken_escape_stays(self):
        assert unquote("'\\x'") == "'\\x'"


class TestSplitValues:
    @given(st.lists(literals, min_size=1))
    def test_joined_literals_come_apart_again(self, values):
        texts = [repr(value) for value in values]
        assert split_values(",".join(texts)) == texts
        assert split_values(" , ".join(texts)) == texts

    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("0.1,0.2", ["0.1", "0.2"]),
            ("one", ["one"]),
            ("[1,2],(3,{4:'}'})", ["[1,2]", "(3,{4:'}'})"]),
            ("'a,b',\"c,d\"", ["'a,b'", '"c,d"']),
            ("'',x", ["''", "x"]),
            ("don't,can't", ["don't", "can't"]),
            ("b'x,y',z", ["b'x,y'", "z"]),
            (r"'a\',b',c", [r"'a\',b'", "c"]),
        ],
    )
    def test_commas_in_brackets_and_quotes_split_nothing(self, text, values):
        assert split_values(text) == values

    @pytest.mark.parametrize("text", ["", " ", ",", "a,", ",a", "a,,b", "a, ,b"])
    def test_an_empty_value_is_refused(self, text):
        with pytest.raises(
            OverrideError, match=r"an empty value in .*an empty text is written as ''"
        ):
            split_values(text)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[1,2", r"'\]' is missing in '\[1,2'"),
            ("a),b", r"unexpected '\)' in 'a\),b'"),
            ("[1,2)", r"unexpected '\)'"),
        ],
    )
    def test_brackets_that_do_not_pair_up_are_named(self, text, message):
        with pytest.raises(OverrideError, match=message):
            split_values(text)
