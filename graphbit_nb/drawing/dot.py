"""Writes a scene as DOT. Graphviz is asked for one thing: where boxes of a known size go, and how links run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from graphbit_nb.drawing.metrics import clean
from graphbit_nb.drawing.shapes import form, frame_room, size, tag_width

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from graphbit_nb.drawing.scene import Card, Density, Rankdir, Scene

FONT = "Helvetica"  # one name: a list makes Graphviz measure with Times
_NODESEP = {("LR", "full"): 0.22, ("LR", "compact"): 0.14, ("TB", "full"): 0.32, ("TB", "compact"): 0.20}
_RANKSEP = {("LR", "full"): 0.40, ("LR", "compact"): 0.28, ("TB", "full"): 0.54, ("TB", "compact"): 0.42}
_CLEAR = 3.0  # pixels around each card that links leave free: Graphviz is told of larger boxes, and of smaller gaps
_MANY = 60  # cards from which Graphviz is told to hurry
_STYLES = {"control": "dotted", "conditional": "dashed"}


def gaps(rankdir: Rankdir, density: Density) -> tuple[float, float]:
    """Return the least pixels between two cards of a rank, and between two ranks."""
    return _NODESEP[rankdir, density] * 72, _RANKSEP[rankdir, density] * 72


def dot(scene: Scene, *, rankdir: Rankdir, density: Density, only: Collection[int] | None = None) -> str:
    """Return DOT for a scene.

    Args:
        scene: What to draw.
        rankdir: ``"LR"`` or ``"TB"``.
        density: Decides the size of the boxes.
        only: Numbers of the links to write; None is all.
    """
    import graphviz

    head, tail = ("w", "e") if rankdir == "LR" else ("n", "s")
    graph = graphviz.Digraph(
        graph_attr=_graph_attributes(scene, rankdir, density),
        node_attr={"fontname": FONT, "fontsize": "13", "fixedsize": "true", "margin": "0.1,0.05"},
        edge_attr={
            "fontname": FONT, "fontsize": "11", "arrowsize": "0.55", "penwidth": "1.2",
            "tailport": tail, "headport": head,
        },
    )  # fmt: skip
    # Names are no DOT identifiers (a colon would be a port): nodes go by number.
    number = {card.id: i for i, card in enumerate(scene.cards)}
    framed = {member for frame in scene.frames for member in frame.members}
    _add_frames(graph, scene, number, density)
    for i, card in enumerate(scene.cards):
        if card.id not in framed:
            _add(graph, i, card, density)
    for k, link in enumerate(scene.links):
        if only is None or k in only:
            style = f" style={_STYLES[link.kind]}" if link.kind in _STYLES else ""
            # As `graph.edge` writes it, without its checks of what needs quotes: of hundreds of links these take long.
            graph.body.append(f'\tn{number[link.source]} -> n{number[link.target]} [id="e:{k}"{style}]\n')
    return str(graph.source)


def _graph_attributes(scene: Scene, rankdir: Rankdir, density: Density) -> dict[str, str]:
    gap = _RANKSEP[rankdir, density] - 2 * _CLEAR / 72
    if rankdir == "LR":
        gap += 0.16 if any(link.label for link in scene.links) else 0.0
        gap += 0.16 if scene.frames else 0.0
    elif scene.frames and any(link.label for link in scene.links):
        gap += 0.24  # a tag stands above the head of the frame that its link leads into
    arrivals = Counter(link.target for link in scene.links)
    departures = Counter(link.source for link in scene.links)
    widest = max((*arrivals.values(), *departures.values()), default=0)
    if rankdir == "LR":  # the tag of a link that goes straight on has only the gap to stand in
        straight = [tag_width(link.label) for link in scene.links if link.label and departures[link.source] == 1]
        gap = max(gap, (max(straight, default=0) + 20 - 2 * _CLEAR) / 72)
    gap += min(1.2, 0.05 * max(0, widest - 4))  # many links into one card need room to bend
    attributes = {
        "rankdir": rankdir, "fontname": FONT, "fontsize": "11", "bgcolor": "transparent", "pad": "0.12",
        "nodesep": f"{_NODESEP[rankdir, density] - 2 * _CLEAR / 72:.3f}", "ranksep": f"{gap:.2f}", "splines": "spline",
        "outputorder": "edgesfirst", "labeljust": "l", "newrank": "true",
    }  # fmt: skip
    if len(scene.cards) > _MANY:
        attributes |= {"nslimit": "2", "nslimit1": "2", "mclimit": "0.3"}
    return attributes


def _add_frames(
    graph: Any, scene: Scene, number: Mapping[str, int], density: Density, parent: str | None = None
) -> None:
    for k, frame in enumerate(scene.frames):
        if frame.parent == parent:
            with graph.subgraph(name=f"cluster_{k}") as cluster:
                cluster.attr(label=_label(frame_room(frame)), style="rounded", margin=f"{10 - _CLEAR:g}", id=f"c:{k}")
                for member in sorted(frame.members, key=number.__getitem__):
                    _add(cluster, number[member], scene.cards[number[member]], density)
                _add_frames(cluster, scene, number, density, frame.id)


def _add(graph: Any, i: int, card: Card, density: Density) -> None:
    w, h = (long + 2 * _CLEAR for long in size(card, density))
    graph.node(
        f"n{i}", label=_label(card.label), id=f"n:{i}", shape=form(card.kind).shape,
        width=f"{w / 72:.4f}", height=f"{h / 72:.4f}",
    )  # fmt: skip


def _label(text: str) -> str:
    """Return a label that Graphviz reads as it is: no HTML, no escapes, no entities."""
    import graphviz

    # Its type, not its text, says that it is no HTML: it must reach the graph as it is.
    label: str = graphviz.escape(clean(text).replace("&", "&amp;"))
    return label
