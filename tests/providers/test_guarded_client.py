"""A client with breaker, limiter and hedging around it, and who shares these, in virtual time."""

import asyncio

import pytest
from faultserver import Listener, ask

from graphbit_nb import errors
from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.llm import EmbedRequest, EmbedResponse, GenerateResponse, Usage
from graphbit_nb.providers.base import BaseClient
from graphbit_nb.providers.clients import LlmClientManager
from graphbit_nb.providers.guards import Guards
from graphbit_nb.providers.registry import ProviderRegistry
from graphbit_nb.providers.resilient import ResilientClient
from graphbit_nb.reliability.breaker import CircuitBreaker
from graphbit_nb.reliability.ratelimit import RateLimiter
from graphbit_nb.reliability.retry import RetryPolicy
from graphbit_nb.testing import run_in_virtual_time

DOWN = errors.ServerError("down", status=500)
ONCE = RetryPolicy(max_attempts=1)


class Backend(BaseClient):
    """Call number n does item n of its script, the last one again and again: (seconds, what)."""

    provider_name = "backend"

    def __init__(self, *script):
        self.script = script
        self.began, self.hung_up = [], []
        self.running = self.most = 0

    async def generate(self, request, listener=None):
        return await self.act(listener)

    async def embed(self, request, listener=None):
        await self.act(listener)
        return EmbedResponse(vectors=((1.0,),), usage=Usage(input_tokens=5, calls=1))

    async def act(self, listener):
        number = len(self.began)
        self.began.append(now())
        seconds, what = self.script[min(number, len(self.script) - 1)]
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.hung_up.append(number)
            raise
        finally:
            self.running -= 1
        if isinstance(what, BaseException):
            raise what
        if listener is not None and listener.wants_tokens:
            listener.token(what)
        return GenerateResponse(text=what, usage=Usage(input_tokens=60, output_tokens=40, calls=1))


def now():
    return asyncio.get_running_loop().time()


def guarded(backend, retry=ONCE, *, breaker=None, limiter=None, hedge_after=None):
    """With breaker and limiter on the clock of the running loop, as a manager makes them. Call it on the loop."""
    clock = asyncio.get_running_loop().time
    return ResilientClient(
        backend,
        retry,
        breaker=None if breaker is None else breaker.like("acme/m", clock=clock),
        limiter=None if limiter is None else limiter.like("acme/m", clock=clock),
        hedge_after=hedge_after,
        clock=clock,
    )


def ask_all(backend, count, *, listener=None, **guards):
    """Ask `count` questions at the same moment; return what each met, its text or its error."""

    async def main():
        client = guarded(backend, **guards)
        asked = (client.generate(ask("abcd"), listener) for _ in range(count))
        met = await asyncio.gather(*asked, return_exceptions=True)
        return [one.text if isinstance(one, GenerateResponse) else one for one in met]

    return run_in_virtual_time(main())


def ask_in_turn(backend, count, *, listener=None, **guards):
    """Ask one question after the other."""

    async def main():
        client, met = guarded(backend, **guards), []
        for _ in range(count):
            try:
                met.append((await client.generate(ask("abcd"), listener)).text)
            except errors.GraphbitError as error:
                met.append(error)
        return met

    return run_in_virtual_time(main())


QUICK = CircuitBreaker(failure_threshold=0.5, timeout_duration=30.0, half_open_max_calls=1, minimum_calls=2)


# ---- the breaker


def test_a_provider_that_fails_too_often_is_not_called_any_more():
    backend = Backend((1.0, DOWN))
    met = ask_in_turn(backend, 4, breaker=QUICK)
    assert [type(error) for error in met] == [errors.ServerError] * 2 + [errors.CircuitOpenError] * 2
    assert len(backend.began) == 2


def test_the_refusal_says_who_why_how_long_and_what_to_do():
    told = str(ask_in_turn(Backend((1.0, DOWN)), 3, breaker=QUICK)[2])
    assert told.startswith("acme/m is not called for another 30 s, until ")
    assert "2 of the last 2 calls failed, the last with ServerError: down" in told
    assert "fallback" in told


def test_a_refusal_is_not_tried_again():
    backend = Backend((1.0, DOWN))
    met = ask_in_turn(backend, 1, breaker=QUICK, retry=RetryPolicy(max_attempts=9, jitter=0.0))
    assert isinstance(met[0], errors.CircuitOpenError)
    assert len(backend.began) == 2


