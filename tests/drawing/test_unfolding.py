"""An unfolded sub-workflow: its nodes inside a frame, and links that lead to and come from what is really read."""

import pytest

import graphbit_nb as gb
from graphbit_nb.core import events as e
from graphbit_nb.drawing import Card, Frame, Scene, draw, foldable, scene_of, svg
from graphbit_nb.drawing.geometry import place

from .conftest import SVG, begun, build, ended, failed, fold, groups, opened

CRITIQUE = build(
    gb.Node.prompt("critic", "{{ text }}"),
    gb.Node.prompt("style", "{{ text }} {{ guide }}"),
    gb.Node.prompt("revise", "{{ critic }} {{ style }}"),
    name="critique",
)


def around(*after, **settings):
    given = {"inputs": {"text": "draft.body", "guide": "rules"}, **settings}
    return build(
        gb.Node.prompt("draft", "{{ topic }}", output="json"), gb.Node.workflow("review", CRITIQUE, **given), *after
    )


def links(workflow, *unfold, **more):
    return {(link.source, link.target) for link in scene_of(workflow, unfold=unfold, **more).links}


LOOP = {"repeat_until": "critic.score >= 8", "max_iterations": 3, "returns": "revise"}
LAST = gb.Node.prompt("last", "{{ review }}")
PARTS = ("review.critic", "review.style", "review.revise")


def test_folded_it_is_one_card():
    scene = scene_of(around(LAST))
    assert [card.id for card in scene.cards if card.kind != "input"] == ["draft", "review", "last"]
    assert not scene.frames


def test_unfolded_its_nodes_stand_in_a_frame_where_it_was_defined():
    scene = scene_of(around(LAST), unfold={"review"})
    assert [card.id for card in scene.cards if card.kind != "input"] == ["draft", *PARTS, "last"]
    assert [(frame.id, frame.label, frame.members) for frame in scene.frames] == [("review", "review", PARTS)]


def test_cards_inside_are_labelled_by_their_own_names():
    assert scene_of(around(), unfold=["review"]).by_id()["review.critic"].label == "critic"


def test_links_from_outside_lead_to_the_nodes_that_read_them():
    found = links(around(), "review")
    assert {target for source, target in found if source == "draft"} == {"review.critic", "review.style"}
    assert {target for source, target in found if source == "input:rules"} == {"review.style"}


def test_what_returns_one_node_is_left_from_that_node():
    assert ("review.critic", "last") in links(around(LAST, returns="critic"), "review")
    assert ("review.revise", "last") not in links(around(LAST, returns="critic"), "review")


def test_what_is_read_of_one_node_inside_comes_from_that_node():
    reader = gb.Node.python("last", lambda score: score, inputs={"score": "review.critic"})
    assert {source for source, target in links(around(reader), "review") if target == "last"} == {"review.critic"}


def test_what_is_read_as_a_whole_comes_from_the_nodes_it_ends_with():
    assert {source for source, target in links(around(LAST), "review") if target == "last"} == {"review.revise"}


def test_a_link_for_the_order_alone_leads_to_the_nodes_it_begins_with():
    workflow = around(inputs={"text": "topic", "guide": "rules"}, after="draft")
    scene = scene_of(workflow, unfold=["review"])
    kinds = {(link.source, link.target): link.kind for link in scene.links}
    assert kinds["draft", "review.critic"] == kinds["draft", "review.style"] == "control"
    assert ("draft", "review.revise") not in kinds


def test_a_branch_to_it_keeps_its_label_and_dies_when_it_is_not_taken():
    workflow = build(
        gb.Node.condition("route", lambda text: "a"),
        gb.Node.workflow("review", CRITIQUE, inputs={"text": "'x'", "guide": "'y'"}, when="route=long|odd"),
    )
    skipped = (e.NodeSkipped, "review", "route gave 'short', not 'long'")
    scene = scene_of(workflow, fold(workflow, *ended("route", output="short"), skipped), unfold=["review"])
    branches = [link for link in scene.links if link.kind == "conditional"]
    assert {link.label for link in branches} == {"long | odd"}
    assert scene.dead == {(link.source, link.target) for link in branches}
    assert {card.state for card in scene.cards if card.id.startswith("review.")} == {"skipped"}
    assert (scene.frames[0].state, scene.frames[0].live) == ("skipped", "not taken")


def test_cards_inside_have_the_states_of_the_run():
    workflow = around()
    told = fold(workflow, *ended("draft"), *opened("review", "nodes", *PARTS), *ended(PARTS[0]), *begun(PARTS[1]))
    scene = scene_of(workflow, told, unfold=["review"])
    assert [scene.by_id()[path].state for path in PARTS] == ["succeeded", "running", "pending"]
    assert (scene.frames[0].state, scene.frames[0].live) == ("running", "1/3")


def looped(*events):
    workflow = around(**LOOP)
    first, second = (tuple(f"review#{k}.{name}" for name in CRITIQUE.nodes) for k in (1, 2))
    return workflow, fold(
        workflow, *ended("draft"), *opened("review", "nodes", *first), *ended(*first),
        *opened("review", "nodes", *second, iteration=2), *events,
    )  # fmt: skip


