"""What a card says: what its node is before the run, what happens in it, what it took."""

import pytest

import graphbit_nb as gb
from graphbit_nb.core.events import ErrorInfo, NodeSkipped
from graphbit_nb.core.snapshot import Attempt, NodeSnapshot, RunSnapshot
from graphbit_nb.core.states import NodeState
from graphbit_nb.drawing import scene_of, svg
from graphbit_nb.drawing.figures import characters, duration, part_of

from .conftest import build, fold, groups

WORKFLOW = build(
    gb.Node.prompt("outline", "About {{ topic }}", model="gpt-4o"),
    gb.Node.prompt("draft", "Write {{ outline }}", output="list[str]"),
)


def run(name="outline", workflow=WORKFLOW, **node):
    nodes = {other: NodeSnapshot(other) for other in workflow.nodes}
    nodes[name] = NodeSnapshot(name, **node)
    return RunSnapshot(workflow=workflow.name, inputs={"topic": "graphs"}, nodes=nodes)


def card(name="outline", snapshot=None, workflow=WORKFLOW, **more):
    return scene_of(workflow, snapshot, **more).by_id()[name]


def failure(name="RateLimitError", attempts=1):
    return ErrorInfo(type=name, message="no", attempts=attempts)


def test_inputs_come_first_and_are_linked_to_the_nodes_that_read_them():
    scene = scene_of(WORKFLOW)
    assert (scene.cards[0].id, scene.cards[0].kind) == ("input:topic", "input")
    assert [(link.source, link.target) for link in scene.links] == [("input:topic", "outline"), ("outline", "draft")]


def test_an_input_that_every_reader_can_do_without_is_left_out():
    workflow = build(gb.Node.python("count", lambda limit=3: limit))
    assert [c.id for c in scene_of(workflow).cards] == ["count"]


@pytest.mark.parametrize(
    ("node", "says"),
    [
        (gb.Node.prompt("n", "x", model="gpt-4o"), "gpt-4o"),
        (gb.Node.prompt("n", "x", model="gpt-4o", output="list[str]"), "gpt-4o → list[str]"),
        (gb.Node.prompt("n", "x", model="gpt-4o", output="text"), "gpt-4o"),
        (gb.Node.prompt("n", "x", output="int"), "→ int"),
        (gb.Node.prompt("n", "x"), "prompt"),
        (gb.Node.python("n", lambda: 1), "python"),
        (gb.Node.python("n", lambda: 1, output="int"), "→ int"),
    ],
)
def test_before_the_run_a_card_says_what_the_node_is(node, says):
    assert card("n", workflow=build(node)).sub == says


@pytest.mark.parametrize(
    ("node", "meta"),
    [
        ({"state": NodeState.READY}, ""),
        ({"state": NodeState.RUNNING}, ""),
        ({"state": NodeState.RUNNING, "streamed": "x" * 312}, "312 chars"),
        ({"state": NodeState.SUCCEEDED, "started": 1.0, "finished": 10.4}, "9.4 s"),
        ({"state": NodeState.CACHED}, "cached"),
        ({"state": NodeState.FAILED, "error": failure(attempts=3)}, "3 tries"),
        ({"state": NodeState.FAILED, "error": failure(), "started": 1.0, "finished": 2.0}, ""),
        ({"state": NodeState.CANCELLED, "started": 1.0, "finished": 3.0}, "2.0 s"),
    ],
)
def test_the_figure_of_a_card_is_what_its_state_has_to_tell(node, meta):
    assert card(snapshot=run(**node)).meta == meta


@pytest.mark.parametrize(
    ("node", "live"),
    [
        ({"state": NodeState.RUNNING, "attempts": [Attempt(1.0)]}, ""),
        ({"state": NodeState.RUNNING, "attempts": [Attempt(1.0), Attempt(2.0)]}, "try 2 · gpt-4o"),
        ({"state": NodeState.WAITING}, "your turn"),
        ({"state": NodeState.FAILED, "error": failure("ProviderTimeoutError")}, "timed out"),
        ({"state": NodeState.FAILED, "error": failure("ZeroDivisionError")}, "ZeroDivisionError"),
        ({"state": NodeState.SUCCEEDED, "error": failure()}, "fallback · rate limited"),
        ({"state": NodeState.CANCELLED}, "cancelled"),
    ],
)
def test_the_second_line_tells_what_happens(node, live):
    assert card(snapshot=run(**node)).live == live


