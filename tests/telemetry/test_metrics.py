"""What is counted of runs."""

import urllib.request
from collections import Counter

import pytest
from simulation import Simulation, python, raises

import graphbit_nb as gb
from graphbit_nb.core import events as e
from graphbit_nb.telemetry.figures import OTHER, CallFigures, NodeFigures, merged, pattern_of
from graphbit_nb.telemetry.metrics import MetricsCollector


def counted(*nodes, **options):
    collector = MetricsCollector()
    run = Simulation(*nodes, sinks=(collector.sink("simulated"),), **options)
    return collector.figures(), run


def by_node(rows):
    return {row.node: row for row in rows}


def whole_nodes(figures):
    return merged(figures.nodes, lambda: NodeFigures("", ""))


def test_the_figures_of_fifty_nodes_with_retries_add_up_to_the_events_exactly(flaky):
    nodes = [gb.Node.prompt(f"n{i}", "x" if i < 5 else f"{{{{ n{i - 5} }}}}") for i in range(50)]
    model = flaky(fails=lambda node: int(node[1:]) % 3, source=lambda node: "cache" if node == "n7" else None)
    figures, run = counted(*nodes, client=model, max_concurrency=3)
    nodes_total = whole_nodes(figures)
    calls = merged(figures.calls, lambda: CallFigures("", "", "", ""))
    told = Counter(event.kind for event in run.events)
    asked = [event for event in run.told("llm.responded") if event.source is None]
    assert nodes_total.ended == {"succeeded": told["node.succeeded"], "cached": told["node.cached"]}
    assert nodes_total.ended.total() == 50
    assert nodes_total.retries == {"RateLimitError": told["retry.scheduled"]}
    assert told["retry.scheduled"] == sum(i % 3 for i in range(50))
    assert nodes_total.seconds.count == nodes_total.queued.count == told["node.started"]
    assert (calls.answered, calls.taken) == (len(asked), {"cache": 1})
    assert calls.answered + calls.taken.total() + calls.failed.total() == told["llm.requested"]
    assert calls.tokens["input"] == run.snapshot.usage.input_tokens == 10 * 49
    assert calls.tokens["output"] == run.snapshot.usage.output_tokens
    assert calls.cost == pytest.approx(sum(event.cost for event in asked))
    assert calls.seconds.count == calls.first_token.count == len(asked)
    assert figures.runs[0].ended == {"succeeded": 1}
    assert figures.runs[0].seconds.total == pytest.approx(run.snapshot.elapsed)


def test_a_nodes_time_is_from_its_start_and_its_queue_before():
    figures, _ = counted(python("a", seconds=2.0), python("b", seconds=3.0), max_concurrency=1)
    a, b = figures.nodes
    assert (a.seconds.total, a.queued.total) == (2.0, 0.0)
    assert (b.seconds.total, b.queued.total) == (3.0, 2.0)


def test_failures_are_counted_by_class_and_what_follows_as_skipped():
    figures, _ = counted(python("a", raises(KeyError("x"))), python("b", after="a"))
    found = by_node(figures.nodes)
    assert found["a"].errors == {"KeyError": 1}
    assert found["b"].ended == {"skipped": 1}
    assert found["b"].seconds.count == 0
    assert figures.runs[0].ended == {"failed": 1}


def test_calls_that_fail_are_told_from_those_that_are_answered(flaky):
    class Failing(flaky):
        async def generate(self, request, listener=None):
            raise gb.ServerError("down", provider="fake", status=500)

    figures, _ = counted(gb.Node.prompt("a", "x"), client=Failing())
    (call,) = figures.calls
    assert (call.provider, call.model, call.answered, call.failed) == ("fake", "model", 0, {"ServerError": 1})
    assert call.tokens.total() == call.cost == 0


