"""Going on with a run that waits for a person, failed, was cancelled or ran out of time."""

import asyncio
import copy
import os
import pickle
import subprocess
import sys
import textwrap
from collections import Counter

import pytest

import graphbit_nb as gb

function = gb.Node.python


def workflow(*nodes, name="resumed"):
    builder = gb.WorkflowBuilder(name)
    for node in nodes:
        builder.add_node(node)
    return builder.build()


class Calls:
    """Functions that count their calls, and fail so often before they give something."""

    def __init__(self):
        self.count = Counter()

    def node(self, name, *, fails=0, seconds=0.0, **more):
        async def fn():
            self.count[name] += 1
            if self.count[name] <= fails:
                raise ValueError(f"{name} failed")
            await asyncio.sleep(seconds)
            return name

        return function(name, fn, **more)

    def item(self, name, *, bad=(), **more):
        async def fn(x):
            self.count[f"{name} {x}"] += 1
            if x in bad and self.count[f"{name} {x}"] == 1:
                raise ValueError(f"{x} failed")
            return x

        return function(name, fn, for_each="x in [1, 2, 3]", **more)


@pytest.fixture
def calls():
    return Calls()


@pytest.fixture
def executor():
    return gb.WorkflowExecutor()


def folded(*events):
    snapshot = gb.RunSnapshot()
    for event in events:
        snapshot.apply(event)
    return snapshot


# ---- after a failure


def test_only_what_has_no_output_is_done_again(calls, executor):
    built = workflow(calls.node("a"), calls.node("b", fails=1, after="a"), calls.node("c", after="b"))
    first = executor.execute(built)
    assert {name: str(node.state) for name, node in first.nodes.items()} == {
        "a": "succeeded", "b": "failed", "c": "skipped",
    }  # fmt: skip
    second = executor.resume(first)
    assert second.outputs == {"a": "a", "b": "b", "c": "c"}
    assert calls.count == {"a": 1, "b": 2, "c": 1}


def test_the_run_keeps_its_id(calls, executor):
    first = executor.execute(workflow(calls.node("a", fails=1)))
    assert executor.resume(first).run_id == first.run_id


def test_the_inputs_are_those_of_the_run(executor):
    failed = []

    def fn(x):
        if not failed:
            failed.append(x)
            raise ValueError("no")
        return x

    first = executor.execute(workflow(function("a", fn)), {"x": 41})
    second = executor.resume(first)
    assert (second.outputs["a"], second.inputs) == (41, {"x": 41})


def test_the_numbers_of_the_events_go_on_and_the_fold_of_all_is_the_result(calls, executor):
    events = []
    built = workflow(calls.node("a"), calls.item("each", bad=(2,)), calls.node("c", after="each"))
    first = executor.execute(built, views=[events.append])
    before = len(events)
    second = executor.resume(first, views=[events.append])
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[before].kind == "run.resumed"
    assert set(events[before].redo) == {"each", "each[1]", "c"}
    assert folded(*events) == second.snapshot
    assert folded(*events).index == second.snapshot.index


def test_the_old_result_is_left_as_it_was(calls, executor):
    first = executor.execute(workflow(calls.node("a"), calls.item("each", bad=(2,)), calls.node("b", after="each")))
    before = copy.deepcopy(first.snapshot)
    executor.resume(first)
    assert first.snapshot == before
    assert first.snapshot.index == before.index
    assert first.status == "failed"


def test_a_result_can_be_resumed_twice(calls, executor):
    first = executor.execute(workflow(calls.node("a", fails=2)))
    assert executor.resume(first).status == "failed"
    assert executor.resume(first).status == "succeeded"


def test_a_run_can_be_resumed_until_it_succeeds(calls, executor):
    result = executor.execute(workflow(calls.node("a"), calls.node("b", fails=3, after="a")))
    for _ in range(3):
        result = executor.resume(result)
    assert result.status == "succeeded"
    assert calls.count == {"a": 1, "b": 4}
    assert result.snapshot.resumed == 3


