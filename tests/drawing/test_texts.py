"""Any text can be shown, takes no more room than it has, and cannot pretend to be another."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbit_nb.drawing import Card, Frame, Link, Scene, draw
from graphbit_nb.drawing.metrics import clean, clip, width

from .conftest import groups, lines, parse

ANY = st.text(st.characters(codec=None), max_size=40)


@given(ANY)
def test_a_clean_text_holds_nothing_that_cannot_be_seen(text):
    shown = clean(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Co") for c in shown)
    assert not any(unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "LRI", "RLI", "FSI") for c in shown)
    assert "  " not in shown


@pytest.mark.parametrize("hidden", ["\u200b", "\u202e", "\u2066", "\ufeff", "\u00ad", "\u3164", "\x00", "\u2060"])
def test_two_names_that_differ_in_what_is_hidden_are_shown_differently(hidden):
    assert clean(f"ad{hidden}min") == f"ad\\u{ord(hidden):04x}min"


def test_a_joiner_stays_where_emoji_and_scripts_need_it():
    family = "👩\u200d👧"
    assert clean(family) == family
    assert clean("a\u200db") == "a\\u200db"


def test_marks_do_not_pile_up_over_a_letter():
    assert len(clean("a" + "\u0301" * 50)) <= 4


@given(ANY.map(clean), st.floats(20, 200))
def test_a_clipped_text_fits_its_room(text, room):
    assert width(clip(text, 11, room), 11) <= room + 1e-6


def test_a_text_that_fits_is_not_cut():
    assert clip("summary", 13, width("summary", 13)) == "summary"


@given(st.lists(ANY, min_size=1, max_size=4), ANY)
def test_any_label_gives_a_well_formed_picture_that_shows_it(labels, other):
    cards = tuple(Card(id=f"c{i}", label=label, kind="prompt", sub=other) for i, label in enumerate(labels))
    links = tuple(Link(source="c0", target=card.id, label=other) for card in cards[1:])
    scene = Scene(title=other, cards=cards, links=links, frames=(Frame(id=other, label=other, members=("c0",)),))
    drawn = groups(draw(scene), "gb-node")
    for group, card in zip(drawn, cards, strict=True):
        shown = next(line.text for line in lines(group) if line.name == "gb-name")
        assert clean(card.label).startswith(shown.removesuffix("…").rstrip())


@given(ANY)
def test_any_id_is_a_valid_attribute(name):
    parse(draw(Scene(title="t", cards=(Card(id=name, label="a", kind=name),))))


def test_markup_in_a_name_stays_text():
    svg = draw(Scene(title="<script>", cards=(Card(id="a", label="<b onload='x'>&amp;", kind="prompt"),)))
    assert "<b " not in svg
    assert "<script" not in svg
    assert "&lt;b onload=&#39;x&#39;&gt;&amp;amp;" in svg
