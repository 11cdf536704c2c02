"""Everything that a run tells of one node, as plain data: what the inspector shows, and `%graphbit inspect` says.

Texts are kept as they are and cut to what is worth saving; showing them as text is the business of those who do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.snapshot import NodeSnapshot, RunSnapshot
from graphbit_nb.drawing.figures import duration
from graphbit_nb.notebook import html
from graphbit_nb.notebook.words import chosen, label, says
from graphbit_nb.session.job import node_at

if TYPE_CHECKING:
    from graphbit_nb.core.events import ErrorInfo
    from graphbit_nb.core.llm import Message, Usage
    from graphbit_nb.core.snapshot import Attempt, ToolUse
    from graphbit_nb.graph.workflow import Workflow

LIVE = 200_000  # characters of a text that is sent to a view which asks for it
"""Characters of one text in a view that a kernel serves; in a saved notebook it is `html.MOST_SHOWN`."""


def node_record(
    workflow: Workflow, snapshot: RunSnapshot | None, path: str, most: int = LIVE, of_inputs: int = LIVE
) -> dict[str, Any]:
    """Return what is known of a node.

    Args:
        workflow: What is run.
        snapshot: The run, if there is one.
        path: The node's path; one that the run has not come to has a record of what it is.
        most: Characters of a text at most.
        of_inputs: The same of what it read, which others gave and tell as well.

    Returns:
        Plain data that JSON can hold.

    Raises:
        UsageError: the path leads nowhere.
    """
    snapshot = snapshot or RunSnapshot()
    node = snapshot.index.get(path) or NodeSnapshot(path)
    definition = node_at(workflow, path)
    parts, left = chosen(node) if node.parts else ([], [])
    last = node.attempts[-1] if node.attempts else None
    origin = definition.origin
    return {
        "path": path,
        "label": path,
        "kind": definition.kind,
        "state": node.state.value,
        "says": says(node),
        "model": node.model,
        "provider": last.provider if last is not None else None,
        "seq": snapshot.seq,
        "prompt": _prompt(node, most),
        "answer": _answer(node, most),
        "streamed": node.streamed[-most:],
        "printed": node.printed[-most:],
        "flags": [str(flag) for flag in node.flags],
        "question": node.question,
        "options": list(node.options),
        "error": None if node.error is None else _error(node.error),
        "reason": node.reason,
        "inputs": _inputs(definition.references, snapshot, path, min(most, of_inputs)),
        "attempts": [_attempt(attempt, most) for attempt in node.attempts],
        "timing": {
            "ready": node.ready,
            "started": node.started,
            "first_token": None if last is None else _first_token(last),
            "finished": node.finished,
        },
        "usage": _usage(node.usage),
        "cost": node.cost,
        "parts": [
            {
                "path": part.name,
                "label": label(part, node),
                "state": part.state.value,
                "says": says(part),
                "took": "" if part.latency is None else duration(part.latency),
            }
            for part in parts
        ],
        "more": len(left),
        "cell": None if origin is None else {"place": origin.place, "source": origin.source.rstrip("\n")},
    }


def records(workflow: Workflow, snapshot: RunSnapshot, most: int = html.MOST_SHOWN) -> dict[str, dict[str, Any]]:
    """Return the records of all nodes of a workflow, and of the parts that they list, by path."""
    found: dict[str, dict[str, Any]] = {}
    paths = list(snapshot.nodes)
    while paths:
        path = paths.pop()
        found[path] = record = node_record(workflow, snapshot, path, most, most // 4)
        paths += [part["path"] for part in record["parts"]]
    return found


def _prompt(node: NodeSnapshot, most: int) -> list[dict[str, Any]]:
    origins = node.origins or ((),) * len(node.messages)
    return [
        {
            **_text(turn.content, most),
            "role": turn.role,
            "origins": [list(piece) for piece in pieces if piece[0] < most],
            "images": len(turn.images),
            "calls": _calls(turn),
        }
        for turn, pieces in zip(node.messages, origins, strict=False)
    ]


def _calls(turn: Message) -> list[str]:
    return [f"{call.name}({_in_short(call.arguments)})" for call in turn.tool_calls]


def _in_short(arguments: Any) -> str:
    if not isinstance(arguments, Mapping):
        return str(arguments)
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())


def _answer(node: NodeSnapshot, most: int) -> dict[str, Any] | None:
    if not node.state.has_output:
        return None
    note = f"its fallback stood in for: {node.error}" if node.error is not None else None
    return {**_value(node.output, most), "note": note}


def _value(value: Any, most: int) -> dict[str, Any]:
    """Return a value as text, and as data where it is data and not too long."""
    written, is_prose = html.written(value, most)
    shown = {"text": written[:most], "cut": _left_out(value, written, most)}
    if not is_prose and len(written) <= most:
        with suppress(ValueError):  # it is no data, but something that has a text
            shown["value"] = json.loads(written, parse_constant=str)
    return shown


def _left_out(value: Any, written: str, most: int) -> int | None:
    """Return how many characters are left out; None for data, of which no more is made than is shown."""
    if isinstance(value, str):
        return max(0, len(value) - most)
    return 0 if len(written) <= most else None


def _text(text: str, most: int) -> dict[str, Any]:
    return {"text": text[:most], "cut": max(0, len(text) - most)}


def _inputs(references: Any, snapshot: RunSnapshot, path: str, most: int) -> list[dict[str, Any]]:
    """Return what a node read, as far as it is known: outputs of nodes beside it, and inputs of the run."""
    beside = path[: path.rfind(".") + 1]
    found = []
    for name in dict.fromkeys(reference.name for reference in references):
        source = snapshot.index.get(beside + name)
        if source is not None and source.state.has_output:
            found.append({"name": name, "from": source.name, **_value(source.output, most)})
        elif not beside and name in snapshot.inputs:
            found.append({"name": name, "from": "input", **_value(snapshot.inputs[name], most)})
    return found


def _error(error: ErrorInfo) -> dict[str, Any]:
    return {
        "type": error.type,
        "message": error.message,
        "place": error.place,
        "traceback": error.traceback,
        "attempts": error.attempts,
        "status": error.status,
        "request_id": error.request_id,
        "retry_after": error.retry_after,
    }


def _attempt(attempt: Attempt, most: int) -> dict[str, Any]:
    return {
        "started": attempt.started,
        "sent": attempt.sent,
        "first_token": _first_token(attempt),
        "finished": attempt.finished,
        "provider": attempt.provider,
        "model": attempt.model,
        "parameters": {name: _parameter(value) for name, value in attempt.parameters.items()},
        "finish_reason": attempt.finish_reason,
        **_text(attempt.text, most),
        "usage": _usage(attempt.usage),
        "cost": attempt.cost,
        "request_id": attempt.request_id,
        "error": None if attempt.error is None else _error(attempt.error),
        "delay": attempt.delay,
        "limited": attempt.limited,
        "tools": [_tool(used, most) for used in attempt.tools],
    }


def _parameter(value: Any) -> Any:
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return list(value)
    is_plain = isinstance(value, str | int | bool) or value is None or (isinstance(value, float) and isfinite(value))
    return value if is_plain else html.written(value, 500, indent=None)[0]


def _first_token(attempt: Attempt) -> float | None:
    """Return when the first token came; an attempt keeps how long it took from its beginning."""
    return None if attempt.first_token is None else (attempt.sent or attempt.started) + attempt.first_token


def _tool(used: ToolUse, most: int) -> dict[str, Any]:
    return {
        "tool": used.tool,
        "arguments": _value(dict(used.arguments), most),
        "result": _text(used.result, most),
        "error": None if used.error is None else _error(used.error),
        "started": used.started,
        "finished": used.finished,
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cached": usage.cached_tokens,
        "reasoning": usage.reasoning_tokens,
        "calls": usage.calls,
    }