def test_the_error_is_gone_when_the_node_has_succeeded(calls, executor):
    second = executor.resume(executor.execute(workflow(calls.node("a", fails=1))))
    assert second.nodes["a"].error is None
    assert second.errors == {}
    assert second.snapshot.reason is None


def test_branches_that_were_not_taken_stay_so(calls, executor):
    nodes = [
        gb.Node.condition("route", lambda: "a"), calls.node("a", when="route=a", fails=1),
        calls.node("b", when="route=b"),
    ]  # fmt: skip
    second = executor.resume(executor.execute(workflow(*nodes)))
    assert {name: str(node.state) for name, node in second.nodes.items()} == {
        "route": "succeeded", "a": "succeeded", "b": "skipped",
    }  # fmt: skip
    assert second.nodes["b"].reason == "route gave 'a', not 'b'"


def test_a_fallback_that_stood_in_is_kept(calls, executor):
    built = workflow(calls.node("a", fails=9, fallback="instead"), calls.node("b", fails=1))
    second = executor.resume(executor.execute(built))
    assert second.outputs["a"] == "instead"
    assert calls.count["a"] == 1


def test_what_was_not_part_of_the_run_is_not_done(calls, executor):
    built = workflow(calls.node("a", fails=1), calls.node("b"))
    second = executor.resume(executor.execute(built, nodes=["a"]))
    assert second.outputs == {"a": "a"}
    assert calls.count == {"a": 2}


def test_scripted_models_are_not_asked_again(calls, executor):
    asked = []
    config = gb.LlmConfig.scripted({"*": lambda request: asked.append(request.node) or "ok"})
    executor = gb.WorkflowExecutor(config)
    second = executor.resume(executor.execute(workflow(gb.Node.prompt("p", "x"), calls.node("b", fails=1, after="p"))))
    assert (asked, second.usage.calls) == (["p"], 1)


# ---- inside others


def test_a_fan_out_goes_on_where_it_was(calls, executor):
    second = executor.resume(executor.execute(workflow(calls.item("each", bad=(2,)))))
    assert second.outputs["each"] == [1, 2, 3]
    assert calls.count == {"each 1": 1, "each 2": 2, "each 3": 1}


def test_a_sub_workflow_goes_on_where_it_was(calls, executor):
    inner = workflow(calls.node("a"), calls.node("b", fails=1, after="a"), calls.node("c", after="b"))
    second = executor.resume(executor.execute(workflow(gb.Node.workflow("s", inner))))
    assert second.outputs["s"] == {"a": "a", "b": "b", "c": "c"}
    assert calls.count == {"a": 1, "b": 2, "c": 1}


def test_a_loop_goes_on_where_it_was(executor):
    seen = []

    def step(iteration):
        seen.append(iteration)
        if seen == [1, 2]:
            raise ValueError("second")
        return iteration

    loop = gb.Node.workflow("again", workflow(function("n", step)), repeat_until="n >= 3", max_iterations=5)
    second = executor.resume(executor.execute(workflow(loop)))
    assert second.outputs["again"] == {"n": 3}
    assert seen == [1, 2, 2, 3]


def test_what_a_loop_carries_is_there_again(executor):
    failed = []

    def revise(text):
        if text == "x!" and not failed:
            failed.append(text)
            raise ValueError("no")
        return text + "!"

    loop = gb.Node.workflow(
        "again", workflow(function("revise", revise)), inputs={"text": "'x'"}, repeat_until="revise == 'x!!!'",
        max_iterations=5, carry={"text": "revise"}, returns="revise",
    )  # fmt: skip
    assert executor.resume(executor.execute(workflow(loop))).outputs["again"] == "x!!!"


def test_fan_outs_inside_sub_workflows_go_on(calls, executor):
    inner = workflow(calls.item("each", bad=(1, 3)))
    node = gb.Node.workflow("s", inner, for_each="y in ['p']", returns="each")
    second = executor.resume(executor.execute(workflow(node)))
    assert second.outputs["s"] == [[1, 2, 3]]
    assert calls.count == {"each 1": 2, "each 2": 1, "each 3": 2}


