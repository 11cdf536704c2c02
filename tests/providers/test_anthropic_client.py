import json
import traceback

import httpx
import pytest
from faultserver import KEY, Listener, answer, ask, hang, reset, stream

from graphbit_nb import errors
from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.llm import EmbedRequest, GenerateRequest, LlmClient, Message, ToolCall, ToolSpec
from graphbit_nb.providers.api import ApiClient
from graphbit_nb.providers.http import HttpPools, Pool

PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
WEATHER = ToolSpec("weather", "Says the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
USAGE = {
    "input_tokens": 7,
    "cache_read_input_tokens": 3,
    "cache_creation_input_tokens": 2,
    "output_tokens": 5,
    "output_tokens_details": {"thinking_tokens": 1},
}


def make(server, pools, *, clock=None, now=lambda: 0.0, **more):
    config = LlmConfig(provider="anthropic", model="claude", base_url=server.url, **{"api_key": KEY, **more})
    times = {"now": now} if clock is None else {"now": now, "clock": clock}
    return ApiClient.from_config(config, pools, environ={}, **times)


@pytest.fixture
def client(server, pools):
    return make(server, pools)


@pytest.fixture
def holding(server, pools):
    """A client whose provider holds answers to schemas."""
    return make(server, pools, options={"structured_output": "schema"})


def say(*messages, **more):
    return GenerateRequest(messages=messages, **more)


def text(words):
    return {"type": "text", "text": words}


def tool_use(given, called="toolu_1", name="weather"):
    return {"type": "tool_use", "id": called, "name": name, "input": given}


def told(*content, stop_reason="end_turn", **more):
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": list(content),
        "stop_reason": stop_reason, "stop_sequence": None, "usage": USAGE, **more,
    }  # fmt: skip


def start(**more):
    message = {**told(stop_reason=None), "usage": {"input_tokens": 7, "output_tokens": 1}, **more}
    return {"type": "message_start", "message": message}


def opened(index, block=None):
    return {"type": "content_block_start", "index": index, "content_block": block or text("")}


def delta(index, words, kind="text_delta"):
    name = {"text_delta": "text", "input_json_delta": "partial_json", "thinking_delta": "thinking"}[kind]
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, name: words}}


def closed(index):
    return {"type": "content_block_stop", "index": index}


def end(reason="end_turn", **more):
    return {"type": "message_delta", "delta": {"stop_reason": reason, **more}, "usage": {"output_tokens": 5}}


PING = {"type": "ping"}
STOP = {"type": "message_stop"}
HELLO = (start(), opened(0), PING, delta(0, "Hel"), delta(0, "lo"), closed(0), end(), STOP)


def test_it_is_an_llm_client_that_lists_models(client):
    assert isinstance(client, LlmClient)


async def test_an_answer_carries_text_usage_model_and_request_id(server, pools):
    server.will(answer(told(text("hello "), text("there")), headers={"request-id": "req_1"}))
    ticks = iter([10.0, 12.5])
    got = await make(server, pools, clock=lambda: next(ticks)).generate(ask())
    assert (got.text, got.finish_reason, got.model, got.provider) == ("hello there", "stop", "claude-x", "anthropic")
    assert (got.request_id, got.latency, got.first_token) == ("req_1", 2.5, None)


async def test_tokens_of_the_cache_count_as_input(server, client):
    server.will(answer(told(text("hi"))))
    usage = (await client.generate(ask())).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens) == (12, 5, 3, 1)
    assert usage.calls == 1


async def test_usage_that_is_not_told_is_unknown(server, client):
    server.will(answer(told(text("hi"), usage=None)))
    usage = (await client.generate(ask())).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens) == (None, None, None)


async def test_what_is_none_is_not_sent_except_the_limit_that_the_api_insists_on(server, client):
    server.will(answer(told(text("hi"))))
    await client.generate(ask("hi"))
    sent = server.seen[0]
    assert sent.path == "/v1/messages"
    assert (sent.headers["x-api-key"], sent.headers["anthropic-version"]) == (KEY, "2023-06-01")
    assert "authorization" not in sent.headers
    assert sent.body == {
        "model": "claude",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": "hi"}],
        "stream": False,
    }


