"""A picture that is saved in few letters looks as the one that it was made of."""

from urllib.parse import quote

import pytest

from graphbit_nb.drawing.pictures import draw
from graphbit_nb.drawing.scene import Card, Frame, Link, Scene
from graphbit_nb.drawing.thrift import thrifty

STATES = (
    "pending", "ready", "running", "retrying", "waiting", "succeeded", "cached", "failed", "skipped", "cancelled",
)  # fmt: skip
KINDS = ("prompt", "agent", "condition", "python", "human", "workflow", "input", "embed", "x")

# Draws both on a canvas, and returns how many points there are, and how many of them differ by more than a shade.
DIFFERENCE = """async ([one, other]) => {
    const pixels = async (src) => {
        const img = new Image();
        img.src = src;
        await img.decode();
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [img.width * 2, img.height * 2];
        const pen = canvas.getContext("2d");
        pen.drawImage(img, 0, 0, canvas.width, canvas.height);
        return pen.getImageData(0, 0, canvas.width, canvas.height).data;
    };
    const [a, b] = [await pixels(one), await pixels(other)];
    let [drawn, differ] = [0, 0];
    for (let i = 0; i < a.length; i += 4) {
        if (a[i + 3] || b[i + 3]) drawn += 1;
        if ([0, 1, 2, 3].some((k) => Math.abs(a[i + k] - b[i + k]) > 90)) differ += 1;
    }
    return [a.length === b.length, drawn, differ];
}"""


def every_look(count, **about):
    cards = tuple(
        Card(
            id=f"c{i}", label=f"card {i}", kind=KINDS[i % len(KINDS)], state=STATES[i % len(STATES)],
            sub="what it says", meta="1.2 s", stale=i % 7 == 3, selected=i == 5, fan="each x" if i % 5 == 1 else None,
            items=("done", "run", "fail", "wait") if i % 11 == 2 else (), wait=0.4 if i % 13 == 6 else None,
        )
        for i in range(count)
    )  # fmt: skip
    links = tuple(Link(source=f"c{i // 2}", target=f"c{i}") for i in range(1, count))
    return Scene(title="looks", cards=cards, links=links, **about)


def url(svg):
    return "data:image/svg+xml," + quote(svg)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("scene", "width"),
    [
        (every_look(30), 1200),
        (every_look(130), 1500),
        (every_look(20, frames=(Frame(id="f", label="frame", members=("c2", "c3", "c4"), state="running"),)), 1200),
    ],
    ids=["full", "compact", "framed"],
)
def test_it_looks_the_same(lab_page, scene, width, scheme):
    page = lab_page.page
    page.emulate_media(color_scheme=scheme)
    page.set_content("<!doctype html><title>pictures</title>")
    whole = draw(scene, width=width)
    is_as_large, drawn, differ = page.evaluate(DIFFERENCE, [url(whole), url(thrifty(whole))])
    assert is_as_large
    assert drawn > 50_000
    assert differ < drawn / 1000  # edges, where places are rounded to a tenth of a pixel