def test_items_that_were_skipped_in_a_list_that_succeeded_are_kept_so(calls, executor):
    built = workflow(calls.item("each", bad=(2,), on_item_error="skip"), calls.node("b", fails=1))
    second = executor.resume(executor.execute(built))
    assert second.outputs["each"] == [1, 3]
    assert calls.count["each 2"] == 1


def test_the_progress_of_a_resumed_run_counts_each_step_once(calls, executor):
    second = executor.resume(executor.execute(workflow(calls.item("each", bad=(2,)), calls.node("b", after="each"))))
    assert (second.snapshot.total, second.snapshot.done) == (4, 4)


def test_limits_hold_when_a_run_goes_on(calls):
    executor = gb.WorkflowExecutor(max_concurrency=1)
    second = executor.resume(executor.execute(workflow(calls.item("each", bad=(1, 2, 3), concurrency=1))))
    assert second.outputs["each"] == [1, 2, 3]


# ---- after a stop


def test_after_fail_fast_the_rest_is_done(calls):
    async def waits():
        while not calls.count["a"]:
            await asyncio.sleep(0.001)
        await asyncio.sleep(60 if calls.count["a"] == 1 else 0)
        return "waited"

    executor = gb.WorkflowExecutor(on_error="fail_fast")
    first = executor.execute(workflow(calls.node("a", fails=1), calls.node("b", after="a"), function("slow", waits)))
    assert first.nodes["slow"].state == "cancelled"
    assert executor.resume(first).outputs == {"a": "a", "b": "b", "slow": "waited"}


def test_after_cancelling_the_rest_is_done(calls, executor):
    released = []

    async def waits():
        while not released:
            await asyncio.sleep(0.001)
        return "done"

    handle = executor.start(workflow(calls.node("a"), function("b", waits, after="a"), calls.node("c", after="b")))
    while handle.snapshot is None or "b" not in handle.snapshot.nodes or not handle.snapshot.nodes["b"].started:
        pass
    handle.cancel()
    first = handle.result(10)
    released.append(True)
    second = executor.resume(first)
    assert (first.status, second.status) == ("cancelled", "succeeded")
    assert second.outputs == {"a": "a", "b": "done", "c": "c"}
    assert calls.count == {"a": 1, "c": 1}


def test_after_the_time_was_up_the_rest_is_done(calls):
    seconds = [60, 0]

    async def slow():
        await asyncio.sleep(seconds.pop(0))
        return "slow"

    built = workflow(calls.node("a"), function("b", slow, after="a"))
    executor = gb.WorkflowExecutor(deadline=0.05)
    first = executor.execute(built)
    second = gb.WorkflowExecutor(deadline=60).resume(first)
    assert (first.status, second.status) == ("failed", "succeeded")
    assert calls.count["a"] == 1


# ---- persons


def test_a_waiting_run_goes_on_with_the_answer_and_calls_nothing_twice(calls, executor):
    built = workflow(
        calls.node("a"), gb.Node.human("ask", "send {{ a }}?", output="yes|no"),
        calls.node("send", when="ask=yes"), calls.node("drop", when="ask=no"),
    )  # fmt: skip
    first = executor.execute(built)
    assert first.status == "waiting"
    assert first.nodes["ask"].question == "send a?"
    second = executor.resume(first, answers={"ask": "yes"})
    assert second.status == "succeeded"
    assert second.outputs == {"a": "a", "ask": "yes", "send": "send"}
    assert calls.count == {"a": 1, "send": 1}


def test_without_the_answer_it_waits_again(calls, executor):
    first = executor.execute(workflow(calls.node("a"), gb.Node.human("ask", "ok?", after="a")))
    second = executor.resume(first)
    assert (second.status, calls.count) == ("waiting", {"a": 1})
    assert executor.resume(second, answers={"ask": "x"}).status == "succeeded"


def test_persons_may_answer_one_after_the_other(executor):
    result = executor.execute(workflow(gb.Node.human("a", "a?"), gb.Node.human("b", "b?")))
    result = executor.resume(result, answers={"a": "1"})
    assert result.status == "waiting"
    result = executor.resume(result, answers={"b": "2"})
    assert result.outputs == {"a": "1", "b": "2"}