def test_each_attempt_counts_by_itself():
    backend = Backend((0.0, DOWN), (0.0, "fine"))
    assert ask_in_turn(backend, 1, breaker=QUICK, retry=RetryPolicy(max_attempts=2, jitter=0.0)) == ["fine"]


def test_after_its_rest_the_provider_is_asked_again():
    backend = Backend((0.0, DOWN), (0.0, DOWN), (0.0, "fine"))

    async def main():
        client = guarded(backend, breaker=QUICK)
        for _ in range(2):
            with pytest.raises(errors.ServerError):
                await client.generate(ask())
        await asyncio.sleep(30.0)
        return [(await client.generate(ask())).text for _ in range(2)]

    assert run_in_virtual_time(main()) == ["fine", "fine"]


def test_a_listener_hears_of_each_change_of_the_circuit():
    listener = Listener()
    listener.changes = []
    listener.circuit = lambda name, state, reason: listener.changes.append((name, state))
    ask_in_turn(Backend((1.0, DOWN)), 3, listener=listener, breaker=QUICK, retry=ONCE)
    assert listener.changes == [("acme/m", "open")]


def test_embeddings_stand_under_the_same_breaker():
    backend = Backend((1.0, DOWN))

    async def main():
        client = guarded(backend, breaker=QUICK)
        for expected in (errors.ServerError, errors.ServerError, errors.CircuitOpenError):
            with pytest.raises(expected):
                await client.embed(EmbedRequest(texts=("a",)))

    run_in_virtual_time(main())
    assert len(backend.began) == 2


# ---- the limiter


def test_calls_are_made_no_faster_than_the_limiter_allows():
    backend = Backend((1.0, "fine"))
    assert ask_all(backend, 5, limiter=RateLimiter(requests_per_minute=2)) == ["fine"] * 5
    assert backend.began == [0.0, 0.0, 60.0, 60.0, 120.0]


def test_no_more_calls_are_under_way_than_the_limiter_allows():
    backend = Backend((1.0, "fine"))
    ask_all(backend, 9, limiter=RateLimiter(concurrency=2))
    assert backend.most == 2


def test_a_permit_is_given_back_after_a_failure():
    backend = Backend((1.0, DOWN), (1.0, "fine"))
    assert ask_all(backend, 2, limiter=RateLimiter(concurrency=1)) == [DOWN, "fine"]


def test_a_permit_is_not_kept_during_the_pause_between_attempts():
    backend = Backend((1.0, DOWN), (1.0, "other"), (1.0, "fine"))
    steady = RetryPolicy(base_delay=50.0, max_delay=50.0, jitter=0.0)
    assert ask_all(backend, 2, limiter=RateLimiter(concurrency=1), retry=steady) == ["fine", "other"]
    assert backend.began == [0.0, 1.0, 51.0]


def test_what_a_call_really_cost_takes_the_place_of_the_estimate():
    """Estimated is 1 token, spent are 100: the second has to wait for the end of the first one's minute."""
    backend = Backend((1.0, "fine"))
    ask_in_turn(backend, 2, limiter=RateLimiter(tokens_per_minute=100))
    assert backend.began == [0.0, 60.0]


def test_a_listener_hears_which_limit_its_call_waits_for_how_long_and_that_the_wait_is_over():
    listener = Listener()
    listener.waits = []
    listener.limited = lambda limit, seconds, ahead: listener.waits.append((limit, seconds, ahead))
    ask_all(Backend((1.0, "fine")), 2, listener=listener, limiter=RateLimiter(requests_per_minute=1))
    assert listener.waits == [("acme/m: requests", 60.0, 0), ("acme/m: requests", 0.0, 0)]


def test_nobody_queues_for_a_provider_that_is_given_a_rest():
    """The third and fourth are refused at once, though the limiter would let them wait a minute."""
    backend = Backend((0.0, DOWN))

    async def main():
        client = guarded(backend, breaker=QUICK, limiter=RateLimiter(requests_per_minute=2))
        for expected in (errors.ServerError, errors.ServerError, errors.CircuitOpenError, errors.CircuitOpenError):
            with pytest.raises(expected):
                await client.generate(ask())
        return now()

    assert run_in_virtual_time(main()) == 0.0


def test_who_queued_before_the_circuit_opened_is_refused_and_uses_up_nothing():
    backend = Backend((1.0, DOWN), (1.0, DOWN), (1.0, "fine"))

    async def main():
        client = guarded(backend, breaker=QUICK, limiter=RateLimiter(requests_per_minute=3, concurrency=1))
        met = await asyncio.gather(*(client.generate(ask()) for _ in range(4)), return_exceptions=True)
        await asyncio.sleep(30.0)
        return [type(one) for one in met], (await client.generate(ask())).text, now()

    refused = [errors.ServerError] * 2 + [errors.CircuitOpenError] * 2
    assert run_in_virtual_time(main()) == (refused, "fine", 2.0 + 30.0 + 1.0)


