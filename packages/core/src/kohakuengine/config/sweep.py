"""`Sweep`: a base config and the axes along which it varies, expanded lazily."""

from __future__ import annotations

from itertools import chain, product
from math import prod
from typing import TYPE_CHECKING, Any

from kohakuengine.config.base import Config, copy_value, copy_values, is_atomic, unwrap
from kohakuengine.errors import ConfigTypeError, ConfigValueError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from kohakuengine.config.slots import Origin

    #: Axes that advance together: axis name -> values, as many for each name.
    AxisGroup: TypeAlias = Mapping[str, Sequence[Any]]

_MODE = "__mode__"
_MODES = ("grid", "zip")


class Sweep:
    """The configs that a base makes with every combination of its groups of axes.

    The axes of one group advance together ("zip"); groups combine with each other ("grid"), the
    last one fastest. Each config gets its own copy of every value, and the values of the axes in
    its metadata too. Only the axes are held in memory, never the configs.

    Attributes:
        base: What all configs have in common. An axis wins over a base value of its name.
        groups: The axes, by group.

    Raises:
        ConfigTypeError: An axis is neither list nor tuple, or its name is no string.
        ConfigValueError: An axis is empty or given twice, or the axes of a group differ in length.
    """

    def __init__(self, base: Config, groups: Iterable[AxisGroup] = ()) -> None:
        self.base = Config(
            {name: unwrap(value) for name, value in base.globals_dict.items()},
            base.args,
            base.kwargs,
            base.metadata,
        )
        self.base.origin = base.origin
        self.groups = tuple(_checked(group) for group in groups if group)
        names = self.axes
        for name in names:
            if names.count(name) > 1:
                raise ConfigValueError(f"sweep axis {name!r} is given twice")

    @classmethod
    def from_mapping(cls, base: Config, mapping: Mapping[str, Any]) -> Sweep:
        """Build a sweep from the ``_sweep`` of a config file.

        Args:
            base: What all configs have in common.
            mapping: Axis name -> list or tuple of values; and optionally ``__mode__``, which is
                ``"grid"`` (default) or ``"zip"``.

        Raises:
            ConfigTypeError: The mapping is no dict, or an axis of it neither list nor tuple.
            ConfigValueError: The mode is unknown, an axis empty, or zipped ones differ in length.
        """
        if not isinstance(mapping, dict):
            raise ConfigTypeError(f"_sweep must be a dict, got {type(mapping).__name__}")
        axes = {name: values for name, values in mapping.items() if name != _MODE}
        if _checked_mode(mapping.get(_MODE, "grid")) == "zip":
            return cls(base, [axes])
        return cls(base, [{name: values} for name, values in axes.items()])

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the axes, in order."""
        return tuple(chain.from_iterable(self.groups))

    @property
    def length(self) -> int:
        """How many configs there are, also where that is more than ``len()`` can return."""
        return prod(_group_length(group) for group in self.groups)

    def __len__(self) -> int:
        return self.length

    def __bool__(self) -> bool:
        # There always is a config; and len() would fail for the longest sweeps.
        return True

    def __iter__(self) -> Iterator[Config]:
        base = self.base
        origin = None if base.origin is None else base.origin.on_top(self.axes)
        make = _plain if self._is_atomic() else _copied
        for point in self._points():
            yield make(base, point, origin)

    def _points(self) -> Iterator[dict[str, Any]]:
        """The values of the axes for each config."""
        if not self.groups:
            yield {}
            return
        outer, *others = self.groups
        inner = [tuple(_rows(group)) for group in others]
        for row in _rows(outer):  # one by one: the outer axis may be long
            for rows in product(*inner):
                point = row.copy()
                for other in rows:
                    point.update(other)
                yield point

    def _is_atomic(self) -> bool:
        base = self.base
        parts = (base.globals_dict.values(), base.args, base.kwargs.values())
        axes = (values for group in self.groups for values in group.values())
        return all(map(is_atomic, chain(*parts, base.metadata.values(), *axes)))

    def with_axes(self, grid: Mapping[str, Any], zipped: Mapping[str, Any]) -> Sweep:
        """Vary more names; an axis that was there before gives way to a new one of its name.

        Args:
            grid: Axis name -> values; each combines with all that is there.
            zipped: Axis name -> values; these advance together.
        """
        added = [*({name: values} for name, values in grid.items()), zipped]
        return Sweep(self.base, [*self._groups_without({*grid, *zipped}), *added])

    def with_values(self, values: Mapping[str, Any]) -> Sweep:
        """Fix names to one value each, in place of the base's value or of an axis."""
        base = self.base
        fixed = Config({**base.globals_dict, **values}, base.args, base.kwargs, base.metadata)
        if base.origin is not None:
            fixed.origin = base.origin.on_top(values)
        return Sweep(fixed, self._groups_without(values.keys()))

    def _groups_without(self, names: Iterable[str]) -> list[AxisGroup]:
        dropped = frozenset(names)
        return [
            {name: values for name, values in group.items() if name not in dropped}
            for group in self.groups
        ]


def _checked_mode(mode: object) -> str:
    if mode in _MODES:
        return str(mode)
    raise ConfigValueError(
        f"Unknown _sweep mode {mode!r}; accepted are {', '.join(map(repr, _MODES))}."
        f"{nearest(str(mode), _MODES)}"
    )


def _checked(group: AxisGroup) -> AxisGroup:
    """Take a snapshot of a group of axes, each of them valid and all of one length."""
    axes = {name: _checked_axis(name, values) for name, values in group.items()}
    if len({len(values) for values in axes.values()}) > 1:
        lengths = ", ".join(f"{name!r} has {len(values)}" for name, values in axes.items())
        raise ConfigValueError(f"zip needs equal-length axes, but {lengths} values")
    return axes


def _checked_axis(name: object, values: object) -> list[Any]:
    if not isinstance(name, str):
        raise ConfigTypeError(f"sweep axis names must be strings, got {name!r}")
    if not isinstance(values, list | tuple):
        hint = nearest(name, [_MODE]) if name.startswith("__") else ""
        raise ConfigTypeError(
            f"sweep axis {name!r} must be a list or tuple, got {type(values).__name__}.{hint}"
        )
    if not values:
        raise ConfigValueError(f"sweep axis {name!r} is empty: there would be nothing to run")
    return [unwrap(value) for value in values]


def _group_length(group: AxisGroup) -> int:
    return len(next(iter(group.values())))


def _rows(group: AxisGroup) -> Iterator[dict[str, Any]]:
    """What a group gives at each of its steps."""
    for row in zip(*group.values(), strict=True):
        yield dict(zip(group, row, strict=True))


def _plain(base: Config, point: dict[str, Any], origin: Origin | None) -> Config:
    config = Config(
        {**base.globals_dict, **point},
        base.args.copy(),
        base.kwargs.copy(),
        {**base.metadata, **point},
    )
    if origin is not None:
        config.origin = origin
    return config


def _copied(base: Config, point: dict[str, Any], origin: Origin | None) -> Config:
    memo: dict[int, Any] = {}
    config = Config(
        copy_values({**base.globals_dict, **point}, memo),
        [copy_value(value, memo) for value in base.args],
        copy_values(base.kwargs, memo),
        # Copied apart: what the run does to its values is no news about what it was given.
        copy_values({**base.metadata, **point}, {}),
    )
    if origin is not None:
        config.origin = origin.copied(memo)
    return config
