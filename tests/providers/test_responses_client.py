import base64
import json

import pytest
from faultserver import KEY, Listener, answer, ask, make_client, stream

from graphbit_nb import errors
from graphbit_nb.core.llm import GenerateRequest, Image, Message, ToolCall, ToolSpec

PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
WEATHER = ToolSpec("weather", "Says the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
USAGE = {
    "input_tokens": 7,
    "input_tokens_details": {"cached_tokens": 3},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 2},
}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed"}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Oslo"}'}


def said(*texts, **more):
    content = [{"type": "output_text", "text": text, "annotations": []} for text in texts]
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": content, **more}


def told(*output, status="completed", **more):
    return {
        "id": "resp_1", "object": "response", "status": status, "error": None, "incomplete_details": None,
        "model": "gpt-x", "output": list(output), "usage": USAGE, "store": False, **more,
    }  # fmt: skip


def events(*some, start=0):
    return [{**event, "sequence_number": start + number} for number, event in enumerate(some)]


def added(index, kind="message"):
    return {"type": "response.output_item.added", "output_index": index, "item": {"type": kind}}


def delta(index, text):
    return {"type": "response.output_text.delta", "output_index": index, "content_index": 0, "delta": text}


def done(index, item):
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def end(response, kind="completed"):
    return {"type": f"response.{kind}", "response": response}


CREATED = {"type": "response.created", "response": told(status="in_progress")}
HELLO = events(CREATED, added(0), delta(0, "Hel"), delta(0, "lo"), done(0, said("Hello")), end(told(said("Hello"))))


def make(server, pools, **more):
    options = {"api": "responses", **more.pop("options", {})}
    return make_client(server, pools, options=options, **more)


@pytest.fixture
def client(server, pools):
    return make(server, pools)


def say(*messages, **more):
    return GenerateRequest(messages=messages, **more)


async def test_what_is_none_is_not_sent_and_nothing_is_kept_there(server, client):
    server.will(answer(told(said("hi"))))
    await client.generate(say(Message("system", "Be brief."), Message("user", "hi")))
    [seen] = server.seen
    assert seen.path == "/v1/responses"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.body == {
        "model": "fake",
        "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "store": False,
        "stream": False,
    }


async def test_parameters_and_options_are_passed_on_as_they_are(server, pools):
    server.will(answer(told(said("hi"))))
    client = make(server, pools, options={"reasoning": {"effort": "low"}, "store": True})
    await client.generate(ask(model="other", temperature=0.5, max_tokens=5, top_p=0.1))
    assert {k: v for k, v in server.seen[0].body.items() if k not in {"input", "stream"}} == {
        "model": "other",
        "temperature": 0.5,
        "max_output_tokens": 5,
        "top_p": 0.1,
        "reasoning": {"effort": "low"},
        "store": True,
    }


@pytest.mark.parametrize(("name", "value"), [("seed", 1), ("stop", ("END",))])
async def test_what_the_interface_lacks_is_refused(server, client, name, value):
    with pytest.raises(errors.BadRequestError, match=f"has no {name}"):
        await client.generate(ask(**{name: value}))
    assert server.seen == []


@pytest.mark.parametrize(
    ("model", "options", "asked"),
    [
        ("gpt-5.1", {}, True),
        ("openai/gpt-5-mini", {}, True),
        ("o3-mini", {}, True),
        ("gpt-4o", {}, False),
        ("openai/gpt-oss-120b", {}, False),
        ("gpt-5-chat-latest", {}, False),
        ("my-deployment", {"reasoning": {"effort": "low"}}, True),
        ("gpt-5.1", {"store": True}, False),
        ("gpt-5.1", {"include": ["reasoning.encrypted_content"]}, True),
    ],
)
async def test_models_that_think_are_asked_for_their_thoughts_sealed(server, pools, model, options, asked):
    server.will(answer(told(said("hi"))))
    await make(server, pools, options=options).generate(ask(model=model))
    assert server.seen[0].body.get("include") == (["reasoning.encrypted_content"] if asked else None)


async def test_other_models_are_not_asked_for_what_only_openai_gives(server, pools):
    server.will(answer(told(said("hi"))))
    await make(server, pools, provider="vllm", options={"reasoning": {"effort": "low"}}).generate(ask())
    assert "include" not in server.seen[0].body


async def test_a_schema_is_sent_strict_where_it_can_be(server, pools):
    server.will(answer(told(said("{}"))))
    client = make(server, pools, options={"text": {"verbosity": "low"}})
    await client.generate(ask(schema=PERSON, schema_name="my person"))
    assert server.seen[0].body["text"] == {
        "verbosity": "low",
        "format": {
            "type": "json_schema",
            "name": "my_person",
            "schema": {**PERSON, "additionalProperties": False},
            "strict": True,
        },
    }


