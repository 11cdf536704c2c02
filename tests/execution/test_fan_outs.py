"""Fan-outs: a node that runs once for each item of a list."""

import asyncio

import pytest
from simulation import Model, Simulation, function, python, workflow

import graphbit_nb as gb


def each(fn, items="[1, 2, 3]", **more):
    return function("each", fn, for_each=f"x in {items}", **more)


async def double(x):
    return 2 * x


async def backwards(x):
    """The first item ends last."""
    await asyncio.sleep(10 - x)
    return x


def failing_at(*bad):
    async def fn(x):
        await asyncio.sleep(x)
        if x in bad:
            raise ValueError(f"bad {x}")
        return x

    return fn


def after(seconds, *paths):
    async def script(run):
        await asyncio.sleep(seconds)
        for path in paths or (None,):
            run.cancel(path)

    return script


# ---- kinds


def test_results_are_in_the_order_of_the_items():
    run = Simulation(each(backwards))
    assert run.outputs["each"] == [1, 2, 3]
    ends = [event.node for event in run.told("node.succeeded")]
    assert ends == ["each[2]", "each[1]", "each[0]", "each"]


def test_plain_functions_are_fanned_out():
    def triple(x):
        return 3 * x

    node = gb.Node.python("each", triple, for_each="x in [1, 2, 3]")
    assert Simulation(node).outputs["each"] == [3, 6, 9]


def test_prompts_are_fanned_out():
    node = gb.Node.prompt("each", "about {{ p }} and {{ topic }}", for_each="p in points")
    model = Model(lambda request: request.messages[-1].content)
    run = Simulation(node, client=model, inputs={"points": ["a", "b"], "topic": "t"})
    assert run.outputs["each"] == ["about a and t", "about b and t"]
    assert [request.node for request in model.requests] == ["each[0]", "each[1]"]


def test_the_output_type_is_that_of_an_item():
    node = gb.Node.prompt("each", "{{ x }}", for_each="x in [1, 2]", output="int")
    assert Simulation(node, client=Model("7")).outputs["each"] == [7, 7]


def test_conditions_are_fanned_out():
    node = gb.Node.condition("each", "{% if x > 1 %}big{% else %}small{% endif %}", for_each="x in [1, 2]")
    assert Simulation(node).outputs["each"] == ["small", "big"]


def test_embeddings_are_fanned_out():
    node = gb.Node.embed("each", "{{ x }}", for_each="x in ['a', 'bcd']")
    assert Simulation(node, client=Model({"*": lambda r: tuple((len(t),) for t in r.texts)})).outputs["each"] == [
        [1],
        [3],
    ]


def test_persons_are_asked_for_each_item():
    node = gb.Node.human("each", "{{ x }}?", for_each="x in ['a', 'b']")
    run = Simulation(node, answers={"each[0]": "yes", "each[1]": "no"})
    assert run.outputs["each"] == ["yes", "no"]
    assert [(event.node, event.question) for event in run.told("node.waiting")] == [
        ("each[0]", "a?"),
        ("each[1]", "b?"),
    ]


def test_sub_workflows_are_fanned_out():
    inner = workflow(function("twice", lambda x: 2 * x), function("more", lambda twice: twice + 1))
    run = Simulation(gb.Node.workflow("each", inner, for_each="x in [1, 2]"))
    assert run.outputs["each"] == [{"twice": 2, "more": 3}, {"twice": 4, "more": 5}]
    assert "each[1].more" in run.snapshot.index


# ---- lists


def test_an_empty_list_gives_an_empty_list():
    run = Simulation(each(double, "[]"), function("size", lambda each: len(each)))  # noqa: PLW0108
    assert run.outputs == {"each": [], "size": 0}
    assert run.told("node.expanded")[0].parts == ()


