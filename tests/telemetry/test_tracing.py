"""Traces: spans of runs, nodes, attempts and tools, with the names that others know."""

import json
import sys
from collections import Counter

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from simulation import Simulation, python, raises, workflow

import graphbit_nb as gb
from graphbit_nb.core import events as e
from graphbit_nb.telemetry.tracing import CONTENT, Tracing


class Traced:
    """Tracing with spans kept in memory."""

    def __init__(self, **how):
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracing = Tracing(self.provider, **how)

    def run(self, *nodes, **options):
        sink = self.tracing.sink("simulated")
        run = Simulation(*nodes, sinks=(sink,), **options)
        sink.close()
        return run

    @property
    def spans(self):
        return self.exporter.get_finished_spans()

    def named(self, name):
        return [span for span in self.spans if span.name == name]

    def one(self, name):
        (span,) = self.named(name)
        return span

    def parent(self, span):
        found = [other for other in self.spans if span.parent and other.context.span_id == span.parent.span_id]
        return found[0].name if found else None


@pytest.fixture
def traced():
    return Traced()


def seconds(span):
    return (span.start_time / 1e9, span.end_time / 1e9)


def test_a_run_is_a_span_with_its_nodes_and_their_calls_inside(traced, flaky):
    run = traced.run(gb.Node.prompt("a", "x", temperature=0.5, max_tokens=9), client=flaky())
    root, node, call = traced.one("invoke_workflow simulated"), traced.one("node a"), traced.one("chat model")
    assert (traced.parent(call), traced.parent(node), root.parent) == ("node a", "invoke_workflow simulated", None)
    assert len({span.context.trace_id for span in traced.spans}) == 1
    assert root.attributes["graphbit.run.id"] == run.snapshot.run_id
    assert root.attributes["gen_ai.operation.name"] == "invoke_workflow"
    assert root.attributes["gen_ai.agent.name"] == "simulated"
    assert root.attributes["graphbit.run.status"] == "succeeded"
    assert node.attributes["graphbit.node.state"] == "succeeded"
    assert call.kind is trace.SpanKind.CLIENT
    assert dict(call.attributes) == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "fake", "gen_ai.request.model": "model",
        "gen_ai.request.temperature": 0.5, "gen_ai.request.max_tokens": 9, "gen_ai.request.stream": True,
        "gen_ai.response.model": "model-1", "gen_ai.response.id": "req-1", "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": 0.125, "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5, "gen_ai.usage.cache_read.input_tokens": 2, "graphbit.cost.usd": 0.001,
        "graphbit.attempt": 1,
    }  # fmt: skip


def test_names_of_the_conventions_are_spelled_as_they_are_there(flaky):
    traced = Traced(content=True)
    traced.run(gb.Node.prompt("a", "x", system="be kind", temperature=0.5), client=flaky())
    known = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")}
    used = {name for span in traced.spans for name in span.attributes if name.startswith("gen_ai.")}
    assert used
    assert used <= known


def test_times_are_those_of_the_events(traced):
    run = traced.run(python("a", seconds=2.0), python("b", seconds=3.0), max_concurrency=1)
    assert seconds(traced.one("node a")) == (run.at("node.started", "a"), run.at("node.succeeded", "a")) == (0.0, 2.0)
    assert seconds(traced.one("node b")) == (2.0, 5.0)
    assert traced.one("node b").attributes["graphbit.node.queued"] == 2.0
    assert seconds(traced.one("invoke_workflow simulated")) == (0.0, 5.0)


def test_spans_of_fifty_nodes_with_retries_add_up_to_the_events_exactly(traced, flaky):
    nodes = [gb.Node.prompt(f"n{i}", "x" if i < 5 else f"{{{{ n{i - 5} }}}}") for i in range(50)]
    run = traced.run(*nodes, client=flaky(fails=lambda node: int(node[1:]) % 3), max_concurrency=3)
    told = Counter(event.kind for event in run.events)
    calls = traced.named("chat model")
    assert len([span for span in traced.spans if span.name.startswith("node ")]) == 50
    assert len(calls) == told["llm.requested"]
    failed = [span for span in calls if not span.status.is_ok]
    assert len(failed) == told["retry.scheduled"] == sum(i % 3 for i in range(50))
    assert sum(s.attributes.get("gen_ai.usage.input_tokens", 0) for s in calls) == run.snapshot.usage.input_tokens
    assert len(traced.spans) == 1 + 50 + told["llm.requested"]
    assert all(traced.parent(span).startswith("node n") for span in calls)


