"""KEY=VALUE: how it is read, and how the texts become values of the script's types."""

import pickle
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohakuengine.config.missing import MISSING
from kohakuengine.config.overrides import (
    DeferredText,
    coerce_globals,
    parse_assignment,
    resolve_axes,
    resolve_overrides,
    unknown_names,
)
from kohakuengine.config.parameter import Parameter
from kohakuengine.errors import CoercionError, OverrideError, UnknownKey


def known(name, default=MISSING, **fields):
    if default is MISSING:
        return Parameter(name, **fields)
    return Parameter(name, default=default, has_default=True, **fields)


PARAMETERS = [
    known("lr", 0.1),
    known("epochs", 3),
    known("limit", None, annotation="int | None"),
    known("optimizer", "adam", annotation="Literal['adam', 'sgd']"),
    known("mode", default_source="Mode.SLOW", evaluable=True),
    known("speed", None, annotation="Mode"),
    known("workers", default_source="int(environ['N'])", type_name="int"),
    known("data", default_source="load()"),
    known("declared", annotation="float"),
    known("cfg", {"lr": 0.1, "sub": {"n": 1}}),
    known("cfg.lr", 0.1),
    known("cfg.sub", {"n": 1}),
    known("cfg.sub.n", 1),
    known("cfg.made", default_source="make()"),
    known("empty", {}),
]


class TestParseAssignment:
    @pytest.mark.parametrize(
        ("text", "key", "value"),
        [
            ("lr=0.1", "lr", "0.1"),
            ("url=a=b=c", "url", "a=b=c"),
            ("name=", "name", ""),
            ("name= padded ", "name", " padded "),
            (" lr =1", "lr", "1"),
            ("cfg.opt.beta-1=0.9", "cfg.opt.beta-1", "0.9"),
            ("größe=1", "größe", "1"),
        ],
    )
    def test_the_first_equals_sign_ends_the_key(self, text, key, value):
        assert parse_assignment(text) == (key, value)

    @given(st.from_regex(r"[a-z_]\w{0,5}(\.[a-z_][\w-]{0,5}){0,2}", fullmatch=True), st.text())
    def test_every_dotted_key_and_every_value_is_read_back(self, key, value):
        assert parse_assignment(f"{key}={value}") == (key, value)

    @pytest.mark.parametrize("text", ["lr", "", "lr:0.1"])
    def test_without_an_equals_sign_it_is_no_assignment(self, text):
        with pytest.raises(OverrideError, match=rf"^'{text}' is not KEY=VALUE$"):
            parse_assignment(text)

    @pytest.mark.parametrize(
        "text",
        ["=1", "1x=1", "a-b=1", "a.=1", ".a=1", "a..b=1", "a.0=1", "a b=1", "--lr=1", "f()=1"],
    )
    def test_a_key_is_a_name_or_names_joined_by_dots(self, text):
        with pytest.raises(
            OverrideError, match=r"is not KEY=VALUE: .* is no name, nor names joined"
        ):
            parse_assignment(text)


