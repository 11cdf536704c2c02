"""The browser's half of a live view on a page of its own, with a model that a test plays the kernel of. No Jupyter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import graphbit_nb as gb
from graphbit_nb.core import events
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.notebook.live import frontend
from graphbit_nb.notebook.live.records import LIVE, records
from graphbit_nb.notebook.live.state import LiveState, Look, Subject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Locator, Page

# A model as anywidget gives it: what was sent is kept, `tell` is a message of the kernel, `whole` another state of it.
_MODEL = """(state) => {
    const on = {};
    const hear = (name, value) => { for (const listener of on[name] ?? []) listener(value); };
    return {
        sent: [],
        records: {},
        get: () => state,
        set(name, value) { state = value; hear("change:state"); },
        on(name, listener) { (on[name] ??= new Set()).add(listener); },
        off(name, listener) { on[name]?.delete(listener); },
        send(message) {
            this.sent.push(message);
            if (message.call !== "inspect") return;
            const { path } = message;
            const answer = { kind: "node", path, record: this.records[path] ?? null, problem: null };
            setTimeout(() => hear("msg:custom", answer));
        },
        tell: (message) => hear("msg:custom", message),
        whole(next) { state = next; hear("change:state"); },
        listeners: () => Object.values(on).reduce((sum, all) => sum + all.size, 0),
    };
}"""
_LOAD = """(code) => {
    const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    return import(url).then((front) => { window.front = front; });
}"""


def workflow_of(*nodes: gb.Node, name: str = "digest") -> gb.Workflow:
    builder = gb.WorkflowBuilder(name)
    for node in nodes:
        builder.add_node(node)
    return builder.build()


def chain(count: int) -> gb.Workflow:
    return workflow_of(*(gb.Node.prompt(f"n{i}", f"{{{{ n{i - 1} }}}}" if i else "Begin.") for i in range(count)))


def wide(count: int) -> gb.Workflow:
    """One node, and many that read it."""
    return workflow_of(gb.Node.prompt("n0", "Begin."), *(gb.Node.prompt(f"n{i}", "{{ n0 }}") for i in range(1, count)))


class Tale:
    """A run told by hand: each call is an event, one second after the other."""

    def __init__(self, workflow: gb.Workflow, **inputs: object) -> None:
        self.snapshot = RunSnapshot()
        self("RunStarted", workflow=workflow.name, nodes=tuple(workflow.nodes), inputs=inputs)

    def __call__(self, kind: str, node: str | None = None, **facts: object) -> Self:
        given = facts if node is None else {"node": node, **facts}
        seq = self.snapshot.seq + 1
        self.snapshot.apply(getattr(events, kind)(run_id="r", seq=seq, time=float(seq), **given))
        return self

    def done(self, *nodes: str, output: object = "an answer") -> Self:
        for node in nodes:
            self("NodeStarted", node)("NodeSucceeded", node, output=output)
        return self


class Front:
    """One view of a model on a page.

    Args:
        page: The page; it keeps nothing of what was on it.
        live: The kernel's half.
        width: Of the view, in pixels.
        scheme: ``"light"`` or ``"dark"``.
    """

    def __init__(self, page: Page, live: LiveState, *, width: int = 1100, scheme: str = "light") -> None:
        self.page = page
        self.live = live
        page.emulate_media(color_scheme=scheme)
        back = "#fff" if scheme == "light" else "#111"
        # As a notebook's page says it: these are JupyterLab's own names.
        page.set_content(
            f'<!doctype html><html lang="en"><title>front</title><body style="margin:8px;background:{back};'
            f'--jp-layout-color0:{back};color-scheme:{scheme}"><main id="place" style="width:{width}px"></main>'
        )
        page.evaluate(_LOAD, frontend.module())
        page.evaluate(f"(state) => {{ window.model = ({_MODEL})(state); }}", plain(live.whole(self.now)))
        self.records()
        self.open()
        self.view.locator("g.gb-node").first.wait_for()

    @property
    def now(self) -> float:
        return float(self.live.subject.snapshot.seq if self.live.subject.snapshot else 0)

    @property
    def view(self) -> Locator:
        return self.page.locator(".gb-live").first

    def open(self, width: int | None = None) -> None:
        """Open a view of the model, below those that are open."""
        self.page.evaluate(
            """(width) => {
                const el = document.createElement("div");
                if (width) el.style.width = `${width}px`;
                document.querySelector("#place").append(el);
                (window.offs ??= []).push(window.front.default.render({ model: window.model, el }));
            }""",
            width,
        )

    def records(self) -> None:
        """Let the inspector find what there is now."""
        about = self.live.subject
        if about.snapshot is not None:
            found = records(about.workflow, about.snapshot, LIVE)
            self.page.evaluate("(records) => { model.records = records; }", plain(found))

    def tell(self) -> dict[str, Any] | None:
        """Send what has changed, as the kernel does."""
        delta = self.live.changes(self.now)
        if delta is not None:
            self.page.evaluate("(delta) => model.tell(delta)", plain(delta))
            self.frame()
        return delta

    def whole(self) -> None:
        """Send everything, as the kernel does when a view has opened and when a run has ended."""
        self.page.evaluate("(state) => model.whole(state)", plain(self.live.whole(self.now)))
        self.frame()

    def frame(self) -> None:
        """Wait until what was told is shown."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def hear(self, message: Mapping[str, Any]) -> None:
        """Do what the kernel does with a view's width, direction or fold."""
        match message:
            case {"call": "width", "px": px}:
                self.live.look.width = float(px)
            case {"call": "direction", "to": to}:
                self.live.look.direction = to

    def sent(self, call: str) -> list[dict[str, Any]]:
        return self.page.evaluate("(call) => model.sent.filter((one) => one.call === call)", call)

    def card(self, name: str) -> Locator:
        return self.view.locator(f'g.gb-node[data-id="{name}"]')

    def focused(self) -> str | None:
        """The card that has the focus."""
        return self.page.evaluate("() => document.activeElement?.closest('g.gb-node')?.dataset.id ?? null")


def live(workflow: gb.Workflow, tale: Tale | None = None, *, width: float | None = 1000, **about: Any) -> LiveState:
    snapshot = None if tale is None else tale.snapshot
    return LiveState(Subject(workflow=workflow, snapshot=snapshot, **about), Look(width=width))


def plain(data: Any) -> Any:
    """As it is after it has travelled."""
    return json.loads(json.dumps(data))