def test_persons_inside_others_are_answered_by_path(executor):
    inner = workflow(gb.Node.human("ask", "{{ x }}?"))
    node = gb.Node.workflow("s", inner, for_each="x in ['a', 'b']", returns="ask")
    first = executor.execute(workflow(node))
    second = executor.resume(first, answers={"s[0].ask": "A", "s[1].ask": "B"})
    assert second.outputs["s"] == ["A", "B"]


@pytest.mark.parametrize(
    ("answers", "error", "said"),
    [
        ({"ask": "maybe"}, gb.OutputError, "the answer to ask"),
        ({"aks": "yes"}, gb.UsageError, "did you mean 'ask'"),
        ({"a": "yes"}, gb.UsageError, "a is a python node and asks nobody; ask does"),
        ("yes", gb.UsageError, "answers='yes'"),
        ({7: "yes"}, gb.UsageError, "7 is no name"),
    ],
)
def test_a_bad_answer_is_refused_before_anything_runs(calls, executor, answers, error, said):
    built = workflow(calls.node("a"), gb.Node.human("ask", "ok?", output="yes|no", after="a"))
    first = executor.execute(built)
    with pytest.raises(error) as caught:
        executor.resume(first, answers=answers)
    assert said in str(caught.value)
    with pytest.raises(error):
        executor.execute(built, answers=answers)
    assert calls.count == {"a": 1}


@pytest.mark.parametrize("path", ["ask[0]", "ask#1", "ask[", "ask[x]", "each#1", "each[0]#1", "again[0].sure"])
def test_an_answer_to_what_can_never_be_there_is_refused(executor, path):
    inner = workflow(gb.Node.human("sure", "sure?"))
    built = workflow(
        gb.Node.human("ask", "ok?"), gb.Node.human("each", "{{ x }}?", for_each="x in [1]"),
        gb.Node.workflow("again", inner, repeat_until="sure == 'yes'", max_iterations=2),
    )  # fmt: skip
    with pytest.raises(gb.UsageError, match="no node"):
        executor.execute(built, answers={path: "yes"})


@pytest.mark.parametrize("path", ["ask", "each", "each[0]", "again.sure", "again#2.sure"])
def test_an_answer_to_what_may_be_there_is_taken(executor, path):
    inner = workflow(gb.Node.human("sure", "sure?"))
    built = workflow(
        gb.Node.human("ask", "ok?"), gb.Node.human("each", "{{ x }}?", for_each="x in [1]"),
        gb.Node.workflow("again", inner, repeat_until="sure == 'yes'", max_iterations=2),
    )  # fmt: skip
    assert executor.execute(built, answers={path: "x"}).status == "waiting"


def test_answers_known_beforehand_spare_the_stop(executor):
    result = executor.execute(workflow(gb.Node.human("ask", "ok?", output="yes|no")), answers={"ask": "no"})
    assert result.outputs == {"ask": "no"}


def test_a_waiting_result_is_no_success_and_says_what_to_do(executor):
    result = executor.execute(workflow(gb.Node.human("ask", "ok?")))
    assert not result.is_success()
    with pytest.raises(gb.RunFailedError, match=r"waits for an answer to ask; give it with executor\.resume"):
        result.raise_for_status()


async def test_a_live_run_takes_an_answer_and_goes_on(calls, executor):
    handle = executor.start(workflow(gb.Node.human("ask", "ok?", output="yes|no"), calls.node("b", after="ask")))
    async for event in handle.events():
        if event.kind == "node.waiting":
            with pytest.raises(gb.OutputError):
                handle.answer("ask", "maybe")
            handle.answer("ask", "yes")
    result = await handle
    assert result.outputs == {"ask": "yes", "b": "b"}


async def test_resuming_can_be_awaited(calls, executor):
    first = await executor.run(workflow(calls.node("a"), gb.Node.human("ask", "ok?", after="a")))
    second = await executor.resume_async(first, answers={"ask": "x"})
    assert second.status == "succeeded"
    assert calls.count == {"a": 1}


async def test_resuming_on_the_callers_own_loop(calls, executor):
    first = await executor.run(workflow(calls.node("a", fails=1)), loop="current")
    second = await executor.resume_async(first, loop="current")
    assert second.outputs == {"a": "a"}


