"""Texts become values of the type of a default, or of an annotation."""

# ruff: noqa: UP006, UP007, UP045 - all spellings are to be read

import collections
import enum
import math
import os
import pathlib
import sys
import typing
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, NewType, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohakuengine.config.annotations import read_annotation
from kohakuengine.config.coercion import coerce_text, describe, type_name
from kohakuengine.config.missing import MISSING
from kohakuengine.errors import CoercionError


class Mode(enum.Enum):
    FAST = 1
    SLOW = "slow"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Color(enum.StrEnum):
    RED = "r"


class Touchy(enum.Enum):
    A = 1

    @classmethod
    def _missing_(cls, value):
        raise KeyError(value)


class Point(NamedTuple):
    x: float = 0.0
    y: float = 0.0


class TestByTheDefault:
    @given(st.integers(), st.integers())
    def test_any_int_is_read_back(self, value, default):
        assert coerce_text(str(value), default) == value

    @given(st.floats(), st.floats())
    def test_any_float_is_read_back(self, value, default):
        read = coerce_text(repr(value), default)
        assert read == value or (math.isnan(read) and math.isnan(value))
        assert type(read) is float

    @given(st.booleans(), st.booleans(), st.sampled_from([str, str.lower, str.upper, str.title]))
    def test_any_bool_is_read_back_in_any_case(self, value, default, case):
        assert coerce_text(case(str(value)), default) is value

    @given(st.text(), st.text())
    def test_any_text_is_taken_as_it_is_unless_quoted(self, value, default):
        assert coerce_text(repr(value), default) == value
        if value[:1] not in {"'", '"'}:
            assert coerce_text("x" + value, default) == "x" + value

    @pytest.mark.parametrize("text", ["true", "1", "YES", "y", "On", " true "])
    def test_words_for_true(self, text):
        assert coerce_text(text, False) is True

    @pytest.mark.parametrize("text", ["false", "0", "No", "n", "OFF"])
    def test_words_for_false(self, text):
        assert coerce_text(text, True) is False

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1e3", 1000),
            ("1.0", 1),
            ("1e23", 10**23),
            ("1_000", 1000),
            ("0x10", 16),
            ("-5", -5),
            (" 7 ", 7),
            ("007", 7),
        ],
    )
    def test_an_int_may_be_written_in_any_exact_way(self, text, value):
        read = coerce_text(text, 3)
        assert read == value
        assert type(read) is int

    @pytest.mark.parametrize("text", ["1.5", "abc", "", "True", "1e-400", "1e400", "nan", "[1]"])
    def test_what_is_no_whole_number_is_no_int(self, text):
        with pytest.raises(CoercionError, match=r"cannot coerce .* to int"):
            coerce_text(text, 3)

    @pytest.mark.parametrize(
        ("text", "value"), [("1", 1.0), ("1e-3", 0.001), ("inf", math.inf), ("0x10", 16.0)]
    )
    def test_a_float_may_be_written_as_an_int(self, text, value):
        read = coerce_text(text, 0.5)
        assert read == value
        assert type(read) is float

    @pytest.mark.parametrize("text", ["abc", "", "True", "1,5"])
    def test_what_is_no_number_is_no_float(self, text):
        with pytest.raises(CoercionError, match="to float"):
            coerce_text(text, 0.5)

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("3", "3"),
            ("None", "None"),
            ("'3'", "3"),
            (" a ", " a "),
            ("", ""),
            ("'a' 'b'", "'a' 'b'"),
        ],
    )
    def test_a_text_stays_a_text(self, text, value):
        assert coerce_text(text, "x") == value

    @pytest.mark.parametrize(
        ("text", "default", "value"),
        [
            ("FAST", Mode.SLOW, Mode.FAST),
            ("fast", Mode.SLOW, Mode.FAST),
            ("Mode.FAST", Mode.SLOW, Mode.FAST),
            ("'FAST'", Mode.SLOW, Mode.FAST),
            ("1", Mode.SLOW, Mode.FAST),
            ("slow", Mode.FAST, Mode.SLOW),
            ("2", Level.LOW, Level.HIGH),
            ("high", Level.LOW, Level.HIGH),
            ("r", Color.RED, Color.RED),
        ],
    )
    def test_an_enum_is_given_by_name_or_by_value(self, text, default, value):
        assert coerce_text(text, default) is value

    def test_the_error_lists_the_members_and_the_nearest(self):
        with pytest.raises(CoercionError) as caught:
            coerce_text("FAS", Mode.SLOW, key="mode")
        assert str(caught.value) == (
            "cannot coerce 'FAS' to Mode (FAST, SLOW) (mode = Mode.SLOW in the script)."
            " Did you mean 'FAST'?"
        )

    def test_an_enum_whose_own_code_fails_takes_no_such_text(self):
        with pytest.raises(CoercionError, match="to Touchy"):
            coerce_text("b", Touchy.A)

    @pytest.mark.parametrize("text", ["runs/x", "'runs/x'"])
    def test_a_path_stays_a_path_of_its_class(self, text):
        assert coerce_text(text, pathlib.Path("a")) == pathlib.Path("runs/x")
        assert type(coerce_text(text, pathlib.PureWindowsPath())) is pathlib.PureWindowsPath

    @pytest.mark.parametrize(
        ("text", "default", "value"),
        [
            ("[1, 2]", [64], [1, 2]),
            ("(1, 2)", [64], [1, 2]),
            ("64,32", [1], [64, 32]),
            ("64,", [1], [64]),
            ("[64, ]", (1,), (64,)),
            ("1,2", [0.5], [1.0, 2.0]),
            ("a, b", ["x"], ["a", "b"]),
            ("[a,b]", ("x",), ("a", "b")),
            ("1,2", ["x"], ["1", "2"]),
            ("a,1", [], ["a", 1]),
            ("[a]", [1, "x"], ["a"]),
            ("fast,slow", [Mode.FAST], [Mode.FAST, Mode.SLOW]),
            ("(1,2),(3,4)", [(5, 6)], [(1, 2), (3, 4)]),
            ("[0.5, 'x']", [1], [0.5, "x"]),
            ("{1}", {2}, {1}),
            ("set()", {2}, set()),
            ("[1, 1]", frozenset({2}), frozenset({1})),
            ("1,2", Point(), Point(1.0, 2.0)),
            ("[1, 2]", Point(), Point(1, 2)),
            ("{'a': 1}", {"b": 2}, {"a": 1}),
            ("{'a': 1}", collections.OrderedDict(b=2), collections.OrderedDict(a=1)),
            ("b'x'", b"y", b"x"),
        ],
    )
    def test_containers_are_literals_or_items_joined_by_commas(self, text, default, value):
        read = coerce_text(text, default)
        assert read == value
        assert type(read) is type(default)

    @pytest.mark.parametrize(
        ("text", "default"),
        [
            ("64", [1]),
            ("abc", []),
            ("a,b", [1]),
            ("", [1]),
            ("[a", []),
            ("[1,2", [1]),
            ("1,,2", [1]),
            ("{'a': 1}", [1]),
            ("1,2,3", Point()),
            ("[1]", {"a": 1}),
            ("abc", b"x"),
            ("1", object),
            ("{1: 2}", collections.defaultdict(int)),
            ("3", collections.deque()),
        ],
    )
    def test_what_fits_no_container_or_class_is_refused(self, text, default):
        with pytest.raises(CoercionError, match="cannot coerce"):
            coerce_text(text, default)

    @pytest.mark.parametrize(("text", "value"), [("3", 3), ("abc", "abc"), ("[a]", "[a]")])
    def test_a_default_of_none_and_no_default_say_nothing(self, text, value):
        assert coerce_text(text, None) == value
        assert coerce_text(text) == value

    @pytest.mark.parametrize("default", [3, 0.5, True, [1], {"a": 1}, Mode.FAST])
    def test_none_replaces_any_default_that_is_no_text(self, default):
        assert coerce_text("None", default) is None
        with pytest.raises(CoercionError):
            coerce_text("null", default)


