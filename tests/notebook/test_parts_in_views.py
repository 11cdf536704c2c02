"""Views of runs whose nodes opened into others: counts of steps, rows for parts, and never too much of them."""

import pytest
from story import Story

import graphbit_nb as gb
from graphbit_nb.notebook import runviews, screens
from graphbit_nb.notebook.rows import live_rows
from graphbit_nb.notebook.words import counted, leaf_counts, plain_result, says


def text_of(rows: list[str]) -> str:
    import re

    return " ".join(re.sub(r"<[^>]*>", " ", "".join(rows)).split())


def test_a_fan_out_tells_how_many_of_its_items_have_ended():
    story = Story("each").items("each", "ssfr....")
    assert counted(story["each"]) == "3/8 items"
    assert text_of(live_rows(story.snapshot)) == "each failed: each[2] · running: each[3] 3/8 items"


def test_items_that_failed_are_named_but_not_all_of_them():
    story = Story("each").items("each", "f" * 9)
    assert "failed: each[0], each[1], each[2] and 6 more" in says(story["each"])


def test_items_that_wait_have_a_row_with_their_question():
    story = Story("each").items("each", "s.w")
    assert "each[2] asks: Well? %graphbit answer each[2] TEXT" in text_of(live_rows(story.snapshot))


def test_nodes_inside_have_rows_below_the_node_that_holds_them():
    story = Story("review")("NodeStarted", "review")
    story("NodeExpanded", "review", what="nodes", parts=("review.score", "review.fix"))
    story("NodeStarted", "review.score")("LlmToken", "review.score", text="seven")
    assert text_of(live_rows(story.snapshot)) == "review running: score 0/2 nodes score seven 5 characters"


def test_a_loop_tells_its_iteration_and_counts_the_nodes_of_this_one():
    story = Story("polish")("NodeStarted", "polish")
    for number in (1, 2):
        parts = (f"polish#{number}.critic", f"polish#{number}.revise")
        story("NodeExpanded", "polish", what="nodes", parts=parts, iteration=number)
        story("NodeStarted", parts[0])("NodeSucceeded", parts[0], output=number)
        if number == 1:
            story("NodeStarted", parts[1])("NodeSucceeded", parts[1], output="x")
    assert counted(story["polish"]) == "iteration 2: 1/2 nodes"
    story("NodeStarted", "polish#2.revise")("NodeSucceeded", "polish#2.revise", output="y")
    story("NodeSucceeded", "polish", output="y")
    assert says(story["polish"]) == "2 iterations · y"


def test_steps_are_counted_not_nodes(shell):
    story = Story("each", "other").items("each", "ssf.")
    assert (story.snapshot.done, story.snapshot.total) == (3, 5)
    assert leaf_counts(story.snapshot)["succeeded"] == 2
    shell("%%graphbit python each --for-each 'p in points'\nreturn p\n")
    bundle = runviews.running_bundle(shell.workspace.sketched(), story.snapshot, 1.0, [])
    assert bundle["text/plain"] == "workflow running: 3 of 5 steps done"
    assert "done <b>3 of 5</b>" in bundle["text/html"]


def test_what_code_printed_is_seen_while_it_runs():
    story = Story("loud")("NodeStarted", "loud")("NodePrinted", "loud", text="step 1\nstep 2\n")
    assert text_of(live_rows(story.snapshot)) == "loud step 1 step 2"


def test_rows_of_a_run_that_goes_on_are_few():
    story = Story(*(f"n{i}" for i in range(40)))
    for i in range(40):
        story("NodeStarted", f"n{i}")
    rows = live_rows(story.snapshot)
    assert len(rows) == 13
    assert "28 more" in rows[-1]


# ---- the final form, from real runs


@pytest.fixture
def fan(shell):
    shell("%%graphbit python each --for-each 'n in numbers'\nif n % 1000 == 7: raise ValueError('seven')\nreturn n\n")
    return shell


