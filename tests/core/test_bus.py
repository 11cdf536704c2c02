"""The bus: order, confirmation, and observers that cannot break the observed."""

import logging

import pytest

from graphbit_nb.core.bus import EventBus
from graphbit_nb.core.events import NodeStarted


def events(count):
    return [NodeStarted("run", number, 0.0, "node") for number in range(1, count + 1)]


def publish_all(bus, count):
    for event in events(count):
        bus.publish(event)


class Late:
    """A recorder that confirms when it is told to."""

    def __init__(self):
        self.kept = []
        self.hurried = 0

    def record(self, event, confirm):
        self.kept.append(event.seq)
        self.confirm = confirm

    def hurry(self):
        self.hurried += 1


def test_every_listener_gets_every_event_in_order():
    first, second = [], []
    publish_all(EventBus(sinks=(first.append,), views=(second.append,)), 5)
    assert [event.seq for event in first] == [event.seq for event in second] == [1, 2, 3, 4, 5]


def test_views_wait_for_the_recorder_and_sinks_do_not():
    recorder, sink, view = Late(), [], []
    bus = EventBus(recorder, (sink.append,), (view.append,))
    publish_all(bus, 3)
    assert (recorder.kept, len(sink), len(view)) == ([1, 2, 3], 3, 0)
    recorder.confirm(2)
    assert [event.seq for event in view] == [1, 2]
    recorder.confirm(2)
    recorder.confirm(3)
    assert [event.seq for event in view] == [1, 2, 3]


def test_who_waits_for_what_was_published_hurries_the_recorder_and_goes_on_once_it_is_safe():
    recorder, done = Late(), []
    bus = EventBus(recorder)
    bus.when_confirmed(lambda: done.append("nothing was published"))
    publish_all(bus, 3)
    bus.when_confirmed(lambda: done.append("safe"))
    assert (recorder.hurried, done) == (1, ["nothing was published"])
    recorder.confirm(2)
    assert done == ["nothing was published"]
    recorder.confirm(3)
    assert done == ["nothing was published", "safe"]


def test_who_waits_goes_on_when_the_recorder_is_given_up(caplog):
    recorder, done = Late(), []
    bus = EventBus(recorder)
    publish_all(bus, 2)
    bus.when_confirmed(lambda: done.append("safe or not"))
    recorder.confirm(1, OSError("disk full"))
    assert done == ["safe or not"]


def test_a_recorder_that_raises_is_dropped_and_withholds_nothing(caplog):
    class Broken(Late):
        def record(self, event, confirm):
            if event.seq == 3:
                raise OSError("disk full")

    sink, view = [], []
    publish_all(EventBus(Broken(), (sink.append,), (view.append,)), 5)
    assert [event.seq for event in view] == [event.seq for event in sink] == [1, 2, 3, 4, 5]
    assert "no longer recorded: OSError: disk full" in caplog.text


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1), GeneratorExit()])
def test_a_listener_that_raises_is_dropped_and_logged_once(error, caplog):
    calls, other = [], []

    def broken(event):
        calls.append(event.seq)
        raise error

    with caplog.at_level(logging.ERROR):
        publish_all(EventBus(sinks=(broken, other.append)), 3)
    assert calls == [1]
    assert len(other) == 3
    assert len(caplog.records) == 1


def test_a_keyboard_interrupt_is_not_kept_from_the_user():
    def interrupted(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish_all(EventBus(sinks=(interrupted,)), 1)


def test_the_bus_knows_whether_anybody_sees_events_as_they_come():
    assert not EventBus().is_watched
    assert EventBus(sinks=(print,)).is_watched
    assert EventBus(views=(print,)).is_watched
    assert not EventBus(Late()).is_watched


def test_a_sink_that_wants_no_tokens_does_not_watch():
    def counts(event):
        """Wants figures, not text as it comes."""

    counts.wants_tokens = False
    assert not EventBus(sinks=(counts,)).is_watched
    assert EventBus(sinks=(counts, print)).is_watched