def retrying(delay=8.0):
    return run(state=NodeState.RETRYING, attempts=[Attempt(1.0, finished=2.0, error=failure(), delay=delay)])


def test_a_retry_says_why_which_and_when():
    told = card(snapshot=retrying())
    assert (told.live, told.meta, told.wait) == ("rate limited · try 2", "in 8 s", None)


def test_a_retry_counts_down_by_the_clock_it_is_given():
    told = card(snapshot=retrying(), now=4.0)
    assert (told.meta, told.wait) == ("in 6 s", 0.75)


def test_a_retry_without_a_wait_has_no_bar():
    assert card(snapshot=retrying(delay=0.0), now=4.0).wait is None


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("needs outline, which failed", "needs outline"),
        ("needs review.score, which was skipped", "needs score"),
        ("needs loop#2.draft, which was cancelled", "needs draft"),
        ("outline gave 'positive', not 'negative'", "not taken"),
        ("no edge that leads here was taken", "not taken"),
        ("something else", "skipped"),
    ],
)
def test_a_skipped_node_says_whether_it_was_not_chosen_or_could_not_be(reason, says):
    told = card("draft", fold(WORKFLOW, (NodeSkipped, "draft", reason)))
    assert (told.state, told.live) == ("skipped", says)


def test_without_figures_two_runs_look_the_same():
    fast = run(state=NodeState.SUCCEEDED, started=1.0, finished=2.0)
    slow = run(state=NodeState.SUCCEEDED, started=1.0, finished=9.0, attempts=[Attempt(1.0), Attempt(2.0)])
    assert svg(WORKFLOW, fast, figures=False) == svg(WORKFLOW, slow, figures=False)


def test_a_run_of_an_older_workflow_leaves_new_nodes_pending():
    workflow = build(*WORKFLOW.nodes.values(), gb.Node.prompt("extra", "x"))
    assert card("extra", run(), workflow).state == "pending"


def test_the_new_node_and_stale_nodes_are_flagged():
    scene = scene_of(WORKFLOW, new="draft", stale={"outline"})
    assert [(c.new, c.stale) for c in scene.cards] == [(False, False), (False, True), (True, False)]


def test_a_workflow_is_drawn_with_the_states_of_its_run():
    drawn = groups(svg(WORKFLOW, run(state=NodeState.RUNNING)), "gb-node")
    assert [g.get("data-state") for g in drawn] == ["succeeded", "running", "pending"]


def test_a_real_run_is_drawn_from_its_snapshot():
    config = gb.LlmConfig.scripted({"outline": "a", "draft": '["x"]'})
    result = gb.WorkflowExecutor(config).execute(WORKFLOW, {"topic": "graphs"})
    drawn = groups(svg(result.workflow, result.snapshot), "gb-node")
    assert [g.get("data-state") for g in drawn] == ["succeeded", "succeeded", "succeeded"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 ms"),
        (0.04, "40 ms"),
        (0.999, "1.0 s"),
        (59.96, "1:00"),
        (65, "1:05"),
        (3599.7, "1:00:00"),
        (-1, "0 ms"),
    ],
)
def test_times_are_short(seconds, shown):
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(1, "1 chars"), (999, "999 chars"), (4096, "4.1k chars"), (123_456, "123k chars")]
)
def test_counts_of_characters_are_short(count, shown):
    assert characters(count) == shown


@pytest.mark.parametrize(
    ("count", "total", "shown"),
    [(7, 12, "7/12"), (999, 1000, "999/1k"), (1299, 9999, "1.2k/9.9k"), (9_999, 10_000, "9.9k/10k")],
)
def test_what_is_not_all_done_is_never_rounded_up_to_it(count, total, shown):
    assert part_of(count, total) == shown
