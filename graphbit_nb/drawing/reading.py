"""Reads a workflow, and a run if there is one, as a scene: its cards, those of unfolded sub-workflows, and frames."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from graphbit_nb.core.paths import names_of
from graphbit_nb.core.snapshot import NodeSnapshot
from graphbit_nb.core.states import NodeState
from graphbit_nb.drawing.captions import Caption
from graphbit_nb.drawing.figures import duration
from graphbit_nb.drawing.parts import latest
from graphbit_nb.drawing.scene import Card, Frame, Scene
from graphbit_nb.drawing.wiring import INPUT, Wiring, sub_workflow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.graph.workflow import Workflow

__all__ = ["duration", "foldable", "scene_of"]


def scene_of(
    workflow: Workflow,
    snapshot: RunSnapshot | None = None,
    *,
    new: str | None = None,
    stale: Collection[str] = (),
    unfold: Collection[str] = (),
    figures: bool = True,
    now: float | None = None,
) -> Scene:
    """Return what a drawing of a workflow shows.

    Args:
        workflow: The workflow.
        snapshot: A run of it, also of an earlier version of it.
        new: Name of a node that has just been added.
        stale: Names of nodes whose results are older than their definitions.
        unfold: Paths of sub-workflows whose nodes are drawn, inside a frame: ``"review"``, and ``"review.polish"`` for
            one inside it. Paths that lead to none are passed over, since a workflow changes; see `foldable`.
        figures: Whether to show times and counts, which differ from run to run.
        now: Seconds since 1970, for the part of a wait that is left.
    """
    paths = frozenset((unfold,) if isinstance(unfold, str) else unfold)
    reader = _Reader(new=new, stale=stale, unfold=paths, figures=figures, now=now)
    wiring = Wiring(paths)
    for name, spec in workflow.inputs.items():
        if spec.required:
            state = "pending" if snapshot is None or name not in snapshot.inputs else "succeeded"
            reader.cards.append(Card(id=INPUT + name, label=name, kind="input", state=state))
    wiring.inputs(workflow)
    nodes = {} if snapshot is None else snapshot.nodes
    reader.read(workflow, nodes)
    wiring.edges(workflow, nodes)
    for path, inner in reader.unfolded.items():
        wiring.edges(inner, reader.told[path], path)
    return Scene(
        title=workflow.name, cards=tuple(reader.cards), links=tuple(wiring.links), frames=tuple(reader.frames),
        dead=frozenset(wiring.dead),
    )  # fmt: skip


def foldable(workflow: Workflow, path: str = "") -> Iterator[str]:
    """Yield the path of each sub-workflow that can be unfolded, an outer one before those inside it."""
    for name, node in workflow.nodes.items():
        inner = sub_workflow(node)
        if inner is not None:
            yield path + name
            yield from foldable(inner.workflow, f"{path}{name}.")


class _Reader:
    """Collects cards and frames.

    Attributes:
        cards: In the order of definition; those of an unfolded sub-workflow stand where its node was defined.
        frames: Around the cards of sub-workflows, an outer one before those inside it.
        unfolded: The sub-workflows that are drawn, by path.
        told: What the run tells of their nodes, by path and name.
    """

    def __init__(
        self, *, new: str | None, stale: Collection[str], unfold: Collection[str], figures: bool, now: float | None
    ) -> None:
        self.cards: list[Card] = []
        self.frames: list[Frame] = []
        self.unfolded: dict[str, Workflow] = {}
        self.told: dict[str, Mapping[str, NodeSnapshot]] = {}
        self._new = new
        self._stale = frozenset(stale)
        self._unfold = unfold
        self._figures = figures
        self._now = now

    def read(self, workflow: Workflow, told: Mapping[str, NodeSnapshot], frame: str = "") -> tuple[str, ...]:
        """Read the nodes of a workflow, drawn inside a frame if one is given; return the cards that it holds itself."""
        arrivals = Counter(edge.target for edge in workflow.edges)
        labels: dict[str, dict[str, None]] = defaultdict(dict)
        for edge in workflow.edges:
            if edge.label:
                labels[edge.source].update(dict.fromkeys(edge.label.split("|")))
        members = []
        for name, node in workflow.nodes.items():
            path = f"{frame}.{name}" if frame else name
            inner = sub_workflow(node) if path in self._unfold else None
            caption = Caption(
                node, told.get(name), labels=tuple(labels.get(name, ())), arrivals=arrivals[name], now=self._now,
                framed=inner is not None,
            )  # fmt: skip
            if inner is None:
                self.cards.append(self._card(path, name, caption))
                members.append(path)
            else:
                self._unfolded(path, name, caption, inner.workflow, frame)
        return tuple(members)

    def _card(self, path: str, name: str, says: Caption) -> Card:
        return Card(
            id=path, label=name, kind=says.node.kind, sub=says.what(), room=says.room, fan=says.fan, state=says.state,
            live=says.live(figures=self._figures), items=says.items(), new=path == self._new,
            meta=says.figure() if self._figures else "", wait=says.wait() if self._figures else None,
            stale=path.partition(".")[0] in self._stale,
        )  # fmt: skip

    def _unfolded(self, path: str, name: str, says: Caption, inner: Workflow, parent: str) -> None:
        place = len(self.frames)
        self.unfolded[path] = inner
        self.told[path] = _inside(says.told, inner)
        members = self.read(inner, self.told[path], path)
        figure = says.figure() if self._figures else ""
        live = " · ".join(part for part in (says.live(figures=self._figures) or says.what(), figure) if part)
        frame = Frame(
            id=path, label=name, members=members, state=says.state, sub=says.what(), live=live, parent=parent or None
        )
        self.frames.insert(place, frame)


def _inside(told: NodeSnapshot | None, inner: Workflow) -> dict[str, NodeSnapshot]:
    """Return what a run tells of the nodes of a sub-workflow, by name."""
    if told is None:
        return {}
    if not told.parts and told.state in (NodeState.SKIPPED, NodeState.CANCELLED):
        return {name: NodeSnapshot(name, state=told.state, reason=told.reason) for name in inner.nodes}
    return {names_of(part.name)[-1]: part for part in latest(told)}
