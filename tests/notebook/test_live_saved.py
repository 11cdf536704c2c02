"""What a run leaves in a notebook is small, and says everything by itself."""

import json
import random

import pytest

import graphbit_nb as gb
from graphbit_nb.notebook.html import picture
from graphbit_nb.notebook.runviews import result_bundle

WORDS = 3000  # of an answer: 17,000 characters


@pytest.fixture(scope="module")
def fifty():
    """A run of fifty nodes whose answers are long and hard to pack."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnop", k=chance.randint(2, 9))) for _ in range(3000)]
    builder = gb.WorkflowBuilder("fifty")
    for i in range(50):
        read = " ".join(f"{{{{ n{j} }}}}" for j in sorted({max(0, i - 3), i // 2}) if j < i)
        builder.add_node(gb.Node.prompt(f"n{i}", f"Say it. {read}"))
    script = gb.LlmConfig.scripted({"*": lambda _: " ".join(chance.choices(words, k=WORDS))})
    return gb.WorkflowExecutor(script).execute(builder.build())


def test_a_run_of_fifty_nodes_with_long_answers_takes_less_than_220_kb(fifty):
    assert len(json.dumps(result_bundle(fifty))) < 220_000


def test_its_picture_is_stored_once(fifty):
    bundle = result_bundle(fifty)
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/html"].count("data:image/svg+xml,") == 1


def test_the_picture_can_be_taken_out_again(fifty):
    drawn = picture(result_bundle(fifty)["text/html"])
    assert drawn.startswith("<svg ")
    assert drawn.endswith("</svg>")
    assert ">n49<" in drawn


def test_there_is_no_picture_to_take_out_of_an_output_without_one():
    assert picture("<p>nothing</p>") is None


def test_of_a_large_run_the_rows_are_those_that_failed_and_the_last_ones():
    def answer(request):
        if request.node in ("n1", "n7"):
            raise gb.BadRequestError("no such field", provider="acme", status=400)
        return "said"

    builder = gb.WorkflowBuilder("many")
    for number in range(300):
        builder.add_node(gb.Node.prompt(f"n{number}", "Say it."))
    script = gb.LlmConfig.scripted({"*": answer})
    result = gb.WorkflowExecutor(script, storage="memory").execute(builder.build())
    shown = result_bundle(result)["text/html"]
    assert shown.count("<details") == 200
    assert all(f"<b>{name}</b>" in shown for name in ("n1", "n7", "n299", "n102"))
    assert "<b>n101</b>" not in shown
    assert "100 more: click them in the drawing, or %graphbit inspect n0" in shown
