"""Where a run is seen while it goes on: a widget, pictures that replace each other, or lines in a terminal."""

from __future__ import annotations

import secrets
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.notebook import html, views
from graphbit_nb.notebook.live.view import LiveView
from graphbit_nb.notebook.runviews import plain, result_bundle, running_bundle
from graphbit_nb.notebook.words import node_line
from graphbit_nb.session.progressbar import ProgressBar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphbit_nb.core.events import Event
    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.notebook.live.state import Subject
    from graphbit_nb.notebook.live.view import Calls

LIVE = ("auto", "widget", "pictures", "quiet")
REFRESH = 0.25  # seconds between two pictures of a run
UNSEEN = 3.0  # seconds after which a widget that no browser has greeted is given up
PATIENCE = 0.5  # seconds in which a run may find out that it cannot begin before anything is shown of it
_WORK = 9  # a picture of a large run takes time: nine times as much is left to the run before the next one


class Screen:
    """Shows a run. This one shows nothing, and hears everything that the others may hear."""

    def event(self, event: Event) -> None:
        """Hear what has happened; called on the engine's thread."""

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Show where the run stands, None before it has begun; called often."""

    def finish(self, result: ExecutionResult) -> None:
        """Replace it by the final form, which needs no kernel; a run that waits for a person may stay alive."""

    def leave(self, result: ExecutionResult) -> None:
        """Show the final form for good: a run that waits for a person goes on elsewhere."""

    def fail(self, error: Exception) -> None:
        """Say why the run could not begin."""

    def drop(self) -> None:
        """Let go: the run could not begin, and who waits for it is told."""


class Pictures(Screen):
    """Pictures that replace each other: for front ends without widgets, and programs that run notebooks.

    Args:
        workflow: What is run.
        notes: Lines to say beside it.
        clock: Seconds, for the pace of the pictures and the time that has passed.
        began: When the run began, by this clock.
        display_id: Of the output to replace, if there is one.
    """

    def __init__(
        self,
        workflow: Workflow,
        notes: Sequence[str],
        clock: Callable[[], float],
        *,
        began: float | None = None,
        display_id: str | None = None,
    ) -> None:
        self._workflow = workflow
        self._notes = tuple(notes)
        self._clock = clock
        self._began = clock() if began is None else began
        self._shown_at = 0.0
        self._pause = REFRESH
        self._output = _Output(display_id)

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Show where the run stands, not more often than people can read."""
        if snapshot is None or not snapshot.seq:
            return
        now = self._clock()
        if self._output.is_shown and now - self._shown_at < self._pause:
            return
        self._output.show(running_bundle(self._workflow, snapshot, now - self._began, self._notes))
        self._shown_at = self._clock()
        self._pause = max(REFRESH, _WORK * (self._shown_at - now))

    def finish(self, result: ExecutionResult) -> None:
        """Show the last picture of the run, from which a program learns of the last nodes, and the final form."""
        self._output.show(running_bundle(self._workflow, result.snapshot, self._clock() - self._began, self._notes))
        self._output.show(result_bundle(result, self._notes))

    def fail(self, error: Exception) -> None:
        """Say why the run could not begin."""
        self._output.show(_failed(self._workflow, error))


class Quiet(Pictures):
    """Nothing until the run has ended."""

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Show nothing."""

    def finish(self, result: ExecutionResult) -> None:
        """Show the final form."""
        self._output.show(result_bundle(result, self._notes))


class Lines(Screen):
    """A bar, and a line for each node when it has ended: for a terminal.

    Args:
        workflow: What is run.
        before: Where the run stood, if it is gone on with: what had ended then is not told again.
        notes: Lines to say at the end.
    """

    def __init__(self, workflow: Workflow, before: RunSnapshot | None, notes: Sequence[str] = ()) -> None:
        self._workflow = workflow
        self._notes = notes
        self._bar = ProgressBar()
        ended = () if before is None else before.nodes.values()
        self._told = {node.name for node in ended if node.state.is_final}

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Say each node that has ended since."""
        if snapshot is None:
            return
        for name, node in list(snapshot.nodes.items()):
            if node.state.is_final and name not in self._told:
                self._told.add(name)
                line = {"text/plain": f"{len(self._told)}/{len(snapshot.nodes)} {node_line(node)}"}
                self._bar.aside(partial(views.show, line))
        if snapshot.seq:
            self._bar.show(snapshot)

    def finish(self, result: ExecutionResult) -> None:
        """Say the last ones, and the result."""
        self.update(result.snapshot)
        self._bar.close()
        views.show({"text/plain": "\n".join([plain(result), *map(html.visible, self._notes)])})

    def fail(self, error: Exception) -> None:
        """Say why the run could not begin."""
        self._bar.close()
        views.show(_failed(self._workflow, error))

    def drop(self) -> None:
        """Let go of the terminal's line."""
        self._bar.close()


