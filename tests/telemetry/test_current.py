"""What is on in this process: figures always, log lines and traces when they are turned on."""

import io
import logging

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from simulation import Simulation, python

import graphbit_nb as gb
from graphbit_nb.telemetry import current


@pytest.fixture(autouse=True)
def _off():
    current.turn_off()
    yield
    current.turn_off()


def run():
    telemetry = current.run_telemetry("simulated")
    done = Simulation(python("a"), sinks=telemetry.sinks)
    telemetry.close()
    return done


def test_figures_are_counted_without_being_asked_for():
    run()
    run()
    (node,) = current.metrics().figures().nodes
    assert (node.workflow, node.node, node.ended) == ("simulated", "a", {"succeeded": 2})


def test_nothing_else_is_on_by_default():
    assert len(current.run_telemetry("w").sinks) == 1


def test_no_sink_asks_for_tokens():
    current.turn_on_logs("debug", file=io.StringIO())
    current.turn_on_tracing(TracerProvider())
    sinks = current.run_telemetry("w").sinks
    assert [sink.wants_tokens for sink in sinks] == [False, False, False]


def test_log_lines_go_to_where_it_was_said_last():
    first, second = io.StringIO(), io.StringIO()
    current.turn_on_logs("info", file=first)
    current.turn_on_logs("info", file=second)
    run()
    logging.getLogger("graphbit_nb").warning("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("run.started") == second.getvalue().count("once") == 1


def test_a_bad_argument_leaves_on_what_was_on():
    stream = io.StringIO()
    current.turn_on_logs("info", file=stream)
    with pytest.raises(gb.UsageError, match="log_level='loud'"):
        current.turn_on_logs("loud")
    run()
    assert "run.started" in stream.getvalue()


def test_turned_off_nothing_is_written_traced_or_remembered():
    stream, exporter, provider = io.StringIO(), InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    current.turn_on_logs("info", file=stream)
    current.turn_on_tracing(provider)
    run()
    assert len(exporter.get_finished_spans()) == 2
    said = stream.getvalue()
    current.turn_off()
    run()
    logging.getLogger("graphbit_nb").info("not told")
    assert (stream.getvalue(), len(exporter.get_finished_spans())) == (said, 2)
    assert current.metrics().figures().nodes[0].ended == {"succeeded": 1}
