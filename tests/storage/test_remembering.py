"""A client that remembers: what is taken, what is kept, and equal calls at the same time."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace

import pytest

from graphbit_nb.core.calls import Identity
from graphbit_nb.core.llm import (
    EmbedRequest,
    EmbedResponse,
    GenerateRequest,
    GenerateResponse,
    Message,
    ToolCall,
    Usage,
)
from graphbit_nb.errors import ProviderError, RateLimitError, ServerError
from graphbit_nb.graph.caching import CacheMode, read_cache_mode
from graphbit_nb.graph.node import Node
from graphbit_nb.providers.resilient import ResilientClient
from graphbit_nb.reliability.retry import RetryPolicy
from graphbit_nb.storage.cache import CacheStore
from graphbit_nb.storage.database import Database
from graphbit_nb.storage.entries import sealed
from graphbit_nb.storage.memory_cache import MemoryCache
from graphbit_nb.storage.remembering import RememberingClient
from graphbit_nb.storage.run_memory import RunMemory
from graphbit_nb.testing import run_in_virtual_time

WHO = Identity("fake", model="small")


class Provider:
    """Answers with the number of the call, a word a second; raises what it is told to."""

    provider_name = "fake"

    def __init__(self, *failures, seconds=1.0, **more):
        self.failures = list(failures)
        self.seconds = seconds
        self.calls = 0
        self.cancelled = 0
        self.more = more

    async def generate(self, request, listener=None):
        self.calls += 1
        number = self.calls
        failure = self.failures.pop(0) if self.failures else None
        try:
            for word in ("answer ", str(number)):
                await asyncio.sleep(self.seconds)
                if failure is not None:
                    raise failure
                if listener is not None and listener.wants_tokens:
                    listener.token(word)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        usage = Usage(input_tokens=5, output_tokens=2, calls=1)
        return replace(
            GenerateResponse(text=f"answer {number}", finish_reason="stop", usage=usage, cost=0.25, model="small-1"),
            **self.more,
        )

    async def embed(self, request, listener=None):
        self.calls += 1
        await asyncio.sleep(self.seconds)
        vectors = tuple((float(len(text)), 0.1) for text in request.texts)
        return EmbedResponse(vectors=vectors, usage=Usage(input_tokens=3, calls=1), cost=0.1)

    def model_info(self):
        return "info"

    async def list_models(self):
        return ("small",)

    async def aclose(self):
        self.closed = True


class Listener:
    """Notes what it is told; a retry is waited for."""

    def __init__(self, *, wants_tokens=True):
        self.wants_tokens = wants_tokens
        self.told = []

    def token(self, text):
        self.told.append(text)

    async def retry(self, attempt, delay, error):
        self.told.append(("retry", attempt))
        await asyncio.sleep(delay)

    def limited(self, limit, seconds, ahead):
        self.told.append(("limited", limit))

    def circuit(self, name, state, reason):
        self.told.append(("circuit", state))

    def remembered(self, record):
        self.told.append(("remembered", record.told))


def ask(text="Hello", **more):
    return GenerateRequest(messages=(Message("user", text),), node="a", **more)


def client(provider, store, mode="default", *, identity=WHO, clock=None, **more):
    clock = clock or asyncio.get_running_loop().time
    return RememberingClient(provider, store, read_cache_mode(mode), identity=identity, clock=clock, **more)


def run(main):
    """Run a coroutine function in virtual time with a provider's like and a store."""
    return run_in_virtual_time(main())


def test_what_was_asked_is_not_asked_again():
    async def main():
        provider, store = Provider(), MemoryCache()
        first = await client(provider, store).generate(ask())
        again = await client(provider, store).generate(ask())
        assert provider.calls == 1
        assert (first.text, again.text) == ("answer 1", "answer 1")
        assert first.source is None
        assert again.source == "cache"

    run(main)


def test_a_hit_costs_nothing_and_nothing_of_it_is_counted():
    async def main():
        provider, store = Provider(), MemoryCache()
        await client(provider, store).generate(ask())
        again = await client(provider, store).generate(ask())
        assert again.usage == Usage()
        assert again.cost == 0.0
        assert again.latency == 0.0
        assert again.model == "small-1"
        assert (await client(provider, store).generate(ask())).usage.calls == 0

    run(main)


@pytest.mark.parametrize(
    "other",
    [
        ask("Hello!"), ask(temperature=0.1), ask(model="large"), ask(schema={"type": "object"}), ask(sample=1),
        ask(max_tokens=3),
    ],
)  # fmt: skip
def test_another_request_is_asked(other):
    async def main():
        provider, store = Provider(), MemoryCache()
        await client(provider, store).generate(ask())
        await client(provider, store).generate(other)
        assert provider.calls == 2

    run(main)