# ---- what cannot be resumed


def test_a_run_that_succeeded_has_nothing_left(calls, executor):
    with pytest.raises(gb.UsageError, match="has succeeded; there is nothing left to do"):
        executor.resume(executor.execute(workflow(calls.node("a"))))


@pytest.mark.parametrize("result", [None, 7, {}])
def test_only_a_result_or_a_run_by_its_id_is_resumed(executor, result):
    with pytest.raises(gb.UsageError, match="a result is resumed"):
        executor.resume(result)


def test_the_latest_result_is_the_resumed_one(calls, executor):
    second = executor.resume(executor.execute(workflow(calls.node("a", fails=1))))
    assert gb.last is second


# ---- in another process

MODULE = """
    import sys
    import graphbit_nb as gb

    def noted(name):
        with open("calls.txt", "a") as file:
            file.write(name + "\\n")
        return name

    def first():
        return noted("first")

    def item(x):
        return noted(f"item {x}")

    def last(ask, each):
        noted("last")
        return [ask, *each]

    inner = gb.WorkflowBuilder("inner")
    inner.add_node(gb.Node.python("deep", first))
    inner.add_node(gb.Node.human("sure", "{{ deep }}?", output="yes|no"))

    builder = gb.WorkflowBuilder("long")
    builder.add_node(gb.Node.python("first", first))
    builder.add_node(gb.Node.prompt("draft", "about {{ first }}"))
    builder.add_node(gb.Node.python("each", item, for_each="x in [1, 2]", after="first"))
    builder.add_node(gb.Node.human("ask", "{{ draft }}?", output="yes|no"))
    builder.add_node(gb.Node.workflow("review", inner.build(), repeat_until="sure == 'yes'", max_iterations=3))
    builder.add_node(gb.Node.python("last", last, when="ask=yes", after="review"))
    workflow = builder.build()

    config = gb.LlmConfig.scripted({"*": lambda request: noted("model")})
"""
BEGIN = """
    import pickle
    from long_run import *
    result = gb.WorkflowExecutor(config).execute(workflow)
    assert result.status == "waiting", result
    open("run.pickle", "wb").write(pickle.dumps(result))
"""
GO_ON = """
    import pickle
    import graphbit_nb as gb
    result = pickle.loads(open("run.pickle", "rb").read())
    from long_run import config
    executor = gb.WorkflowExecutor(config)
    result = executor.resume(result, answers={"ask": "yes", "review#1.sure": "no"})
    assert result.status == "waiting", result
    result = executor.resume(pickle.loads(pickle.dumps(result)), answers={"review#2.sure": "yes"})
    result.raise_for_status()
    assert result.outputs["last"] == ["yes", "item 1", "item 2"], result.outputs
    assert result.outputs["review"] == {"deep": "first", "sure": "yes"}, result.outputs
"""


def python_process(code, directory):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=directory, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(directory)}, check=False,
    )  # fmt: skip


def test_a_waiting_run_outlives_its_process_and_calls_nothing_twice(tmp_path):
    (tmp_path / "long_run.py").write_text(textwrap.dedent(MODULE))
    for code in (BEGIN, GO_ON):
        done = python_process(code, tmp_path)
        assert done.returncode == 0, done.stderr
    found = Counter((tmp_path / "calls.txt").read_text().split("\n"))
    assert found == {
        "first": 3,
        "model": 1,
        "item 1": 1,
        "item 2": 1,
        "last": 1,
        "": 1,
    }  # first: also in two iterations


def test_a_result_that_was_pickled_is_the_same():
    built = workflow(gb.Node.prompt("p", "x"), gb.Node.human("ask", "{{ p }} {{ n }}?", for_each="n in [1, 2]"))
    result = gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": "y"})).execute(built)
    again = pickle.loads(pickle.dumps(result))
    assert again.snapshot == result.snapshot
    assert again.snapshot.index == result.snapshot.index
    assert again.nodes["ask"].parts["ask[1]"] is again.snapshot.index["ask[1]"]