Seed = NewType("Seed", int)


class TestByTheAnnotation:
    @pytest.mark.parametrize(
        ("text", "annotation", "value"),
        [
            ("3", int, 3),
            ("3", float, 3.0),
            ("3", str, "3"),
            ("none", Optional[int], None),
            ("null", int | None, None),
            ("3", int | None, 3),
            ("None", str | None, None),
            ("'none'", str | None, "none"),
            ("none", None, "none"),
            ("none", type(None), None),
            ("1.5", Union[int, float, str], 1.5),
            ("x", Union[int, float, str], "x"),
            ("3", Union[str, int], "3"),
            ("b", Literal["a", "b"], "b"),
            ("2", Literal[1, 2], 2),
            ("none", Literal["a", None], None),
            ("fast", Literal[Mode.FAST], Mode.FAST),
            ("[1, 2]", list[float], [1.0, 2.0]),
            ("1,2", list[float], [1.0, 2.0]),
            ("[1, 2]", list[str], ["1", "2"]),
            ("['a', \"'b'\"]", list[str], ["a", "'b'"]),
            ("[a, 'b']", list[str], ["a", "b"]),
            ("(1,2)", tuple[float, ...], (1.0, 2.0)),
            ("1,a", tuple[int, str], (1, "a")),
            ("()", tuple[int, ...], ()),
            ("1,2", typing.Tuple, (1, 2)),
            ("[1]", typing.List, [1]),
            ("[[1], [2]]", list[list[float]], [[1.0], [2.0]]),
            ("[1, None]", list[int | None], [1, None]),
            ("fast,slow", set[Mode], {Mode.FAST, Mode.SLOW}),
            ("[1]", frozenset[int], frozenset({1})),
            ("1,2", collections.abc.Sequence[int], [1, 2]),
            ("1,2", collections.abc.Sequence, [1, 2]),
            ("1,2", typing.Iterable[int], [1, 2]),
            ("{1}", collections.abc.Set[int], {1}),
            ("1,2", collections.deque[int], collections.deque([1, 2])),
            ("{'a': 1}", dict[str, float], {"a": 1.0}),
            ("{'1': '2'}", collections.abc.Mapping[str, str], {"1": "2"}),
            ("{'a': 1}", typing.Dict, {"a": 1}),
            ("a", pathlib.Path, pathlib.Path("a")),
            ("fast", Mode, Mode.FAST),
            ("3", Any, 3),
            ("abc", object, "abc"),
            ("3", Seed, 3),
            ("3", Annotated[float, "positive"], 3.0),
            ("3", Final[float], 3.0),
            ("3", ClassVar[float], 3.0),
            ("3", "float | None", 3.0),
            ("3", "Unknown", 3),
            ("[3]", list["float"], [3.0]),
            ("3", typing.TypeVar("T"), 3),
        ],
    )
    def test_the_annotation_decides(self, text, annotation, value):
        read = coerce_text(text, annotation=annotation)
        assert read == value
        assert type(read) is type(value)

    @pytest.mark.parametrize(
        ("text", "annotation"),
        [
            ("abc", int),
            ("abc", int | None),
            ("x", list[int]),
            ("[a]", list[int]),
            ("['1']", list[int]),
            ("1,2,3", tuple[int, int]),
            ("[1]", dict[str, int]),
            ("{'a': 'x'}", dict[str, int]),
            ("len", collections.abc.Callable[[int], int]),
            ("[1]", collections.abc.Iterator[int]),
            ("x", type[int]),
            ("x", Literal[1, 2]),
            ("x", os.PathLike[str]),
            ("3", list["float"]),
        ],
    )
    def test_what_does_not_fit_is_refused(self, text, annotation):
        with pytest.raises(CoercionError, match="cannot coerce"):
            coerce_text(text, annotation=annotation)

    def test_the_error_lists_the_choices_of_a_literal_and_the_nearest(self):
        with pytest.raises(CoercionError) as caught:
            coerce_text("adan", "adam", annotation=Literal["adam", "sgd"], key="optimizer")
        annotation = "Literal['adam', 'sgd']"
        assert str(caught.value) == (
            f"cannot coerce 'adan' to {annotation} (optimizer: {annotation} = 'adam' in the script)."
            " Did you mean 'adam'?"
        )

    def test_a_default_of_none_makes_the_annotation_optional(self):
        assert coerce_text("none", None, annotation=int) is None
        assert coerce_text("3", None, annotation=int) == 3
        with pytest.raises(CoercionError, match=r"\(limit: int = None in the script\)"):
            coerce_text("x", None, annotation=int, key="limit")

    def test_a_default_that_breaks_its_annotation_counts_too(self):
        assert coerce_text("0.5", 0.1, annotation=int) == 0.5
        with pytest.raises(CoercionError):
            coerce_text("abc", 0.1, annotation=int)

    def test_bounds_of_a_name_without_a_type_leave_it_to_the_default(self):
        assert coerce_text("3", 0.5, annotation=Final) == 3.0
        assert coerce_text("3", 0.5, annotation="Final") == 3.0

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="the statement is new in 3.12")
    def test_an_alias_stands_for_its_type(self):
        namespace = {}
        exec("type Rate = float | None", namespace)
        assert coerce_text("3", annotation=namespace["Rate"]) == 3.0


