"""The import-linter contract that import-linter does not bring: only the standard library.

Used by ``[tool.importlinter]`` in pyproject.toml, run by ``hatch run layers:check``.
"""

from __future__ import annotations

import sys
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class StandardLibraryOnly(Contract):
    """A package imports itself and the standard library, and nothing else, lazily or not.

    Options:
        package: The package.
        optional: Modules that it may import lazily all the same, as extras or doors to siblings.
            One that it does not import is an error, so that the list stays true.
    """

    type_name = "standard_library_only"

    package = fields.StringField()
    optional = fields.SetField(subfield=fields.StringField(), required=False, default=set())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001
        """Collect the foreign imports of the package, line by line."""
        package, optional = self._options()
        foreign = {
            (importer, imported)
            for importer in {package, *graph.find_descendants(package)}
            for imported in graph.find_modules_directly_imported_by(importer)
            if _root(imported) not in {package, *sys.stdlib_module_names}
        }
        offending = [pair for pair in foreign if _root(pair[1]) not in optional]
        unused = optional - {_root(imported) for _, imported in foreign}
        lines = [_described(graph, *pair) for pair in sorted(offending)]
        lines += [f"{name} is listed as optional, but never imported" for name in sorted(unused)]
        return ContractCheck(kept=not lines, metadata={"lines": lines})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each offending import where it is."""
        for line in check.metadata["lines"]:
            output.print_error(line)
        output.new_line()

    def _options(self) -> tuple[str, set[str]]:
        """The values that import-linter puts into the instance, in place of the fields."""
        return cast("str", self.package), cast("set[str]", self.optional)


def _root(module: str) -> str:
    return module.partition(".")[0]


def _described(graph: ImportGraph, importer: str, imported: str) -> str:
    details = graph.get_import_details(importer=importer, imported=imported)
    lines = ", ".join(str(detail["line_number"]) for detail in details)
    return f"{importer} imports {imported} (line {lines})"
