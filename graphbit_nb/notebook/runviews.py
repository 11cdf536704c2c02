"""A run as a cell tells it: while it goes on as a picture, and its final form, which needs no kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.notebook import html, views
from graphbit_nb.notebook.live.embedded import enlivened, share, state_of
from graphbit_nb.notebook.progress import PROGRESS, progress
from graphbit_nb.notebook.rows import done_rows, live_rows
from graphbit_nb.notebook.words import how_to_answer, leaf_counts, plain_result, steps, waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.notebook.views import Bundle

_MOST_QUESTIONS = 3  # that are written out below a run; the others are counted


def running_bundle(workflow: Workflow, snapshot: RunSnapshot, elapsed: float, notes: Sequence[str]) -> Bundle:
    """Return the picture of a run that goes on."""
    _, stage = views.picture_of(workflow, snapshot)
    facts = [("done", f"{snapshot.done:,} of {snapshot.total:,}"), ("elapsed", html.seconds(elapsed))]
    if (usage := snapshot.usage).has_tokens:
        facts.append(("tokens", f"{usage.total_tokens:,}"))
    status = "waiting" if snapshot.status == "waiting" else "running"
    parts = [html.head(workflow.name, status, facts), stage, html.bar(leaf_counts(snapshot)), *live_rows(snapshot)]
    parts += [html.note(html.text(line)) for line in notes]
    return {
        "text/html": html.page(html.shell(parts)),
        "text/plain": f"{workflow.name} running: {snapshot.done} of {snapshot.total} {steps(snapshot)} done",
        PROGRESS: progress(snapshot),
    }


def result_bundle(result: ExecutionResult, notes: Sequence[str] = (), live: str = "") -> Bundle:
    """Return the final form of a run: drawing, and a row for each node that opens on its answer. Needs no kernel.

    Args:
        result: How the run ended, or stands.
        notes: Lines to say below it.
        live: Key of the widget that shows the run while it waits for a person, who then answers here.
    """
    snapshot, workflow = result.snapshot, result.workflow
    state = state_of(workflow, snapshot)
    picture, problem = state.picture(snapshot.finished or 0.0)
    # Once, and as HTML: what is beside it is shown nowhere, and a large drawing is most of what a run saves.
    stage = html.stage(picture, views.describe(workflow)) if picture else html.note(html.text(problem), "failed")
    facts = [("took", took)] if (took := html.seconds(snapshot.elapsed)) else []
    if snapshot.total != len(snapshot.nodes):
        facts.append(("steps", f"{snapshot.done:,} of {snapshot.total:,}"))
    if (usage := snapshot.usage).has_tokens:
        facts.append(("tokens", f"{usage.total_tokens:,}"))
    if usage.calls:
        facts.append(("calls", str(usage.calls)))
    if cost := snapshot.cost:
        facts.append(("cost", html.dollars(cost)))
    top = [html.head(workflow.name, str(result.status), facts), stage, html.bar(leaf_counts(snapshot))]
    rows = [*done_rows(snapshot, share(workflow)), *(html.note(html.text(line)) for line in notes)]
    if snapshot.unkept is not None:
        rows.append(html.note(html.text(f"in memory only: {snapshot.unkept}"), "failed"))
    shell = html.shell([enlivened("".join(top), state, live), *rows], done=True)
    return {"text/html": html.page(shell), "text/plain": plain(result)}


def plain(result: ExecutionResult) -> str:
    """Return the result as text, and how to answer what is asked."""
    asked = waiting(result.snapshot)
    lines = [f"answer with {html.visible(how_to_answer(node))}" for node in asked[:_MOST_QUESTIONS]]
    if (rest := len(asked) - _MOST_QUESTIONS) > 0:
        lines.append(f"and {rest:,} more questions: %graphbit answer lists them")
    if result.snapshot.unkept is not None:
        lines.append(f"in memory only: {html.visible(result.snapshot.unkept)}")
    return "\n".join([plain_result(result), *lines])
