"""The standing view of a workflow: what it is told by cells and by runs."""

import pytest
from story import Story, workflow_of

import graphbit_nb as gb
from graphbit_nb.notebook import shows
from graphbit_nb.notebook.live.view import Calls
from graphbit_nb.notebook.shows import IDLE, Shows
from graphbit_nb.notebook.workspace import Workspace


class View:
    """Stands for a live view."""

    def __init__(self, subject, _calls):
        self.subject, self.is_closed = subject, False
        self.widget = type("Model", (), {"_repr_mimebundle_": lambda _: {"widget": "live"}})()

    def update(self, **changes):
        for name, value in changes.items():
            setattr(self.subject, name, value)

    def close(self):
        self.is_closed = True


@pytest.fixture
def shown(monkeypatch):
    told = []
    monkeypatch.setattr(shows.views, "show", lambda bundle, *_, **__: told.append(bundle["text/plain"]))
    monkeypatch.setattr(shows, "LiveView", View)
    return told


FLOW = workflow_of(a="{{ topic }}", b="{{ a }}")


@pytest.fixture
def workspace():
    return Workspace()


@pytest.fixture
def show(shown, workspace):
    opened = Shows(lambda: workspace)
    opened.open(FLOW, Calls())
    return opened.of("w")[0]


@pytest.fixture
def result():
    return gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": "x"})).execute(FLOW, {"topic": "sea"})


def subject_of(show):
    return show._view.subject


def test_a_run_takes_the_view_over_and_gives_it_back(show, result):
    story = Story("a", "b")
    show.update(story.snapshot)
    assert (subject_of(show).snapshot, subject_of(show).actions) == (story.snapshot, ("cancel", "answer"))
    show.finish(result)
    assert (subject_of(show).snapshot, subject_of(show).actions) == (result.snapshot, IDLE)


def test_after_a_run_that_ended_before_it_was_seen_nothing_is_out_of_date(show, workspace, result):
    workspace.results["w"] = result
    show.changed(workflow_of(a="{{ topic }}", b="other {{ a }}"))
    assert subject_of(show).stale == {"b"}
    executor = gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": "x"}))
    show.finish(executor.execute(subject_of(show).workflow, {"topic": "sea"}))
    assert subject_of(show).stale == frozenset()


def test_what_was_changed_while_the_run_went_on_is_out_of_date_at_its_end(show, result):
    show.update(Story("a", "b").snapshot)
    show.changed(workflow_of(a="{{ topic }}", b="other {{ a }}"))
    show.finish(result)
    assert subject_of(show).stale == {"b"}


def test_a_cell_that_changes_the_workflow_while_a_run_goes_on_leaves_the_run_in_the_view(show, workspace, result):
    workspace.results["w"] = result
    story = Story("a", "b")
    show.update(story.snapshot)
    show.changed(workflow_of(a="x", b="{{ a }}", c="{{ b }}"), "c")
    assert subject_of(show).snapshot is story.snapshot
    assert (list(subject_of(show).workflow.nodes), subject_of(show).new) == (["a", "b", "c"], "c")


def test_why_a_run_could_not_begin_is_said_until_the_next_one(show, result):
    show.fail(gb.UsageError("no key"))
    assert subject_of(show).notes == (("failed", "no key"),)
    show.finish(result)
    assert subject_of(show).notes == ()


def test_a_newer_view_takes_the_place_of_the_older(shown, workspace):
    opened = Shows(lambda: workspace)
    opened.open(FLOW, Calls())
    first = opened.of("w")[0]
    opened.open(FLOW, Calls())
    assert first._view.is_closed
    assert "w is shown below" in shown
    assert len(opened.of("w")) == 1
