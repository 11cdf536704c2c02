"""Workflows as nodes of others: what goes in, what comes out, and what happens when something inside fails."""

import asyncio

import pytest
from simulation import Model, Simulation, function, python, raises, workflow

import graphbit_nb as gb

sub = gb.Node.workflow


def text_length():
    return workflow(function("size", lambda text: len(text)), function("twice", lambda size: 2 * size))  # noqa: PLW0108


def after(seconds, path=None):
    async def script(run):
        await asyncio.sleep(seconds)
        run.cancel(path)

    return script


# ---- what goes in


def test_inputs_are_bound_by_name():
    assert Simulation(sub("s", text_length()), inputs={"text": "abc"}).outputs["s"] == {"size": 3, "twice": 6}


def test_inputs_are_bound_to_nodes_around():
    nodes = [python("draft", value="abcd"), sub("s", text_length(), inputs={"text": "draft"})]
    assert Simulation(*nodes).outputs["s"]["size"] == 4


@pytest.mark.parametrize(
    ("expression", "size"), [("doc.body", 2), ("doc['body'] | upper", 2), ("doc.gone | default(doc.title)", 5)]
)
def test_inputs_are_bound_to_expressions(expression, size):
    node = sub("s", text_length(), inputs={"text": expression})
    assert Simulation(node, inputs={"doc": {"body": "ab", "title": "title"}}).outputs["s"]["size"] == size


def test_an_expression_that_leads_nowhere_fails_the_node():
    run = Simulation(sub("s", text_length(), inputs={"text": "doc.body"}), inputs={"doc": {"title": ""}})
    assert run.states == {"s": "failed"}
    assert "body" in run.error("s")
    assert run.told("node.expanded") == []


def test_inputs_that_the_inner_workflow_can_do_without_may_be_missing():
    inner = workflow(function("greet", lambda name="you": f"hello {name}"))
    assert Simulation(sub("s", inner)).outputs["s"] == {"greet": "hello you"}


def test_a_sub_workflow_is_told_which_iteration_it_is_in():
    inner = workflow(function("seen", lambda iteration: iteration))
    assert Simulation(sub("s", inner)).outputs["s"] == {"seen": 1}


def test_the_iteration_can_be_bound_to_something_else():
    inner = workflow(function("seen", lambda iteration: iteration))
    assert Simulation(sub("s", inner, inputs={"iteration": "n"}), inputs={"n": 9}).outputs["s"] == {"seen": 9}


def test_inner_nodes_do_not_see_the_nodes_around():
    inner = workflow(function("seen", lambda outer="nothing": outer))
    nodes = [python("outer"), sub("s", inner, inputs={"outer": "'bound'"})]
    assert Simulation(*nodes).outputs["s"] == {"seen": "bound"}


def test_an_inner_node_may_have_the_name_of_one_around():
    nodes = [
        python("a", value=1),
        sub("s", workflow(function("a", lambda: 2))),
        function("b", lambda a, s: (a, s["a"])),
    ]
    assert Simulation(*nodes).outputs["b"] == (1, 2)


# ---- what comes out


def test_templates_read_what_inner_nodes_gave():
    nodes = [sub("review", text_length()), gb.Node.condition("said", "{{ review.twice }}")]
    assert Simulation(*nodes, inputs={"text": "ab"}).outputs["said"] == "4"


def test_one_inner_node_can_be_the_output():
    node = sub("s", text_length(), returns="twice")
    assert Simulation(node, inputs={"text": "ab"}).outputs["s"] == 4


def test_the_output_is_checked_against_its_declaration():
    run = Simulation(sub("s", workflow(python("a", value="many")), returns="a", output="int"))
    assert run.states == {"s": "failed"}
    assert run.snapshot.nodes["s"].error.type == "OutputError"


def test_a_sub_workflow_can_decide():
    inner = workflow(python("label", value="good"))
    nodes = [sub("s", inner, returns="label"), python("yes", when="s=good"), python("no", when="s=bad")]
    assert Simulation(*nodes).states == {"s": "succeeded", "yes": "succeeded", "no": "skipped"}


def test_nodes_that_were_skipped_inside_are_not_in_the_output():
    inner = workflow(
        gb.Node.condition("route", "a"), python("a", when="route=a"), python("b", when="route=b"),
    )  # fmt: skip
    run = Simulation(sub("s", inner))
    assert run.outputs["s"] == {"route": "a", "a": "a"}
    assert run.all_states["s.b"] == "skipped"


