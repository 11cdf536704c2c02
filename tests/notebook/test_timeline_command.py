"""%graphbit timeline: a run in time."""

import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest
from simulation import Model, Simulation, python

import graphbit_nb as gb
from graphbit_nb.notebook import html
from graphbit_nb.notebook.timelines import timeline_bundle


def shown(*nodes, parts=False, width=100, **options):
    run = Simulation(*nodes, **options)
    return timeline_bundle(SimpleNamespace(snapshot=run.snapshot, workflow=run.workflow), parts=parts, width=width)


def test_it_says_with_shares_what_limits_the_run_and_what_would_help():
    nodes = [python(f"n{number}", seconds=2) for number in range(3)]
    lines = shown(*nodes, max_concurrency=1)["text/plain"].splitlines()
    assert "critical path: 67 % waiting for a slot, 33 % the code of n2" in lines
    assert lines[-1].startswith("more slots (max_concurrency")
    assert "at most 4.0 s" in lines[-1]


def test_the_text_marks_the_critical_path_and_fits_the_width():
    nodes = gb.Node.prompt("ask", "x"), python("after", seconds=1, after=["ask"]), python("aside")
    lines = shown(*nodes, client=Model(seconds=3.0), width=60)["text/plain"].splitlines()
    assert [line[0] for line in lines[1:4]] == [">", ">", " "]
    assert "#" in lines[1]
    assert "o" in lines[2][8:]
    assert all(len(line) <= 60 for line in lines[1:4])


def test_the_picture_says_the_same():
    picture = html.picture(shown(python("a", seconds=2))["text/html"])
    assert "100 % the code of a" in ET.fromstring(picture).get("aria-label")


def test_the_latest_run_is_shown_live_or_from_the_store(shell):
    shell("%graphbit new w")
    shell("%%graphbit python a\nreturn 1")
    shell("%graphbit run")
    shell("%graphbit timeline")
    assert "w in time" in shell.text
    run = gb.runs()[0].run_id
    shell(f"%graphbit timeline {run}")
    assert "critical path" in shell.text


def test_without_a_run_there_is_nothing_to_show(shell):
    shell("%graphbit new never")
    with pytest.raises(gb.UsageError, match="not been run yet"):
        shell("%graphbit timeline")
