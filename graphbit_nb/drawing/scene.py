"""What is to be drawn, as plain records: the only thing that the rest of the package sees of a workflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from graphbit_nb.core.states import NodeState
from graphbit_nb.drawing.metrics import card_size

if TYPE_CHECKING:
    from graphbit_nb.core.snapshot import NodeSnapshot, RunSnapshot
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.workflow import Workflow

Density = Literal["full", "compact"]

FULL_UP_TO = 30  # cards; beyond that a full card is more than the eye takes in


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A node, or an input of the workflow.

    Attributes:
        id: Its name in the workflow; inputs begin with ``"input:"``, so that they never meet a node.
        label: What stands on it.
        kind: Kind of the node, or ``"input"``.
        sub: Second line: what it is, what happens, why it ended.
        figure: Short figure at the right-hand end of the second line.
        state: State in the run.
        new: Whether it was just defined.
    """

    id: str
    label: str
    kind: str
    sub: str = ""
    figure: str = ""
    state: str = "pending"
    new: bool = False

    def size(self, density: Density) -> tuple[int, int]:
        """Return width and height in pixels."""
        return card_size(self.label, self.sub, self.kind, density)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An arrow between two cards, with the label of the branch that it stands for."""

    source: str
    target: str
    kind: Literal["data", "control", "conditional"] = "data"
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A whole picture."""

    title: str
    cards: tuple[Card, ...]
    links: tuple[Link, ...]

    @property
    def density(self) -> Density:
        """How much stands on each card."""
        return "full" if len(self.cards) <= FULL_UP_TO else "compact"

    @property
    def description(self) -> str:
        """What a reader who does not see the picture is told."""
        states: dict[str, int] = {}
        for card in self.cards:
            if card.kind != "input":
                states[card.state] = states.get(card.state, 0) + 1
        total = sum(states.values())
        listed = ", ".join(f"{count} {state}" for state, count in states.items())
        return f"{self.title}: {total} node{'s' if total != 1 else ''}, {listed}"


def scene_of(workflow: Workflow, snapshot: RunSnapshot | None = None, *, new: str | None = None) -> Scene:
    """Return the scene of a workflow.

    Args:
        workflow: What to draw.
        snapshot: A run of it; None draws it as it was defined, without any figure that changes from run to run.
        new: Name of the node that was just defined.
    """
    inputs = [spec for spec in workflow.inputs.values() if spec.required]
    cards = [
        Card(
            id=f"input:{spec.name}",
            label=spec.name,
            kind="input",
            state="pending" if snapshot is None else "succeeded",
        )
        for spec in inputs
    ]
    for node in workflow.nodes.values():
        told = None if snapshot is None else snapshot.nodes.get(node.name)
        cards.append(_card(node, told, new=node.name == new))
    links = [Link(source=f"input:{spec.name}", target=reader) for spec in inputs for reader in spec.consumers]
    links += [Link(source=e.source, target=e.target, kind=e.kind, label=e.label) for e in workflow.edges]
    return Scene(title=workflow.name, cards=tuple(cards), links=tuple(links))


def _card(node: Node, told: NodeSnapshot | None, *, new: bool) -> Card:
    what = _what_it_is(node)
    if told is None:
        return Card(id=node.name, label=node.name, kind=node.kind, sub=what, new=new)
    sub, figure = what, ""
    match told.state:
        case NodeState.SUCCEEDED:
            figure = _took(told)
        case NodeState.CACHED:
            figure = "cached"
        case NodeState.RUNNING if told.streamed:
            figure = f"{len(told.streamed.split())} words"
        case NodeState.RETRYING:
            attempt = told.attempts[-1] if told.attempts else None
            sub = f"try {len(told.attempts) + 1}"
            figure = "" if attempt is None or attempt.delay is None else f"in {attempt.delay:.0f} s"
        case NodeState.FAILED:
            sub = told.error.type if told.error is not None else "failed"
            figure = f"{len(told.attempts)} tries" if len(told.attempts) > 1 else ""
        case NodeState.SKIPPED:
            sub = (told.reason or "skipped").partition(",")[0]
        case NodeState.CANCELLED:
            sub = "cancelled"
    return Card(id=node.name, label=node.name, kind=node.kind, sub=sub, figure=figure, state=str(told.state), new=new)


def _what_it_is(node: Node) -> str:
    model = getattr(node.settings, "model", None)
    gives = f"→ {node.output}" if node.output is not None and not node.output.is_text else ""
    return " ".join(part for part in (model or (node.kind if not gives else ""), gives) if part)


def _took(told: NodeSnapshot) -> str:
    if told.latency is None:
        return ""
    return f"{told.latency * 1000:.0f} ms" if told.latency < 0.095 else f"{told.latency:.1f} s"
