"""What a live view shows, as plain data: whole, or only what has changed since it was told last. Sends nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.drawing.pictures import Drawing
from graphbit_nb.drawing.reading import foldable, scene_of
from graphbit_nb.errors import LayoutError
from graphbit_nb.notebook.live.estimate import seconds_left
from graphbit_nb.notebook.live.rows import live_rows
from graphbit_nb.notebook.words import leaf_counts, steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.drawing.scene import Card, Rankdir, Scene
    from graphbit_nb.graph.workflow import Workflow

    Data = dict[str, Any]

VERSION = 1
Direction = Literal["auto", "LR", "TB"]
_BLINK = 0.5  # seconds: a wait is told again when so much more of it has passed


@dataclass(slots=True)
class Look:
    """How the person who looks wants it.

    Attributes:
        width: Pixels that there are for the drawing; None until the browser has said it.
        direction: The way the drawing goes.
        unfold: Paths of the sub-workflows whose nodes are drawn.
    """

    width: float | None = None
    direction: Direction = "auto"
    unfold: set[str] = field(default_factory=set)

    @property
    def rankdir(self) -> Rankdir | None:
        """The direction, or None where it is to be chosen."""
        return None if self.direction == "auto" else self.direction


@dataclass(slots=True, kw_only=True)
class Subject:
    """What is looked at.

    Attributes:
        workflow: The workflow.
        snapshot: A run of it, or None.
        before: The run before that, to guess from how long this one will take.
        slots: Nodes of the run that may work at the same time.
        new: Name of a node that has just been added.
        stale: Names of nodes whose results are older than their definitions.
        notes: Lines to say beside it: (state or "", text).
        actions: What may be asked for now.
    """

    workflow: Workflow
    snapshot: RunSnapshot | None = None
    before: RunSnapshot | None = None
    slots: int = 1
    new: str | None = None
    stale: frozenset[str] = frozenset()
    notes: tuple[tuple[str, str], ...] = ()
    actions: tuple[str, ...] = ()


class LiveState:
    """Turns a subject into data for one view, and remembers what that view has been told.

    Attributes:
        subject: What is looked at.
        look: How.
        told: Number of the last telling; 0 before the first.
    """

    def __init__(self, subject: Subject, look: Look | None = None) -> None:
        self.subject = subject
        self.look = look or Look()
        self._drawing: Drawing | None = None
        self._drawn: tuple[Any, ...] = ()
        self._pictures = self._pictures_told = 0
        self.told = 0
        self._problem: str | None = None
        self._sent: Data = {}
        self._sent_cards: Mapping[str, Card] = {}
        self._sent_flows: Mapping[tuple[str, str], str] = {}

    def whole(self, now: float, scene: Scene | None = None) -> Data:
        """Return everything, and take it as told. See `changes` for the arguments."""
        if scene is None:
            scene = self.scene(now)
            self.lay_out(scene)
        data = self._data(scene, now)
        picture = None
        if self._drawing is not None:
            self._drawing = self._drawing.with_states_of(scene)
            picture = self._picture(self._drawing)
        return {"version": VERSION, "seq": self._remember(scene, data), **data, "picture": picture}

    def changes(self, now: float, scene: Scene | None = None) -> Data | None:
        """Return what is not as it was told last, and take it as told; None when there is nothing.

        Args:
            now: Seconds since 1970.
            scene: What is drawn now, which has been laid out; None makes it, and lays it out if its shape is another.
        """
        if scene is None:
            scene = self.scene(now)
            self.lay_out(scene)
        before, told_cards, told_flows = self._sent, self._sent_cards, self._sent_flows
        flows: Mapping[tuple[str, str], str] | None = None
        data = self._data(scene, now)
        changed: Data = {}
        for key in ("problem", "run", "notes", "actions", "folds", "direction", "workflow"):
            if data[key] != before.get(key):
                changed[key] = data[key]
        nodes = {path: node for path, node in data["nodes"].items() if before.get("nodes", {}).get(path) != node}
        if nodes:
            changed["nodes"] = nodes
        if (rows := _changed_rows(before, data)) is not None:
            changed["rows"] = rows
        if self._drawing is not None:
            self._drawing = drawing = self._drawing.with_states_of(scene)
            if self._pictures != self._pictures_told:
                changed["picture"] = self._picture(drawing)
                changed["nodes"] = data["nodes"]
            else:
                flows = drawing.flows()
                changed |= _restyled(drawing, scene, told_cards, before)
                if moved := [[*ends, flow] for ends, flow in flows.items() if told_flows.get(ends) != flow]:
                    changed["flows"] = moved
        seq = self._remember(scene, data, flows)
        if not changed or (set(changed) == {"run"} and _is_same_moment(changed["run"], before.get("run"))):
            return None
        return {"kind": "delta", "seq": seq, **changed}

    def scene(self, now: float) -> Scene:
        """Return what is drawn now."""
        about = self.subject
        return scene_of(
            about.workflow, about.snapshot, new=about.new, stale=about.stale, unfold=self.look.unfold,
            now=now - now % _BLINK,
        )  # fmt: skip

    def picture(self, now: float) -> tuple[str, str]:
        """Return a picture that stands alone, or an empty text and why there is none."""
        scene = self.scene(now)
        self.lay_out(scene)
        if self._drawing is None:
            return "", self._problem or ""
        return self._drawing.with_states_of(scene).alone().svg(), ""

    def has_drawing_of(self, scene: Scene) -> bool:
        """Whether nothing needs to be laid out to draw this; what could not be laid out is not tried again."""
        return self._drawn == self._wanted(scene)

    def lay_out(self, scene: Scene) -> None:
        """Make the drawing if there is none of this shape yet."""
        width, rankdir, _ = wanted = self._wanted(scene)
        if self._drawn == wanted:
            return
        try:
            self._drawing = Drawing.of(scene, width=width, rankdir=rankdir, static=False)
            self._problem = None
        except LayoutError as error:
            self._drawing, self._problem = None, str(error)
        self._drawn = wanted
        self._pictures += 1

    def _wanted(self, scene: Scene) -> tuple[float | None, Rankdir | None, tuple[object, ...]]:
        return self.look.width, self.look.rankdir, scene.shape()

    def _data(self, scene: Scene, now: float) -> Data:
        about = self.subject
        snapshot = about.snapshot
        rows, more = ([], 0) if snapshot is None or snapshot.status.is_final else live_rows(snapshot)
        return {
            "workflow": about.workflow.name,
            "problem": self._problem,
            "nodes": {card.id: _node(card) for card in scene.cards} | {f.id: _frame_node(f) for f in scene.frames},
            "run": None if snapshot is None else run_data(about, snapshot, now),
            "rows": [row.data() for row in rows],
            "more": more,
            "notes": [{"state": state, "text": text} for state, text in _notes(about)],
            "actions": list(about.actions),
            "folds": [{"path": path, "open": path in self.look.unfold} for path in foldable(about.workflow)],
            "direction": self.look.direction,
        }

    def _picture(self, drawing: Drawing) -> Data:
        return {
            "key": str(self._pictures),
            "svg": drawing.svg(),
            "rankdir": drawing.places.rankdir,
            "density": drawing.places.density,
            "cards": len(drawing.scene.cards),
        }

    def _remember(self, scene: Scene, data: Data, flows: Mapping[tuple[str, str], str] | None = None) -> int:
        """Take this as told, and return the number of the telling."""
        self._sent = data
        self._sent_cards = scene.by_id()
        if flows is None:
            flows = {} if self._drawing is None else self._drawing.flows()
        self._sent_flows = flows
        self._pictures_told = self._pictures
        self.told += 1
        return self.told


def _notes(about: Subject) -> list[tuple[str, str]]:
    """Return the lines to say: those that are given, and that the run is not written down, if it should be."""
    unkept = None if about.snapshot is None else about.snapshot.unkept
    return [*about.notes] if unkept is None else [*about.notes, ("failed", f"in memory only: {unkept}")]


def run_data(about: Subject, snapshot: RunSnapshot, now: float) -> Data:
    """Return the figures of a run."""
    usage = snapshot.usage
    left = None
    if not snapshot.status.is_final and snapshot.status != "waiting":
        left = seconds_left(about.workflow, snapshot, now, about.slots, about.before)
    return {
        "id": snapshot.run_id,
        "status": snapshot.status.value,
        "steps": steps(snapshot),
        "done": snapshot.done,
        "total": snapshot.total,
        "counts": {state.value: count for state, count in leaf_counts(snapshot).items()},
        "began": snapshot.started,
        "ended": snapshot.finished,
        "now": now,
        "tokens": usage.total_tokens if usage.has_tokens else None,
        "calls": usage.calls,
        "cost": snapshot.cost,
        "left": left,
        "reason": snapshot.reason,
    }


def _node(card: Card) -> Data:
    return {
        "name": card.label,
        "kind": card.kind,
        "state": "stale" if card.stale else card.state,
        "says": card.live or card.sub,
        "took": card.meta,
    }


def _frame_node(frame: Any) -> Data:
    return {
        "name": frame.label,
        "kind": "workflow",
        "state": frame.state,
        "says": frame.live or frame.sub,
        "took": "",
    }


def _restyled(drawing: Drawing, scene: Scene, cards: Mapping[str, Card], before: Data) -> Data:
    """Return the markup of the cards and frames that look different."""
    found: Data = {}
    if other := {card.id: drawing.card(card.id) for card in scene.cards if cards.get(card.id) != card}:
        found["cards"] = other
    told = before.get("nodes", {})
    frames = {
        frame.id: drawing.frame(number)
        for number, frame in enumerate(scene.frames)
        if told.get(frame.id) != _frame_node(frame)
    }
    if frames:
        found["frames"] = frames
    return found


def _changed_rows(before: Data, data: Data) -> Data | None:
    if before.get("rows") == data["rows"] and before.get("more") == data["more"]:
        return None
    told = {row["path"]: row for row in before.get("rows", ())}
    return {
        "order": [row["path"] for row in data["rows"]],
        "rows": {row["path"]: row for row in data["rows"] if told.get(row["path"]) != row},
        "more": data["more"],
    }


def _is_same_moment(run: Data | None, before: Data | None) -> bool:
    """Whether two tellings of a run differ in nothing but the time of day and the guess that follows from it."""
    if run is None or before is None:
        return run is before
    passing = ("now", "left")
    return {k: v for k, v in run.items() if k not in passing} == {k: v for k, v in before.items() if k not in passing}
