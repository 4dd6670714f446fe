"""What a workflow takes: its inputs, and checking what it is given against them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from inspect import Parameter as _Python
from typing import Any, NoReturn

from wflo.errors import InputError, nearest
from wflo.runtime.values import PLAIN, Adapter, Misfit, shown


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """An input of a workflow.

    Attributes:
        name: Its name.
        adapters: What it is annotated with where it is used; one at least.
        default: Its default, `inspect.Parameter.empty` where it has none.
        steps: The steps that take it.
        mapped_by: The step that maps over it, so that it has to be a list.
    """

    name: str
    adapters: tuple[Adapter, ...] = (PLAIN,)
    default: Any = _Python.empty
    steps: tuple[str, ...] = ()
    mapped_by: str | None = None

    @property
    def required(self) -> bool:
        """Whether a run must be given it."""
        return self.default is _Python.empty

    @property
    def annotation(self) -> Any:
        """The type of its value; `Any` where it has no annotation."""
        return self.adapters[0].annotation

    def checked(self, value: Any) -> Any:
        """The JSON of a value.

        Raises:
            Misfit: It is not what the annotations say.
        """
        plain = self._dumped(value)
        for adapter in self.adapters[1:]:
            adapter.load(plain)
        if self.mapped_by is not None and not isinstance(plain, list):
            raise Misfit(f"step {self.mapped_by!r} maps over it, so it must be a list")
        return plain

    def parsed(self, text: str) -> Any:
        """The JSON of a value that was given as text: JSON if that is what fits, or the text.

        Of what does not fit either way, a list or an object is meant as such: so the error that
        follows is about what is in it.
        """
        try:
            value = json.loads(text, parse_constant=_no_json)
        except ValueError:
            return text
        is_meant = isinstance(value, list | dict) and not self._takes(text)
        return value if is_meant or self._takes(value) else text

    def _takes(self, value: Any) -> bool:
        try:
            self.checked(value)
        except ValueError:
            return False
        return True

    def _dumped(self, value: Any) -> Any:
        adapter = self.adapters[0]
        try:
            return adapter.dump(value)
        except Misfit:
            # What is JSON already may only be taken as such: the text of a date by a strict model.
            try:
                return adapter.dump(adapter.load(PLAIN.dump(value)))
            except Misfit:
                pass
            raise

    def merged(self, other: Input) -> Input:
        """The same input, taken by other steps too."""
        typed = [each for each in (*self.adapters, *other.adapters) if each is not PLAIN]
        different = {id(each.annotation): each for each in typed}.values()
        return Input(
            name=self.name,
            adapters=tuple(different) or (PLAIN,),
            default=_Python.empty if self.required or other.required else self.default,
            steps=tuple(dict.fromkeys((*self.steps, *other.steps))),
            mapped_by=self.mapped_by or other.mapped_by,
        )


class Inputs(Mapping[str, Input]):
    """The inputs of a workflow, by name.

    Args:
        workflow: The workflow's name.
        found: Each place where an input is taken.
        steps: The steps' ids: an input may be one of them, misspelled.
    """

    def __init__(self, workflow: str, found: Iterable[Input], steps: Iterable[str] = ()) -> None:
        self._workflow = workflow
        self._steps = tuple(steps)
        self._inputs: dict[str, Input] = {}
        for each in found:
            known = self._inputs.get(each.name)
            self._inputs[each.name] = known.merged(each) if known else each

    def __getitem__(self, name: str) -> Input:
        return self._inputs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._inputs)

    def __len__(self) -> int:
        return len(self._inputs)

    def __repr__(self) -> str:
        return f"<inputs of workflow {self._workflow!r}: {', '.join(self._inputs) or 'none'}>"

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON of what a run is given.

        Raises:
            InputError: Something is missing, unknown, or not of its type; a line for each.
        """
        problems = [self._missing(each) for each in self.values() if self._lacks(each, given)]
        values = {}
        for name, value in given.items():
            if name not in self._inputs:
                problems.append(self._unknown(name, given))
                continue
            try:
                values[name] = self._inputs[name].checked(value)
            except Misfit as error:
                problems.append(f"input {name!r}: {error}")
        if problems:
            self._refuse(problems)
        return values

    def parse(self, given: Iterable[str]) -> dict[str, Any]:
        """What ``NAME=VALUE`` texts give, to be checked by `check`.

        A value is JSON where that is what the input takes, and otherwise the text as it is.

        Raises:
            InputError: A text has no ``=``, or a name is given twice.
        """
        values: dict[str, Any] = {}
        for text in given:
            name, equals, value = text.partition("=")
            if not equals or not name:
                self._refuse([f"{shown(text)} is not NAME=VALUE"])
            if name in values:
                self._refuse([f"input {name!r} is given twice"])
            values[name] = self._inputs.get(name, Input(name)).parsed(value)
        return values

    @staticmethod
    def _lacks(wanted: Input, given: Mapping[str, Any]) -> bool:
        return wanted.required and wanted.name not in given

    def _missing(self, wanted: Input) -> str:
        steps = ", ".join(map(repr, wanted.steps))
        hint = nearest(wanted.name, self._steps).replace("mean", "mean the step", 1)
        return f"input {wanted.name!r} is missing, which {steps} takes{hint}"

    def _unknown(self, name: str, given: Mapping[str, Any]) -> str:
        free = [known for known in self._inputs if known not in given]
        if hint := nearest(name, free) or nearest(name, self._inputs):
            return f"there is no input {name!r}{hint}"
        takes = ", ".join(self._inputs) or "none"
        return f"there is no input {name!r}; the inputs are: {takes}"

    def _refuse(self, problems: list[str]) -> NoReturn:
        if len(problems) == 1:
            raise InputError(f"workflow {self._workflow!r}: {problems[0]}")
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise InputError(f"workflow {self._workflow!r} cannot take this input:{lines}")


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