class Widget(Screen):
    """A live view; pictures take its place where no browser greets it."""

    def __init__(self, subject: Subject, calls: Calls, notes: Sequence[str], clock: Callable[[], float]) -> None:
        self._workflow = subject.workflow
        self._notes = tuple(notes)
        self._clock = clock
        self._began = clock()
        self._output = _Output()
        self._view = LiveView(subject, calls)
        self._pictures: Pictures | None = None

    def event(self, event: Event) -> None:
        """Let the view know that there is news."""
        self._view.event(event)

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Point the view to the run, which then keeps itself true."""
        if self._pictures is not None:
            self._pictures.update(snapshot)
            return
        waited = self._clock() - self._began
        if not self._output.is_shown and (snapshot is not None or waited > PATIENCE):
            self._output.show(widget_bundle(self._view, f"{self._workflow.name} is running"))
        if snapshot is not None and self._view.subject.snapshot is not snapshot:
            self._view.update(snapshot=snapshot)
        if not self._view.is_seen.is_set() and waited > UNSEEN:
            self._pictures = Pictures(
                self._workflow, self._notes, self._clock, began=self._began, display_id=self._output.display_id
            )

    def finish(self, result: ExecutionResult) -> None:
        """Put the final form in the place of the view, unless a person is waited for, who may answer in it."""
        if result.status == "waiting" and self._pictures is None:
            self._view.update(snapshot=result.snapshot)
            self._output.show(result_bundle(result, self._notes, live=self._view.widget.key))
        else:
            self.leave(result)

    def leave(self, result: ExecutionResult) -> None:
        """Put the final form in the place of the view."""
        self._output.show(result_bundle(result, self._notes))
        self._view.close()

    def fail(self, error: Exception) -> None:
        """Say why the run could not begin, in the place of the view."""
        self._output.show(_failed(self._workflow, error))
        self._view.close()

    def drop(self) -> None:
        """Take the view away."""
        if self._output.is_shown:
            self._output.show(views.line_bundle(f"{self._workflow.name} could not begin"))
        self._view.close()


class Together(Screen):
    """Several screens of one run.

    Args:
        screens: Gives them as they are now; they may come and go while the run goes on.
    """

    def __init__(self, screens: Callable[[], Sequence[Screen]]) -> None:
        self._screens = screens

    def event(self, event: Event) -> None:
        """Hear what has happened, each of them."""
        for screen in self._screens():
            screen.event(event)

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Show where the run stands, on each."""
        for screen in self._screens():
            screen.update(snapshot)

    def finish(self, result: ExecutionResult) -> None:
        """Show the end, on each."""
        for screen in self._screens():
            screen.finish(result)

    def leave(self, result: ExecutionResult) -> None:
        """Show the final form for good, on each."""
        for screen in self._screens():
            screen.leave(result)

    def fail(self, error: Exception) -> None:
        """Say why the run could not begin, on each."""
        for screen in self._screens():
            screen.fail(error)

    def drop(self) -> None:
        """Let go, each of them."""
        for screen in self._screens():
            screen.drop()


def what_suits(live: str) -> Literal["lines", "quiet", "pictures", "widget"]:
    """Return what a run, or a workflow, is seen on: what `live` says, or what suits who looks.

    Args:
        live: One of `LIVE`. In a terminal there are lines, whatever it says; a program gets the final form alone.
    """
    if not views.is_kernel():
        return "lines"
    if live == "auto":
        return "widget" if views.has_person() else "quiet"
    return live  # type: ignore[return-value]


def screen_for(
    subject: Subject,
    calls: Calls,
    live: str,
    notes: Sequence[str] = (),
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Screen:
    """Return the screen of a run in the cell that begins it.

    Args:
        subject: The run; its snapshot is where it stood before, if it is gone on with.
        calls: What the view may ask for.
        live: See `what_suits`.
        notes: Lines to say beside it.
        clock: Seconds.
    """
    match what_suits(live):
        case "lines":
            return Lines(subject.workflow, subject.snapshot, notes)
        case "quiet":
            return Quiet(subject.workflow, notes, clock)
        case "pictures":
            return Pictures(subject.workflow, notes, clock)
        case "widget":
            return Widget(subject, calls, notes, clock)


def widget_bundle(view: LiveView, line: str) -> dict[str, Any]:
    """Return a live view, and what stands for it where there are no widgets."""
    return {**view.widget._repr_mimebundle_(), "text/plain": line}


class _Output:
    """One output of a cell, whose content is replaced."""

    def __init__(self, display_id: str | None = None) -> None:
        self.is_shown = display_id is not None
        self.display_id = display_id or f"graphbit-{secrets.token_hex(8)}"

    def show(self, bundle: views.Bundle) -> None:
        """Show this, in the place of what is shown."""
        views.show(bundle, self.display_id, update=self.is_shown)
        self.is_shown = True


def _failed(workflow: Workflow, error: Exception) -> views.Bundle:
    return views.line_bundle(f"{workflow.name} could not begin: {error}")
