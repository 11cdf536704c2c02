"""Runs that remember: what is asked and computed again when something has changed, and what is not."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from simulation import Model, Simulation, workflow

import graphbit_nb as gb
from graphbit_nb.core.calls import Identity
from graphbit_nb.graph.caching import CacheMode, read_cache_mode
from graphbit_nb.graph.registry import NodeProcessor, ProcessorRegistry
from graphbit_nb.storage.memory_cache import MemoryCache
from graphbit_nb.storage.run_memory import RunMemory

WHO = Identity("fake", model="model")


class Asked:
    """The clients of a run that remembers: each node asks with its own mode."""

    def __init__(self, model, memory, nodes, identity=WHO):
        self.model, self.memory, self.nodes, self.identity = model, memory, nodes, identity

    def _client(self, request):
        name = request.node.rpartition(".")[2].partition("[")[0]
        return self.memory.wrap(self.model, self.nodes[name], self.identity)

    async def generate(self, request, listener=None):
        return await self._client(request).generate(request, listener)

    async def embed(self, request, listener=None):
        return await self._client(request).embed(request, listener)

    def model_info(self):
        return self.model.model_info()


class Again:
    """Runs workflows one after the other with one memory, and counts what each run asks."""

    def __init__(self, answer=None, **more):
        self.store = MemoryCache(**more)
        self.model = Model(answer or (lambda request: f"<{request.messages[-1].content}>"))

    def run(self, *nodes, mode="default", identity=WHO, inner=(), **options):
        memory = RunMemory(self.store, read_cache_mode(mode), workflow="w", run_id="r")
        self.model.requests.clear()
        named = {node.name: node for node in (*nodes, *inner)}
        found = Simulation(*nodes, client=Asked(self.model, memory, named, identity), memory=memory, **options)
        found.asked = sorted(request.node for request in self.model.requests)
        return found


def prompt(name, text, **more):
    return gb.Node.prompt(name, text, **more)


def chain():
    """A summary of a summary, and one that stands beside it."""
    return {
        "first": "Say {{ word }}", "second": "Shout {{ first }}", "third": "Whisper {{ second }}", "other": "Sing",
    }  # fmt: skip


def nodes_of(texts, **more):
    return [prompt(name, text, **more.get(name, {})) for name, text in texts.items()]


# ---- the lines, with two hundred nodes


def two_hundred(leaf="", middle=""):
    """20 rows of ten: each node reads the one before it in its row, each row the first one's beginning."""
    found = [prompt("n0_0", "Begin")]
    for row in range(20):
        for column in range(10):
            if (row, column) == (0, 0):
                continue
            before = f"n{row}_{column - 1}" if column else "n0_0"
            more = leaf if (row, column) == (3, 9) else middle if (row, column) == (3, 4) else ""
            found.append(prompt(f"n{row}_{column}", f"{row} {column}: {{{{ {before} }}}}{more}"))
    return found


def short(request):
    """Answers that differ, but do not grow."""
    return str(hash(request.messages[-1].content) % 10**9)


def test_two_hundred_nodes_run_again_ask_nothing():
    again = Again(short)
    first = again.run(*two_hundred())
    assert len(first.asked) == 200
    second = again.run(*two_hundred())
    assert second.asked == []
    assert second.outputs == first.outputs
    assert set(second.states.values()) == {"cached"}
    assert second.status == "succeeded"
    assert second.snapshot.usage.calls == 0
    assert second.snapshot.cost == 0


def test_of_two_hundred_nodes_a_changed_leaf_is_one_call():
    again = Again(short)
    again.run(*two_hundred())
    assert again.run(*two_hundred(leaf=" now")).asked == ["n3_9"]


def test_of_two_hundred_nodes_a_changed_middle_is_it_and_what_follows():
    again = Again(short)
    again.run(*two_hundred())
    assert again.run(*two_hundred(middle=" now")).asked == [f"n3_{column}" for column in range(4, 10)]


