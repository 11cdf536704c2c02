"""What a run knows: its variables, what its nodes gave, and when it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from graphbit_nb.templating import Template


@dataclass(frozen=True, slots=True)
class ExecutionMetadata:
    """Which run it was. Times are seconds since 1970."""

    run_id: str = ""
    workflow: str = ""
    started: float | None = None
    finished: float | None = None


@dataclass(slots=True)
class ExecutionContext:
    """Variables and outputs of a run.

    Attributes:
        variables: The run's inputs, and what was set since.
        node_results: Outputs of the nodes, by name.
        metadata: Which run it was.
    """

    variables: dict[str, Any] = field(default_factory=dict)
    node_results: dict[str, Any] = field(default_factory=dict)
    metadata: ExecutionMetadata = field(default_factory=ExecutionMetadata)

    def get_variable(self, key: str) -> Any:
        """Return a variable, or None."""
        return self.variables.get(key)

    def set_variable(self, key: str, value: Any) -> None:
        """Set a variable."""
        self.variables[key] = value

    def substitute_template(self, template: str) -> str:
        """Fill variables and outputs into a template. Raises as `Template` and `Template.render` do."""
        return Template(template).render({**self.variables, **self.node_results})
