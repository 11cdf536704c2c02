"""%graphbit stats: what was counted of the kernel's runs, as a table and as a picture."""

import xml.etree.ElementTree as ET

import pytest
from simulation import Model, Simulation, python, raises

import graphbit_nb as gb
from graphbit_nb.core import events as e
from graphbit_nb.drawing.spreads import Spread, draw_spreads
from graphbit_nb.notebook import html
from graphbit_nb.notebook.commands import figures
from graphbit_nb.telemetry.current import metrics
from graphbit_nb.telemetry.metrics import MetricsCollector


@pytest.fixture(autouse=True)
def _counted_anew():
    metrics().reset()
    yield
    metrics().reset()


def runs(*nodes, **options):
    return Simulation(*nodes, sinks=(metrics().sink("simulated"),), **options)


def refused(shell, line, message):
    with pytest.raises(gb.UsageError, match=message):
        shell(line)


def test_before_any_run_there_is_nothing_to_say(shell):
    shell("%graphbit stats")
    assert "nothing was run yet in this kernel" in shell.text


def test_a_row_for_each_node_those_that_took_longest_first(shell):
    runs(python("quick", seconds=1), python("slow", seconds=5), python("bad", raises(KeyError("x")), after="quick"))
    shell("%graphbit stats")
    lines = shell.text.splitlines()
    assert lines[0] == "figures by node"
    assert [line.split()[0] for line in lines[2:5]] == ["slow", "quick", "bad"]
    assert "KeyError (1)" in lines[4]
    assert "5.0 s" in lines[2]
    assert "<table" in shell.outputs[0]["text/html"]


def test_the_picture_is_in_the_output_and_says_the_same(shell):
    runs(python("slow", seconds=5))
    shell("%graphbit stats")
    picture = html.picture(shell.outputs[0]["text/html"])
    assert ET.fromstring(picture).tag.endswith("svg")
    assert "slow" in picture


def test_rows_can_be_models(shell):
    runs(gb.Node.prompt("a", "x"), gb.Node.prompt("b", "x"), client=Model(seconds=2.0))
    shell("%graphbit stats --by model")
    row = shell.text.splitlines()[2]
    assert row.split()[:2] == ["fake/model", "2"]
    assert "2.0 s" in row


def test_money_that_is_not_known_is_said_to_be_so(shell):
    runs(gb.Node.prompt("a", "x"), client=Model())
    shell("%graphbit stats --by model")
    assert "$0 and ?" in shell.text


def test_rows_can_be_tools():
    sink = (collector := MetricsCollector()).sink("w")
    sink(e.ToolCalled("r", 1, 4.0, "a", "c1", "search", {}, "found", None, 1.0))
    shown = figures.stats_bundle(collector.figures(), "tool")["text/plain"]
    assert shown.splitlines()[2].split()[:3] == ["search", "a", "1"]


def test_figures_of_one_workflow_alone(shell):
    runs(python("a"))
    Simulation(python("b"), sinks=(metrics(),))
    shell("%graphbit stats simulated")
    assert "figures by node" in shell.text
    refused(shell, "%graphbit stats simulate", "no run of 'simulate' in this kernel yet; did you mean 'simulated'")


def test_the_list_is_cut_and_says_so(shell):
    runs(*(python(f"n{i}", seconds=1) for i in range(5)))
    shell("%graphbit stats --limit 2")
    assert "3 more; --limit says how many" in shell.text
    refused(shell, "%graphbit stats --limit 0", "--limit 0: give a number from 1")


def test_counting_can_begin_anew(shell):
    runs(python("a"))
    shell("%graphbit stats --reset")
    assert shell.text == "counting begins anew"
    shell("%graphbit stats")
    assert "nothing was run yet" in shell.text


def test_names_are_never_markup():
    collector = MetricsCollector()
    name = '<img src=x onerror="alert(1)">'
    collector(e.RunStarted("r", 1, 0.0, name, (name,), {}))
    collector(e.NodeStarted("r", 2, 0.0, name))
    collector(e.NodeSucceeded("r", 3, 1.0, name, None))
    shown = figures.stats_bundle(collector.figures())["text/html"]
    assert "<img src=x" not in shown


def test_thousands_of_nodes_are_listed_and_drawn_within_bounds():
    collector = MetricsCollector()
    sink = collector.sink("w")
    for number in range(1_500):
        sink(e.NodeStarted("r", 1, 0.0, f"n{number}"))
        sink(e.NodeSucceeded("r", 2, float(number), f"n{number}", None))
    shown = figures.stats_bundle(collector.figures())
    assert len(shown["text/plain"].splitlines()) == 2 + 50 + 2
    assert len(shown["text/html"]) < 100_000


@pytest.mark.parametrize("rows", [[], [Spread("a", 0.0, 0.0, "0 s")], [Spread("a" * 500, 1.0, 1e9, "long" * 50)]])
def test_a_picture_of_anything_is_well_formed(rows):
    assert ET.fromstring(draw_spreads(rows, title="t")).tag.endswith("svg")
