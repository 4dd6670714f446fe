"""Steps in threads and in processes of their own."""

import os
import signal
import sys
import threading

from stage import stage

from wflo import RetryPolicy, Workflow

LEFT: list[str] = []

places = Workflow("places")


@places.step()
async def on_the_loop(ctx) -> dict:
    LEFT.append(ctx.execution_id)
    return {"process": os.getpid(), "thread": threading.get_ident()}


@places.step()
def in_a_thread(ctx) -> dict:
    LEFT.append(ctx.execution_id)
    return {"process": os.getpid(), "thread": threading.get_ident()}


@places.step(map_over="items", isolation="process")
def in_processes(item: int) -> dict:
    LEFT.append("in a process")
    return {"process": os.getpid(), "left": len(LEFT)}


everything = Workflow("everything")


@everything.step(isolation="process")
async def async_too(ctx, n: int) -> dict:
    stage.calls["async_too"] += 1
    ctx.log.info("here")
    ctx.add_cost(micro_usd=1)
    ctx.state["n"] = n
    return {"n": n, "attempt": ctx.attempt, "inputs": dict(ctx.inputs)}


printing = Workflow("printing")


@printing.step(isolation="process")
def prints() -> None:
    print("to stdout")
    print("to stderr", file=sys.stderr)


dying = Workflow("dying")


@dying.step(isolation="process")
def exits() -> None:
    os._exit(3)


@dying.step(isolation="process")
def is_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dying.step(isolation="process", retry=RetryPolicy(max_attempts=2, initial_delay_s=0))
def dies_once(ctx) -> int:
    if ctx.attempt == 1:
        os._exit(1)
    return ctx.attempt


@dying.step()
async def goes_on() -> str:
    return "here"


raising = Workflow("raising")


@raising.step(isolation="process")
def no_json() -> object:
    return {"a": [object()]}


@raising.step(isolation="process")
def raises() -> None:
    LEFT.clear()
    raise LookupError("in a process")


@raising.step()
def leaves() -> None:
    sys.exit("gone")


scripts = Workflow("scripts")


@scripts.step()
async def rate() -> float:
    return 0.5


scripts.script("train", "scripts/train.py", config={"epochs": 3}, inputs={"lr": "rate"})


@scripts.step()
async def shows(train: dict) -> str:
    return f"{train['epochs']} epochs at {train['lr']}: {train['loss']}"


many_scripts = Workflow("many-scripts")
many_scripts.script("each", "scripts/train.py", inputs={"lr": "item"}, map_over="rates")

failing_script = Workflow("failing-script")
failing_script.script("fail", "scripts/train.py", entrypoint="fail")
