"""A config that depends on the worker which uses it: each has a folder of its own.

`worker_id` is the worker's slot, from 0. Without workers there is one slot, 0; None means that
whoever loads this file has no slot at all.
"""

from pathlib import Path

from kohakuengine import Config


def config_gen(worker_id=None):
    slot = 0 if worker_id is None else worker_id
    return Config(globals_dict={"folder": Path("runs") / f"worker-{slot}"})
