"""For `--gpus`: each run has a GPU for itself, and each worker a cache that no other writes to.

A run sees its own GPU only, so that is "cuda:0" in all of them. `worker_id` is the slot that the
run gets, from 0; None means that whoever loads this file has no slots.
"""

from pathlib import Path

from kohakuengine import Config


def config_gen(worker_id=None):
    cache = Path("runs") / f"cache-{worker_id or 0}"
    for batch_size in (16, 32, 64, 128):
        yield Config(globals_dict={"device": "cuda:0", "batch_size": batch_size, "cache": cache})
