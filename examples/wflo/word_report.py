"""Three steps in a row: read a text, count its words, write a report.

    wflo run examples/wflo/word_report.py --input path=LICENSE

Kill it at any time, and run it again with the same --id: what was done is not done again.
"""

from collections import Counter
from pathlib import Path

from wflo import Workflow, WorkflowContext

workflow = Workflow("word-report", version="1")


@workflow.step(retry=2)
def read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


@workflow.step()
def count(ctx: WorkflowContext, read: str, top: int = 3) -> dict[str, int]:
    words = Counter(word.strip(".,;:()\"'").lower() for word in read.split() if len(word) > 5)
    ctx.log.info("counted", different=len(words))
    return dict(words.most_common(top))


@workflow.step(timeout_s=10)
def write(ctx: WorkflowContext, count: dict[str, int], report: str = "report.txt") -> str:
    lines = [f"{number:6} {word}" for word, number in count.items()]
    # Writing a whole file twice does no harm. What would do harm is told apart by the key, which is
    # the same for each attempt.
    Path(report).write_text("\n".join([*lines, f"# {ctx.idempotency_key}", ""]), encoding="utf-8")
    return f"{len(lines)} words in {report}"