def test_a_fan_out_is_one_line_of_text(fan):
    result = fan("r = %graphbit run --set numbers='[1, 7, 3]'\nr")
    (line,) = plain_result(result).splitlines()[1:]
    assert line.startswith("  each  failed     2 of 3 items · failed: each[1] · ")
    assert "ValueError: seven" in line or "seven" in line


def test_the_text_form_of_parts_is_the_same_each_time(fan):
    first = plain_result(fan("r = %graphbit run --set numbers='[1, 2, 3]'\nr"))
    assert plain_result(fan("r = %graphbit run --set numbers='[1, 2, 3]'\nr")) == first
    assert first == "workflow succeeded: 1 succeeded\n  each  succeeded  3 items"


def test_a_fan_out_of_nothing_gives_an_empty_list(fan):
    result = fan("r = %graphbit run --set numbers='[]'\nr")
    assert plain_result(result).endswith("each  succeeded  []")


def test_items_are_rows_inside_the_row_of_their_node(fan):
    html = runviews.result_bundle(fan("r = %graphbit run --set numbers='[1, 7, 3]'\nr"))["text/html"]
    assert html.count("<details") == 4
    assert 'title="each[1]"' in html


def test_a_large_fan_out_shows_few_items_and_the_failed_ones_among_them(fan):
    result = fan("r = %graphbit run --set numbers='" + str(list(range(2100))) + "'\nr")
    bundle = runviews.result_bundle(result)
    assert bundle["text/html"].count("<details") == 51
    assert 'title="each[2007]"' in bundle["text/html"]
    assert "and 2,050 more: %graphbit inspect each[" in bundle["text/html"]
    assert len(bundle["text/html"]) < 160_000
    assert len(bundle["text/plain"].splitlines()) == 2
    fan("%graphbit inspect each")
    assert "and 2,050 more" in fan.text
    assert len(fan.text) < 10_000


def test_what_was_printed_stands_in_the_opened_row_and_in_inspect(shell):
    shell("%%graphbit python loud\nprint('hello <b>')\nreturn 1\n")
    html = runviews.result_bundle(shell("r = %graphbit run\nr"))["text/html"]
    assert "printed</span>" in html
    assert "hello &lt;b&gt;" in html
    shell("%graphbit inspect loud")
    assert "[printed]\nhello <b>" in shell.text


def test_a_question_is_open_in_the_saved_picture(shell):
    shell("%%graphbit human ask --output 'yes|no'\nIs <b>this</b> fine?\n")
    html = runviews.result_bundle(shell("r = %graphbit run\nr"))["text/html"]
    assert "<details open>" in html
    assert "Is &lt;b&gt;this&lt;/b&gt; fine?" in html
    assert "%graphbit answer ask yes|no" in html


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("each[9]", "no node 'each[9]' in the latest run; there are each[0], each[1], each[2]"),
        ("each.x", "no node 'each.x' in the latest run"),
        ("eech[0]", "no node 'eech[0]' in the latest run"),
        ("other[0]", "other has nothing inside in the latest run"),
        ("", "no node '' in the latest run"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused_with_what_is_there(fan, path, message):
    fan("%%graphbit python other\nreturn 1\n")
    fan("%graphbit run --set numbers='[1, 2, 3]'")
    with pytest.raises(gb.UsageError) as caught:
        fan(f"%graphbit inspect '{path}'")
    assert message in str(caught.value)


def test_pictures_of_a_large_run_leave_it_most_of_the_time(shell, monkeypatch):
    """Drawing takes a second here: nine seconds pass before the next picture."""
    now = [0.0]
    shown = []

    def slow(*_):
        now[0] += 1.0
        return {}

    monkeypatch.setattr(screens, "running_bundle", slow)
    monkeypatch.setattr(screens.views, "show", lambda *_, **__: shown.append(now[0]))
    shell("%%graphbit python x\nreturn 1\n")
    shown.clear()
    view = screens.Pictures(shell.workspace.sketched(), (), lambda: now[0])
    story = Story("x")
    for _ in range(40):
        view.update(story.snapshot)
        now[0] += 0.5
    assert shown == [1.0, 11.0, 21.0]