def test_a_failed_attempt_has_its_error_and_the_next_is_linked_to_it(traced, flaky):
    traced.run(gb.Node.prompt("a", "x"), client=flaky(fails=lambda _: 1))
    first, second = traced.named("chat model")
    assert first.status.status_code is trace.StatusCode.ERROR
    assert first.status.description == "too fast"
    assert first.attributes["error.type"] == "RateLimitError"
    assert first.attributes["http.response.status_code"] == 429
    assert [link.context.span_id for link in second.links] == [first.context.span_id]
    assert (first.attributes["graphbit.attempt"], second.attributes["graphbit.attempt"]) == (1, 2)
    assert second.start_time - first.end_time == pytest.approx(0.5e9)
    assert [event.name for event in traced.one("node a").events] == ["retry.scheduled"]


def test_tries_of_code_are_attempts_only_where_there_are_several(traced):
    traced.run(python("a", raises(KeyError("x")), retry=2), python("b"))
    first, second = traced.named("attempt a")
    assert [link.context.span_id for link in second.links] == [first.context.span_id]
    assert first.attributes["error.type"] == second.attributes["error.type"] == "KeyError"
    assert traced.named("attempt b") == []
    assert not traced.one("node a").status.is_ok
    assert not traced.one("invoke_workflow simulated").status.is_ok


def test_an_answer_that_was_remembered_is_no_call_to_anybody(traced, flaky):
    traced.run(gb.Node.prompt("a", "x"), client=flaky(source=lambda _: "cache"))
    call = traced.one("chat model")
    assert call.kind is trace.SpanKind.INTERNAL
    assert call.attributes["graphbit.source"] == "cache"
    assert not any(name.startswith("gen_ai.usage") for name in call.attributes)
    assert traced.one("node a").attributes["graphbit.node.state"] == "cached"


def test_vectors_are_an_embeddings_call(traced, flaky):
    class Embedding(flaky):
        async def embed(self, request, listener=None):
            return gb.EmbedResponse(vectors=((1.0,),), usage=gb.Usage(input_tokens=3, calls=1))

    traced.run(gb.Node.embed("a", "x"), client=Embedding())
    assert traced.one("embeddings model").attributes["gen_ai.operation.name"] == "embeddings"


def test_parts_are_inside_what_they_are_parts_of(traced):
    async def double(x):
        return x * 2

    inner = workflow(python("draft", seconds=1), python("score", seconds=1), name="inner")
    traced.run(gb.Node.python("each", double, for_each="x in [1, 2, 3]"), gb.Node.workflow("review", inner))
    assert [traced.parent(span) for span in traced.named("node each[]")] == ["node each"] * 3
    assert {span.attributes["graphbit.node"] for span in traced.named("node each[]")} == {
        "each[0]",
        "each[1]",
        "each[2]",
    }
    assert traced.parent(traced.one("node review.draft")) == "node review"
    assert traced.parent(traced.one("node review")) == "invoke_workflow simulated"


def test_what_never_ran_is_a_span_without_length(traced):
    traced.run(python("a", raises(KeyError("x"))), python("b", after="a"), python("c"), pinned={"c": 1})
    skipped, pinned = traced.one("node b"), traced.one("node c")
    assert skipped.start_time == skipped.end_time
    assert skipped.attributes["graphbit.node.state"] == "skipped"
    assert (pinned.attributes["graphbit.node.state"], pinned.attributes["graphbit.source"]) == ("cached", "pinned")


def feed(traced, *events, **how):
    sink = traced.tracing.sink("w")
    for number, (kind, time, *fields) in enumerate(events, start=1):
        sink(kind("run", number, time, *fields))
    return sink


def test_a_tool_is_a_span_of_its_own_time(traced):
    error = e.ErrorInfo("ValueError", "the user's text", place="cell 1")
    feed(
        traced, (e.RunStarted, 0.0, "w", ("a",), {}), (e.NodeStarted, 0.0, "a"),
        (e.ToolCalled, 3.0, "a", "c1", "search", {"q": "private"}, "private", None, 1.0),
        (e.ToolCalled, 4.0, "a", "c2", "search", {}, "", error, 3.0),
        (e.NodeSucceeded, 5.0, "a", None), (e.RunFinished, 5.0, gb.RunStatus.SUCCEEDED),
    )  # fmt: skip
    good, bad = traced.named("execute_tool search")
    assert seconds(good) == (1.0, 3.0)
    assert traced.parent(good) == "node a"
    assert dict(good.attributes) == {
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search", "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.type": "function",
    }  # fmt: skip
    assert (bad.attributes["error.type"], bad.status.description) == ("ValueError", None)