def test_what_follows_is_asked_only_where_what_it_reads_has_changed():
    again = Again({"n3_4": "the same", "*": short})
    again.run(*two_hundred())
    assert again.run(*two_hundred(middle=" now")).asked == ["n3_4"]


def test_a_hundred_equal_nodes_at_once_are_one_call():
    again = Again()
    again.model.seconds = 1.0
    run = again.run(*(prompt(f"n{number}", "The same") for number in range(100)))
    assert len(run.asked) == 1
    assert set(run.outputs.values()) == {"<The same>"}
    assert sorted(set(run.states.values())) == ["cached", "succeeded"]
    assert list(run.states.values()).count("succeeded") == 1
    assert run.snapshot.usage.calls == 1


def test_equal_nodes_whose_call_is_tried_again_do_not_wait_for_a_slot_that_they_hold():
    from graphbit_nb.errors import ServerError
    from graphbit_nb.providers.resilient import ResilientClient
    from graphbit_nb.reliability.retry import RetryPolicy

    store = MemoryCache()
    memory = RunMemory(store)
    model = Model({"*": [ServerError("down"), ServerError("down"), "fine"]}, seconds=1.0)
    client = ResilientClient(model, RetryPolicy(max_attempts=3, base_delay=5, jitter=0))
    nodes = [prompt(f"n{number}", "The same") for number in range(10)]
    asked = Asked(client, memory, {node.name: node for node in nodes})
    run = Simulation(*nodes, client=asked, memory=memory, max_concurrency=2, patience=1000)
    assert set(run.outputs.values()) == {"fine"}
    assert len(model.requests) == 3
    assert run.status == "succeeded"


# ---- what counts


def test_blanks_inside_braces_change_nothing():
    again = Again()
    texts = chain()
    again.run(*nodes_of(texts), inputs={"word": "hi"})
    texts["second"] = "Shout {{    first   }}"
    assert again.run(*nodes_of(texts), inputs={"word": "hi"}).asked == []


def test_another_input_is_another_question():
    again = Again()
    again.run(*nodes_of(chain()), inputs={"word": "hi"})
    assert again.run(*nodes_of(chain()), inputs={"word": "ho"}).asked == ["first", "second", "third"]


def test_a_renamed_node_asks_nothing():
    again = Again()
    again.run(prompt("a", "Sing"))
    assert again.run(prompt("b", "Sing")).asked == []


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 0.3}, {"model": "large"}, {"output": "yes|no"}, {"system": "Be brief."}, {"max_tokens": 9},
        {"seed": 1}, {"stop": "x"}, {"top_p": 0.5}, {"sample": 1}, {"examples": [("a", "b")]},
    ],
)  # fmt: skip
def test_any_other_parameter_is_another_question(more):
    again = Again(lambda request: '{"value": "yes"}' if request.schema else "x")
    again.run(prompt("a", "Sing"))
    assert again.run(prompt("a", "Sing", **more)).asked == ["a"]
    assert again.run(prompt("a", "Sing", **more)).asked == []


def test_another_address_is_another_question():
    again = Again()
    again.run(prompt("a", "Sing"))
    assert again.run(prompt("a", "Sing"), identity=Identity("fake", "https://x", "model")).asked == ["a"]


# ---- modes


def test_a_fresh_run_asks_all_again_and_the_next_takes_its_answers():
    again = Again(lambda _: str(len(again.model.requests)) + str(time.monotonic_ns()))
    first = again.run(prompt("a", "Sing"))
    fresh = again.run(prompt("a", "Sing"), mode="recompute")
    assert fresh.asked == ["a"]
    assert fresh.outputs != first.outputs
    assert again.run(prompt("a", "Sing")).outputs == fresh.outputs


@pytest.mark.parametrize("mode", ["disable", "ignore"])
def test_a_run_that_remembers_nothing_asks_all(mode):
    again = Again()
    again.run(prompt("a", "Sing"))
    run = again.run(prompt("a", "Sing"), mode=mode)
    assert run.asked == ["a"]
    assert run.states == {"a": "succeeded"}


