"""Where a run is seen: what is shown when, and what is left of it."""

import pytest
from story import Story, workflow_of

from graphbit_nb import ExecutionResult, UsageError
from graphbit_nb.core.states import RunStatus
from graphbit_nb.notebook import screens
from graphbit_nb.notebook.live.state import Subject
from graphbit_nb.notebook.live.view import Calls
from graphbit_nb.notebook.screens import Lines, Pictures, Quiet, Screen, Together, Widget, screen_for, what_suits

FLOW = workflow_of(a="x", b="{{ a }}")


class View:
    """Stands for a live view."""

    def __init__(self, subject, _calls):
        self.subject, self.is_closed = subject, False
        self.is_seen = type("Seen", (), {"is_set": lambda _: False})()
        self.widget = type("Model", (), {"key": "key-of-the-view", "_repr_mimebundle_": lambda _: {"widget": "live"}})()

    def update(self, **changes):
        for name, value in changes.items():
            setattr(self.subject, name, value)

    def close(self):
        self.is_closed = True


@pytest.fixture
def shown(monkeypatch):
    """What is shown, as pairs: whether it replaces what was there, and the bundle."""
    told = []
    monkeypatch.setattr(screens.views, "show", lambda bundle, _=None, *, update=False: told.append((update, bundle)))
    return told


@pytest.fixture
def time():
    return [0.0]


@pytest.fixture
def widget(monkeypatch, time):
    monkeypatch.setattr(screens, "LiveView", View)
    return Widget(Subject(workflow=FLOW), Calls(), (), lambda: time[0])


def texts(shown):
    return [bundle["text/plain"] for _, bundle in shown]


# ---- which one


@pytest.mark.parametrize(
    ("is_kernel", "has_person", "live", "expected"),
    [
        (False, False, "widget", "lines"),
        (False, False, "auto", "lines"),
        (True, True, "auto", "widget"),
        (True, False, "auto", "quiet"),
        (True, False, "widget", "widget"),
        (True, True, "pictures", "pictures"),
        (True, True, "quiet", "quiet"),
    ],
)
def test_what_suits_follows_from_who_looks_and_from_the_setting(monkeypatch, is_kernel, has_person, live, expected):
    monkeypatch.setattr(screens.views, "is_kernel", lambda: is_kernel)
    monkeypatch.setattr(screens.views, "has_person", lambda: has_person)
    assert what_suits(live) == expected


def test_in_a_terminal_a_workflow_is_drawn_as_text_even_where_widgets_are_asked_for(shell):
    shell("%%graphbit prompt a\nx\n")
    shell('%config GraphbitMagics.live = "widget"')
    shell("%graphbit show")
    assert shell.text == "workflow: 1 node: a"


@pytest.mark.parametrize(("suits", "made"), [("lines", Lines), ("quiet", Quiet), ("pictures", Pictures)])
def test_a_run_gets_the_screen_that_suits(monkeypatch, suits, made):
    monkeypatch.setattr(screens, "what_suits", lambda _: suits)
    assert type(screen_for(Subject(workflow=FLOW), Calls(), "auto")) is made


# ---- a widget


def test_nothing_is_shown_of_a_run_that_finds_out_at_once_that_it_cannot_begin(widget, shown):
    widget.update(None)
    widget.drop()
    assert shown == []
    assert widget._view.is_closed


def test_a_view_that_was_shown_meanwhile_is_taken_away_when_the_run_cannot_begin(widget, shown, time):
    time[0] = screens.PATIENCE + 0.1
    widget.update(None)
    widget.drop()
    assert texts(shown) == ["w is running", "w could not begin"]


def test_a_view_appears_with_the_run_and_points_to_it(widget, shown):
    story = Story("a", "b")
    widget.update(story.snapshot)
    widget.update(story.snapshot)
    assert shown == [(False, {"widget": "live", "text/plain": "w is running"})]
    assert widget._view.subject.snapshot is story.snapshot


def test_a_run_that_goes_on_is_shown_by_its_new_snapshot(widget, shown):
    widget.update(Story("a", "b").snapshot)
    later = Story("a", "b").snapshot
    widget.update(later)
    assert widget._view.subject.snapshot is later


def test_pictures_take_the_place_of_a_view_that_no_browser_greets(widget, shown, time):
    story = Story("a", "b")
    widget.update(story.snapshot)
    time[0] = screens.UNSEEN + 0.1
    widget.update(story.snapshot)
    widget.update(story.snapshot)
    assert texts(shown) == ["w is running", "w running: 0 of 2 nodes done"]
    assert shown[-1][0]


def test_the_final_form_has_no_widget(widget, shown):
    story = Story("a", "b")
    widget.update(story.snapshot)
    for node in ("a", "b"):
        story("NodeStarted", node)("NodeSucceeded", node, output="x")
    story("RunFinished", status=RunStatus.SUCCEEDED)
    widget.finish(ExecutionResult(FLOW, story.snapshot))
    is_update, bundle = shown[-1]
    assert is_update
    assert "widget" not in bundle
    assert widget._view.is_closed


def test_a_view_stays_where_a_person_may_answer_in_it(widget, shown):
    story = Story("a", "b")
    story("NodeWaiting", "a", question="Well?")
    widget.update(story.snapshot)
    result = ExecutionResult(FLOW, story.snapshot)
    widget.finish(result)
    assert "widget" not in shown[-1][1]  # what is saved needs no kernel
    assert widget._view.widget.key in shown[-1][1]["text/html"]  # and joins the view that is there
    assert not widget._view.is_closed
    widget.leave(result)
    assert widget._view.widget.key not in shown[-1][1]["text/html"]


def test_a_run_beside_the_cells_that_cannot_begin_says_why(widget, shown):
    widget.fail(UsageError("no key"))
    assert texts(shown) == ["w could not begin: no key"]


# ---- lines


def test_each_node_is_said_once_when_it_has_ended(shown):
    story = Story("a", "b")
    lines = Lines(FLOW, None)
    story("NodeStarted", "a")("NodeSucceeded", "a", output="x")
    lines.update(story.snapshot)
    lines.update(story.snapshot)
    story("NodeStarted", "b")("NodeSucceeded", "b", output="y")
    lines.update(story.snapshot)
    assert texts(shown) == ["1/2 a  succeeded  x", "2/2 b  succeeded  y"]


def test_what_had_ended_before_a_run_went_on_is_not_told_again(shown):
    story = Story("a", "b")
    story("NodeStarted", "a")("NodeSucceeded", "a", output="x")
    lines = Lines(FLOW, story.snapshot.copy())
    story("NodeStarted", "b")("NodeSucceeded", "b", output="y")
    lines.update(story.snapshot)
    assert texts(shown) == ["2/2 b  succeeded  y"]


# ---- several


def test_screens_that_come_while_a_run_goes_on_are_told_from_then_on():
    heard = []

    class Ear(Screen):
        def __init__(self, name):
            self.name = name

        def event(self, event):
            heard.append((self.name, event))

    there = [Ear("one")]
    together = Together(lambda: there)
    together.event("first")
    there.append(Ear("two"))
    together.event("second")
    assert heard == [("one", "first"), ("one", "second"), ("two", "second")]


@pytest.mark.parametrize("call", ["event", "update", "finish", "leave", "fail", "drop"])
def test_a_screen_that_shows_nothing_hears_everything(call):
    together = Together(lambda: [Screen()])
    assert getattr(together, call)(*(() if call == "drop" else (None,))) is None
