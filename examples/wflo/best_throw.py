"""A workflow with SCRIPT steps: an unmodified script, once for each angle, then the best of them.

    wflo run examples/wflo/best_throw.py --input 'angles=[30, 40, 50]'

Each run of the script has a process of its own, and the globals that it is given. Needs the extra
`scripts`, which `kohakuengine[all]` brings.
"""

from wflo import Workflow

workflow = Workflow("best-throw")

workflow.script(
    "throw",
    "../scripts/throw.py",
    config={"drag": 0.02},
    inputs={"angle_deg": "angle"},
    map_over="angles",
    item="angle",
    concurrency=2,
    timeout_s=60,
)


@workflow.step()
def best(angles: list[float], throw: list[float]) -> dict:
    distance, angle = max(zip(throw, angles, strict=True))
    return {"angle_deg": angle, "distance_m": distance}