@pytest.mark.parametrize(
    ("value", "said"), [("text", "a text"), (7, "a number"), (b"bytes", "bytes")], ids=["text", "number", "bytes"]
)
def test_what_is_no_list_fails_the_node(value, said):
    run = Simulation(each(double, "things"), inputs={"things": value})
    assert run.states["each"] == "failed"
    assert "cannot be looped over" in run.error("each")
    assert "for_each 'x in things'" in run.error("each")


def test_none_is_no_list():
    run = Simulation(each(double, "things"), inputs={"things": None})
    assert "cannot be looped over" in run.error("each")


def test_a_path_that_leads_nowhere_fails_the_node():
    run = Simulation(each(double, "things.here"), inputs={"things": {"there": [1]}})
    assert run.states["each"] == "failed"
    assert "here" in run.error("each")


def test_items_are_unpacked_into_several_names():
    node = function("each", lambda q, a: f"{q}={a}", for_each="q, a in pairs")
    run = Simulation(node, inputs={"pairs": [("x", 1), ["y", 2]]})
    assert run.outputs["each"] == ["x=1", "y=2"]


@pytest.mark.parametrize("pairs", [[(1, 2), (3,)], [(1, 2), "ab"], [(1, 2), 3]])
def test_an_item_that_does_not_fit_the_names_is_named(pairs):
    node = function("each", lambda q, a: q, for_each="q, a in pairs")
    run = Simulation(node, inputs={"pairs": pairs})
    assert "item 2 does not fit q, a" in run.error("each")


def test_the_list_comes_from_a_part_of_another_node():
    nodes = [python("outline", value={"points": ["a", "b"]}), each(lambda x: x.upper(), "outline.points")]
    assert Simulation(*nodes).outputs["each"] == ["A", "B"]


def test_an_item_shadows_a_node_of_its_name():
    nodes = [python("x", value="node"), each(lambda x: x, "[1]")]
    run = Simulation(*nodes)
    assert run.outputs["each"] == [1]


def test_a_consumer_reads_the_list_by_index():
    nodes = [each(double), gb.Node.condition("second", "{{ each[1] }}")]
    assert Simulation(*nodes).outputs["second"] == "4"


def test_an_item_may_give_none():
    assert Simulation(each(lambda x: None, "[1, 2]")).outputs["each"] == [None, None]


# ---- failures


def test_a_failed_item_fails_the_node_when_all_have_ended():
    run = Simulation(each(failing_at(1), "[3, 1, 2]"))
    assert run.all_states == {"each": "failed", "each[0]": "succeeded", "each[1]": "failed", "each[2]": "succeeded"}
    assert run.at("node.failed", "each") == 3


def test_the_error_counts_and_names_the_first_item_and_its_place():
    run = Simulation(each(failing_at(1, 3)))
    error = run.snapshot.nodes["each"].error
    assert error.message == "2 of 3 items failed, first each[0]: bad 1"
    assert error.type == "ValueError"
    assert error.node == "each"
    assert error.place.startswith("test_fan_outs.py, line ")


def test_the_first_item_is_the_first_of_the_list_not_in_time():
    run = Simulation(each(failing_at(1, 3), "[3, 2, 1]"))
    assert "first each[0]: bad 3" in run.error("each")


def test_what_needs_a_failed_fan_out_is_skipped():
    run = Simulation(each(failing_at(1)), python("c", after="each"))
    assert run.reason("c") == "needs each, which failed"


def test_failed_items_are_left_out_when_they_are_to_be_skipped():
    run = Simulation(each(failing_at(2), on_item_error="skip"))
    assert run.outputs["each"] == [1, 3]
    assert run.status == "succeeded"
    assert "bad 2" in run.error("each[1]")


def test_when_every_item_fails_there_is_nothing_to_skip_to():
    run = Simulation(each(failing_at(1, 2, 3), on_item_error="skip"))
    assert run.states["each"] == "failed"
    assert "3 of 3 items failed" in run.error("each")


