"""The standing view of a workflow: it grows with the cells, lights up with every run, and can begin one itself."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from graphbit_nb.notebook import views
from graphbit_nb.notebook.live.state import Subject
from graphbit_nb.notebook.live.view import Calls, LiveView
from graphbit_nb.notebook.screens import Screen, widget_bundle
from graphbit_nb.session.reruns import stale

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.core.events import Event
    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.notebook.workspace import Workspace

IDLE = ("run", "step")


class Show(Screen):
    """One standing view; a screen of every run of its workflow.

    Args:
        workflow: The workflow as it is now.
        workspace: Remembers the latest result.
        calls: What may be asked for.
    """

    def __init__(self, workflow: Workflow, workspace: Workspace, calls: Calls) -> None:
        self._workspace = workspace
        self._display_id = f"graphbit-{secrets.token_hex(8)}"
        self._view = LiveView(Subject(workflow=workflow, actions=IDLE, **self._about(workflow)), calls)
        self._is_running = False
        views.show(widget_bundle(self._view, views.describe(workflow)), self._display_id)

    def changed(self, workflow: Workflow, new: str | None = None) -> None:
        """Show another version of the workflow."""
        about = {} if self._is_running else self._about(workflow)
        self._view.update(workflow=workflow, new=new, **about)

    def close(self, line: str) -> None:
        """Let a line take its place: there is a newer one."""
        views.show(views.line_bundle(line), self._display_id, update=True)
        self._view.close()

    # ---- a screen

    def event(self, event: Event) -> None:
        """Let the view know that there is news."""
        self._view.event(event)

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Point the view to the run."""
        if snapshot is not None and self._view.subject.snapshot is not snapshot:
            self._is_running = True
            self._view.update(snapshot=snapshot, actions=("cancel", "answer"), stale=frozenset(), notes=())

    def finish(self, result: ExecutionResult) -> None:
        """Show how it ended."""
        self._is_running = False
        self._view.update(
            snapshot=result.snapshot,
            before=result.snapshot,
            actions=("cancel", "answer") if result.status == "waiting" else IDLE,
            stale=stale(self._view.subject.workflow, result),
            notes=(),
        )

    def fail(self, error: Exception) -> None:
        """Say why the run could not begin."""
        self._view.update(notes=(("failed", str(error)),), actions=IDLE)

    def _about(self, workflow: Workflow) -> dict[str, Any]:
        result = self._workspace.results.get(workflow.name)
        return {"snapshot": None if result is None else result.snapshot, "stale": stale(workflow, result)}


class Shows:
    """The standing views of one notebook, at most one for each workflow."""

    def __init__(self, workspace: Callable[[], Workspace]) -> None:
        self._workspace = workspace
        self._shows: dict[str, Show] = {}

    def open(self, workflow: Workflow, calls: Calls) -> None:
        """Show a workflow in the cell that runs; an earlier view of it ends."""
        if (old := self._shows.pop(workflow.name, None)) is not None:
            old.close(f"{workflow.name} is shown below")
        self._shows[workflow.name] = Show(workflow, self._workspace(), calls)

    def of(self, workflow: str) -> list[Show]:
        """Return the views of a workflow."""
        return [self._shows[workflow]] if workflow in self._shows else []

    def changed(self, name: str, new: str | None = None) -> None:
        """Hear that a workflow has changed, or is no more."""
        if name not in self._shows:
            return
        drafts = self._workspace().drafts
        if name in drafts and len(drafts[name]):
            self._shows[name].changed(drafts[name].build(), new)
        else:
            self._shows.pop(name).close(f"{name} has no nodes any more")

    def close(self) -> None:
        """End all of them."""
        for name, show in self._shows.items():
            show.close(f"{name} is no longer shown")
        self._shows.clear()
