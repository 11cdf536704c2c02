"""The property to keep, whatever the graph, the slots, the failures, the cancellations and the observers.

What views see live = the fold of the stored events = the scheduler's state; numbers without gaps; nothing starts
before its inputs; never more than the allowed number run; every node ends in exactly one final state, once.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import Simulation, python

import graphbit_nb as gb
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.core.states import FINAL_STATES, NodeState

ENDINGS = ("node.succeeded", "node.failed", "node.skipped", "node.cancelled")
MILLISECONDS = 0.001


@dataclass
class Plan:
    """What one node does: how long each attempt takes, how many attempts fail, how it takes being cancelled."""

    needs: list[int]
    seconds: float
    failures: int
    retry: gb.RetryPolicy | None
    timeout: float | None
    fallback: bool
    stubbornness: str  # "heeds", "returns", "raises", "ignores"


@dataclass
class Case:
    nodes: list[Plan]
    slots: int
    fail_fast: bool
    cancellations: list[tuple[float | None, int | None]]  # when (None: at its first event), which node (None: the run)
    broken_sink: int | None
    broken_view: int | None
    batch: int | None  # events that the recorder confirms at a time
    broken_recorder: int | None
    active: int = 0
    most_active: int = 0
    calls: dict[int, int] = field(default_factory=dict)


seconds = st.integers(0, 50).map(lambda n: n * MILLISECONDS)


@st.composite
def plans(draw, number):
    retried = draw(st.booleans())
    return Plan(
        needs=sorted(draw(st.sets(st.integers(0, number - 1), max_size=3))) if number else [],
        seconds=draw(seconds),
        failures=draw(st.sampled_from([0, 0, 0, 1, 2, 9])),
        retry=gb.RetryPolicy(max_attempts=3, base_delay=draw(seconds), jitter=0.0) if retried else None,
        timeout=draw(st.none() | st.integers(1, 60).map(lambda n: n * MILLISECONDS)),
        fallback=draw(st.booleans()),
        stubbornness=draw(st.sampled_from(["heeds", "heeds", "heeds", "returns", "raises", "ignores"])),
    )


@st.composite
def cases(draw):
    count = draw(st.integers(1, 25))
    some_event = st.none() | st.integers(1, 40)
    return Case(
        nodes=[draw(plans(number)) for number in range(count)],
        slots=draw(st.integers(1, 4)),
        fail_fast=draw(st.booleans()),
        cancellations=draw(st.lists(st.tuples(st.none() | seconds, st.none() | st.integers(0, count - 1)), max_size=2)),
        broken_sink=draw(some_event),
        broken_view=draw(some_event),
        batch=draw(st.none() | st.integers(1, 5)),
        broken_recorder=draw(some_event),
    )


def work(case, number, plan):
    async def attempt():
        case.calls[number] = case.calls.get(number, 0) + 1
        case.active += 1
        case.most_active = max(case.most_active, case.active)
        try:
            await asyncio.sleep(plan.seconds)
        except asyncio.CancelledError:
            if plan.stubbornness == "heeds":
                raise
            if plan.stubbornness == "raises":
                raise RuntimeError("cancelled") from None
        finally:
            case.active -= 1
            for _ in range(10 if plan.stubbornness == "ignores" else 0):  # hours after the run has ended
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(3_600)
        if case.calls[number] <= plan.failures:
            raise ValueError(f"attempt {case.calls[number]}")
        return number

    return attempt


class Recorder:
    """Confirms in batches, a little later; what does not fill one, later still."""

    def __init__(self, case):
        self.case = case
        self.kept = []

    def record(self, event, confirm):
        if len(self.kept) + 1 == self.case.broken_recorder:
            raise OSError("disk full")
        self.kept.append(event)
        is_full = len(self.kept) % self.case.batch == 0
        asyncio.get_running_loop().call_later((3 if is_full else 9) * MILLISECONDS, confirm, event.seq)

    def hurry(self):
        """It has its own pace."""


def until(number, seen):
    def listen(event):
        if event.seq == number:
            raise ValueError("broken")
        seen.append(event)

    return listen


def run(case):
    nodes = [
        python(
            f"n{number}",
            work(case, number, plan),
            after=[f"n{need}" for need in plan.needs],
            retry=plan.retry,
            timeout=plan.timeout,
            **({"fallback": "instead"} if plan.fallback else {}),
        )
        for number, plan in enumerate(case.nodes)
    ]

    async def script(run):
        began = asyncio.get_running_loop().time()
        for when, number in sorted((c for c in case.cancellations if c[0] is not None), key=lambda c: c[0]):
            await asyncio.sleep(began + when - asyncio.get_running_loop().time())
            run.cancel(None if number is None else f"n{number}")
        await asyncio.wait([asyncio.ensure_future(asyncio.shield(run._finished))])
        await asyncio.sleep(1)  # until the last batch is confirmed

    def cancels_at_the_start(event):
        if event.kind == "run.started":
            for when, number in case.cancellations:
                if when is None:
                    asyncio.get_running_loop().call_soon(simulated["run"].cancel, number and f"n{number}")

    simulated, sunk, viewed = {}, [], []

    def take_run(run):
        simulated["run"] = run
        return script(run)

    simulation = Simulation(
        *nodes,
        script=take_run,
        max_concurrency=case.slots,
        fail_fast=case.fail_fast,
        grace=20 * MILLISECONDS,
        recorder=None if case.batch is None else Recorder(case),
        sinks=(until(case.broken_sink, sunk), cancels_at_the_start),
        views=(until(case.broken_view, viewed),),
    )
    return simulation, sunk, viewed


@settings(max_examples=150)
@given(cases())
def test_the_property_to_keep(case):
    simulation, sunk, viewed = run(case)
    events, snapshot = simulation.events, simulation.snapshot
    names = [f"n{number}" for number in range(len(case.nodes))]

    # Numbers without gaps; the run begins first and is finished last, once.
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[0].kind == "run.started"
    assert [event.kind for event in events].index("run.finished") == len(events) - 1

    # Live fold = fold of the stored events = the scheduler's state.
    folded = RunSnapshot()
    for event in events:
        folded.apply(event)
    assert folded == snapshot
    assert [snapshot.nodes[name].state for name in names] == simulation.run.scheduler.states
    assert snapshot.status == simulation.run.scheduler.status

    # An observer that raises gets nothing more; the others get everything.
    assert sunk == [event for event in events if case.broken_sink is None or event.seq < case.broken_sink]
    assert viewed == [event for event in events if case.broken_view is None or event.seq < case.broken_view]

    # Every node ends in exactly one final state, once, and nothing is told of it afterwards.
    for name in names:
        own = [event.kind for event in events if getattr(event, "node", None) == name]
        assert sum(kind in ENDINGS for kind in own) == 1
        assert own[-1] in ENDINGS
        assert snapshot.nodes[name].state in FINAL_STATES

    # Nothing starts before its inputs; what did not start did not work.
    position = {(event.kind, event.node): event.seq for event in events if hasattr(event, "node")}
    for number, plan in enumerate(case.nodes):
        started = position.get(("node.started", f"n{number}"))
        if started is None:
            assert number not in case.calls
            continue
        for need in plan.needs:
            assert position["node.succeeded", f"n{need}"] < started

    # Never more than the allowed number run.
    holding = set()
    for event in events:
        if event.kind in ("node.started", "node.resumed"):
            holding.add(event.node)
        elif event.kind in ("retry.scheduled", *ENDINGS):
            holding.discard(event.node)
        assert len(holding) <= case.slots
    assert case.most_active <= case.slots

    # A node is skipped exactly when something that it needs did not succeed, and only then.
    for number, plan in enumerate(case.nodes):
        node = snapshot.nodes[f"n{number}"]
        if node.state is NodeState.SKIPPED:
            assert any(not snapshot.nodes[f"n{need}"].state.has_output for need in plan.needs)
            assert node.reason.startswith("needs n")
        if not case.cancellations and not case.fail_fast:
            assert (node.state is NodeState.SKIPPED) == any(
                not snapshot.nodes[f"n{need}"].state.has_output for need in plan.needs
            )
            assert node.state is not NodeState.CANCELLED
