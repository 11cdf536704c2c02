"""Budgets: a run that would pass one stops before the call, keeps what it has, and goes on when there is more."""

import asyncio

import pytest

import graphbit_nb as gb
from graphbit_nb.session import budgets
from graphbit_nb.session.budgets import kernel_purse
from graphbit_nb.testing import run_in_virtual_time

PRICE = {"scripted": (1_000_000.0, 1_000_000.0)}  # a dollar for each token


@pytest.fixture(autouse=True)
def _nothing_spent():
    budgets.forget_budgets()
    yield
    budgets.forget_budgets()


def chain(*names, **options):
    builder = gb.WorkflowBuilder("chain")
    before = None
    for name in names:
        builder.add_node(gb.Node.prompt(name, "go", after=[before] if before else [], max_tokens=1, **options))
        before = name
    return builder.build()


def fan(count, **options):
    builder = gb.WorkflowBuilder("fan")
    builder.add_node(gb.Node.python("items", lambda: list(range(count))))
    builder.add_node(gb.Node.prompt("each", "say {{ i }}", for_each="i in items", max_tokens=1, **options))
    return builder.build()


def executor(responses=None, **options):
    return gb.WorkflowExecutor(gb.LlmConfig.scripted(responses or {"*": "x"}), storage="memory", **options)


def errors(result):
    return {name: node.error.type for name, node in result.nodes.items() if node.error is not None}


def test_a_run_within_its_budget_is_like_any_other():
    result = executor(budget=gb.Budget(calls=2)).execute(chain("a", "b"))
    assert result.is_success()


def test_the_call_that_would_pass_the_budget_is_not_made():
    made = []
    result = executor({"*": lambda request: made.append(request.node) or "x"}).execute(
        chain("a", "b", "c"), budget=gb.Budget(calls=2)
    )
    assert made == ["a", "b"]
    assert errors(result) == {"c": "BudgetExceeded"}
    assert result.outputs["b"] == "x"


def test_the_error_says_which_budget_what_is_spent_what_the_call_would_cost_and_how_to_go_on():
    result = executor({"*": "one two"}).execute(chain("a", "b"), budget=gb.Budget(tokens=8))
    message = result.nodes["b"].error.message
    assert "the budget of the run is 8 tokens; spent so far: 3 tokens" in message
    assert "the next call (scripted/scripted, about 5 tokens in and 1 out) may cost 6 tokens" in message
    assert "executor.resume(result, budget=Budget(tokens=18))" in message


@pytest.mark.parametrize(
    ("budget", "asked"),
    [
        (gb.Budget(calls=3), 3),
        (gb.Budget(tokens=11), 3),  # 6 are put aside for each, 2 are used
        (gb.Budget(cost=8.0, prices=PRICE), 2),
        (gb.Budget(calls=0), 0),
    ],
    ids=["calls", "tokens", "cost", "none"],
)
def test_every_kind_of_limit_stops_a_run(budget, asked):
    result = executor(budget=budget).execute(chain("a", "b", "c", "d"))
    assert [node.state == "succeeded" for node in result.nodes.values()] == [True] * asked + [False] * (4 - asked)
    assert errors(result) == {"abcd"[asked]: "BudgetExceeded"}


def spent(result):
    return dict(budgets.kernel_accounts())[result.run_id].run.spent


def reserved(result):
    return dict(budgets.kernel_accounts())[result.run_id].run.reserved


def test_a_dict_a_number_or_a_text_is_a_budget_too():
    for budget in ({"calls": 1}, "calls=1"):
        assert errors(executor().execute(chain("a", "b"), budget=budget)) == {"b": "BudgetExceeded"}
    assert executor(budget=0).execute(chain("a")).is_success()  # a script costs nothing


@pytest.mark.parametrize("budget", ["call=1", {"cash": 1}, True, gb.Budget])
def test_what_is_no_budget_is_refused_before_anything_runs(budget):
    with pytest.raises(gb.UsageError, match="budget"):
        executor(budget=budget)
    with pytest.raises(gb.UsageError, match="budget"):
        executor().execute(chain("a"), budget=budget)


def test_when_nothing_more_is_asked_what_asks_nobody_goes_on():
    builder = gb.WorkflowBuilder("two")
    builder.add_node(gb.Node.prompt("a", "go"))
    builder.add_node(gb.Node.prompt("b", "go", after=["a"]))
    builder.add_node(gb.Node.python("size", lambda a: len(a)))  # noqa: PLW0108
    result = executor().execute(builder.build(), budget=gb.Budget(calls=1))
    assert errors(result) == {"b": "BudgetExceeded"}
    assert result.outputs["size"] == 1


