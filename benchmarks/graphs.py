"""The graphs that are run: each node's name, and the nodes it waits for. Nothing here needs any engine."""

from __future__ import annotations

import random
from collections.abc import Mapping
from graphlib import TopologicalSorter

Graph = Mapping[str, list[str]]


def chain(length: int) -> Graph:
    return {f"n{i}": [f"n{i - 1}"] if i else [] for i in range(length)}


def fan_out(width: int) -> Graph:
    """One node, and all others wait for it: `width` nodes in all."""
    return {"root": []} | {f"n{i}": ["root"] for i in range(width - 1)}


def layers(depth: int, width: int) -> Graph:
    """Each node waits for three of the layer before it."""
    return {
        f"n{d}_{w}": [f"n{d - 1}_{(w + k) % width}" for k in range(3)] if d else []
        for d in range(depth)
        for w in range(width)
    }


def scattered(count: int, seed: int = 1) -> Graph:
    """Each node waits for up to three of those before it, at random but always the same."""
    dice = random.Random(seed)
    return {f"n{i}": [f"n{j}" for j in sorted(dice.sample(range(i), min(i, dice.randint(0, 3))))] for i in range(count)}


def staggered() -> Graph:
    """Two chains of two. With a slow node in each, not at the same place, level barriers take twice as long."""
    return {"a1": [], "a2": ["a1"], "b1": [], "b2": ["b1"]}


def independent(count: int) -> Graph:
    return {f"n{i}": [] for i in range(count)}


def leaves(graph: Graph) -> list[str]:
    """Return the nodes that no other waits for."""
    awaited = {before for befores in graph.values() for before in befores}
    return [name for name in graph if name not in awaited]


def critical_path(graph: Graph, seconds: Mapping[str, float]) -> float:
    """Return the time that no schedule can beat, however many slots it has."""
    ends: dict[str, float] = {}
    for name in TopologicalSorter(graph).static_order():
        ends[name] = max((ends[before] for before in graph[name]), default=0.0) + seconds[name]
    return max(ends.values())


def random_seconds(graph: Graph, least: float, most: float, seed: int = 2) -> dict[str, float]:
    dice = random.Random(seed)
    return {name: dice.uniform(least, most) for name in graph}


OVERHEAD: Mapping[str, Graph] = {
    "chain of 1,000": chain(1_000),
    "fan-out to 1,000": fan_out(1_000),
    "10 layers of 100": layers(10, 100),
}
