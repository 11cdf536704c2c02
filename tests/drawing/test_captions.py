"""What the cards of fan-outs, sub-workflows, loops, decisions, people and vectors say, before, in and after a run."""

import pytest

import graphbit_nb as gb
from graphbit_nb.core import events as e
from graphbit_nb.drawing import scene_of
from graphbit_nb.drawing.shapes import size
from graphbit_nb.graph.tools import tool_of

from .conftest import begun, build, ended, failed, fold, opened

EACH = build(gb.Node.prompt("each", "{{ point }}", for_each="point in points", model="gpt-4o"))
ITEMS = tuple(f"each[{i}]" for i in range(12))
INNER = build(gb.Node.prompt("critic", "{{ text }}"), gb.Node.prompt("revise", "{{ text }} {{ critic }}"), name="inner")
ONCE = build(gb.Node.workflow("review", INNER, inputs={"text": "draft"}))
LOOP = build(
    gb.Node.workflow(
        "polish", INNER, inputs={"text": "draft"}, repeat_until="critic.score >= 8", max_iterations=3,
        carry={"text": "revise"}, returns="revise",
    )
)  # fmt: skip
ROUTE = build(
    gb.Node.condition("route", "{{ text }}"),
    gb.Node.prompt("answer", "x", when="route=question|request"),
    gb.Node.prompt("thank", "x", when="route=praise"),
    gb.Node.prompt("reply", "{{ answer }} {{ thank }}", join="any", model="gpt-4o"),
)
ASK = build(gb.Node.human("approve", "Is this right?", output="approve|reject"))


async def search(query: str) -> str:
    return query


def agent(*names, **more):
    return gb.Node.agent("n", "{{ x }}", tools=[tool_of(search, name=name) for name in names], **more)


def card(workflow, *events, **more):
    return scene_of(workflow, fold(workflow, *events) if events else None, **more).cards[-1]


def of(name, workflow, *events):
    return scene_of(workflow, fold(workflow, *events)).by_id()[name]


@pytest.mark.parametrize(
    ("node", "says"),
    [
        (gb.Node.prompt("n", "{{ point }}", for_each="point in points"), "each point · prompt"),
        (gb.Node.python("n", lambda q, a: q, for_each="q, a in pairs", output="int"), "each q, a · → int"),
        (gb.Node.human("n", "?"), "asks you"),
        (gb.Node.human("n", "?", output="approve|reject"), "asks you · approve | reject"),
        (gb.Node.human("n", "?", output="a rather long label|another long label"), "asks you"),
        (gb.Node.embed("n", "{{ x }}"), "vectors"),
        (gb.Node.embed("n", "{{ x }}", model="bge-small"), "bge-small · vectors"),
        (agent("search", "fetch"), "search, fetch"),
        (agent("a", "b", "c", model="gpt-4o", output="int"), "gpt-4o · 3 tools · → int"),
        (gb.Node.condition("n", lambda x: "yes"), "condition"),
        (gb.Node.condition("n", lambda x: "yes", output="yes|no"), "→ yes|no"),
        (gb.Node.workflow("n", INNER), "2 nodes"),
        (gb.Node.workflow("n", INNER, for_each="text in texts"), "each text · 2 nodes"),
    ],
)
def test_before_the_run_a_card_says_what_the_node_is(node, says):
    assert card(build(node)).sub == says


def test_a_loop_says_when_it_ends():
    assert card(LOOP).sub == "until critic.score >= 8, at most 3"


def test_a_kind_from_a_plugin_is_called_by_its_name():
    class Shout(gb.NodeProcessor):
        node_type = "shout"

        async def process(self, input):  # noqa: A002
            return input.rendered

    gb.ProcessorRegistry.register(Shout)
    try:
        assert card(build(gb.Node.shout("n", "{{ x }}"))).sub == "shout"
        assert card(build(gb.Node.shout("n", "{{ x }}", output="int"))).sub == "shout → int"
    finally:
        gb.ProcessorRegistry.unregister("shout")


# ---- fan-outs


def test_a_fan_out_is_a_stack_and_says_of_what():
    assert card(EACH).fan == "each point"
    assert card(ONCE).fan is None