class TestMessages:
    def test_long_texts_are_cut(self):
        with pytest.raises(CoercionError) as caught:
            coerce_text("x" * 1_000_000, 3)
        assert len(str(caught.value)) < 100

    def test_the_error_is_of_both_builtin_kinds(self):
        for kind in (TypeError, ValueError):
            with pytest.raises(kind, match=r"cannot coerce 'abc' to int \(n = 3 in the script\)"):
                coerce_text("abc", 3, key="n")

    def test_paths_are_called_path(self):
        assert type_name(type(pathlib.Path())) == "Path"

    def test_what_is_not_known_is_left_out(self):
        assert describe("x", 0.1) == "x = 0.1"
        assert describe("x", MISSING, float) == "x: float"
        assert describe("x", None, float) == "x: float = None"


class TestReadAnnotation:
    @pytest.mark.parametrize(
        ("source", "annotation"),
        [
            ("int", int),
            ("None", type(None)),
            ("int | None", int | None),
            ("'int'", int),
            ("Optional['int']", Optional[int]),
            ("typing.Optional[int]", Optional[int]),
            ("t.Union[int, str]", Union[int, str]),
            ("Literal['a', -1]", Literal["a", -1]),
            ("Literal['a']", Literal["a"]),
            ("list[dict[str, float]]", list[dict[str, float]]),
            ("tuple[int, ...]", tuple[int, ...]),
            ("List[int]", typing.List[int]),
            ("Annotated[int, Gt(0)]", int),
            ("pathlib.Path", pathlib.Path),
            ("Path", pathlib.Path),
            ("Any", Any),
            ("Final", Final),
        ],
    )
    def test_types_of_the_language_are_known(self, source, annotation):
        assert read_annotation(source) == annotation

    @pytest.mark.parametrize(
        "source",
        [
            "Mode",
            "Mode | None",
            "list[Mode]",
            "np.ndarray",
            "torch.int",
            "a.b.Path",
            "Literal[Mode.FAST]",
            "int[3]",
            "int[int]",
            "Callable[[int], int]",
            "3",
            "not valid(",
            "'not valid('",
            "f()",
            "int + str",
            "|".join(["int"] * 5000),
        ],
        ids=lambda source: source[:20],
    )
    def test_anything_else_is_for_the_script_to_tell(self, source):
        assert read_annotation(source) is None
