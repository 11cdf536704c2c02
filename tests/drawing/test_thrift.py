"""A picture that is saved takes few letters and looks as it did."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbit_nb.drawing.pictures import draw
from graphbit_nb.drawing.scene import Card, Frame, Link, Scene
from graphbit_nb.drawing.thrift import thrifty

SVG = "{http://www.w3.org/2000/svg}"
STATES = (
    "pending", "ready", "running", "retrying", "waiting", "succeeded", "cached", "failed", "skipped", "cancelled",
)  # fmt: skip
CHAIN = Scene(
    title="chain",
    cards=tuple(Card(id=f"n{i}", label=f"n{i}", kind="prompt", state="succeeded", meta="1.2 s") for i in range(50)),
    links=tuple(Link(source=f"n{i}", target=f"n{i + 1}") for i in range(49)),
)


def texts(svg):
    """All texts that are seen, in any order."""
    return sorted(el.text for el in ET.fromstring(svg).iter(f"{SVG}text") if el.text)


def test_it_is_a_third_as_long():
    assert 3 * len(thrifty(draw(CHAIN))) < len(draw(CHAIN))


def test_every_text_is_still_there():
    assert texts(thrifty(draw(CHAIN))) == texts(draw(CHAIN))


@given(st.text(max_size=20), st.sampled_from(STATES))
def test_texts_that_look_like_markup_stay_texts(label, state):
    scene = Scene(title=label, cards=(Card(id="a", label=f"<b>{label}'\"&", kind="prompt", state=state, sub=label),))
    assert texts(thrifty(draw(scene))) == texts(draw(scene))


@pytest.mark.parametrize("state", STATES)
def test_each_state_has_its_mark_in_its_colours(state):
    scene = Scene(title="t", cards=(Card(id="a", label="a", kind="prompt", state=state),))
    written = thrifty(draw(scene))
    (mark,) = (el for el in ET.fromstring(written).iter(f"{SVG}use") if el.get("class") == f"gb-m-{state}")
    assert mark.get("href") == f"#{state}"
    assert f'<g id="{state}">' in written
    assert written.count(f".gb-m-{state}{{") == 2  # in the light, and in the dark


def test_links_of_one_look_are_one_path():
    root = ET.fromstring(thrifty(draw(CHAIN)))
    (group,) = (el for el in root.iter(f"{SVG}g") if el.get("data-flow"))
    line, tips = group
    assert (line.get("d").count("M"), tips.get("d").count("M")) == (49, 49)


def test_a_name_leads_to_every_shape_that_is_used():
    cards = tuple(
        Card(id=f"c{i}", label=f"c{i}", kind=kind, state=STATES[i % 10], fan="each x" if i % 3 else None)
        for i, kind in enumerate(["prompt", "agent", "condition", "python", "human", "workflow", "input", "x"] * 4)
    )
    frame = Frame(id="f", label="frame", members=("c1", "c2"), state="running")
    written = thrifty(draw(Scene(title="t", cards=cards, frames=(frame,)), width=5000))
    names = re.findall(r' id="(\w+)"', written)
    assert len(names) == len(set(names))
    assert set(re.findall(r'(?:href="|url\()#(\w+)', written)) == set(names)


def test_cards_of_one_look_are_one_line_and_their_texts():
    root = ET.fromstring(thrifty(draw(CHAIN)))
    lines = [el.get("points").split() for el in root.iter(f"{SVG}polyline")]
    assert {len(points) for points in lines} == {50}
    assert len(list(root.iter())) < 3 * 50 + 60  # three texts a card, and what all of them share


def test_a_look_that_comes_once_is_no_line():
    scene = Scene(title="t", cards=(Card(id="a", label="a", kind="prompt", state="failed"),))
    assert "polyline" not in thrifty(draw(scene))  # a line of one point has no markers in a browser


def test_rules_for_what_is_not_there_are_left_out():
    written = thrifty(draw(CHAIN))
    assert "failed" not in written
    assert "prefers-color-scheme:dark" in written


def test_an_empty_drawing_stays_one():
    assert texts(thrifty(draw(Scene(title="t", cards=())))) == ["no nodes yet"]
