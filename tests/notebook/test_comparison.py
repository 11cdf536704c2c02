"""Two runs beside each other, as a cell shows them."""

import graphbit_nb as gb
from graphbit_nb.notebook.comparison import comparison_bundle
from graphbit_nb.notebook.textdiff import MOST_COMPARED, lines, pieces, sides
from graphbit_nb.session.comparing import compared


def run(answer, topic="sea"):
    builder = gb.WorkflowBuilder("notes")
    builder.add_node(gb.Node.prompt("draft", "About {{ topic }}."))
    return gb.WorkflowExecutor(gb.LlmConfig.scripted({"draft": answer})).execute(builder.build(), {"topic": topic})


def bundle(one, other):
    return comparison_bundle(compared(one, other))


def test_words_that_went_and_came_are_marked():
    assert sides("the old sea", "the new sea") == ("the <del>old</del> sea", "the <ins>new</ins> sea")


def test_the_pieces_put_together_are_the_texts():
    found = pieces("a b c d", "a x c")
    assert "".join(piece.before for piece in found) == "a b c d"
    assert "".join(piece.after for piece in found) == "a x c"


def test_markup_in_a_text_stays_text():
    left, right = sides("<b>x</b>", "<script>y</script>")
    assert "<b>" not in left
    assert "<script>" not in right


def test_long_texts_are_cut_with_their_length():
    left, _ = sides("a" * (MOST_COMPARED + 5), "a" * MOST_COMPARED)
    assert left.endswith("… (5 more characters)")


def test_very_many_words_are_compared_line_by_line():
    before = "\n".join(f"{number} word" for number in range(3000))
    assert [p for p in pieces(before, before + "\nmore") if not p.is_same]


def test_lines_are_written_as_diff_writes_them():
    assert list(lines("one\ntwo\nthree", "one\n2\nthree")) == [" one", "-two", "+2", " three"]


def test_the_text_form_names_the_nodes_and_shows_their_lines():
    plain = bundle(run("old"), run("new"))["text/plain"]
    assert plain.splitlines()[0] == "1 of 1 nodes differ"
    assert "draft: differs in output" in plain
    assert "    -old\n    +new" in plain


def test_inputs_that_differ_are_said():
    shown = bundle(run("x"), run("x", topic="air"))
    assert "input topic: sea → air" in shown["text/plain"]
    assert "input topic: sea → air" in shown["text/html"]


def test_equal_runs_say_so():
    assert bundle(run("x"), run("x"))["text/plain"] == "no node differs"