async def test_parameters_headers_and_options_are_passed_on_as_they_are(server, pools):
    server.will(answer(told(text("hi"))))
    headers = {"Anthropic-Version": "2030-01-01", "anthropic-beta": "some"}
    client = make(server, pools, headers=headers, options={"top_k": 3, "temperature": 0.9, "max_tokens": 9})
    await client.generate(ask(model="other", temperature=7.5, top_p=0.5, stop=("END",)))
    sent = server.seen[0]
    assert (sent.headers["anthropic-version"], sent.headers["anthropic-beta"]) == ("2030-01-01", "some")
    assert {k: v for k, v in sent.body.items() if k not in {"messages", "stream"}} == {
        "model": "other",
        "max_tokens": 9,
        "temperature": 7.5,
        "top_p": 0.5,
        "stop_sequences": ["END"],
        "top_k": 3,
    }


async def test_the_limit_of_a_request_goes_before_that_of_the_options(server, pools):
    server.will(answer(told(text("hi"))))
    await make(server, pools, options={"max_tokens": 9}).generate(ask(max_tokens=5))
    assert server.seen[0].body["max_tokens"] == 5


async def test_a_seed_is_refused_and_nothing_is_sent(server, client):
    with pytest.raises(errors.BadRequestError, match="no seed: leave out seed=4"):
        await client.generate(ask(seed=4))
    assert server.seen == []


async def test_system_words_go_into_their_own_field(server, client):
    server.will(answer(told(text("hi"))))
    await client.generate(say(Message("system", "Be kind."), Message("user", "a"), Message("system", "Be short.")))
    assert server.seen[0].body["system"] == "Be kind.\n\nBe short."
    assert server.seen[0].body["messages"] == [{"role": "user", "content": "a"}]


async def test_turns_of_the_same_speaker_become_one(server, client):
    server.will(answer(told(text("hi"))))
    await client.generate(
        say(Message("user", "a"), Message("user", "b"), Message("assistant", "c"), Message("user", "d"))
    )
    assert server.seen[0].body["messages"] == [
        {"role": "user", "content": [text("a"), text("b")]},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": "d"},
    ]


async def test_system_words_alone_are_refused_and_nothing_is_sent(server, client):
    with pytest.raises(errors.BadRequestError, match="said by the user"):
        await client.generate(say(Message("system", "Be kind.")))
    assert server.seen == []


async def test_tools_calls_and_results_are_sent_as_blocks(server, client):
    server.will(answer(told(text("Warm."))))
    calls = (ToolCall("t1", "weather", {"city": "Rome"}), ToolCall("t2", "weather", {"city": "Oslo"}))
    asked = Message("assistant", "", tool_calls=calls)
    results = [Message("tool", said, tool_call_id=called) for called, said in (("t1", "30"), ("t2", "3"))]
    await client.generate(say(Message("user", "Weather?"), asked, *results, Message("user", "Well?"), tools=(WEATHER,)))
    body = server.seen[0].body
    assert body["tools"] == [
        {"name": "weather", "description": "Says the weather.", "input_schema": WEATHER.parameters},
    ]
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": [tool_use({"city": "Rome"}, "t1"), tool_use({"city": "Oslo"}, "t2")],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "30"},
                {"type": "tool_result", "tool_use_id": "t2", "content": "3"},
                text("Well?"),
            ],
        },
    ]


async def test_a_result_that_belongs_to_no_call_is_refused(server, client):
    with pytest.raises(errors.BadRequestError, match="tool_call_id"):
        await client.generate(say(Message("user", "a"), Message("tool", "30")))
    assert server.seen == []


async def test_tools_of_the_options_stay_beside_those_of_the_request(server, pools):
    server.will(answer(told(text("hi"))))
    search = {"type": "web_search_20250305", "name": "web_search"}
    await make(server, pools, options={"tools": [search]}).generate(ask(tools=(WEATHER,)))
    assert [tool["name"] for tool in server.seen[0].body["tools"]] == ["web_search", "weather"]


async def test_the_tools_that_a_model_asks_for_are_read(server, client):
    blocks = (text("Let me look."), tool_use({"city": "Rome"}), tool_use({}, "toolu_2", "now"))
    server.will(answer(told(*blocks, stop_reason="tool_use")))
    got = await client.generate(ask(tools=(WEATHER,)))
    assert (got.text, got.finish_reason) == ("Let me look.", "tool_calls")
    assert got.tool_calls == (ToolCall("toolu_1", "weather", {"city": "Rome"}), ToolCall("toolu_2", "now", {}))


