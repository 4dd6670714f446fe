"""Dotted paths lead into the objects of a script, and values are set there."""

import argparse
import collections
import dataclasses
import enum
import types
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohakuengine.config.deferred import DeferredText
from kohakuengine.config.paths import get_path, set_path, split_path
from kohakuengine.errors import CoercionError, OverrideError


class Mode(enum.Enum):
    FAST = 1
    SLOW = 2


@dataclasses.dataclass
class Mutable:
    lr: float = 0.1
    mode: Mode = Mode.SLOW
    backup: Mode | None = None
    layers: list = dataclasses.field(default_factory=lambda: [64, 32])
    _private: int = 0


@dataclasses.dataclass(frozen=True)
class Frozen:
    lr: float = 0.1
    doubled: float = dataclasses.field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "doubled", self.lr * 2)


class Point(NamedTuple):
    x: float = 0.0
    y: float = 0.0


class Plain:
    shared = 1
    declared: int

    def __init__(self):
        self.own = 2

    @property
    def fixed(self):
        return 3

    @property
    def checked(self):
        return 4

    @checked.setter
    def checked(self, value):
        raise ValueError("not today")


class Slots:
    __slots__ = ("a", "b")


class TestSplitPath:
    def test_parts_are_joined_by_dots(self):
        assert split_path("a.b-c.0") == ("a", "b-c", "0")

    @pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b"])
    def test_no_part_is_empty(self, path):
        with pytest.raises(OverrideError, match="joined by single dots"):
            split_path(path)


names = st.text("abc", min_size=1, max_size=3)
trees = st.recursive(
    st.integers(),
    lambda inner: (
        st.dictionaries(names, inner, min_size=1)
        | st.dictionaries(names, inner, min_size=1).map(lambda d: types.SimpleNamespace(**d))
        | st.lists(inner, min_size=1)
        | st.lists(inner, min_size=1).map(tuple)
        | st.builds(Point, inner, inner)
    ),
)


def paths_of(tree):
    """Every path into a tree."""
    if isinstance(tree, dict):
        children = tree.items()
    elif isinstance(tree, types.SimpleNamespace):
        children = vars(tree).items()
    elif isinstance(tree, (list, tuple)):
        children = [(str(index), item) for index, item in enumerate(tree)]
    else:
        return []
    return [
        path
        for name, child in children
        for path in [(name,), *((name, *p) for p in paths_of(child))]
    ]


class TestSetPath:
    @given(trees.filter(lambda tree: not isinstance(tree, int)), st.data())
    def test_what_is_set_is_found_there_and_the_rest_stays(self, tree, data):
        paths = paths_of(tree)
        path = data.draw(st.sampled_from(paths))
        others = {
            p: get_path(tree, p)
            for p in paths
            if p[: len(path)] != path != p and path[: len(p)] != p
        }
        value = object()
        changed = set_path(tree, ".".join(path), value)
        assert get_path(changed, path) is value
        assert type(changed) is type(tree)
        for other, before in others.items():
            assert get_path(changed, other) is before

    @pytest.mark.parametrize(
        ("make", "path"),
        [
            (lambda: {"lr": 0.1}, "lr"),
            (lambda: {"lr": 0.1}, "new"),
            (lambda: {"opt": {"beta-1": 0.1}}, "opt.beta-1"),
            (lambda: collections.defaultdict(dict), "new"),
            (lambda: [1, 2], "1"),
            (lambda: [1, 2], "-1"),
            (Mutable, "lr"),
            (Mutable, "layers.0"),
            (Plain, "own"),
            (Plain, "shared"),
            (Plain, "declared"),
            (lambda: Plain, "shared"),
            (lambda: type("C", (), {"a": 1}), "a"),
            (Slots, "a"),
            (types.SimpleNamespace, "new"),
            (argparse.Namespace, "new"),
            (lambda: types.SimpleNamespace(cfg={"a": [Plain()]}), "cfg.a.0.own"),
        ],
    )
    def test_what_can_change_is_changed_in_place(self, make, path, monkeypatch):
        monkeypatch.setattr(Plain, "shared", 1)
        obj = make()
        assert set_path(obj, path, 5) is obj
        assert get_path(obj, path) == 5

    @pytest.mark.parametrize(
        ("obj", "path", "changed"),
        [
            (Point(1.0, 2.0), "y", Point(1.0, 5)),
            (Point(1.0, 2.0), "0", Point(5, 2.0)),
            ((1, 2), "0", (5, 2)),
            ((1, (2, {"a": 3})), "1.1.a", (1, (2, {"a": 5}))),
            ({"p": Point()}, "p.x", {"p": Point(5, 0.0)}),
            (Frozen(0.1), "lr", Frozen(5)),
            ([Frozen(0.1)], "0.lr", [Frozen(5)]),
        ],
    )
    def test_what_cannot_change_is_replaced_in_what_holds_it(self, obj, path, changed):
        new = set_path(obj, path, 5)
        assert new == changed
        assert type(new) is type(obj)

    def test_a_frozen_dataclass_is_made_anew_so_that_derived_fields_follow(self):
        assert set_path(Frozen(0.1), "lr", 2.0).doubled == 4.0

    def test_the_attributes_of_a_module_can_be_set(self):
        module = types.ModuleType("cfg")
        module.lr = 0.1
        set_path(module, "lr", 5)
        assert module.lr == 5

    def test_a_number_is_a_key_where_the_dict_has_it(self):
        assert set_path({0: "a", "1": "b"}, "0", 5) == {0: 5, "1": "b"}
        assert set_path({0: "a", "1": "b"}, "1", 5) == {0: "a", "1": 5}
        assert set_path({0: "a"}, "2", 5) == {0: "a", "2": 5}

    def test_new_instances_of_a_dataclass_start_with_the_value(self):
        @dataclasses.dataclass
        class Config:
            required: int
            lr: float = 0.1
            layers: list = dataclasses.field(default_factory=list)
            key: int = dataclasses.field(default=1, kw_only=True)

        for name, value in {"lr": 0.5, "layers": [1], "key": 2, "required": 3}.items():
            set_path(Config, name, value)
        made = Config(0)
        assert (made.lr, made.layers, made.key, Config.required) == (0.5, [1], 2, 3)

        @dataclasses.dataclass
        class Derived(Config):
            extra: int = 0

        assert Derived(0).lr == 0.5

    def test_a_class_attribute_of_a_dataclass_that_is_no_field_is_just_set(self):
        @dataclasses.dataclass
        class Config:
            plain = 1

        set_path(Config, "plain", 2)
        assert Config.plain == 2