def test_waits_for_limits_breakers_and_answers_that_do_not_fit_are_noted_on_the_node(traced):
    error = e.ErrorInfo("OutputError", "no")
    feed(
        traced, (e.RunStarted, 0.0, "w", ("a",), {}), (e.NodeStarted, 0.0, "a"),
        (e.RateLimited, 1.0, "a", "fake", None, 2), (e.CircuitChanged, 2.0, "a", "fake", "open", "why"),
        (e.ContentFlagged, 2.5, "a", "prompt", "personal data", "email", 1, "an", False),
        (e.OutputRejected, 3.0, "a", error), (e.FallbackAsked, 4.0, "a", error),
        (e.NodeSucceeded, 5.0, "a", None), (e.RunFinished, 5.0, gb.RunStatus.SUCCEEDED),
    )  # fmt: skip
    noted = [(event.name, event.timestamp / 1e9) for event in traced.one("node a").events]
    assert noted == [
        ("rate.limited", 1.0), ("circuit.changed", 2.0), ("content.flagged", 2.5), ("output.rejected", 3.0),
        ("fallback.asked", 4.0),
    ]  # fmt: skip


def texts(traced):
    return json.dumps([[str(dict(s.attributes)), s.name, str(s.status.description), str([(e.name, dict(e.attributes))
                       for e in s.events])] for s in traced.spans])  # fmt: skip


def test_what_users_and_models_wrote_is_not_told(traced, flaky):
    async def fails():
        raise ValueError("the private story")

    traced.run(gb.Node.prompt("a", "the private story"), python("b", fails), client=flaky(fails=lambda _: 1))
    assert "private" not in texts(traced)
    assert "the answer" not in texts(traced)


def test_prompts_and_answers_are_told_when_it_is_asked_for_and_keys_never(flaky):
    traced = Traced(content=True)
    key = "sk-proj-abcdefghijklmnop0123456789"
    traced.run(gb.Node.prompt("a", f"story of {key}", system="be kind"), client=flaky())
    call = traced.one("chat model").attributes
    assert json.loads(call["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "story of [redacted]"}]}
    ]
    assert json.loads(call["gen_ai.system_instructions"]) == [{"type": "text", "content": "be kind"}]
    assert json.loads(call["gen_ai.output.messages"])[0]["parts"] == [{"type": "text", "content": "the answer"}]
    assert key not in texts(traced)


@pytest.mark.parametrize(
    ("said", "told"), [("true", True), ("SPAN_ONLY", True), ("event_only", False), ("false", False), ("", False)]
)
def test_the_usual_variable_says_whether_content_is_told(monkeypatch, said, told):
    monkeypatch.setenv(CONTENT, said)
    assert Traced().tracing.content is told
    assert Traced(content=not told).tracing.content is not told


def test_a_run_is_inside_the_span_that_is_current_where_it_begins(traced):
    with traced.provider.get_tracer("mine").start_as_current_span("request"):
        traced.run(python("a"))
    assert traced.parent(traced.one("invoke_workflow simulated")) == "request"


def test_a_run_that_waits_for_a_person_ends_its_spans_and_the_next_is_linked(traced):
    waits = traced.run(gb.Node.human("ask", "which?"), python("b", after="ask"), parks=True)
    first = traced.one("invoke_workflow simulated")
    assert first.attributes["graphbit.run.status"] == "unfinished"
    assert traced.one("node ask").attributes["graphbit.node.state"] == "unfinished"
    traced.run(resumes=waits, answers={"ask": "this"})
    second = traced.named("invoke_workflow simulated")[1]
    assert [link.context.span_id for link in second.links] == [first.context.span_id]
    assert second.attributes["graphbit.run.status"] == "succeeded"


def test_cancelled_calls_end_with_their_node(traced, flaky):
    class Slow(flaky):
        async def generate(self, request, listener=None):
            import asyncio

            await asyncio.sleep(3600)

    async def script(run):
        import asyncio

        await asyncio.sleep(1)
        run.cancel()

    traced.run(gb.Node.prompt("a", "x"), client=Slow(), script=script)
    assert seconds(traced.one("chat model"))[1] == seconds(traced.one("node a"))[1] == 1.0
    assert traced.one("node a").attributes["graphbit.node.state"] == "cancelled"


def test_the_programs_own_provider_is_used_and_left_running(monkeypatch):
    provider = TracerProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    stopped = []
    monkeypatch.setattr(provider, "shutdown", lambda: stopped.append(True))
    Tracing().close()
    assert stopped == []


def test_without_an_exporter_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(gb.ConfigurationError, match=r"pip install 'graphbit-nb\[otel\]'"):
        Tracing()


def test_what_is_no_provider_is_refused():
    with pytest.raises(gb.UsageError, match="tracing='yes': give True, or a TracerProvider"):
        Tracing("yes")
