"""SCRIPT steps: a KohakuEngine `Script` with a config. To be run in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wflo.errors import DefinitionError, StepResultError
from wflo.runtime.values import PLAIN, Misfit


def run_script(
    path: str,
    entrypoint: str | None,
    config: Mapping[str, Any] | str,
    values: Mapping[str, Any],
    owner: str,
) -> Any:
    """Run a script and return the value of its entrypoint, which must be JSON.

    Args:
        path: Its file.
        entrypoint: The function to call; None: as ``kogine run`` finds it.
        config: Values for its globals, or a config file.
        values: More of them, which win.
        owner: What messages call the step.

    Raises:
        DefinitionError: The config file is a sweep: there is one run.
        StepResultError: The value is not JSON.
        BaseException: Whatever the script raised.
    """
    from kohakuengine import Config, Script, load_config_file

    given = load_config_file(config) if isinstance(config, str) else Config(dict(config))
    if not isinstance(given, Config):
        raise DefinitionError(f"{owner}: {config} gives several configs, and a step runs one")
    given.globals_dict.update(values)
    value = Script(path, entrypoint=entrypoint).run(given)
    try:
        return PLAIN.dump(value)
    except Misfit as error:
        raise StepResultError(f"the value of the script of {owner}: {error}") from None