def test_of_a_loop_the_latest_iteration_is_shown_and_the_frame_says_which():
    workflow, told = looped(*begun("review#2.critic"))
    scene = scene_of(workflow, told, unfold=["review"])
    assert [scene.by_id()[path].state for path in PARTS] == ["running", "pending", "pending"]
    assert scene.frames[0].live == "iteration 2/3"


def test_before_the_run_the_frame_of_a_loop_says_when_it_ends():
    assert scene_of(around(**LOOP), unfold=["review"]).frames[0].sub == "until critic.score >= 8, at most 3"


def test_the_frame_of_one_that_failed_says_why():
    workflow = around()
    events = [*opened("review", "nodes", *PARTS), *failed(PARTS[0])]
    told = fold(workflow, *events, (e.NodeFailed, "review", e.ErrorInfo("RateLimitError", "no")))
    frame = scene_of(workflow, told, unfold=["review"]).frames[0]
    assert (frame.state, frame.live) == ("failed", "rate limited")


def nested():
    middle = build(
        gb.Node.prompt("plan", "{{ text }}"),
        gb.Node.workflow("review", CRITIQUE, inputs={"text": "plan", "guide": "text"}),
        gb.Node.prompt("close", "{{ review.style }}"),
        name="middle",
    )
    return build(
        gb.Node.workflow("outer", middle, inputs={"text": "topic"}), gb.Node.prompt("last", "{{ outer.review.critic }}")
    )


def test_one_inside_another_stays_folded_until_it_is_named_too():
    scene = scene_of(nested(), unfold=["outer"])
    assert [card.id for card in scene.cards][1:] == ["outer.plan", "outer.review", "outer.close", "last"]


def test_one_inside_another_stands_in_a_frame_of_its_own_inside_the_outer_one():
    scene = scene_of(nested(), unfold=["outer", "outer.review"])
    assert [(frame.id, frame.parent) for frame in scene.frames] == [("outer", None), ("outer.review", "outer")]
    assert scene.frames[0].members == ("outer.plan", "outer.close")


def test_links_pass_through_both_frames():
    found = links(nested(), "outer", "outer.review")
    assert {
        ("input:topic", "outer.review.style"), ("outer.plan", "outer.review.critic"),
        ("outer.review.style", "outer.close"), ("outer.review.critic", "last"),
    } <= found  # fmt: skip


def test_one_inside_a_folded_one_is_not_unfolded():
    assert not scene_of(nested(), unfold=["outer.review"]).frames


def test_the_items_of_a_fan_out_are_not_unfolded():
    workflow = build(gb.Node.workflow("review", CRITIQUE, inputs={"text": "t", "guide": "t"}, for_each="t in texts"))
    assert not scene_of(workflow, unfold=["review"]).frames
    assert list(foldable(workflow)) == []


def test_the_paths_that_can_be_unfolded_are_listed_outer_ones_first():
    assert list(foldable(nested())) == ["outer", "outer.review"]


@pytest.mark.parametrize("unfold", [["draft"], ["gone"], ["review.critic"], []])
def test_what_is_no_sub_workflow_is_passed_over(unfold):
    assert scene_of(around(), unfold=unfold) == scene_of(around())


def test_one_name_may_be_given_as_it_is():
    assert scene_of(around(), unfold="review") == scene_of(around(), unfold=["review"])


def test_what_holds_an_out_of_date_node_is_out_of_date_inside():
    cards = scene_of(around(), stale={"review"}, unfold=["review"]).cards
    assert {card.id for card in cards if card.stale} == set(PARTS)


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_a_frame_stands_inside_the_frame_around_it_and_holds_no_foreign_card(rankdir):
    scene = scene_of(nested(), unfold=["outer", "outer.review"])
    places = place(scene, rankdir=rankdir, density="full")
    outer, inner = places.frames[0], places.frames[1]
    assert outer.holds(inner.left, inner.top)
    assert outer.holds(inner.right, inner.bottom)
    inside = {card.id for card in scene.cards if inner.overlap(places.cards[card.id])}
    assert inside == {f"outer.{path}" for path in PARTS}


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_a_run_moves_nothing(rankdir):
    workflow, told = looped(*begun("review#2.critic"))
    before, after = (scene_of(workflow, told_, unfold=["review"]) for told_ in (None, told))
    assert place(before, rankdir=rankdir, density="full") == place(after, rankdir=rankdir, density="full")


def test_the_frame_is_drawn_with_its_name_and_what_happens_in_it():
    workflow, told = looped(*begun("review#2.critic"))
    (frame,) = groups(svg(workflow, told, unfold=["review"]), "gb-cluster")
    assert frame.get("data-state") == "running"
    assert [text.text for text in frame.iter(f"{SVG}text")] == ["review", "iteration 2/3"]
    assert frame.find(f"{SVG}title").text == "review, running, iteration 2/3"


def test_a_frame_with_nothing_but_a_frame_inside_is_drawn():
    inner = Frame(id="b", label="b", members=("1",), parent="a")
    scene = Scene(
        title="t", cards=(Card(id="1", label="1", kind="prompt"),), frames=(Frame(id="a", label="a", members=()), inner)
    )
    assert [frame.get("data-id") for frame in groups(draw(scene), "gb-cluster")] == ["a", "b"]


def test_a_frame_before_the_one_around_it_is_refused():
    with pytest.raises(ValueError, match="'b' stands before the frame around it, 'a'"):
        Scene(title="t", cards=(), frames=(Frame(id="b", label="b", members=(), parent="a"),))
