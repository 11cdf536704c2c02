"""How long a run will still take."""

import pytest
from story import Story

import graphbit_nb as gb
from graphbit_nb.notebook.live.estimate import seconds_left


def prompts(**texts):
    builder = gb.WorkflowBuilder("w")
    for name, text in texts.items():
        builder.add_node(gb.Node.prompt(name, text))
    return builder.build()


@pytest.fixture
def chain():
    return prompts(a="x", b="{{ a }}", c="{{ b }}")


def ran(story, node, seconds):
    """Let a node run so long; the clock of a story is its number of events."""
    story("NodeStarted", node)
    story("NodeSucceeded", node, output="x")
    story[node].finished = story[node].started + seconds
    return story


def test_nobody_knows_before_anything_has_ended(chain):
    assert seconds_left(chain, Story("a", "b", "c").snapshot, 1.0, 4) is None


def test_what_is_left_of_a_chain_takes_as_long_as_its_nodes_have_taken(chain):
    story = ran(Story("a", "b", "c"), "a", 5.0)
    assert seconds_left(chain, story.snapshot, 10.0, 4) == 10.0


def test_a_node_that_works_needs_what_is_left_of_its_time(chain):
    story = ran(Story("a", "b", "c"), "a", 5.0)
    story("NodeStarted", "b")
    began = story["b"].started
    assert seconds_left(chain, story.snapshot, began + 2.0, 4) == 3.0 + 5.0


def test_one_that_takes_longer_than_it_should_is_taken_to_end_soon(chain):
    story = ran(Story("a", "b", "c"), "a", 5.0)
    story("NodeStarted", "b")
    assert seconds_left(chain, story.snapshot, story["b"].started + 60.0, 4) == 0.5 + 5.0


def test_the_run_before_says_what_a_node_needs(chain):
    before = Story("a", "b", "c")
    for name, seconds in (("a", 1.0), ("b", 2.0), ("c", 30.0)):
        ran(before, name, seconds)
    assert seconds_left(chain, Story("a", "b", "c").snapshot, 1.0, 4, before.snapshot) == 33.0


def test_work_side_by_side_is_shared_among_the_slots():
    wide = prompts(**{f"n{i}": "x" for i in range(9)})
    story = ran(Story(*wide.nodes), "n0", 3.0)
    assert seconds_left(wide, story.snapshot, 9.0, 8) == 3.0
    assert seconds_left(wide, story.snapshot, 9.0, 4) == 6.0


def test_items_of_a_fan_out_tell_how_long_the_others_will_take():
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.prompt("each", "{{ x }}", for_each="x in xs"))
    story = Story("each").items("each", "ss......")
    for number in (0, 1):
        story[f"each[{number}]"].finished = story[f"each[{number}]"].started + 4.0
    assert seconds_left(builder.build(), story.snapshot, 20.0, 2) == 12.0


def test_a_run_that_has_ended_needs_nothing_more(chain):
    story = Story("a", "b", "c")
    for name in ("a", "b", "c"):
        ran(story, name, 1.0)
    assert seconds_left(chain, story.snapshot, 9.0, 4) == 0.0


def test_what_asks_no_model_and_was_never_seen_counts_nothing():
    builder = gb.WorkflowBuilder("w")
    for node in (gb.Node.prompt("a", "x"), gb.Node.prompt("b", "{{ a }}"), gb.Node.python("tidy", lambda b: b)):
        builder.add_node(node)
    story = ran(Story("a", "b", "tidy"), "a", 5.0)
    assert seconds_left(builder.build(), story.snapshot, 10.0, 4) == 5.0


def test_nothing_is_guessed_where_nothing_is_known():
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.python("tidy", lambda: 1))
    assert seconds_left(builder.build(), Story("tidy").snapshot, 1.0, 4) is None


def test_a_node_that_took_no_time_before_takes_none(chain):
    before = Story("a", "b", "c")
    for name, seconds in (("a", 0.0), ("b", 0.0), ("c", 7.0)):
        ran(before, name, seconds)
    story = ran(Story("a", "b", "c"), "a", 60.0)
    assert seconds_left(chain, story.snapshot, 61.0, 4, before.snapshot) == 7.0
