"""The line in a terminal that says how far a run is."""

import io

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