def test_fail_fast_goes_on_when_items_may_be_skipped():
    run = Simulation(each(failing_at(1), on_item_error="skip"), python("other", seconds=9), fail_fast=True)
    assert run.outputs == {"each": [2, 3], "other": "other"}
    assert run.status == "succeeded"


def test_fail_fast_stops_the_other_items_and_the_run_has_failed():
    run = Simulation(each(failing_at(1), "[1, 5]"), python("other", seconds=9), fail_fast=True)
    assert run.all_states["each[1]"] == "cancelled"
    assert run.states == {"each": "failed", "other": "cancelled"}
    assert run.status == "failed"
    assert run.ended_at == 1


def test_each_item_has_its_own_attempts():
    calls = {1: 0, 2: 0}

    async def once_more(x):
        calls[x] += 1
        if calls[x] <= x:
            raise ValueError("again")
        return x

    run = Simulation(each(once_more, "[1, 2]", retry=gb.RetryPolicy(max_attempts=3, base_delay=1, jitter=0)))
    assert run.outputs["each"] == [1, 2]
    assert calls == {1: 2, 2: 3}
    assert {event.node for event in run.told("retry.scheduled")} == {"each[0]", "each[1]"}


def test_each_item_has_its_own_time():
    run = Simulation(each(failing_at(), "[4, 8, 4, 4]", timeout=5, on_item_error="skip"), max_concurrency=1)
    assert run.outputs["each"] == [4, 4, 4]
    assert "no result within 5 s" in run.error("each[1]")


def test_each_item_has_its_own_fallback():
    run = Simulation(each(failing_at(2), fallback="none"))
    assert run.outputs["each"] == [1, "none", 3]
    assert "bad 2" in run.error("each[1]")


def test_the_fallback_stands_in_for_no_list():
    run = Simulation(each(double, "things", fallback=0), inputs={"things": 7})
    assert run.states["each"] == "failed"


# ---- concurrency


def most_at_once(run):
    busy = most = 0
    for event in run.told("node.started", "node.succeeded", "node.failed", "node.cancelled"):
        if "[" in event.node:
            busy += 1 if event.kind == "node.started" else -1
            most = max(most, busy)
    return most


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_more_items_work_at_once_than_allowed(limit):
    run = Simulation(each(backwards, "[1, 2, 3, 4, 5]", concurrency=limit))
    assert run.outputs["each"] == [1, 2, 3, 4, 5]
    assert most_at_once(run) == limit


def test_other_nodes_take_the_slots_that_limited_items_do_not():
    run = Simulation(each(backwards, concurrency=1), python("other", seconds=1), max_concurrency=2)
    assert run.at("node.started", "other") == 0


def test_waiting_for_an_attempt_leaves_room_for_another_item():
    async def fails_once(x):
        if x == 1 and not seen:
            seen.append(x)
            raise ValueError("again")
        return x

    seen = []
    policy = gb.RetryPolicy(max_attempts=2, base_delay=60, jitter=0)
    run = Simulation(each(fails_once, "[1, 2]", concurrency=1, retry=policy))
    assert run.at("node.started", "each[1]") == 0
    assert run.outputs["each"] == [1, 2]


def test_a_limit_holds_for_sub_workflows_as_items():
    inner = workflow(python("work", seconds=2), function("x_seen", lambda x, work: x))
    run = Simulation(gb.Node.workflow("each", inner, for_each="x in [1, 2, 3]", concurrency=1))
    assert [run.at("node.started", f"each[{n}].work") for n in range(3)] == [0, 2, 4]


