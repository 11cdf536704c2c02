"""A run from where it began until it has ended: what its views may ask for, and what reaches it from other cells."""

import time

import pytest

import graphbit_nb as gb


@pytest.fixture
def failed(scripted):
    """A shell whose run has failed, and the calls that were made."""
    calls = []

    def fail(_request):
        calls.append(1)
        raise ValueError("no")

    shell = scripted({"bad": fail})
    shell("%%graphbit prompt bad\nx\n")
    shell("%graphbit run")
    return shell, calls


@pytest.mark.parametrize(
    "ask", [lambda run: run.cancel(), lambda run: run.cancel("bad"), lambda run: run.answer("bad", 1)]
)
def test_a_run_that_has_ended_is_not_begun_again(failed, ask):
    shell, calls = failed
    with pytest.raises(gb.UsageError, match="the run of workflow has ended"):
        ask(shell.magics.runner.seen("workflow"))
    assert len(calls) == 1


def test_a_run_that_could_not_begin_is_not_gone_on_with(shell):
    shell("%%graphbit prompt a\n{{ topic }}\n")
    with pytest.raises(gb.GraphbitError, match="topic"):
        shell("%graphbit run")
    seen = shell.magics.runner.seen("workflow")
    with pytest.raises(gb.UsageError, match="has ended"):
        seen.cancel()
    assert shell.magics.runner.standing("workflow") is None


@pytest.fixture
def parked(shell):
    """A run that has stopped for a person, and what stands for its view."""
    shell("%%graphbit human approve --output 'yes|no'\nMay it?\n")
    shell("%%graphbit python after --when approve=yes\nreturn 1\n")
    shell("%graphbit run")
    return shell.magics.runner.seen("workflow")


def test_a_run_that_waits_goes_on_with_the_answer_of_its_view(parked):
    parked.answer("approve", "yes")
    assert parked.handle.result(10).status == "succeeded"


def test_a_run_that_waits_is_given_up_by_its_view(parked):
    parked.cancel()
    assert parked.handle.result(10).status == "cancelled"


def test_one_question_is_given_up_by_its_view(parked):
    parked.cancel("approve")
    result = parked.handle.result(10)
    assert (result.nodes["approve"].state, result.nodes["after"].state) == ("cancelled", "skipped")


def wait_for(holds):
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to that")


@pytest.fixture
def beside(shell):
    """A run in the background that waits for a person by itself."""
    shell("%%graphbit human approve --output 'yes|no'\nMay it?\n")
    shell("%%graphbit python after --when approve=yes\nreturn 1\n")
    handle = shell("handle = %graphbit run --background\nhandle")
    wait_for(lambda: handle.snapshot is not None and handle.snapshot.asking)
    yield shell, handle
    handle.cancel()
    handle.result(10)


def test_an_answer_reaches_a_run_in_the_background(beside):
    shell, handle = beside
    assert shell("r = %graphbit answer approve yes\nr") is handle
    assert shell.text.splitlines()[0] == "approve is answered; the run goes on"
    assert handle.result(10).outputs == {"approve": "yes", "after": 1}


def test_an_answer_to_a_run_in_the_background_is_held_to_the_options(beside):
    shell, handle = beside
    with pytest.raises(gb.UsageError, match="'perhaps' is none of the answers; there are yes, no"):
        shell("%graphbit answer approve perhaps")
    assert not handle.done()


def test_the_question_of_a_run_in_the_background_is_said(beside):
    shell, _ = beside
    shell("%graphbit answer")
    assert "approve asks:\n  May it?\n  answer with %graphbit answer approve yes|no" in shell.text


def test_a_node_is_inspected_while_its_run_goes_on(beside):
    shell, _ = beside
    shell("%graphbit inspect approve")
    assert "May it?" in shell.text


def test_cancel_stops_the_run_of_the_current_workflow(beside):
    shell, handle = beside
    shell("%graphbit cancel")
    assert handle.result(10).status == "cancelled"


def test_cancel_stops_the_run_that_goes_on_when_another_workflow_is_written(beside):
    shell, handle = beside
    shell("%graphbit new other")
    shell("%graphbit cancel")
    assert handle.result(10).status == "cancelled"


def test_a_run_whose_view_fails_is_kept_all_the_same(scripted, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("cannot be shown")

    shell = scripted({"a": "done"})
    shell("%%graphbit prompt a\nx\n")
    monkeypatch.setattr("graphbit_nb.notebook.screens.Lines.update", fail)
    handle = shell("handle = %graphbit run --background\nhandle")
    handle.result(10)
    wait_for(lambda: "the run of workflow cannot be shown" in caplog.text)
    assert shell.workspace.results["workflow"].outputs == {"a": "done"}
