"""A time limit that stands still while it is paused."""

import asyncio

import pytest

from graphbit_nb.execution.stopwatch import Stopwatch
from graphbit_nb.testing import run_in_virtual_time


def expires_at(seconds, *steps):
    """Return when a stopwatch calls back that is told these things: (seconds from the one before, name)."""
    found = []

    async def main():
        loop = asyncio.get_running_loop()
        stopwatch = Stopwatch(seconds, loop, lambda: found.append(loop.time()))
        for after, name in steps:
            await asyncio.sleep(after)
            getattr(stopwatch, name)()
        await asyncio.sleep(1_000)

    run_in_virtual_time(main())
    return found


def test_it_calls_back_when_its_seconds_are_up():
    assert expires_at(5, (0, "start")) == [5]


def test_it_counts_from_when_it_is_started():
    assert expires_at(5, (3, "start")) == [8]


def test_without_a_limit_it_never_calls_back():
    assert expires_at(None, (0, "start"), (1, "pause"), (1, "go_on")) == []


def test_not_started_it_never_calls_back():
    assert expires_at(5) == []


def test_a_pause_does_not_count():
    assert expires_at(5, (0, "start"), (2, "pause"), (100, "go_on")) == [105]


def test_it_stands_until_every_pause_has_ended():
    steps = [(0, "start"), (2, "pause"), (1, "pause"), (10, "go_on"), (10, "go_on")]
    assert expires_at(5, *steps) == [26]


def test_several_pauses_add_up():
    steps = [(0, "start"), (1, "pause"), (10, "go_on"), (1, "pause"), (10, "go_on")]
    assert expires_at(5, *steps) == [25]


def test_started_while_it_is_paused_it_begins_with_the_end_of_the_pause():
    assert expires_at(5, (0, "pause"), (1, "start"), (9, "go_on")) == [15]


def test_starting_twice_changes_nothing():
    assert expires_at(5, (0, "start"), (2, "start")) == [5]


@pytest.mark.parametrize("last", ["start", "go_on"])
def test_closed_it_counts_no_more(last):
    assert expires_at(5, (0, "start"), (1, "pause"), (1, "close"), (1, last)) == []


def test_it_calls_back_once_whatever_comes_after():
    assert expires_at(5, (0, "start"), (6, "pause"), (1, "go_on"), (1, "pause"), (1, "go_on")) == [5]