async def test_a_schema_that_cannot_be_strict_is_sent_as_it_is(server, client):
    open_schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    server.will(answer(told(said("{}"))))
    await client.generate(ask(schema=open_schema))
    sent = server.seen[0].body["text"]["format"]
    assert (sent["strict"], sent["schema"]) == (False, open_schema)


async def test_a_schema_may_be_told_in_words(server, pools):
    server.will(answer(told(said("{}"))))
    await make(server, pools, options={"structured_output": "instruction"}).generate(ask("who?", schema=PERSON))
    body = server.seen[0].body
    assert "text" not in body
    assert '"name"' in body["input"][-1]["content"]


async def test_images_are_sent_with_the_words(server, client):
    server.will(answer(told(said("a cat"))))
    images = (Image(url="https://h/cat.png"), Image(data=b"png", media_type="image/jpeg"))
    await client.generate(say(Message("user", "what?", images=images)))
    inline = f"data:image/jpeg;base64,{base64.b64encode(b'png').decode()}"
    assert server.seen[0].body["input"][0]["content"] == [
        {"type": "input_text", "text": "what?"},
        {"type": "input_image", "image_url": "https://h/cat.png", "detail": "auto"},
        {"type": "input_image", "image_url": inline, "detail": "auto"},
    ]


async def test_an_answer_carries_text_usage_model_and_its_name(server, client):
    server.will(answer(told(THOUGHT, said("hello ", "there"))))
    got = await client.generate(ask())
    assert (got.text, got.finish_reason, got.model, got.request_id) == ("hello there", "stop", "gpt-x", "resp_1")
    usage = got.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens) == (7, 5, 3, 2)


async def test_tools_are_asked_for_and_their_results_go_back_with_the_thoughts(server, client):
    server.will(answer(told(THOUGHT, said("Let me see."), CALL)))
    got = await client.generate(ask(tools=(WEATHER,)))
    assert got.tool_calls == (ToolCall("call_1", "weather", {"city": "Oslo"}),)
    assert got.finish_reason == "tool_calls"
    assert server.seen[0].body["tools"] == [
        {
            "type": "function", "name": "weather", "description": "Says the weather.",
            "parameters": dict(WEATHER.parameters), "strict": False,
        }
    ]  # fmt: skip
    await client.generate(say(Message("user", "hi"), got.as_message(), Message("tool", "rain", tool_call_id="call_1")))
    assert server.seen[1].body["input"] == [
        {"role": "user", "content": "hi"},
        THOUGHT,
        said("Let me see."),
        CALL,
        {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
    ]


@pytest.mark.parametrize(("sealed", "store", "kept"), [("x", False, True), (None, False, False), (None, True, True)])
async def test_thoughts_go_back_only_if_the_provider_can_read_them(server, client, sealed, store, kept):
    server.will(answer(told({**THOUGHT, "encrypted_content": sealed}, CALL, store=store)))
    assert ((await client.generate(ask())).native is not None) is kept


async def test_a_turn_of_another_provider_is_told_in_plain_items(server, client):
    server.will(answer(told(said("hi"))))
    turn = Message("assistant", "Hm.", tool_calls=(ToolCall("c", "weather", {"city": "Bø"}),), native=[{"type": "x"}])
    await client.generate(say(Message("user", "hi"), turn, Message("tool", "rain", tool_call_id="c")))
    assert server.seen[0].body["input"][1:3] == [
        {"role": "assistant", "content": "Hm."},
        {"type": "function_call", "call_id": "c", "name": "weather", "arguments": '{"city": "Bø"}'},
    ]


async def test_a_result_that_belongs_to_no_call_is_refused(server, client):
    with pytest.raises(errors.BadRequestError, match="tool_call_id"):
        await client.generate(say(Message("tool", "rain")))


@pytest.mark.parametrize(
    ("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter"), (None, "length")]
)
async def test_an_answer_that_was_cut_says_why(server, client, reason, finish):
    details = {"reason": reason} if reason else None
    server.will(
        answer(told(said("half"), {**CALL, "arguments": '{"ci'}, status="incomplete", incomplete_details=details))
    )
    got = await client.generate(ask())
    assert (got.text, got.finish_reason, got.tool_calls, got.native) == ("half", finish, (), None)


@pytest.mark.parametrize(
    "response",
    [
        told({"type": "message", "content": [{"type": "refusal", "refusal": "I cannot."}]}),
        told(status="incomplete", incomplete_details={"reason": "content_filter"}),
    ],
    ids=["refusal", "filter"],
)
async def test_a_refusal_is_content_filtered(server, client, response):
    server.will(answer(response))
    with pytest.raises(errors.ContentFilteredError, match=r"I cannot\.|content policy"):
        await client.generate(ask())


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "server_error", "message": "oops"}, errors.ServerError),
        ({"code": "rate_limit_exceeded", "message": "oops"}, errors.RateLimitError),
        ({"code": "invalid_prompt", "message": "oops"}, errors.BadRequestError),
    ],
)
async def test_an_answer_that_failed_is_that_error(server, client, error, kind):
    server.will(answer(told(status="failed", error=error)))
    with pytest.raises(kind, match="oops"):
        await client.generate(ask())
    server.will(stream(*events(CREATED, end(told(status="failed", error=error), "failed"))))
    with pytest.raises(kind, match="oops"):
        await client.generate(ask(), Listener())


