"""What the rows of a run that goes on say."""

import pytest
from story import Story

from graphbit_nb.core.events import ErrorInfo
from graphbit_nb.notebook.live.rows import live_rows

SLOW = ErrorInfo("RateLimitError", "openai answered 429: slowly")


def only_row(story):
    [row], left = live_rows(story.snapshot)
    assert left == 0
    return row


@pytest.fixture
def asked():
    """A node that has asked its model."""
    story = Story("draft", "later")
    story("NodeStarted", "draft")
    return story("LlmRequested", "draft", provider="openai", model="m", parameters={})


def test_what_has_not_begun_has_no_row():
    assert live_rows(Story("draft").snapshot) == ([], 0)


def test_streamed_text_is_shown_by_its_end_on_one_line(asked):
    asked("LlmToken", "draft", text="Once\nupon " * 100 + "the end")
    row = only_row(asked)
    assert row.tail
    assert row.text.endswith("Once upon the end")
    assert "\n" not in row.text
    assert len(row.text) <= 400
    assert row.figure == "1,007 characters"


def test_what_was_printed_is_shown_while_nothing_is_streamed():
    story = Story("code")("NodeStarted", "code")("NodePrinted", "code", text="step 1\n")
    assert only_row(story).text == "step 1"


def test_a_retry_says_why_and_when(asked):
    asked("RetryScheduled", "draft", attempt=1, delay=8.0, error=SLOW)
    row = only_row(asked)
    assert (row.state, row.figure, row.wait) == ("retrying", "again in 8 s", 8.0)
    assert row.until == asked["draft"].attempts[0].finished + 8.0
    assert row.text.startswith("rate limited · RateLimitError: openai answered 429")


def test_a_call_that_waits_for_a_limit_says_which_until_it_is_made(asked):
    asked("RateLimited", "draft", limit="openai/m: requests", seconds=60.0, ahead=0)
    assert only_row(asked).text == "waits for the limit openai/m: requests"
    asked("RateLimited", "draft", limit="openai/m: requests", seconds=0.0, ahead=0)
    assert only_row(asked).text == ""


def test_the_tools_that_a_turn_called_are_named(asked):
    asked(
        "LlmResponded", "draft", text="", finish_reason="tool_calls", usage=asked["draft"].usage, model="m",
        request_id=None, first_token=None, latency=1.0, cost=None,
    )  # fmt: skip
    for name in ("stock", "price", "stock"):
        asked("ToolCalled", "draft", call_id=name, tool=name, arguments={}, result="1", error=None, started=1.0)
    assert only_row(asked).text == "called stock, price"


def test_a_person_is_told_what_is_asked_and_what_may_be_answered():
    story = Story("approve")("NodeWaiting", "approve", question="Fine?", options=("yes", "no"))
    row = only_row(story)
    assert (row.state, row.question, row.options) == ("waiting", "Fine?", ("yes", "no"))
    assert row.figure == "%graphbit answer approve yes|no"


def test_a_fan_out_is_counted_and_has_a_segment_for_each_item():
    row = only_row(Story("each").items("each", "ssfr.."))
    assert row.items == ("done", "done", "fail", "run", "", "")
    assert row.figure == "3/6 items"


def test_what_failed_stays(asked):
    asked("NodeFailed", "draft", error=SLOW)
    row = only_row(asked)
    assert (row.state, row.text) == ("failed", "RateLimitError: openai answered 429: slowly")


def test_items_that_wait_or_try_again_are_rows_below_their_node():
    story = Story("each").items("each", "srw")
    rows, _ = live_rows(story.snapshot)
    assert [(row.path, row.depth) for row in rows] == [("each", 0), ("each[2]", 1)]


def test_more_rows_than_fit_are_counted():
    story = Story(*(f"n{i}" for i in range(20)))
    for name in list(story.snapshot.nodes):
        story("NodeStarted", name)
    rows, left = live_rows(story.snapshot)
    assert (len(rows), left) == (12, 8)
