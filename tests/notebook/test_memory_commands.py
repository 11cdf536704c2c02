"""What the commands say of runs that are kept, and what they do with them."""

import re
from typing import ClassVar

import pytest

import graphbit_nb as gb


@pytest.fixture
def notes(shell):
    """A notebook with three nodes in a row, and a count of what the last of them was asked."""
    shell.ip.user_ns["calls"] = []
    shell("%%graphbit python outline\nreturn f'points about {topic}'\n")
    shell("%%graphbit python draft --cache disable\ncalls_of('draft')\nreturn f'draft of {outline}'\n")
    shell("%%graphbit python size --cache disable\ncalls_of('size')\nreturn len(draft)\n")
    shell.ip.user_ns["calls_of"] = shell.ip.user_ns["calls"].append
    shell.ip.user_ns["topic"] = "sea"
    return shell


def asked(shell):
    """Return which nodes were run since this was asked last."""
    calls = shell.ip.user_ns["calls"]
    found, calls[:] = list(calls), []
    return found


def refused(shell, line, message):
    with pytest.raises(gb.GraphbitError, match=message):
        shell(line)


# ---- history, show, tag, forget


def test_history_lists_runs_with_their_figures(notes):
    notes("%graphbit run --tag first wet")
    notes("%graphbit run")
    notes("%graphbit history")
    lines = notes.text.splitlines()
    assert lines[0] == "runs"
    assert len(lines) == 4
    assert re.search(r"workflow +succeeded .* 3/3 .* first, wet", lines[3])
    assert "<table" in notes.outputs[0]["text/html"]


def test_history_is_narrowed(notes):
    notes("%graphbit run --tag wet")
    notes("%graphbit run")
    notes("%graphbit history --tag wet --node size --state succeeded --since 1h --limit 5")
    assert len(notes.text.splitlines()) == 3
    notes("%graphbit history other")
    assert notes.text.splitlines()[1].strip() == "no runs"


def test_history_says_when_there_is_more(notes):
    notes("%graphbit run")
    notes("%graphbit run")
    notes("%graphbit history --limit 1")
    assert "--limit says how many" in notes.text


def test_a_slip_in_history_is_one_line(notes):
    refused(notes, "%graphbit history --status fialed", "no 'fialed'; did you mean 'failed'")
    refused(notes, "%graphbit history --since soon", "since: give an age such as '3h'")
    refused(notes, "%graphbit history --limit 0", "limit=0: give a whole number above 0")


def test_an_old_run_is_shown_as_it_was(notes):
    notes("%graphbit run")
    first = gb.last.run_id
    notes("topic = 'hills and valleys'")
    notes("%graphbit run")
    notes(f"%graphbit show {first}")
    assert f"the run {first}" in notes.outputs[0]["text/html"]
    assert "draft of points about sea" in notes.outputs[0]["text/html"]
    refused(notes, "%graphbit show nothing", "no run 'nothing'")


def test_tags_are_added_and_taken_away(notes):
    notes("%graphbit run")
    notes("%graphbit tag last good keep")
    assert notes.text == "last: good, keep"
    notes("%graphbit tag last --remove keep")
    assert gb.runs()[0].tags == ("good",)
    refused(notes, "%graphbit tag last", "say a word")


def test_runs_are_thrown_away(notes):
    for _ in range(3):
        notes("%graphbit run")
    notes("%graphbit forget last")
    assert notes.text == "1 run thrown away"
    notes("%graphbit forget --keep 1")
    assert len(gb.runs()) == 1
    refused(notes, "%graphbit forget", "say which runs")
    refused(notes, "%graphbit forget last --keep 1", "say which runs")


# ---- diff


def test_two_runs_are_laid_beside_each_other(notes):
    notes("%graphbit run")
    notes("topic = 'air'")
    notes("%graphbit run")
    notes("%graphbit diff")
    assert notes.text.splitlines()[0] == "2 of 3 nodes differ"  # the sizes are equal
    assert "input topic: sea → air" in notes.text
    assert "-points about sea" in notes.text.replace("- ", "-")
    first, second = (info.run_id for info in reversed(gb.runs()))
    notes(f"%graphbit diff {first} {second}")
    assert notes.text.splitlines()[0] == "2 of 3 nodes differ"


def test_without_two_runs_there_is_nothing_to_compare(notes):
    refused(notes, "%graphbit diff", "workflow has no runs to compare")
    notes("%graphbit run")
    refused(notes, "%graphbit diff", "workflow has 1 run to compare")


# ---- resume


