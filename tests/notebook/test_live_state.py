"""What a live view is told: everything at first, then only what has changed."""

import json

import pytest
from story import Story

import graphbit_nb as gb
from graphbit_nb.notebook.live.state import LiveState, Look, Subject


def workflow_of(*nodes):
    builder = gb.WorkflowBuilder("story")
    for node in nodes:
        builder.add_node(node)
    return builder.build()


@pytest.fixture
def chain():
    return workflow_of(
        gb.Node.prompt("outline", "Points on {{ topic }}"), gb.Node.prompt("draft", "Write: {{ outline }}")
    )


@pytest.fixture
def story():
    return Story("outline", "draft")


@pytest.fixture
def state(chain, story):
    state = LiveState(Subject(workflow=chain, snapshot=story.snapshot))
    state.whole(1.0)
    return state


def test_the_whole_state_can_be_written_as_json_and_has_a_picture_of_every_card(chain):
    whole = json.loads(json.dumps(LiveState(Subject(workflow=chain)).whole(0.0)))
    assert whole["version"] == 1
    assert list(whole["nodes"]) == ["input:topic", "outline", "draft"]
    assert whole["picture"]["cards"] == 3
    assert 'data-id="draft"' in whole["picture"]["svg"]
    assert (whole["run"], whole["rows"]) == (None, [])


def test_when_nothing_happens_nothing_is_told(state):
    assert state.changes(1.0) is None
    assert state.changes(9.0) is None


def test_a_state_restyles_its_card_and_the_links_to_it_and_moves_nothing(state, story):
    story("NodeStarted", "outline")
    story("NodeSucceeded", "outline", output="done")
    state.changes(2.0)
    story("NodeStarted", "draft")
    told = state.changes(3.0)
    assert list(told["cards"]) == ["draft"]
    assert 'data-state="running"' in told["cards"]["draft"]
    assert told["flows"] == [["outline", "draft", "active"]]
    assert told["nodes"]["draft"]["state"] == "running"
    assert told["rows"]["order"] == ["draft"]
    assert "picture" not in told


def test_tellings_are_numbered(state, story):
    story("NodeStarted", "outline")
    first = state.changes(2.0)["seq"]
    story("LlmToken", "outline", text="Once")
    assert state.changes(2.0)["seq"] > first


def test_streamed_text_changes_one_row_and_one_card(state, story):
    story("NodeStarted", "outline")
    story("LlmRequested", "outline", provider="p", model="m", parameters={})
    state.changes(2.0)
    story("LlmToken", "outline", text="Once upon")
    told = state.changes(2.0)
    assert list(told["rows"]["rows"]) == ["outline"]
    assert told["rows"]["rows"]["outline"]["text"] == "Once upon"
    assert list(told["cards"]) == ["outline"]


def test_a_new_node_makes_a_new_picture(state, chain):
    before = state.whole(1.0)["picture"]["key"]
    state.subject.workflow = workflow_of(*chain.nodes.values(), gb.Node.prompt("title", "Title of {{ draft }}"))
    state.subject.new = "title"
    told = state.changes(2.0)
    assert told["picture"]["key"] != before
    assert 'data-id="title"' in told["picture"]["svg"]
    assert "title" in told["nodes"]


def test_another_direction_and_another_width_make_a_new_picture(state):
    state.look.direction = "TB"
    assert state.changes(1.0)["picture"]["rankdir"] == "TB"
    state.look.width = 300.0
    told = state.changes(1.0)
    assert told["picture"]["density"] == "compact"


def test_a_sub_workflow_is_folded_until_it_is_opened(chain):
    outer = workflow_of(gb.Node.workflow("inner", chain, inputs={"topic": "subject"}))
    state = LiveState(Subject(workflow=outer), Look())
    assert state.whole(0.0)["folds"] == [{"path": "inner", "open": False}]
    state.look.unfold.add("inner")
    told = state.changes(0.0)
    assert told["folds"] == [{"path": "inner", "open": True}]
    assert 'data-id="inner.draft"' in told["picture"]["svg"]