class TestResolveOverrides:
    @pytest.mark.parametrize(
        ("key", "text", "value"),
        [
            ("lr", "1", 1.0),
            ("epochs", "1e2", 100),
            ("limit", "none", None),
            ("limit", "5", 5),
            ("optimizer", "sgd", "sgd"),
            ("workers", "4", 4),
            ("data", "[1, 2]", [1, 2]),
            ("data", "some.csv", "some.csv"),
            ("declared", "1", 1.0),
            ("speed", "none", None),
            ("cfg.lr", "1", 1.0),
            ("cfg.sub.n", "2", 2),
            ("cfg.sub", "{'n': 2}", {"n": 2}),
            ("brand_new", "1", 1),
            ("brand_new", "a", "a"),
        ],
    )
    def test_what_the_source_tells_is_settled_before_the_run(self, key, text, value):
        resolved = resolve_overrides([(key, text)], PARAMETERS)[key]
        assert resolved == value
        assert type(resolved) is type(value)

    @pytest.mark.parametrize("key", ["mode", "speed", "cfg.made", "empty.unseen", "other.lr"])
    @pytest.mark.parametrize("strict", [True, False])
    def test_what_only_the_run_tells_waits_for_it(self, key, strict):
        names = {"other"}
        resolved = resolve_overrides([(key, "x")], PARAMETERS, names=names, strict=strict)
        assert resolved == {key: DeferredText("x", strict=strict, key=key)}

    def test_the_last_text_counts_and_gives_the_place(self):
        resolved = resolve_overrides([("lr", "1"), ("epochs", "2"), ("lr", "3")], PARAMETERS)
        assert list(resolved.items()) == [("epochs", 2), ("lr", 3.0)]

    def test_a_text_that_does_not_fit_warns_and_stays(self):
        with pytest.warns(
            UserWarning, match=r"cannot coerce 'x' to float \(lr = 0.1 in the script\)"
        ):
            assert resolve_overrides([("lr", "x")], PARAMETERS) == {"lr": "x"}

    def test_a_text_that_does_not_fit_is_an_error_when_strict(self):
        with pytest.raises(CoercionError, match=r"cannot coerce 'x' to int \| None"):
            resolve_overrides([("limit", "x")], PARAMETERS, strict=True)

    def test_an_unknown_key_is_an_error_when_strict(self):
        parameters = [known("lr", 0.1), known("epochs", 3), known("Cfg.rate", 1)]
        with pytest.raises(UnknownKey) as caught:
            resolve_overrides([("lrr", "1")], parameters, strict=True)
        assert str(caught.value) == (
            "unknown key 'lrr'; the script has lr = 0.1, epochs = 3. Did you mean 'lr'?"
        )
        assert resolve_overrides([("Cfg.rate", "2")], parameters, strict=True) == {"Cfg.rate": 2}

    def test_the_error_lists_eight_names_at_most_and_sources_of_unknown_values(self):
        with pytest.raises(UnknownKey, match=r"mode = Mode.SLOW, .*data = load\(\) and 3 more\.$"):
            resolve_overrides([("zzz", "1")], PARAMETERS, strict=True)

    def test_a_script_of_no_parameters_says_so(self):
        with pytest.raises(UnknownKey, match="the script has no parameters"):
            resolve_overrides([("lr", "1")], [], strict=True)

    def test_a_parameter_without_any_source_is_listed_by_its_name(self):
        with pytest.raises(UnknownKey, match=r"the script has x\."):
            resolve_overrides([("lr", "1")], [known("x")], strict=True)

    def test_an_unknown_key_of_a_dict_is_an_error_when_strict(self):
        with pytest.raises(UnknownKey, match=r"has cfg.lr = 0.1, .* Did you mean 'cfg.lr'\?"):
            resolve_overrides([("cfg.lrr", "1")], PARAMETERS, strict=True)
        resolve_overrides([("empty.lr", "1")], PARAMETERS, strict=True)  # it may be filled later

    @pytest.mark.parametrize("names", [{"lrr"}, None])
    def test_other_names_of_the_script_are_known(self, names):
        assert resolve_overrides([("lrr", "1")], PARAMETERS, names=names, strict=True) == {"lrr": 1}


class TestResolveAxes:
    def test_each_value_is_read_by_itself(self):
        axes = [("lr", ["1", "0.5"]), ("mode", ["FAST"])]
        assert resolve_axes(axes, PARAMETERS) == {
            "lr": [1.0, 0.5],
            "mode": [DeferredText("FAST", key="mode")],
        }

    def test_an_unknown_axis_is_an_error_when_strict(self):
        with pytest.raises(UnknownKey, match="unknown key 'lrr'"):
            resolve_axes([("lrr", ["1"])], PARAMETERS, strict=True)
        assert resolve_axes([("lr", [])], PARAMETERS, strict=True) == {"lr": []}


