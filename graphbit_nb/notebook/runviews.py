"""A run as the cell shows it: while it goes on, and its final form, which needs no kernel."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from graphbit_nb.notebook import html, views
from graphbit_nb.notebook.progress import PROGRESS, progress
from graphbit_nb.notebook.rows import done_rows, live_rows
from graphbit_nb.notebook.words import how_to_answer, leaf_counts, node_line, plain_result, steps, waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.notebook.views import Bundle

REFRESH = 0.25  # seconds between two pictures of a run
_WORK = 9  # a picture of a large run takes time: nine times as much is left to the run before the next one
_MOST_QUESTIONS = 3  # that are written out below a run; the others are counted


class RunView:
    """Shows one run in the cell that started it.

    Args:
        workflow: What is run.
        notes: Lines to say beside it.
        before: Where the run stood, if it is gone on with: what had ended then is not told again.
        clock: Seconds, for the pace of the pictures and the time that has passed.
    """

    def __init__(
        self,
        workflow: Workflow,
        notes: Sequence[str] = (),
        *,
        before: RunSnapshot | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workflow = workflow
        self._notes = tuple(notes)
        self._clock = clock
        self._began = clock()
        self._shown_at = 0.0
        self._pause = REFRESH
        self._display_id = f"graphbit-{secrets.token_hex(8)}"
        self._is_shown = False
        self._kernel = views.is_kernel()
        ended = () if before is None else before.nodes.values()
        self._told = {node.name for node in ended if node.state.is_final}

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Show where the run stands, not more often than people can read."""
        if snapshot is None or not snapshot.seq:
            return
        if not self._kernel:
            self._tell_lines(snapshot)
            return
        now = self._clock()
        if self._is_shown and now - self._shown_at < self._pause:
            return
        self._show(running_bundle(self._workflow, snapshot, now - self._began, self._notes))
        self._shown_at = self._clock()
        self._pause = max(REFRESH, _WORK * (self._shown_at - now))

    def finish(self, result: ExecutionResult) -> None:
        """Replace the picture by the final form, which needs no kernel."""
        if self._kernel:
            # What a program learns of the last nodes is told with the last picture of the run that goes on.
            self._show(running_bundle(self._workflow, result.snapshot, self._clock() - self._began, self._notes))
            self._show(result_bundle(result, self._notes))
        else:
            self._tell_lines(result.snapshot)
            views.show({"text/plain": _plain(result)})

    def _show(self, bundle: Bundle) -> None:
        views.show(bundle, self._display_id, update=self._is_shown)
        self._is_shown = True

    def _tell_lines(self, snapshot: RunSnapshot) -> None:
        """In a terminal, say each node once, when it has ended."""
        for name, node in snapshot.nodes.items():
            if node.state.is_final and name not in self._told:
                self._told.add(name)
                views.show({"text/plain": f"{len(self._told)}/{len(snapshot.nodes)} {node_line(node)}"})


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


def result_bundle(result: ExecutionResult, notes: Sequence[str] = ()) -> Bundle:
    """Return the final form of a run: drawing, and a row for each node that opens on its answer. Needs no kernel."""
    snapshot, workflow = result.snapshot, result.workflow
    picture, stage = views.picture_of(workflow, snapshot)
    facts = [("took", took)] if (took := html.seconds(snapshot.elapsed)) else []
    if snapshot.total != len(snapshot.nodes):
        facts.append(("steps", f"{snapshot.done:,} of {snapshot.total:,}"))
    if (usage := snapshot.usage).has_tokens:
        facts.append(("tokens", f"{usage.total_tokens:,}"))
    if usage.calls:
        facts.append(("calls", str(usage.calls)))
    if cost := snapshot.cost:
        facts.append(("cost", html.dollars(cost)))
    parts = [html.head(workflow.name, str(result.status), facts), stage, html.bar(leaf_counts(snapshot))]
    parts += done_rows(snapshot)
    parts += [html.note(html.text(line)) for line in notes]
    bundle = {"text/html": html.page(html.shell(parts, done=True))}
    if picture:
        bundle["image/svg+xml"] = picture
    return {**bundle, "text/plain": _plain(result)}


def _plain(result: ExecutionResult) -> str:
    """Return the result as text, and how to answer what is asked."""
    asked = waiting(result.snapshot)
    lines = [f"answer with {html.visible(how_to_answer(node))}" for node in asked[:_MOST_QUESTIONS]]
    if (rest := len(asked) - _MOST_QUESTIONS) > 0:
        lines.append(f"and {rest:,} more questions: %graphbit answer lists them")
    return "\n".join([plain_result(result), *lines])