def test_one_item_that_is_cancelled_on_its_way_to_a_slot_does_not_hold_up_the_others():
    attempts = []

    async def retried():
        attempts.append(1)
        await asyncio.sleep(1 if len(attempts) == 1 else 10)
        if len(attempts) == 1:
            raise ValueError("again")

    async def item(x):
        await asyncio.sleep(20)
        return x

    # each[1] gets the room of each[0] at 20 s, while its slot goes to the node that is back from its retry.
    policy = gb.RetryPolicy(max_attempts=2, base_delay=4, jitter=0)
    run = Simulation(
        python("retried", retried, retry=policy), each(item, concurrency=1), python("first", seconds=0.5),
        python("long", seconds=100, after="first"), python("longer", seconds=100, after="first"),
        max_concurrency=3, script=after(21, "each[1]"), patience=1e6,
    )  # fmt: skip
    assert run.all_states["each[2]"] == "succeeded"


# ---- cancelling


def test_one_item_can_be_cancelled():
    run = Simulation(each(backwards, on_item_error="skip"), script=after(1, "each[1]"))
    assert run.all_states == {
        "each": "succeeded",
        "each[0]": "succeeded",
        "each[1]": "cancelled",
        "each[2]": "succeeded",
    }
    assert run.outputs["each"] == [1, 3]


def test_a_cancelled_item_cancels_a_list_that_must_be_whole():
    run = Simulation(each(backwards), python("c", after="each"), script=after(1, "each[1]"))
    assert run.states == {"each": "cancelled", "c": "skipped"}
    assert run.reason("each") == "an item was cancelled"
    assert run.status == "cancelled"


def test_a_fan_out_can_be_cancelled_as_a_whole():
    run = Simulation(each(backwards), python("other", seconds=20), script=after(1, "each"), max_concurrency=3)
    assert run.all_states == {"each": "cancelled", "each[0]": "cancelled", "each[1]": "cancelled",
                              "each[2]": "cancelled", "other": "succeeded"}  # fmt: skip


def test_items_that_wait_for_a_slot_are_cancelled_with_the_fan_out():
    run = Simulation(each(backwards), script=after(1, "each"), max_concurrency=1)
    assert set(run.all_states.values()) == {"cancelled"}
    assert run.ended_at == 1


def test_cancelling_the_run_keeps_what_items_have_given():
    run = Simulation(each(failing_at(), "[1, 5]"), script=after(2))
    assert run.all_states == {"each": "cancelled", "each[0]": "succeeded", "each[1]": "cancelled"}
    assert run.snapshot.index["each[0]"].output == 1


# ---- nested


def test_fan_outs_nest_through_sub_workflows():
    inner = workflow(function("cell", lambda x, y: (x, y), for_each="y in ys"))
    node = gb.Node.workflow("each", inner, inputs={"ys": "ys"}, for_each="x in [1, 2]", returns="cell")
    run = Simulation(node, inputs={"ys": ["a", "b"]})
    assert run.outputs["each"] == [[(1, "a"), (1, "b")], [(2, "a"), (2, "b")]]
    assert "each[1].cell[0]" in run.snapshot.index


def test_a_failure_far_inside_is_told_with_its_path():
    async def fails(x, y):
        raise ValueError("deep")

    inner = workflow(function("cell", fails, for_each="y in [1, 2]"))
    run = Simulation(gb.Node.workflow("each", inner, for_each="x in [1]"))
    assert "each[0].cell[0]" in run.error("each")
    assert "deep" in run.error("each")


def test_the_snapshot_counts_items_as_steps():
    run = Simulation(each(failing_at(1)))
    assert (run.snapshot.total, run.snapshot.done) == (3, 3)
    assert run.snapshot.nodes["each"].expands == "items"
    assert run.snapshot.nodes["each"].done == 3


def test_a_list_may_be_long():
    run = Simulation(each(double, "things"), inputs={"things": list(range(3_000))}, max_concurrency=10)
    assert run.outputs["each"] == [2 * n for n in range(3_000)]


def test_a_list_that_is_too_long_fails_the_node():
    run = Simulation(each(double, "things"), inputs={"things": [0] * 100_001})
    assert "100,001 items, over the limit of 100,000" in run.error("each")
