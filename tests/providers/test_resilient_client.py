import pytest
from faultserver import Listener, answer, ask, piece, stream

from graphbit_nb import errors
from graphbit_nb.core.llm import EmbedRequest, LlmClient
from graphbit_nb.providers.resilient import ResilientClient
from graphbit_nb.providers.scripted import ScriptedClient
from graphbit_nb.reliability.retry import RetryPolicy

BUSY = errors.OverloadedError("busy", retry_after=3.0)


class Sleep:
    def __init__(self):
        self.slept = []

    async def __call__(self, delay):
        self.slept.append(delay)


@pytest.fixture
def sleep():
    return Sleep()


def resilient(client, sleep, **policy):
    return ResilientClient(client, RetryPolicy(jitter=0.0, **policy), sleep=sleep)


def test_it_is_an_llm_client_that_forwards_what_it_does_not_change(sleep):
    inner = ScriptedClient({"*": "x"})
    client = resilient(inner, sleep)
    assert isinstance(client, LlmClient)
    assert (client.provider_name, client.model_info()) == ("scripted", inner.model_info())


async def test_a_call_is_made_again_after_the_wait_that_the_provider_asks_for(sleep):
    client = resilient(ScriptedClient({"*": [BUSY, "fine"]}), sleep)
    assert (await client.generate(ask())).text == "fine"
    assert sleep.slept == [3.0]


async def test_a_listener_decides_when_the_next_attempt_starts(sleep):
    listener = Listener()
    client = resilient(ScriptedClient({"*": [BUSY, "fine"]}), sleep)
    assert (await client.generate(ask(), listener)).text == "fine"
    assert [(attempt, delay) for attempt, delay, _ in listener.retries] == [(1, 3.0)]
    assert sleep.slept == []


async def test_the_last_error_carries_the_number_of_attempts(sleep):
    client = resilient(ScriptedClient({"*": BUSY}), sleep, max_attempts=3)
    with pytest.raises(errors.OverloadedError) as caught:
        await client.generate(ask())
    assert caught.value.attempts == 3
    assert BUSY.attempts == 1


async def test_over_http_a_bad_answer_a_cut_stream_and_a_busy_server_are_outlived(server, client, sleep):
    whole = (piece("Hello"), piece(None, "stop"), "[DONE]")
    server.will(
        answer({"error": {"message": "busy"}}, 429, {"retry-after": "2"}),
        stream(piece("He"), then="cut"),
        answer("{ not json"),
        answer("", 500),
        stream(*whole),
    )
    got = await resilient(client, sleep).generate(ask(), Listener())
    assert got.text == "Hello"
    assert len(server.seen) == 5


async def test_a_quota_that_is_used_up_is_not_tried_again(server, client, sleep):
    server.will(answer({"error": {"message": "pay", "code": "insufficient_quota"}}, 429))
    with pytest.raises(errors.QuotaExhaustedError):
        await resilient(client, sleep).generate(ask())
    assert len(server.seen) == 1


async def test_embeddings_are_tried_again_too(server, client, sleep):
    server.will(answer("", 500), answer({"data": [{"embedding": [1.0]}]}))
    got = await resilient(client, sleep).embed(EmbedRequest(texts=("a",)))
    assert got.vectors == ((1.0,),)


async def test_closing_closes_the_wrapped_client(sleep):
    closed = []

    class Inner(ScriptedClient):
        async def aclose(self):
            closed.append(self)

    await resilient(Inner({}), sleep).aclose()
    assert len(closed) == 1