async def test_a_schema_goes_out_as_structured_output(server, holding):
    server.will(answer(told(text("{}"))))
    await holding.generate(ask(schema=PERSON))
    assert server.seen[0].body["output_config"] == {
        "format": {"type": "json_schema", "schema": {**PERSON, "additionalProperties": False}},
    }
    assert "system" not in server.seen[0].body


async def test_the_options_other_output_settings_stay_beside_a_schema(server, pools):
    server.will(answer(told(text("{}"))))
    options = {"structured_output": "schema", "output_config": {"effort": "low"}}
    await make(server, pools, options=options).generate(ask(schema=PERSON))
    assert server.seen[0].body["output_config"]["effort"] == "low"
    assert server.seen[0].body["output_config"]["format"]["type"] == "json_schema"


async def test_bounds_that_the_api_does_not_hold_are_told_in_the_description(server, holding):
    server.will(answer(told(text("{}"))))
    bounded = {"type": "integer", "minimum": 1, "description": "Years."}
    listed = {"type": "array", "items": {"type": "string", "format": "date"}, "minItems": 1, "maxItems": 3}
    await holding.generate(ask(schema={"type": "object", "properties": {"age": bounded, "days": listed}}))
    sent = server.seen[0].body["output_config"]["format"]["schema"]["properties"]
    assert sent["age"] == {"type": "integer", "description": 'Years.\n\n{"minimum": 1}'}
    assert sent["days"] == {**{k: v for k, v in listed.items() if k != "maxItems"}, "description": '{"maxItems": 3}'}


async def test_definitions_that_are_no_ring_are_held(server, holding):
    server.will(answer(told(text("{}"))))
    definitions = {"A": {**PERSON, "properties": {"b": {"$ref": "#/$defs/B"}}}, "B": {"type": ["string", "null"]}}
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": definitions}
    await holding.generate(ask(schema=schema))
    assert server.seen[0].body["output_config"]["format"]["schema"]["$defs"]["B"] == {"type": ["string", "null"]}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "properties": {"any": {}}},
        {"type": "object", "properties": {"any": {"type": "array", "items": True}}},
        {"type": "object", "properties": {"pair": {"type": "array", "prefixItems": [{"type": "string"}]}}},
        {"type": "object", "properties": {"odd": {"enum": [[1], {"a": 1}]}}},
        {"type": "object", "properties": {"far": {"$ref": "https://example.org/schema"}}},
        {"type": "object", "properties": {"again": {"$ref": "#"}}},
        {
            "$ref": "#/$defs/Tree",
            "$defs": {
                "Tree": {
                    "type": "object",
                    "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
                }
            },
        },
    ],
    ids=["open", "any value", "any item", "pair", "odd enum", "elsewhere", "itself", "ring"],
)
async def test_a_schema_that_the_api_cannot_express_is_told_in_words(server, holding, schema):
    server.will(answer(told(text("{}"))))
    await holding.generate(say(Message("system", "Be kind."), Message("user", "a"), schema=schema))
    body = server.seen[0].body
    assert "output_config" not in body
    assert body["system"].startswith("Be kind.\n\n")
    assert json.loads(body["system"].split("\n")[-1]) == schema


async def test_a_schema_is_told_in_words_to_a_model_that_takes_none(server, pools):
    server.will(answer(told(text("{}"))))
    client = make(server, pools, options={"structured_output": "instruction"})
    await client.generate(ask(schema=PERSON))
    assert "output_config" not in server.seen[0].body
    assert '"name"' in server.seen[0].body["system"]
    assert client.model_info().structured_output == "instruction"


async def test_tokens_are_told_as_they_come_and_the_first_is_timed(server, pools):
    server.will(stream(*HELLO, headers={"request-id": "req_2"}))
    ticks = iter([10.0, 10.5, 13.0])
    listener = Listener()
    got = await make(server, pools, clock=lambda: next(ticks)).generate(ask(), listener)
    assert listener.tokens == ["Hel", "lo"]
    assert (got.text, got.finish_reason, got.model, got.request_id) == ("Hello", "stop", "claude-x", "req_2")
    assert (got.first_token, got.latency) == (0.5, 3.0)
    assert (got.usage.input_tokens, got.usage.output_tokens) == (7, 5)
    assert server.seen[0].body["stream"] is True