def test_another_endpoint_is_asked():
    async def main():
        provider, store = Provider(), MemoryCache()
        await client(provider, store).generate(ask())
        await client(provider, store, identity=replace(WHO, endpoint="https://elsewhere")).generate(ask())
        assert provider.calls == 2

    run(main)


def test_the_same_request_of_another_node_is_not_asked_again():
    async def main():
        provider, store = Provider(), MemoryCache()
        await client(provider, store).generate(ask())
        await client(provider, store).generate(replace(ask(), node="b[7]"))
        assert provider.calls == 1

    run(main)


def test_an_answer_at_a_temperature_is_remembered_as_well():
    async def main():
        provider, store = Provider(), MemoryCache()
        for _ in range(2):
            await client(provider, store).generate(ask(temperature=1.0))
        assert provider.calls == 1

    run(main)


def test_vectors_are_remembered_exactly():
    async def main():
        provider, store = Provider(), MemoryCache()
        request = EmbedRequest(texts=("a", "bcd"), node="e")
        first = await client(provider, store).embed(request)
        again = await client(provider, store).embed(request)
        assert provider.calls == 1
        assert again.vectors == first.vectors
        assert (again.source, again.usage.calls, again.cost) == ("cache", 0, 0.0)

    run(main)


def test_tools_that_were_asked_for_and_native_turns_come_back():
    async def main():
        calls = (ToolCall("c1", "search", {"q": ["x", 1]}),)
        provider, store = Provider(tool_calls=calls, native={"signed": "x"}, finish_reason="tool_calls"), MemoryCache()
        await client(provider, store).generate(ask())
        again = await client(provider, store).generate(ask())
        assert again.tool_calls == calls
        assert again.native == {"signed": "x"}

    run(main)


@pytest.mark.parametrize("reason", ["length", "content_filter", "max_tokens", "refusal", "what nobody knows"])
def test_an_answer_that_is_not_whole_is_not_kept(reason):
    async def main():
        provider, store = Provider(finish_reason=reason), MemoryCache()
        for _ in range(2):
            await client(provider, store).generate(ask())
        assert provider.calls == 2

    run(main)


@pytest.mark.parametrize("reason", [None, "stop", "tool_calls", "STOP"])
def test_an_answer_that_is_whole_is_kept(reason):
    async def main():
        provider, store = Provider(finish_reason=reason), MemoryCache()
        for _ in range(2):
            await client(provider, store).generate(ask())
        assert provider.calls == 1

    run(main)


def test_a_failure_is_not_kept():
    async def main():
        provider, store = Provider(ServerError("down")), MemoryCache()
        with pytest.raises(ServerError):
            await client(provider, store).generate(ask())
        assert (await client(provider, store).generate(ask())).text == "answer 2"

    run(main)


