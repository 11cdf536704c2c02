import base64
import json

import pytest
from faultserver import Listener, answer, ask, make_client

from graphbit_nb import errors
from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.llm import EmbedRequest, GenerateRequest, Image, Message, ToolCall, ToolSpec
from graphbit_nb.providers.api import ApiClient
from graphbit_nb.providers.dialects.ollama import DIALECT
from graphbit_nb.providers.failures import Failures

PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
WEATHER = ToolSpec("weather", "Says the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
CREATED = "2026-05-27T22:54:57.641643Z"
NDJSON = {"content-type": "application/x-ndjson"}


def row(text="", *, done=None, **message):
    out = {"model": "qwen3", "created_at": CREATED, "message": {"role": "assistant", "content": text, **message}}
    if done is None:
        return {**out, "done": False}
    return {**out, "done": True, "done_reason": done, "prompt_eval_count": 7, "eval_count": 2, "total_duration": 9}


def lines(*rows):
    return answer("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in rows), headers=NDJSON)


def cut(*rows):
    """Lines, and then the connection is lost."""

    async def act(server, reader, writer):
        data = "".join(f"{json.dumps(one)}\n" for one in rows).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncontent-length: 9999\r\n\r\n" + data)
        await writer.drain()
        writer.close()

    return act


def call(name="weather", arguments=None, **more):
    return {"function": {"name": name, "arguments": {"city": "Oslo"} if arguments is None else arguments}, **more}


@pytest.fixture
def client(server, pools):
    return make_client(server, pools, provider="ollama", api_key=None)


def say(*messages, **more):
    return GenerateRequest(messages=messages, **more)


async def test_what_is_none_is_not_sent_and_nothing_is_cut_off_silently(server, client):
    server.will(answer(row("hi", done="stop")))
    await client.generate(ask("hi"))
    [seen] = server.seen
    assert seen.path == "/api/chat"
    assert "authorization" not in seen.headers
    assert seen.body == {
        "model": "fake",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": False,
        "truncate": False,
        "shift": False,
    }


async def test_parameters_go_where_the_model_looks_for_them(server, client):
    server.will(answer(row("hi", done="stop")))
    await client.generate(ask(temperature=0, max_tokens=5, top_p=0.5, stop=("END",), seed=40, sample=2))
    assert server.seen[0].body["options"] == {
        "temperature": 0, "num_predict": 5, "top_p": 0.5, "stop": ["END"], "seed": 42,
    }  # fmt: skip


async def test_options_of_the_call_and_of_the_model_are_told_apart(server, pools):
    server.will(answer(row("hi", done="stop")))
    options = {"keep_alive": "1h", "think": False, "num_ctx": 8192, "options": {"top_k": 3}, "truncate": True}
    client = make_client(server, pools, provider="ollama", options=options)
    await client.generate(ask(seed=1))
    body = server.seen[0].body
    assert (body["keep_alive"], body["think"], body["truncate"]) == ("1h", False, True)
    assert body["options"] == {"num_ctx": 8192, "top_k": 3, "seed": 1}


async def test_a_schema_is_the_grammar(server, client):
    server.will(answer(row('{"name": "Ada"}', done="stop")))
    await client.generate(ask(schema=PERSON))
    assert server.seen[0].body["format"] == PERSON
    assert client.model_info().structured_output == "grammar"


async def test_a_schema_may_be_told_in_words(server, pools):
    server.will(answer(row("{}", done="stop")))
    client = make_client(server, pools, provider="ollama", options={"structured_output": "instruction"})
    await client.generate(ask("who?", schema=PERSON))
    body = server.seen[0].body
    assert "format" not in body
    assert '"name"' in body["messages"][-1]["content"]


async def test_an_answer_carries_text_usage_and_model(server, client):
    server.will(answer(row("hello", done="length", thinking="hm")))
    got = await client.generate(ask())
    assert (got.text, got.finish_reason, got.model, got.provider) == ("hello", "length", "qwen3", "ollama")
    assert (got.usage.input_tokens, got.usage.output_tokens, got.usage.cached_tokens) == (7, 2, None)
    assert got.cost == 0.0


async def test_tokens_are_told_as_they_come_and_thoughts_are_not_among_them(server, pools):
    server.will(lines(row(thinking="let me see"), row("Hel"), "", row("lo"), row(done="stop")))
    ticks = iter([10.0, 10.5, 13.0])
    listener = Listener()
    client = make_client(server, pools, provider="ollama", clock=lambda: next(ticks))
    got = await client.generate(ask(), listener)
    assert listener.tokens == ["Hel", "lo"]
    assert (got.text, got.finish_reason, got.first_token, got.latency) == ("Hello", "stop", 0.5, 3.0)
    assert server.seen[0].body["stream"] is True


async def test_calls_of_tools_are_named_when_the_server_does_not(server, client):
    server.will(lines(row(tool_calls=[call()]), row(tool_calls=[call(arguments={})]), row(done="stop")))
    got = await client.generate(ask(tools=(WEATHER,)), Listener())
    made = "call_20260527225457641643"
    assert got.tool_calls == (
        ToolCall(f"{made}_0", "weather", {"city": "Oslo"}),
        ToolCall(f"{made}_1", "weather", {}),
    )
    assert got.finish_reason == "tool_calls"
    assert server.seen[0].body["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "weather", "description": "Says the weather.", "parameters": dict(WEATHER.parameters),
            },
        }
    ]  # fmt: skip