def test_once_a_call_is_refused_a_smaller_one_is_not_made_either():
    builder = gb.WorkflowBuilder("sizes")
    builder.add_node(gb.Node.prompt("large", "go", max_tokens=1_000))
    builder.add_node(gb.Node.prompt("small", "go", max_tokens=1))
    result = executor(strategy="sequential").execute(builder.build(), budget=gb.Budget(tokens=100))
    assert errors(result) == {"large": "BudgetExceeded", "small": "BudgetExceeded"}


def test_a_fallback_value_stands_in_for_a_call_that_cannot_be_paid():
    result = executor().execute(chain("a", "b", fallback="none"), budget=gb.Budget(calls=1))
    assert result.is_success()
    assert result.outputs["b"] == "none"


def test_a_fallback_model_is_paid_for_as_well():
    made = []
    dear = gb.LlmConfig.scripted({"*": gb.BadRequestError("no")})
    cheap = gb.LlmConfig.scripted({"*": lambda _: made.append(1) or "x"})
    workflow = chain("a", provider=dear, fallback=cheap)
    assert errors(executor().execute(workflow, budget=gb.Budget(calls=1))) == {"a": "BudgetExceeded"}
    assert not made
    assert executor().execute(workflow, budget=gb.Budget(calls=2)).is_success()


def test_every_attempt_counts():
    busy = gb.OverloadedError("busy")
    script = {"*": [busy, busy, "x"]}
    retry = gb.RetryPolicy(max_attempts=3, base_delay=0)
    assert executor(script, retry=retry).execute(chain("a"), budget=gb.Budget(calls=3)).is_success()
    result = executor(script, retry=retry).execute(chain("a"), budget=gb.Budget(calls=2))
    assert errors(result) == {"a": "BudgetExceeded"}
    assert spent(result).calls == 2


def test_an_attempt_that_was_refused_costs_no_tokens():
    result = executor({"*": [gb.OverloadedError("busy"), "x"]}, retry=gb.RetryPolicy(base_delay=0)).execute(chain("a"))
    assert (spent(result).calls, spent(result).tokens) == (2, 2)


def test_an_answer_that_does_not_fit_is_paid_for_and_so_is_the_next():
    builder = gb.WorkflowBuilder("fits")
    builder.add_node(gb.Node.prompt("n", "go", output="int"))
    workflow = builder.build()
    assert errors(executor({"*": ["no", "3"]}).execute(workflow, budget=gb.Budget(calls=1))) == {"n": "BudgetExceeded"}
    assert executor({"*": ["no", "3"]}).execute(workflow, budget=gb.Budget(calls=2)).outputs["n"] == 3


def test_a_run_that_is_resumed_with_more_goes_on_and_counts_what_it_had_spent():
    made = []
    runner = executor({"*": lambda request: made.append(request.node) or "x"})
    workflow = chain("a", "b", "c", "d")
    result = runner.execute(workflow, budget=gb.Budget(calls=2))
    again = runner.resume(result, budget=gb.Budget(calls=3))
    assert made == ["a", "b", "c"]
    assert errors(again) == {"d": "BudgetExceeded"}
    assert runner.resume(again, budget=gb.Budget(calls=4)).is_success()
    assert made == ["a", "b", "c", "d"]


def test_a_run_that_is_resumed_without_a_word_has_the_budget_that_it_had():
    result = executor().execute(chain("a", "b"), budget=gb.Budget(calls=1))
    assert errors(executor().resume(result)) == {"b": "BudgetExceeded"}
    assert executor(budget=gb.Budget(calls=2)).resume(result).is_success()


def test_a_run_from_another_process_has_spent_what_its_events_tell():
    runner = executor({"*": [gb.OverloadedError("busy"), "x", "x"]}, retry=gb.RetryPolicy(base_delay=0))
    result = runner.execute(chain("a", "b", "c"), budget=gb.Budget(calls=3))
    before = spent(result)
    budgets.forget_budgets()
    again = executor().resume(result, budget=gb.Budget(calls=3))
    assert errors(again) == {"c": "BudgetExceeded"}
    assert (before.calls, before.tokens) == (spent(again).calls, spent(again).tokens) == (3, 4)