def test_a_node_s_own_mode_goes_before_the_run_s():
    again = Again()
    nodes = [prompt("a", "Sing", cache="disable"), prompt("b", "Hum"), prompt("c", "Cry", cache="default")]
    again.run(*nodes)
    assert again.run(*nodes).asked == ["a"]
    assert again.run(*nodes, mode="recompute").asked == ["a", "b"]


def test_what_is_too_old_is_asked_again():
    now = [0.0]
    again = Again(clock=lambda: now[0])
    nodes = [prompt("a", "Sing", cache="3h"), prompt("b", "Hum")]
    again.run(*nodes)
    now[0] = 3 * 3600.0 + 1
    assert again.run(*nodes).asked == ["a"]
    assert again.run(*nodes).asked == []


# ---- what is seen of it


def test_a_hit_is_told_as_one():
    again = Again()
    again.run(prompt("a", "Sing", temperature=0.7))
    run = again.run(prompt("a", "Sing", temperature=0.7))
    assert [event.kind for event in run.events] == [
        "run.started", "node.started", "prompt.rendered", "llm.requested", "llm.responded", "node.cached",
        "run.finished",
    ]  # fmt: skip
    node = run.snapshot.nodes["a"]
    assert (node.source, node.attempts[0].source, node.cost, node.usage.calls) == ("cache", "cache", 0, 0)
    assert node.attempts[0].is_one_of_many
    assert node.prompt == "Sing"


def test_at_temperature_zero_another_sample_would_be_the_same():
    again = Again()
    again.run(prompt("a", "Sing", temperature=0))
    node = again.run(prompt("a", "Sing", temperature=0)).snapshot.nodes["a"]
    assert not node.attempts[0].is_one_of_many


def test_a_run_without_a_memory_tells_nothing_of_it():
    run = Simulation(prompt("a", "Sing"), client=Model())
    assert run.snapshot.nodes["a"].source is None
    assert run.snapshot.nodes["a"].attempts[0].source is None


# ---- answers that do not fit


def test_answers_that_were_rejected_are_remembered_with_the_one_that_fits():
    again = Again({"a": ["x", '{"value": "yes"}']})
    first = again.run(prompt("a", "Sing", output="yes|no"))
    assert len(first.asked) == 2
    run = again.run(prompt("a", "Sing", output="yes|no"))
    assert run.asked == []
    assert run.outputs == {"a": "yes"}
    assert run.states == {"a": "cached"}


def test_answers_that_made_a_node_fail_are_asked_anew():
    again = Again({"a": ["x", "y", "z", '{"value": "yes"}']})
    first = again.run(prompt("a", "Sing", output="yes|no"))
    assert first.states == {"a": "failed"}
    run = again.run(prompt("a", "Sing", output="yes|no"))
    assert run.asked == ["a"]
    assert run.outputs == {"a": "yes"}


def test_a_failure_is_not_remembered():
    again = Again({"a": [ValueError("no"), "fine"]})
    assert again.run(prompt("a", "Sing")).states == {"a": "failed"}
    assert again.run(prompt("a", "Sing")).outputs == {"a": "fine"}


def test_a_fallback_is_not_remembered():
    again = Again({"a": [ValueError("no"), "fine"]})
    assert again.run(prompt("a", "Sing", fallback="none")).outputs == {"a": "none"}
    assert again.run(prompt("a", "Sing", fallback="none")).outputs == {"a": "fine"}


# ---- kinds


def test_each_item_is_remembered_by_itself():
    again = Again()
    each = prompt("each", "Say {{ word }}", for_each="word in words")
    again.run(each, inputs={"words": ["a", "b", "c"]})
    run = again.run(each, inputs={"words": ["c", "x", "a"]})
    assert run.asked == ["each[1]"]
    assert run.outputs == {"each": ["<Say c>", "<Say x>", "<Say a>"]}
    assert run.all_states == {"each": "succeeded", "each[0]": "cached", "each[1]": "succeeded", "each[2]": "cached"}


