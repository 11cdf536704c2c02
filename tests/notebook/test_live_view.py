"""A live view: what it sends to the browser, and what it does for it."""

import asyncio
import threading
import time
from itertools import pairwise

import pytest
from story import Story

import graphbit_nb as gb
from graphbit_nb.notebook.live.state import Subject
from graphbit_nb.notebook.live.view import Calls, LiveView, Page
from graphbit_nb.testing import run_in_virtual_time


class Browser:
    """Stands for the widget: keeps what is sent."""

    def __init__(self, heard, state):
        self.say = heard
        self._changed = threading.Condition()
        self.state = state
        self.got = []
        self.closed = False

    @property
    def state(self):
        return self._state

    @state.setter
    def state(self, state):
        with self._changed:
            self._state = state
            self._changed.notify_all()

    def send(self, message):
        with self._changed:
            self.got.append(message)
            self._changed.notify_all()

    def close(self):
        self.closed = True

    def wait_for(self, wanted, seconds=10.0):
        """Return the first message that is wanted."""
        with self._changed:
            assert self._changed.wait_for(lambda: any(map(wanted, self.got)), seconds), self.got
            return next(filter(wanted, self.got))

    def another_than(self, state, seconds=10.0):
        """Return the first whole state that is not this one."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._state is not state, seconds)
            return self._state

    def delta_with(self, key):
        return self.wait_for(lambda message: key in message)


def workflow_of(*nodes):
    builder = gb.WorkflowBuilder("w")
    for node in nodes:
        builder.add_node(node)
    return builder.build()


SIMPLE = workflow_of(gb.Node.prompt("a", "x"), gb.Node.prompt("b", "{{ a }}"))


@pytest.fixture
def view_of():
    views = []
    page = Page()

    def make(subject=None, calls=None):
        view = LiveView(subject or Subject(workflow=SIMPLE), calls, make_widget=Browser, page=page)
        views.append(view)
        return view

    yield make
    for view in views:
        view.close()


@pytest.fixture
def executor():
    return gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": "answer"}))


def test_it_begins_with_everything(view_of):
    assert list(view_of().widget.state["nodes"]) == ["a", "b"]


def test_a_run_is_told_as_it_goes_on(view_of, executor):
    view = view_of()
    handle = executor.start(SIMPLE, views=(view.event,))
    view.update(snapshot=handle.result().snapshot)
    told = view.widget.wait_for(lambda message: message.get("run", {}).get("status") == "succeeded")
    assert told["nodes"]["b"]["state"] == "succeeded"


def test_a_changed_workflow_is_told_with_a_new_picture(view_of):
    view = view_of()
    view.update(workflow=workflow_of(*SIMPLE.nodes.values(), gb.Node.prompt("c", "{{ b }}")), new="c")
    assert 'data-id="c"' in view.widget.delta_with("picture")["picture"]["svg"]


def test_what_happens_is_told_ten_times_a_second_and_no_more(view_of):
    """Text comes every 10 ms for two seconds of virtual time."""
    story = Story("a", "b")("NodeStarted", "a")
    story("LlmRequested", "a", provider="p", model="m", parameters={})
    view = view_of(Subject(workflow=SIMPLE, snapshot=story.snapshot))
    sent = []

    async def main():
        view.widget.send = lambda _: sent.append(asyncio.get_running_loop().time())
        for _ in range(200):
            await asyncio.sleep(0.01)
            story("LlmToken", "a", text="word ")
            view.event(None)

    run_in_virtual_time(main())
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert len(sent) in range(15, 21)
    assert min(gaps) >= 0.099


def test_what_comes_while_a_drawing_is_laid_out_is_told_after_it(view_of, monkeypatch):
    view = view_of()
    begun, go = threading.Event(), threading.Event()
    lay_out = view._state.lay_out

    def slowly(scene):
        begun.set()
        assert go.wait(10)
        lay_out(scene)

    monkeypatch.setattr(view._state, "lay_out", slowly)
    view.widget.say({"call": "direction", "to": "TB"})
    assert begun.wait(10)
    view.update(notes=(("", "said meanwhile"),))
    go.set()
    assert view.widget.delta_with("notes")["notes"] == [{"state": "", "text": "said meanwhile"}]


def test_many_events_are_told_together(view_of):
    wide = workflow_of(*(gb.Node.prompt(f"n{i}", "x") for i in range(300)))
    view = view_of(Subject(workflow=wide))
    events = []
    executor = gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": "some words to stream"}), max_concurrency=20)
    handle = executor.start(wide, views=(view.event, events.append))
    while handle.snapshot is None:
        time.sleep(0.001)
    view.update(snapshot=handle.snapshot)
    handle.result()
    assert len(view.widget.got) * 20 < len(events)


def test_a_browser_that_says_anything_is_seen(view_of):
    view = view_of()
    assert not view.is_seen.is_set()
    view.widget.say({"call": "width", "px": 700})
    assert view.is_seen.is_set()


def test_a_view_that_missed_nothing_is_not_told_everything_again(view_of):
    view = view_of()
    first = view.widget.state
    view.widget.say({"call": "width", "px": 700, "seq": first["seq"]})
    view.widget.delta_with("picture")
    assert view.widget.state is first


def test_a_view_that_has_missed_something_is_told_everything(view_of):
    view = view_of()
    first = view.widget.state
    view.update(notes=(("", "a note"),))
    view.widget.delta_with("notes")
    view.widget.say({"call": "width", "px": 700, "seq": first["seq"]})
    whole = view.widget.another_than(first)
    assert [one["text"] for one in whole["notes"]] == ["a note"]
    assert whole["seq"] == 3


def test_the_next_view_begins_as_wide_as_the_last_one_was(view_of):
    long = workflow_of(*(gb.Node.prompt(f"n{i}", f"{{{{ n{i - 1} }}}}" if i else "x") for i in range(12)))
    first = view_of(Subject(workflow=long))
    first.widget.say({"call": "width", "px": 320, "seq": first.widget.state["seq"]})
    narrow = first.widget.delta_with("picture")["picture"]
    assert view_of(Subject(workflow=long)).widget.state["picture"]["svg"] == narrow["svg"]


def test_a_few_pixels_are_no_other_width(view_of):
    view = view_of()
    view.widget.say({"call": "width", "px": 900, "seq": 1})
    view.widget.delta_with("picture")
    view.widget.say({"call": "width", "px": 910, "seq": 2})
    view.update(notes=(("", "a note"),))
    assert "picture" not in view.widget.delta_with("notes")


def test_width_direction_and_folds_make_a_new_picture(view_of):
    outer = workflow_of(gb.Node.workflow("inner", SIMPLE))
    view = view_of(Subject(workflow=outer))
    view.widget.say({"call": "fold", "path": "inner", "open": True})
    told = view.widget.delta_with("folds")
    assert 'data-id="inner.a"' in told["picture"]["svg"]
    view.widget.say({"call": "direction", "to": "TB"})
    assert view.widget.wait_for(lambda message: message.get("direction") == "TB")["picture"]["rankdir"] == "TB"


def test_a_node_is_inspected_on_demand(view_of, executor):
    view = view_of(Subject(workflow=SIMPLE, snapshot=executor.execute(SIMPLE).snapshot))
    view.widget.say({"call": "inspect", "path": "a"})
    answer = view.widget.wait_for(lambda message: message["kind"] == "node")
    assert (answer["path"], answer["record"]["answer"]["text"], answer["problem"]) == ("a", "answer", None)


def test_a_node_that_has_not_run_is_told_as_what_it_is(view_of):
    view = view_of()
    view.widget.say({"call": "inspect", "path": "a"})
    record = view.widget.wait_for(lambda message: message["kind"] == "node")["record"]
    assert (record["kind"], record["state"], record["attempts"]) == ("prompt", "pending", [])


def test_a_node_that_is_not_there_is_told_as_such(view_of):
    view = view_of()
    view.widget.say({"call": "inspect", "path": "aa"})
    answer = view.widget.wait_for(lambda message: message["kind"] == "node")
    assert (answer["record"], answer["problem"]) == (None, "no node 'aa' in w; did you mean 'a'?")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"call": "cancel", "path": None}, ("cancel", None)),
        ({"call": "cancel", "path": "a"}, ("cancel", "a")),
        ({"call": "answer", "path": "a", "value": "yes"}, ("answer", "a", "yes")),
        ({"call": "step"}, ("step",)),
        ({"call": "run", "from": "a"}, ("run", {"call": "run", "from": "a"})),
    ],
    ids=str,
)
def test_what_is_asked_is_passed_on(view_of, message, expected):
    heard, told = [], threading.Event()

    def hear(name):
        return lambda *given: (heard.append((name, *given)), told.set())

    view = view_of(calls=Calls(**{name: hear(name) for name in ("cancel", "answer", "run", "step")}))
    view.widget.say(message)
    assert told.wait(10)
    assert heard == [expected]


@pytest.mark.parametrize(
    "message",
    [
        {"call": "cancel"},
        {"call": "explode"},
        {"call": "fold", "path": 3, "open": True},
        {"call": "width", "px": -1},
        {},
    ],
    ids=str,
)
def test_what_it_cannot_do_is_refused(view_of, message):
    view = view_of()
    view.widget.say(message)
    assert "cannot do that" in view.widget.wait_for(lambda told: told["kind"] == "refused")["text"]


def test_what_is_refused_says_why(view_of):
    def refuse(_):
        raise gb.UsageError("no run of w goes on")

    view = view_of(calls=Calls(cancel=refuse))
    view.widget.say({"call": "cancel", "path": None})
    refused = view.widget.wait_for(lambda told: told["kind"] == "refused")
    assert (refused["text"], refused["of"]) == ("no run of w goes on", {"call": "cancel", "path": None})


def test_a_browser_that_fails_stops_neither_the_run_nor_the_view(view_of, executor, caplog):
    view = view_of()

    def fail(_):
        raise OSError("gone")

    view.widget.send = fail
    assert executor.execute(SIMPLE, views=(view.event,)).is_success()


def test_nothing_is_sent_after_the_end(view_of):
    view = view_of()
    view.close()
    assert view.widget.closed
    view.widget.got.clear()
    view.update(new="a")
    view.close()
    assert view.widget.got == []


def test_what_has_not_been_told_when_a_view_is_closed_is_told_then(view_of):
    story = Story("a", "b")
    view = view_of(Subject(workflow=SIMPLE, snapshot=story.snapshot))
    story("NodeStarted", "a")("NodeSucceeded", "a", output="x")
    view.update(notes=(("", "soon"),))
    view.close()
    told = {name: node for message in view.widget.got for name, node in message.get("nodes", {}).items()}
    assert told["a"]["state"] == "succeeded"


def test_where_nothing_runs_a_change_does_not_wait_for_the_pause_that_a_run_is_left(view_of, monkeypatch):
    monkeypatch.setattr("graphbit_nb.notebook.live.view._WORK", 1e9)
    view = view_of()
    for count in (1, 2, 3):
        view.update(notes=(("", f"note {count}"),))
        view.widget.wait_for(
            lambda message, count=count: message.get("notes") == [{"state": "", "text": f"note {count}"}]
        )
