"""Where a run is seen while it goes on: a widget, pictures that replace each other, or lines in a terminal."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Protocol

from graphbit_nb.notebook import views
from graphbit_nb.notebook.live.view import LiveView
from graphbit_nb.notebook.runviews import plain, result_bundle, running_bundle
from graphbit_nb.notebook.words import node_line
from graphbit_nb.session.progressbar import ProgressBar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphbit_nb.core.bus import Sink
    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.notebook.live.state import Subject
    from graphbit_nb.notebook.live.view import Calls

LIVE = ("auto", "widget", "pictures", "quiet")
REFRESH = 0.25  # seconds between two pictures of a run
UNSEEN = 3.0  # seconds after which a widget that no browser has greeted is given up
_WORK = 9  # a picture of a large run takes time: nine times as much is left to the run before the next one


class Screen(Protocol):
    """Shows one run in the cell that started it."""

    sinks: tuple[Sink, ...]

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Show where the run stands; called often."""

    def finish(self, result: ExecutionResult) -> None:
        """Replace it by the final form, which needs no kernel; a run that waits for a person may stay alive."""

    def again(self) -> None:
        """Be ready for more: the run goes on."""

    def leave(self, result: ExecutionResult) -> None:
        """Show the final form for good: the run goes on elsewhere."""

    def fail(self, error: Exception) -> None:
        """Say why the run could not begin."""


class Pictures:
    """Pictures that replace each other: for front ends without widgets, and programs that run notebooks.

    Args:
        workflow: What is run.
        notes: Lines to say beside it.
        clock: Seconds, for the pace of the pictures and the time that has passed.
        began: When the run began, by this clock.
        display_id: Of the output to replace, if there is one.
    """

    sinks: tuple[Sink, ...] = ()

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
        self._is_shown = display_id is not None
        self._display_id = display_id or _new_id()

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Show where the run stands, not more often than people can read."""
        if snapshot is None or not snapshot.seq:
            return
        now = self._clock()
        if self._is_shown and now - self._shown_at < self._pause:
            return
        self._show(running_bundle(self._workflow, snapshot, now - self._began, self._notes))
        self._shown_at = self._clock()
        self._pause = max(REFRESH, _WORK * (self._shown_at - now))

    def finish(self, result: ExecutionResult) -> None:
        """Show the last picture of the run, from which a program learns of the last nodes, and the final form."""
        self._show(running_bundle(self._workflow, result.snapshot, self._clock() - self._began, self._notes))
        self._show(result_bundle(result, self._notes))

    def again(self) -> None:
        """Nothing needs to be done."""

    def leave(self, result: ExecutionResult) -> None:
        """Leave the final form as it is."""

    def fail(self, error: Exception) -> None:
        """Say why the run could not begin."""
        self._show(views.line_bundle(f"{self._workflow.name} could not begin: {error}"))

    def _show(self, bundle: views.Bundle) -> None:
        views.show(bundle, self._display_id, update=self._is_shown)
        self._is_shown = True


class Quiet(Pictures):
    """Nothing until the run has ended."""

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Show nothing."""

    def finish(self, result: ExecutionResult) -> None:
        """Show the final form."""
        self._show(result_bundle(result, self._notes))


class Lines:
    """A bar, and a line for each node when it has ended: for a terminal.

    Args:
        before: Where the run stood, if it is gone on with: what had ended then is not told again.
    """

    sinks: tuple[Sink, ...] = ()

    def __init__(self, before: RunSnapshot | None) -> None:
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
                self._bar.aside(lambda: views.show(line))  # noqa: B023 (called at once)
        if snapshot.seq:
            self._bar.show(snapshot)

    def finish(self, result: ExecutionResult) -> None:
        """Say the last ones, and the result."""
        self.update(result.snapshot)
        self._bar.close()
        views.show({"text/plain": plain(result)})

    def again(self) -> None:
        """Nothing needs to be done."""

    def leave(self, result: ExecutionResult) -> None:
        """What has been said stays."""

    def fail(self, error: Exception) -> None:
        """Say why the run could not begin."""
        self._bar.close()
        views.show({"text/plain": str(error)})


