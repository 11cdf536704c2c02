"""A node closely: its prompt before a run, and everything about it after one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.graph.registry import ProcessorRegistry, Prompt
from graphbit_nb.notebook import html
from graphbit_nb.notebook.live.records import node_record
from graphbit_nb.notebook.views import messages_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.workflow import Workflow

    Record = Mapping[str, Any]


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
    _check(result.snapshot, path)
    record = node_record(result.workflow, result.snapshot, path, html.MOST_SHOWN)
    parts = [(title, content) for title, content in _parts(record) if content]
    head = html.head(path, record["state"], _facts(record))
    plain = "\n".join(f"[{title}]\n{html.visible(content)}" for title, content in parts)
    return {
        "text/html": html.page(html.shell([head, f'<div class="gb-stage">{html.titled(parts)}</div>'])),
        "text/plain": f"{path} {record['state']}\n{plain}",
    }


def _parts(record: Record) -> Iterator[tuple[str, str]]:
    """Go through what is told of a node, as (title, text)."""
    for turn in record["prompt"]:
        yield f"prompt: {turn['role']}", "\n".join([_whole(turn), *turn["calls"]]).strip("\n")
    if record["question"] is not None:
        yield "question", "\n".join([record["question"], " | ".join(record["options"])]).strip()
    yield "flagged", "\n".join(record["flags"])
    yield "printed", record["printed"]
    if record["parts"]:
        width = max(len(part["path"]) for part in record["parts"])
        lines = [f"{one['path']:<{width}}  {one['state']:<9}  {one['says']}".rstrip() for one in record["parts"]]
        more = [f"and {record['more']:,} more"] if record["more"] else []
        yield record["says"].partition(" · ")[0], "\n".join(lines + more)
    if record["answer"] is not None:
        yield "answer", _whole(record["answer"])
    else:
        yield "answer so far", record["streamed"]
    if record["error"] is not None:
        yield "error", (record["error"]["traceback"] or "") + _error(record["error"])
    yield "reason", record["reason"] or ""
    for one in record["inputs"]:
        yield f"read: {one['name']}", html.preview(one["text"])
    for number, attempt in enumerate(record["attempts"], start=1):
        yield f"attempt {number}", _attempt(attempt)
        for used in attempt["tools"]:
            yield f"tool {used['tool']}", _tool_use(used)
    if record["cell"] is not None:
        yield f"cell {record['cell']['place']}", record["cell"]["source"]


def _whole(told: Record) -> str:
    """Return a text, and how much of it was left out."""
    rest = f"… ({told['cut']:,} more characters)" if told["cut"] else ""
    return f"{told['text']}{rest}"


def _check(snapshot: RunSnapshot, path: str) -> None:
    """Refuse a path that leads nowhere, and say where it ends. Raises `UsageError`."""
    if path in snapshot.index:
        return
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


def _facts(record: Record) -> list[tuple[str, str]]:
    started, finished = record["timing"]["started"], record["timing"]["finished"]
    facts = [("took", html.seconds(finished - started))] if started is not None and finished is not None else []
    if record["usage"]["calls"]:
        known = [("in", record["usage"]["input"]), ("out", record["usage"]["output"])]
        facts += [(what, f"{count:,} tok") for what, count in known if count is not None]
    if record["cost"]:
        facts.append(("cost", html.dollars(record["cost"])))
    if record["model"]:
        facts.append(("model", record["model"]))
    return facts


def _error(error: Record) -> str:
    where = f" ({error['place']})" if error["place"] else ""
    tries = f" ({error['attempts']} attempts)" if error["attempts"] > 1 else ""
    return f"{error['type']}: {error['message']}{where}{tries}"


def _tool_use(used: Record) -> str:
    raised = f"\n{used['error']['traceback']}" if used["error"] is not None and used["error"]["traceback"] else ""
    took = html.seconds(used["finished"] - used["started"])
    given = used["arguments"].get("value")
    shown = ", ".join(f"{name}={value!r}" for name, value in given.items()) if given else used["arguments"]["text"]
    return f"{used['tool']}({shown}) · took {took}\n{_whole(used['result'])}{raised}"


def _tokens(usage: Record) -> str:
    """Say the tokens that are known."""
    cached = f" ({usage['cached']:,} cached)" if usage["cached"] else ""
    thought = f" ({usage['reasoning']:,} for thoughts)" if usage["reasoning"] else ""
    told = [
        f"{usage['input']:,} tokens in{cached}" if usage["input"] is not None else "",
        f"{usage['output']:,} out{thought}" if usage["output"] is not None else "",
    ]
    return ", ".join(part for part in told if part)


def _attempt(attempt: Record) -> str:
    started = attempt["started"]
    said = [
        f"{attempt['provider']} {attempt['model'] or ''}".strip(),
        f"took {html.seconds(attempt['finished'] - started)}" if attempt["finished"] is not None else "",
        f"first token after {html.seconds(attempt['first_token'] - started)}" if attempt["first_token"] else "",
        f"finish {attempt['finish_reason']}" if attempt["finish_reason"] else "",
        _tokens(attempt["usage"]),
        f"{attempt['usage']['calls']} calls for one answer" if attempt["usage"]["calls"] > 1 else "",
        f"cost {html.dollars(attempt['cost'])}" if attempt["cost"] else "",
        f"request {attempt['request_id']}" if attempt["request_id"] else "",
        f"waited for the limit {attempt['limited']}" if attempt["limited"] else "",
        ", ".join(f"{key}={value!r}" for key, value in attempt["parameters"].items() if key != "schema"),
        "with a schema" if "schema" in attempt["parameters"] else "",
        f"error: {_error(attempt['error'])}" if attempt["error"] is not None else "",
        f"next after {html.seconds(attempt['delay'])}" if attempt["delay"] is not None else "",
    ]
    return " · ".join(part for part in said if part)