def test_an_answer_whose_price_is_not_known_is_counted_as_such():
    class Unpriced:
        provider_name = "fake"

        async def generate(self, request, listener=None):
            return gb.GenerateResponse(text="x", usage=gb.Usage(calls=1))

        def model_info(self):
            return gb.ModelInfo(provider="fake", name="model")

    figures, _ = counted(gb.Node.prompt("a", "x"), client=Unpriced())
    assert (figures.calls[0].unpriced, figures.calls[0].cost) == (1, 0.0)


def test_items_of_a_fan_out_are_one_series():
    async def double(item):
        return item * 2

    figures, _ = counted(gb.Node.python("each", double, for_each="item in items"), inputs={"items": list(range(30))})
    found = by_node(figures.nodes)
    assert found["each[]"].ended == {"succeeded": 30}
    assert found["each"].ended == {"succeeded": 1}


@pytest.mark.parametrize(
    ("path", "pattern"),
    [("a", "a"), ("each[12]", "each[]"), ("loop#2.draft", "loop#.draft"), ("a[1].b#3.c[4]", "a[].b#.c[]")],
)
def test_items_and_iterations_are_not_told_apart(path, pattern):
    assert pattern_of(path) == pattern


def test_names_beyond_the_room_are_counted_together():
    collector = MetricsCollector(most_series=3)
    Simulation(*(python(f"n{i}") for i in range(10)), sinks=(collector,))
    found = by_node(collector.figures().nodes)
    assert set(found) == {"n0", "n1", "n2", OTHER}
    assert found[OTHER].ended == {"succeeded": 7}


@pytest.mark.parametrize("most", [0, -1, True, "many", None])
def test_there_is_room_for_one_series_at_least(most):
    with pytest.raises(gb.UsageError, match="most_series="):
        MetricsCollector(most_series=most)


def test_the_collector_itself_is_a_sink_of_many_runs_at_once():
    collector = MetricsCollector()
    for number, run in enumerate(["one", "two", "one", "two"]):
        seq = number // 2 + 1
        names = ("a",)
        event = e.RunStarted(run, seq, 0.0, f"w-{run}", names, {}) if seq == 1 else e.NodeStarted(run, seq, 1.0, "a")
        collector(event)
    for run, time in (("one", 2.0), ("two", 5.0)):
        collector(e.NodeSucceeded(run, 3, time, "a", None))
        collector(e.RunFinished(run, 4, time, gb.RunStatus.SUCCEEDED))
    seconds = {row.workflow: row.seconds.total for row in collector.figures().nodes}
    assert seconds == {"w-one": 1.0, "w-two": 4.0}


def test_runs_that_never_end_do_not_pile_up(monkeypatch):
    monkeypatch.setattr("graphbit_nb.telemetry.metrics.MOST_RUNS", 5)
    collector = MetricsCollector()
    for number in range(50):
        collector(e.RunStarted(f"run-{number}", 1, 0.0, "w", ("a",), {}))
    assert len(collector._going) == 5


def test_a_resumed_run_is_counted_under_its_workflow():
    collector = MetricsCollector()
    waits = Simulation(gb.Node.human("ask", "which?"), parks=True, sinks=(collector.sink("simulated"),))
    Simulation(resumes=waits, answers={"ask": "this"}, sinks=(collector.sink("simulated"),))
    (run,) = collector.figures().runs
    assert (run.workflow, run.resumed, run.ended) == ("simulated", 1, {"succeeded": 1})


