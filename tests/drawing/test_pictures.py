"""A workflow as a picture: nothing overlaps, nothing sticks out, every text stays text."""

import random
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbit_nb import LlmConfig, Node, WorkflowBuilder, WorkflowExecutor
from graphbit_nb.core.states import NodeState
from graphbit_nb.drawing.cards import cards
from graphbit_nb.drawing.marks import KINDS, MARKS
from graphbit_nb.drawing.metrics import clip, text_width
from graphbit_nb.drawing.pictures import dot_source, picture, place, svg
from graphbit_nb.drawing.scene import Card, Link, Scene, scene_of

SVG = "{http://www.w3.org/2000/svg}"
STATES = [str(state) for state in NodeState]
KIND_NAMES = ["prompt", "python", "condition", "agent", "human", "workflow", "of_a_plugin"]


def random_scene(size, seed):
    chance = random.Random(seed)
    made = [
        Card(
            id=f"n{i}",
            label=chance.choice(["x", "summary", "a_rather_long_name_for_a_node", "名前"]) + str(i),
            kind=chance.choice(KIND_NAMES),
            sub=chance.choice(["", "→ list[str]", "needs somebody_else"]),
            figure=chance.choice(["", "4.2 s", "1,204 words"]),
            state=chance.choice(STATES),
        )
        for i in range(size)
    ]
    links = [
        Link(
            source=f"n{before}",
            target=f"n{after}",
            kind=chance.choice(["data", "control", "conditional"]),
            label=chance.choice(["", "", "yes"]),
        )
        for after in range(1, size)
        for before in chance.sample(range(after), min(after, chance.choice([1, 1, 2])))
    ]
    return Scene(title="random", cards=tuple(made), links=tuple(links))


def len_of(draft):
    return len(draft)


def workflow():
    builder = WorkflowBuilder("w")
    builder.add_node(Node.prompt("outline", "About {{ topic }}"))
    builder.add_node(Node.prompt("draft", "{{ outline }}", output="list[str]"))
    builder.add_node(Node.python("count", len_of, after="outline"))
    return builder.build()


@pytest.mark.parametrize("size", [1, 2, 8, 30, 31, 60, 200])
@pytest.mark.parametrize("width", [400, 5000])
def test_no_two_cards_overlap_and_all_are_in_the_picture(size, width):
    scene = random_scene(size, size)
    geometry, _ = place(scene, width)
    boxes = list(geometry.boxes.values())
    assert len(boxes) == size
    for a, b in combinations(boxes, 2):
        assert abs(a.x - b.x) >= (a.width + b.width) / 2 - 1 or abs(a.y - b.y) >= (a.height + b.height) / 2 - 1
    for box in boxes:
        assert box.x + geometry.shift[0] - box.width / 2 >= 0
        assert box.x + geometry.shift[0] + box.width / 2 <= geometry.width
        assert box.y + geometry.shift[1] - box.height / 2 >= 0
        assert box.y + geometry.shift[1] + box.height / 2 <= geometry.height


def test_texts_stay_on_their_cards():
    scene = random_scene(30, 7)
    geometry, direction = place(scene, 900)
    root = ET.fromstring(cards(scene, geometry, direction))
    groups = {g.attrib["data-id"]: g for g in root.iter(f"{SVG}g") if g.attrib.get("class") == "gb-node"}
    for name, box in geometry.boxes.items():
        for text in groups[name].iter(f"{SVG}text"):
            length, x = float(text.attrib["textLength"]), float(text.attrib["x"])
            left = x - length if text.attrib.get("text-anchor") == "end" else x
            assert left >= 0
            assert left + length <= box.width


def test_a_few_nodes_go_from_left_to_right_and_many_in_a_row_from_top_to_bottom():
    def chain(size):
        links = tuple(Link(source=f"n{i}", target=f"n{i + 1}") for i in range(size - 1))
        return Scene(
            title="c", cards=tuple(Card(id=f"n{i}", label="n", kind="prompt") for i in range(size)), links=links
        )

    assert place(chain(4), 900)[1] == "LR"
    assert place(chain(14), 900)[1] == "TB"


def test_the_same_workflow_gives_the_same_bytes():
    assert svg(workflow()) == svg(workflow())


def test_a_definition_shows_no_figure_of_a_run():
    result = WorkflowExecutor(LlmConfig.scripted({"outline": "a", "draft": '["x"]'})).execute(
        workflow(), {"topic": "t"}
    )
    assert " ms" not in svg(result.workflow)
    assert 'data-state="succeeded"' in svg(result.workflow, result.snapshot)


def test_inputs_edges_and_the_new_node_are_drawn():
    scene = scene_of(workflow(), new="draft")
    assert [(card.id, card.kind, card.new) for card in scene.cards] == [
        ("input:topic", "input", False),
        ("outline", "prompt", False),
        ("draft", "prompt", True),
        ("count", "python", False),
    ]
    assert {(link.source, link.target, link.kind) for link in scene.links} == {
        ("input:topic", "outline", "data"),
        ("outline", "draft", "data"),
        ("draft", "count", "data"),
        ("outline", "count", "control"),
    }


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_mark_of_its_own(state):
    drawn = picture(Scene(title="s", cards=(Card(id="a", label="a", kind="prompt", state=state),), links=()))
    assert MARKS[state][1] in drawn or MARKS[state][2] in drawn
    assert len({MARKS[s] for s in STATES}) == len(STATES)


def test_a_kind_that_is_not_known_has_a_picture_too():
    drawn = picture(Scene(title="s", cards=(Card(id="a", label="a", kind="of_a_plugin"),), links=()))
    assert KINDS["other"] in drawn


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=20))
def test_any_text_gives_well_formed_svg(label, sub, tag):
    scene = Scene(
        title=label,
        cards=(Card(id="a", label=label, kind="prompt", sub=sub, figure=sub), Card(id="b", label="b", kind="agent")),
        links=(Link(source="a", target="b", kind="conditional", label=tag),),
    )
    root = ET.fromstring(picture(scene))
    assert root.tag == f"{SVG}svg"


@pytest.mark.parametrize(
    "label", ["<b>bold</b>", "</text><script>alert(1)</script>", "a\u202eb", "&amp;", '"quoted"', "<x>"]
)
def test_a_label_is_text_and_nothing_else(label):
    root = ET.fromstring(picture(Scene(title="t", cards=(Card(id="a", label=label, kind="prompt"),), links=())))
    assert {e.tag.removeprefix(SVG) for e in root.iter()} <= {
        "svg",
        "title",
        "style",
        "g",
        "path",
        "rect",
        "text",
        "polygon",
    }
    assert "\u202e" not in ET.tostring(root, encoding="unicode")


def test_nothing_outside_the_picture_is_referred_to():
    drawn = picture(random_scene(12, 3))
    assert "href" not in drawn
    assert "url(" not in drawn
    assert drawn.count("http") == 1  # the name of the SVG namespace


def test_dot_has_the_names_as_labels():
    source = dot_source(workflow())
    for name in ("topic", "outline", "draft", "count"):
        assert f"label={name}" in source


def test_a_clipped_text_fits_and_ends_in_an_ellipsis():
    assert clip("short", 12, 100) == "short"
    cut = clip("a very long text that does not fit", 12, 80)
    assert cut.endswith("…")
    assert text_width(cut, 12) <= 80


def test_a_thousand_nodes_can_be_drawn():
    assert picture(random_scene(1000, 1)).count('class="gb-node"') == 1000
