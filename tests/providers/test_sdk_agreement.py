"""The same call by the provider's own SDK and by us is the same request: path, key, content type and JSON.

Not compared, for they do not change the answer: who asks (User-Agent, X-Stainless-*, Accept*), how the connection is
kept, and ``"stream": false``, which we say and the SDKs leave out. With Anthropic neither the API's version nor the
key's header is: its SDK speaks 2026-10-21 since 2.0, which has no temperature any more, and signs with a bearer token;
we speak 2023-06-01 with x-api-key, which it goes on to take.
"""

import base64
import json
from typing import Literal

import anthropic
import openai
import pytest
from faultserver import KEY, Listener, answer, chat_answer, make_client, piece, stream
from pydantic import BaseModel, Field

from graphbit_nb.core.llm import EmbedRequest, GenerateRequest, Image, Message, ToolCall, ToolSpec

CAT = "https://h/cat.png"
PNG = base64.b64encode(b"png").decode()
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = ToolSpec("weather", "Says the weather.", CITY)
SYSTEM, HELLO = Message("system", "Be brief."), Message("user", "héllo")
SHOWN = Message("user", "what?", images=(Image(url=CAT), Image(data=b"png")))
CALLED = (HELLO, Message("assistant", "", tool_calls=(ToolCall("c1", "weather", {"city": "Bø"}),)))
RESULT = (*CALLED, Message("tool", "rain", tool_call_id="c1"))
ARGUMENTS = json.dumps({"city": "Bø"}, ensure_ascii=False)


class Part(BaseModel):
    name: str = Field(description="What it is called")
    sort: Literal["a", "b"]


class Whole(BaseModel):
    """Something with parts."""

    parts: list[Part]
    note: str | None = None


def normal(seen):
    body = {name: value for name, value in seen.body.items() if not (name == "stream" and value is False)}
    signed = [seen.headers[name] for name in ("authorization", "x-api-key") if name in seen.headers]
    return {"path": seen.path, "body": body, "key": signed, "content type": seen.headers["content-type"]}


def assert_agreed(server):
    theirs, ours = (normal(seen) for seen in server.seen)
    assert ours == theirs


def assert_agreed_but_for_the_headers_name(server):
    theirs, ours = (normal(seen) for seen in server.seen)
    assert [f"Bearer {key}" for key in ours.pop("key")] == theirs.pop("key")
    assert ours == theirs


@pytest.fixture
async def sdk(server):
    async with openai.AsyncOpenAI(base_url=server.url, api_key=KEY, max_retries=0) as made:
        yield made


@pytest.fixture
async def claude(server):
    base_url = server.url.removesuffix("/v1")
    async with anthropic.AsyncAnthropic(base_url=base_url, api_key=KEY, max_retries=0) as made:
        yield made


# ---- chat completions

USER = {"role": "user", "content": "héllo"}
CHAT = {
    "plain": (GenerateRequest(messages=(HELLO,)), {"messages": [USER]}),
    "system and parameters": (
        GenerateRequest(
            messages=(SYSTEM, HELLO), temperature=0.5, top_p=0.9, max_tokens=7, stop=("a", "b"), seed=3
        ),
        {
            "messages": [{"role": "system", "content": "Be brief."}, USER],
            "temperature": 0.5, "top_p": 0.9, "max_tokens": 7, "stop": ["a", "b"], "seed": 3,
        },
    ),
    "tools": (
        GenerateRequest(messages=(HELLO,), tools=(WEATHER,)),
        {
            "messages": [USER],
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "weather", "description": "Says the weather.", "parameters": CITY},
                }
            ],
        },
    ),
    "tool results": (
        GenerateRequest(messages=RESULT),
        {
            "messages": [
                USER,
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "rain"},
            ]
        },
    ),
    "images": (
        GenerateRequest(messages=(SHOWN,)),
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "what?"},
                        {"type": "image_url", "image_url": {"url": CAT}},
                        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                    ],
                }
            ]
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHAT)
async def test_chat_completions(server, pools, sdk, case):
    request, given = CHAT[case]
    server.will(answer(chat_answer()))
    await sdk.chat.completions.create(model="fake", **given)
    await make_client(server, pools).generate(request)
    assert_agreed(server)


async def test_chat_completions_as_a_stream(server, pools, sdk):
    server.will(stream(piece("hi"), piece(None, "stop"), "[DONE]"))
    async with await sdk.chat.completions.create(
        model="fake", messages=[USER], stream=True, stream_options={"include_usage": True}
    ) as pieces:
        async for _ in pieces:
            pass
    await make_client(server, pools).generate(GenerateRequest(messages=(HELLO,)), Listener())
    assert_agreed(server)


async def test_chat_completions_held_to_a_schema(server, pools, sdk):
    server.will(answer(chat_answer('{"parts": [], "note": null}')))
    await sdk.chat.completions.parse(model="fake", messages=[USER], response_format=Whole)
    request = GenerateRequest(messages=(HELLO,), schema=Whole.model_json_schema(), schema_name="Whole")
    await make_client(server, pools).generate(request)
    assert_agreed(server)


async def test_embeddings(server, pools, sdk):
    server.will(answer({"data": [{"index": 0, "embedding": [1.0]}], "model": "fake", "usage": {"prompt_tokens": 1}}))
    await sdk.embeddings.create(model="fake", input=["héllo"], encoding_format="float")
    await make_client(server, pools).embed(EmbedRequest(texts=("héllo",)))
    assert_agreed(server)


# ---- responses

