"""From a workflow to a picture: the package's public face."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.drawing.cards import cards
from graphbit_nb.drawing.dot import dot
from graphbit_nb.drawing.geometry import Geometry, read
from graphbit_nb.drawing.layout import layout
from graphbit_nb.drawing.scene import Scene, scene_of

if TYPE_CHECKING:
    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.drawing.dot import Direction
    from graphbit_nb.graph.workflow import Workflow

WIDTH = 900  # pixels of a notebook's output
SMALLEST = 0.8  # scale below which text is too small to read


def svg(
    workflow: Workflow, snapshot: RunSnapshot | None = None, *, new: str | None = None, width: float = WIDTH
) -> str:
    """Return a workflow as an SVG that stands alone.

    Args:
        workflow: What to draw.
        snapshot: A run of it, whose states are shown; None draws it as it was defined, the same bytes each time.
        new: Name of the node that was just defined.
        width: Pixels that there are: left to right if that fits at 80 % or more, else top to bottom.

    Raises:
        LayoutError: there is no Graphviz, or it refuses.
    """
    return picture(scene_of(workflow, snapshot, new=new), width=width)


def picture(scene: Scene, *, width: float = WIDTH) -> str:
    """Return a scene as an SVG that stands alone. Raises `LayoutError`."""
    geometry, direction = place(scene, width)
    return cards(scene, geometry, direction)


def place(scene: Scene, width: float) -> tuple[Geometry, Direction]:
    """Lay a scene out in the direction that suits the width. Raises `LayoutError`."""
    across = read(layout(dot(scene, "LR")), scene)
    if across.width * SMALLEST <= width:
        return across, "LR"
    down = read(layout(dot(scene, "TB")), scene)
    return (down, "TB") if down.width < across.width else (across, "LR")


def dot_source(workflow: Workflow) -> str:
    """Return a workflow as DOT, left to right."""
    return dot(scene_of(workflow), "LR")