def test_after_a_mended_cell_only_what_is_left_is_run(notes):
    notes("%%graphbit python size --cache disable\ncalls_of('size')\nreturn len(draft) / 0\n")
    notes("%graphbit run")
    assert asked(notes) == ["draft", "size"]
    failed = gb.last.run_id
    notes("%%graphbit python size --cache disable\ncalls_of('size')\nreturn len(draft)\n")
    result = notes("%graphbit resume")
    assert asked(notes) == ["size"]
    assert (result.run_id, result.status, result.outputs["size"]) == (failed, "succeeded", 25)
    refused(notes, "%graphbit resume", "no run is unfinished")


def test_a_kept_run_is_gone_on_with_in_a_new_notebook(notes):
    notes("%%graphbit python size --cache disable\ncalls_of('size')\nreturn len(draft) / 0\n")
    notes("%graphbit run")
    run = gb.last.run_id
    asked(notes)
    notes.workspace.results.clear()
    notes("%%graphbit python size --cache disable\ncalls_of('size')\nreturn len(draft)\n")
    result = notes(f"%graphbit resume {run[:-3]}")
    assert (asked(notes), result.outputs["size"]) == (["size"], 25)


def test_what_has_changed_and_stays_is_said(notes):
    notes("%%graphbit python size --cache disable\nreturn len(draft) / 0\n")
    notes("%graphbit run")
    run = gb.last.run_id
    notes("%%graphbit python outline\nreturn 'other'\n")
    notes("%%graphbit python size --cache disable\nreturn len(draft)\n")
    notes(f"%graphbit resume {run}")
    assert notes.text.endswith("outline: not as it was when the run began; its output stands")


def test_a_workflow_without_code_comes_along_with_its_run(scripted):
    shell = scripted({"draft": ValueError})
    shell("%graphbit new essay")
    shell("%%graphbit prompt draft\nWrite about {{ topic }}\n")
    shell("%graphbit run --set topic=sea")
    shell("%graphbit new other")
    del shell.workspace.drafts["essay"]
    shell("script = __import__('graphbit_nb').LlmConfig.scripted({'draft': 'done'})")
    shell("%graphbit config --config script")
    result = shell("%graphbit resume last")
    assert result.outputs == {"draft": "done"}
    assert shell.workspace.current == "essay"


def test_without_anything_unfinished_that_is_said(notes):
    refused(notes, "%graphbit resume", "no run is unfinished; %graphbit history lists")
    notes("%graphbit run")
    refused(notes, "%graphbit resume last", "has succeeded; there is nothing left to do")


# ---- fork


def test_a_fork_runs_what_depends_on_the_edit(notes):
    notes("%graphbit run")
    first = gb.last.run_id
    asked(notes)
    result = notes("%graphbit fork --edit outline=mine --tag tried")
    assert asked(notes) == ["draft", "size"]
    assert result.outputs == {"outline": "mine", "draft": "draft of mine", "size": 13}
    info = gb.runs()[0]
    assert (info.parent, info.tags) == (first, ("tried",))


def test_a_fork_keeps_what_is_pinned_though_its_cell_has_changed(notes):
    first = notes("%graphbit run").run_id
    asked(notes)
    notes("%%graphbit python outline\nreturn 'other'\n")
    notes("%graphbit fork --pin outline")
    assert asked(notes) == []
    notes(f"%graphbit fork {first}")
    assert (asked(notes), gb.last.outputs["draft"]) == (["draft", "size"], "draft of other")


def test_a_kept_run_is_forked_with_another_input(notes):
    notes("%graphbit run")
    notes.workspace.results.clear()
    asked(notes)
    result = notes("%graphbit fork last --set topic=hills")
    assert (asked(notes), result.outputs["draft"]) == (["draft", "size"], "draft of points about hills")


def test_slips_in_a_fork_are_one_line(notes):
    refused(notes, "%graphbit fork", "workflow has no run yet")
    notes("%graphbit run")
    refused(notes, "%graphbit fork --edit outlin=x", "no node 'outlin' in workflow; did you mean 'outline'")
    refused(notes, "%graphbit fork --pin outlin", "--pin outlin: the run has no output of it; did you mean 'outline'")
    refused(notes, "%graphbit fork --edit outline", "write it as name=value")


# ---- step


def test_a_break_halts_before_the_node_and_the_next_step_runs_it(notes):
    notes("%graphbit step --break size")
    assert asked(notes) == ["draft"]
    refused(notes, "%graphbit step --break size", "stands before size already; %graphbit step goes on")
    notes("%graphbit step")
    assert (asked(notes), gb.last.outputs["size"]) == (["size"], 25)


