"""How many runs at once, and what of the machine each of them gets."""

from __future__ import annotations

import os
import warnings

from kohakuengine.errors import WorkflowError
from kohakuengine_parallel.cpus import usable_cpus
from kohakuengine_parallel.gpus import VISIBLE_DEVICES, gpu_names, leases

# As `typing.TYPE_CHECKING`, which would cost the import of typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Slots", "check_whole"]

# The variables that joblib sets for its workers. Those in the second row fall back to the first.
_OPENMP = "OMP_NUM_THREADS"
_LIKE_OPENMP = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_OTHERS = ("VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")


class Slots:
    """The places of runs that take place at once, numbered from 0.

    Args:
        max_workers: How many; by default as many as the CPUs that this process may use and, with
            ``gpus``, no more than these are enough for.
        gpus: See `gpu_names`; None leaves the GPUs that a run sees as they are.
        gpus_per_run: See `leases`. GPUs that no slot uses are named in a warning, unless
            ``max_workers`` was given.
        threads_per_run: How many threads numerical libraries start in a run. By default the CPUs
            are divided among the slots, and a variable that the user has set stands. So do then
            the variables that fall back to it: with ``OMP_NUM_THREADS=4``, MKL keeps to 4 too.

    Attributes:
        count: How many slots there are.
        common_environment: The environment variables that all runs get, whatever their slot. They
            must be set before a library that heeds them is imported.

    Raises:
        WorkflowError: A number makes no sense, or there are not enough GPUs.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        *,
        gpus: str | Iterable[int | str] | None = None,
        gpus_per_run: float = 1,
        threads_per_run: int | None = None,
    ) -> None:
        check_whole("max_workers", max_workers)
        check_whole("threads_per_run", threads_per_run)
        if gpus is None and gpus_per_run != 1:
            raise WorkflowError(
                f"gpus_per_run={gpus_per_run!r} needs gpus='auto', or names of GPUs"
            )
        devices = [] if gpus is None else gpu_names(gpus)
        self._leases = leases(devices, gpus_per_run) if devices else []
        cpus = usable_cpus()
        self.count = self._counted(max_workers, cpus, gpus_per_run)
        if max_workers is None:
            self._warn_of_unused(devices, gpus_per_run)
        self.common_environment = (
            _default_threads(max(1, cpus // self.count))
            if threads_per_run is None
            else dict.fromkeys((_OPENMP, *_LIKE_OPENMP, *_OTHERS), str(threads_per_run))
        )

    def environment(self, slot: int) -> dict[str, str]:
        """The environment variables that a run in the slot gets, the common ones among them."""
        if not self._leases:
            return dict(self.common_environment)
        return {**self.common_environment, VISIBLE_DEVICES: ",".join(self._leases[slot])}

    def _counted(self, max_workers: int | None, cpus: int, gpus_per_run: float) -> int:
        most = len(self._leases)
        if max_workers is None:
            return min(cpus, most) if most else cpus
        if most and max_workers > most:
            raise WorkflowError(
                f"max_workers is {max_workers}, but the GPUs are enough for {most} at once with "
                f"gpus_per_run={gpus_per_run}; lower one of the two, or name more GPUs"
            )
        return max_workers

    def _warn_of_unused(self, devices: list[str], gpus_per_run: float) -> None:
        used = {device for lease in self._leases[: self.count] for device in lease}
        unused = [device for device in devices if device not in used]
        if unused:
            warnings.warn(
                f"no run will use GPU {', '.join(unused)}: there are {self.count} workers, with "
                f"gpus_per_run={gpus_per_run}",
                stacklevel=3,
            )


def check_whole(what: str, number: object) -> None:
    """Refuse a number that is given and is no whole one from 1 on.

    Raises:
        WorkflowError: It is not.
    """
    if number is None:
        return
    if not isinstance(number, int) or isinstance(number, bool):
        raise WorkflowError(f"{what} must be a whole number, got {number!r}")
    if number < 1:
        raise WorkflowError(f"{what} must be at least 1, got {number}")


def _default_threads(threads: int) -> dict[str, str]:
    given = os.environ.get(_OPENMP)
    names = _OTHERS if given else (_OPENMP, *_LIKE_OPENMP, *_OTHERS)
    return {name: str(threads) for name in names if not os.environ.get(name)}
