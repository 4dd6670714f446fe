"""Turns texts into vectors on a GPU. Here the GPU is only looked for, so no library is needed.

What a process sees are the GPUs that CUDA_VISIBLE_DEVICES names; "cuda:0" is the first of them.
"""

import os
from pathlib import Path

device = "cpu"
batch_size = 32
cache = Path("runs/cache")


def main():
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    gpu = visible.split(",")[int(device.removeprefix("cuda:"))] if device != "cpu" else "none"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "batches.txt").open("a") as file:
        file.write(f"{batch_size}\n")
    print(f"{device} is GPU {gpu}, batches of {batch_size}, cache in {cache}")
    return {"gpu": gpu, "folder": cache.name}


if __name__ == "__main__":
    main()
