"""The scheduler alone: what it is told, what it answers."""

import itertools

import pytest

from graphbit_nb.core.states import FINAL_STATES, NodeState, RunStatus
from graphbit_nb.execution import scheduler as s
from graphbit_nb.graph.plan import make_plan


def scheduler(graph, slots=8, **more):
    """`graph` is "a b c<a,b": nodes, each with those that it waits for."""
    before = {name: [b for b in needs.split(",") if b] for name, _, needs in (p.partition("<") for p in graph.split())}
    return s.Scheduler(make_plan(list(before), before), max_concurrency=slots, **more)


def said(commands, names="abcdefgh"):
    """Commands in short: "start a", "skip c (needs a, which failed)"."""
    lines = []
    for command in commands:
        if isinstance(command, s.Finish):
            lines.append(f"finish {command.status}")
        else:
            reason = f" ({command.reason})" if hasattr(command, "reason") else ""
            lines.append(f"{type(command).__name__.lower()} {names[command.node]}{reason}")
    return lines


def test_the_table_covers_every_state_and_final_ones_lead_nowhere():
    assert set(s.TRANSITIONS) >= set(NodeState) - {NodeState.WAITING, NodeState.CACHED}
    for state in FINAL_STATES & set(s.TRANSITIONS):
        assert s.TRANSITIONS[state] == frozenset()


def reach(state):
    """A scheduler of one node in that state."""
    run = scheduler("x a<x", slots=1) if state is NodeState.PENDING else scheduler("a b", slots=1)
    run.start()
    told = {
        NodeState.RETRYING: s.Delayed(0), NodeState.SUCCEEDED: s.Succeeded(0), NodeState.FAILED: s.Failed(0),
        NodeState.CANCELLED: s.Stopped(0),
    }  # fmt: skip
    if state in told:
        run.handle(told[state])
    node = 1 if state in (NodeState.PENDING, NodeState.READY) else 0
    assert run.states[node] is state
    return run, node


STATES = [NodeState.PENDING, NodeState.READY, NodeState.RUNNING, NodeState.RETRYING, *sorted(FINAL_STATES)]
STIMULI = {
    s.Succeeded: NodeState.SUCCEEDED, s.Failed: NodeState.FAILED, s.Stopped: NodeState.CANCELLED,
    s.Delayed: NodeState.RETRYING,
}  # fmt: skip


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (state, told)
        for state, told in itertools.product(STATES, STIMULI)
        if state not in (NodeState.SKIPPED, NodeState.CACHED)
    ],
)
def test_a_move_is_legal_or_tells_the_nodes_story(state, told):
    run, node = reach(state)
    to = STIMULI[told]
    if to in s.TRANSITIONS[state]:
        run.handle(told(node))
        assert run.states[node] is to
    else:
        with pytest.raises(s.IllegalTransitionError, match=f"cannot go from {state} to {to} .running . of 1"):
            run.handle(told(node))
        assert run.states[node] is state


def test_a_wait_can_be_over_only_for_a_node_that_waits():
    run, node = reach(NodeState.RUNNING)
    with pytest.raises(s.IllegalTransitionError, match="not retrying"):
        run.handle(s.Due(node))


def test_a_node_starts_the_moment_its_own_inputs_are_there():
    run = scheduler("a b c<a d<a,b")
    assert said(run.start()) == ["start a", "start b"]
    assert said(run.handle(s.Succeeded(0))) == ["start c"]
    assert said(run.handle(s.Succeeded(1))) == ["start d"]
    assert said(run.handle(s.Succeeded(2))) == []
    assert run.status is RunStatus.RUNNING
    assert said(run.handle(s.Succeeded(3))) == ["finish succeeded"]


def test_nodes_that_wait_for_a_slot_start_in_the_order_in_which_they_became_ready():
    run = scheduler("a b c d<a", slots=2)
    assert said(run.start()) == ["start a", "start b", "enqueue c"]
    assert said(run.handle(s.Succeeded(0))) == ["start c", "enqueue d"]
    assert said(run.handle(s.Succeeded(1))) == ["start d"]


def test_a_retry_gives_its_slot_back_and_comes_before_those_that_never_ran():
    run = scheduler("a b c", slots=1)
    run.start()
    assert said(run.handle(s.Delayed(0))) == ["start b"]
    assert run.running == 1
    assert said(run.handle(s.Due(0))) == []
    assert said(run.handle(s.Succeeded(1))) == ["resume a"]
    assert run.running == 1
    assert said(run.handle(s.Succeeded(0))) == ["start c"]


