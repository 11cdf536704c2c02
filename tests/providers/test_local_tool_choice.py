"""Tools for a model that knows none: what it is told, what holds it, and what its choice becomes. Nothing is called."""

import json
from dataclasses import replace

import pytest

from graphbit_nb.core.llm import GenerateRequest, GenerateResponse, Message, ToolCall, ToolSpec
from graphbit_nb.errors import ProtocolError
from graphbit_nb.providers.local.examples import example_of
from graphbit_nb.providers.local.tool_choice import concerns, with_calls, without_tools

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
NUMBERS = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/Number"}, "b": {"$ref": "#/$defs/Number"}},
    "required": ["a", "b"],
    "$defs": {"Number": {"type": "number"}},
}
WEATHER = ToolSpec("weather", "Look up the weather of a city", CITY)
ADD = ToolSpec("add", "Add two numbers", NUMBERS)
OSLO = ToolCall("call_1", "weather", {"city": "Oslo"})
BONN = ToolCall("call_2", "weather", {"city": "Bonn"})
ASKED = GenerateRequest(messages=(Message("user", "How warm is it in Oslo?"),), tools=(WEATHER, ADD))


def after(*messages, **more):
    return replace(ASKED, messages=(*ASKED.messages, *messages), **more)


def said(request):
    """What is said after the examples."""
    messages = without_tools(request).messages
    start = next(n for n, message in enumerate(messages) if message.content == ASKED.messages[0].content)
    return [(message.role, message.content) for message in messages[start + 1 :]]


def chosen(text, request=ASKED, **more):
    return with_calls(GenerateResponse(text=text, **{"finish_reason": "stop", **more}), request)


class TestTelling:
    def test_the_tools_are_told_in_the_system_turn(self):
        first = without_tools(ASKED).messages[0]
        assert first.role == "system"
        assert "- weather: Look up the weather of a city\n- add: Add two numbers" in first.content

    def test_the_users_own_system_turn_stays_in_front_of_it(self):
        request = replace(ASKED, messages=(Message("system", "Be brief."), *ASKED.messages))
        told = without_tools(request).messages
        assert told[0].content.startswith("Be brief.\n\n")
        assert [message.role for message in told].count("system") == 1

    def test_each_tool_is_shown_by_an_example_and_the_talking_one_comes_first(self):
        answers = [json.loads(m.content) for m in without_tools(ASKED).messages if m.role == "assistant"]
        assert "answer" in answers[0]
        assert [one["tool"] for one in answers[1:]] == ["weather", "add"]

    def test_after_a_result_the_last_example_is_one_of_answering(self):
        told = without_tools(after(Message("tool", "4 degrees", tool_call_id="call_1"))).messages
        answers = [json.loads(m.content) for m in told if m.role == "assistant"]
        assert ["tool" in one for one in answers] == [True, True, False]

    def test_nothing_of_the_tools_is_sent_as_such(self):
        sent = without_tools(replace(ASKED, stop=("\n",)))
        assert (sent.tools, sent.stop) == ((), None)

    def test_a_request_without_tools_is_none_of_our_business(self):
        assert not concerns(replace(ASKED, tools=()))
        assert concerns(ASKED)
        assert concerns(after(Message("tool", "4 degrees", tool_call_id="call_1"), tools=()))


class TestSchema:
    def test_an_answer_is_a_call_of_one_of_the_tools_or_a_text(self):
        *calls, answer = without_tools(ASKED).schema["anyOf"]
        assert [call["properties"]["tool"] for call in calls] == [{"const": "weather"}, {"const": "add"}]
        assert calls[0]["properties"]["arguments"] == CITY
        assert answer["properties"]["answer"]["type"] == "string"
        for one in (*calls, answer):
            assert one["required"] == list(one["properties"])

    def test_definitions_of_all_schemas_stand_at_the_root_under_names_of_their_own(self):
        other = {"$ref": "#/$defs/Number", "$defs": {"Number": {"type": "object", "properties": {}}}}
        schema = without_tools(replace(ASKED, schema=other)).schema
        assert set(schema["$defs"]) == {"t1_Number", "answer_Number"}
        assert schema["anyOf"][1]["properties"]["arguments"]["properties"]["a"] == {"$ref": "#/$defs/t1_Number"}
        assert schema["anyOf"][2]["properties"]["answer"] == {"$ref": "#/$defs/answer_Number"}

    def test_the_schema_that_was_asked_for_holds_the_answer(self):
        asked = replace(ASKED, schema=CITY)
        assert without_tools(asked).schema["anyOf"][-1]["properties"]["answer"] == CITY
        assert json.loads(chosen('{"answer": {"city": "Oslo"}}', asked).text) == {"city": "Oslo"}


