"""What an executor is told about its calls: breaker=, rate_limit=, hedge_after= and retry=, and every slip."""

import asyncio

import pytest

import graphbit_nb as gb
from graphbit_nb.providers.registry import ProviderRegistry
from graphbit_nb.session.reliability import DEFAULT_RELIABILITY, read_reliability
from graphbit_nb.testing import run_in_virtual_time

DOWN = gb.ServerError("down", status=500)
ONE, TWO = gb.RateLimiter(1), gb.RateLimiter(2)


def read(retry=None, breaker=None, rate_limit=None, hedge_after=None):
    return read_reliability(retry, breaker, rate_limit, hedge_after)


def asks(provider, model="m"):
    return gb.LlmConfig(provider=provider, model=model)


# ---- what they mean


def test_with_nothing_told_calls_are_tried_again_behind_a_breaker_and_made_once_without_limits():
    told = gb.WorkflowExecutor().reliability
    assert told.retry == gb.RetryPolicy() == DEFAULT_RELIABILITY.retry
    assert told.breaker.rules == gb.CircuitBreaker().rules == DEFAULT_RELIABILITY.breaker.rules
    assert (told.limiter_for(asks("openai")), told.hedge_after) == (None, None)


def test_a_breaker_is_taken_as_it_is():
    breaker = gb.CircuitBreaker(minimum_calls=2)
    assert gb.WorkflowExecutor(breaker=breaker).reliability.breaker is breaker


def test_false_is_no_breaker():
    assert gb.WorkflowExecutor(breaker=False).reliability.breaker is None


def test_a_number_of_attempts_is_a_policy():
    assert gb.WorkflowExecutor(retry=2).reliability.retry == gb.RetryPolicy(max_attempts=2)


def test_seconds_of_hedging_are_taken():
    assert gb.WorkflowExecutor(hedge_after=2).reliability.hedge_after == 2.0


def test_one_limiter_is_the_pattern_for_every_model():
    told = read(rate_limit=ONE)
    assert told.limiter_for(asks("openai")) is told.limiter_for(asks("ollama")) is ONE


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"openai": ONE}, ONE),
        ({"openai/m": ONE}, ONE),
        ({"*": ONE}, ONE),
        ({"openai/m": ONE, "openai": TWO, "*": TWO}, ONE),
        ({"openai": ONE, "*": TWO}, ONE),
        ({"openai/other": TWO, "openai": ONE}, ONE),
        ({"openai/other": TWO}, None),
        ({"ollama": TWO}, None),
        ({}, None),
    ],
)
def test_the_most_exact_name_says_which_limiter(limits, expected):
    assert read(rate_limit=limits).limiter_for(asks("openai")) is expected


def test_a_models_name_may_have_slashes():
    told = read(rate_limit={"openrouter/meta/llama-3": ONE})
    assert told.limiter_for(asks("openrouter", "meta/llama-3")) is ONE


def test_the_table_is_copied():
    given = {"openai": ONE}
    told = read(rate_limit=given)
    given["openai"] = TWO
    assert told.limiter_for(asks("openai")) is ONE


