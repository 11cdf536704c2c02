"""What a log line says of an event: figures and names. What users and models wrote is said only when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.core import events as e
from graphbit_nb.core.redaction import redact
from graphbit_nb.core.states import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
LONGEST = 10_000  # characters of one text
_MARGIN = 10_000  # so that no key is cut before it is looked for

# Errors of ours whose message is about settings and services, not about what somebody wrote.
PLAIN_ERRORS = frozenset(
    {
        "AuthenticationError", "BudgetExceeded", "CircuitOpenError", "ConfigurationError", "ConflictError",
        "NotFoundError", "OverloadedError", "PermissionDeniedError", "ProviderConnectionError", "ProviderTimeoutError",
        "QuotaExhaustedError", "RateLimitError", "ResponseTooLargeError", "RunCancelled", "ServerError", "StorageError",
        "TimeoutError",
    }
)  # fmt: skip

Line = tuple[int, dict[str, Any]]


def line_of(event: e.Event, *, content: bool = False) -> Line:
    """Return the level and the fields of an event's line. Keys are taken out of every text."""
    level, fields = _FIELDS[type(event)](event, content)
    return level, {name: value for name, value in fields.items() if value is not None}


def level_of(kind: type[e.Event]) -> int:
    """Return the highest level that lines of such events can have."""
    return _HIGHEST.get(kind, LEVELS["debug"])


def said(text: Any) -> str:
    """Return a text as it may be logged: without keys, and not too long."""
    shown = redact(str(text)[: LONGEST + _MARGIN])
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


def message_of(error: e.ErrorInfo, *, content: bool) -> str | None:
    """Return what an error says, unless that may quote what somebody wrote and this is not asked for."""
    is_plain = error.place is None and error.type in PLAIN_ERRORS
    return said(error.message) if content or is_plain else None


def _error(error: e.ErrorInfo | None, content: bool) -> dict[str, Any]:
    if error is None:
        return {}
    return {
        "error": error.type,
        "message": message_of(error, content=content),
        "place": None if error.place is None else said(error.place),
        "status": error.status,
        "request_id": None if error.request_id is None else said(error.request_id),
    }


def _run_started(event: e.RunStarted, content: bool) -> Line:
    inputs = {name: said(value) for name, value in event.inputs.items()} if content else list(event.inputs)
    return 20, {"workflow": event.workflow, "nodes": len(event.nodes), "inputs": inputs}


def _run_finished(event: e.RunFinished, _content: bool) -> Line:
    level = 20 if event.status is not RunStatus.FAILED else 40
    return level, {"status": event.status.value, "reason": None if event.reason is None else said(event.reason)}


def _responded(event: e.LlmResponded, content: bool) -> Line:
    usage = event.usage
    return 20, {
        "model": event.model, "source": event.source, "finish_reason": event.finish_reason,
        "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens, "cost": event.cost, "latency": event.latency,
        "first_token": event.first_token, "request_id": event.request_id,
        "text": said(event.text) if content else None,
    }  # fmt: skip


def _requested(event: e.LlmRequested, _content: bool) -> Line:
    named = ("temperature", "max_tokens", "top_p", "seed", "sample", "texts")
    settings = {name: event.parameters[name] for name in named if name in event.parameters}
    return 10, {"provider": event.provider, "model": event.model, **settings}


def _tool(event: e.ToolCalled, content: bool) -> Line:
    texts = {"arguments": said(dict(event.arguments)), "result": said(event.result)} if content else {}
    level = 20 if event.error is None else 30
    return level, {
        "tool": event.tool, "call_id": event.call_id, "seconds": event.time - event.started, **texts,
        **_error(event.error, content),
    }  # fmt: skip


def _rendered(event: e.PromptRendered, content: bool) -> Line:
    texts = [{"role": message.role, "content": said(message.content)} for message in event.messages]
    size = sum(len(message.content) for message in event.messages)
    return 10, {"messages": texts if content else len(texts), "characters": size}