def test_a_provider_that_says_nonsense_about_its_tokens_is_answered_all_the_same():
    class Odd(Backend):
        async def generate(self, request, listener=None):
            return GenerateResponse(text="fine", usage=Usage(input_tokens=-5, output_tokens=1, calls=1))

    assert ask_all(Odd(), 1, limiter=RateLimiter(tokens_per_minute=100)) == ["fine"]


# ---- hedging


def test_a_late_answer_is_asked_for_again_and_both_calls_are_counted():
    backend = Backend((100.0, "late"), (1.0, "fine"))

    async def main():
        return await guarded(backend, hedge_after=5.0).generate(ask()), now()

    answer, ended = run_in_virtual_time(main())
    assert (answer.text, answer.usage.calls, ended) == ("fine", 2, 6.0)
    assert (backend.began, backend.hung_up) == ([0.0, 5.0], [0])


def test_an_answer_in_time_counts_as_one_call():
    async def main():
        return await guarded(Backend((1.0, "fine")), hedge_after=5.0).generate(ask())

    assert run_in_virtual_time(main()).usage.calls == 1


def test_a_listener_hears_the_pieces_of_one_call_only():
    listener = Listener()
    ask_all(Backend((6.0, "first"), (1.0, "second")), 1, listener=listener, hedge_after=5.0)
    assert listener.tokens == ["first"]


def test_when_both_calls_fail_it_is_one_attempt_and_the_next_may_have_two_again():
    backend = Backend((6.0, DOWN), (6.0, DOWN), (100.0, "late"), (1.0, "fine"))
    steady = RetryPolicy(max_attempts=2, base_delay=10.0, jitter=0.0)
    assert ask_all(backend, 1, retry=steady, hedge_after=5.0) == ["fine"]
    assert backend.began == [0.0, 5.0, 21.0, 26.0]


def test_both_calls_need_a_permit():
    backend = Backend((10.0, "first"), (1.0, "second"))
    assert ask_all(backend, 1, limiter=RateLimiter(concurrency=1), hedge_after=5.0) == ["first"]
    assert backend.most == 1


def test_a_second_call_that_was_not_made_is_not_counted():
    """It waits for the permit that the first call has."""

    async def main():
        client = guarded(Backend((10.0, "first")), limiter=RateLimiter(concurrency=1), hedge_after=5.0)
        return (await client.generate(ask())).usage.calls

    assert run_in_virtual_time(main()) == 1


def test_a_second_call_that_the_breaker_refuses_is_not_counted():
    """A half-open circuit lets one call through, and that is the first."""
    backend = Backend((0.0, DOWN), (0.0, DOWN), (10.0, "fine"))

    async def main():
        client = guarded(backend, breaker=QUICK, hedge_after=5.0)
        for _ in range(2):
            with pytest.raises(errors.ServerError):
                await client.generate(ask())
        await asyncio.sleep(30.0)
        return await client.generate(ask())

    answer = run_in_virtual_time(main())
    assert (answer.text, answer.usage.calls) == ("fine", 1)


def test_waiting_for_a_permit_is_no_lateness():
    """The last two begin after ten seconds in the queue, and answer in time: there is nothing to ask again."""
    backend = Backend((10.0, "a"), (10.0, "b"), (1.0, "c"), (3.0, "d"))
    assert ask_all(backend, 4, limiter=RateLimiter(concurrency=2), hedge_after=5.0) == ["a", "b", "c", "d"]
    assert backend.began == [0.0, 0.0, 10.0, 10.0]


def test_cancelling_a_hedged_call_gives_its_permits_back_and_leaves_no_task():
    backend = Backend((100.0, "late"), (100.0, "late"), (1.0, "fine"))

    async def main():
        client = guarded(backend, limiter=RateLimiter(concurrency=2), hedge_after=5.0)
        asking = asyncio.ensure_future(client.generate(ask()))
        await asyncio.sleep(6)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return len(asyncio.all_tasks()) - 1, (await client.generate(ask())).text

    assert run_in_virtual_time(main()) == (0, "fine")