def test_a_failure_skips_what_needs_it_and_nothing_else():
    run = scheduler("a b c<a d<c e<b f<d,e")
    run.start()
    assert said(run.handle(s.Failed(0))) == [
        "skip c (needs a, which failed)",
        "skip d (needs c, which was skipped)",
        "skip f (needs d, which was skipped)",
    ]
    assert said(run.handle(s.Succeeded(1))) == ["start e"]
    assert said(run.handle(s.Succeeded(4))) == ["finish failed"]


def test_fail_fast_stops_everything():
    run = scheduler("a b c d<b e<a", slots=2, fail_fast=True)
    run.start()
    why = "(the run stopped when a failed)"
    assert said(run.handle(s.Failed(0))) == [
        "skip e (needs a, which failed)",
        "interrupt b",
        f"cancel c {why}",
        f"cancel d {why}",
    ]
    assert said(run.handle(s.Stopped(1))) == [f"cancel b {why}", "finish failed"]


def test_fail_fast_stops_once():
    run = scheduler("a b", fail_fast=True)
    run.start()
    run.handle(s.Failed(0))
    assert said(run.handle(s.Failed(1))) == ["finish failed"]


@pytest.mark.parametrize(
    ("node", "answer"),
    [
        (0, ["interrupt a"]),
        (1, ["cancel b (cancelled)"]),
        (2, ["cancel c (cancelled)", "skip d (needs c, which was cancelled)"]),
    ],
)
def test_one_node_is_cancelled_wherever_it_is(node, answer):
    run = scheduler("a b c<a d<c", slots=1)
    run.start()
    assert said(run.handle(s.CancelNode(node))) == answer


def test_a_retrying_node_that_is_due_can_be_cancelled():
    run = scheduler("a b", slots=1)
    run.start()
    run.handle(s.Delayed(0))
    run.handle(s.Due(0))
    assert said(run.handle(s.CancelNode(0))) == ["interrupt a"]
    assert said(run.handle(s.Stopped(0))) == ["cancel a (cancelled)"]
    assert said(run.handle(s.Succeeded(1))) == ["finish cancelled"]


def test_a_node_cancelled_while_it_waits_for_a_slot_never_gets_one():
    run = scheduler("a b c", slots=1)
    run.start()
    run.handle(s.CancelNode(1))
    assert said(run.handle(s.Succeeded(0))) == ["start c"]


def test_a_node_that_is_due_does_not_go_on_in_a_cancelled_run():
    run = scheduler("a b", slots=1)
    run.start()
    run.handle(s.Delayed(0))
    run.handle(s.Due(0))
    run.handle(s.CancelRun())
    assert said(run.handle(s.Stopped(1))) == ["cancel b (the run was cancelled)"]


def test_a_node_that_has_ended_is_not_cancelled():
    run = scheduler("a b")
    run.start()
    run.handle(s.Succeeded(0))
    assert said(run.handle(s.CancelNode(0))) == []


def test_cancelling_the_run_stops_what_runs_and_ends_what_waits():
    run = scheduler("a b c<a", slots=1)
    run.start()
    why = "(the run was cancelled)"
    assert said(run.handle(s.CancelRun())) == ["interrupt a", f"cancel b {why}", f"cancel c {why}"]
    assert said(run.handle(s.Stopped(0))) == [f"cancel a {why}", "finish cancelled"]


def test_a_node_that_succeeds_in_spite_of_the_cancellation_starts_nobody():
    run = scheduler("a b<a")
    run.start()
    run.handle(s.CancelRun())
    assert said(run.handle(s.Succeeded(0))) == ["finish cancelled"]


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ([s.Succeeded(0), s.Succeeded(1)], "succeeded"),
        ([s.Succeeded(0), s.Failed(1)], "failed"),
        ([s.Stopped(0), s.Succeeded(1)], "cancelled"),
        ([s.Stopped(0), s.Failed(1)], "failed"),
        ([s.CancelRun(), s.Failed(0), s.Stopped(1)], "cancelled"),
    ],
)
def test_status(told, status):
    run = scheduler("a b")
    run.start()
    for stimulus in told:
        commands = run.handle(stimulus)
    assert said(commands)[-1] == f"finish {status}"


def test_a_run_of_nothing_is_finished_at_once():
    assert said(s.Scheduler(make_plan([], {}), max_concurrency=1).start()) == ["finish succeeded"]


def test_skipping_a_chain_of_a_hundred_thousand_needs_no_recursion():
    names = [f"n{i}" for i in range(100_000)]
    run = s.Scheduler(make_plan(names, {n: names[max(i - 1, 0) : i] for i, n in enumerate(names)}), max_concurrency=1)
    run.start()
    commands = run.handle(s.Failed(0))
    assert len(commands) == 100_000
    assert commands[-1] == s.Finish(RunStatus.FAILED)
