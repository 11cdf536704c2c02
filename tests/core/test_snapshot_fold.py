"""The state of a run is the fold of its events, of each of them."""

import dataclasses

import pytest

from graphbit_nb.core import events as e
from graphbit_nb.core.llm import Message, Usage
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.core.states import FINAL_STATES, NodeState, RunStatus

ERROR = e.ErrorInfo("ValueError", "no", "a", 1)


def fold(*parts):
    """Stamp and fold; each part is an event class and its own fields."""
    snapshot = RunSnapshot()
    for seq, (kind, *fields) in enumerate(((e.RunStarted, "w", ("a", "b"), {"x": 1}), *parts), start=1):
        snapshot.apply(kind("run", seq, float(seq), *fields))
    return snapshot


REQUESTED = (e.LlmRequested, "a", "scripted", "m", {"seed": 1})
RESPONDED = (e.LlmResponded, "a", "hello", "stop", Usage(input_tokens=3, calls=1), None, "id", 0.1, 0.2, 0.5)


def test_the_events_are_a_closed_union_with_kinds_of_their_own():
    assert sorted(e.EVENT_TYPES) == [
        "circuit.changed", "content.flagged", "fallback.asked", "llm.requested", "llm.responded", "llm.token",
        "node.cached",
        "node.cancelled", "node.expanded", "node.failed", "node.printed", "node.ready", "node.resumed",
        "node.skipped", "node.started", "node.succeeded", "node.waiting", "output.rejected", "prompt.rendered",
        "rate.limited", "retry.scheduled", "run.finished", "run.resumed", "run.started", "run.unkept", "tool.called",
    ]  # fmt: skip
    for kind in e.EVENT_TYPES.values():
        assert [field.name for field in dataclasses.fields(kind)][:3] == ["run_id", "seq", "time"]


def test_an_event_described_begins_with_its_kind():
    assert e.describe(e.NodeStarted("run", 1, 2.0, "a")) == {
        "kind": "node.started", "run_id": "run", "seq": 1, "time": 2.0, "node": "a",
    }  # fmt: skip


@pytest.mark.parametrize("seq", [0, 1, 3])
def test_an_event_that_is_missing_or_told_twice_is_an_error(seq):
    snapshot = fold()
    with pytest.raises(ValueError, match="does not follow event 1"):
        snapshot.apply(e.NodeStarted("run", seq, 0.0, "a"))


def test_a_node_from_ready_to_its_output():
    node = fold((e.NodeReady, "a"), (e.NodeStarted, "a"), (e.NodeSucceeded, "a", 5)).nodes["a"]
    assert (node.state, node.output, node.ready, node.started, node.finished) == (NodeState.SUCCEEDED, 5, 2, 3, 4)
    assert node.latency == 1.0


def test_a_prompt_its_call_and_its_answer():
    messages = (Message("system", "s"), Message("user", "u"))
    snapshot = fold((e.PromptRendered, "a", messages, ((), ())), REQUESTED, RESPONDED)
    node = snapshot.nodes["a"]
    assert (node.prompt, node.model, node.usage.input_tokens, node.cost) == ("u", "m", 3, 0.5)
    (attempt,) = node.attempts
    assert (attempt.text, attempt.finish_reason, attempt.request_id, attempt.parameters) == (
        "hello", "stop", "id", {"seed": 1},
    )  # fmt: skip
    assert snapshot.usage.calls == 1


def test_streamed_text_grows_and_is_taken_back_before_a_retry():
    told = [REQUESTED, (e.LlmToken, "a", "he"), (e.LlmToken, "a", "llo")]
    assert fold(*told).nodes["a"].streamed == "hello"
    node = fold(*told, (e.RetryScheduled, "a", 1, 0.5, ERROR)).nodes["a"]
    assert (node.streamed, node.state, node.attempts[0].error, node.attempts[0].delay) == (
        "", NodeState.RETRYING, ERROR, 0.5,
    )  # fmt: skip
    assert fold(*told, (e.OutputRejected, "a", ERROR)).nodes["a"].streamed == ""
    assert fold(*told, (e.NodeSucceeded, "a", "hello")).nodes["a"].streamed == ""


def test_a_retry_without_a_call_and_its_resumption():
    snapshot = fold((e.NodeStarted, "a"), (e.RetryScheduled, "a", 1, 0.5, ERROR), (e.NodeResumed, "a"))
    assert snapshot.nodes["a"].state is NodeState.RUNNING


@pytest.mark.parametrize(
    ("kind", "state"), [(e.NodeSkipped, NodeState.SKIPPED), (e.NodeCancelled, NodeState.CANCELLED)]
)
def test_a_node_that_was_stopped_knows_why(kind, state):
    node = fold(REQUESTED, (kind, "a", "because")).nodes["a"]
    assert (node.state, node.reason, node.finished, node.attempts[0].finished) == (state, "because", 3, 3)


def test_a_failure_ends_the_call_that_was_open():
    node = fold(REQUESTED, (e.NodeFailed, "a", ERROR)).nodes["a"]
    assert (node.state, node.error, node.attempts[0].error) == (NodeState.FAILED, ERROR, ERROR)


def test_a_price_that_is_not_known_makes_no_sum():
    unknown = (*RESPONDED[:-1], None)
    assert fold(REQUESTED, RESPONDED).cost == 0.5
    assert fold(REQUESTED, RESPONDED, REQUESTED, unknown).cost is None
    assert fold().cost == 0


def test_the_run_as_a_whole():
    snapshot = fold((e.NodeStarted, "a"), (e.NodeSucceeded, "a", 1), (e.RunFinished, RunStatus.CANCELLED))
    assert (snapshot.status, snapshot.done, snapshot.elapsed, snapshot.inputs) == ("cancelled", 1, 3.0, {"x": 1})
    assert snapshot.counts() == {NodeState.SUCCEEDED: 1, NodeState.PENDING: 1}


def test_final_states_are_those_that_say_so():
    assert {state for state in NodeState if state.is_final} == FINAL_STATES
    assert {state for state in NodeState if state.has_output} == {NodeState.SUCCEEDED, NodeState.CACHED}
    assert [status.is_final for status in RunStatus] == [False, False, True, True, True]