def test_cards_of_an_unfolded_sub_workflow_and_its_frame_are_restyled(chain):
    outer = workflow_of(gb.Node.workflow("inner", chain, inputs={"topic": "subject"}))
    story = Story("inner")
    state = LiveState(Subject(workflow=outer, snapshot=story.snapshot), Look(unfold={"inner"}))
    state.whole(1.0)
    story("NodeStarted", "inner")
    story("NodeExpanded", "inner", what="nodes", parts=("inner.outline", "inner.draft"))
    story("NodeStarted", "inner.outline")
    told = state.changes(2.0)
    assert list(told["cards"]) == ["inner.outline"]
    assert list(told["frames"]) == ["inner"]


def test_a_wait_is_told_again_as_it_goes_by(state, story):
    story("NodeStarted", "outline")
    story("LlmRequested", "outline", provider="p", model="m", parameters={})
    error = gb.ErrorInfo("RateLimitError", "slow down")
    story("RetryScheduled", "outline", attempt=1, delay=8.0, error=error)
    since = story.snapshot.index["outline"].attempts[0].finished
    told = state.changes(since)
    row = told["rows"]["rows"]["outline"]
    assert (row["until"], row["wait"], row["state"]) == (since + 8.0, 8.0, "retrying")
    assert list(state.changes(since + 1.0)["cards"]) == ["outline"]


def test_the_run_says_how_far_it_is_and_what_it_took(state, story):
    story("NodeStarted", "outline")
    story("NodeSucceeded", "outline", output="done")
    run = state.changes(9.0)["run"]
    assert (run["status"], run["done"], run["total"], run["steps"]) == ("running", 1, 2, "nodes")
    assert run["counts"] == {"succeeded": 1, "pending": 1}
    assert (run["began"], run["ended"], run["now"]) == (1.0, None, 9.0)


def test_a_run_that_has_ended_has_no_rows(state, story):
    story("NodeStarted", "outline")
    state.changes(2.0)
    story("NodeFailed", "outline", error=gb.ErrorInfo("ValueError", "no"))
    story("RunFinished", None, status=gb.RunStatus.FAILED)
    told = state.changes(3.0)
    assert told["rows"] == {"order": [], "rows": {}, "more": 0}
    assert told["run"]["status"] == "failed"


def test_what_is_out_of_date_is_marked(state):
    state.subject.stale = frozenset({"draft"})
    told = state.changes(1.0)
    assert told["nodes"]["draft"]["state"] == "stale"
    assert "data-stale" in told["cards"]["draft"]


def test_without_a_layout_engine_the_reason_is_told(chain, monkeypatch):
    def fail(*_, **__):
        raise gb.LayoutError("no Graphviz")

    monkeypatch.setattr("graphbit_nb.notebook.live.state.Drawing.of", fail)
    whole = LiveState(Subject(workflow=chain)).whole(0.0)
    assert (whole["picture"], whole["problem"]) == (None, "no Graphviz")


def test_what_opens_into_many_is_one_card_until_somebody_unfolds_it():
    inner = workflow_of(*(gb.Node.prompt(f"n{i}", "x") for i in range(300)))
    whole = workflow_of(
        gb.Node.prompt("listed", "x", output="list[text]"),
        gb.Node.prompt("each", "{{ one }}", for_each="one in listed"),
        gb.Node.workflow("inner", inner),
    )
    story = Story("listed", "each", "inner").items("each", "s" * 1000)
    told = LiveState(Subject(workflow=whole, snapshot=story.snapshot)).whole(1.0)
    assert told["picture"]["cards"] == 3
    assert len(told["rows"]) < 20


def test_that_a_run_is_not_written_down_is_said_beside_it(state, story):
    story("RunUnkept", reason="the disk is full")
    assert state.changes(2.0)["notes"] == [{"state": "failed", "text": "in memory only: the disk is full"}]
