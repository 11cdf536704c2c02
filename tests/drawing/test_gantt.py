"""A run in time as a picture."""

import xml.etree.ElementTree as ET

from graphbit_nb.core.critical import Link, Timeline
from graphbit_nb.core.states import NodeState
from graphbit_nb.core.timeline import Bar, Stretch
from graphbit_nb.drawing.gantt import MOST_ROWS, draw_gantt, rows_of


def bar(path, *stretches, depth=0, state=NodeState.SUCCEEDED, is_composite=False, span=None):
    made = tuple(Stretch(*one) for one in stretches)
    start, end = span or (made[0].start, made[-1].end)
    return Bar(path=path, depth=depth, state=state, arrived=start, ended=end, stretches=made, is_composite=is_composite)


def run(*bars, critical=()):
    return Timeline(
        started=0.0, ended=max((one.ended for one in bars), default=0.0), bars=bars,
        critical=tuple(Link(path, Stretch(doing, start, end)) for path, doing, start, end in critical), without={},
    )  # fmt: skip


MANY = [bar(f"n{i}", *[("slot" if k % 2 else "call", k / 9, (k + 1) / 9) for k in range(400)]) for i in range(1000)]


def test_it_is_xml_with_a_row_for_each_step_and_words_for_those_who_cannot_see_it():
    svg = draw_gantt(run(bar("a", ("call", 0, 1)), bar("b", ("slot", 0, 1), ("code", 1, 3))), title="w in time")
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == "w in time: a from 0 ms for 1.0 s; b from 0 ms for 3.0 s"
    assert svg.count('class="gb-step"') == 2


def test_what_is_done_differs_by_more_than_its_colour():
    doings = ("call", "stream", "tool", "code", "person", "slot", "limit", "retry")
    looks = set()
    for doing in doings:
        root = ET.fromstring(draw_gantt(run(bar("a", (doing, 0, 1))), title="w"))
        (piece, _) = [one for one in root.iter() if one.get("data-doing") == doing]
        shape = "box" if piece.get("d").endswith("z") else "line"
        tall = piece.get("d").split("v")[1].split("h")[0] if shape == "box" else ""
        looks.add((shape, tall, piece.get("fill") == "none", piece.get("stroke-dasharray"), doing == "code"))
    assert len(looks) == len(doings)


def test_the_critical_path_is_underlined_and_its_steps_have_a_wedge():
    svg = draw_gantt(run(bar("a", ("call", 0, 1)), bar("b", ("call", 0, 3)), critical=[("b", "call", 0, 3)]), title="w")
    assert svg.count("gb-wedge") == 1 + svg.count(".gb-wedge")
    assert "critical path" in svg


def test_hostile_names_are_only_text():
    root = ET.fromstring(draw_gantt(run(bar("</svg><script>\x00\u202e", ("call", 0, 1))), title="<b>&\x07"))
    assert not [one for one in root.iter() if one.tag.endswith("script")]


def test_a_thousand_steps_are_a_picture_of_bounded_size():
    svg = draw_gantt(run(*MANY), title="w")
    assert len(svg) < 100_000
    assert f"{1000 - MOST_ROWS + 1} more" in svg


def test_of_too_many_steps_those_on_the_critical_path_are_shown():
    rows = rows_of(run(*MANY, critical=[("n777", "call", 0, 1)]), most=5)
    assert len(rows) == 5
    assert [row.name for row in rows if row.is_critical] == ["n777"]


def test_steps_inside_others_are_one_row_until_they_are_asked_for():
    inside = (
        bar("each", is_composite=True, span=(0, 4)), bar("each[0]", ("call", 0, 2), depth=1),
        bar("each[1]", ("slot", 0, 3), ("call", 3, 4), depth=1),
    )  # fmt: skip
    (row,) = rows_of(run(*inside))
    assert [(one.doing, one.start, one.end) for one in row.stretches] == [
        ("call", 0, 2), ("slot", 2, 3), ("call", 3, 4),
    ]  # fmt: skip
    assert [one.name for one in rows_of(run(*inside), parts=True)] == ["each", "each[0]", "each[1]"]


def test_a_run_that_took_no_time_can_be_drawn():
    ET.fromstring(draw_gantt(run(bar("a", ("call", 5, 5)), bar("b", ("code", 0, 0))), title="w"))
    ET.fromstring(draw_gantt(run(bar("a", span=(0, 0))), title="w"))
    ET.fromstring(draw_gantt(run(), title="w"))
