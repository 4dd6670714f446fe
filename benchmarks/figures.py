"""What two sides came to, and what the figure made of them may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """One measurement of the product and one of what it is compared to, in the same unit."""

    ours: float
    base: float

    @property
    def ratio(self) -> float:
        return self.ours / self.base

    @property
    def excess(self) -> float:
        return self.ours - self.base


@dataclass(frozen=True)
class Bound:
    """What a figure may be at most.

    Attributes:
        limit: The number; None where the figure is for information.
        unit: "x" where the figure is the ratio of the two sides. Otherwise it is their difference,
            in this unit.
    """

    limit: float | None
    unit: str = "x"

    direction = "at most"
    broken = "over"

    def figure(self, pair: Pair) -> float:
        return pair.ratio if self.unit == "x" else pair.excess

    def show(self, figure: float) -> str:
        return f"{figure:.2f}x" if self.unit == "x" else f"{figure:+.1f} {self.unit}"

    def is_broken_by(self, figure: float) -> bool:
        return self.limit is not None and figure > self.limit

    @property
    def text(self) -> str:
        return "none" if self.limit is None else f"{self.direction} {self.show(self.limit)}"


@dataclass(frozen=True)
class Itself(Bound):
    """What the product's side may be at most, whatever the other side is."""

    def figure(self, pair: Pair) -> float:
        return pair.ours

    def show(self, figure: float) -> str:
        return f"{figure:.3g} {self.unit}"


@dataclass(frozen=True)
class Speedup(Bound):
    """How many times quicker than the other side the product is at least."""

    direction = "at least"
    broken = "under"

    def figure(self, pair: Pair) -> float:
        return pair.base / pair.ours

    def show(self, figure: float) -> str:
        return f"{figure:.3g} times faster"

    def is_broken_by(self, figure: float) -> bool:
        return self.limit is not None and figure < self.limit