def test_equal_items_are_one_call_unless_each_is_a_sample_of_its_own():
    again = Again(lambda request: str(request.sample))
    again.model.seconds = 1.0
    inputs = {"words": ["a", "a", "a"]}
    assert len(again.run(prompt("each", "{{ w }}", for_each="w in words"), inputs=inputs).asked) == 1
    sampled = prompt("each", "{{ w }}", for_each="w in words", sample="item", temperature=1)
    run = again.run(sampled, inputs=inputs)
    assert run.outputs == {"each": ["0", "1", "2"]}
    assert len(run.asked) == 3
    assert again.run(sampled, inputs=inputs).asked == []


def test_a_sample_is_asked_for_in_the_request():
    again = Again(lambda request: str(request.sample))
    assert again.run(prompt("a", "Sing", sample=7)).outputs == {"a": "7"}


@pytest.mark.parametrize("sample", [-1, 1.5, True, "items", [1]])
def test_what_is_no_sample_is_refused(sample):
    with pytest.raises(gb.DefinitionError, match="sample="):
        prompt("a", "Sing", sample=sample)


def test_vectors_are_remembered():
    again = Again("any")
    again.run(gb.Node.embed("e", "{{ text }}"), inputs={"text": "abc"})
    run = again.run(gb.Node.embed("e", "{{ text }}"), inputs={"text": "abc"})
    assert run.asked == []
    assert run.outputs == {"e": [3.0]}
    assert run.states == {"e": "cached"}


def test_inside_a_sub_workflow_calls_are_remembered():
    again = Again()
    inner = [prompt("x", "Say {{ word }}"), prompt("y", "Shout {{ x }}")]
    node = gb.Node.workflow("sub", workflow(*inner))
    again.run(node, inner=inner, inputs={"word": "hi"})
    run = again.run(node, inner=inner, inputs={"word": "hi"})
    assert run.asked == []
    assert run.all_states == {"sub": "succeeded", "sub.x": "cached", "sub.y": "cached"}


class Tooled(Model):
    """Asks for a tool first, then answers with what it was told."""

    async def _answer(self, request):
        self.requests.append(request)
        return request.messages[-1].content

    async def generate(self, request, listener=None):
        text = await self._answer(request)
        is_first = request.messages[-1].role == "user"
        calls_of_tools = (gb.ToolCall("1", "look", {"word": text}),) if is_first else ()
        return gb.GenerateResponse(text=text, tool_calls=calls_of_tools, usage=gb.Usage(calls=1))


def test_an_agent_s_calls_are_remembered_and_its_tools_are_called_again():
    found = ["one"]

    async def look(word: str) -> str:
        """Look it up."""
        calls.append(word)
        return found[0]

    again = Again()
    again.model = Tooled()
    node = gb.Node.agent("a", "Say {{ word }}", tools=[look])
    first = again.run(node, inputs={"word": "hi"})
    assert (first.asked, calls) == (["a", "a"], ["Say hi"])
    second = again.run(node, inputs={"word": "hi"})
    assert (second.asked, second.states, len(calls)) == ([], {"a": "cached"}, 2)
    found[0] = "other"
    third = again.run(node, inputs={"word": "hi"})
    assert (third.asked, third.outputs, third.states) == (["a"], {"a": "other"}, {"a": "succeeded"})


def test_a_pinned_node_stays_pinned():
    again = Again()
    run = again.run(prompt("a", "Sing"), prompt("b", "Hum {{ a }}"), pinned={"a": "la"})
    assert run.snapshot.nodes["a"].source == "pinned"
    assert run.asked == ["b"]


def test_a_resumed_run_takes_what_is_remembered():
    again = Again({"a": "x", "b": [ValueError("no"), "y"]})
    nodes = (prompt("a", "Sing"), prompt("b", "Hum {{ a }}"))
    first = again.run(*nodes)
    memory = RunMemory(again.store)
    asked = Asked(again.model, memory, {node.name: node for node in nodes})
    resumed = Simulation(resumes=first, client=asked, memory=memory)
    assert resumed.outputs == {"a": "x", "b": "y"}


# ---- python nodes


calls = []