def test_a_break_on_an_error_halts_there_and_the_next_step_tries_it_again(notes):
    notes("%%graphbit python draft --cache disable\ncalls_of('draft')\nreturn outline / 0\n")
    notes("%graphbit step --break-on-error")
    assert (asked(notes), gb.last.status) == (["draft"], "failed")
    notes("%%graphbit python draft --cache disable\ncalls_of('draft')\nreturn outline and 'mended'\n")
    notes("%graphbit step")
    assert asked(notes) == ["draft"]
    notes("%graphbit step")
    assert (asked(notes), gb.last.outputs["size"]) == (["size"], 6)


def test_breaks_at_what_is_no_node_or_comes_first_are_refused(notes):
    refused(notes, "%graphbit step --break siz", "no node 'siz' in workflow; did you mean 'size'")
    refused(notes, "%graphbit step --break outline", "nothing runs before outline")


# ---- what is remembered


class Counted(gb.CustomLlmClient):
    """Answers, and counts."""

    asked: ClassVar[list[str]] = []

    async def generate(self, request, listener=None):
        self.asked.append(request.node)
        return gb.GenerateResponse(text=f"answer to {request.messages[-1].content}", finish_reason="stop")


@pytest.fixture
def model(shell):
    Counted.asked = []
    gb.ProviderRegistry.register("counted", Counted)
    shell("%graphbit config --provider counted --model m")
    shell("%%graphbit prompt outline\nThree points about {{ topic }}\n")
    shell("%%graphbit prompt draft\nWrite: {{ outline }}\n")
    shell.ip.user_ns["topic"] = "sea"
    yield shell
    gb.ProviderRegistry.unregister("counted")


def test_a_run_asks_only_what_is_new(model):
    model("%graphbit run")
    assert Counted.asked == ["outline", "draft"]
    result = model("%graphbit run")
    assert Counted.asked == ["outline", "draft"]
    assert [node.state.value for node in result.nodes.values()] == ["cached", "cached"]
    model("%%graphbit prompt draft\nWrite it well: {{ outline }}\n")
    model("%graphbit run")
    assert Counted.asked == ["outline", "draft", "draft"]


def test_a_fresh_run_asks_anew_and_the_next_one_remembers_that(model):
    model("%graphbit run")
    model("%graphbit run --fresh")
    assert len(Counted.asked) == 4
    model("%graphbit run")
    assert len(Counted.asked) == 4
    model("%graphbit run --cache disable")
    assert len(Counted.asked) == 6
    refused(model, "%graphbit run --fresh --cache disable", "say one of the two")
    refused(model, "%graphbit run --cache defautl", "did you mean 'default'")


def test_the_cache_lists_what_it_has(model):
    model("%graphbit run")
    model("%graphbit run")
    model("%graphbit cache")
    lines = model.text.splitlines()
    assert lines[0] == "remembered"
    assert [line.split()[:3] for line in lines[2:]] == [
        ["workflow.draft", "answer", "m"],
        ["workflow.outline", "answer", "m"],
    ]
    model("%graphbit cache list outline")
    assert len(model.text.splitlines()) == 3


def test_it_says_why_a_node_was_asked_again(model):
    model("%graphbit run")
    model("%%graphbit prompt draft\nWrite it well: {{ outline }}\n")
    model("%graphbit run")
    model("%graphbit cache why draft")
    assert model.text.startswith("draft was not there:")
    assert "message 1 (user): Write: answer to" in model.text
    assert "before, Write it well: answer to" in model.text
    model("%graphbit cache why outline")
    assert model.text == "outline took what was remembered"
    refused(model, "%graphbit cache why", "say which node")
    refused(model, "%graphbit cache why draff", "did you mean 'draft'")


def test_why_a_function_is_run_each_time_is_said(shell):
    shell("import random")
    shell("%%graphbit python dice\nreturn random.random()\n")
    shell("%graphbit run")
    shell("%graphbit cache why dice")
    assert shell.text.startswith("dice is not remembered: ")
    assert "random" in shell.text


def test_answers_are_forgotten(model):
    model("%graphbit run")
    model("%graphbit cache prune draft")
    assert model.text == "1 answer forgotten"
    model("%graphbit run")
    assert Counted.asked == ["outline", "draft", "draft"]
    model("%graphbit cache prune --all")
    assert model.text == "2 answers forgotten"
    refused(model, "%graphbit cache prune", "say what to forget")
    refused(model, "%graphbit cache prune --older-than soon", "--older-than: 'soon' is no time")
    refused(model, "%graphbit cache wyh draft", "no 'wyh'; did you mean 'why'")


# ---- where nothing can be kept


def test_a_run_that_cannot_be_kept_says_why(notes, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRAPHBIT_HOME", str(tmp_path / "file"))
    notes("%graphbit run")
    assert "in memory only: " in notes.text
    assert "cannot be used to keep runs" in notes.text
    refused(notes, "%graphbit history", "cannot be used to keep runs")
