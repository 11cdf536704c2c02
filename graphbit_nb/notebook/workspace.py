"""What the magics of one kernel remember: the workflows being written, the model in use, the latest results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.graph.builder import Draft

if TYPE_CHECKING:
    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.workflow import Workflow

FIRST = "workflow"


@dataclass(slots=True)
class Drawn:
    """The newest drawing of a workflow: where it is, and the line that takes its place when there is a newer one."""

    display_id: str
    line: str


@dataclass(slots=True)
class Workspace:
    """The state behind the magics.

    Attributes:
        drafts: The workflows, by name.
        current: Name of the one that cells define nodes in.
        config: The model that runs ask; None is the embedded one.
        results: The latest result of each workflow.
        into: Variables that take a node's output, by workflow and node.
        drawn: The newest drawing of each workflow.
        shown: Id of the run that the cell with this execution count has shown.
        cell: Id of the cell that runs now, if the front end says it.
    """

    drafts: dict[str, Draft] = field(default_factory=lambda: {FIRST: Draft(FIRST)})
    current: str = FIRST
    config: LlmConfig | None = None
    results: dict[str, ExecutionResult] = field(default_factory=dict)
    into: dict[tuple[str, str], str] = field(default_factory=dict)
    drawn: dict[str, Drawn] = field(default_factory=dict)
    shown: tuple[str, int] | None = None
    cell: str | None = None

    @property
    def draft(self) -> Draft:
        """The workflow that cells define nodes in."""
        return self.drafts[self.current]

    def new(self, name: str) -> None:
        """Begin an empty workflow and make it the current one; one of this name is begun anew."""
        self.drafts[name] = Draft(name)
        self.current = name
        self.forget(name)

    def use(self, name: str) -> None:
        """Make a workflow the current one. Raises `UsageError` when there is none of this name."""
        if name not in self.drafts:
            near = did_you_mean(name, self.drafts)
            raise UsageError(f"no workflow {name!r}{near}; there are {', '.join(self.drafts)}")
        self.current = name

    def forget(self, name: str) -> None:
        """Drop what is remembered of a workflow's runs and drawings."""
        self.results.pop(name, None)
        self.drawn.pop(name, None)
        self.into = {key: variable for key, variable in self.into.items() if key[0] != name}

    def built(self) -> Workflow:
        """Return the current workflow. Raises `UsageError` when it has no nodes."""
        if not len(self.draft):
            raise UsageError(f"{self.current!r} has no nodes yet; define one with %%graphbit prompt NAME")
        return self.draft.build()

    def state_of(self, workflow: Workflow) -> RunSnapshot | None:
        """Return the state of the latest run, if it was of the workflow as it is now."""
        result = self.results.get(workflow.name)
        if result is None or dict(result.workflow.nodes) != dict(workflow.nodes):
            return None
        return result.snapshot