@pytest.fixture(autouse=True)
def _forget_calls():
    calls.clear()


def add(x, n=1):
    return x + n


async def add_slowly(x):
    await asyncio.sleep(0)
    return {"sum": x + 1}


def counted(x):
    calls.append(x)
    return [x, x]


def ran(again, fn, values=None, **more):
    node = gb.Node.python("a", fn, **more)
    return again.run(node, inputs={"x": 1} if values is None else values)


@pytest.mark.parametrize("fn", [add, add_slowly])
def test_a_function_that_was_called_with_the_same_is_not_called_again(fn):
    again = Again()
    first = ran(again, fn)
    assert first.states == {"a": "succeeded"}
    second = ran(again, fn)
    assert second.states == {"a": "cached"}
    assert second.snapshot.nodes["a"].source == "cache"
    assert second.outputs == first.outputs


def says(x):
    print("x is", x)
    print("so be it")
    return x


def test_what_a_function_printed_is_there_again():
    again = Again()
    first = ran(again, says).snapshot.nodes["a"]
    second = ran(again, says).snapshot.nodes["a"]
    assert second.source == "cache"
    assert second.printed == first.printed == "x is 1\nso be it\n"


def test_a_function_is_called_again_with_another_value():
    again = Again()
    ran(again, add)
    assert ran(again, add, {"x": 2}).states == {"a": "succeeded"}


def test_what_comes_back_is_a_value_of_its_own_each_time():
    again = Again()
    ran(again, add_slowly)
    first = ran(again, add_slowly).outputs["a"]
    first["sum"] = "changed"
    assert ran(again, add_slowly).outputs["a"] == {"sum": 2}


def test_a_function_that_changes_a_variable_by_a_method_is_seen_by_its_value():
    again = Again()
    ran(again, counted)
    assert calls == [1]
    ran(again, counted)
    assert calls == [1, 1]  # the list that it reads has changed meanwhile


def reads_the_clock(x):
    return time.time() + x


def test_what_reads_the_clock_is_computed_each_time_and_says_why():
    again = Again()
    ran(again, reads_the_clock)
    run = ran(again, reads_the_clock)
    assert run.states == {"a": "succeeded"}
    assert run.snapshot.nodes["a"].uncached == "it reads the clock (time.time)"


def test_what_reads_the_clock_is_remembered_where_the_node_says_so():
    again = Again()
    ran(again, reads_the_clock, cache="3h")
    assert ran(again, reads_the_clock, cache="3h").states == {"a": "cached"}


def gives_a_lock(x):
    return iter(())


def test_an_output_that_cannot_be_kept_is_computed_each_time_and_says_why():
    again = Again()
    ran(again, gives_a_lock)
    run = ran(again, gives_a_lock)
    assert run.states == {"a": "succeeded"}
    assert "its output cannot be kept" in run.snapshot.nodes["a"].uncached


def fails(x):
    calls.append(x)
    raise ValueError("no")


def test_a_function_that_failed_is_called_again():
    again = Again()
    assert ran(again, fails).states == {"a": "failed"}
    assert ran(again, fails).states == {"a": "failed"}
    assert len(calls) == 2


def test_a_function_that_is_tried_again_is_remembered_when_it_gives_something():
    again = Again()
    tries = iter([ValueError("no"), None])

    async def sometimes(x):
        if (error := next(tries)) is not None:
            raise error
        return x

    run = ran(again, sometimes, retry=2)
    assert run.outputs == {"a": 1}
    assert "cannot be compared" in run.snapshot.nodes["a"].uncached


@pytest.mark.parametrize("mode", ["disable", "ignore"])
def test_a_function_is_called_where_nothing_is_remembered(mode):
    again = Again()
    ran(again, add)
    run = ran(again, add, cache=mode)
    assert run.states == {"a": "succeeded"}
    assert run.snapshot.nodes["a"].uncached is None


def test_recompute_calls_the_function_and_remembers_what_it_gives():
    again = Again()
    ran(again, add, cache="recompute")
    assert ran(again, add, cache="recompute").states == {"a": "succeeded"}
    assert ran(again, add, cache="default").states == {"a": "cached"}