def test_returning_a_skipped_node_fails_and_says_why():
    inner = workflow(gb.Node.condition("route", "a"), python("b", when="route=b"))
    run = Simulation(sub("s", inner, returns="b"))
    assert "returns: b was skipped and gave nothing" in run.error("s")


def test_joins_of_any_work_inside():
    inner = workflow(
        gb.Node.condition("route", "a"), python("a", when="route=a"), python("b", when="route=b"),
        function("end", lambda a, b: [a, b], join="any"),
    )  # fmt: skip
    assert Simulation(sub("s", inner, returns="end")).outputs["s"] == ["a", None]


def test_models_are_asked_inside_under_the_path_of_the_node():
    model = Model()
    Simulation(sub("s", workflow(gb.Node.prompt("p", "hello {{ name }}"))), client=model, inputs={"name": "x"})
    assert [request.node for request in model.requests] == ["s.p"]


def test_the_usage_of_a_sub_workflow_is_that_of_its_nodes():
    inner = workflow(gb.Node.prompt("p", "a"), gb.Node.prompt("q", "b {{ p }}"))
    run = Simulation(sub("s", inner), client=Model())
    assert run.snapshot.nodes["s"].usage.calls == 2
    assert run.snapshot.usage.calls == 2


# ---- nesting


def nested(depth, innermost):
    inner = workflow(innermost)
    for _ in range(depth - 1):
        inner = workflow(sub("s", inner, returns=next(iter(inner.nodes))))
    return sub("s", inner, returns=next(iter(inner.nodes)))


def test_sub_workflows_nest_five_deep():
    run = Simulation(nested(5, function("deep", lambda text: text.upper())), inputs={"text": "x"})
    assert run.outputs["s"] == "X"
    assert "s.s.s.s.s.deep" in run.snapshot.index


def test_five_deep_one_slot_is_enough():
    run = Simulation(nested(5, python("deep", seconds=1)), max_concurrency=1, patience=1e6)
    assert run.outputs["s"] == "deep"


def test_the_same_workflow_can_be_used_twice():
    inner = text_length()
    nodes = [sub("a", inner, inputs={"text": "'x'"}), sub("b", inner, inputs={"text": "'yy'"})]
    assert {n: o["size"] for n, o in Simulation(*nodes).outputs.items()} == {"a": 1, "b": 2}


def test_a_workflow_without_edges_runs_at_once():
    run = Simulation(sub("s", workflow(python("a", seconds=3), python("b", seconds=3))))
    assert run.ended_at == 3


# ---- failures


def test_a_failure_inside_fails_the_node_and_names_the_inner_one():
    run = Simulation(sub("s", workflow(function("bad", raises(ValueError("broken"))))), python("c", after="s"))
    assert run.states == {"s": "failed", "c": "skipped"}
    error = run.snapshot.nodes["s"].error
    assert (error.type, error.message, error.node) == ("ValueError", "s.bad failed: broken", "s")
    assert error.place.startswith("simulation.py, line ")


def test_other_nodes_inside_go_on_after_a_failure():
    inner = workflow(function("bad", raises(ValueError("no"))), python("good", seconds=5))
    run = Simulation(sub("s", inner))
    assert run.all_states == {"s": "failed", "s.bad": "failed", "s.good": "succeeded"}


def test_several_failures_inside_are_counted():
    inner = workflow(function("one", raises(ValueError("1"))), function("two", raises(ValueError("2"))))
    assert "s.one failed (and 1 more): 1" in Simulation(sub("s", inner)).error("s")


def test_a_failure_five_deep_is_told_with_its_path():
    run = Simulation(nested(5, function("deep", raises(ValueError("broken")))))
    assert run.states == {"s": "failed"}
    assert "s.s.s.s.s.deep failed: broken" in run.error("s")


def test_a_fallback_value_stands_in_for_the_whole():
    run = Simulation(sub("s", workflow(function("bad", raises(ValueError("no")))), fallback={"bad": 0}))
    assert run.outputs == {"s": {"bad": 0}}
    assert run.status == "succeeded"
    assert "no" in run.error("s")


def test_with_a_fallback_a_failure_inside_does_not_stop_a_run_that_fails_fast():
    node = sub("s", workflow(function("bad", raises(ValueError("no"))), python("slow", seconds=3)), fallback=0)
    run = Simulation(node, python("other", seconds=9), fail_fast=True)
    assert run.outputs == {"s": 0, "other": "other"}
    assert run.status == "succeeded"


