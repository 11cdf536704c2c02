"""What the magics show: a workflow as a drawing, a prompt, a line of text."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.redaction import redact_data
from graphbit_nb.drawing.pictures import svg as draw
from graphbit_nb.drawing.thrift import thrifty
from graphbit_nb.errors import GraphbitError
from graphbit_nb.notebook import html

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.notebook.workspace import Workspace

Bundle = dict[str, Any]


def show(bundle: Bundle, display_id: str | None = None, *, update: bool = False) -> None:
    """Show a bundle in the cell that runs, or in place of an earlier one."""
    from IPython.display import display

    display(told(bundle), raw=True, display_id=display_id, update=update)  # type: ignore[no-untyped-call]


def told(bundle: Bundle) -> Bundle:
    """Return a bundle without keys: what is shown is saved with the notebook."""
    found: Bundle = redact_data(bundle)
    return found


def is_kernel() -> bool:
    """Whether outputs can be replaced: in a kernel they can, in a terminal they would pile up."""
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


def has_person() -> bool:
    """Whether somebody sits before the notebook: programs that run notebooks let nobody type into a cell."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    asked = {} if kernel is None else kernel.get_parent().get("content", {})
    return bool(asked.get("allow_stdin", False))


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


def redraw(workspace: Workspace, name: str) -> None:
    """Draw a workflow anew where its newest drawing stands, after something that it holds has changed."""
    drawn = workspace.drawn.get(name)
    if drawn is not None and is_kernel():
        show(workflow_bundle(workspace.drafts[name].build()), drawn.display_id, update=True)


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
    picture, stage = picture_of(workflow, snapshot, new=new)
    bundle = {"text/html": html.page(html.shell([html.head(workflow.name, facts=facts), stage, *notes]))}
    if picture:
        bundle["image/svg+xml"] = thrifty(picture)
    return {**bundle, "text/plain": plain}


def picture_of(workflow: Workflow, snapshot: RunSnapshot | None, *, new: str | None = None) -> tuple[str, str]:
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


def messages_bundle(title: str, messages: Iterable[Any]) -> Bundle:
    """Return a prompt as it goes to a model."""
    turns = [(turn.role, html.cut(turn.content)) for turn in messages]
    plain = "\n".join(f"[{role}]\n{html.visible(content)}" for role, content in turns)
    shown = html.page(html.shell([html.head(title), f'<div class="gb-stage">{html.titled(turns)}</div>']))
    return {"text/html": shown, "text/plain": f"{title}\n{plain}"}


def lines_bundle(lines: Sequence[str]) -> Bundle:
    """Return text of several lines, as it is written."""
    shown = html.visible("\n".join(lines))
    body = f'<div class="gb-stage"><pre class="gb-text">{html.text(shown)}</pre></div>'
    return {"text/html": html.page(html.shell([body])), "text/plain": shown}