async def test_nothing_is_streamed_to_a_listener_that_wants_no_tokens(server, client):
    server.will(answer(told(text("hi"))))
    await client.generate(ask(), Listener(wants_tokens=False))
    assert server.seen[0].body["stream"] is False


async def test_a_server_that_does_not_stream_is_understood(server, client):
    server.will(answer(told(text("all at once"))))
    listener = Listener()
    assert (await client.generate(ask(), listener)).text == "all at once"
    assert listener.tokens == ["all at once"]


async def test_what_a_tool_is_given_comes_in_pieces(server, client):
    first, second = tool_use({}), tool_use({}, "toolu_2", "now")
    pieces = [delta(1, piece, "input_json_delta") for piece in ("", '{"ci', 'ty": "Rome"}')]
    events = (start(), opened(0), delta(0, "Hm."), closed(0), opened(1, first), *pieces, closed(1), opened(2, second))
    server.will(stream(*events, closed(2), end("tool_use"), STOP))
    listener = Listener()
    got = await client.generate(ask(tools=(WEATHER,)), listener)
    assert got.tool_calls == (ToolCall("toolu_1", "weather", {"city": "Rome"}), ToolCall("toolu_2", "now", {}))
    assert (got.text, got.finish_reason, listener.tokens) == ("Hm.", "tool_calls", ["Hm."])


async def test_a_call_that_the_limit_cut_is_left_out(server, client):
    events = (start(), opened(0, tool_use({})), delta(0, '{"city": "Ro', "input_json_delta"), closed(0))
    server.will(stream(*events, end("max_tokens"), STOP))
    got = await client.generate(ask(), Listener())
    assert (got.tool_calls, got.finish_reason) == ((), "length")


async def test_thoughts_and_events_nobody_knows_are_passed_over(server, client):
    thought = (opened(0, {"type": "thinking", "thinking": ""}), delta(0, "Hm", "thinking_delta"), closed(0))
    events = ({"type": "news"}, *thought, opened(1), delta(1, "hi"), closed(1), end(), STOP)
    server.will(stream(start(), *events))
    listener = Listener()
    assert (await client.generate(ask(), listener)).text == "hi"
    assert listener.tokens == ["hi"]


@pytest.mark.parametrize(
    ("said", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
    ],
)
async def test_why_an_answer_ends_is_said_in_the_words_of_all_providers(server, client, said, finish):
    server.will(answer(told(text("hi"), stop_reason=said)), stream(*HELLO[:-2], end(said), STOP))
    assert (await client.generate(ask())).finish_reason == finish
    assert (await client.generate(ask(), Listener())).finish_reason == finish


async def test_an_answer_that_says_nothing_is_an_empty_text(server, client):
    server.will(answer(told()))
    assert (await client.generate(ask())).text == ""


async def test_a_refusal_is_content_filtered_with_its_reason(server, client):
    details = {"type": "refusal", "category": "bio", "explanation": "I cannot help with that."}
    act = answer(told(stop_reason="refusal", stop_details=details))
    server.will(act, stream(start(), end("refusal", stop_details=details), STOP))
    for listener in (None, Listener()):
        with pytest.raises(errors.ContentFilteredError, match="refused to answer: I cannot help"):
            await client.generate(ask(), listener)


@pytest.mark.parametrize(
    "body",
    [
        "{ not json",
        "[]",
        "",
        {},
        told(text("hi"), stop_reason=None),
        {**told(), "content": None},
        told("hi"),
        told({"text": "hi"}),
        told({"type": "text", "text": 3}),
        told({"type": "tool_use", "input": {}}),
        told(tool_use([1]), stop_reason="tool_use"),
        told(tool_use(None), stop_reason="tool_use"),
    ],
    ids=[
        "malformed", "no object", "empty", "no message", "no reason", "no content", "no block", "no type", "no text",
        "nameless tool", "list for a tool", "nothing for a tool",
    ],
)  # fmt: skip
async def test_an_answer_that_cannot_be_read_is_a_protocol_error(server, client, body):
    server.will(answer(body))
    with pytest.raises(errors.ProtocolError) as caught:
        await client.generate(ask())
    assert caught.value.retryable


