"""Scenes to draw, and a drawing read back as what a browser would see."""

import random
import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import pytest

import graphbit_nb as gb
from graphbit_nb.core import events as e
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.drawing import Card, Link, Scene, layout, modulecache

SVG = "{http://www.w3.org/2000/svg}"
STATES = (
    "pending", "ready", "running", "retrying", "waiting", "succeeded", "cached", "failed", "skipped", "cancelled",
)  # fmt: skip
KINDS = ("prompt", "python", "condition", "agent", "human", "embed", "workflow", "input")


@dataclass(frozen=True)
class Line:
    """A line of text: where it begins and ends, in the coordinates of its card."""

    name: str
    text: str
    left: float
    right: float


def build(*nodes, name="reviews"):
    builder = gb.WorkflowBuilder(name)
    for node in nodes:
        builder.add_node(node)
    return builder.build()


def fold(workflow, *events):
    """The snapshot of a run after these events; each is its class and its own fields, one second after the other."""
    snapshot = RunSnapshot()
    started = (e.RunStarted, workflow.name, tuple(workflow.nodes), dict.fromkeys(workflow.inputs, "given"))
    for seq, (kind, *fields) in enumerate((started, *events), start=1):
        snapshot.apply(kind("run", seq, float(seq), *fields))
    return snapshot


def begun(*paths):
    return [(e.NodeStarted, path) for path in paths]


def ended(*paths, output="x"):
    return [event for path in paths for event in ((e.NodeStarted, path), (e.NodeSucceeded, path, output))]


def failed(path, kind="RateLimitError", attempts=1):
    return [(e.NodeStarted, path), (e.NodeFailed, path, e.ErrorInfo(kind, "no", path, attempts))]


def opened(path, what, *parts, iteration=1):
    """A node begins and opens into these parts; a loop's further iterations open without a beginning."""
    start = begun(path) if iteration == 1 else []
    return [*start, (e.NodeExpanded, path, what, parts, iteration)]


def parse(svg):
    return ET.fromstring(svg)  # our own


def groups(svg, name):
    return [g for g in parse(svg).iter(f"{SVG}g") if g.get("class") == name]


def lines(group):
    """The lines of a card, as wide as `textLength` makes them."""
    for text in group.iter(f"{SVG}text"):
        x, long = float(text.get("x")), float(text.get("textLength", 0))
        left = x - long if text.get("text-anchor") == "end" else x
        yield Line(text.get("class"), text.text or "", left, left + long)


def numbers(text):
    return [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", text)]


def random_scene(cards, links, seed=0, states=STATES, kinds=KINDS):
    rng = random.Random(seed)  # the same each time
    pairs = set()
    while len(pairs) < links:
        pairs.add(tuple(sorted(rng.sample(range(cards), 2))))
    return Scene(
        title="random",
        cards=tuple(
            Card(id=str(i), label=f"node_{i}", kind=kinds[i % len(kinds)], sub="gpt-4o", state=rng.choice(states))
            for i in range(cards)
        ),
        links=tuple(Link(source=str(a), target=str(b)) for a, b in sorted(pairs)),
    )


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Compile once, and not into the cache of whoever runs the tests."""
    folder = tmp_path_factory.mktemp("cache")
    folder.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modulecache, "directory", lambda: folder)
        layout.forget()
        yield folder
    layout.forget()
