"""What the magics show: drawings after a definition, a run while it goes on, and its final form."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.states import NodeState
from graphbit_nb.drawing.pictures import svg as draw
from graphbit_nb.errors import GraphbitError
from graphbit_nb.notebook import html
from graphbit_nb.notebook.progress import PROGRESS, progress, says

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from graphbit_nb.core.snapshot import NodeSnapshot, RunSnapshot
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.notebook.workspace import Workspace

Bundle = dict[str, Any]

REFRESH = 0.25  # seconds between two pictures of a run
_LIVE = (NodeState.RUNNING, NodeState.RETRYING, NodeState.WAITING, NodeState.FAILED)
_MOST_ROWS = 12


def show(bundle: Bundle, display_id: str | None = None, *, update: bool = False) -> None:
    """Show a bundle in the cell that runs, or in place of an earlier one."""
    from IPython.display import display

    display(bundle, raw=True, display_id=display_id, update=update)  # type: ignore[no-untyped-call]


def is_kernel() -> bool:
    """Whether outputs can be replaced: in a kernel they can, in a terminal they would pile up."""
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


# ---- definitions -------------------------------------------------------------------------------------------------


def show_definition(workspace: Workspace, workflow: Workflow, lines: Sequence[tuple[str, str]], new: str) -> None:
    """Draw the workflow with its new node; the earlier drawing becomes a line of text.

    Args:
        workspace: Remembers where the drawing is.
        workflow: The workflow.
        lines: What to say about the new node: (state or "", text), the first of them in short what it is.
        new: Name of the new node.
    """
    display_id = f"graphbit-{secrets.token_hex(8)}"
    told = [html.note(html.text(line), state) for state, line in lines]
    bundle = _drawing(workflow, told, [line for _, line in lines], new=new)
    replace_drawing(workspace, workflow.name, display_id, lines[0][1])
    show(bundle, display_id)


def show_workflow(workspace: Workspace, workflow: Workflow) -> None:
    """Draw the workflow, with the states of its latest run."""
    snapshot = workspace.state_of(workflow)
    show(_drawing(workflow, [], [], snapshot=snapshot))


def workflow_bundle(workflow: Workflow) -> Bundle:
    """Return a workflow as a drawing, for when it is the value of a cell."""
    return _drawing(workflow, [], [])


def replace_drawing(workspace: Workspace, name: str, display_id: str, line: str) -> None:
    """Let the newest drawing be the only one."""
    from graphbit_nb.notebook.workspace import Drawn

    old = workspace.drawn.get(name)
    if old is not None and is_kernel():
        show(line_bundle(old.line), old.display_id, update=True)
    workspace.drawn[name] = Drawn(display_id, line)


def line_bundle(line: str) -> Bundle:
    """Return one quiet line."""
    # Without the style sheet: a notebook has many of these.
    quiet = f'<span style="font-size:12px;opacity:.76">{html.text(line)}</span>'
    return {"text/html": quiet, "text/plain": html.visible(line)}


def _drawing(
    workflow: Workflow,
    notes: Iterable[str],
    lines: Iterable[str],
    *,
    snapshot: RunSnapshot | None = None,
    new: str | None = None,
) -> Bundle:
    facts = [("nodes", str(len(workflow.nodes)))]
    if workflow.inputs:
        facts.append(("inputs", ", ".join(workflow.inputs)))
    plain = "\n".join([describe(workflow), *(f"  {html.visible(line)}" for line in lines)])
    picture, stage = _picture(workflow, snapshot, new=new)
    bundle = {"text/html": html.page(html.shell([html.head(workflow.name, facts=facts), stage, *notes]))}
    if picture:
        bundle["image/svg+xml"] = picture
    return {**bundle, "text/plain": plain}


def _picture(workflow: Workflow, snapshot: RunSnapshot | None, *, new: str | None = None) -> tuple[str, str]:
    """Return the SVG and the element that shows it; without a layout engine, the reason stands there instead."""
    try:
        picture = draw(workflow, snapshot, new=new)
    except GraphbitError as error:
        return "", html.note(html.text(error), "failed")
    return picture, html.stage(picture, describe(workflow))


def describe(workflow: Workflow) -> str:
    """Say in one line what the workflow is."""
    count = len(workflow.nodes)
    return f"{workflow.name}: {count} node{'s' if count != 1 else ''}: {', '.join(workflow.nodes)}"


# ---- runs --------------------------------------------------------------------------------------------------------


class RunView:
    """Shows one run in the cell that started it.

    Args:
        workflow: What is run.
        notes: Lines to say beside it.
        clock: Seconds, for the pace of the pictures and the time that has passed.
    """

    def __init__(
        self, workflow: Workflow, notes: Sequence[str] = (), *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._workflow = workflow
        self._notes = tuple(notes)
        self._clock = clock
        self._began = clock()
        self._shown_at = 0.0
        self._display_id = f"graphbit-{secrets.token_hex(8)}"
        self._is_shown = False
        self._kernel = is_kernel()
        self._told: set[str] = set()

    def update(self, snapshot: RunSnapshot | None) -> None:
        """Show where the run stands, not more often than people can read."""
        if snapshot is None or not snapshot.seq:
            return
        if not self._kernel:
            self._tell_lines(snapshot)
            return
        now = self._clock()
        pause = REFRESH if len(snapshot.nodes) <= 60 else 4 * REFRESH
        if self._is_shown and now - self._shown_at < pause:
            return
        self._shown_at = now
        self._show(running_bundle(self._workflow, snapshot, now - self._began, self._notes))

    def finish(self, result: ExecutionResult) -> None:
        """Replace the picture by the final form, which needs no kernel."""
        if self._kernel:
            # What a program learns of the last nodes is told with the last picture of the run that goes on.
            self._show(running_bundle(self._workflow, result.snapshot, self._clock() - self._began, self._notes))
            self._show(result_bundle(result, self._notes))
        else:
            self._tell_lines(result.snapshot)
            show({"text/plain": plain_result(result)})

    def _show(self, bundle: Bundle) -> None:
        show(bundle, self._display_id, update=self._is_shown)
        self._is_shown = True

    def _tell_lines(self, snapshot: RunSnapshot) -> None:
        """In a terminal, say each node once, when it has ended."""
        for name, node in snapshot.nodes.items():
            if node.state.is_final and name not in self._told:
                self._told.add(name)
                show({"text/plain": f"{len(self._told)}/{len(snapshot.nodes)} {node_line(node)}"})


def running_bundle(workflow: Workflow, snapshot: RunSnapshot, elapsed: float, notes: Sequence[str]) -> Bundle:
    """Return the picture of a run that goes on."""
    _, stage = _picture(workflow, snapshot)
    done, total = snapshot.done, len(snapshot.nodes)
    facts = [("done", f"{done} of {total}"), ("elapsed", html.seconds(elapsed))]
    if snapshot.usage.calls:
        facts.append(("tokens", f"{snapshot.usage.total_tokens:,}"))
    rows = [_live_row(node) for node in snapshot.nodes.values() if node.state in _LIVE]
    rest = len(rows) - _MOST_ROWS
    if rest > 0:
        rows = [*rows[:_MOST_ROWS], html.note(f"{rest} more")]
    parts = [html.head(workflow.name, "running", facts), stage, html.bar(snapshot), *rows]
    parts += [html.note(html.text(line)) for line in notes]
    return {
        "text/html": html.page(html.shell(parts)),
        "text/plain": f"{workflow.name} running: {done} of {total} nodes done",
        PROGRESS: progress(snapshot),
    }


def _live_row(node: NodeSnapshot) -> str:
    told, figure = "", ""
    match node.state:
        case NodeState.FAILED:
            told = f'<span class="gb-cut">{html.text(node.error or "failed")}</span>'
        case NodeState.RETRYING:
            last = node.attempts[-1] if node.attempts else None
            told = f'<span class="gb-cut">{html.text((last and last.error) or "waits for its next attempt")}</span>'
            figure = f"again in {last.delay:.0f} s" if last is not None and last.delay is not None else ""
        case _:
            tail = " ".join(node.streamed[-400:].split())
            told = f'<span class="gb-tail"><bdi>{html.text(tail)}</bdi></span>'
            figure = f"{len(node.streamed):,} characters" if node.streamed else ""
    return (
        f'<div class="gb-row" data-state="{node.state}">{html.mark(node.state)}<b>{html.text(node.name)}</b>{told}'
        f'<span class="gb-num gb-say">{html.text(figure)}</span></div>'
    )


def result_bundle(result: ExecutionResult, notes: Sequence[str] = ()) -> Bundle:
    """Return the final form of a run: drawing, and a row for each node that opens on its answer. Needs no kernel."""
    snapshot, workflow = result.snapshot, result.workflow
    picture, stage = _picture(workflow, snapshot)
    facts = [("took", html.seconds(snapshot.elapsed))]
    if snapshot.usage.calls:
        facts.append(("tokens", f"{snapshot.usage.total_tokens:,}"))
        facts.append(("calls", str(snapshot.usage.calls)))
    if snapshot.cost:
        facts.append(("cost", f"${snapshot.cost:.4f}"))
    parts = [html.head(workflow.name, str(result.status), facts), stage, html.bar(snapshot)]
    parts += [_done_row(node) for node in snapshot.nodes.values()]
    parts += [html.note(html.text(line)) for line in notes]
    bundle = {"text/html": html.page(html.shell(parts, done=True))}
    if picture:
        bundle["image/svg+xml"] = picture
    return {**bundle, "text/plain": plain_result(result)}


def _done_row(node: NodeSnapshot) -> str:
    opens = ""
    if node.state.has_output:
        opens = html.answer(node.output)
        if node.error is not None:
            opens = f'<p class="gb-line">its fallback stood in for: {html.text(node.error)}</p>{opens}'
    elif node.error is not None and node.error.traceback:
        opens = f'<pre class="gb-text">{html.text(node.error.traceback)}{html.text(node.error)}</pre>'
    elif node.error is not None:
        opens = f'<pre class="gb-text">{html.text(node.error)}</pre>'
    elif node.streamed:
        opens = html.answer(node.streamed)
    return (
        f"<details><summary>{html.mark(node.state)}<b>{html.text(node.name)}</b>"
        f'<span class="gb-cut">{html.text(says(node))}</span><span class="gb-num">{html.seconds(node.latency)}</span>'
        f'<span class="gb-num">{html.text(html.tokens(node))}</span></summary>'
        f'<div class="gb-open">{opens or html.text(says(node))}</div></details>'
    )


def plain_result(result: ExecutionResult) -> str:
    """Return a result as text without times, ids or costs, so that it is the same each time."""
    width = max((len(name) for name in result.nodes), default=0)
    lines = [f"  {node_line(node, width)}" for node in result.nodes.values()]
    return "\n".join([result.summary(), *lines])


def node_line(node: NodeSnapshot, width: int = 0) -> str:
    """Say in one line how a node ended."""
    return html.visible(f"{node.name:<{width}}  {node.state!s:<9}  {says(node)}".rstrip())


def messages_bundle(title: str, messages: Iterable[Any]) -> Bundle:
    """Return a prompt as it goes to a model."""
    turns = [(turn.role, html.cut(turn.content)) for turn in messages]
    body = "".join(
        f'<span class="gb-role">{html.text(role)}</span><pre class="gb-text">{html.text(content)}</pre>'
        for role, content in turns
    )
    plain = "\n".join(f"[{role}]\n{html.visible(content)}" for role, content in turns)
    shown = html.page(html.shell([html.head(title), f'<div class="gb-stage">{body}</div>']))
    return {"text/html": shown, "text/plain": f"{title}\n{plain}"}