def test_the_call_that_lost_says_nothing_about_the_providers_health():
    backend = Backend((100.0, "late"), (1.0, "fine"), (100.0, "late"), (1.0, "fine"))
    breaker = CircuitBreaker(failure_threshold=0.1, minimum_calls=1)
    assert ask_in_turn(backend, 2, breaker=breaker, hedge_after=5.0) == ["fine", "fine"]


def test_a_streamed_answer_can_be_hedged():
    backend = Backend((100.0, "late"), (1.0, "fine"))

    async def main():
        answer = guarded(backend, hedge_after=5.0).stream(ask())
        return [piece async for piece in answer], answer.response.text

    assert run_in_virtual_time(main()) == (["fine"], "fine")


def test_leaving_a_hedged_stream_early_hangs_up_on_both_calls():
    class Talks(Backend):
        async def act(self, listener):
            number = len(self.began)
            self.began.append(now())
            try:
                await asyncio.sleep(6.0)
                listener.token(f"{number}")
                await asyncio.sleep(100)
            finally:
                self.hung_up.append(number)

    backend = Talks()

    async def main():
        async with guarded(backend, hedge_after=5.0).stream(ask()) as answer:
            assert await anext(aiter(answer)) == "0"

    run_in_virtual_time(main())
    assert sorted(backend.hung_up) == [0, 1]


def test_the_call_that_lost_is_hung_up_on_as_soon_as_the_other_says_something():
    """Its answer cannot be taken any more, but it is paid for, and it has a permit that others wait for."""
    ended = []

    class Talks(Backend):
        async def act(self, listener):
            number = len(self.began)
            self.began.append(now())
            try:
                await asyncio.sleep(6.0)
                listener.token("a")
                await asyncio.sleep(10.0)
            finally:
                ended.append((number, now()))
            return GenerateResponse(text="a")

    async def main():
        return await guarded(Talks(), hedge_after=5.0).generate(ask(), Listener())

    assert run_in_virtual_time(main()).text == "a"
    assert ended == [(1, 6.0), (0, 16.0)]


# ---- who shares a breaker and a limiter


def on_a_loop(check):
    async def main():
        return check(Guards())

    return run_in_virtual_time(main())


def test_the_same_rules_for_the_same_model_are_one_breaker():
    assert on_a_loop(lambda g: g.breaker("m", "m", CircuitBreaker()) is g.breaker("m", "m", CircuitBreaker()))


def test_another_model_has_a_breaker_of_its_own():
    assert on_a_loop(lambda g: g.breaker("m", "m", QUICK) is not g.breaker("n", "n", QUICK))


def test_other_rules_are_another_breaker():
    assert on_a_loop(lambda g: g.breaker("m", "m", QUICK) is not g.breaker("m", "m", CircuitBreaker()))


def test_who_wants_to_be_told_has_a_breaker_of_its_own():
    told = CircuitBreaker(on_change=print)
    assert on_a_loop(lambda g: g.breaker("m", "m", told) is not g.breaker("m", "m", CircuitBreaker()))


def test_the_pattern_itself_is_never_used():
    assert on_a_loop(lambda g: g.breaker("m", "m", QUICK) is not QUICK)


def test_the_same_limits_for_the_same_model_are_one_limiter():
    assert on_a_loop(lambda g: g.limiter("m", "m", RateLimiter(5)) is g.limiter("m", "m", RateLimiter(5)))


@pytest.mark.parametrize("other", [RateLimiter(6), RateLimiter(None, 5), RateLimiter(concurrency=5)])
def test_other_limits_are_another_limiter(other):
    assert on_a_loop(lambda g: g.limiter("m", "m", RateLimiter(5)) is not g.limiter("m", "m", other))


def test_a_listener_that_cannot_be_hashed_can_be_told_as_well():
    class Changes(list):
        def __call__(self, change):
            self.append(change)

    pattern = CircuitBreaker(on_change=Changes())
    assert on_a_loop(lambda g: g.breaker("m", "m", pattern) is g.breaker("m", "m", pattern))


def test_of_several_breakers_of_one_name_the_worst_off_is_told():
    async def main():
        guards = Guards()
        guards.breaker("m", "acme/m", CircuitBreaker())
        sick = guards.breaker("m", "acme/m", QUICK)
        guards.breaker("n", "acme/n", QUICK)

        async def fail():
            raise DOWN

        for _ in range(2):
            with pytest.raises(errors.ServerError):
                await sick.call(fail)
        return dict(guards.states())

    assert run_in_virtual_time(main()) == {"acme/m": "open", "acme/n": "closed"}


# ---- the manager's door


