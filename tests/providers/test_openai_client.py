import asyncio
import traceback

import pytest
from faultserver import (
    KEY,
    USAGE,
    Listener,
    answer,
    ask,
    chat_answer,
    flood,
    hang,
    make_client,
    piece,
    reset,
    stream,
)

from graphbit_nb import errors
from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.llm import EmbedRequest, LlmClient, Message
from graphbit_nb.providers.api import ApiClient
from graphbit_nb.providers.http import HttpPools

WHOLE = (piece("Hel"), piece("lo"), piece(None, "stop"), USAGE, "[DONE]")
PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def frames(error):
    """The local variables of every frame of ours and of the HTTP library that the error holds."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    return [(frame.filename, frame.locals) for frame in told if frame.filename != __file__]


def test_it_is_an_llm_client(client):
    assert isinstance(client, LlmClient)


async def test_an_answer_carries_text_usage_model_and_request_id(server, pools):
    server.will(answer(chat_answer("hello there"), headers={"x-request-id": "req-1"}))
    ticks = iter([10.0, 12.5])
    got = await make_client(server, pools, clock=lambda: next(ticks)).generate(ask())
    assert (got.text, got.finish_reason, got.model, got.provider) == ("hello there", "stop", "fake-1", "openai")
    assert (got.request_id, got.latency, got.first_token) == ("req-1", 2.5, None)
    usage = got.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens) == (7, 2, 3, 1)
    assert usage.calls == 1


async def test_what_is_none_is_not_sent(server, client):
    server.will(answer(chat_answer()))
    await client.generate(ask("hi"))
    assert server.seen[0].path == "/v1/chat/completions"
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.seen[0].body == {
        "model": "fake",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": False,
    }


async def test_parameters_headers_and_options_are_passed_on_as_they_are(server, pools):
    server.will(answer(chat_answer()))
    client = make_client(
        server, pools, headers={"x-team": "blue"}, options={"reasoning_effort": "low", "temperature": 0.9}
    )
    request = ask(model="other", temperature=7.5, max_tokens=5, top_p=0.5, stop=("END",), seed=40, sample=2)
    await client.generate(request)
    sent = server.seen[0]
    assert sent.headers["x-team"] == "blue"
    assert {k: v for k, v in sent.body.items() if k not in {"messages", "stream"}} == {
        "model": "other",
        "temperature": 7.5,
        "max_tokens": 5,
        "top_p": 0.5,
        "stop": ["END"],
        "seed": 42,
        "reasoning_effort": "low",
    }


async def test_a_schema_is_sent_strict_for_a_provider_that_keeps_to_it(server, client):
    server.will(answer(chat_answer("{}")))
    await client.generate(ask(schema=PERSON, schema_name="my person"))
    sent = server.seen[0].body["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["name"] == "my_person"
    assert sent["json_schema"]["strict"] is True
    assert sent["json_schema"]["schema"]["additionalProperties"] is False


async def test_a_schema_that_cannot_be_strict_is_sent_as_it_is(server, client):
    open_schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    server.will(answer(chat_answer("{}")))
    await client.generate(ask(schema=open_schema))
    sent = server.seen[0].body["response_format"]["json_schema"]
    assert (sent["strict"], sent["schema"]) == (False, open_schema)


async def test_a_schema_is_told_in_words_to_a_provider_that_takes_none(server, pools):
    server.will(answer(chat_answer("{}")))
    client = make_client(server, pools, options={"structured_output": "instruction"})
    await client.generate(ask("who?", schema=PERSON))
    body = server.seen[0].body
    assert "response_format" not in body
    assert body["messages"][-1]["content"].startswith("who?\n\n")
    assert '"name"' in body["messages"][-1]["content"]


async def test_tokens_are_told_as_they_come_and_the_first_is_timed(server, pools):
    server.will(stream(*WHOLE, headers={"x-request-id": "req-2"}))
    ticks = iter([10.0, 10.5, 13.0])
    listener = Listener()
    got = await make_client(server, pools, clock=lambda: next(ticks)).generate(ask(), listener)
    assert listener.tokens == ["Hel", "lo"]
    assert (got.text, got.finish_reason, got.request_id) == ("Hello", "stop", "req-2")
    assert (got.first_token, got.latency) == (0.5, 3.0)
    assert (got.usage.input_tokens, got.usage.output_tokens) == (7, 2)
    assert server.seen[0].body["stream_options"] == {"include_usage": True}


async def test_nothing_is_streamed_to_a_listener_that_wants_no_tokens(server, client):
    server.will(answer(chat_answer()))
    await client.generate(ask(), Listener(wants_tokens=False))
    assert server.seen[0].body["stream"] is False


async def test_a_server_that_does_not_stream_is_understood(server, client):
    server.will(answer(chat_answer("all at once")))
    listener = Listener()
    got = await client.generate(ask(), listener)
    assert got.text == "all at once"
    assert listener.tokens == ["all at once"]


async def test_an_answer_that_reached_its_limit_says_so(server, client):
    server.will(answer(chat_answer(None, "length")))
    got = await client.generate(ask())
    assert (got.text, got.finish_reason) == ("", "length")


async def test_content_in_parts_is_joined(server, client):
    server.will(answer(chat_answer([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])))
    assert (await client.generate(ask())).text == "ab"


@pytest.mark.parametrize(
    "body",
    [
        "{ not json",
        "[]",
        {"choices": []},
        {"choices": None},
        {"choices": [{"finish_reason": "stop"}]},
        chat_answer(None),
        "",
    ],
    ids=["malformed", "no object", "no choices", "null choices", "no message", "null content", "empty"],
)
async def test_an_answer_that_cannot_be_read_is_a_protocol_error(server, client, body):
    server.will(answer(body))
    with pytest.raises(errors.ProtocolError) as caught:
        await client.generate(ask())
    assert caught.value.retryable


@pytest.mark.parametrize(
    "events",
    [
        (piece("Hel"),),
        (piece("Hel"), "{ not json"),
        ("[DONE]",),
        (USAGE, "[DONE]"),
        (),
    ],
    ids=["no end", "malformed", "only done", "no choices", "nothing"],
)
async def test_a_stream_without_a_whole_answer_is_a_protocol_error(server, client, events):
    server.will(stream(*events))
    with pytest.raises(errors.ProtocolError):
        await client.generate(ask(), Listener())


async def test_a_page_of_html_points_to_the_address(server, client):
    server.will(answer("<!doctype html><p>Sign in"))
    with pytest.raises(errors.ProtocolError, match="a page of HTML"):
        await client.generate(ask())


@pytest.mark.parametrize("request_", [ask("half a \ud83d"), ask(temperature=float("nan"))], ids=["surrogate", "nan"])
async def test_what_cannot_be_written_as_json_is_a_bad_request_that_is_not_sent(server, client, request_):
    with pytest.raises(errors.BadRequestError, match="cannot be sent"):
        await client.generate(request_)
    assert server.seen == []


@pytest.mark.parametrize("then", ["cut", "reset"])
async def test_a_connection_lost_in_the_midst_of_a_stream_is_a_connection_error(server, client, then):
    server.will(stream(piece("Hel"), then=then))
    with pytest.raises(errors.ProviderConnectionError):
        await client.generate(ask(), Listener())


async def test_a_connection_lost_after_the_answer_was_finished_costs_nothing(server, client):
    server.will(stream(piece("Hello"), piece(None, "stop"), then="cut"))
    assert (await client.generate(ask(), Listener())).text == "Hello"


async def test_a_connection_reset_before_the_answer_is_a_connection_error(server, client):
    server.will(reset)
    with pytest.raises(errors.ProviderConnectionError) as caught:
        await client.generate(ask())
    assert caught.value.retryable


async def test_nobody_at_the_address_is_a_connection_error_that_names_the_place(pools):
    config = LlmConfig.ollama("m", base_url="http://127.0.0.1:9")
    with pytest.raises(errors.ProviderConnectionError, match=r"127\.0\.0\.1:9.*ollama serve"):
        await ApiClient.from_config(config, pools).generate(ask())


async def test_silence_is_a_timeout(server, pools):
    server.will(hang)
    with pytest.raises(errors.ProviderTimeoutError) as caught:
        await make_client(server, pools, timeout=0.05).generate(ask())
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "server_error", "message": "oops"}, errors.ServerError),
        ({"type": "overloaded_error", "message": "busy"}, errors.OverloadedError),
        ({"code": 429, "message": "slow down"}, errors.RateLimitError),
        ({"code": "content_filter", "message": "no"}, errors.ContentFilteredError),
    ],
)
async def test_an_error_in_the_midst_of_a_stream_is_that_error(server, client, error, kind):
    server.will(stream(piece("Hel"), {"error": error}))
    with pytest.raises(kind, match=error["message"]):
        await client.generate(ask(), Listener())


async def test_an_error_in_an_answer_of_status_200_is_that_error(server, client):
    server.will(answer({"error": {"code": 429, "message": "slow down"}}))
    with pytest.raises(errors.RateLimitError):
        await client.generate(ask())


async def test_a_refusal_is_content_filtered(server, client):
    server.will(answer(chat_answer(None, refusal="I cannot help with that.")))
    with pytest.raises(errors.ContentFilteredError, match="I cannot help with that"):
        await client.generate(ask())


async def test_a_streamed_refusal_is_content_filtered(server, client):
    server.will(stream(piece(None, refusal="I can"), piece(None, refusal="not."), piece(None, "stop"), "[DONE]"))
    with pytest.raises(errors.ContentFilteredError, match=r"I cannot\."):
        await client.generate(ask(), Listener())


async def test_a_withheld_answer_is_content_filtered(server, client):
    server.will(answer(chat_answer(None, "content_filter")))
    with pytest.raises(errors.ContentFilteredError):
        await client.generate(ask())


async def test_an_error_carries_status_request_id_model_and_the_wait_asked_for(server, client):
    server.will(answer({"error": {"message": "slow"}}, 429, {"retry-after": "7", "x-request-id": "req-3"}))
    with pytest.raises(errors.RateLimitError) as caught:
        await client.generate(ask())
    error = caught.value
    assert (error.status, error.request_id, error.retry_after) == (429, "req-3", 7.0)
    assert (error.provider, error.model, error.attempts) == ("openai", "fake", 1)


async def test_a_wait_may_be_told_as_a_date(server, pools):
    server.will(answer("", 503, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}))
    client = make_client(server, pools, now=lambda: 1445412450.0)
    with pytest.raises(errors.OverloadedError) as caught:
        await client.generate(ask())
    assert caught.value.retry_after == 30.0


@pytest.mark.parametrize(
    "act",
    [
        answer({"error": {"message": f"Incorrect key provided: {KEY}"}}, 401, {"x-request-id": f"id-{KEY}"}),
        answer(f"<html>{KEY}</html>", 500),
        answer(f"not json {KEY}"),
        stream({"error": {"message": KEY, "type": KEY}}),
        stream(piece("a"), f"broken {KEY}"),
        reset,
    ],
    ids=["error body", "html", "malformed", "event", "broken event", "reset"],
)
async def test_the_key_is_in_no_error(server, client, act):
    server.will(act)
    with pytest.raises(errors.ProviderError) as caught:
        await client.generate(ask(), Listener())
    error = caught.value
    told = {k: v for k, v in vars(error).items() if not k.startswith("_")}
    assert KEY not in f"{error} {error!r} {told}"
    assert error.__cause__ is None
    assert error.__context__ is None or isinstance(error.__context__, ValueError)


async def test_a_lost_connection_drops_the_frames_of_the_http_library(server, client):
    server.will(reset)
    with pytest.raises(errors.ProviderConnectionError) as caught:
        await client.generate(ask())
    assert frames(caught.value)
    assert KEY not in str(frames(caught.value))
    assert all("httpx" not in filename for filename, _ in frames(caught.value))


async def test_a_secret_header_is_blotted_out_too(server, pools):
    server.will(answer({"error": {"message": "bad gateway-secret-1"}}, 403))
    client = make_client(server, pools, headers={"x-gateway-key": "gateway-secret-1"})
    with pytest.raises(errors.PermissionDeniedError, match=r"bad \[redacted\]"):
        await client.generate(ask())


def test_the_key_is_in_no_repr(client):
    shown = f"{client!r}{vars(client)}{client._connection.endpoint!r}"
    assert KEY not in shown


async def test_what_the_provider_says_is_cut_to_what_is_worth_reading(server, client):
    server.will(answer({"error": {"message": "x" * 100_000}}, 400))
    with pytest.raises(errors.BadRequestError) as caught:
        await client.generate(ask())
    assert len(str(caught.value)) < 600
    assert len(caught.value.body) <= 500


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("listener", [None, Listener()], ids=["whole", "streamed"])
async def test_an_answer_that_is_too_large_is_not_read_to_its_end(server, client, content_type, listener):
    server.will(flood(10 * 1024 * 1024, content_type))
    with pytest.raises(errors.ProtocolError, match="65,536 bytes"):
        await client.generate(ask(), listener)


async def test_cancelling_a_stream_closes_its_connection(server, client):
    server.will(stream(piece("Hel"), then="hang"))
    first = asyncio.Event()

    class Told(Listener):
        def token(self, text):
            first.set()

    call = asyncio.create_task(client.generate(ask(), Told()))
    await first.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_cancelling_a_call_closes_its_connection(server, client):
    server.will(hang)
    call = asyncio.create_task(client.generate(ask()))
    await server.asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_one_connection_serves_call_after_call_of_clients_that_share_a_pool(server, pools):
    server.will(answer(chat_answer()))
    for model in ("a", "b", "c"):
        await make_client(server, pools).generate(ask(model=model))
    assert server.connections == 1


async def test_many_calls_are_in_flight_at_once(server, client):
    arrived, all_here = [], asyncio.Event()

    async def together(server, reader, writer):
        arrived.append(1)
        if len(arrived) == 200:
            all_here.set()
        await all_here.wait()
        await answer(chat_answer())(server, reader, writer)

    server.will(together)
    got = await asyncio.gather(*(client.generate(ask()) for _ in range(200)))
    assert len(got) == 200


async def test_embeddings_come_in_the_order_asked(server, client):
    data = [{"index": 1, "embedding": [0, 1]}, {"index": 0, "embedding": [1, 0.5]}]
    server.will(answer({"data": data, "model": "e-1", "usage": {"prompt_tokens": 4}}))
    got = await client.embed(EmbedRequest(texts=("a", "b")))
    assert got.vectors == ((1.0, 0.5), (0.0, 1.0))
    assert (got.model, got.usage.input_tokens) == ("e-1", 4)
    assert server.seen[0].path == "/v1/embeddings"


@pytest.mark.parametrize("body", [{"data": []}, {"data": [{"embedding": None}]}, {}, {"data": [{"embedding": ["x"]}]}])
async def test_embeddings_that_do_not_fit_the_question_are_a_protocol_error(server, client, body):
    server.will(answer(body))
    with pytest.raises(errors.ProtocolError):
        await client.embed(EmbedRequest(texts=("a",)))


async def test_no_texts_need_no_call(server, client):
    assert (await client.embed(EmbedRequest(texts=()))).vectors == ()
    assert server.seen == []


async def test_closing_a_client_closes_only_what_is_its_own(server, pools):
    server.will(answer(chat_answer()))
    sharing, owning = make_client(server, pools), make_client(server, HttpPools())
    await sharing.aclose()
    await owning.aclose()
    assert (await sharing.generate(ask())).text == "hi"


async def test_system_words_carry_the_schema_when_no_user_speaks(server, pools):
    server.will(answer(chat_answer("{}")))
    client = make_client(server, pools, options={"structured_output": "instruction"})
    request = ask(schema=PERSON)
    await client.generate(type(request)(messages=(Message("assistant", "x"),), schema=PERSON))
    assert server.seen[0].body["messages"][-1]["role"] == "system"


def test_an_address_that_is_none_is_a_configuration_error(pools):
    config = LlmConfig.openai_compatible(base_url="localhost:8000", model="m")
    with pytest.raises(errors.ConfigurationError, match="https://host/v1"):
        ApiClient.from_config(config, pools)


async def test_without_an_id_in_the_headers_the_answers_own_id_is_kept(server, client):
    server.will(answer(chat_answer() | {"id": "gen-7"}))
    assert (await client.generate(ask())).request_id == "gen-7"
    server.will(stream(piece("hi") | {"id": "gen-8"}, piece(None, "stop"), "[DONE]"))
    assert (await client.generate(ask(), Listener())).request_id == "gen-8"


async def test_an_id_that_repeats_the_key_is_not_kept(server, client):
    server.will(answer(chat_answer() | {"id": f"gen-{KEY}"}))
    assert (await client.generate(ask())).request_id is None


async def test_tokens_that_count_nothing_are_not_known(server, client):
    server.will(answer(chat_answer() | {"usage": {"prompt_tokens": -4, "completion_tokens": "2"}}))
    usage = (await client.generate(ask())).usage
    assert (usage.input_tokens, usage.output_tokens) == (None, None)