class Widget:
    """A live view; pictures take its place where no browser greets it."""

    def __init__(self, subject: Subject, calls: Calls, notes: Sequence[str], clock: Callable[[], float]) -> None:
        self._notes = tuple(notes)
        self._clock = clock
        self._began = clock()
        self._display_id = _new_id()
        self._view = LiveView(subject, calls)
        self._pictures: Pictures | None = None
        self._has_snapshot = subject.snapshot is not None
        self.sinks: tuple[Sink, ...] = (self._view.event,)
        views.show(widget_bundle(self._view, f"{subject.workflow.name} is running"), self._display_id)

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Point the view to the run, which then keeps itself true."""
        if self._pictures is not None:
            self._pictures.update(snapshot)
            return
        if snapshot is not None and not self._has_snapshot:
            self._has_snapshot = True
            self._view.update(snapshot=snapshot)
        if not self._view.is_seen.is_set() and self._clock() - self._began > UNSEEN:
            self._pictures = Pictures(
                self._view.subject.workflow, self._notes, self._clock, began=self._began, display_id=self._display_id
            )

    def finish(self, result: ExecutionResult) -> None:
        """Put the final form in the place of the view, unless a person is waited for, who may answer in it."""
        if result.status == "waiting" and self._pictures is None:
            self._view.update(snapshot=result.snapshot)
            shown = {**result_bundle(result, self._notes), **widget_bundle(self._view, plain(result))}
            views.show(shown, self._display_id, update=True)
        else:
            self.leave(result)

    def again(self) -> None:
        """Show the snapshot of the run that goes on."""
        self._has_snapshot = False

    def leave(self, result: ExecutionResult) -> None:
        """Put the final form in the place of the view."""
        views.show(result_bundle(result, self._notes), self._display_id, update=True)
        self._view.close()

    def fail(self, error: Exception) -> None:
        """Say why the run could not begin."""
        said = views.line_bundle(f"{self._view.subject.workflow.name} could not begin: {error}")
        views.show(said, self._display_id, update=True)
        self._view.close()


class Nowhere:
    """Nothing of its own: the run was begun by a view that shows it."""

    sinks: tuple[Sink, ...] = ()

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Show nothing."""

    def finish(self, result: ExecutionResult) -> None:
        """Show nothing."""

    def again(self) -> None:
        """Nothing needs to be done."""

    def leave(self, result: ExecutionResult) -> None:
        """Nothing needs to be done."""

    def fail(self, error: Exception) -> None:
        """Say nothing."""


class Together:
    """Several screens of one run."""

    def __init__(self, screens: Sequence[Screen]) -> None:
        self._screens = tuple(screens)
        self.sinks: tuple[Sink, ...] = tuple(sink for screen in self._screens for sink in screen.sinks)

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Show where the run stands, on each."""
        for screen in self._screens:
            screen.update(snapshot)

    def finish(self, result: ExecutionResult) -> None:
        """Show the end, on each."""
        for screen in self._screens:
            screen.finish(result)

    def again(self) -> None:
        """Be ready for more, each of them."""
        for screen in self._screens:
            screen.again()

    def leave(self, result: ExecutionResult) -> None:
        """Show the final form for good, on each."""
        for screen in self._screens:
            screen.leave(result)

    def fail(self, error: Exception) -> None:
        """Say why the run could not begin, on each."""
        for screen in self._screens:
            screen.fail(error)


def screen_for(
    subject: Subject,
    calls: Calls,
    live: str,
    notes: Sequence[str] = (),
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Screen:
    """Return what a run is seen on: what `live` says, or what suits who looks: a widget, or nothing for a program.

    Args:
        subject: The run; its snapshot is where it stood before, if it is gone on with.
        calls: What the view may ask for.
        live: One of `LIVE`.
        notes: Lines to say beside it.
        clock: Seconds.
    """
    if not views.is_kernel():
        return Lines(subject.snapshot)
    if live == "quiet" or (live == "auto" and not views.has_person()):
        return Quiet(subject.workflow, notes, clock)
    if live == "pictures":
        return Pictures(subject.workflow, notes, clock)
    return Widget(subject, calls, notes, clock)


def widget_bundle(view: LiveView, line: str) -> dict[str, Any]:
    """Return a live view, and what stands for it where there are no widgets."""
    return {**view.widget._repr_mimebundle_(), "text/plain": line}


def _new_id() -> str:
    return f"graphbit-{secrets.token_hex(8)}"
