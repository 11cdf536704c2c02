"""The whole drawing: direction and density, states and kinds, alone and in a live view."""

import re

import pytest

from graphbit_nb.drawing import Card, Frame, Link, Scene, arrangement, draw
from graphbit_nb.drawing.geometry import place
from graphbit_nb.drawing.marks import ICONS, MARKS, OTHER_ICON, tables
from graphbit_nb.drawing.palette import DARK, LIGHT
from graphbit_nb.drawing.pictures import arrange

from .conftest import KINDS, STATES, SVG, groups, random_scene


def chain(count):
    cards = tuple(Card(id=str(i), label=f"step_{i}", kind="prompt") for i in range(count))
    return Scene(
        title="chain", cards=cards, links=tuple(Link(source=str(i), target=str(i + 1)) for i in range(count - 1))
    )


def one(**card):
    return Scene(title="one", cards=(Card(id="a", label="a", **card),))


def test_the_same_scene_gives_the_same_bytes():
    assert draw(random_scene(12, 15)) == draw(random_scene(12, 15))


@pytest.mark.parametrize(
    ("count", "width", "way"),
    [
        (3, 960, ("LR", "full")),  # fits
        (8, 960, ("TB", "full")),  # does not fit from left to right
        (3, 400, ("TB", "compact")),  # narrow
        (31, 960, ("TB", "compact")),  # many
    ],
)
def test_direction_and_density_follow_from_width_and_number(count, width, way):
    places = arrange(chain(count), width)
    assert (places.rankdir, places.density) == way


def test_what_fits_nowhere_is_drawn_the_narrowest_way():
    cards = tuple(Card(id=str(i), label="x" * 30, kind="prompt") for i in range(30))
    scene = Scene(title="t", cards=cards, links=tuple(Link(source="0", target=str(i)) for i in range(1, 30)))
    assert arrange(scene, 100).rankdir == "LR"


@pytest.mark.parametrize("density", ["full", "compact"])
@pytest.mark.parametrize("state", STATES)
def test_every_state_has_its_mark(state, density):
    (node,) = groups(draw(one(kind="prompt", state=state), width=960 if density == "full" else 300), "gb-node")
    body = next(path for path in node.iter(f"{SVG}path") if path.get("class") == "gb-body")
    assert (node.get("data-state"), body.get("d")) == (state, MARKS[state][1])