async def test_a_name_that_the_server_gives_is_kept(server, client):
    server.will(answer(row(tool_calls=[call(id="call_x")], done="stop")))
    assert (await client.generate(ask())).tool_calls[0].id == "call_x"


async def test_a_conversation_with_tools_goes_back_with_its_thoughts(server, client):
    server.will(answer(row(tool_calls=[call()], thinking="which city?", done="stop")))
    got = await client.generate(ask())
    made = got.tool_calls[0].id
    await client.generate(say(Message("user", "hi"), got.as_message(), Message("tool", "rain", tool_call_id=made)))
    _, assistant, tool = server.seen[1].body["messages"]
    assert assistant == {
        "role": "assistant",
        "content": "",
        "thinking": "which city?",
        "tool_calls": [{"id": made, "function": {"name": "weather", "arguments": {"city": "Oslo"}}}],
    }
    assert tool == {"role": "tool", "content": "rain", "tool_call_id": made, "tool_name": "weather"}


async def test_images_go_out_as_their_bytes(server, client):
    server.will(answer(row("a cat", done="stop")))
    await client.generate(say(Message("user", "what?", images=(Image(data=b"png"),))))
    assert server.seen[0].body["messages"][0]["images"] == [base64.b64encode(b"png").decode()]


async def test_an_image_told_by_its_address_is_refused(server, client):
    with pytest.raises(errors.BadRequestError, match=r"fetches no images: .*Image\(data="):
        await client.generate(say(Message("user", "what?", images=(Image(url="https://h/cat.png"),))))
    assert server.seen == []


@pytest.mark.parametrize(
    "act",
    [
        answer("{ not json"),
        answer("[]"),
        answer({"done": True}),
        answer(row("no end")),
        lines(row("Hel")),
        lines(row("Hel"), "{ not json"),
        lines(row(done="stop"), row("more")),
        lines(),
        lines(row(tool_calls=[{"function": {}}]), row(done="stop")),
        lines(row(tool_calls=[call(arguments="text")]), row(done="stop")),
    ],
    ids=["json", "list", "no message", "not done", "no end", "bad line", "after the end", "empty", "nameless", "text"],
)
async def test_an_answer_that_cannot_be_read_is_a_protocol_error(server, client, act):
    server.will(act)
    with pytest.raises(errors.ProtocolError):
        await client.generate(ask(), Listener())


