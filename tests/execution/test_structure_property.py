"""The property to keep, with everything that a workflow can say: conditions, joins, fan-outs, sub-workflows, loops,
people, fallbacks, limits, deadlines, cancellations; and a run that is resumed does only what was not done.

The workflows are made at random; what must have happened is read off the events and the definitions again, by rules
that are written down here once more and independently of the scheduler.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graphbit_nb as gb
from graphbit_nb.core.outputs import label_of
from graphbit_nb.core.paths import without_numbers
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.core.states import NodeState
from graphbit_nb.execution.engine import Engine
from graphbit_nb.execution.options import RunOptions
from graphbit_nb.execution.threads import ThreadPool
from graphbit_nb.testing import run_in_virtual_time

ENDINGS = ("node.succeeded", "node.failed", "node.skipped", "node.cancelled")
STOPPED = (NodeState.FAILED, NodeState.CANCELLED)
MILLISECOND = 0.001


@dataclass
class World:
    """What the nodes of one case do, and what they saw."""

    failing: bool = True
    calls: Counter = field(default_factory=Counter)
    saw_none: list[str] = field(default_factory=list)


@dataclass
class Case:
    workflow: gb.Workflow
    world: World
    slots: int
    fail_fast: bool
    deadline: float | None
    cancellations: list[tuple[float, int | None]]
    answers: float | None  # seconds between two answers of the person; None: never answers


times = st.integers(0, 30).map(lambda n: n * MILLISECOND)


@st.composite
def workflows(draw, world, depth=2):
    builder = gb.WorkflowBuilder(f"depth{depth}")
    names = []
    for number in range(draw(st.integers(1, 5 if depth == 2 else 3))):
        node = draw(nodes(world, f"n{number}", names, depth))
        builder.add_node(node)
        names.append(node)
    return builder.build()


@st.composite
def nodes(draw, world, name, earlier, depth):
    needs = draw(st.lists(st.sampled_from([n.name for n in earlier]), unique=True, max_size=3)) if earlier else []
    deciders = [n for n in earlier if n.kind in ("condition", "human") and n.for_each is None]
    common = {}
    if deciders and draw(st.booleans()):
        common["when"] = f"{draw(st.sampled_from(deciders)).name}={draw(st.sampled_from(['a', 'b', 'a|b']))}"
    if draw(st.booleans()):
        common["join"] = "any"
    if draw(st.integers(0, 3)) == 0:
        common["concurrency"] = draw(st.integers(1, 2))
    if draw(st.integers(0, 2)) == 0:
        common["for_each"] = f"item in {draw(st.lists(st.integers(0, 9), max_size=4))}"
        common["on_item_error"] = draw(st.sampled_from(["fail", "skip"]))
    kinds = ["python", "python", "condition", "human"] + (["workflow", "workflow"] if depth else [])
    kind = draw(st.sampled_from(kinds))
    if kind == "human":
        return gb.Node.human(name, "a or b?", output="a|b", after=needs, **common)
    if draw(st.integers(0, 3)) == 0:
        common["fallback"] = "a"
    if draw(st.integers(0, 3)) == 0:
        common["timeout"] = draw(st.integers(1, 60)) * MILLISECOND
    if kind == "workflow":
        inner = draw(workflows(world, depth - 1))
        if draw(st.booleans()):
            common |= {
                "repeat_until": f"{next(iter(inner.nodes))} == 'a'",
                "max_iterations": draw(st.integers(1, 3)),
            }
            # What is skipped or left out gives no value to compare with.
            common["repeat_until"] = f"({next(iter(inner.nodes))} | default('a')) == 'a'"
        return gb.Node.workflow(name, inner, after=needs, **common)
    fn = work(
        world, name, draw(times), draw(st.sampled_from(["ok", "ok", "ok", "fails", "fails once"])),
        draw(st.sampled_from(["a", "b"])), may_see_none=common.get("join") == "any",
    )  # fmt: skip
    if draw(st.booleans()) and kind == "python":
        common["retry"] = gb.RetryPolicy(max_attempts=2, base_delay=draw(times), jitter=0.0)
    return getattr(gb.Node, kind)(name, fn, inputs=needs, **common)


def work(world, name, seconds, manner, value, *, may_see_none):
    tries = Counter()

    async def attempt(*given):
        world.calls[name] += 1
        if None in given and not may_see_none:
            world.saw_none.append(name)
        await asyncio.sleep(seconds)
        tries[name] += 1
        if world.failing and (manner == "fails" or (manner == "fails once" and tries[name] % 2)):
            raise ValueError(manner)
        return value

    return attempt


@st.composite
def cases(draw):
    world = World()
    return Case(
        workflow=draw(workflows(world)),
        world=world,
        slots=draw(st.integers(1, 3)),
        fail_fast=draw(st.integers(0, 3)) == 0,
        deadline=draw(st.none() | st.none() | st.integers(1, 100).map(lambda n: n * MILLISECOND)),
        cancellations=draw(st.lists(st.tuples(times, st.none() | st.integers(0, 30)), max_size=2)),
        answers=draw(st.none() | times),
    )


class Outcome:
    """One run of a case: its events, its final state, its scheduler."""

    def __init__(self, case: Case, before: "Outcome | None" = None) -> None:
        self.case = case
        self.events: list[Any] = []
        self.before = before
        run_in_virtual_time(self._main())

    async def _main(self):
        case, loop = self.case, asyncio.get_running_loop()
        engine = Engine(clients=None, threads=ThreadPool(), clock=loop.time)
        again = self.before is not None
        options = RunOptions(
            max_concurrency=case.slots, fail_fast=case.fail_fast and not again, grace=5 * MILLISECOND,
            deadline=None if again else case.deadline, parks=case.answers is None and not again,
        )  # fmt: skip
        if again:
            run = engine.resume(case.workflow, self.before.snapshot, options=options, sinks=(self.events.append,))
        else:
            run = engine.prepare(case.workflow, options=options, sinks=(self.events.append,))
        self.run = run
        helpers = []
        if case.answers is not None or again:
            helpers.append(asyncio.ensure_future(self._person(run, case.answers or 0.0)))
        if not again:
            helpers.append(asyncio.ensure_future(self._canceller(run)))
        self.snapshot = await run.execute()
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)

    async def _person(self, run, pause):
        while True:
            await asyncio.sleep(pause or MILLISECOND)
            asked = [path for path, node in run.snapshot.index.items() if node.state is NodeState.WAITING]
            if asked:
                run.answer(asked[0], "a")

    async def _canceller(self, run):
        began = asyncio.get_running_loop().time()
        for when, number in sorted(self.case.cancellations, key=lambda c: c[0]):
            await asyncio.sleep(began + when - asyncio.get_running_loop().time())
            paths = list(run.snapshot.index)
            run.cancel(None if number is None else paths[number % len(paths)])


def scopes(workflow, snapshot_nodes, prefix_of):
    """Go through (nodes of a workflow, their snapshots by name) for the workflow itself and all inside it."""
    paths = {name: prefix_of(name) for name in workflow.nodes}
    yield workflow, {name: snapshot_nodes[path] for name, path in paths.items() if path in snapshot_nodes}
    for name, node in workflow.nodes.items():
        told = snapshot_nodes.get(prefix_of(name))
        if told is None:
            continue
        holders = list(told.parts.values()) if node.for_each is not None else [told]
        if node.kind == "workflow":
            for holder in holders:
                inner = node.settings.workflow
                for iteration in range(1, holder.iterations + 1):
                    head = holder.name if node.settings.repeat_until is None else f"{holder.name}#{iteration}"
                    yield from scopes(inner, holder.parts, lambda inside, head=head: f"{head}.{inside}")


def edges_of(workflow, name):
    """Each edge that leads to a node: its source, and the labels that it is taken for (None: any output)."""
    labels = {branch.node: branch.labels for branch in workflow.nodes[name].when}
    return [(source, labels.get(source)) for source in workflow.predecessors(name)]


def fate(workflow, told, name):
    """Return "run", "miss", "taint" or "wait" for a node, from what became of those that it needs."""
    if not told:
        return "wait"
    taken, missed, open_ = 0, 0, 0
    for source, labels in edges_of(workflow, name):
        state = told[source].state
        if state in STOPPED or (state is NodeState.SKIPPED and is_tainted(workflow, told, source)):
            return "taint"
        if state is NodeState.SKIPPED or (state.has_output and labels and label_of(told[source].output) not in labels):
            missed += 1
        elif state.has_output:
            taken += 1
        else:
            open_ += 1
    if workflow.nodes[name].join == "any":
        if open_:
            return "wait"
        return "run" if taken or not missed else "miss"
    if missed:
        return "miss"
    return "wait" if open_ else "run"


def is_tainted(workflow, told, name):
    return fate(workflow, told, name) == "taint"


def check(case, outcome, *, earlier=()):
    events, snapshot = outcome.events, outcome.snapshot
    everything = [*earlier, *events]
    assert [event.seq for event in everything] == list(range(1, len(everything) + 1))

    # Live fold = fold of the stored events = the scheduler's state.
    folded = RunSnapshot()
    for event in everything:
        folded.apply(event)
    assert folded == snapshot
    scheduler, paths = outcome.run.scheduler, outcome.run.roster.paths
    states = {path: node.state for path, node in snapshot.index.items() if path in paths}
    assert dict(zip(paths, scheduler.states, strict=True)) == states
    assert snapshot.status == scheduler.status

    # Every node ends in exactly one final state, and nothing is told of it afterwards; unless a person is awaited.
    is_parked = snapshot.status == "waiting"
    told = {}
    for event in events:
        if (path := getattr(event, "node", None)) is not None:
            told.setdefault(path, []).append(event.kind)
    for kinds in told.values():
        assert sum(kind in ENDINGS for kind in kinds) <= 1
        assert kinds[-1] in ENDINGS or is_parked
    if not is_parked:
        assert all(node.state.is_final for node in snapshot.index.values())
        assert snapshot.busy == snapshot.asking == 0

    # Steps are counted right: a node that opened counts as what it opened into.
    leaves = [node for node in snapshot.index.values() if not node.parts]
    counted = (len(leaves), sum(node.state.is_final for node in leaves))
    assert (snapshot.total, snapshot.done) == counted, story(everything)

    # Never more leaves hold a slot than allowed, nor more items than a node's own limit.
    composites = {event.node for event in events if event.kind == "node.expanded"}
    limits = {}
    collect_limits(case.workflow, "", limits)
    holding, groups = set(), Counter()
    for event in events:
        path = getattr(event, "node", None)
        group = without_numbers(path) if path else None
        counts = path is not None and (path not in composites or "[" in path.rpartition(".")[2])
        if event.kind in ("node.started", "node.resumed"):
            if path not in composites:
                holding.add(path)
            groups[group] += counts
        elif event.kind in ("retry.scheduled", *ENDINGS) and is_holding(path, holding, composites, event, events):
            holding.discard(path)
            groups[group] -= counts
        assert len(holding) <= case.slots, story(events)
        if group in limits:
            assert groups[group] <= limits[group], story(events)
    assert not case.world.saw_none


def story(events):
    """What happened, for whoever reads a failure."""
    return [(event.seq, event.kind, getattr(event, "node", ""), getattr(event, "reason", "")) for event in events]


def is_holding(path, holding, composites, event, events):
    """Whether an ending is that of a node that had started; composites have when they were expanded before."""
    if path in holding:
        return True
    return (
        path in composites
        and event.kind != "node.skipped"
        and any(other.kind == "node.started" and other.node == path for other in events[: events.index(event)])
    )


def collect_limits(workflow, prefix, limits):
    for name, node in workflow.nodes.items():
        if node.concurrency is not None and node.kind != "human":
            limits[prefix + name] = node.concurrency
        if node.kind == "workflow":
            collect_limits(node.settings.workflow, f"{prefix}{name}.", limits)


def check_rules(case, outcome):
    """What ran, and what was skipped, is what the definitions say."""
    events, snapshot = outcome.events, outcome.snapshot
    is_whole = not case.cancellations and not case.fail_fast and case.deadline is None
    is_whole = is_whole and not any(event.kind == "node.cancelled" for event in events)
    for workflow, told in scopes(case.workflow, snapshot.index, lambda name: name):
        for name, node in workflow.nodes.items():
            state = told[name].state
            verdict = fate(workflow, told, name)
            if told[name].started is not None:
                assert verdict == "run", (name, told)
            if state is NodeState.SKIPPED:
                assert verdict in ("miss", "taint"), (name, told)
            if is_whole and snapshot.status != "waiting":
                assert (state is NodeState.SKIPPED) == (verdict in ("miss", "taint")), (name, verdict, told)
            if node.for_each is not None and state is NodeState.SUCCEEDED:
                outputs = [part.output for part in told[name].parts.values() if part.state.has_output]
                assert told[name].output == outputs
            if node.kind == "workflow" and node.settings.repeat_until is not None:
                assert told[name].iterations <= node.settings.max_iterations


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cases())
def test_the_property_to_keep_with_everything_a_workflow_can_say(case):
    first = Outcome(case)
    check(case, first)
    check_rules(case, first)

    # Nothing that had its output is done again when the run is resumed, and everything else is.
    if first.snapshot.status == "succeeded":
        return
    had = {path for path, node in first.snapshot.index.items() if node.state.has_output}
    case.world.failing = False
    kept = first.snapshot.copy()
    again = Outcome(case, before=first)
    assert first.snapshot == kept
    check(case, again, earlier=first.events)
    redone = {event.node for event in again.events if event.kind == "node.started"}
    assert not redone & had
    timed = any(node.timeout is not None for node in all_nodes(case.workflow))
    if not timed:
        assert again.snapshot.status == "succeeded"


def all_nodes(workflow):
    for node in workflow.nodes.values():
        yield node
        if node.kind == "workflow":
            yield from all_nodes(node.settings.workflow)
