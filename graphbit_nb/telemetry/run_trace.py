"""The spans of one run, made of its events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from graphbit_nb.core import events as e
from graphbit_nb.core.redaction import redact_label
from graphbit_nb.core.states import RunStatus
from graphbit_nb.telemetry import spans as s
from graphbit_nb.telemetry.figures import pattern_of
from graphbit_nb.telemetry.loglines import message_of, said

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext, Tracer

    from graphbit_nb.core.llm import Message

MOST_ROOTS = 1_000  # runs that may be gone on with, of which the span is remembered

NodeEnd = e.NodeSucceeded | e.NodeCached | e.NodeFailed | e.NodeSkipped | e.NodeCancelled


@dataclass(slots=True)
class _Node:
    """A node whose span is open."""

    span: Span
    inside: Context
    began: float  # its current try
    tries: int = 0
    asks: bool = False
    request: e.LlmRequested | None = None
    messages: tuple[Message, ...] = ()
    last: SpanContext | None = None  # of the attempt that failed last, which the next one is linked to


class RunTrace:
    """The sink of one run. Spans end when the run does, or when it is closed because the run was left.

    Args:
        tracer: Makes the spans.
        workflow: Name of the workflow, which the events of a run that is resumed do not tell.
        roots: Spans of runs that may be gone on with, by run id; those of several runs are linked.
        content: Whether what users and models wrote is told.
    """

    wants_tokens = False

    def __init__(self, tracer: Tracer, workflow: str, roots: dict[str, SpanContext], *, content: bool = False) -> None:
        from opentelemetry import context, trace

        self._api = trace
        self.tracer = tracer
        self.workflow = workflow
        self.roots = roots
        self.content = content
        self._parent: Context = context.get_current()
        self._root: Span | None = None
        self._inside: Context | None = None
        self._nodes: dict[str, _Node] = {}
        self._ready: dict[str, float] = {}
        self._owners: dict[str, str] = {}  # what a part is a part of
        self._time = 0.0

    def __call__(self, event: e.Event) -> None:
        """Begin or end the spans that an event is about."""
        handle = self.HANDLERS.get(type(event))
        if handle is not None:
            self._time = event.time
            handle(self, event)

    def close(self) -> None:
        """End what is open: the run has returned without having finished, because it waits for a person."""
        for path in reversed(list(self._nodes)):
            node = self._nodes.pop(path)
            self._end_try(node, path, self._time, None)
            node.span.set_attribute("graphbit.node.state", "unfinished")
            node.span.end(s.nanoseconds(self._time))
        if self._root is not None:
            self._root.set_attribute("graphbit.run.status", "unfinished")
            self._root.end(s.nanoseconds(self._time))
            self._root = None

    # ---- runs

    def _begin(self, event: e.RunStarted | e.RunResumed) -> None:
        if isinstance(event, e.RunStarted):
            self.workflow = event.workflow
        earlier = self.roots.get(event.run_id)
        self._root = self.tracer.start_span(
            f"invoke_workflow {self.workflow}".strip(),
            self._parent,
            attributes=s.workflow_attributes(self.workflow, event.run_id),
            links=[self._api.Link(earlier, {"graphbit.link": "resumed"})] if earlier is not None else None,
            start_time=s.nanoseconds(event.time),
        )
        self._inside = self._api.set_span_in_context(self._root, self._parent)
        if len(self.roots) >= MOST_ROOTS:
            self.roots.pop(next(iter(self.roots)), None)
        self.roots[event.run_id] = self._root.get_span_context()

    def _finish(self, event: e.RunFinished) -> None:
        root = self._root
        if root is None:
            return
        root.set_attribute("graphbit.run.status", event.status.value)
        if event.status is RunStatus.FAILED:
            self._mark_failed(root, "RunFailedError", None if event.reason is None else said(event.reason))
        root.end(s.nanoseconds(event.time))
        self._root = None
        if event.status is RunStatus.SUCCEEDED:
            self.roots.pop(event.run_id, None)  # it cannot be gone on with

    # ---- nodes

    def _node_ready(self, event: e.NodeReady) -> None:
        self._ready[event.node] = event.time

    def _node_started(self, event: e.NodeStarted | e.NodeWaiting) -> None:
        if event.node not in self._nodes:
            self._open(event.node, event.time)

    def _open(self, path: str, time: float) -> _Node:
        owner = self._nodes.get(self._owners.get(path, ""))
        context = self._inside if owner is None else owner.inside
        attributes: dict[str, Any] = {"graphbit.node": path}
        if (ready := self._ready.pop(path, None)) is not None:
            attributes["graphbit.node.queued"] = time - ready
        span = self.tracer.start_span(
            f"node {pattern_of(path)}", context, attributes=attributes, start_time=s.nanoseconds(time)
        )
        node = self._nodes[path] = _Node(span, self._api.set_span_in_context(span, context), time)
        return node

    def _expanded(self, event: e.NodeExpanded) -> None:
        self._owners.update(dict.fromkeys(event.parts, event.node))

    def _node_resumed(self, event: e.NodeResumed) -> None:
        if (node := self._nodes.get(event.node)) is not None:
            node.began = event.time

    def _node_ended(self, event: NodeEnd) -> None:
        path = event.node
        node = self._nodes.get(path) or self._open(path, event.time)
        error = event.error if isinstance(event, e.NodeFailed) else None
        stood_in_for = event.fallback if isinstance(event, e.NodeSucceeded) else None
        self._end_try(node, path, event.time, error or stood_in_for)
        del self._nodes[path]
        node.span.set_attribute("graphbit.node.state", event.kind.removeprefix("node."))
        if isinstance(event, e.NodeCached):
            node.span.set_attribute("graphbit.source", event.source)
        elif error is not None:
            self._mark_failed(node.span, error.type, message_of(error, content=self.content))
        elif isinstance(event, e.NodeSkipped | e.NodeCancelled):
            node.span.set_attribute("graphbit.reason", said(event.reason))
        node.span.end(s.nanoseconds(event.time))

    # ---- attempts

    def _rendered(self, event: e.PromptRendered) -> None:
        if self.content and (node := self._nodes.get(event.node)) is not None:
            node.messages = event.messages

    def _requested(self, event: e.LlmRequested) -> None:
        if (node := self._nodes.get(event.node)) is not None:
            node.asks = True
            node.request = event

    def _responded(self, event: e.LlmResponded) -> None:
        node = self._nodes.get(event.node)
        if node is None or node.request is None:
            return
        attributes = s.response_attributes(event)
        if self.content:
            attributes |= s.content_attributes(node.messages, event.text, event.finish_reason)
        self._attempt(node, event.time, attributes, None, is_asked=event.source is None)
        node.last = None

    def _retry(self, event: e.RetryScheduled) -> None:
        if (node := self._nodes.get(event.node)) is not None:
            if not node.asks:
                node.tries = max(node.tries, 1)
            self._end_try(node, event.node, event.time, event.error)
            self._note(node, event, {"graphbit.delay": event.delay, s.ERROR: event.error.type})

    def _end_try(self, node: _Node, path: str, time: float, error: e.ErrorInfo | None) -> None:
        """End the call that is open, or the try of a node that asks no model and is tried several times."""
        if node.request is not None:
            content = s.content_attributes(node.messages, None, None) if self.content else {}
            self._attempt(node, time, content, error, is_asked=True)
        elif node.tries and not node.asks:
            self._attempt(node, time, {"graphbit.node": path}, error, is_asked=False)

    def _attempt(
        self, node: _Node, end: float, attributes: dict[str, Any], error: e.ErrorInfo | None, *, is_asked: bool
    ) -> None:
        request, node.request = node.request, None
        if request is None:
            name, began = f"attempt {pattern_of(attributes['graphbit.node'])}", node.began
            number, node.tries = node.tries, node.tries + 1
        else:
            node.tries += 1
            number, began = node.tries, request.time
            attributes = {**s.request_attributes(request), **attributes}
            name = redact_label(f"{attributes[s.OPERATION]} {request.model or ''}".strip())
        span = self.tracer.start_span(
            name,
            node.inside,
            kind=self._api.SpanKind.CLIENT if is_asked else self._api.SpanKind.INTERNAL,
            attributes={**attributes, "graphbit.attempt": number},
            links=[self._api.Link(node.last, {"graphbit.link": "retry_of"})] if node.last is not None else None,
            start_time=s.nanoseconds(began),
        )
        if error is not None:
            if error.status is not None:
                span.set_attribute("http.response.status_code", error.status)
            self._mark_failed(span, error.type, message_of(error, content=self.content))
            node.last = span.get_span_context()
        span.end(s.nanoseconds(end))

    # ---- others

    def _tool(self, event: e.ToolCalled) -> None:
        node = self._nodes.get(event.node)
        if node is None:
            return
        span = self.tracer.start_span(
            redact_label(f"execute_tool {event.tool}"),
            node.inside,
            attributes=s.tool_attributes(event, content=self.content),
            start_time=s.nanoseconds(event.started),
        )
        if event.error is not None:
            self._mark_failed(span, event.error.type, message_of(event.error, content=self.content))
        span.end(s.nanoseconds(event.time))

    def _rejected(self, event: e.OutputRejected) -> None:
        if (node := self._nodes.get(event.node)) is not None:
            self._note(node, event, {s.ERROR: event.error.type})

    def _flagged(self, event: e.ContentFlagged) -> None:
        if (node := self._nodes.get(event.node)) is not None:
            self._note(node, event, {"graphbit.flag.what": event.what, "graphbit.flag.where": event.where})

    def _fallback(self, event: e.FallbackAsked) -> None:
        if (node := self._nodes.get(event.node)) is not None:
            self._end_try(node, event.node, event.time, event.error)
            self._note(node, event, {s.ERROR: event.error.type})

    def _limited(self, event: e.RateLimited) -> None:
        if (node := self._nodes.get(event.node)) is not None:
            seconds = {} if event.seconds is None else {"graphbit.seconds": event.seconds}
            self._note(node, event, {"graphbit.limit": event.limit, "graphbit.ahead": event.ahead, **seconds})

    def _circuit(self, event: e.CircuitChanged) -> None:
        if (node := self._nodes.get(event.node)) is not None:
            self._note(node, event, {"graphbit.circuit": event.circuit, "graphbit.circuit.state": event.state})

    def _note(self, node: _Node, event: e.Event, attributes: dict[str, Any]) -> None:
        node.span.add_event(event.kind, attributes, s.nanoseconds(event.time))

    def _mark_failed(self, span: Span, kind: str, message: str | None) -> None:
        span.set_attribute(s.ERROR, kind)
        span.set_status(self._api.Status(self._api.StatusCode.ERROR, message))

    HANDLERS: ClassVar[dict[type[Any], Callable[[RunTrace, Any], None]]] = {
        e.RunStarted: _begin,
        e.RunResumed: _begin,
        e.RunFinished: _finish,
        e.NodeReady: _node_ready,
        e.NodeStarted: _node_started,
        e.NodeWaiting: _node_started,
        e.NodeResumed: _node_resumed,
        e.NodeExpanded: _expanded,
        e.NodeSucceeded: _node_ended,
        e.NodeCached: _node_ended,
        e.NodeFailed: _node_ended,
        e.NodeSkipped: _node_ended,
        e.NodeCancelled: _node_ended,
        e.PromptRendered: _rendered,
        e.LlmRequested: _requested,
        e.LlmResponded: _responded,
        e.RetryScheduled: _retry,
        e.ToolCalled: _tool,
        e.ContentFlagged: _flagged,
        e.OutputRejected: _rejected,
        e.FallbackAsked: _fallback,
        e.RateLimited: _limited,
        e.CircuitChanged: _circuit,
    }