@pytest.mark.parametrize(
    "body",
    [
        "{ not json",
        [],
        {"status": "completed"},
        told(),
        told(status="queued"),
        told(status="failed"),
        told({**CALL, "call_id": None}),
        told({**CALL, "arguments": "no json"}),
    ],
    ids=["malformed", "list", "no output", "empty", "queued", "failed without words", "nameless call", "no arguments"],
)
async def test_an_answer_that_cannot_be_read_is_a_protocol_error(server, client, body):
    server.will(answer(body))
    with pytest.raises(errors.ProtocolError):
        await client.generate(ask())


async def test_tokens_are_told_as_they_come_and_the_first_is_timed(server, pools):
    server.will(stream(*HELLO))
    ticks = iter([10.0, 10.5, 13.0])
    listener = Listener()
    got = await make(server, pools, clock=lambda: next(ticks)).generate(ask(), listener)
    assert listener.tokens == ["Hel", "lo"]
    assert (got.text, got.finish_reason, got.request_id) == ("Hello", "stop", "resp_1")
    assert (got.first_token, got.latency, got.usage.output_tokens) == (0.5, 3.0, 5)
    assert "stream_options" not in server.seen[0].body


async def test_tools_are_read_from_a_stream(server, client):
    pieces = {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{"}
    server.will(stream(*events(CREATED, added(0, "function_call"), pieces, done(0, CALL), end(told(CALL)))))
    got = await client.generate(ask(), Listener())
    assert got.tool_calls == (ToolCall("call_1", "weather", {"city": "Oslo"}),)


async def test_what_a_server_leaves_out_at_the_end_is_taken_from_before(server, client):
    some = events(CREATED, added(0), delta(0, "Hello"), done(0, said("Hello")), end(told()))
    server.will(stream(*some))
    assert (await client.generate(ask(), Listener())).text == "Hello"


async def test_events_that_are_not_numbered_or_not_known_are_taken(server, client):
    server.will(stream({"type": "response.new_thing"}, *({**e, "sequence_number": -1} for e in HELLO), "[DONE]"))
    assert (await client.generate(ask(), Listener())).text == "Hello"


async def test_an_event_that_comes_twice_is_told_once(server, client):
    server.will(stream(*HELLO[:3], HELLO[2], HELLO[1], *HELLO[3:], HELLO[-1]))
    listener = Listener()
    got = await client.generate(ask(), listener)
    assert (got.text, listener.tokens) == ("Hello", ["Hel", "lo"])


@pytest.mark.parametrize(
    "some",
    [
        (*HELLO[:2], *HELLO[3:]),
        (*HELLO[:2], HELLO[3], HELLO[2], *HELLO[4:]),
        events(CREATED, delta(0, "x"), end(told(said("x")))),
        events(CREATED, added(0), added(0), end(told(said("x")))),
        events(CREATED, added(0), done(0, said("x")), delta(0, "y"), end(told(said("x")))),
        events(CREATED, added(0), delta(0, 7), end(told(said("x")))),
        events(CREATED, {"type": "response.completed"}),
        HELLO[:-1],
        (),
    ],
    ids=["missing", "swapped", "not begun", "begun twice", "after its end", "no text", "no end", "broken off", "empty"],
)
async def test_events_that_do_not_follow_from_each_other_are_a_protocol_error(server, client, some):
    server.will(stream(*some))
    with pytest.raises(errors.ProtocolError):
        await client.generate(ask(), Listener())


async def test_an_error_in_the_midst_of_a_stream_is_that_error(server, client):
    error = {"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": None}
    server.will(stream(*events(CREATED, error)))
    with pytest.raises(errors.RateLimitError, match="slow down"):
        await client.generate(ask(), Listener())


@pytest.mark.parametrize("then", ["cut", "reset"])
async def test_a_connection_lost_in_the_midst_is_a_connection_error_and_after_the_end_nothing(server, client, then):
    server.will(stream(*HELLO[:4], then=then))
    with pytest.raises(errors.ProviderConnectionError):
        await client.generate(ask(), Listener())
    if then == "cut":
        server.will(stream(*HELLO, then=then))
        assert (await client.generate(ask(), Listener())).text == "Hello"


async def test_the_key_is_in_no_error(server, client):
    server.will(stream(*events(CREATED, {"type": "error", "code": KEY, "message": KEY})))
    with pytest.raises(errors.ProviderError) as caught:
        await client.generate(ask(), Listener())
    assert KEY not in f"{caught.value} {json.dumps(vars(caught.value), default=str)}"
