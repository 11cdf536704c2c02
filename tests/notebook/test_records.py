"""Everything about a node, as plain data."""

import json

import pytest

import graphbit_nb as gb
from graphbit_nb.notebook.live.records import node_record, records


@pytest.fixture
def executor():
    return gb.WorkflowExecutor(
        gb.LlmConfig.scripted({"outline": '["sea", "salt"]', "each": "about it", "bad": RuntimeError("no")})
    )


def run(executor, *nodes, **inputs):
    builder = gb.WorkflowBuilder("w")
    for node in nodes:
        builder.add_node(node)
    return executor.execute(builder.build(), inputs)


def record_of(result, path, **more):
    record = node_record(result.workflow, result.snapshot, path, **more)
    assert json.loads(json.dumps(record)) == record
    return record


OUTLINE = gb.Node.prompt("outline", "@system\nBe brief.\n@user\nPoints on {{ topic }}", output="list[text]")


def test_a_prompt_has_its_turns_and_what_came_from_where(executor):
    system, user = record_of(run(executor, OUTLINE, topic="the sea"), "outline")["prompt"]
    assert (system["role"], system["text"], system["origins"]) == ("system", "Be brief.", [])
    assert user["text"] == "Points on the sea"
    [[start, end, name]] = user["origins"]
    assert (user["text"][start:end], name) == ("the sea", "topic")


def test_an_answer_that_is_data_is_text_and_data(executor):
    answer = record_of(run(executor, OUTLINE, topic="x"), "outline")["answer"]
    assert answer["value"] == ["sea", "salt"]
    assert json.loads(answer["text"]) == ["sea", "salt"]


def test_long_texts_are_cut_and_the_rest_is_counted(executor):
    result = run(executor, gb.Node.python("long", lambda: "x" * 1000))
    answer = record_of(result, "long", most=300)["answer"]
    assert (len(answer["text"]), answer["cut"]) == (300, 700)


def test_data_that_is_cut_is_no_data_any_more(executor):
    result = run(executor, gb.Node.python("long", lambda: list(range(1000))))
    answer = record_of(result, "long", most=300)["answer"]
    assert "value" not in answer
    assert (len(answer["text"]), answer["cut"]) == (300, None)  # the rest is not written only to be counted


def test_numbers_that_json_does_not_know_are_told_as_words(executor):
    result = run(executor, gb.Node.python("odd", lambda: {"x": float("nan")}))
    assert record_of(result, "odd")["answer"]["value"] == {"x": "NaN"}


def test_what_a_node_read_is_told_with_where_it_is_from(executor):
    result = run(executor, OUTLINE, gb.Node.python("count", lambda outline, topic: len(outline)), topic="sea")
    read = {one["name"]: (one["from"], one.get("value", one["text"])) for one in record_of(result, "count")["inputs"]}
    assert read == {"outline": ("outline", ["sea", "salt"]), "topic": ("input", "sea")}


def test_attempts_have_model_parameters_and_tokens(executor):
    [attempt] = record_of(run(executor, OUTLINE, topic="x"), "outline")["attempts"]
    assert attempt["provider"] == "scripted"
    assert attempt["usage"]["calls"] == 1
    assert attempt["started"] <= attempt["finished"]
    assert isinstance(attempt["parameters"]["schema"], str)


def test_a_failed_node_has_its_error(executor):
    def fail():
        raise ValueError("broken")

    record = record_of(run(executor, gb.Node.python("bad", fail)), "bad")
    assert (record["state"], record["error"]["type"], record["error"]["message"]) == ("failed", "ValueError", "broken")
    assert "raise ValueError" in record["error"]["traceback"]
    assert record["answer"] is None


def test_a_skipped_node_has_its_reason(executor):
    def fail():
        raise ValueError("broken")

    result = run(executor, gb.Node.python("bad", fail), gb.Node.python("after", lambda bad: bad))
    assert "bad" in record_of(result, "after")["reason"]


def test_a_fan_out_lists_its_items_and_each_has_a_record(executor):
    result = run(executor, OUTLINE, gb.Node.prompt("each", "On {{ p }}", for_each="p in outline"), topic="x")
    parts = record_of(result, "each")["parts"]
    assert [(part["path"], part["state"], part["says"]) for part in parts] == [
        ("each[0]", "succeeded", "about it"),
        ("each[1]", "succeeded", "about it"),
    ]
    assert record_of(result, "each[1]")["prompt"][0]["text"] == "On salt"
    assert set(records(result.workflow, result.snapshot)) == {"outline", "each", "each[0]", "each[1]"}


def test_tool_calls_have_arguments_result_and_error():
    def stock(article: str) -> int:
        """How many are left."""
        raise KeyError(article)

    asks = gb.GenerateResponse(text="", tool_calls=(gb.ToolCall(id="1", name="stock", arguments={"article": "x"}),))
    executor = gb.WorkflowExecutor(gb.LlmConfig.scripted({"shop": [asks, "none"]}))
    result = run(executor, gb.Node.agent("shop", "How many?", tools=[stock]))
    first = record_of(result, "shop")["attempts"][0]["tools"][0]
    assert (first["tool"], first["arguments"]["value"], first["error"]["type"]) == (
        "stock",
        {"article": "x"},
        "KeyError",
    )