def _succeeded(event: e.NodeSucceeded, content: bool) -> Line:
    output = {"output": said(event.output)} if content else {}
    return 20, {**output, "fallback_of": None if event.fallback is None else event.fallback.type}


def _retry(event: e.RetryScheduled, content: bool) -> Line:
    return 30, {"failed_attempt": event.attempt, "delay": event.delay, **_error(event.error, content)}


def _limited(event: e.RateLimited, _content: bool) -> Line:
    return 20, {"limit": event.limit, "seconds": event.seconds, "ahead": event.ahead}


def _circuit(event: e.CircuitChanged, content: bool) -> Line:
    return 30, {"circuit": event.circuit, "state": event.state, "reason": said(event.reason) if content else None}


def _waiting(event: e.NodeWaiting, content: bool) -> Line:
    return 20, {"question": said(event.question) if content else None}


def _text(event: e.LlmToken | e.NodePrinted, content: bool) -> Line:
    return 10, {"text": said(event.text) if content else None, "characters": len(event.text)}


def _expanded(event: e.NodeExpanded, _content: bool) -> Line:
    return 20, {"what": event.what, "parts": len(event.parts), "iteration": event.iteration}


def _failed(level: int) -> Callable[[Any, bool], Line]:
    def fields(event: e.NodeFailed | e.OutputRejected | e.FallbackAsked, content: bool) -> Line:
        return level, {**_error(event.error, content), "attempts": event.error.attempts}

    return fields


def _flagged(event: e.ContentFlagged, content: bool) -> Line:
    told = {"where": event.where, "check": event.check, "what": event.what, "count": event.count}
    return 30, {**told, "blocked": event.blocked, "sample": said(event.sample) if content else None}


def _stopped(event: e.NodeSkipped | e.NodeCancelled, _content: bool) -> Line:
    return 20, {"reason": said(event.reason)}


def _cached(event: e.NodeCached, content: bool) -> Line:
    return 20, {"source": event.source, "output": said(event.output) if content else None}


def _bare(_event: e.Event, _content: bool) -> Line:
    return 10, {}


_FIELDS: dict[type[e.Event], Callable[[Any, bool], Line]] = {
    e.RunStarted: _run_started,
    e.RunResumed: lambda event, _: (20, {"redo": len(event.redo)}),
    e.RunUnkept: lambda event, _: (30, {"reason": said(event.reason)}),
    e.RunFinished: _run_finished,
    e.NodeReady: _bare,
    e.NodeStarted: _bare,
    e.NodeResumed: _bare,
    e.NodeExpanded: _expanded,
    e.NodeWaiting: _waiting,
    e.NodePrinted: _text,
    e.PromptRendered: _rendered,
    e.LlmRequested: _requested,
    e.LlmToken: _text,
    e.LlmResponded: _responded,
    e.RetryScheduled: _retry,
    e.RateLimited: _limited,
    e.CircuitChanged: _circuit,
    e.ToolCalled: _tool,
    e.ContentFlagged: _flagged,
    e.OutputRejected: _failed(30),
    e.FallbackAsked: _failed(30),
    e.NodeSucceeded: _succeeded,
    e.NodeCached: _cached,
    e.NodeFailed: _failed(40),
    e.NodeSkipped: _stopped,
    e.NodeCancelled: _stopped,
}
_HIGHEST = {
    e.RunStarted: 20, e.RunResumed: 20, e.RunUnkept: 30, e.RunFinished: 40, e.NodeExpanded: 20, e.NodeWaiting: 20,
    e.LlmResponded: 20, e.RetryScheduled: 30, e.RateLimited: 20, e.CircuitChanged: 30, e.ToolCalled: 30,
    e.ContentFlagged: 30, e.OutputRejected: 30, e.FallbackAsked: 30, e.NodeSucceeded: 20, e.NodeCached: 20,
    e.NodeFailed: 40, e.NodeSkipped: 20, e.NodeCancelled: 20,
}  # fmt: skip
