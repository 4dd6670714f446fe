"""Which GPUs there are, and who gets which: leases, one for each slot."""

from __future__ import annotations

import math
import os
import re

from kohakuengine.errors import WorkflowError

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["VISIBLE_DEVICES", "gpu_names", "leases"]

VISIBLE_DEVICES = "CUDA_VISIBLE_DEVICES"

# https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables
_NAME = re.compile(r"[0-9]+|GPU-[0-9A-Fa-f-]+|MIG-[0-9A-Za-z/-]+")
_ACCEPTED = (
    "'0,1', [0, 1], names as nvidia-smi -L lists them ('GPU-<uuid>', 'MIG-<uuid>'), or 'auto'"
)

_NVIDIA_SMI = ("nvidia-smi", "--query-gpu=index", "--format=csv,noheader")
_NVIDIA_SMI_TIMEOUT_S = (
    60.0  # not measured: it needs seconds to wake many GPUs, for ever if one hangs
)

# Bounds the number of slots on a GPU. Not measured: no GPU serves a thousand processes.
_SMALLEST_SHARE = 0.001


def gpu_names(gpus: str | Iterable[int | str]) -> list[str]:
    """The devices that a ``gpus=`` stands for, each as ``CUDA_VISIBLE_DEVICES`` takes it.

    Args:
        gpus: The devices, as text with commas or one by one; they count as given, also where
            ``CUDA_VISIBLE_DEVICES`` names others. ``"auto"`` takes those of that variable where it
            is set, as it is by schedulers, else all that ``nvidia-smi`` lists.

    Raises:
        WorkflowError: Something in it names no device, or a device twice, or there is none.
    """
    if isinstance(gpus, str) and gpus.strip() == "auto":
        return _found_names()
    if isinstance(gpus, str):
        items: list[int | str] = [*gpus.split(",")] if gpus.strip() else []
    elif hasattr(gpus, "__iter__"):
        items = list(gpus)
    else:  # is it the device 2, or are it two devices?
        raise WorkflowError(f"gpus={gpus!r} does not say which; accepted: {_ACCEPTED}")
    if not items:
        raise WorkflowError(f"gpus={gpus!r} names no device; accepted: {_ACCEPTED}")
    return _without_repetition([_name(item) for item in items], "gpus")


def leases(devices: list[str], gpus_per_run: float = 1) -> list[tuple[str, ...]]:
    """The devices of each slot.

    Slots that share take the devices in turn, so that the first of them have one each. Devices that
    are too few for another slot stay unused: two of three make one slot of 2.

    Args:
        devices: Their names.
        gpus_per_run: How many of them a run gets: a whole number, or a fraction such as 0.5, which
            puts as many slots on each device as fit (two; three for 0.3).

    Raises:
        WorkflowError: There are fewer devices than one run is to have, or the number is none.
    """
    share = _checked_share(gpus_per_run)
    if share < 1:
        slots_per_device = int(1 / share + 1e-9)  # 1 / (1 / 49) is a little less than 49
        return [(device,) for _ in range(slots_per_device) for device in devices]
    size = int(share)
    if size > len(devices):
        raise WorkflowError(f"gpus_per_run is {size}, but gpus names only {', '.join(devices)}")
    return [tuple(devices[at : at + size]) for at in range(0, len(devices) - size + 1, size)]


def _checked_share(gpus_per_run: object) -> float:
    if isinstance(gpus_per_run, (int, float)) and not isinstance(gpus_per_run, bool):
        share = gpus_per_run
        if _SMALLEST_SHARE <= share < 1 or (1 <= share < math.inf and share == int(share)):
            return share
    raise WorkflowError(
        "gpus_per_run must be a whole number of GPUs, or a fraction of one "
        f"({_SMALLEST_SHARE} to 1), got {gpus_per_run!r}"
    )


def _name(item: int | str) -> str:
    name = "" if isinstance(item, bool) else str(item).strip()
    if not _NAME.fullmatch(name):
        raise WorkflowError(f"{item!r} in gpus is no device; accepted: {_ACCEPTED}")
    return str(int(name)) if name.isdecimal() else name


def _without_repetition(names: list[str], source: str) -> list[str]:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise WorkflowError(
                f"{source} names the device {name} twice; gpus_per_run=0.5 lets runs share it"
            )
    return names


def _found_names() -> list[str]:
    visible = os.environ.get(VISIBLE_DEVICES)
    names = _listed_names() if visible is None else _visible_names(visible)
    if not names:
        reason = "nvidia-smi lists none" if visible is None else f"{VISIBLE_DEVICES} is {visible!r}"
        raise WorkflowError(f"gpus='auto' found no GPU: {reason}")
    return names


def _visible_names(visible: str) -> list[str]:
    """What CUDA makes of the variable: the devices before the first word that names none.

    Such a word is -1, which hides all that follow, or the NoDevFiles that SLURM sets.
    """
    names: list[str] = []
    for word in visible.split(","):
        if not _NAME.fullmatch(word.strip()):
            break
        names.append(_name(word))
    return _without_repetition(names, VISIBLE_DEVICES)


def _listed_names() -> list[str]:
    import shutil
    import subprocess

    program = shutil.which(_NVIDIA_SMI[0])
    if program is None:
        raise WorkflowError(
            f"gpus='auto' found no GPU: {VISIBLE_DEVICES} is not set and no nvidia-smi is on PATH; "
            "name the devices, as in gpus='0,1'"
        )
    try:
        done = subprocess.run(  # noqa: S603 - the driver's own tool, with constant arguments
            [program, *_NVIDIA_SMI[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_NVIDIA_SMI_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unusable(str(error)) from error
    words = done.stdout.split()
    if done.returncode or not all(word.isdecimal() for word in words):
        said = (done.stdout.strip() or done.stderr.strip()).partition("\n")[0]
        raise _unusable(said or f"exit code {done.returncode}")
    return words


def _unusable(reason: str) -> WorkflowError:
    return WorkflowError(
        f"gpus='auto' got no list from nvidia-smi: {reason}; name the devices, as in gpus='0,1'"
    )
