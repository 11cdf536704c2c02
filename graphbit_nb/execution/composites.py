"""Nodes that do no work themselves but open into others: fan-outs over a list, and sub-workflows, once or in a loop."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.paths import inner_path, item_path
from graphbit_nb.core.states import NodeState
from graphbit_nb.errors import MissingInputError
from graphbit_nb.execution import stimuli as s
from graphbit_nb.execution.failures import describe_error
from graphbit_nb.execution.pipeline import rendered_body
from graphbit_nb.execution.stopwatch import Stopwatch
from graphbit_nb.graph.kinds.workflow import ITERATION
from graphbit_nb.graph.missing import MISSING
from graphbit_nb.graph.plan import flat_plan
from graphbit_nb.graph.registry import processor_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.events import ErrorInfo
    from graphbit_nb.execution.run import Run
    from graphbit_nb.graph.kinds.workflow import WorkflowSettings
    from graphbit_nb.graph.node import Node


class Composite:
    """One composite node of one run.

    Attributes:
        number: The node's number in the run.
        node: The node.
        path: What the run calls it.
        siblings: The nodes among which the ones inside look for those that they read.
        stopwatch: Its time limit.
        is_lenient: Whether a failure inside does not stop a run that fails fast.
    """

    siblings: Mapping[str, Node] = {}
    is_lenient = False

    def __init__(self, run: Run, number: int, node: Node, path: str, values: Mapping[str, Any]) -> None:
        self.run = run
        self.number = number
        self.node = node
        self.path = path
        self.values = values
        self.errors: dict[int, ErrorInfo] = {}
        self.is_expired = False
        self.stopwatch = Stopwatch(self._seconds(), run.loop, self._expire)

    def open(self) -> None:
        """Open into the nodes inside, or fail."""
        self.stopwatch.start()
        self._try(self.unfold)

    def unfold(self) -> None:
        """Open into the nodes inside. Raises whatever hinders it."""
        raise NotImplementedError

    def collect(self) -> None:
        """Everything inside has ended: succeed, fail, or open again."""
        if self.is_expired:
            self._fail(describe_error(TimeoutError(f"no result within {self._seconds():g} s"), node=self.path))
        else:
            self._try(self.conclude)

    def conclude(self) -> None:
        """Say what became of the node. Raises whatever hinders it."""
        raise NotImplementedError

    def take(self, number: int, node: Node, value: Any) -> None:
        """A node inside has its output."""
        raise NotImplementedError

    def refuse(self, number: int, info: ErrorInfo) -> None:
        """A node inside has failed."""
        self.errors[number] = info

    def close(self) -> None:
        """The node has ended."""
        self.stopwatch.close()

    def _seconds(self) -> float | None:
        return self.node.timeout

    def _expire(self) -> None:
        self.is_expired = True
        self.run.guarded(self.run.handle, s.Expire(self.number, f"{self.path} had no time left"))

    def _try(self, step: Any) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 (expressions and kinds meet foreign values)
            self._fail(describe_error(error, node=self.path))

    def _fail(self, info: ErrorInfo) -> None:
        self.run.fail(self.number, info)

    def _fail_for(self, message: str, error: ErrorInfo) -> None:
        self._fail(replace(error, message=message, node=self.path))


class FanOut(Composite):
    """A node that runs once for each item of a list. Its output is the list of the results, in order."""

    def __init__(self, run: Run, number: int, node: Node, path: str, values: Mapping[str, Any]) -> None:
        super().__init__(run, number, node, path, values)
        self.is_lenient = node.on_item_error == "skip"
        self._count = 0
        self._outputs: dict[int, Any] = {}

    def _seconds(self) -> float | None:
        return None  # a node's timeout is that of an item

    def unfold(self) -> None:
        """Open into one node for each item."""
        assert self.node.for_each is not None  # noqa: S101 (for the type checker)
        source, limits = self.node.for_each.source, self.run.options.limits
        said = f"for_each {source!r} of {self.path} has {{size}} items"
        items = self.node.for_each.items(self.values, lambda count: limits.refuse("max_fan_out", said, count))
        self._count = len(items)
        item = replace(self.node, for_each=None, after=(), when=(), join="all")
        sort = processor_of(item.kind).runs_as
        paths = tuple(item_path(self.path, number) for number in range(len(items)))
        plan = flat_plan(paths, composites=sort == "nodes", people=sort == "person")
        scopes = [ChainMap(variables, self.values) for variables in items]  # type: ignore[arg-type]
        self.run.expand(self, "items", plan, [item] * len(items), paths, scopes)

    def take(self, number: int, node: Node, value: Any) -> None:  # noqa: ARG002 (every item is the same node)
        """An item has its output."""
        self._outputs[number] = value

    def conclude(self) -> None:
        """Put the results in order, unless an item that must not fail has."""
        if self.errors and (self.node.on_item_error == "fail" or not self._outputs):
            error = self.errors[min(self.errors)]
            failed = f"{len(self.errors)} of {self._count} items failed" if self._count > 1 else "its only item failed"
            self.run.fail(
                self.number,
                replace(error, message=f"{failed}, first {error.node}: {error.message}", node=self.path),
                is_final=True,
            )
        elif len(self._outputs) + len(self.errors) < self._count and self.node.on_item_error == "fail":
            self.run.handle(s.Stopped(self.number, "an item was cancelled"))
        else:
            self.run.succeed(self.number, [value for _, value in sorted(self._outputs.items())], None)

    def _fail(self, info: ErrorInfo) -> None:
        self.run.fail(self.number, info, is_final=True)  # a fallback stands in for an item, not for the list


class SubWorkflow(Composite):
    """A workflow as one node. Its output is that of the node it returns, or the outputs of all by name."""

    def __init__(self, run: Run, number: int, node: Node, path: str, values: Mapping[str, Any]) -> None:
        super().__init__(run, number, node, path, values)
        self.settings: WorkflowSettings = node.settings
        self.is_lenient = node.fallback is not MISSING
        self.siblings = self.settings.workflow.nodes
        self._iteration = 0
        self._inputs: dict[str, Any] = {}
        self._scope: dict[str, Any] = {}
        self._outputs: dict[str, Any] = {}

    def unfold(self) -> None:
        """Bind the inputs and begin the first iteration."""
        self._inputs = rendered_body(self.node, processor_of(self.node.kind), self.values)
        self._iterate()

    def _iterate(self) -> None:
        settings, inner = self.settings, self.settings.workflow
        self._iteration += 1
        self._outputs = {}
        self._scope = dict(self._inputs)
        if ITERATION in inner.inputs and ITERATION not in settings.bindings:
            self._scope[ITERATION] = self._iteration
        iteration = None if settings.repeat_until is None else self._iteration
        paths = tuple(inner_path(self.path, name, iteration) for name in inner.plan.names)
        nodes = [inner.nodes[name] for name in inner.plan.names]
        self.run.expand(self, "nodes", inner.plan, nodes, paths, [self._scope] * len(nodes), self._iteration)

    @property
    def _is_cut(self) -> bool:
        parts = self.run.snapshot.index[self.path].parts.values()
        return any(part.state is NodeState.CANCELLED for part in parts)

    def take(self, number: int, node: Node, value: Any) -> None:  # noqa: ARG002 (inside, a name is enough)
        """A node inside has its output."""
        self._scope[node.name] = self._outputs[node.name] = value

    def conclude(self) -> None:
        """Give the outputs, fail, or begin the next iteration."""
        settings = self.settings
        if self.errors:
            error = self.errors[min(self.errors)]
            more = f" (and {len(self.errors) - 1} more)" if len(self.errors) > 1 else ""
            self._fail_for(f"{error.node} failed{more}: {error.message}", error)
            return
        if self._is_cut:
            self.run.handle(s.Stopped(self.number, "a node inside was cancelled"))
            return
        until = settings.repeat_until
        so_far = {ITERATION: self._iteration, **self._scope}
        if until is not None and self._iteration < settings.max_iterations and not until.evaluate(so_far):
            self._inputs |= {name: self._given(node, "carry") for name, node in settings.carry.items()}
            self._iterate()
            return
        value = self._outputs if settings.returns is None else self._given(settings.returns, "returns")
        output = self.node.output
        self.run.succeed(self.number, value if output is None else output.check(value), None)

    def _given(self, name: str, what: str) -> Any:
        if name not in self._outputs:
            raise MissingInputError(f"{what}: {name} was skipped and gave nothing", names=(name,))
        return self._outputs[name]


def composite_of(run: Run, number: int, node: Node, path: str, values: Mapping[str, Any]) -> Composite:
    """Return what opens a node."""
    kind = FanOut if node.for_each is not None else SubWorkflow
    return kind(run, number, node, path, values)