def test_a_fan_out_counts_the_items_that_have_ended():
    told = card(EACH, *opened("each", "items", *ITEMS), *ended(*ITEMS[:7]), *begun(ITEMS[7]))
    assert (told.state, told.meta, told.live) == ("running", "7/12", "")
    assert told.items == ("done",) * 7 + ("run",) + ("",) * 4


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        (begun(ITEMS[0]), "run"),
        (ended(ITEMS[0]), "done"),
        (failed(ITEMS[0]), "fail"),
        ([(e.NodeWaiting, ITEMS[0], "?")], "wait"),
        ([(e.RetryScheduled, ITEMS[0], 1, 0.5, e.ErrorInfo("RateLimitError", "no"))], "run"),
        ([(e.NodeReady, ITEMS[0])], ""),
        ([(e.NodeCancelled, ITEMS[0], "cancelled")], ""),
    ],
)
def test_every_state_of_an_item_has_its_segment(events, shown):
    assert card(EACH, *opened("each", "items", *ITEMS[:2]), *events).items == (shown, "")


def test_a_fan_out_that_is_done_says_how_many_items_there_were():
    told = card(EACH, *opened("each", "items", *ITEMS), *ended(*ITEMS), (e.NodeSucceeded, "each", ["x"] * 12))
    assert (told.meta, told.items) == ("12", ())


def test_a_fan_out_that_went_on_without_some_items_shows_that_they_failed():
    events = [*opened("each", "items", *ITEMS), *failed(ITEMS[0]), *ended(*ITEMS[1:])]
    told = card(EACH, *events, (e.NodeSucceeded, "each", ["x"] * 11))
    assert (told.meta, told.items) == ("11/12", ("fail",) + ("done",) * 11)


def test_a_fan_out_that_failed_says_why_and_how_many_succeeded():
    events = [*opened("each", "items", *ITEMS), *failed(ITEMS[0]), *ended(*ITEMS[1:])]
    told = card(EACH, *events, (e.NodeFailed, "each", e.ErrorInfo("RateLimitError", "1 of 12 items failed")))
    assert (told.live, told.meta) == ("rate limited", "11/12")


def test_a_fan_out_over_nothing_says_so():
    told = card(EACH, *opened("each", "items"), (e.NodeSucceeded, "each", []))
    assert (told.live, told.meta) == ("each point · no items", "")


def test_ten_thousand_items_are_few_segments_and_one_that_failed_is_not_lost():
    paths = tuple(f"each[{i}]" for i in range(10_000))
    told = card(EACH, *opened("each", "items", *paths), *ended(*paths[:5000]), *failed(paths[9_999]))
    assert len(told.items) == 24
    assert (told.items[0], told.items[-1], told.meta) == ("done", "fail", "5k/10k")


# ---- sub-workflows and loops


def test_a_sub_workflow_says_which_of_its_nodes_is_at_work_and_how_many_are_done():
    told = card(ONCE, *opened("review", "nodes", "review.critic", "review.revise"), *begun("review.critic"))
    assert (told.live, told.meta, told.items) == ("critic", "0/2", ("run", ""))


def test_several_nodes_at_work_are_counted():
    told = card(
        ONCE, *opened("review", "nodes", "review.critic", "review.revise"), *begun("review.critic", "review.revise")
    )
    assert told.live == "critic +1"


def iteration(number):
    parts = [f"polish#{number}.critic", f"polish#{number}.revise"]
    return opened("polish", "nodes", *parts, iteration=number), parts


def test_a_loop_says_in_which_iteration_it_is_and_shows_the_nodes_of_that_one():
    (first, before), (second, now) = iteration(1), iteration(2)
    told = card(LOOP, *first, *ended(*before), *second, *begun(now[0]))
    assert (told.live, told.meta, told.items) == ("iteration 2/3 · critic", "", ("run", ""))


@pytest.mark.parametrize(("count", "says"), [(1, "1 iteration"), (2, "2 iterations")])
def test_a_loop_that_is_done_says_how_often_it_ran(count, says):
    events = [event for n in range(1, count + 1) for event in (*iteration(n)[0], *ended(*iteration(n)[1]))]
    told = card(LOOP, *events, (e.NodeSucceeded, "polish", "x"))
    assert (told.live, told.items) == (says, ())
    assert told.meta.endswith(" s")