def test_a_stale_card_keeps_its_state_and_shows_the_mark_of_staleness():
    (node,) = groups(draw(one(kind="prompt", state="succeeded", stale=True)), "gb-node")
    assert node.get("data-state") == "succeeded"
    assert MARKS["stale"][2] in [path.get("d") for path in node.iter(f"{SVG}path")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_icon(kind):
    assert f'd="{ICONS[kind]}"' in draw(one(kind=kind))


def test_a_kind_that_nobody_knows_looks_like_a_prompt_with_a_box():
    unknown, prompt = (groups(draw(one(kind=kind)), "gb-node")[0] for kind in ("crystal_ball", "prompt"))
    outlines = [
        next(p.get("d") for p in g.iter(f"{SVG}path") if p.get("class") == "gb-card") for g in (unknown, prompt)
    ]
    assert outlines[0] == outlines[1]
    assert OTHER_ICON in [p.get("d") for p in unknown.iter(f"{SVG}path")]


def test_a_state_that_nobody_knows_is_drawn_as_pending():
    assert MARKS["pending"][1] in draw(one(kind="prompt", state="dreaming"))


def test_an_input_has_no_mark():
    assert "gb-mark" not in draw(one(kind="input")).split("</style>")[1]


def test_a_workflow_without_nodes_says_so():
    assert "no nodes yet" in draw(Scene(title="empty", cards=()))


@pytest.mark.parametrize(
    ("source", "target", "flow"),
    [
        ("pending", "pending", "idle"),
        ("succeeded", "running", "active"),
        ("cached", "succeeded", "done"),
        ("succeeded", "failed", "done"),
        ("failed", "skipped", "dead"),
        ("running", "pending", "idle"),
    ],
)
def test_a_link_shows_how_far_it_has_come(source, target, flow):
    cards = (Card(id="a", label="a", kind="prompt", state=source), Card(id="b", label="b", kind="prompt", state=target))
    (edge,) = groups(draw(Scene(title="t", cards=cards, links=(Link(source="a", target="b"),))), "gb-edge")
    assert edge.get("data-flow") == flow


def test_a_branch_that_was_not_taken_is_dead_although_its_target_runs():
    cards = tuple(Card(id=i, label=i, kind="prompt", state="succeeded") for i in "ab")
    scene = Scene(title="t", cards=cards, links=(Link(source="a", target="b"),), dead=frozenset({("a", "b")}))
    assert groups(draw(scene), "gb-edge")[0].get("data-flow") == "dead"


def test_several_links_between_two_cards_are_one_line_with_all_labels():
    cards = tuple(Card(id=i, label=i, kind="prompt") for i in "ab")
    links = tuple(Link(source="a", target="b", kind="conditional", label=label) for label in ("good", "bad"))
    svg = draw(Scene(title="t", cards=cards, links=links))
    assert len(groups(svg, "gb-edge")) == 1
    assert "good | bad" in svg


def test_many_items_are_merged_and_a_failure_is_not_lost():
    items = ("done",) * 99 + ("fail",)
    (node,) = groups(draw(one(kind="prompt", fan="100", items=items)), "gb-node")
    segments = [r.get("data-item") for r in node.iter(f"{SVG}rect") if r.get("class") == "gb-seg"]
    assert len(segments) == 24
    assert segments[-1] == "fail"


def test_a_picture_alone_carries_both_themes():
    svg = draw(random_scene(5, 4))
    assert "prefers-color-scheme:dark" in svg
    assert LIGHT.ink in svg
    assert DARK.ink in svg


def test_rules_of_a_picture_reach_no_other_drawing_on_the_page():
    style = re.search(r"<style>(.*)</style>", draw(one(kind="prompt")))[1].removeprefix(
        "@media (prefers-color-scheme:dark){"
    )
    selectors = [one for rule in style.split("}") if "{" in rule for one in rule.split("{")[0].split(",")]
    assert selectors
    assert all(selector.startswith(".gb-alone ") for selector in selectors)


def test_a_live_drawing_leaves_colours_to_the_page():
    svg = draw(random_scene(5, 4), static=False)
    assert not re.search(r"#[0-9a-f]{6}", svg)
    assert "<style" not in svg


def test_a_picture_alone_has_nothing_to_press():
    svg = draw(random_scene(5, 4))
    assert 'role="button"' not in svg
    assert "tabindex" not in svg


def test_a_picture_is_described_for_those_who_cannot_see_it():
    svg = draw(
        Scene(title="Reviews", cards=(Card(id="a", label="a", kind="prompt", state="failed", live="timed out"),))
    )
    assert 'aria-label="Reviews: 1 node, 1 failed"' in svg
    assert "<title>a, prompt, failed, timed out</title>" in svg


def test_a_picture_refers_to_nothing_outside():
    svg = draw(random_scene(12, 15))
    assert "href" not in svg
    assert "url(" not in svg
    assert svg.count("http") == 1  # the name of the SVG namespace


def _luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _contrast(a, b):
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_can_be_read_on_its_card(palette):
    assert _contrast(palette.ink2, palette.card) >= 4.5
    assert all(_contrast(colour, palette.card) >= 4.5 for colour in palette.states.values())
    assert all(_contrast(palette.states[state], tint) >= 4.5 for state, tint in palette.tints.items())


@pytest.mark.parametrize(("palette", "paper"), [(LIGHT, "#ffffff"), (DARK, "#1e1f22")], ids=["light", "dark"])
def test_every_link_can_be_seen_on_the_page(palette, paper):
    assert min(_contrast(palette.idle, paper), _contrast(palette.done, paper)) >= 3


def test_the_tables_of_the_widgets_know_every_state_and_kind():
    assert set(tables()["marks"]) == {*STATES, "stale"}
    assert set(tables()["kinds"]) == set(KINDS)


def test_of_very_many_cards_the_narrower_way_is_drawn_without_trying_both(monkeypatch):
    laid_out = []

    def counted(scene, **way):
        laid_out.append(way["rankdir"])
        return place(scene, **way)

    monkeypatch.setattr(arrangement, "place", counted)
    wide = Scene(title="t", cards=tuple(Card(id=str(i), label=f"n{i}", kind="prompt") for i in range(201)))
    assert arrange(wide, 960).rankdir == "LR"
    assert arrange(chain(201), 960).rankdir == "TB"
    assert laid_out == ["LR", "TB"]


def test_a_cycle_of_very_many_cards_is_drawn():
    scene = chain(201)
    cycle = Scene(title="t", cards=scene.cards, links=(*scene.links, Link(source="200", target="0")))
    assert len(groups(draw(cycle), "gb-edge")) == 201


@pytest.mark.parametrize(("meta", "shown"), [("", "each point"), ("7/12", "7/12"), ("12", "12")])
def test_a_compact_fan_out_says_of_what_and_then_how_many(meta, shown):
    (node,) = groups(draw(one(kind="prompt", fan="each point", meta=meta), width=300), "gb-node")
    assert [text.text for text in node.iter(f"{SVG}text") if text.get("class") == "gb-meta"] == [shown]


def test_a_compact_sub_workflow_shows_how_many_of_its_nodes_are_done():
    (node,) = groups(draw(one(kind="workflow", meta="2/4"), width=300), "gb-node")
    assert "2/4" in [text.text for text in node.iter(f"{SVG}text")]


def test_a_compact_sub_workflow_has_no_room_for_how_long_it_took():
    (node,) = groups(draw(one(kind="workflow", meta="9.4 s"), width=300), "gb-node")
    assert "9.4 s" not in [text.text for text in node.iter(f"{SVG}text")]


def test_a_tag_does_not_cover_the_head_of_a_frame():
    cards = tuple(Card(id=i, label=i, kind="prompt") for i in "ab")
    scene = Scene(
        title="t", cards=cards, frames=(Frame(id="f", label="a frame with a long name", members=("b",)),),
        links=(Link(source="a", target="b", kind="conditional", label="good | bad"),),
    )  # fmt: skip
    head = arrange(scene, 300).frames[0]
    tag = groups(draw(scene, width=300), "gb-tag")[0][0]
    top, high = float(tag.get("y")), float(tag.get("height"))
    assert top + high <= head.top or top >= head.top + 22


def test_a_thousand_nodes_are_drawn():
    assert len(groups(draw(random_scene(1000, 1300)), "gb-node")) == 1000


def test_links_by_the_thousand_between_few_nodes_are_drawn():
    assert len(groups(draw(random_scene(150, 1500)), "gb-edge")) == 1500
