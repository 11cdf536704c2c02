"""Where many links meet a card, each has a place of its own."""

from itertools import pairwise

import pytest

from graphbit_nb.drawing import Card, Link, Scene
from graphbit_nb.drawing.geometry import Box, Places, place
from graphbit_nb.drawing.ports import tips
from graphbit_nb.drawing.shapes import notch, size

from .conftest import KINDS

WITH_ARRIVALS = [kind for kind in KINDS if kind != "input"]


def into(kind, count):
    """Some cards, and one that all of them lead to."""
    cards = [Card(id=str(i), label=f"part_{i}", kind="prompt") for i in range(count)]
    cards.append(Card(id="all", label="together", kind=kind))
    return Scene(title="t", cards=tuple(cards), links=tuple(Link(source=str(i), target="all") for i in range(count)))


def along(scene, rankdir, density="full"):
    """For each link, in the order of the sources along the side: how far from its middle it ends."""
    places = place(scene, rankdir=rankdir, density=density)
    axis = 1 if rankdir == "LR" else 0
    middle = places.cards["all"].centre[axis]
    ends = zip(scene.links, tips(scene, places), strict=True)
    pairs = sorted((places.cards[link.source].centre[axis], tip[axis] - middle) for link, tip in ends)
    return [offset for _, offset in pairs]


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("kind", WITH_ARRIVALS)
def test_one_link_alone_ends_in_the_middle(kind, rankdir):
    assert along(into(kind, 1), rankdir) == [0.0]


@pytest.mark.parametrize("density", ["full", "compact"])
@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("kind", WITH_ARRIVALS)
def test_several_links_end_apart_in_the_order_in_which_they_come(kind, rankdir, density):
    offsets = along(into(kind, 5), rankdir, density)
    steps = [after - before for before, after in pairwise(offsets)]
    assert min(steps) >= (3 if density == "compact" and rankdir == "LR" else 6)
    assert max(steps) - min(steps) < 0.01


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("kind", WITH_ARRIVALS)
def test_very_many_links_stay_on_the_side(kind, rankdir):
    scene = into(kind, 60)
    w, h = size(scene.cards[-1], "full")
    offsets = along(scene, rankdir)
    assert offsets == sorted(offsets)
    assert max(map(abs, offsets)) < (h if rankdir == "LR" else w) / 2 - 4


def test_a_link_that_comes_straight_stays_straight_and_the_others_make_way():
    boxes = {"above": -100, "beside": 0, "all": 0}
    cards = tuple(Card(id=name, label=name, kind="prompt") for name in boxes)
    scene = Scene(title="t", cards=cards, links=tuple(Link(source=name, target="all") for name in ("above", "beside")))
    places = Places(
        rankdir="LR", density="full", routes={}, frames={},
        cards={name: Box(x, y - 24, x + 124, y + 24) for x, (name, y) in zip((0, 0, 200), boxes.items(), strict=True)},
    )  # fmt: skip
    above, beside = tips(scene, places)
    assert beside == (200, 0)
    assert above[1] < 0


def test_a_link_that_goes_round_other_cards_ends_on_the_side_it_comes_from():
    cards = tuple(Card(id=name, label=name, kind="prompt") for name in "abz")
    scene = Scene(title="t", cards=cards, links=(Link(source="a", target="z"), Link(source="b", target="z")))
    box = Box(0, 0, 100, 48)
    round_below = ((100, 24), (150, 24), (150, 200), (250, 200), (280, 200), (280, 24), (300, 24))
    places = Places(
        rankdir="LR", density="full", routes={0: round_below}, frames={},
        cards={"a": box, "b": Box(150, 10, 250, 58), "z": Box(300, 0, 400, 48)},
    )  # fmt: skip
    a, b = tips(scene, places)
    assert a[1] > b[1]


@pytest.mark.parametrize(("kind", "back"), [("condition", 5.5), ("agent", 0.0), ("human", 3.22), ("prompt", 0.0)])
def test_the_arrow_meets_the_outline_where_that_stands_back(kind, back):
    assert notch(kind, 48, 12) == notch(kind, 48, -12) == pytest.approx(back, abs=0.01)
    assert notch(kind, 48, 0) == 0