# ---- slips


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"breaker": True}, r"breaker=True: give a CircuitBreaker, or False for none"),
        ({"breaker": 0}, r"breaker=0: give a CircuitBreaker, or False for none"),
        ({"breaker": gb.CircuitBreaker}, r"breaker=<class .*CircuitBreaker'>: give a CircuitBreaker, or False"),
        ({"breaker": {"minimum_calls": 2}}, r"breaker=\{'minimum_calls': 2\}: give a CircuitBreaker"),
        ({"rate_limit": 500}, r"rate_limit=500: give a RateLimiter, or a dict of them by provider, such as"),
        ({"rate_limit": True}, r"rate_limit=True: give a RateLimiter"),
        ({"rate_limit": False}, r"rate_limit=False: give a RateLimiter"),
        ({"rate_limit": [ONE]}, r"rate_limit=\[RateLimiter\(requests_per_minute=1\)\]: give a RateLimiter"),
        ({"rate_limit": gb.RateLimiter}, r"rate_limit=<class .*RateLimiter'>: give a RateLimiter"),
        ({"rate_limit": {"openai": 500}}, r"rate_limit\['openai'\]=500: give a RateLimiter"),
        ({"rate_limit": {"openai": None}}, r"rate_limit\['openai'\]=None: give a RateLimiter"),
        ({"rate_limit": {"opena": ONE}}, r"rate_limit: there is no provider 'opena'; did you mean 'openai'\?"),
        ({"rate_limit": {"opena/gpt-4o": ONE}}, r"no provider 'opena'; did you mean 'openai'\?.*'provider/model'"),
        ({"rate_limit": {"": ONE}}, r"rate_limit: there is no provider ''"),
        ({"rate_limit": {None: ONE}}, r"rate_limit: there is no provider None"),
        ({"rate_limit": {3: ONE}}, r"rate_limit: there is no provider 3"),
        ({"rate_limit": {("openai", "m"): ONE}}, r"rate_limit: there is no provider \('openai', 'm'\)"),
        ({"rate_limit": {"gpt-4o": ONE}}, r"rate_limit: there is no provider 'gpt-4o'.*'provider/model'"),
        ({"hedge_after": 0}, r"hedge_after must be a number of seconds above 0, not 0; None asks only once"),
        ({"hedge_after": -2.0}, r"hedge_after must be a number of seconds above 0, not -2.0"),
        ({"hedge_after": True}, r"hedge_after must be a number of seconds above 0, not True"),
        ({"hedge_after": "2s"}, r"hedge_after must be a number of seconds above 0, not '2s'"),
        ({"hedge_after": float("nan")}, r"hedge_after must be a number of seconds above 0, not nan"),
        ({"retry": "often"}, r"retry='often': give the number of attempts in all, or a RetryPolicy"),
        ({"retry": 2.5}, r"retry=2.5: give the number of attempts in all, or a RetryPolicy"),
        ({"retry": gb.RetryPolicy}, r"retry=<class .*RetryPolicy'>: give the number"),
        ({"retry": 0}, r"must be a whole number of at least 1, not 0; 1 means that nothing is tried again"),
        ({"retry": -3}, r"must be a whole number of at least 1, not -3"),
        ({"retry": False}, r"must be a whole number of at least 1, not False; 1 means that nothing is tried again"),
        ({"retry": True}, r"must be a whole number of at least 1, not True"),
    ],
    ids=str,
)
def test_a_slip_is_refused_with_the_value_and_what_to_give(told, message):
    with pytest.raises(gb.UsageError, match=message):
        gb.WorkflowExecutor(**told)


@pytest.mark.parametrize("retry", [0, False, True])
def test_a_slip_of_retry_names_retry(retry):
    with pytest.raises(gb.UsageError, match="retry="):
        gb.WorkflowExecutor(retry=retry)


@pytest.mark.parametrize("place", ["*/gpt-4o", "openai/"])
def test_a_place_that_no_model_can_be_at_is_refused(place):
    """It would limit nothing, and nobody would know."""
    with pytest.raises(gb.UsageError, match="rate_limit"):
        gb.WorkflowExecutor(rate_limit={place: ONE})


def test_a_provider_that_is_not_registered_yet_is_refused_with_how_to():
    with pytest.raises(gb.UsageError, match="ProviderRegistry"):
        gb.WorkflowExecutor(rate_limit={"initech": ONE})


# ---- what they do in runs


class Acme(gb.CustomLlmClient):
    """Does the items of `script` one after the other, the last again and again: (seconds, what)."""

    script = ((1.0, "fine"),)
    began = ()

    async def generate(self, request, listener=None):
        began = type(self).began
        seconds, what = self.script[min(len(began), len(self.script) - 1)]
        began.append(asyncio.get_running_loop().time())
        await asyncio.sleep(seconds)
        if isinstance(what, BaseException):
            raise what
        return gb.GenerateResponse(text=what, usage=gb.Usage(input_tokens=5, output_tokens=5, calls=1))


@pytest.fixture
def acme():
    """Registers a provider that does this script, and returns when it was asked."""

    def put(*script, name="acme"):
        made = type("Made", (Acme,), {"script": script, "began": []})
        ProviderRegistry.register(name, made)
        return made.began

    yield put
    for name in ("acme", "other"):
        ProviderRegistry.unregister(name)


def chain(count):
    """Nodes one after the other."""
    builder = gb.WorkflowBuilder("chain")
    builder.add_node(gb.Node.prompt("n0", "hello"))
    for number in range(1, count):
        builder.add_node(gb.Node.prompt(f"n{number}", f"{{{{ n{number - 1} }}}}"))
    return builder.build()


def wide(count, **more):
    builder = gb.WorkflowBuilder("wide")
    for number in range(count):
        builder.add_node(gb.Node.prompt(f"n{number}", "hello", **more))
    return builder.build()


def run(workflow, config=None, **settings):
    """Run the workflow on a loop of its own in virtual time; return its result."""
    executor = gb.WorkflowExecutor(config or asks("acme"), cache="disable", storage="memory", **settings)
    return run_in_virtual_time(executor.run(workflow, loop="current"))


def test_a_rate_limit_holds_the_nodes_of_a_run_back(acme):
    began = acme((1.0, "fine"))
    result = run(wide(4), rate_limit=gb.RateLimiter(2))
    assert result.is_success()
    assert began == [0.0, 0.0, 60.0, 60.0]


