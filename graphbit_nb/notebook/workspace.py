"""What the magics of one kernel remember: the workflows being written, the model in use, the latest results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from graphbit_nb.errors import GraphbitError, UsageError, did_you_mean
from graphbit_nb.execution.engine import plan_for
from graphbit_nb.notebook.drafts import CellDraft, Embedding

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class Renewed(NamedTuple):
    """A node that holds a workflow which has changed, and why it could not be made anew, if it could not."""

    workflow: str
    node: str
    problem: str | None


@dataclass(slots=True)
class Workspace:
    """The state behind the magics.

    Attributes:
        drafts: The workflows, by name.
        current: Name of the one that cells define nodes in.
        config: The model that runs ask; None is the embedded one.
        results: The latest result of each workflow.
        into: Variables that take a node's output, by workflow and node.
        embeddings: The nodes that hold a workflow of the notebook, by workflow and node.
        drawn: The newest drawing of each workflow.
        shown: Id of the run that the cell with this execution count has shown.
        cell: Id of the cell that runs now, if the front end says it.
    """

    drafts: dict[str, CellDraft] = field(default_factory=lambda: {FIRST: CellDraft(FIRST)})
    current: str = FIRST
    config: LlmConfig | None = None
    results: dict[str, ExecutionResult] = field(default_factory=dict)
    into: dict[tuple[str, str], str] = field(default_factory=dict)
    embeddings: dict[tuple[str, str], Embedding] = field(default_factory=dict)
    drawn: dict[str, Drawn] = field(default_factory=dict)
    shown: tuple[str, int] | None = None
    cell: str | None = None

    @property
    def draft(self) -> CellDraft:
        """The workflow that cells define nodes in."""
        return self.drafts[self.current]

    def new(self, name: str) -> None:
        """Begin an empty workflow and make it the current one; one of this name is begun anew."""
        self.drafts[name] = CellDraft(name)
        self.current = name
        self.forget(name)

    def use(self, name: str) -> None:
        """Make a workflow the current one. Raises `UsageError` when there is none of this name."""
        if name not in self.drafts:
            near = did_you_mean(name, self.drafts)
            raise UsageError(f"no workflow {name!r}{near}; there are {', '.join(self.drafts)}")
        self.current = name

    def adopt(self, workflow: Workflow) -> None:
        """Make a finished workflow one that cells can go on with, and the current one."""
        self.new(workflow.name)
        self.draft.description = workflow.description
        for node in workflow.nodes.values():
            self.draft.add_node(node)
        for edge in workflow.edges:
            if edge.kind == "control" and edge.source not in workflow.nodes[edge.target].after:
                self.draft.connect(edge.source, edge.target, "control")

    def forget(self, name: str) -> None:
        """Drop what is remembered of a workflow's runs, drawings and cells."""
        self.results.pop(name, None)
        self.drawn.pop(name, None)
        self.into = {key: variable for key, variable in self.into.items() if key[0] != name}
        self.embeddings = {key: embedding for key, embedding in self.embeddings.items() if key[0] != name}

    def sketched(self, name: str | None = None) -> Workflow:
        """Return a workflow, or the current one, as far as it goes. Raises `UsageError` when it has no nodes."""
        name = name or self.current
        if name not in self.drafts or not len(self.drafts[name]):
            raise UsageError(f"{name!r} has no nodes yet; define one with %%graphbit prompt NAME")
        return self.drafts[name].build()

    def built(self, nodes: Sequence[str] | None = None, name: str | None = None) -> Workflow:
        """Return a workflow, or the current one, fit to run, or fit to run what these nodes need.

        Raises:
            UsageError: it has no nodes, or a node holds a workflow that it does not fit any more.
            ValidationError: it is not complete.
        """
        name = name or self.current
        workflow = self.sketched(name)
        self._refuse_unfit(name, plan_for(workflow, nodes).names)
        return workflow

    def state_of(self, workflow: Workflow) -> RunSnapshot | None:
        """Return the state of the latest run, if it was of the workflow as it is now."""
        result = self.results.get(workflow.name)
        if result is None or dict(result.workflow.nodes) != dict(workflow.nodes):
            return None
        return result.snapshot

    # ---- workflows as nodes of others

    def inner(self, name: str) -> Workflow | None:
        """Return the workflow of this name, to be a node of the current one; None when there is none.

        Raises:
            UsageError: it has no nodes, or holds the current one.
            ValidationError: it is not complete.
        """
        if name not in self.drafts:
            return None
        if (path := self._path(name, self.current)) is not None:
            raise UsageError(f"--of {name}: {self.current} would hold itself: {' → '.join([self.current, *path])}")
        return self._finished(name)

    def renew(self, changed: str) -> list[Renewed]:
        """Give the nodes that hold a workflow its new version, and so on outwards; say what became of them."""
        told: list[Renewed] = []
        outer: dict[str, None] = {}
        for (name, node), embedding in self.embeddings.items():
            if embedding.of != changed:
                continue
            try:
                self.drafts[name].define(embedding.make(self._finished(changed)))
                embedding.problem = None
            except GraphbitError as error:
                embedding.problem = str(error).removeprefix(f"{node}: ")
            told.append(Renewed(name, node, embedding.problem))
            outer[name] = None
        for name in outer:
            told += self.renew(name)
        return told

    def _finished(self, name: str) -> Workflow:
        draft = self.drafts[name]
        if not len(draft):
            raise UsageError(f"the workflow {name!r} has no nodes")
        workflow = draft.build()
        self._refuse_unfit(name, draft.names)
        return workflow

    def _refuse_unfit(self, name: str, nodes: Sequence[str]) -> None:
        self.drafts[name].refuse_missing(nodes)
        for node in nodes:
            embedding = self.embeddings.get((name, node))
            if embedding is not None and embedding.problem is not None:
                raise UsageError(
                    f"{node} does not fit the workflow {embedding.of!r} as it is now: {embedding.problem}; "
                    f"run the cell of {node} again"
                )

    def _path(self, start: str, goal: str) -> list[str] | None:
        """Return the way from a workflow through those that it holds to another, or None."""
        if start == goal:
            return [start]
        for (name, _), embedding in self.embeddings.items():
            if name == start and (rest := self._path(embedding.of, goal)) is not None:
                return [start, *rest]
        return None