def test_a_sub_workflow_that_failed_says_where():
    events = [*opened("review", "nodes", "review.critic", "review.revise"), *failed("review.critic")]
    events.append((e.NodeSkipped, "review.revise", "needs review.critic, which failed"))
    told = card(ONCE, *events, (e.NodeFailed, "review", e.ErrorInfo("RateLimitError", "no")))
    assert (told.live, told.items) == ("critic: rate limited", ("fail", ""))


def test_a_sub_workflow_waits_when_only_a_person_can_go_on():
    parts = ("review.critic", "review.revise")
    asked = (e.NodeWaiting, "review.critic", "?")
    assert card(ONCE, *opened("review", "nodes", *parts), asked).state == "waiting"
    assert card(ONCE, *opened("review", "nodes", *parts), asked).live == "your turn · critic"
    assert card(ONCE, *opened("review", "nodes", *parts), asked, *begun(parts[1])).state == "running"


# ---- decisions


def test_a_condition_names_its_branches_and_then_the_one_it_took():
    assert of("route", ROUTE).sub == "question | request | praise"
    assert of("route", ROUTE, *ended("route", output="praise")).live == "praise"


def test_a_prompt_that_others_are_chosen_by_says_its_label():
    workflow = build(gb.Node.prompt("mood", "x", output="good|bad"), gb.Node.prompt("cheer", "x", when="mood=bad"))
    assert of("mood", workflow, *ended("mood", output="bad")).live == "bad"


def test_a_node_that_needs_one_of_several_says_of_how_many():
    assert of("reply", ROUTE).sub == "any of 2 · gpt-4o"


def test_a_branch_has_a_tag_with_all_its_labels():
    assert [link.label for link in scene_of(ROUTE).links if link.kind == "conditional"] == [
        "question | request", "praise",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("output", "dead"),
    [("question", {("route", "thank")}), ("request", {("route", "thank")}), ("praise", {("route", "answer")}),
     ("spam", {("route", "answer"), ("route", "thank")})],
)  # fmt: skip
def test_the_branches_that_were_not_taken_are_dead(output, dead):
    assert scene_of(ROUTE, fold(ROUTE, *ended("route", output=output))).dead == dead


def test_a_decision_by_true_or_false_is_read_as_the_label_it_stands_for():
    workflow = build(gb.Node.condition("long", lambda text: True), gb.Node.prompt("cut", "x", when="long=true"))
    assert not scene_of(workflow, fold(workflow, *ended("long", output=True))).dead
    assert scene_of(workflow, fold(workflow, *ended("long", output=False))).dead == {("long", "cut")}


def test_no_branch_is_dead_before_the_decision():
    assert not scene_of(ROUTE, fold(ROUTE, *begun("route"))).dead


# ---- people and vectors


def test_a_person_is_asked_and_the_answer_is_shown():
    asked = (e.NodeWaiting, "approve", "Is this right?", ("approve", "reject"))
    assert (card(ASK, asked).state, card(ASK, asked).live) == ("waiting", "your turn · approve | reject")
    assert card(ASK, asked, (e.NodeSucceeded, "approve", "reject")).live == "reject"


def test_of_a_long_answer_the_beginning_is_shown_on_one_line():
    workflow = build(gb.Node.human("approve", "?"))
    answer = "Mostly\n  right. " + "But " * 500
    live = card(workflow, (e.NodeWaiting, "approve", "?"), (e.NodeSucceeded, "approve", answer)).live
    assert live.startswith("Mostly right. But")
    assert len(live) <= 200


@pytest.mark.parametrize(
    ("output", "says"),
    [([0.5] * 1536, "1,536 dimensions"), ([[0.5] * 384] * 12, "12 × 384"), ([], "")],  # noqa: RUF001
)
def test_vectors_say_how_many_and_how_long(output, says):
    workflow = build(gb.Node.embed("vectors", "{{ x }}"))
    assert card(workflow, *ended("vectors", output=output)).live == says


@pytest.mark.parametrize("density", ["full", "compact"])
@pytest.mark.parametrize("workflow", [EACH, ONCE, LOOP, ASK])
def test_a_run_changes_no_size(workflow, density):
    name = next(iter(workflow.nodes))
    parts = [f"{name}[{i}]" for i in range(3)]
    before, after = card(workflow), card(workflow, *opened(name, "items", *parts), *begun(*parts))
    assert size(before, density) == size(after, density)
