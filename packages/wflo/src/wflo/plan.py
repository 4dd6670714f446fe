"""From a definition to a plan: what the scheduler reads. Canonical JSON and digests."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from wflo.models import RetryPolicy, WorkflowDefinition, WorkflowStep


def canonical_json(value: Any) -> str:
    """The one text of a JSON value: sorted keys, no spaces, nothing but ASCII.

    Raises:
        TypeError: It is not JSON.
        ValueError: It has a nan or an infinity, which JSON has not, or contains itself.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 (hex) of a JSON value's canonical text."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


@dataclass(frozen=True)
class PlannedStep:
    """A step with everything about it resolved.

    Attributes:
        definition: As it was written.
        depends_on: What must have ended before, in the order of the definition.
        dependents: What waits for it, in the order of the definition.
        retry: Its policy, its own or the workflow's.
    """

    definition: WorkflowStep
    depends_on: tuple[str, ...]
    dependents: tuple[str, ...]
    retry: RetryPolicy

    @property
    def id(self) -> str:
        """The step's id."""
        return self.definition.id


@dataclass(frozen=True)
class Plan:
    """A definition, resolved.

    Attributes:
        definition: As it was submitted.
        steps: By id, in the order of the definition.
    """

    definition: WorkflowDefinition
    steps: dict[str, PlannedStep]

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the definition: what tells two states of a workflow apart."""
        return digest(self.definition.model_dump(mode="json"))

    @cached_property
    def positions(self) -> dict[str, int]:
        """Where each step is in the definition, from 0."""
        return {step_id: position for position, step_id in enumerate(self.steps)}

    @property
    def leaves(self) -> list[str]:
        """The steps that nothing depends on: their results are the run's."""
        return [step.id for step in self.steps.values() if not step.dependents]


def make_plan(definition: WorkflowDefinition) -> Plan:
    """Resolve a definition. What a map goes over is a dependency like any other."""
    needs = definition.dependencies()
    dependents: dict[str, list[str]] = {step_id: [] for step_id in needs}
    for step_id, needed in needs.items():
        for other in needed:
            dependents[other].append(step_id)
    steps = {
        step.id: PlannedStep(
            definition=step,
            depends_on=needs[step.id],
            dependents=tuple(dependents[step.id]),
            retry=step.retry_policy or definition.policies.retry_policy,
        )
        for step in definition.steps
    }
    return Plan(definition, steps)