def test_fail_fast_stops_what_else_is_inside_and_the_run_has_failed():
    inner = workflow(function("bad", raises(ValueError("no"))), python("slow", seconds=3))
    run = Simulation(sub("s", inner), python("other", seconds=9), fail_fast=True)
    assert run.all_states["s.slow"] == "cancelled"
    assert run.states == {"s": "failed", "other": "cancelled"}
    assert run.status == "failed"
    assert "s.bad failed: no" in run.error("s")


def test_fail_fast_fails_every_sub_workflow_around():
    inner = workflow(function("bad", raises(ValueError("no"))), python("slow", seconds=3))
    run = Simulation(sub("s", workflow(sub("t", inner), python("slow", seconds=3))), fail_fast=True)
    assert (run.status, run.states) == ("failed", {"s": "failed"})


def test_an_inner_fallback_keeps_the_failure_inside():
    inner = workflow(function("bad", raises(ValueError("no")), fallback="instead"))
    assert Simulation(sub("s", inner)).outputs["s"] == {"bad": "instead"}


# ---- time


def test_when_its_time_is_up_what_is_inside_is_stopped():
    inner = workflow(python("fast", seconds=1), python("slow", seconds=50), python("later", after="slow"))
    run = Simulation(sub("s", inner, timeout=5))
    assert run.all_states == {"s": "failed", "s.fast": "succeeded", "s.slow": "cancelled", "s.later": "cancelled"}
    assert run.error("s") == "TimeoutError: no result within 5 s"
    assert run.reason("s.slow") == "s had no time left"
    assert run.ended_at == 5


def test_a_fallback_stands_in_when_the_time_is_up():
    run = Simulation(sub("s", workflow(python("slow", seconds=50)), timeout=5, fallback=0))
    assert run.outputs == {"s": 0}
    assert run.ended_at == 5


def test_the_time_of_a_composite_stops_those_inside_it():
    inner = workflow(python("slow", seconds=50))
    run = Simulation(sub("s", workflow(sub("t", inner)), timeout=5))
    assert run.all_states == {"s": "failed", "s.t": "cancelled", "s.t.slow": "cancelled"}


def test_the_tighter_limit_is_felt_first():
    inner = workflow(python("slow", seconds=50, timeout=2))
    run = Simulation(sub("s", inner, timeout=5))
    assert "s.slow failed: no result within 2 s" in run.error("s")


def test_who_waits_for_an_attempt_is_stopped_too():
    retry = gb.RetryPolicy(max_attempts=3, base_delay=60, max_delay=60, jitter=0)
    run = Simulation(sub("s", workflow(function("bad", raises(ValueError("no")), retry=retry)), timeout=5))
    assert run.all_states == {"s": "failed", "s.bad": "cancelled"}
    assert run.ended_at == 5


def test_time_counts_from_when_the_node_opens():
    inner = workflow(python("slow", seconds=4))
    run = Simulation(python("first", seconds=9), sub("s", inner, timeout=5, after="first"))
    assert run.status == "succeeded"


def test_each_sub_workflow_of_a_fan_out_has_its_own_time():
    async def wait(x):
        await asyncio.sleep(x)

    node = sub("s", workflow(function("w", wait)), for_each="x in [1, 9]", timeout=5, fallback="late")
    assert Simulation(node).outputs["s"] == [{"w": None}, "late"]


# ---- cancelling


def test_a_sub_workflow_can_be_cancelled_as_a_whole():
    inner = workflow(python("slow", seconds=9), python("later", after="slow"))
    run = Simulation(sub("s", inner), python("other", seconds=10), script=after(1, "s"))
    assert run.all_states == {"s": "cancelled", "other": "succeeded", "s.slow": "cancelled", "s.later": "cancelled"}


def test_a_node_inside_can_be_cancelled():
    inner = workflow(python("slow", seconds=9), python("later", after="slow"), python("good", seconds=5))
    run = Simulation(sub("s", inner), script=after(1, "s.slow"))
    assert run.all_states == {
        "s": "cancelled", "s.slow": "cancelled", "s.later": "skipped", "s.good": "succeeded",
    }  # fmt: skip
    assert run.reason("s") == "a node inside was cancelled"


def test_a_fallback_does_not_stand_in_for_what_somebody_cancelled():
    run = Simulation(sub("s", workflow(python("slow", seconds=9)), fallback=0), script=after(1, "s"))
    assert run.states == {"s": "cancelled"}