@pytest.mark.parametrize(
    "events",
    [
        (),
        HELLO[:1],
        HELLO[:5],
        HELLO[:6],
        (*HELLO[:6], STOP),
        (*HELLO[:4], "{ not json"),
        HELLO[1:],
        (start(), *HELLO),
        (start(), delta(0, "a")),
        (start(), closed(0)),
        (start(), opened(0), opened(0)),
        (start(), opened(1), opened(0)),
        (start(), opened(0), closed(0), delta(0, "a")),
        (start(), opened(0), closed(0), closed(0)),
        (start(), opened(0), closed(0), opened(1), delta(0, "a")),
        (*HELLO[:-1], delta(0, "more")),
        (start(), opened(0), delta(0, "{}", "input_json_delta")),
        (start(), opened(0, tool_use({})), delta(0, "a")),
        (start(), opened(0), delta(0, 3)),
        (start(), {**opened(0), "index": "0"}),
        (start(), opened(0, tool_use({})), delta(0, "{", "input_json_delta"), closed(0), end("tool_use"), STOP),
        (end(), STOP),
    ],
    ids=[
        "nothing", "only a start", "no end of the block", "no end of the message", "no reason", "malformed", "no start",
        "two starts", "delta of no block", "end of no block", "the same block twice", "blocks in reverse",
        "delta after its block", "two ends of a block", "delta of an earlier block", "delta after the end",
        "json in a text", "text in a tool", "a number for a text", "no number for an index", "half of an input",
        "an end without a start",
    ],
)  # fmt: skip
async def test_a_stream_that_is_no_whole_answer_in_order_is_a_protocol_error(server, client, events):
    server.will(stream(*events))
    with pytest.raises(errors.ProtocolError):
        await client.generate(ask(), Listener())


async def test_what_follows_the_end_of_an_answer_changes_nothing(server, client):
    server.will(stream(*HELLO, STOP, start(), delta(0, "more"), "{ not json"))
    assert (await client.generate(ask(), Listener())).text == "Hello"


async def test_a_page_of_html_points_to_the_address(server, client):
    server.will(answer("<!doctype html><p>Sign in"))
    with pytest.raises(errors.ProtocolError, match="a page of HTML"):
        await client.generate(ask())


@pytest.mark.parametrize("then", ["cut", "reset"])
async def test_a_connection_lost_in_the_midst_of_a_stream_is_a_connection_error(server, client, then):
    server.will(stream(*HELLO[:4], then=then))
    with pytest.raises(errors.ProviderConnectionError):
        await client.generate(ask(), Listener())


async def test_a_connection_lost_after_the_answer_was_finished_costs_nothing(server, client):
    server.will(stream(*HELLO[:-1], then="cut"))
    assert (await client.generate(ask(), Listener())).text == "Hello"


async def test_silence_is_a_timeout(server, pools):
    server.will(hang)
    with pytest.raises(errors.ProviderTimeoutError) as caught:
        await make(server, pools, timeout=0.05).generate(ask())
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (400, "invalid_request_error", errors.BadRequestError),
        (401, "authentication_error", errors.AuthenticationError),
        (402, "billing_error", errors.QuotaExhaustedError),
        (403, "permission_error", errors.PermissionDeniedError),
        (404, "not_found_error", errors.NotFoundError),
        (413, "request_too_large", errors.BadRequestError),
        (429, "rate_limit_error", errors.RateLimitError),
        (500, "api_error", errors.ServerError),
        (529, "overloaded_error", errors.OverloadedError),
    ],
)
async def test_each_error_of_the_api_is_our_error_of_that_sort(server, client, status, word, kind):
    body = {"type": "error", "error": {"type": word, "message": "no luck"}, "request_id": "req_3"}
    server.will(answer(body, status, {"request-id": "req_3"}))
    with pytest.raises(kind, match=f"answered {status}: no luck") as caught:
        await client.generate(ask())
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.request_id, caught.value.model) == (status, "req_3", "claude")


