"""What a run leaves behind: every node's output, prompt, cost and error, and the run's own status."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.states import NodeState, RunStatus
from graphbit_nb.errors import ConfigurationError, RunCancelled, RunFailedError, UsageError, did_you_mean
from graphbit_nb.execution.context import ExecutionContext, ExecutionMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.events import ErrorInfo
    from graphbit_nb.core.llm import Usage
    from graphbit_nb.core.snapshot import NodeSnapshot, RunSnapshot
    from graphbit_nb.graph.workflow import Workflow


@dataclass(frozen=True, slots=True, repr=False)
class ExecutionResult:
    """The result of a run, whether it succeeded or not.

    Attributes:
        workflow: What was run.
        snapshot: The final state of the run.
    """

    workflow: Workflow
    snapshot: RunSnapshot

    @property
    def status(self) -> RunStatus:
        """How the run ended: ``"succeeded"``, ``"failed"``, ``"cancelled"``; or ``"waiting"`` for a person."""
        return self.snapshot.status

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.snapshot.run_id

    @property
    def nodes(self) -> Mapping[str, NodeSnapshot]:
        """Everything about each node: `.state .prompt .messages .output .usage .cost .latency .attempts .error`."""
        return MappingProxyType(self.snapshot.nodes)

    @property
    def outputs(self) -> dict[str, Any]:
        """Outputs of the nodes that succeeded, by name."""
        return {name: node.output for name, node in self.snapshot.nodes.items() if node.state.has_output}

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Values that the run was given, by name."""
        return self.snapshot.inputs

    @property
    def errors(self) -> dict[str, ErrorInfo]:
        """What went wrong, by the name of the node that failed."""
        return {
            name: node.error
            for name, node in self.snapshot.nodes.items()
            if node.state is NodeState.FAILED and node.error is not None
        }

    @property
    def usage(self) -> Usage:
        """Tokens of all calls."""
        return self.snapshot.usage

    @property
    def cost(self) -> float | None:
        """US dollars of all calls; None when a price is not known."""
        return self.snapshot.cost

    @property
    def context(self) -> ExecutionContext:
        """The run's variables and outputs, as one context."""
        metadata = ExecutionMetadata(self.run_id, self.workflow.name, self.snapshot.started, self.snapshot.finished)
        return ExecutionContext(dict(self.snapshot.inputs), self.outputs, metadata)

    def is_success(self) -> bool:
        """Whether every node succeeded."""
        return self.status is RunStatus.SUCCEEDED

    def raise_for_status(self) -> ExecutionResult:
        """Return this result if the run succeeded.

        Raises:
            RunFailedError: nodes failed, and the message names the first of them; or the run waits for a person.
            RunCancelled: the run was cancelled.
        """
        if self.status is RunStatus.SUCCEEDED:
            return self
        if self.status is RunStatus.CANCELLED:
            raise RunCancelled(self.summary(), result=self)
        if self.status is RunStatus.WAITING:
            asking = ", ".join(path for path, node in self.snapshot.index.items() if node.state is NodeState.WAITING)
            how = "give it with executor.resume(result, answers=...)"
            raise RunFailedError(f"{self.workflow.name} waits for an answer to {asking}; {how}", result=self)
        if not self.errors:
            raise RunFailedError(f"{self.workflow.name} failed: {self.snapshot.reason or self.summary()}", result=self)
        name, error = next(iter(self.errors.items()))
        more = f" (and {len(self.errors) - 1} more)" if len(self.errors) > 1 else ""
        raise RunFailedError(f"{name} failed{more}: {error}", result=self)

    def get_node_output(self, name: str) -> Any:
        """Return a node's output, or None when it has none. Raises `UsageError` when there is no such node.

        Inside other nodes a node goes by its path: ``"each[3]"``, ``"review.score"``.
        """
        return self._node(name).output

    def get_variable(self, name: str) -> Any:
        """Return an input of the run, or None when it was not given."""
        return self.snapshot.inputs.get(name)

    def summary(self) -> str:
        """Say in one line how the run ended."""
        counts = self.snapshot.counts()
        listed = ", ".join(f"{counts[state]} {state}" for state in NodeState if counts[state])
        return f"{self.workflow.name} {self.status}: {listed}"

    def to_frame(self) -> Any:
        """Return a table with a row for each node, as a pandas DataFrame, or a polars one if only that is installed.

        Raises:
            ConfigurationError: neither is installed.
        """
        rows = [
            {
                "node": node.name,
                "kind": self.workflow.nodes[node.name].kind,
                "state": str(node.state),
                "output": node.output,
                "model": node.model,
                "input_tokens": node.usage.input_tokens,
                "output_tokens": node.usage.output_tokens,
                "cost": node.cost,
                "latency": node.latency,
                "attempts": len(node.attempts),
                "error": None if node.error is None else str(node.error),
            }
            for node in self.snapshot.nodes.values()
        ]
        try:
            import pandas as pd
        except ImportError:
            pass
        else:
            return pd.DataFrame(rows)
        try:
            import polars as pl
        except ImportError:
            raise ConfigurationError("to_frame() needs pandas or polars: pip install pandas") from None
        return pl.DataFrame(rows, strict=False)

    def _node(self, name: str) -> NodeSnapshot:
        if name not in self.snapshot.index:
            raise UsageError(f"no node {name!r} in this run{did_you_mean(name, self.snapshot.index)}")
        return self.snapshot.index[name]

    def __repr__(self) -> str:
        return f"<{self.summary()}>"
