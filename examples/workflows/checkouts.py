"""How many checkouts a shop needs: a sweep in parallel, whose results are used as they come.

python examples/workflows/checkouts.py
"""

from collections import defaultdict
from pathlib import Path

from kohakuengine import Config, ConfigGenerator, Parallel, Script
from kohakuengine.flow.failures import FailureGroups

SCRIPT = Path(__file__).parent.parent / "scripts/checkout.py"

days = 3
goal_min = 0.1
max_workers = 2


def configs():
    for checkouts in range(3, 8):
        for seed in range(days):
            yield Config({"checkouts": checkouts, "seed": seed})


def main():
    sweep = ConfigGenerator(configs())
    # One shop that cannot work is no reason to know nothing of the others.
    flow = Parallel(
        [Script(SCRIPT, sweep)],
        max_workers,
        on_error="continue",
        timeout_s=60,
        retries=2,
        retry_on=["lost"],
    )
    waits = defaultdict(list)
    failures = FailureGroups()
    for result in flow.stream():
        if not result.ok:
            failures.add(result)
            continue
        checkouts = result.config.globals_dict["checkouts"]
        waits[checkouts].append(result.value["wait_min"])
        if len(waits[checkouts]) == days:
            print(f"{checkouts} checkouts: {max(waits[checkouts]):.3f} min on the worst day")

    print(f"{failures.count} runs failed: {failures.text()}")
    enough = min(checkouts for checkouts, times in waits.items() if max(times) <= goal_min)
    print(f"{enough} are enough")
    return enough


if __name__ == "__main__":
    main()