class TestEarlierTurns:
    def test_a_call_and_its_result_become_turns_that_the_model_can_read(self):
        request = after(
            Message("assistant", "", tool_calls=(OSLO,)), Message("tool", "4 degrees", tool_call_id="call_1")
        )
        assert said(request) == [
            ("assistant", '{"tool": "weather", "arguments": {"city": "Oslo"}}'),
            ("user", "Result: 4 degrees"),
        ]

    def test_of_several_calls_each_is_followed_by_its_own_result(self):
        results = (Message("tool", "9", tool_call_id="call_2"), Message("tool", "4", tool_call_id="call_1"))
        request = after(Message("assistant", "", tool_calls=(OSLO, BONN)), *results)
        assert [text for role, text in said(request) if role == "user"] == ["Result: 4", "Result: 9"]

    def test_a_result_whose_call_is_gone_is_told_all_the_same(self):
        assert said(after(Message("tool", "4", tool_call_id="call_9"))) == [("user", "Result: 4")]

    def test_an_earlier_answer_is_told_in_the_shape_of_answers(self):
        request = after(Message("assistant", "Cold."), Message("assistant", '{"city": "Oslo"}'))
        assert [text for _, text in said(request)] == ['{"answer": "Cold."}', '{"answer": {"city": "Oslo"}}']

    def test_without_tools_to_offer_they_are_told_in_words_and_nothing_is_held(self):
        request = after(
            Message("assistant", "", tool_calls=(OSLO,)), Message("tool", "4", tool_call_id="call_1"), tools=()
        )
        told = without_tools(request)
        assert [m.content for m in told.messages[1:]] == ["weather found: 4"]
        assert told.schema is None
        assert all(m.role in {"user", "assistant"} and not m.tool_calls for m in told.messages)


class TestChoice:
    def test_a_call_becomes_a_tool_call_without_text(self):
        got = chosen('{"tool": "weather", "arguments": {"city": "Oslo"}}')
        assert got.tool_calls == (ToolCall("call_1", "weather", {"city": "Oslo"}),)
        assert (got.text, got.finish_reason) == ("", "tool_calls")

    def test_the_id_of_a_call_is_one_that_the_conversation_has_not_seen(self):
        request = after(Message("assistant", "", tool_calls=(ToolCall("call_2", "weather", {}),)))
        assert chosen('{"tool": "add", "arguments": {"a": 1, "b": 2}}', request).tool_calls[0].id == "call_3"

    def test_an_answer_becomes_text(self):
        got = chosen('{"answer": "Hello!"}')
        assert (got.text, got.tool_calls, got.finish_reason) == ("Hello!", (), "stop")

    def test_a_stop_text_ends_the_answer_and_never_the_json(self):
        assert chosen('{"answer": "one\\ntwo"}', replace(ASKED, stop=("\n", "two"))).text == "one"

    @pytest.mark.parametrize(
        ("cut", "text"),
        [
            ('{"answer": "It is wa', "It is wa"),
            ('{"answer": "say \\"hi\\', 'say "hi'),
            ('{"answer": "caf\\u00', "caf"),
            ('{"answer": "a\\\\', "a\\"),
            ('{"answer":"', ""),
        ],
    )
    def test_an_answer_that_was_cut_is_told_as_far_as_it_goes(self, cut, text):
        got = chosen(cut, finish_reason="length")
        assert (got.text, got.finish_reason) == (text, "length")

    def test_a_call_that_was_cut_says_what_to_do(self):
        with pytest.raises(ProtocolError, match="max_tokens="):
            chosen('{"tool": "weather", "argu', finish_reason="length")

    @pytest.mark.parametrize("text", ['{"tool": "rain", "arguments": {}}', "[]", "no", '{"tool": "add"}'])
    def test_what_is_no_choice_is_an_error(self, text):
        with pytest.raises(ProtocolError, match="none of its tools"):
            chosen(text)

    def test_an_answer_to_a_request_without_tools_stays_as_it_is(self):
        response = GenerateResponse(text="{not json")
        assert with_calls(response, replace(ASKED, tools=())) is response


class TestExamples:
    @pytest.mark.parametrize(
        ("schema", "expected"),
        [
            ({"type": "string"}, "some city"),
            ({"type": "string", "examples": ["Rome"]}, "Rome"),
            ({"enum": ["C", "F"]}, "C"),
            ({"type": "integer", "default": 7}, 7),
            ({"const": None}, None),
            ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, True),
            ({"type": ["number", "null"]}, 2),
            ({"type": "array", "items": {"type": "integer"}}, [2]),
            (CITY, {"city": "some city"}),
            ({**CITY, "required": []}, {}),
            (NUMBERS, {"a": 2, "b": 2}),
            ({}, "some city"),
        ],
    )
    def test_an_example_is_what_the_schema_gives_or_a_value_of_its_type(self, schema, expected):
        assert example_of(schema, "city") == expected

    def test_a_schema_within_itself_comes_to_an_end(self):
        node = {"$ref": "#/$defs/Node"}
        tree = {**node, "$defs": {"Node": {"type": "object", "properties": {"next": node}, "required": ["next"]}}}
        assert "next" in example_of(tree)
