"""What the live view costs the kernel, and what a run leaves in a notebook."""

from __future__ import annotations

import json
import random
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import graphbit_nb as gb
from graphbit_nb.notebook.live.state import LiveState, Look, Subject
from graphbit_nb.notebook.runviews import result_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

REPEATS = 5
WIDTH = 1100.0


def section() -> Iterator[str]:
    """Yield the lines."""
    yield "the live view: from a changed workflow, or run, to what is sent to the browser; and what a run saves"
    _told(10)  # the layout engine is loaded
    for count in (100, 1000):
        changed, restyled = _told(count)
        yield f"  {count:>5} nodes: another node {1000 * changed:6.0f} ms, every state {1000 * restyled:6.0f} ms"
    yield f"  50 nodes with 17,000 characters each: {_saved(50) / 1000:.0f} kB in the notebook"


def _workflow(count: int, more: int = 0) -> gb.Workflow:
    builder = gb.WorkflowBuilder("many")
    for i in range(count):
        read = " ".join(f"{{{{ n{j} }}}}" for j in sorted({i // 3, max(0, i - 12)}) if j < i)
        builder.add_node(gb.Node.prompt(f"n{i}", f"Say it. {read}"))
    for k in range(more):
        builder.add_node(gb.Node.prompt(f"extra{k}", "{{ n3 }}"))
    return builder.build()


def _told(count: int) -> tuple[float, float]:
    """Return the seconds until a node more is told, and until a run in which every node has changed is."""
    state = LiveState(Subject(workflow=_workflow(count)), Look(width=WIDTH))
    state.whole(0.0)
    took = []
    for more in range(1, REPEATS + 1):
        state.subject.workflow = _workflow(count, more)
        began = perf_counter()
        json.dumps(state.changes(0.0))
        took.append(perf_counter() - began)
    result = gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": "x"}), storage="memory").execute(state.subject.workflow)
    state.subject.snapshot = result.snapshot
    began = perf_counter()
    json.dumps(state.changes(0.0))
    return median(took), perf_counter() - began


def _saved(count: int) -> int:
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnop", k=chance.randint(2, 9))) for _ in range(3000)]
    script = gb.LlmConfig.scripted({"*": lambda _: " ".join(chance.choices(words, k=3000))})
    result = gb.WorkflowExecutor(script, storage="memory").execute(_workflow(count))
    return len(json.dumps(result_bundle(result)))