class TestErrors:
    @pytest.mark.parametrize(
        ("obj", "path", "message"),
        [
            (
                {"lr": 1, "n": 2},
                "lrr.x",
                "there is no 'cfg.lrr'; 'cfg' (dict) has lr, n. Did you mean 'lr'?",
            ),
            ({}, "a.b", "there is no 'cfg.a'; 'cfg' (dict) has nothing in it."),
            (
                Mutable(),
                "lrr",
                "there is no 'cfg.lrr'; 'cfg' (Mutable) has lr, mode, backup, layers. Did you mean 'lr'?",
            ),
            (
                Mutable,
                "lrr",
                "there is no 'cfg.lrr'; 'cfg' (class) has lr, mode, backup, layers. Did you mean 'lr'?",
            ),
            (
                {"m": Plain()},
                "m.sharedd",
                "there is no 'cfg.m.sharedd'; 'cfg.m' (Plain) has own, declared.",
            ),
            (Slots(), "c", "there is no 'cfg.c'; 'cfg' (Slots) has a, b."),
            (Point(), "z", "there is no 'cfg.z'; 'cfg' (Point) has x, y."),
            ([1, 2], "2", "there is no 'cfg.2'; 'cfg' (list) has length 2 and counts from 0"),
            ([1, 2], "a", "there is no 'cfg.a'; 'cfg' (list) has length 2 and counts from 0"),
            ((1,), "5.x", "there is no 'cfg.5'; 'cfg' (tuple) has length 1 and counts from 0"),
            (3, "a", "there is no 'cfg.a'; 'cfg' (int) has nothing in it."),
            (Plain(), "__class__", "cannot override protected attribute 'cfg.__class__'"),
            (Plain, "__dict__.x", "there is no 'cfg.__dict__'"),
            (
                dict.fromkeys("abcdefghij"),
                "zz.y",
                "'cfg' (dict) has a, b, c, d, e, f, g, h, ...",
            ),
            (Plain(), "checked", "cannot set 'cfg.checked': not today"),
            (Plain(), "fixed", "cannot set 'cfg.fixed': "),
            (Frozen(), "doubled", "cannot set 'cfg.doubled': "),
            (Mode, "FAST", "cannot set 'cfg.FAST': "),
            (types.MappingProxyType({"a": 1}), "a", "cannot set 'cfg.a': "),
        ],
    )
    def test_what_cannot_be_set_is_named_with_what_is_there(self, obj, path, message):
        with pytest.raises(OverrideError) as caught:
            set_path(obj, path, 5, root="cfg")
        assert message in str(caught.value)

    def test_without_a_name_of_the_object_only_the_path_is_named(self):
        with pytest.raises(OverrideError, match=r"there is no 'a'; the list has length 0"):
            get_path([], "a")
        with pytest.raises(OverrideError, match=r"there is no 'a'; the dict has b\."):
            get_path({"b": 1}, "a")


class TestDeferredValues:
    @pytest.mark.parametrize(
        ("obj", "path", "text", "value"),
        [
            ({"mode": Mode.SLOW}, "mode", "fast", Mode.FAST),
            ({}, "new", "[1]", [1]),
            (Mutable(), "mode", "fast", Mode.FAST),
            (Mutable(), "backup", "fast", Mode.FAST),
            (Mutable(), "backup", "none", None),
            (Mutable, "layers", "[1]", [1]),
            (Plain(), "declared", "1e3", 1000),
            (Plain(), "shared", "7", 7),
            ([0.5], "0", "1", 1.0),
            (types.SimpleNamespace(), "new", "1", 1),
        ],
    )
    def test_texts_are_read_as_the_value_is_that_they_replace(
        self, obj, path, text, value, monkeypatch
    ):
        monkeypatch.setattr(Plain, "shared", 1)
        read = get_path(set_path(obj, path, DeferredText(text)), path)
        assert read == value
        assert type(read) is type(value)

    def test_annotations_that_cannot_be_evaluated_leave_it_to_the_value(self):
        class Odd:
            lr: "NoSuchThing" = 0.5  # noqa: F821

        assert set_path(Odd(), "lr", DeferredText("1")).lr == 1.0

    def test_a_text_that_does_not_fit_is_an_error_when_strict(self):
        with pytest.raises(
            CoercionError, match=r"cannot coerce 'x' to float \(cfg.lr = 0.5 in the script\)"
        ):
            set_path({"lr": 0.5}, "lr", DeferredText("x", strict=True, key="cfg.lr"))
