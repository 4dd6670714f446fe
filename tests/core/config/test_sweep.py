import itertools
import sys
import threading
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohakuengine.config import Config, use
from kohakuengine.config.sweep import Sweep
from kohakuengine.errors import ConfigTypeError, ConfigValueError

axis_names = st.text("abcde", min_size=1, max_size=2)
scalars = st.integers(-3, 3) | st.booleans() | st.text("xy", max_size=2)
values = scalars | st.lists(scalars, max_size=2)
axes = st.dictionaries(axis_names, st.lists(values, min_size=1, max_size=4), max_size=4)


def points(sweep):
    return [config.globals_dict for config in sweep]


@st.composite
def equal_axes(draw):
    length = draw(st.integers(1, 5))
    return draw(
        st.dictionaries(axis_names, st.lists(values, min_size=length, max_size=length), max_size=4)
    )


class TestGrid:
    @given(axes)
    def test_is_the_cartesian_product(self, axes):
        sweep = Sweep.from_mapping(Config(), axes)
        expected = [dict(zip(axes, row, strict=True)) for row in itertools.product(*axes.values())]
        assert points(sweep) == expected
        assert len(sweep) == sweep.length == len(expected)
        assert sweep.axes == tuple(axes)

    def test_the_last_axis_is_the_fastest(self):
        sweep = Sweep.from_mapping(Config(), {"a": [1, 2], "b": (3, 4)})
        assert points(sweep) == [
            {"a": 1, "b": 3},
            {"a": 1, "b": 4},
            {"a": 2, "b": 3},
            {"a": 2, "b": 4},
        ]

    def test_mode_grid_is_the_default(self):
        mapping = {"__mode__": "grid", "a": [1, 2], "b": [3, 4]}
        assert len(Sweep.from_mapping(Config(), mapping)) == 4

    @pytest.mark.parametrize("mapping", [{}, {"__mode__": "grid"}, {"__mode__": "zip"}])
    def test_no_axes_give_one_config(self, mapping):
        sweep = Sweep.from_mapping(Config({"a": 1}), mapping)
        assert list(sweep) == [Config({"a": 1})]
        assert sweep.length == 1

    def test_can_be_expanded_again(self):
        sweep = Sweep.from_mapping(Config(), {"a": [1, 2]})
        assert list(sweep) == list(sweep)


class TestZip:
    @given(equal_axes())
    def test_is_python_zip(self, axes):
        sweep = Sweep.from_mapping(Config(), {**axes, "__mode__": "zip"})
        rows = list(zip(*axes.values(), strict=True)) if axes else [()]
        assert points(sweep) == [dict(zip(axes, row, strict=True)) for row in rows]
        assert len(sweep) == len(rows)

    def test_needs_axes_of_one_length(self):
        mapping = {"__mode__": "zip", "lr": [1, 2, 3], "bs": [1]}
        match = "equal-length axes, but 'lr' has 3, 'bs' has 1 values"
        with pytest.raises(ConfigValueError, match=match):
            Sweep.from_mapping(Config(), mapping)


class TestMixed:
    @given(st.lists(equal_axes(), max_size=3))
    def test_groups_are_zipped_inside_and_multiplied_outside(self, groups):
        groups = [
            {f"{name}{index}": values for name, values in group.items()}
            for index, group in enumerate(groups)
        ]
        sweep = Sweep(Config(), groups)
        rows = [
            [dict(zip(group, row, strict=True)) for row in zip(*group.values(), strict=True)]
            for group in groups
            if group
        ]
        expected = [
            {name: value for row in combination for name, value in row.items()}
            for combination in itertools.product(*rows)
        ]
        assert points(sweep) == expected
        assert sweep.length == len(expected)