RESPONSE = {
    "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "fake",
    "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
    "output": [
        {
            "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": '{"parts": [], "note": null}', "annotations": []}],
        }
    ],
}  # fmt: skip
RESPONSES = {
    "plain": (GenerateRequest(messages=(HELLO,)), {"input": [USER]}),
    "system and parameters": (
        GenerateRequest(messages=(SYSTEM, HELLO), temperature=0.5, top_p=0.9, max_tokens=7),
        {
            "input": [{"role": "system", "content": "Be brief."}, USER],
            "temperature": 0.5, "top_p": 0.9, "max_output_tokens": 7,
        },
    ),
    "a model that thinks": (
        GenerateRequest(messages=(HELLO,), model="gpt-5.1"),
        {"input": [USER], "model": "gpt-5.1", "include": ["reasoning.encrypted_content"]},
    ),
    "tools": (
        GenerateRequest(messages=(HELLO,), tools=(WEATHER,)),
        {
            "input": [USER],
            "tools": [
                {
                    "type": "function", "name": "weather", "description": "Says the weather.", "parameters": CITY,
                    "strict": False,
                }
            ],
        },
    ),
    "tool results": (
        GenerateRequest(messages=RESULT),
        {
            "input": [
                USER,
                {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": ARGUMENTS},
                {"type": "function_call_output", "call_id": "c1", "output": "rain"},
            ]
        },
    ),
    "images": (
        GenerateRequest(messages=(SHOWN,)),
        {
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "what?"},
                        {"type": "input_image", "image_url": CAT, "detail": "auto"},
                        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
                    ],
                }
            ]
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RESPONSES)
async def test_responses(server, pools, sdk, case):
    request, given = RESPONSES[case]
    server.will(answer(RESPONSE))
    await sdk.responses.create(**{"model": "fake", "store": False, **given})
    await make_client(server, pools, options={"api": "responses"}).generate(request)
    assert_agreed(server)


async def test_responses_as_a_stream(server, pools, sdk):
    server.will(stream({"type": "response.completed", "sequence_number": 0, "response": RESPONSE}))
    async with await sdk.responses.create(model="fake", input=[USER], store=False, stream=True) as events:
        async for _ in events:
            pass
    await make_client(server, pools, options={"api": "responses"}).generate(
        GenerateRequest(messages=(HELLO,)), Listener()
    )
    assert_agreed(server)


async def test_responses_held_to_a_schema(server, pools, sdk):
    server.will(answer(RESPONSE))
    await sdk.responses.parse(model="fake", input=[USER], store=False, text_format=Whole)
    request = GenerateRequest(messages=(HELLO,), schema=Whole.model_json_schema(), schema_name="Whole")
    await make_client(server, pools, options={"api": "responses"}).generate(request)
    assert_agreed(server)


# ---- messages

MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "fake", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": '{"parts": [], "note": null}'}],
    "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip
MESSAGES = {
    "plain": (GenerateRequest(messages=(HELLO,), max_tokens=7), {"messages": [USER]}),
    "system and parameters": (
        GenerateRequest(messages=(SYSTEM, HELLO), temperature=0.5, top_p=0.9, max_tokens=7, stop=("a",)),
        {
            "messages": [USER], "system": "Be brief.", "stop_sequences": ["a"],
            "extra_body": {"temperature": 0.5, "top_p": 0.9},
        },
    ),
    "tools": (
        GenerateRequest(messages=(HELLO,), tools=(WEATHER,), max_tokens=7),
        {
            "messages": [USER],
            "tools": [{"name": "weather", "description": "Says the weather.", "input_schema": CITY}],
        },
    ),
    "tool results": (
        GenerateRequest(messages=RESULT, max_tokens=7),
        {
            "messages": [
                USER,
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Bø"}}],
                },
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "rain"}],
                },
            ]
        },
    ),
    "images": (
        GenerateRequest(messages=(SHOWN,), max_tokens=7),
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "source": {"type": "url", "url": CAT}},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                        {"type": "text", "text": "what?"},
                    ],
                }
            ]
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MESSAGES)
async def test_messages(server, pools, claude, case):
    request, given = MESSAGES[case]
    server.will(answer(MESSAGE))
    await claude.messages.create(model="fake", max_tokens=7, **given)
    await make_client(server, pools, provider="anthropic").generate(request)
    assert_agreed_but_for_the_headers_name(server)


async def test_messages_as_a_stream(server, pools, claude):
    start = {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
    server.will(stream(start, end, {"type": "message_stop"}))
    async with await claude.messages.create(model="fake", max_tokens=7, messages=[USER], stream=True) as events:
        async for _ in events:
            pass
    request = GenerateRequest(messages=(HELLO,), max_tokens=7)
    await make_client(server, pools, provider="anthropic").generate(request, Listener())
    assert_agreed_but_for_the_headers_name(server)


async def test_messages_held_to_a_schema(server, pools, claude):
    server.will(answer(MESSAGE))
    await claude.messages.parse(model="fake", max_tokens=7, messages=[USER], output_format=Whole)
    request = GenerateRequest(messages=(HELLO,), schema=Whole.model_json_schema(), max_tokens=7)
    await make_client(server, pools, provider="anthropic").generate(request)
    theirs = server.seen[0].body["output_config"]["format"]["schema"]
    # ours says more: that what has a default is to be given all the same, and of what type a choice is
    del theirs["properties"]["note"]["description"]
    theirs["required"].append("note")
    theirs["$defs"]["Part"]["properties"]["sort"]["type"] = "string"
    assert_agreed_but_for_the_headers_name(server)
