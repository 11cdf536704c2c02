"""A node closely: its prompt before a run, and everything about it after one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.graph.registry import ProcessorRegistry, Prompt
from graphbit_nb.notebook import html
from graphbit_nb.notebook.views import messages_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.snapshot import Attempt, NodeSnapshot
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


def inspection_bundle(result: ExecutionResult, name: str) -> dict[str, str]:
    """Return everything about a node in a run. Raises `UsageError` when the run had no such node."""
    if name not in result.nodes:
        raise UsageError(f"no node {name!r} in the latest run{did_you_mean(name, result.nodes)}")
    node = result.nodes[name]
    definition = result.workflow.nodes[name]
    parts: list[tuple[str, str]] = [(f"prompt: {turn.role}", turn.content) for turn in node.messages]
    if node.state.has_output:
        parts.append(("answer", html.written(node.output)[0]))
    if node.error is not None:
        parts.append(("error", (node.error.traceback or "") + str(node.error)))
    if node.reason is not None:
        parts.append(("reason", node.reason))
    for number, attempt in enumerate(node.attempts, start=1):
        parts.append((f"attempt {number}", _attempt(attempt)))
    if definition.origin is not None:
        parts.append((f"cell {definition.origin.place}", definition.origin.source.rstrip("\n")))
    parts = [(title, html.cut(content)) for title, content in parts]
    facts = _facts(node)
    body = "".join(
        f'<span class="gb-role">{html.text(title)}</span><pre class="gb-text">{html.text(content)}</pre>'
        for title, content in parts
    )
    head = html.head(name, str(node.state), facts)
    plain = "\n".join(f"[{title}]\n{html.visible(content)}" for title, content in parts)
    return {
        "text/html": html.page(html.shell([head, f'<div class="gb-stage">{body}</div>'])),
        "text/plain": f"{name} {node.state}\n{plain}",
    }


def _facts(node: NodeSnapshot) -> list[tuple[str, str]]:
    facts = [("took", html.seconds(node.latency))] if node.latency is not None else []
    if node.usage.calls:
        known = [("in", node.usage.input_tokens), ("out", node.usage.output_tokens)]
        facts += [(what, f"{count:,} tok") for what, count in known if count is not None]
    if node.model:
        facts.append(("model", node.model))
    return facts


def _attempt(attempt: Attempt) -> str:
    took = None if attempt.finished is None else attempt.finished - attempt.started
    said = [
        f"{attempt.provider} {attempt.model or ''}".strip(),
        f"took {html.seconds(took)}" if took is not None else "",
        f"first token after {html.seconds(attempt.first_token)}" if attempt.first_token is not None else "",
        f"finish {attempt.finish_reason}" if attempt.finish_reason else "",
        f"{attempt.usage.input_tokens} tokens in, {attempt.usage.output_tokens} out" if attempt.usage.calls else "",
        ", ".join(f"{key}={value!r}" for key, value in attempt.parameters.items() if key != "schema"),
        "with a schema" if "schema" in attempt.parameters else "",
        f"error: {attempt.error}" if attempt.error is not None else "",
        f"next after {html.seconds(attempt.delay)}" if attempt.delay is not None else "",
    ]
    return " · ".join(part for part in said if part)
