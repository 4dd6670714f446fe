"""A run that is killed at any point is whole when it is run again."""

import pytest
from crash_traces import VALUES, check_traces
from crashing import KILLED

from wflo.points import POINTS

# When a process is killed: at which point, reached for the how-manieth time. After each of these
# it is started again.
LIVES = {
    "before claim": [[1], [2]],
    "after claim": [[1], [2]],
    "in step": [[1], [5], [12]],
    "before commit": [[1], [4]],
    "in commit": [[1], [2], [6]],
    "after commit": [[1], [4]],
    "in heartbeat": [[1], [2]],
    "before start": [[1], [3]],
    "in finish": [[1], [4]],
    "in takeover": [[1], [1, 1]],
    "in relay": [[1], [9]],
    "after delivery": [[1], [2]],
}
CASES = [(point, times) for point, lives in LIVES.items() for times in lives]


def test_every_point_is_among_them():
    assert list(LIVES) == list(POINTS)


@pytest.mark.parametrize(("point", "times"), CASES)
async def test_killed_and_run_again_a_run_is_whole(
    point, times, program, shared_url, shared_database, new_id, tmp_path, said
):
    values = VALUES | {"processes": (point, times) == ("in step", [12])}
    settings = {"engine": {"poll_interval_s": 0.05}, "events": {"file": str(tmp_path / "events")}}
    if point == "in heartbeat":
        settings["engine"]["lease_s"] = 0.3
        values |= {"linger_s": 0.5}
    order = {"id": new_id, "values": values, "settings": settings}
    kills = [[point, nth] for nth in times]
    if point == "in takeover":  # there must be something to take over
        kills.insert(0, ["in step", 3])
    for kill in kills:
        ended = program.run("crashing", shared_url, kill=kill, **order)
        assert ended == KILLED, f"{kill} was never reached: {said()}"
    assert program.run("crashing", shared_url, **order) == 0, said()
    await check_traces(shared_database, new_id, values, tmp_path / "events")
    assert "Traceback" not in said()