def test_tools_limits_circuits_and_rejections_are_counted():
    sink = (collector := MetricsCollector()).sink("w")
    error = e.ErrorInfo("ValueError", "no")
    for event in [
        e.NodeStarted("r", 1, 0.0, "a"),
        e.RateLimited("r", 2, 1.0, "a", "fake", 2.0, 1),
        e.RateLimited("r", 3, 2.0, "a", "fake", 1.0, 0),
        e.RateLimited("r", 4, 3.0, "a", "fake", 0.0, 0),
        e.ToolCalled("r", 5, 4.0, "a", "c1", "search", {}, "found", None, 3.5),
        e.ToolCalled("r", 6, 4.0, "a", "c2", "search", {}, "", error, 3.0),
        e.CircuitChanged("r", 7, 4.0, "a", "fake", "open", "too many"),
        e.OutputRejected("r", 8, 4.0, "a", error),
        e.FallbackAsked("r", 9, 4.0, "a", error),
    ]:
        sink(event)
    figures = collector.figures()
    assert (figures.tools[0].succeeded, figures.tools[0].failed) == (1, {"ValueError": 1})
    assert figures.tools[0].seconds.total == 1.5
    assert (figures.nodes[0].limited.count, figures.nodes[0].limited.total) == (1, 2.0)
    assert figures.circuits == {("fake", "open"): 1}
    assert (figures.nodes[0].rejected, figures.nodes[0].fallbacks) == (1, 1)


def test_figures_do_not_change_after_they_were_taken_and_can_be_begun_anew():
    collector = MetricsCollector()
    Simulation(python("a"), sinks=(collector,))
    before = collector.figures()
    Simulation(python("a"), sinks=(collector,))
    assert before.nodes[0].ended == {"succeeded": 1}
    assert collector.figures().nodes[0].ended == {"succeeded": 2}
    collector.reset()
    assert collector.figures().nodes == ()


def samples(collector):
    from prometheus_client.parser import text_string_to_metric_families

    families = text_string_to_metric_families(collector.exposition())
    return {(s.name, *sorted(s.labels.items())): s.value for family in families for s in family.samples}


def test_prometheus_reads_the_same_figures(flaky):
    collector = MetricsCollector()
    Simulation(gb.Node.prompt("a", "x"), client=flaky(fails=lambda _: 2), sinks=(collector,))
    found = samples(collector)
    a = (("node", "a"), ("workflow", "simulated"))
    model = (("model", "model"), ("node", "a"))
    assert found["graphbit_nodes_total", ("node", "a"), ("state", "succeeded"), ("workflow", "simulated")] == 1
    assert found["graphbit_retries_total", ("error_type", "RateLimitError"), *a] == 2
    who = (("provider", "fake"), ("workflow", "simulated"))
    assert found["graphbit_llm_calls_total", *model, ("outcome", "failed"), *who] == 2
    assert found["graphbit_llm_tokens_total", *model, ("provider", "fake"), ("type", "input"), a[1]] == 10
    assert found["graphbit_node_duration_seconds_sum", *a] == pytest.approx(1.0)
    assert found["graphbit_node_duration_seconds_bucket", ("le", "0.5"), *a] == 0
    assert found["graphbit_node_duration_seconds_bucket", ("le", "1.0"), *a] == 1
    assert found["graphbit_node_duration_seconds_bucket", ("le", "+Inf"), *a] == 1


def test_labels_of_any_text_are_read_back_as_they_were():
    collector = MetricsCollector()
    name = 'say "hi"\\\nthere'
    collector(e.RunStarted("r", 1, 0.0, name, (), {}))
    collector(e.RunFinished("r", 2, 0.0, gb.RunStatus.SUCCEEDED))
    assert ("graphbit_runs_total", ("status", "succeeded"), ("workflow", name)) in samples(collector)


def test_figures_are_served_on_this_machine_until_the_server_is_closed():
    collector = MetricsCollector()
    Simulation(python("a"), sinks=(collector,))
    with collector.serve(0) as server:
        assert server.url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(server.url, timeout=10) as answer:  # noqa: S310
            assert b"graphbit_nodes_total" in answer.read()
        with pytest.raises(gb.UsageError, match="metrics cannot be served at"):
            collector.serve(server.port)
    with collector.serve(server.port):
        pass


@pytest.mark.parametrize("port", [-1, 70_000, "80", True])
def test_a_port_is_a_number(port):
    with pytest.raises(gb.UsageError, match="port="):
        MetricsCollector().serve(port)


def test_figures_ask_for_no_tokens():
    assert not MetricsCollector().wants_tokens
    assert not MetricsCollector().sink().wants_tokens
