"""The line in a terminal that says how far a run is."""

import io
from itertools import pairwise

import pytest

import graphbit_nb as gb


class Terminal(io.StringIO):
    def isatty(self):
        return True

    @property
    def last(self):
        return self.getvalue().split("\r")[-1].rstrip()


@pytest.fixture
def terminal():
    return Terminal()


def run(bar, *nodes, **script):
    builder = gb.WorkflowBuilder("story")
    for node in nodes:
        builder.add_node(node)
    executor = gb.WorkflowExecutor(gb.LlmConfig.scripted(script or {"*": "answer"}))
    return executor.execute(builder.build(), views=(bar,))


CHAIN = (gb.Node.prompt("a", "x"), gb.Node.prompt("b", "{{ a }}"))


def test_it_ends_full_with_what_the_run_took(terminal):
    run(gb.ProgressBar(terminal, width=100), *CHAIN)
    assert terminal.last.startswith("story 100% |")
    assert "| 2 of 2 [00:0" in terminal.last
    assert terminal.last.endswith("4 tokens]")


def test_what_failed_is_counted_and_stays(terminal):
    def fail():
        raise ValueError

    run(gb.ProgressBar(terminal, width=100), gb.Node.python("bad", fail), gb.Node.python("good", lambda: 1))
    assert "1 failed" in terminal.last


def test_items_of_a_fan_out_are_steps(terminal):
    numbers = gb.Node.python("numbers", lambda: [1, 2, 3])
    run(gb.ProgressBar(terminal, width=100), numbers, gb.Node.python("each", lambda x: x, for_each="x in numbers"))
    assert "| 4 of 4 [" in terminal.last


def test_where_there_is_no_terminal_nothing_is_written():
    file = io.StringIO()
    assert run(gb.ProgressBar(file), *CHAIN).is_success()
    assert file.getvalue() == ""


def test_one_bar_shows_one_run_after_another(terminal):
    bar = gb.ProgressBar(terminal, width=100)
    run(bar, *CHAIN)
    run(bar, *CHAIN)
    assert terminal.getvalue().count("2 of 2") >= 2


def test_a_run_that_is_gone_on_with_is_left_alone(terminal):
    builder = gb.WorkflowBuilder("story")
    builder.add_node(gb.Node.human("approve", "Fine?"))
    executor = gb.WorkflowExecutor(gb.LlmConfig.scripted({}))
    waiting = executor.execute(builder.build())
    assert executor.resume(waiting, answers={"approve": "yes"}, views=(gb.ProgressBar(terminal),)).is_success()
    assert terminal.getvalue() == ""


def test_it_looks_at_the_run_ten_times_a_second_and_at_its_end(terminal, monkeypatch):
    from graphbit_nb.session import progressbar

    looks, now = [], [0.0]
    monkeypatch.setattr(progressbar, "postfix", lambda snapshot: looks.append((now[0], snapshot.done)) or "")

    def clock():
        now[0] += 0.01  # each event comes a hundredth of a second after the one before
        return now[0]

    run(gb.ProgressBar(terminal, width=100, clock=clock), *(gb.Node.python(f"n{i}", lambda: 1) for i in range(50)))
    times = [time for time, _ in looks]
    assert all(later - earlier >= progressbar.PACE - 1e-9 for earlier, later in pairwise(times[:-1]))
    assert looks[-1][1] == 50
    assert "50 of 50" in terminal.last


def test_where_there_is_no_terminal_the_run_is_not_looked_at(monkeypatch):
    monkeypatch.setattr("graphbit_nb.session.progressbar.RunSnapshot", lambda: pytest.fail("looked at"))
    assert run(gb.ProgressBar(io.StringIO()), *CHAIN).is_success()


def test_a_bar_that_was_closed_stays_closed(terminal):
    bar = gb.ProgressBar(terminal, width=100)
    run(bar, *CHAIN)
    written = terminal.getvalue()
    bar.close()
    assert terminal.getvalue() == written