def test_what_is_remembered_costs_nothing():
    calls = []

    @gb.ProviderRegistry.register("counted")
    class Counted(gb.CustomLlmClient):
        async def generate(self, request, listener=None):
            calls.append(request.node)
            return gb.GenerateResponse(text="x", finish_reason="stop")

    try:
        runner = gb.WorkflowExecutor(gb.LlmConfig(provider="counted", model="m"), storage="memory")
        assert runner.execute(chain("a")).is_success()
        result = runner.execute(chain("a"), budget=gb.Budget(calls=0, tokens=0))
        assert result.is_success()
        assert (spent(result).calls, len(calls)) == (0, 1)
        alike = gb.WorkflowBuilder("alike")
        for name in "abc":
            alike.add_node(gb.Node.prompt(name, "the same", cache="recompute" if name == "d" else None))
        assert runner.execute(alike.build(), budget=gb.Budget(calls=1)).is_success()  # equal calls are made once
    finally:
        gb.ProviderRegistry.unregister("counted")


def test_what_is_played_costs_nothing(tmp_path):
    path = tmp_path / "calls.jsonl"
    executor(cassette=gb.Cassette(path, "new_episodes")).execute(chain("a"))
    result = executor(cassette=gb.Cassette(path, "none")).execute(chain("a"), budget=gb.Budget(calls=0))
    assert result.is_success()
    assert spent(result).calls == 0


class Slow(gb.CustomLlmClient):
    """Answers after a while, with as many tokens as it is told; counts who is under way."""

    def __init__(self, answer=1, seconds=1.0, cost=None):
        super().__init__(gb.LlmConfig(provider="slow", model="m"))
        self.answer, self.seconds, self.cost = answer, seconds, cost
        self.busy = self.peak = self.calls = 0

    async def generate(self, request, listener=None):
        self.calls += 1
        self.busy += 1
        self.peak = max(self.peak, self.busy)
        try:
            seconds = self.seconds.pop(0) if isinstance(self.seconds, list) else self.seconds
            await asyncio.sleep(seconds)
        finally:
            self.busy -= 1
        usage = gb.Usage(input_tokens=1, output_tokens=self.answer, calls=1)
        return gb.GenerateResponse(text="x", finish_reason="stop", usage=usage, cost=self.cost)


@pytest.fixture
def slow():
    """Makes a provider of its own, asked in virtual time: slow(answer=...) gives client and how to run a workflow."""

    def make(**options):
        client = Slow(**options)
        gb.ProviderRegistry.register("slow", lambda _: client)

        def run(workflow, **settings):
            config = gb.LlmConfig(provider="slow", model="m")
            runner = gb.WorkflowExecutor(config, storage="memory", cache="disable", max_concurrency=200, **settings)
            return run_in_virtual_time(runner.run(workflow, loop="current"))

        return client, run

    yield make
    gb.ProviderRegistry.unregister("slow")


def prompts(count, **options):
    builder = gb.WorkflowBuilder("many")
    for number in range(count):
        builder.add_node(gb.Node.prompt(f"n{number}", f"go {number}", **options))
    return builder.build()


@pytest.mark.parametrize("limit", [100, 1_000, 5_000])
def test_of_200_calls_at_once_never_more_is_spent_than_the_budget_when_the_estimate_is_an_upper_bound(slow, limit):
    client, run = slow(answer=40)
    result = run(prompts(200, max_tokens=50), budget=gb.Budget(tokens=limit))
    made = spent(result)
    assert made.tokens == client.calls * 41 <= limit
    assert limit - made.tokens < 56  # and no call less than there was room for
    assert reserved(result) == budgets.NOTHING


def test_calls_wait_for_those_under_way_rather_than_fail_as_long_as_there_may_be_enough(slow):
    client, run = slow(answer=1)
    result = run(prompts(200, max_tokens=995), budget=gb.Budget(tokens=2_000))
    assert result.is_success()
    assert client.peak <= 2  # so many fit at a time, by what is put aside


def test_where_the_estimate_was_too_low_only_calls_under_way_can_pass_the_budget(slow):
    client, run = slow(answer=1_000)
    result = run(prompts(200), budget=gb.Budget(tokens=5_200))
    assert client.calls == client.peak  # those that were under way when the first answer came, and none after it
    assert spent(result).tokens == client.calls * 1_001
    assert client.calls <= 5_200 // 512