def through_a_manager(backend, use):
    async def main():
        manager = LlmClientManager()
        ProviderRegistry.register("acme", lambda _: backend)
        try:
            return await use(manager)
        finally:
            ProviderRegistry.unregister("acme")
            await manager.aclose()

    return run_in_virtual_time(main())


M, N = (LlmConfig(provider="acme", model=model) for model in "mn")


def test_a_client_with_nothing_told_is_tried_again_and_nothing_more():
    async def use(manager):
        return (await manager.resilient(M).generate(ask())).text

    assert through_a_manager(Backend((0.0, DOWN), (0.0, "fine")), use) == "fine"


def test_two_who_ask_the_same_model_share_its_limit():
    backend = Backend((1.0, "fine"))

    async def use(manager):
        clients = [manager.resilient(M, limiter=RateLimiter(requests_per_minute=1)) for _ in range(2)]
        await asyncio.gather(*(client.generate(ask()) for client in clients))

    through_a_manager(backend, use)
    assert backend.began == [0.0, 60.0]


def test_two_models_of_one_provider_do_not():
    backend = Backend((1.0, "fine"))

    async def use(manager):
        clients = [manager.resilient(config, limiter=RateLimiter(requests_per_minute=1)) for config in (M, N)]
        await asyncio.gather(*(client.generate(ask()) for client in clients))

    through_a_manager(backend, use)
    assert backend.began == [0.0, 0.0]


def test_a_breaker_that_one_has_opened_is_open_for_the_other_whatever_its_retries():
    async def use(manager):
        for _ in range(2):
            with pytest.raises(errors.ServerError):
                await manager.resilient(M, ONCE, breaker=QUICK).generate(ask())
        with pytest.raises(errors.CircuitOpenError):
            await manager.resilient(M, RetryPolicy(), breaker=QUICK).generate(ask())
        return dict(manager.guards.states())

    assert through_a_manager(Backend((0.0, DOWN)), use) == {"acme/m": "open"}


def test_another_key_is_another_account_with_limits_of_its_own():
    backend = Backend((1.0, "fine"))

    async def use(manager):
        configs = [LlmConfig(provider="acme", model="m", api_key=key) for key in ("one", "two")]
        clients = [manager.resilient(config, limiter=RateLimiter(requests_per_minute=1)) for config in configs]
        await asyncio.gather(*(client.generate(ask()) for client in clients))

    through_a_manager(backend, use)
    assert backend.began == [0.0, 0.0]


def test_many_at_once_stand_under_the_limit_too():
    backend = Backend((1.0, "fine"))

    async def use(manager):
        client = manager.resilient(M, limiter=RateLimiter(concurrency=3))
        return [answer.text for answer in await client.generate_many([ask()] * 7)]

    assert through_a_manager(backend, use) == ["fine"] * 7
    assert backend.most == 3


def test_time_is_the_loops_for_retries_as_for_all_else():
    """Attempts of 10 seconds and pauses of 10: within 35 seconds two can begin."""
    backend = Backend((10.0, DOWN))
    steady = RetryPolicy(max_attempts=9, base_delay=10.0, backoff_multiplier=1.0, jitter=0.0, max_time=35.0)

    async def use(manager):
        with pytest.raises(errors.ServerError):
            await manager.resilient(M, steady).generate(ask())

    through_a_manager(backend, use)
    assert backend.began == [0.0, 20.0]


def test_a_number_of_attempts_is_a_policy_as_an_executor_takes_it():
    backend = Backend((0.0, DOWN))

    async def use(manager):
        with pytest.raises(errors.ServerError):
            await manager.resilient(M, 2).generate(ask())

    through_a_manager(backend, use)
    assert len(backend.began) == 2


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"retry": "often"}, "retry='often'"),
        ({"hedge_after": -1}, "hedge_after must be a number of seconds above 0, not -1"),
        ({"breaker": True}, "breaker=True"),
        ({"limiter": 5}, "limiter=5"),
    ],
    ids=str,
)
def test_a_slip_is_refused_before_any_call(told, message):
    async def use(manager):
        with pytest.raises(errors.UsageError, match=message):
            manager.resilient(M, **told)

    through_a_manager(Backend(), use)


def test_an_unknown_provider_is_refused_with_the_nearest_name():
    async def use(manager):
        with pytest.raises(errors.ConfigurationError, match="there is no provider 'opena'; did you mean 'openai'"):
            manager.resilient(LlmConfig(provider="opena", model="m"))

    through_a_manager(Backend(), use)
