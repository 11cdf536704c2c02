"""A node closely: its prompt before a run, and everything about it after one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.graph.registry import ProcessorRegistry, Prompt
from graphbit_nb.notebook import html
from graphbit_nb.notebook.views import messages_bundle
from graphbit_nb.notebook.words import chosen, counted, node_line
from graphbit_nb.session.job import node_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.llm import Usage
    from graphbit_nb.core.snapshot import Attempt, NodeSnapshot, RunSnapshot, ToolUse
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.workflow import Workflow


def preview_bundle(
    workflow: Workflow, node: Node, inputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> dict[str, str]:
    """Return a node's prompt as it would be sent.

    Raises:
        UsageError: the node has no prompt, or reads a node that has no output yet.
        GraphbitError: the prompt cannot be rendered.
    """
    processor = ProcessorRegistry.find(node.kind)
    if processor is None or not processor.asks_model:
        raise UsageError(f"{node.name} is a {node.kind} node and has no prompt; %graphbit inspect {node.name} shows it")
    missing = [name for name in workflow.predecessors(node.name) if name not in outputs and _reads(node, name)]
    if missing:
        raise UsageError(f"{node.name} reads {', '.join(missing)}, not run yet; say %graphbit run {' '.join(missing)}")
    rendered = processor.render(node, {**outputs, **inputs})
    if not isinstance(rendered, Prompt):
        raise UsageError(f"{node.name} is a {node.kind} node, which has no prompt to show")
    return messages_bundle(f"{node.name}: the prompt", rendered.messages)


def _reads(node: Node, name: str) -> bool:
    return any(reference.name == name for reference in node.references)


def inspection_bundle(result: ExecutionResult, path: str) -> dict[str, str]:
    """Return everything about a node in a run, by its name or its path. Raises `UsageError` when there is none."""
    node = _find(result.snapshot, path)
    definition = node_at(result.workflow, path)
    parts: list[tuple[str, str]] = [(f"prompt: {turn.role}", turn.content) for turn in node.messages]
    if node.question is not None:
        parts.append(("question", node.question + (f"\n{' | '.join(node.options)}" if node.options else "")))
    if node.printed:
        parts.append(("printed", node.printed))
    if node.parts:
        parts.append((counted(node), "\n".join(_part_lines(node))))
    if node.state.has_output:
        parts.append(("answer", html.written(node.output)[0]))
    if node.error is not None:
        parts.append(("error", (node.error.traceback or "") + str(node.error)))
    if node.reason is not None:
        parts.append(("reason", node.reason))
    for number, attempt in enumerate(node.attempts, start=1):
        parts.append((f"attempt {number}", _attempt(attempt)))
        parts += [(f"tool {used.tool}", _tool_use(used)) for used in attempt.tools]
    if definition.origin is not None:
        parts.append((f"cell {definition.origin.place}", definition.origin.source.rstrip("\n")))
    parts = [(title, html.cut(content)) for title, content in parts]
    head = html.head(path, str(node.state), _facts(node))
    plain = "\n".join(f"[{title}]\n{html.visible(content)}" for title, content in parts)
    return {
        "text/html": html.page(html.shell([head, f'<div class="gb-stage">{html.titled(parts)}</div>'])),
        "text/plain": f"{path} {node.state}\n{plain}",
    }


def _find(snapshot: RunSnapshot, path: str) -> NodeSnapshot:
    """Return the node of a run that a path leads to; of a path that leads nowhere, say where it ends."""
    if path in snapshot.index:
        return snapshot.index[path]
    # The longest beginning that is a node: what comes after it is wrong.
    outer = max((name for name in snapshot.nodes if path.startswith(name)), key=len, default=None)
    node = None if outer is None else snapshot.nodes[outer]
    while node is not None and (inner := [part for part in node.parts.values() if path.startswith(part.name)]):
        node = max(inner, key=lambda part: len(part.name))
    if node is not None and path[len(node.name) : len(node.name) + 1] in ("[", ".", "#"):
        if not node.parts:
            raise UsageError(f"{node.name} has nothing inside in the latest run, so there is no {path}")
        names = list(node.parts)
        there = f"there are {names[0]} to {names[-1]}" if len(names) > 6 else f"there are {', '.join(names)}"
        near = "" if node.expands == "items" else did_you_mean(path, names[:1000])
        raise UsageError(f"no node {path!r} in the latest run{near or '; ' + there}")
    raise UsageError(f"no node {path!r} in the latest run{did_you_mean(path, snapshot.nodes)}")


def _part_lines(node: NodeSnapshot) -> list[str]:
    parts, left = chosen(node)
    width = max(len(part.name) for part in parts)
    return [node_line(part, width) for part in parts] + ([f"and {len(left):,} more"] if left else [])


def _facts(node: NodeSnapshot) -> list[tuple[str, str]]:
    facts = [("took", html.seconds(node.latency))] if node.latency is not None else []
    if node.usage.calls:
        known = [("in", node.usage.input_tokens), ("out", node.usage.output_tokens)]
        facts += [(what, f"{count:,} tok") for what, count in known if count is not None]
    if node.model:
        facts.append(("model", node.model))
    return facts


def _tool_use(used: ToolUse) -> str:
    given = ", ".join(f"{name}={value!r}" for name, value in used.arguments.items())
    raised = f"\n{used.error.traceback}" if used.error is not None and used.error.traceback else ""
    return f"{used.tool}({given}) · took {html.seconds(used.finished - used.started)}\n{used.result}{raised}"


def _tokens(usage: Usage) -> str:
    """Say the tokens that are known."""
    cached = f" ({usage.cached_tokens:,} cached)" if usage.cached_tokens else ""
    thought = f" ({usage.reasoning_tokens:,} for thoughts)" if usage.reasoning_tokens else ""
    told = [
        f"{usage.input_tokens:,} tokens in{cached}" if usage.input_tokens is not None else "",
        f"{usage.output_tokens:,} out{thought}" if usage.output_tokens is not None else "",
    ]
    return ", ".join(part for part in told if part)


def _attempt(attempt: Attempt) -> str:
    took = None if attempt.finished is None else attempt.finished - attempt.started
    said = [
        f"{attempt.provider} {attempt.model or ''}".strip(),
        f"took {html.seconds(took)}" if took is not None else "",
        f"first token after {html.seconds(attempt.first_token)}" if attempt.first_token is not None else "",
        f"finish {attempt.finish_reason}" if attempt.finish_reason else "",
        _tokens(attempt.usage),
        f"{attempt.usage.calls} calls for one answer" if attempt.usage.calls > 1 else "",
        f"cost {html.dollars(attempt.cost)}" if attempt.cost else "",
        f"request {attempt.request_id}" if attempt.request_id else "",
        f"waited for the limit {attempt.limited}" if attempt.limited else "",
        ", ".join(f"{key}={value!r}" for key, value in attempt.parameters.items() if key != "schema"),
        "with a schema" if "schema" in attempt.parameters else "",
        f"error: {attempt.error}" if attempt.error is not None else "",
        f"next after {html.seconds(attempt.delay)}" if attempt.delay is not None else "",
    ]
    return " · ".join(part for part in said if part)