def test_both_calls_of_a_hedged_one_count_and_a_lost_one_is_settled(slow):
    client, run = slow(seconds=[10.0, 1.0])
    result = run(prompts(1, max_tokens=1), hedge_after=2.0, budget=gb.Budget(calls=2))
    assert result.is_success()
    assert spent(result).calls == client.calls == 2
    assert reserved(result) == budgets.NOTHING


def test_a_second_call_that_cannot_be_paid_is_not_made_and_the_first_is_waited_for(slow):
    client, run = slow(seconds=[10.0, 1.0])
    result = run(prompts(1, max_tokens=1), hedge_after=2.0, budget=gb.Budget(calls=1))
    assert result.is_success()
    assert client.calls == 1


def test_a_cancelled_call_gives_back_what_was_put_aside(slow):
    _, run = slow(seconds=100.0)
    result = run(prompts(5, max_tokens=1_000, timeout=3.0), budget=gb.Budget(tokens=100_000))
    assert set(errors(result).values()) == {"TimeoutError"}
    assert reserved(result) == budgets.NOTHING
    assert spent(result).tokens <= 5 * 6  # what was asked, and nothing of an answer


def test_those_who_wait_are_cancelled_with_the_run_and_leave_nothing_behind(slow):
    client, run = slow(seconds=100.0)
    result = run(prompts(50, max_tokens=995), budget=gb.Budget(tokens=2_000), deadline=5.0)
    assert client.calls == 2
    assert reserved(result) == budgets.NOTHING
    assert not kernel_purse()._listeners


def test_a_budget_in_money_needs_the_price_of_every_model_before_the_run_begins(slow):
    client, run = slow()
    with pytest.raises(gb.ConfigurationError, match=r"n0: the price of m of slow is not known.*prices=\{'slow/m'"):
        run(prompts(1), budget=1.0)
    assert not client.calls


def test_a_price_that_is_given_is_what_calls_cost(slow):
    client, run = slow(answer=3)
    budget = gb.Budget(cost=0.5, prices={"slow/m": (10_000, 100_000)})
    result = run(prompts(10, max_tokens=3), budget=budget, strategy="sequential")
    assert client.calls == 1  # 0.31 each
    assert spent(result).value("cost") == pytest.approx(0.31)
    assert "spent so far: $0.31" in next(iter(result.errors.values())).message


def test_models_on_the_list_of_prices_are_known_and_scripts_are_free():
    from graphbit_nb.session.tariffs import check_prices

    listed = gb.LlmConfig.openai("gpt-4o-mini", api_key="none")
    asyncio.run(check_prices([("a", listed, False), ("b", gb.LlmConfig.scripted({}), False)], {}))
    with pytest.raises(gb.ConfigurationError, match="the price of gpt-nobody of openai is not known"):
        asyncio.run(check_prices([("a", gb.LlmConfig.openai("gpt-nobody", api_key="none"), False)], {}))


def test_the_time_of_the_budget_ends_the_run(slow):
    _, run = slow(seconds=100.0)
    result = run(prompts(1), budget=gb.Budget(seconds=5))
    assert not result.is_success()
    assert "5 s" in result.errors["n0"].message


def test_a_run_whose_time_is_used_up_does_not_begin():
    budgets.kernel_purse().spend(budgets.Amount.of(seconds=10))
    budgets.set_kernel_budget(gb.Budget(seconds=10))
    with pytest.raises(gb.BudgetExceeded, match="the budget of this kernel is 10 s; spent so far: 10 s"):
        executor().execute(chain("a"))


def test_the_kernel_has_a_budget_for_all_runs_together():
    budgets.set_kernel_budget(gb.Budget(calls=3))
    assert executor().execute(chain("a", "b")).is_success()
    result = executor().execute(chain("a", "b"))
    assert errors(result) == {"b": "BudgetExceeded"}
    assert "the budget of this kernel is 3 calls" in result.nodes["b"].error.message
    assert "%graphbit budget --calls" in result.nodes["b"].error.message
    budgets.set_kernel_budget(gb.Budget(calls=4))
    assert executor().resume(result).is_success()


def test_init_sets_the_budget_of_the_kernel_and_shutdown_takes_it_away():
    gb.init(budget=gb.Budget(calls=0))
    assert errors(executor().execute(chain("a"))) == {"a": "BudgetExceeded"}
    gb.shutdown()
    assert executor().execute(chain("a")).is_success()