class TestConfigs:
    def test_axis_values_win_over_the_base(self):
        base = Config({"a": 0, "b": 1}, [2], {"k": 3}, {"note": "n"})
        [config] = Sweep.from_mapping(base, {"a": [9], "new": [8]})
        assert config.globals_dict == {"a": 9, "b": 1, "new": 8}
        assert config.args == [2]
        assert config.kwargs == {"k": 3}

    def test_metadata_gets_the_axis_values(self):
        base = Config({"b": 1}, metadata={"note": "n", "a": "old"})
        [config] = Sweep.from_mapping(base, {"a": [9]})
        assert config.metadata == {"note": "n", "a": 9}

    def test_the_base_stays_as_it_was(self):
        base = Config({"a": 0}, metadata={"m": 1})
        list(Sweep.from_mapping(base, {"a": [1, 2]}))
        assert base == Config({"a": 0}, metadata={"m": 1})

    @pytest.mark.parametrize("part", ["globals_dict", "kwargs", "metadata"])
    def test_base_values_are_copied_for_each_config(self, part):
        base = Config(**{part: {"shared": [1]}})
        first, second = Sweep.from_mapping(base, {"a": [1, 2]})
        getattr(first, part)["shared"].append(2)
        getattr(first, part)["new"] = 1
        assert getattr(second, part)["shared"] == [1]
        assert "new" not in getattr(second, part)
        assert getattr(base, part) == {"shared": [1]}

    def test_args_are_copied_for_each_config(self):
        first, second = Sweep.from_mapping(Config(args=[1]), {"a": [1, 2]})
        first.args.append(2)
        assert second.args == [1]
        first, second = Sweep.from_mapping(Config(args=[[1]]), {"a": [1, 2]})
        first.args[0].append(2)
        assert second.args == [[1]]

    def test_axis_values_are_copied_for_each_config(self):
        sweep = Sweep.from_mapping(Config(), {"layers": [[1]], "a": [1, 2]})
        first, second = sweep
        first.globals_dict["layers"].append(2)
        assert second.globals_dict["layers"] == [1]
        assert first.metadata["layers"] == [1]
        assert next(iter(sweep)).globals_dict["layers"] == [1]

    def test_what_cannot_be_copied_is_shared(self):
        lock = threading.Lock()
        assert all(
            p["lock"] is lock for p in points(Sweep(Config({"lock": lock}), [{"a": [1, 2]}]))
        )

    def test_later_changes_of_the_axes_do_not_count(self):
        axis = [1, 2]
        sweep = Sweep.from_mapping(Config(), {"a": axis})
        axis.append(3)
        assert len(sweep) == 2

    def test_used_values_are_unwrapped(self):
        sweep = Sweep.from_mapping(Config({"b": use(len)}), {"f": [use(max), use(min)]})
        assert points(sweep) == [{"b": len, "f": max}, {"b": len, "f": min}]
        assert [config.metadata for config in sweep] == [{"f": max}, {"f": min}]


class TestErrors:
    def test_a_sweep_that_is_no_dict(self):
        with pytest.raises(ConfigTypeError, match="_sweep must be a dict, got list"):
            Sweep.from_mapping(Config(), [("a", [1])])

    @pytest.mark.parametrize(
        ("axis", "kind"), [(0.1, "float"), ("abc", "str"), (range(3), "range")]
    )
    def test_an_axis_that_is_no_list(self, axis, kind):
        match = rf"axis 'lr' must be a list or tuple, got {kind}\.$"
        with pytest.raises(ConfigTypeError, match=match):
            Sweep.from_mapping(Config(), {"lr": axis})

    def test_a_misspelt_mode_key_is_recognised(self):
        with pytest.raises(ConfigTypeError, match=r"'__mod__' .* Did you mean '__mode__'\?"):
            Sweep.from_mapping(Config(), {"__mod__": "zip", "a": [1]})

    def test_an_axis_whose_name_is_no_string(self):
        with pytest.raises(ConfigTypeError, match="names must be strings, got 3"):
            Sweep.from_mapping(Config(), {3: [1]})

    def test_an_empty_axis(self):
        with pytest.raises(ConfigValueError, match="axis 'lr' is empty"):
            Sweep.from_mapping(Config(), {"lr": []})

    @pytest.mark.parametrize("mode", ["zipp", 3, ["zip"], None])
    def test_an_unknown_mode(self, mode):
        with pytest.raises(ConfigValueError, match=r"Unknown _sweep mode .*'grid', 'zip'"):
            Sweep.from_mapping(Config(), {"__mode__": mode, "a": [1]})

    def test_an_unknown_mode_names_the_nearest(self):
        with pytest.raises(ConfigValueError, match=r"Did you mean 'zip'\?"):
            Sweep.from_mapping(Config(), {"__mode__": "zipp"})

    def test_an_axis_given_twice(self):
        with pytest.raises(ConfigValueError, match="axis 'a' is given twice"):
            Sweep(Config(), [{"a": [1]}, {"a": [2]}])


