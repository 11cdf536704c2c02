"""A scene as DOT: boxes of fixed size, so that Graphviz measures no text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from graphbit_nb.drawing.scene import Scene

Direction = Literal["LR", "TB"]

FONT = "Helvetica"  # one name: of a list, Graphviz knows none and measures Times
SHAPE = {"condition": "hexagon", "agent": "octagon"}
STYLE = {"data": "solid", "conditional": "dashed", "control": "dotted"}
_NODESEP = {("LR", "full"): 0.22, ("LR", "compact"): 0.11, ("TB", "full"): 0.32, ("TB", "compact"): 0.2}
_RANKSEP = {("LR", "full"): 0.40, ("LR", "compact"): 0.28, ("TB", "full"): 0.54, ("TB", "compact"): 0.42}
_ROOM_FOR_TAGS = 0.16
_POINTS = 72


def dot(scene: Scene, direction: Direction) -> str:
    """Return the scene as DOT.

    Nodes are named by number, since a name may be no identifier of DOT (a colon would be a port); the labels keep an
    exported file readable. Labels of edges are placed by us: Graphviz would spend a whole rank on each.
    """
    import graphviz

    gap = _RANKSEP[direction, scene.density]
    if direction == "LR" and any(link.label for link in scene.links):
        gap += _ROOM_FOR_TAGS
    graph = graphviz.Digraph(
        graph_attr={
            "rankdir": direction, "fontname": FONT, "fontsize": "11", "bgcolor": "transparent", "pad": "0.12",
            "nodesep": f"{_NODESEP[direction, scene.density]:.2f}", "ranksep": f"{gap:.2f}", "splines": "spline",
            "outputorder": "edgesfirst", "labeljust": "l", "newrank": "true",
        },
        node_attr={"fontname": FONT, "fontsize": "13", "fixedsize": "true", "margin": "0.1,0.05"},
        edge_attr={"fontname": FONT, "fontsize": "11", "arrowsize": "0.55", "penwidth": "1.2"},
    )  # fmt: skip
    number = {card.id: f"n{i}" for i, card in enumerate(scene.cards)}
    for i, card in enumerate(scene.cards):
        width, height = card.size(scene.density)
        graph.node(
            f"n{i}", label=graphviz.escape(_printable(card.label)), id=f"n:{i}", shape=SHAPE.get(card.kind, "box"),
            width=f"{width / _POINTS:.4f}", height=f"{height / _POINTS:.4f}",
        )  # fmt: skip
    tail, head = ("e", "w") if direction == "LR" else ("s", "n")
    for i, link in enumerate(scene.links):
        graph.edge(
            number[link.source], number[link.target], id=f"e:{i}", tailport=tail, headport=head, style=STYLE[link.kind]
        )
    return str(graph.source)


def _printable(label: str) -> str:
    """Graphviz's parser ends at a NUL, and takes a label in angle brackets as markup; the escape sees to that one."""
    return "".join(c for c in label if c.isprintable())