def test_a_rate_limit_of_one_provider_leaves_the_others_alone(acme):
    began, others = acme((1.0, "fine")), acme((1.0, "fine"), name="other")
    builder = gb.WorkflowBuilder("w")
    for number in range(2):
        builder.add_node(gb.Node.prompt(f"a{number}", "hello"))
        builder.add_node(gb.Node.prompt(f"b{number}", "hello", provider=asks("other")))
    run(builder.build(), rate_limit={"acme": ONE})
    assert (began, others) == ([0.0, 60.0], [0.0, 0.0])


def test_attempts_count_for_the_rate_limit(acme):
    began = acme((0.0, DOWN), (0.0, "fine"))
    run(wide(1), rate_limit=ONE, retry=gb.RetryPolicy(jitter=0.0))
    assert began == [0.0, 60.0]


def test_a_breaker_opens_in_a_run_and_its_nodes_say_so(acme):
    began = acme((0.0, DOWN))
    breaker = gb.CircuitBreaker(minimum_calls=2, timeout_duration=30.0)
    result = run(wide(1), breaker=breaker, retry=gb.RetryPolicy(max_attempts=9, jitter=0.0))
    assert result.nodes["n0"].error.type == "CircuitOpenError"
    assert "acme/m is not called for another" in result.nodes["n0"].error.message
    assert len(began) == 2


def test_without_a_breaker_every_attempt_is_made(acme):
    began = acme((0.0, DOWN))
    run(wide(1), breaker=False, retry=gb.RetryPolicy(max_attempts=30, jitter=0.0))
    assert len(began) == 30


def test_with_nothing_told_the_breaker_of_the_docs_is_there(acme):
    began = acme((0.0, DOWN))
    run(wide(1), retry=gb.RetryPolicy(max_attempts=30, base_delay=0.0))
    assert len(began) == 20


def test_a_model_that_stands_in_is_asked_while_the_circuit_is_open(acme):
    acme((0.0, DOWN))
    others = acme((0.0, "instead"), name="other")
    breaker = gb.CircuitBreaker(minimum_calls=2)
    policy = gb.RetryPolicy(max_attempts=9, jitter=0.0)
    result = run(wide(1, fallback=asks("other")), breaker=breaker, retry=policy)
    assert (result.outputs, len(others)) == ({"n0": "instead"}, 1)


def test_a_late_answer_is_hedged_in_a_run_and_counts_both_calls(acme):
    began = acme((100.0, "late"), (1.0, "fine"))
    result = run(wide(1), hedge_after=5.0)
    assert (result.outputs, began) == ({"n0": "fine"}, [0.0, 5.0])
    assert result.nodes["n0"].usage.calls == 2


def test_a_policys_time_ends_the_attempts_of_a_run(acme):
    began = acme((10.0, DOWN))
    policy = gb.RetryPolicy(max_attempts=9, base_delay=10.0, backoff_multiplier=1.0, jitter=0.0, max_time=35.0)
    run(wide(1), retry=policy)
    assert began == [0.0, 20.0]


def test_a_nodes_own_retry_goes_before_the_executors(acme):
    began = acme((0.0, DOWN))
    run(wide(1, retry=2), retry=9)
    assert len(began) == 2


def test_runs_at_the_same_time_share_the_limit_of_a_model():
    class Counting(gb.CustomLlmClient):
        running = most = calls = 0

        async def generate(self, request, listener=None):
            Counting.calls += 1
            Counting.running += 1
            Counting.most = max(Counting.most, Counting.running)
            for _ in range(3):
                await asyncio.sleep(0)
            Counting.running -= 1
            return gb.GenerateResponse(text="fine")

    ProviderRegistry.register("counting", Counting)
    try:
        limit = gb.RateLimiter(concurrency=1)
        executors = [gb.WorkflowExecutor(asks("counting"), rate_limit=limit, cache="disable") for _ in range(3)]
        handles = [executor.start(wide(4)) for executor in executors]
        assert all(handle.result().is_success() for handle in handles)
    finally:
        ProviderRegistry.unregister("counting")
    assert (Counting.calls, Counting.most) == (12, 1)


def test_nodes_one_after_the_other_each_keep_to_the_limit(acme):
    began = acme((0.0, "fine"))
    run(chain(3), rate_limit=ONE)
    assert began == [0.0, 60.0, 120.0]


def test_time_in_the_queue_counts_for_the_deadline(acme):
    acme((1.0, "fine"))
    result = run(wide(2), rate_limit=ONE, deadline=10.0)
    assert not result.is_success()
    assert sum(node.state.value == "succeeded" for node in result.nodes.values()) == 1
