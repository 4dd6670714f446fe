"""An adaptive search: `yield` gives back how the run went, so the next config can depend on it.

Ternary search for the angle that throws farthest. Each step needs the results of the one before,
so its runs go one after the other.
"""

from kohakuengine import Config


def config_gen():
    low, high = 0.0, 90.0
    while high - low > 2.0:
        third = (high - low) / 3
        shallow = yield Config(globals_dict={"angle_deg": low + third})
        steep = yield Config(globals_dict={"angle_deg": high - third})
        if shallow.value < steep.value:
            low += third
        else:
            high -= third
    yield Config(globals_dict={"angle_deg": (low + high) / 2})