async def test_lines_that_are_cut_off_are_a_connection_error(server, client):
    server.will(cut(row("Hel")))
    with pytest.raises(errors.ProviderConnectionError):
        await client.generate(ask(), Listener())


async def test_a_connection_lost_after_the_last_line_costs_nothing(server, client):
    server.will(cut(row("Hello"), row(done="stop")))
    assert (await client.generate(ask(), Listener())).text == "Hello"


async def test_an_error_in_the_midst_of_the_lines_is_that_error(server, client):
    server.will(lines(row("Hel"), {"error": "model runner has unexpectedly stopped"}))
    with pytest.raises(errors.ServerError, match="unexpectedly stopped"):
        await client.generate(ask(), Listener())


@pytest.mark.parametrize(
    ("status", "words", "kind", "told"),
    [
        (404, "model 'fake' not found", errors.NotFoundError, "ollama pull"),
        (400, "prompt too long; exceeded max context length by 7 tokens", errors.ContextTooLongError, "shorten"),
        (400, "fake does not support tools", errors.BadRequestError, "does not support tools"),
        (503, "server busy, please try again. maximum pending requests exceeded", errors.OverloadedError, "busy"),
    ],
)
async def test_errors_are_told_in_its_words(server, client, status, words, kind, told):
    server.will(answer({"error": words}, status))
    with pytest.raises(kind, match=told) as caught:
        await client.generate(ask())
    assert type(caught.value) is kind


async def test_texts_become_vectors(server, client):
    server.will(answer({"model": "e", "embeddings": [[1, 0.5], [0, 1]], "prompt_eval_count": 4}))
    got = await client.embed(EmbedRequest(texts=("a", "b")))
    assert got.vectors == ((1.0, 0.5), (0.0, 1.0))
    assert (got.model, got.usage.input_tokens) == ("e", 4)
    [seen] = server.seen
    assert (seen.path, seen.body) == ("/api/embed", {"model": "fake", "input": ["a", "b"], "truncate": False})


@pytest.mark.parametrize("body", [{}, {"embeddings": []}, {"embeddings": [["x"]]}, {"embeddings": [None]}])
async def test_vectors_that_do_not_fit_the_question_are_a_protocol_error(server, client, body):
    server.will(answer(body))
    with pytest.raises(errors.ProtocolError):
        await client.embed(EmbedRequest(texts=("a",)))


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"models": [{"name": "a:latest", "model": "a:latest"}, {"model": "b:7b"}, {}, None]}, ("a:latest", "b:7b")),
        ({"models": []}, ()),
        ({"models": None}, ()),
    ],
)
def test_the_models_that_were_fetched_are_listed(body, names):
    assert DIALECT.models_path == "api/tags"
    assert DIALECT.read_models(json.dumps(body), Failures(provider="ollama")) == names


def test_a_list_that_is_none_is_a_protocol_error():
    with pytest.raises(errors.ProtocolError, match="no list of models"):
        DIALECT.read_models('{"data": []}', Failures(provider="ollama"))


async def test_the_compatible_interface_is_still_there_for_who_asks_for_it(server, pools):
    choices = [{"message": {"content": "hi"}, "finish_reason": "stop"}]
    server.will(answer({"choices": choices}))
    config = LlmConfig.ollama("fake", base_url=server.url, options={"api": "chat"})
    got = await ApiClient.from_config(config, pools, environ={}).generate(ask())
    assert (got.text, server.seen[0].path) == ("hi", "/v1/chat/completions")


async def test_a_key_is_sent_if_there_is_one(server, pools):
    server.will(answer(row("hi", done="stop")))
    config = LlmConfig.ollama("fake", base_url=server.url)
    await ApiClient.from_config(config, pools, environ={"OLLAMA_API_KEY": "cloud-key"}).generate(ask())
    assert server.seen[0].headers["authorization"] == "Bearer cloud-key"