class TestCoerceGlobals:
    DEFAULTS = {"lr": 0.1, "n": 3, "on": False, "name": "x", "free": None, "cfg": {"lr": 0.1}}  # noqa: RUF012

    def test_texts_become_values_of_the_defaults_types(self):
        given = {"lr": "1", "n": "1e3", "on": "yes", "name": "7", "free": "[1]", "cfg.lr": "1"}
        coerced = coerce_globals(given, self.DEFAULTS)
        assert coerced == {
            "lr": 1.0,
            "n": 1000,
            "on": True,
            "name": "7",
            "free": [1],
            "cfg.lr": 1.0,
        }
        assert given["lr"] == "1"

    @pytest.mark.parametrize("value", [7, None, [1], 0.5, True])
    def test_what_is_no_text_is_taken_as_it_is(self, value):
        assert coerce_globals({"lr": value}, self.DEFAULTS, strict=True)["lr"] is value

    @pytest.mark.parametrize("key", ["new", "new.key", "cfg.new"])
    def test_an_unknown_key_is_kept(self, key):
        assert coerce_globals({key: "1"}, self.DEFAULTS) == {key: "1"}

    @pytest.mark.parametrize("key", ["lrr", "lrr.x", "cfg.lrr"])
    def test_an_unknown_key_is_a_key_error_when_strict(self, key):
        with pytest.raises(
            KeyError, match=f"unknown key '{key}'; the script has lr = 0.1, n = 3, "
        ):
            coerce_globals({key: 1}, self.DEFAULTS, strict=True)

    def test_a_text_that_does_not_fit_warns_and_stays(self):
        with pytest.warns(UserWarning, match="cannot coerce 'abc' to int") as caught:
            assert coerce_globals({"n": "abc"}, self.DEFAULTS) == {"n": "abc"}
        assert len(caught) == 1

    def test_a_text_that_does_not_fit_is_a_type_error_when_strict(self):
        with pytest.raises(TypeError, match="cannot coerce 'abc' to int"):
            coerce_globals({"n": "abc"}, self.DEFAULTS, strict=True)


class TestDeferredText:
    def test_it_is_a_value(self):
        text = DeferredText("x", strict=True)
        assert text == DeferredText("x", strict=True)
        assert text != DeferredText("x")
        assert hash(text) == hash(DeferredText("x", strict=True))
        assert repr(text) == "DeferredText('x', strict=True, key=None)"
        assert text != ("x", True, None)
        assert pickle.loads(pickle.dumps(text)) == text

    @pytest.mark.parametrize(
        ("default", "annotation", "value"),
        [(0.5, None, 3.0), (None, None, 3), (None, float, 3.0), ("a", int, 3)],
    )
    def test_the_script_says_what_its_text_means(self, default, annotation, value):
        read = DeferredText("3").resolve(default, annotation=annotation)
        assert read == value
        assert type(read) is type(value)

    @pytest.mark.parametrize(("annotation", "value"), [(float, 3.0), (None, 3), ("float", 3.0)])
    def test_an_annotation_may_say_it_alone(self, annotation, value):
        read = DeferredText("3").resolve_annotation(annotation)
        assert read == value
        assert type(read) is type(value)

    def test_what_does_not_fit_warns_or_is_an_error_when_strict(self):
        with pytest.warns(UserWarning, match="cannot coerce"):
            assert DeferredText("x").resolve(3) == "x"
        with warnings.catch_warnings(), pytest.raises(CoercionError, match="cannot coerce"):
            DeferredText("x", strict=True).resolve(3)


class TestUnknownNames:
    def test_keys_that_the_script_has_not_come_with_the_nearest(self):
        keys = ["lr", "lrr", "cfg.new", "cgf.lr", "zzz"]
        assert unknown_names(keys, {"lr", "cfg"}) == [
            ("lrr", "lr"),
            ("cgf.lr", "cfg"),
            ("zzz", None),
        ]


def test_missing_says_what_it_is():
    assert repr(MISSING) == "MISSING"
    assert not known("a").is_nested
    assert known("a.b").is_nested
