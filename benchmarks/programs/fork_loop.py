"""``python fork_loop.py SCRIPT RUNS``: as little as an isolated run can cost.

This process imports what the script does, and forks once for each run, two at a time. The child
executes the compiled script as ``__main__``, with its number in place of what the script assigns to
``step``, and ends. There is no value, no log, no time limit, and nobody else to be waited for.
"""

from __future__ import annotations

import ast
import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from types import CodeType

WORKERS = 2


def main(script: str, runs: int) -> None:
    tree = ast.parse(Path(script).read_text())
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            for name in statement.names:
                import_module(name.name)
    code = compile(Stepped().visit(tree), script, "exec")
    gc.freeze()
    for step in range(runs):
        if step >= WORKERS:
            reap()
        if os.fork() == 0:
            run(code, step)
    for _ in range(min(runs, WORKERS)):
        reap()


class Stepped(ast.NodeTransformer):
    """Makes ``step = ...`` keep the value that is there."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if ast.unparse(node.targets[0]) == "step":
            node.value = ast.copy_location(ast.Name("step", ast.Load()), node.value)
        return node


def run(code: CodeType, step: int) -> None:
    status = 1
    try:
        exec(code, {"__name__": "__main__", "step": step})  # noqa: S102 - what is measured
        status = 0
    finally:
        os._exit(status)


def reap() -> None:
    _, status = os.wait()
    if status:
        raise RuntimeError(f"a child ended with status {status}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
