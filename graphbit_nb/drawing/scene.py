"""What a drawing shows, as plain data: cards, links, frames. How it looks is for the other modules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Density = Literal["full", "compact"]
Rankdir = Literal["LR", "TB"]
LinkKind = Literal["data", "control", "conditional"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One node, or one input of the workflow.

    A card's size depends on `label`, `kind`, `sub`, `room` and `fan` alone, so that a run never moves anything.

    Attributes:
        id: Unique in the scene.
        label: Its name.
        kind: ``"input"``, or the kind of the node; unknown ones look like a prompt with a box as icon.
        sub: Second line before the run: what the node is.
        state: One of the node states.
        meta: One figure at the right-hand end of the second line.
        live: Second line in place of `sub`, once there is more to say.
        room: The widest text that `meta` will ever hold.
        fan: What it is run for, ``"each point"``; None for a node that is run once.
        items: States of its parts: ``"done"``, ``"cached"``, ``"run"``, ``"wait"``, ``"fail"`` or ``""``.
        wait: Part of a wait that is left, from 0 to 1.
        stale: Whether its result is older than its definition.
        new: Whether it has just been added.
        selected: Whether it is selected.
    """

    id: str
    label: str
    kind: str
    sub: str = ""
    state: str = "pending"
    meta: str = ""
    live: str = ""
    room: str = ""
    fan: str | None = None
    items: tuple[str, ...] = ()
    wait: float | None = None
    stale: bool = False
    new: bool = False
    selected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An arrow from one card to another; `label` names the branch of a conditional one."""

    source: str
    target: str
    kind: LinkKind = "data"
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A frame around some cards, for example an unfolded sub-workflow. Frames overlap only where one holds another.

    Attributes:
        id: Unique among the frames.
        label: Its name.
        members: The cards that it holds itself, not in a frame inside it.
        state: One of the node states, or ``""`` for none.
        sub: What it is, beside its name.
        live: What stands in place of `sub`, once there is more to say. Its room is that of `sub`.
        parent: The frame around it.
    """

    id: str
    label: str
    members: tuple[str, ...]
    state: str = ""
    sub: str = ""
    live: str = ""
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that one drawing shows.

    Attributes:
        title: Name of the workflow, for those who cannot see the drawing.
        cards: In the order of definition, which decides ties of the layout.
        links: From card to card.
        frames: Around cards, an outer one before those inside it.
        dead: Links, as (source, target), that will not be followed in this run.

    Raises:
        ValueError: two cards share an id, a link or frame names a card that is not there, a card is in two frames, or
            a frame stands before the one around it.
    """

    title: str
    cards: tuple[Card, ...]
    links: tuple[Link, ...] = ()
    frames: tuple[Frame, ...] = ()
    dead: frozenset[tuple[str, str]] = frozenset()

    def __post_init__(self) -> None:
        known = {card.id for card in self.cards}
        if len(known) != len(self.cards):
            raise ValueError("two cards of a scene share an id")
        named = [end for link in self.links for end in (link.source, link.target)]
        named += [member for frame in self.frames for member in frame.members]
        for name in named:
            if name not in known:
                raise ValueError(f"no card {name!r} in the scene")
        if len(framed := [m for frame in self.frames for m in frame.members]) != len(set(framed)):
            raise ValueError("a card is in two frames")
        outer: set[str | None] = {None}
        for frame in self.frames:
            if frame.parent not in outer:
                raise ValueError(f"frame {frame.id!r} stands before the frame around it, {frame.parent!r}")
            outer.add(frame.id)

    def by_id(self) -> Mapping[str, Card]:
        """Return the cards by their ids."""
        return {card.id: card for card in self.cards}

    def bundled(self) -> Scene:
        """Return the scene with one link at most from a card to another: several would lie on each other."""
        pairs: dict[tuple[str, str], list[Link]] = {}
        for link in self.links:
            pairs.setdefault((link.source, link.target), []).append(link)
        if len(pairs) == len(self.links):
            return self
        return replace(self, links=tuple(_one(links) for links in pairs.values()))

    def shape(self) -> tuple[object, ...]:
        """Return what decides where everything goes, and what links look like: two scenes alike in this lie alike."""
        cards = tuple((card.id, card.label, card.kind, card.sub, card.room, card.fan) for card in self.cards)
        frames = tuple((frame.id, frame.label, frame.members, frame.sub, frame.parent) for frame in self.frames)
        return self.title, cards, frozenset(self.bundled().links), frames

    def flow(self, link: Link, cards: Mapping[str, Card]) -> str:
        """Return how far a link has come: ``idle``, ``active``, ``done``, or ``dead`` when it never will."""
        source, target = cards[link.source].state, cards[link.target].state
        stopped = source in ("skipped", "cancelled", "failed") or target in ("skipped", "cancelled")
        if stopped or (link.source, link.target) in self.dead:
            return "dead"
        if target in ("running", "retrying", "waiting") and source in ("succeeded", "cached"):
            return "active"
        return "done" if target in ("succeeded", "cached", "failed") else "idle"


def _one(links: list[Link]) -> Link:
    kinds = {link.kind for link in links}
    kind: LinkKind = "conditional" if "conditional" in kinds else "data" if "data" in kinds else "control"
    label = " | ".join(dict.fromkeys(link.label for link in links if link.label))
    return Link(source=links[0].source, target=links[0].target, kind=kind, label=label)