def test_an_agent_pays_for_each_of_its_turns():
    def look(word: str) -> str:
        """Look a word up."""
        return word

    turn = gb.GenerateResponse(text="", tool_calls=(gb.ToolCall("1", "look", {"word": "x"}),))

    @gb.ProviderRegistry.register("turns")
    class Turns(gb.CustomLlmClient):
        left = 3

        async def generate(self, request, listener=None):
            self.left -= 1
            return turn if self.left > 0 else gb.GenerateResponse(text="done", finish_reason="stop")

    try:
        builder = gb.WorkflowBuilder("agent")
        builder.add_node(gb.Node.agent("agent", "go", tools=[look]))
        runner = gb.WorkflowExecutor(gb.LlmConfig(provider="turns", model="m"), storage="memory", cache="disable")
        result = runner.execute(builder.build(), budget=gb.Budget(calls=2))
        assert errors(result) == {"agent": "BudgetExceeded"}
        assert spent(result).calls == 2
    finally:
        gb.ProviderRegistry.unregister("turns")


def test_items_of_a_fan_out_that_were_paid_for_are_kept():
    result = executor().execute(fan(10, on_item_error="skip"), budget=gb.Budget(calls=4))
    states = [part.state for part in result.nodes["each"].parts.values()]
    assert states.count("succeeded") == 4
    assert states.count("failed") == 6


def test_vectors_are_paid_for_too():
    builder = gb.WorkflowBuilder("vectors")
    builder.add_node(gb.Node.embed("v", "some words"))
    result = executor().execute(builder.build(), budget=gb.Budget(calls=0))
    assert errors(result) == {"v": "BudgetExceeded"}
    result = executor().execute(builder.build(), budget=gb.Budget(calls=1))
    assert result.is_success()
    assert (spent(result).calls, spent(result).tokens) == (1, 2)


def test_time_in_which_a_person_is_waited_for_does_not_count():
    builder = gb.WorkflowBuilder("asks")
    builder.add_node(gb.Node.human("ok", "fine?"))
    workflow = builder.build()

    async def answered_late():
        handle = executor(budget=gb.Budget(seconds=1000)).start(workflow)
        while handle.snapshot is None or handle.snapshot.status != "waiting":
            await asyncio.sleep(0.01)
        handle.snapshot.index["ok"].started -= 500  # as if the question were as old as that
        handle.answer("ok", "yes")
        return await handle

    result = asyncio.run(answered_late())
    assert spent(result).value("seconds") < 1


def test_spans_that_overlap_are_counted_once():
    assert budgets.covered([(0, 2), (1, 3), (5, 6), (5.5, 5.7), (8, 7)]) == 4


def test_money_a_provider_names_is_what_is_counted_and_nonsense_is_not(slow):
    for named, counted in ((0.25, 0.25), (float("nan"), 0.0), (-1.0, 0.0)):
        _, run = slow(cost=named)
        result = run(prompts(1))
        assert spent(result).value("cost") == counted
        gb.ProviderRegistry.unregister("slow")
    assert sum(accounts.unpriced for _, accounts in budgets.kernel_accounts()) == 2
    slow()


def test_the_reason_of_a_run_that_was_stopped_by_its_budget_is_that_budget():
    result = executor().execute(chain("a", "b"), budget=gb.Budget(calls=1))
    assert "the budget of the run is 1 call" in result.snapshot.reason


def test_an_equal_call_of_a_run_with_more_to_spend_does_not_fail_with_the_first(slow):
    slow(seconds=5.0, answer=10)
    config = gb.LlmConfig(provider="slow", model="m")

    async def both():
        poor = gb.WorkflowExecutor(config, storage="memory", budget=gb.Budget(tokens=1_015))
        rich = gb.WorkflowExecutor(config, storage="memory")
        builder = gb.WorkflowBuilder("poor")
        builder.add_node(gb.Node.prompt("first", "something else", max_tokens=1_000))
        builder.add_node(gb.Node.prompt("same", "the same", max_tokens=1_005))
        started = asyncio.ensure_future(poor.run(builder.build(), loop="current"))
        await asyncio.sleep(1.0)
        other = gb.WorkflowBuilder("rich")
        other.add_node(gb.Node.prompt("same", "the same", max_tokens=1_005))
        return await rich.run(other.build(), loop="current"), await started

    rich, poor = run_in_virtual_time(both())
    assert rich.is_success()
    assert errors(poor) == {"same": "BudgetExceeded"}
