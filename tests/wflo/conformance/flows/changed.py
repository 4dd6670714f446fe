"""One workflow, and what became of it."""

from stage import stage

from wflo import Workflow

before = Workflow("changing")
after = Workflow("changing")
later = Workflow("changing", "2")
shorter = Workflow("changing")
parent = Workflow("changing-parent")
parent_after = Workflow("changing-parent")
slower = Workflow("changing", timeout_s=600)


@before.step("first")
@after.step("first")
@later.step("first")
@slower.step("first")
async def first(n: int) -> int:
    stage.calls["first"] += 1
    return n


@shorter.step("only")
async def only(n: int) -> int:
    return n


@before.step("second")
@slower.step("second")
async def second(first: int) -> str:
    raise ValueError("the old code")


@after.step("second")
@later.step("second")
async def second_after(first: int) -> str:
    return f"the new code with {first}"


parent.workflow("inner", before)
parent_after.workflow("inner", after)