def test_a_cancelled_call_is_not_kept_and_the_provider_hears_of_it():
    async def main():
        provider, store = Provider(), MemoryCache()
        task = asyncio.ensure_future(client(provider, store).generate(ask()))
        await asyncio.sleep(1.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert provider.cancelled == 1
        assert store.stats().entries == 0

    run(main)


def test_what_cannot_be_compared_is_asked_each_time():
    async def main():
        provider, store = Provider(), MemoryCache()
        request = GenerateRequest(messages=(Message("assistant", "", native=object()), Message("user", "x")))
        for _ in range(2):
            await client(provider, store).generate(request)
        assert provider.calls == 2

    run(main)


def test_an_answer_that_cannot_be_kept_is_given_all_the_same():
    async def main():
        provider, store = Provider(native=object()), MemoryCache()
        assert (await client(provider, store).generate(ask())).text == "answer 1"
        assert store.stats().entries == 0

    run(main)


# ---- modes


def test_recompute_asks_and_what_it_gets_is_remembered():
    async def main():
        provider, store = Provider(), MemoryCache()
        await client(provider, store).generate(ask())
        assert (await client(provider, store, "recompute").generate(ask())).text == "answer 2"
        assert (await client(provider, store).generate(ask())).text == "answer 2"

    run(main)


@pytest.mark.parametrize("mode", ["disable", "ignore"])
def test_disabled_nothing_is_taken_and_nothing_kept(mode):
    async def main():
        provider, store = Provider(), MemoryCache()
        await client(provider, store).generate(ask())
        assert (await client(provider, store, mode).generate(ask())).text == "answer 2"
        assert (await client(provider, store).generate(ask())).text == "answer 1"

    run(main)


def test_what_is_older_than_it_may_be_is_asked_again():
    async def main():
        now = [0.0]
        provider, store = Provider(), MemoryCache(clock=lambda: now[0])
        await client(provider, store).generate(ask())
        now[0] = 3599.0
        assert (await client(provider, store, "1h").generate(ask())).text == "answer 1"
        now[0] = 3600.0
        assert (await client(provider, store, "1h").generate(ask())).text == "answer 2"
        assert (await client(provider, store, "1h").generate(ask())).text == "answer 2"

    run(main)


def test_what_seems_to_come_from_the_future_is_too_old_where_an_age_is_said():
    async def main():
        now = [1000.0]
        provider, store = Provider(), MemoryCache(clock=lambda: now[0])
        await client(provider, store).generate(ask())
        now[0] = 10.0
        assert (await client(provider, store, "1h").generate(ask())).text == "answer 2"

    run(main)


# ---- what is told


def test_the_times_of_the_pieces_are_kept_and_told_to_who_asks_for_them():
    async def main():
        provider, store = Provider(), MemoryCache()
        await client(provider, store).generate(ask(), Listener())
        heard = Listener()
        await client(provider, store).generate(ask(), heard)
        assert heard.told == [("remembered", (("token", 1.0, "answer "), ("token", 2.0, "1")))]

    run(main)


def test_of_a_call_that_was_tried_again_only_the_answer_s_own_pieces_are_kept():
    async def main():
        provider, store = Provider(ServerError("down")), MemoryCache()
        resilient = ResilientClient(provider, RetryPolicy(max_attempts=2, base_delay=5, jitter=0))
        heard = Listener()
        await client(resilient, store).generate(ask(), heard)
        assert heard.told == [("retry", 1), "answer ", "2"]
        await client(resilient, store).generate(ask(), heard)
        assert heard.told[-1] == ("remembered", (("token", 1.0, "answer "), ("token", 2.0, "2")))

    run(main)


def test_the_wrapper_gives_what_the_client_says_of_itself():
    async def main():
        provider = Provider()
        remembering = client(provider, MemoryCache())
        assert remembering.provider_name == "fake"
        assert remembering.model_info() == "info"
        assert await remembering.list_models() == ("small",)
        remembering.check_embeddings(None)
        await remembering.aclose()
        assert provider.closed

    run(main)


# ---- equal calls at the same time


def test_a_hundred_equal_calls_at_once_are_one():
    async def main():
        provider, store = Provider(), MemoryCache()
        asked = [client(provider, store).generate(ask()) for _ in range(100)]
        answers = await asyncio.gather(*asked)
        assert provider.calls == 1
        assert {answer.text for answer in answers} == {"answer 1"}
        assert sum(answer.usage.calls for answer in answers) == 1
        assert sum(answer.source is None for answer in answers) == 1

    run(main)


def test_two_stores_have_nothing_in_common():
    async def main():
        provider = Provider()
        await asyncio.gather(*(client(provider, MemoryCache()).generate(ask()) for _ in range(2)))
        assert provider.calls == 2

    run(main)


def test_without_single_flight_each_call_is_made():
    async def main():
        provider, store = Provider(), MemoryCache()
        await asyncio.gather(*(client(provider, store, single_flight=False).generate(ask()) for _ in range(3)))
        assert provider.calls == 3

    run(main)


def test_disabled_calls_are_made_one_by_one():
    async def main():
        provider, store = Provider(), MemoryCache()
        await asyncio.gather(*(client(provider, store, "disable").generate(ask()) for _ in range(3)))
        assert provider.calls == 3

    run(main)


def test_who_comes_late_hears_what_has_come_so_far():
    async def main():
        provider, store = Provider(), MemoryCache()
        first, late = Listener(), Listener()
        task = asyncio.ensure_future(client(provider, store).generate(ask(), first))
        await asyncio.sleep(1.5)
        await client(provider, store).generate(ask(), late)
        await task
        assert first.told == late.told == ["answer ", "1"]

    run(main)


def test_when_the_first_is_cancelled_the_call_goes_on_for_the_others():
    async def main():
        provider, store = Provider(), MemoryCache()
        first = asyncio.ensure_future(client(provider, store).generate(ask()))
        await asyncio.sleep(0.5)
        second = asyncio.ensure_future(client(provider, store).generate(ask()))
        await asyncio.sleep(0.5)
        first.cancel()
        assert (await second).text == "answer 1"
        assert (provider.calls, provider.cancelled) == (1, 0)
        assert store.stats().entries == 1

    run(main)


def test_when_all_are_cancelled_the_call_is_and_the_next_makes_its_own():
    async def main():
        provider, store = Provider(), MemoryCache()
        tasks = [asyncio.ensure_future(client(provider, store).generate(ask())) for _ in range(3)]
        await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert provider.cancelled == 1
        assert (await client(provider, store).generate(ask())).text == "answer 2"

    run(main)


def test_when_the_call_fails_each_gets_an_error_of_its_own():
    async def main():
        provider, store = Provider(RateLimitError("wait", status=429)), MemoryCache()
        asked = [client(provider, store).generate(ask()) for _ in range(3)]
        errors = await asyncio.gather(*asked, return_exceptions=True)
        assert provider.calls == 1
        assert {type(error) for error in errors} == {RateLimitError}
        assert {error.status for error in errors} == {429}
        assert len({id(error) for error in errors}) == 3

    run(main)


def test_before_another_attempt_all_wait_by_their_own_listeners():
    async def main():
        provider, store = Provider(ServerError("down")), MemoryCache()
        resilient = ResilientClient(provider, RetryPolicy(max_attempts=2, base_delay=5, jitter=0))
        heard = [Listener() for _ in range(3)]
        answers = await asyncio.gather(*(client(resilient, store).generate(ask(), one) for one in heard))
        assert provider.calls == 2
        assert {answer.text for answer in answers} == {"answer 2"}
        assert all(("retry", 1) in one.told for one in heard)
        assert all(one.told[-2:] == ["answer ", "2"] for one in heard)

    run(main)


def test_who_comes_while_the_others_wait_for_another_attempt_waits_as_well():
    async def main():
        provider, store = Provider(ServerError("down")), MemoryCache()
        resilient = ResilientClient(provider, RetryPolicy(max_attempts=2, base_delay=5, jitter=0))
        first = asyncio.ensure_future(client(resilient, store).generate(ask(), Listener()))
        await asyncio.sleep(3)
        late = Listener()
        answer = await client(resilient, store).generate(ask(), late)
        assert answer.text == "answer 2"
        assert late.told[0] == ("retry", 1)
        await first

    run(main)


def test_when_who_waits_for_another_attempt_is_cancelled_another_goes_on():
    async def main():
        provider, store = Provider(ServerError("down")), MemoryCache()
        resilient = ResilientClient(provider, RetryPolicy(max_attempts=2, base_delay=5, jitter=0))
        tasks = [asyncio.ensure_future(client(resilient, store).generate(ask(), Listener())) for _ in range(2)]
        await asyncio.sleep(3)
        tasks[0].cancel()
        assert (await tasks[1]).text == "answer 2"

    run(main)


def test_without_a_listener_the_wait_before_another_attempt_is_slept():
    async def main():
        provider, store = Provider(ServerError("down")), MemoryCache()
        resilient = ResilientClient(provider, RetryPolicy(max_attempts=2, base_delay=5, jitter=0))
        began = asyncio.get_running_loop().time()
        await client(resilient, store).generate(ask())
        assert asyncio.get_running_loop().time() - began == 8.0

    run(main)


def test_limits_and_circuits_are_told_to_the_first():
    class Limited(Provider):
        async def generate(self, request, listener=None):
            listener.limited("rpm", 1.0, 0)
            listener.circuit("fake/small", "open", "why")
            return await super().generate(request, listener)

    async def main():
        provider, store = Limited(), MemoryCache()
        heard = [Listener() for _ in range(2)]
        await asyncio.gather(*(client(provider, store).generate(ask(), one) for one in heard))
        assert heard[0].told[:2] == [("limited", "rpm"), ("circuit", "open")]
        assert heard[1].told == ["answer ", "1"]

    run(main)


# ---- what is damaged


DAMAGES = [
    lambda entry: replace(entry, record="no seal"),
    lambda entry: replace(entry, record=entry.record.replace("answer", "ANSWER")),
    lambda entry: replace(entry, record=sealed(["a list"])),
    lambda entry: replace(entry, record=sealed({})),
    lambda entry: replace(entry, record=sealed({"response": {"~": "record", "c": "Message", "f": {}}})),
    lambda entry: replace(entry, record=sealed({"error": {"type": "ServerError", "message": "down"}})),
    lambda entry: replace(entry, record=sealed({"response": {"~": "record", "c": "EmbedResponse", "f": {"vectors": {"~": "tuple", "v": []}}}})),  # noqa: E501
    lambda entry: replace(entry, request=entry.request.replace("Hello", "Hallo")),
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_asked_again_told_and_replaced(damage, tmp_path, caplog):
    async def main():
        provider, store = Provider(seconds=0), CacheStore(Database(tmp_path / "db"))
        await client(provider, store).generate(ask())
        (found,) = store.entries()
        store.keep(damage(found))
        with caplog.at_level(logging.WARNING, "graphbit_nb"):
            assert (await client(provider, store).generate(ask())).text == "answer 2"
        assert "thrown away" in caplog.text
        assert len(caplog.records) == 1
        assert (await client(provider, store).generate(ask())).text == "answer 2"
        store._database.close()

    asyncio.run(main())


def test_thousands_of_mutations_never_give_anything_but_the_answer_or_a_new_one(tmp_path):
    import random

    chance = random.Random(6)

    async def main():
        provider, store = Provider(seconds=0), MemoryCache()
        await client(provider, store).generate(ask())
        (good,) = store.entries()
        for _ in range(500):
            text = json.dumps(good.given())
            place = chance.randrange(len(text))
            text = text[:place] + chance.choice('"{}[]0~,:x\x00') + text[place + chance.randrange(3) :]
            try:
                changed = sealed(json.loads(text))
            except ValueError:
                continue
            store.keep(replace(good, record=changed))
            answer = await client(provider, store).generate(ask())
            assert isinstance(answer, GenerateResponse)
            assert isinstance(answer.text, str)

    run(main)


# ---- for a whole run


def test_a_script_is_never_remembered():
    provider = Provider()
    memory = RunMemory(MemoryCache())
    assert memory.wrap(provider, Node.prompt("a", "x"), Identity("scripted")) is provider


def test_a_client_may_say_that_it_is_not_remembered():
    provider = Provider()
    provider.remembers = False
    assert RunMemory(MemoryCache()).wrap(provider, Node.prompt("a", "x"), WHO) is provider


def test_the_node_s_mode_goes_before_the_run_s():
    memory = RunMemory(MemoryCache(), CacheMode("disable"))
    assert memory.mode_of(Node.prompt("a", "x", cache="3h")) == CacheMode("default", 10800.0)
    assert memory.mode_of(Node.prompt("a", "x")) == CacheMode("disable")


def test_entries_name_the_node_the_workflow_the_run_and_the_model():
    async def main():
        store = MemoryCache()
        memory = RunMemory(store, workflow="w", run_id="r")
        wrapped = memory.wrap(Provider(), Node.prompt("a", "x"), WHO)
        await wrapped.generate(replace(ask(), node="each[3].a"))
        (found,) = store.entries()
        assert (found.node, found.workflow, found.run, found.model, found.kind) == (
            "each.a", "w", "r", "small", "generate",
        )  # fmt: skip
        assert found.cost == 0.25

    run(main)


def test_answers_of_a_node_that_failed_for_them_are_forgotten():
    async def main():
        provider, store = Provider(), MemoryCache()
        memory = RunMemory(store)
        wrapped = memory.wrap(provider, Node.prompt("a", "x"), WHO)
        await wrapped.generate(ask())
        memory.ended("b", is_rejected=True)
        memory.ended("a", is_rejected=True)
        assert store.stats().entries == 0

    run(main)


def test_answers_of_a_node_that_ended_well_stay():
    async def main():
        store = MemoryCache()
        memory = RunMemory(store)
        await memory.wrap(Provider(), Node.prompt("a", "x"), WHO).generate(ask())
        memory.ended("a", is_rejected=False)
        memory.ended("a", is_rejected=True)
        assert store.stats().entries == 1

    run(main)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_what_would_end_the_event_loop_is_raised_where_the_answer_is_waited_for(error):
    async def main():
        provider, store = Provider(error), MemoryCache()

        async def asks():
            try:
                await client(provider, store).generate(ask())
            except (SystemExit, KeyboardInterrupt) as caught:
                return type(caught)

        assert await asyncio.gather(asks(), asks()) == [type(error)] * 2
        assert (await client(provider, store).generate(ask())).text == "answer 2"

    run(main)


def test_a_foreign_error_that_cannot_be_copied_is_raised_to_all():
    class OddError(ProviderError):
        def __init__(self, a, b):
            super().__init__(f"{a}{b}")

        def __reduce__(self):
            raise TypeError("no copy")

    async def main():
        provider, store = Provider(OddError(1, 2)), MemoryCache()
        asked = [client(provider, store).generate(ask()) for _ in range(2)]
        errors = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(error) for error in errors] == [OddError, OddError]

    run(main)