def connect():
    return object()


def query(connection, x):
    return x + 1


def test_an_ignored_node_does_not_count_in_what_reads_it():
    again = Again()
    nodes = [gb.Node.python("connection", connect, cache="ignore"), gb.Node.python("b", query)]
    again.run(*nodes, inputs={"x": 1})
    run = again.run(*nodes, inputs={"x": 1})
    assert run.states == {"connection": "succeeded", "b": "cached"}


def test_an_ignored_node_does_not_count_in_items_and_inside_sub_workflows():
    again = Again()
    inner = [gb.Node.python("connection", connect, cache="ignore"), gb.Node.python("b", query, for_each="x in xs")]
    node = gb.Node.workflow("sub", workflow(*inner))
    again.run(node, inputs={"xs": [1, 2]})
    run = again.run(node, inputs={"xs": [2, 3]})
    assert run.all_states["sub.b[0]"] == "cached"
    assert run.all_states["sub.b[1]"] == "succeeded"


def test_what_is_not_ignored_and_cannot_be_compared_is_said():
    again = Again()
    nodes = [gb.Node.python("connection", connect), gb.Node.python("b", query)]
    run = again.run(*nodes, inputs={"x": 1})
    assert "connection cannot be compared" in run.snapshot.nodes["b"].uncached


def test_conditions_are_remembered_and_branches_follow():
    again = Again()

    def decide(x):
        return x > 0

    nodes = [gb.Node.condition("c", decide), prompt("yes", "Yes", when="c=true"), prompt("no", "No", when="c=false")]
    again.run(*nodes, inputs={"x": 1})
    run = again.run(*nodes, inputs={"x": 1})
    assert run.states == {"c": "cached", "yes": "cached", "no": "skipped"}


def test_a_person_is_asked_each_time():
    again = Again()
    node = gb.Node.human("h", "Well?")
    again.run(node, answers={"h": "yes"})
    assert again.run(node, answers={"h": "no"}).outputs == {"h": "no"}


def test_a_checked_output_comes_back_as_it_was_checked():
    again = Again()

    async def text(x):
        return float(x)

    first = ran(again, text, output="float")
    second = ran(again, text, output="float")
    assert second.outputs == first.outputs == {"a": 1.0}
    assert second.states == {"a": "cached"}


def test_a_kind_that_says_so_is_never_remembered():
    class Never(NodeProcessor):
        node_type = "never"
        remembers = False

        def process(self, input):  # noqa: A002
            return "x"

    ProcessorRegistry.register(Never)
    try:
        again = Again()
        again.run(gb.Node.never("a", "x"))
        run = again.run(gb.Node.never("a", "x"))
        assert run.states == {"a": "succeeded"}
        assert run.snapshot.nodes["a"].uncached is None
    finally:
        ProcessorRegistry.unregister("never")


def test_what_is_damaged_is_computed_again(caplog):
    from dataclasses import replace

    again = Again()
    ran(again, add)
    (entry,) = again.store.entries(kind="node")
    again.store.keep(replace(entry, record="x"))
    with caplog.at_level(logging.WARNING, "graphbit_nb"):
        assert ran(again, add).states == {"a": "succeeded"}
    assert ran(again, add).states == {"a": "cached"}


def test_a_miss_is_explained_by_the_nearest_entry():
    from graphbit_nb.execution.node_keys import asked_of
    from graphbit_nb.graph.registry import processor_of

    again = Again()
    ran(again, add)
    data = asked_of(gb.Node.python("a", add), processor_of("python"), {"x": 2})
    assert str(again.store.explain(data, "a")) == "the nearest of the node a differs:\n  x: 1 before, 2 now"


def test_a_mode_says_what_it_reads_and_writes():
    assert [(mode.reads, mode.writes) for mode in map(CacheMode, ("default", "recompute", "disable", "ignore"))] == [
        (True, True), (False, True), (False, False), (False, False),
    ]  # fmt: skip