class TestExtending:
    base = Config({"a": 0, "c": 0})

    def test_grid_axes_multiply(self):
        sweep = Sweep(self.base, [{"a": [1, 2]}]).with_axes({"b": [3, 4]}, {})
        assert sweep.axes == ("a", "b")
        assert [(p["a"], p["b"]) for p in points(sweep)] == [(1, 3), (1, 4), (2, 3), (2, 4)]

    def test_zipped_axes_advance_together(self):
        sweep = Sweep(self.base, [{"a": [1, 2]}]).with_axes({}, {"x": [5, 6], "y": [7, 8]})
        assert [(p["a"], p["x"], p["y"]) for p in points(sweep)] == [
            (1, 5, 7),
            (1, 6, 8),
            (2, 5, 7),
            (2, 6, 8),
        ]

    def test_an_axis_of_that_name_gives_way(self):
        sweep = Sweep(self.base, [{"a": [1, 2]}, {"b": [3, 4]}]).with_axes({"a": [9]}, {})
        assert sweep.axes == ("b", "a")
        assert [(p["a"], p["b"]) for p in points(sweep)] == [(9, 3), (9, 4)]

    def test_the_rest_of_a_zipped_group_stays(self):
        sweep = Sweep(self.base, [{"a": [1, 2], "b": [3, 4]}]).with_axes({"a": [9]}, {})
        assert [(p["a"], p["b"]) for p in points(sweep)] == [(9, 3), (9, 4)]

    def test_a_name_both_zipped_and_alone_is_refused(self):
        with pytest.raises(ConfigValueError, match="axis 'a' is given twice"):
            Sweep(self.base).with_axes({"a": [1]}, {"a": [2]})

    def test_zipped_axes_need_one_length(self):
        with pytest.raises(ConfigValueError, match="equal-length axes"):
            Sweep(self.base).with_axes({}, {"x": [1], "y": [1, 2]})

    def test_values_win_over_base_and_axes(self):
        sweep = Sweep(self.base, [{"a": [1, 2]}, {"b": [3, 4]}]).with_values({"a": 9, "c": 8})
        assert sweep.axes == ("b",)
        assert points(sweep) == [{"a": 9, "c": 8, "b": 3}, {"a": 9, "c": 8, "b": 4}]
        assert [config.metadata for config in sweep] == [{"b": 3}, {"b": 4}]

    def test_the_original_is_not_changed(self):
        sweep = Sweep(self.base, [{"a": [1, 2]}])
        sweep.with_axes({"b": [1]}, {})
        sweep.with_values({"a": 3})
        assert sweep.axes == ("a",)
        assert self.base == Config({"a": 0, "c": 0})


class TestSize:
    def huge(self):
        return Sweep(Config(), [{f"a{index}": list(range(10))} for index in range(30)])

    def test_length_is_known_without_expanding(self):
        assert self.huge().length == 10**30
        assert self.huge().length > sys.maxsize

    def test_a_sweep_too_long_for_len_is_still_true(self):
        assert self.huge()
        with pytest.raises(OverflowError):
            len(self.huge())

    def test_is_lazy(self):
        assert len(list(itertools.islice(self.huge(), 3))) == 3

    def test_one_long_axis_takes_no_more_than_its_values(self):
        sweep = Sweep(Config(), [{"x": list(range(100_000))}])
        tracemalloc.start()
        try:
            next(iter(sweep))
            assert tracemalloc.get_traced_memory()[1] < 100_000
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize("base", [Config({"a": 1}), Config({"a": [1]})])
    def test_memory_does_not_grow_with_the_number_of_configs(self, base):
        sweep = Sweep(base, [{f"a{index}": list(range(10))} for index in range(4)])
        tracemalloc.start()
        try:
            for _ in itertools.islice(sweep, 100):
                pass
            tracemalloc.reset_peak()
            for _ in sweep:
                pass
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 500_000