async def test_the_wait_that_a_limit_asks_for_is_kept(server, client):
    server.will(
        answer({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}, 429, {"retry-after": "7"})
    )
    with pytest.raises(errors.RateLimitError) as caught:
        await client.generate(ask())
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("prompt is too long: 210000 tokens > 200000 maximum", errors.ContextTooLongError),
        ("Your credit balance is too low to access the Anthropic API.", errors.QuotaExhaustedError),
    ],
    ids=["too long", "no credit"],
)
async def test_a_refusal_that_is_told_in_prose_is_understood(server, client, message, kind):
    server.will(answer({"type": "error", "error": {"type": "invalid_request_error", "message": message}}, 400))
    with pytest.raises(kind):
        await client.generate(ask())


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("overloaded_error", errors.OverloadedError),
        ("rate_limit_error", errors.RateLimitError),
        ("api_error", errors.ServerError),
        ("invalid_request_error", errors.BadRequestError),
    ],
)
async def test_an_error_in_the_midst_of_a_stream_is_that_error(server, client, word, kind):
    server.will(stream(*HELLO[:4], {"type": "error", "error": {"type": word, "message": "no luck"}}))
    with pytest.raises(kind, match="no luck"):
        await client.generate(ask(), Listener())


@pytest.mark.parametrize(
    "act",
    [
        answer({"type": "error", "error": {"message": f"invalid x-api-key: {KEY}"}}, 401, {"request-id": f"id-{KEY}"}),
        answer(f"not json {KEY}"),
        answer(told(stop_reason="refusal", stop_details={"explanation": KEY})),
        stream({"type": "error", "error": {"message": KEY, "type": KEY}}),
        stream(start(), {"type": "content_block_stop", "index": KEY}),
        reset,
    ],
    ids=["error body", "malformed", "refusal", "event", "out of order", "reset"],
)
async def test_the_key_is_in_no_error_and_in_none_of_its_frames(server, client, act):
    server.will(act)
    with pytest.raises(errors.ProviderError) as caught:
        await client.generate(ask(), Listener())
    error = caught.value
    told_in_fields = {k: v for k, v in vars(error).items() if not k.startswith("_")}
    assert KEY not in f"{error} {error!r} {told_in_fields}"
    assert error.__cause__ is None


async def test_a_lost_connection_leaves_no_key_in_the_frames(server, client):
    server.will(reset)
    with pytest.raises(errors.ProviderConnectionError) as caught:
        await client.generate(ask())
    stack = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    assert KEY not in str([frame.locals for frame in stack if frame.filename != __file__])


def test_the_key_is_in_no_repr(client):
    assert repr(client) == "ApiClient('anthropic', 'claude')"
    assert KEY not in f"{vars(client)}{client._connection.endpoint!r}"


def test_without_a_key_the_variable_is_named(pools):
    with pytest.raises(errors.ConfigurationError, match="ANTHROPIC_API_KEY"):
        ApiClient.from_config(LlmConfig.anthropic("claude"), pools, environ={})


async def test_texts_are_not_turned_into_vectors(server, client):
    with pytest.raises(errors.BadRequestError, match="no embeddings; ask another provider") as caught:
        await client.embed(EmbedRequest(texts=("a",)))
    assert not caught.value.retryable
    assert server.seen == []


async def test_models_are_listed_with_the_same_key_and_version(server):
    seen = []

    def list_them(request):
        seen.append(request)
        return httpx.Response(200, json={"data": [{"id": "claude-x"}, {"id": "claude-y"}], "has_more": False})

    class Pools(HttpPools):
        def pool(self, base_url):
            return Pool(httpx.MockTransport(list_them))

    assert await make(server, Pools()).list_models() == ("claude-x", "claude-y")
    [asked] = seen
    assert (asked.method, asked.url.path, asked.url.query) == ("GET", "/v1/models", b"limit=1000")
    assert (asked.headers["x-api-key"], asked.headers["anthropic-version"]) == (KEY, "2023-06-01")
    assert "authorization" not in asked.headers


async def test_no_models_are_listed_when_the_list_is_not_to_be_believed(server, pools):
    assert await make(server, pools, options={"check_model": False}).list_models() == ()
    assert server.seen == []


async def test_the_model_is_known_without_a_call(server, holding):
    info = holding.model_info()
    assert (info.provider, info.name, info.structured_output) == ("anthropic", "claude", "schema")
    assert server.seen == []


async def test_closing_a_client_closes_only_what_is_its_own(server, pools):
    server.will(answer(told(text("hi"))))
    sharing, owning = make(server, pools), make(server, HttpPools())
    await sharing.aclose()
    await owning.aclose()
    assert (await sharing.generate(ask())).text == "hi"
