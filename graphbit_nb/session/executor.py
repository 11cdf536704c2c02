"""The public executor: one synchronous door, one asynchronous, and a handle for what goes on in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.core.budget import read_budget
from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.screening import read_policy
from graphbit_nb.errors import RunCancelled, UsageError
from graphbit_nb.execution.result import ExecutionResult
from graphbit_nb.execution.threads import ThreadPool
from graphbit_nb.graph.arguments import checked_timeout
from graphbit_nb.graph.caching import read_cache_mode
from graphbit_nb.providers.clients import LlmClientManager
from graphbit_nb.session.engine_thread import engine_thread
from graphbit_nb.session.executing import executed
from graphbit_nb.session.handle import RunHandle
from graphbit_nb.session.job import job_again, job_for, job_forked, node_at, read_cassette
from graphbit_nb.session.limiting import checked_limits
from graphbit_nb.session.memory import STORAGES
from graphbit_nb.session.reliability import read_reliability
from graphbit_nb.session.settings import ON_ERROR, STRATEGIES, OnError, Strategy, check_count, one_of, read_limits
from graphbit_nb.session.shared import shared_manager
from graphbit_nb.storage.secrets import stored_key

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from graphbit_nb.core.budget import BudgetLike
    from graphbit_nb.core.bus import Sink
    from graphbit_nb.core.limits import InputLimits
    from graphbit_nb.core.screening import ContentCheck, ContentPolicy
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.reliability.breaker import CircuitBreaker
    from graphbit_nb.reliability.ratelimit import RateLimiter
    from graphbit_nb.reliability.retry import RetryPolicy
    from graphbit_nb.session.job import Job
    from graphbit_nb.session.memory import Storage


def run_nested(make: Callable[[], Coroutine[Any, Any, ExecutionResult]]) -> ExecutionResult:
    """Run on the caller's running loop from synchronous code. The notebook package puts the real one here."""
    make().close()
    raise UsageError(
        "execute(loop='current') inside a running loop needs the notebook extension (%load_ext graphbit_nb); "
        "better: await executor.run(..., loop='current')"
    )


class WorkflowExecutor:
    """Runs workflows.

    Args:
        config: The model to ask; None is the embedded one.
        max_concurrency: Nodes of one run that may work at the same time.
        strategy: ``"parallel"``, or ``"sequential"`` for one node at a time.
        on_error: ``"continue"`` lets other branches go on when a node fails, ``"fail_fast"`` stops the run.
        retry: How failed calls are tried again.
        breaker: When a provider that fails too often is given a rest: the pattern of the circuit breakers, of which
            each provider and model has one that all runs share. None is `CircuitBreaker()`, False is none.
        rate_limit: What a provider may be asked a minute and at once: the pattern of the limiters, of which each
            provider and model has one that all runs share; or patterns by ``"provider"`` or ``"provider/model"``.
        hedge_after: Seconds after which a call that has said nothing is made a second time; the answer that comes
            first is taken, and both may have to be paid for. None is never.
        cache: What becomes of answers and outputs that are remembered: ``"default"`` takes them and keeps new ones,
            an age such as ``"3h"`` or ``"1D"`` takes none that are older, ``"recompute"`` only keeps new ones,
            ``"disable"`` does neither. What a node says itself wins.
        cassette: Recorded calls to play or to record on: a `Cassette`, or the path of one that is played if it is
            there, and else recorded. What is played costs nothing, and needs no key.
        storage: ``"disk"`` writes runs and answers down in the home, ``"memory"`` keeps them in this process alone.
        provider_concurrency: Nodes of one run that may ask the same provider at the same time: a number for each
            provider by name, or one number for all.
        deadline: Seconds that a run may take; what works then fails, and what has not begun is cancelled. Time in
            which a person is waited for does not count.
        echo: Whether what nodes print is printed, besides being kept with the node.
        budget: What each run may spend: a `Budget`, or US dollars. A call that would pass it is not made; its node
            fails with `BudgetExceeded`, nothing more is asked, and what is done is kept. None is any amount.
        limits: How large prompts, inputs, outputs, fan-outs and workflows may be; None are those of `init`.
        content: What is looked for in prompts, answers and what tools give: ``"block"`` or ``"warn"`` for personal data
            and prompt injection, or checks of your own, see `ContentPolicy`. None looks for nothing.

    Raises:
        UsageError: an argument is not allowed.
    """

    nested = staticmethod(run_nested)

    def __init__(
        self,
        config: LlmConfig | None = None,
        *,
        max_concurrency: int = 64,
        strategy: Strategy = "parallel",
        on_error: OnError = "continue",
        retry: RetryPolicy | int | None = None,
        breaker: CircuitBreaker | Literal[False] | None = None,
        rate_limit: RateLimiter | Mapping[str, RateLimiter] | None = None,
        hedge_after: float | None = None,
        cache: str = "default",
        cassette: Any = None,
        storage: Storage = "disk",
        provider_concurrency: Mapping[str, int] | int | None = None,
        deadline: float | None = None,
        echo: bool = True,
        budget: BudgetLike = None,
        limits: InputLimits | None = None,
        content: ContentPolicy | Sequence[ContentCheck] | Literal["warn", "block"] | None = None,
    ) -> None:
        check_count("max_concurrency", max_concurrency)
        one_of("strategy", strategy, STRATEGIES)
        one_of("on_error", on_error, ON_ERROR)
        read_cache_mode(cache)
        one_of("storage", storage, STORAGES)
        if config is not None and not isinstance(config, LlmConfig):
            raise UsageError(f"config={config!r}: give an LlmConfig, such as LlmConfig.openai('gpt-4o-mini')")
        self.config = config
        self.max_concurrency = 1 if strategy == "sequential" else max_concurrency
        self.on_error = on_error
        self.reliability = read_reliability(retry, breaker, rate_limit, hedge_after)
        self.cache = cache
        self.cassette = read_cassette(cassette)
        self.storage = storage
        self.provider_concurrency = read_limits(provider_concurrency)
        self.deadline = checked_timeout("deadline", deadline)
        self.echo = echo
        self.budget = read_budget(budget)
        self.limits = checked_limits(limits)
        self.content = read_policy(content)
        self._threads = ThreadPool()

    def __repr__(self) -> str:
        return f"WorkflowExecutor({self.config!r}, max_concurrency={self.max_concurrency}, on_error={self.on_error!r})"

    def execute(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any] | None = None,
        *,
        nodes: Sequence[str] | None = None,
        cache: str | None = None,
        answers: Mapping[str, Any] | None = None,
        pinned: Mapping[str, Any] | None = None,
        tags: Sequence[str] | str = (),
        cassette: Any = None,
        budget: BudgetLike = None,
        loop: Literal["engine", "current"] = "engine",
        views: Sequence[Sink] = (),
    ) -> ExecutionResult:
        """Run a workflow and return its result. Blocks; works inside a running event loop as well.

        Args:
            workflow: What to run.
            inputs: Values of its inputs.
            nodes: Run only these and what they need.
            cache: See the class.
            answers: What persons answer, by the node that asks, as far as it is known beforehand.
            pinned: Outputs of nodes that are not run, by name.
            tags: Words by which the run is found again, see `graphbit_nb.runs`.
            cassette: See the class.
            budget: See the class.
            loop: ``"current"`` runs the nodes on the caller's own loop, for objects that are bound to it.
            views: Called with each event, on the engine's thread.

        Returns:
            The result, also when nodes failed: `result.raise_for_status()` raises. When a person is all that the run
            waits for, its status is ``"waiting"``, and `resume` goes on with it.

        Raises:
            UsageError: an argument is not allowed.
            MissingInputError: an input has no value.
            ConfigurationError: a model is not set up.
            KeyboardInterrupt: the user stopped the run; `graphbit_nb.last` has what was finished.
        """
        job = job_for(
            workflow, inputs, nodes=nodes, cache=cache, answers=answers, pinned=pinned, tags=tags, views=views,
            cassette=cassette,
        )  # fmt: skip
        return self._do(job, loop, budget)

    def resume(
        self,
        run: ExecutionResult | str,
        *,
        workflow: Workflow | None = None,
        inputs: Mapping[str, Any] | None = None,
        answers: Mapping[str, Any] | None = None,
        budget: BudgetLike = None,
        loop: Literal["engine", "current"] = "engine",
        views: Sequence[Sink] = (),
    ) -> ExecutionResult:
        """Go on with a run that waits for a person, failed, was cancelled or was cut off, and return its new result.

        What has its output keeps it; nothing of it is called again. Everything else is done, or done again.

        Args:
            run: The run as it stood, in this process or from another (results can be pickled); or the id of one that
                was kept, see `graphbit_nb.runs`, or ``"last"``.
            workflow: The workflow of a run that was kept; None is the one kept with it, which may not have code.
            inputs: Values of inputs that could not be kept.
            answers: What persons answer, by the node that asks.
            budget: What the run may spend, with all that it has spent before; None is the executor's budget.
            loop: See `execute`; so is `views`.
            views: Called with each event from here on.

        Raises:
            UsageError: the run has succeeded already, or goes on; or an argument is not allowed.
            OutputError: an answer is not what its node declares as its output.
            StorageError: the run cannot be read.
        """
        return self._do(job_again(run, answers, views, workflow=workflow, inputs=inputs), loop, budget)

    async def resume_async(
        self,
        run: ExecutionResult | str,
        *,
        workflow: Workflow | None = None,
        inputs: Mapping[str, Any] | None = None,
        answers: Mapping[str, Any] | None = None,
        budget: BudgetLike = None,
        loop: Literal["engine", "current"] = "engine",
        views: Sequence[Sink] = (),
    ) -> ExecutionResult:
        """Go on with a run, awaiting it; arguments and errors as for `resume`."""
        return await self._do_async(job_again(run, answers, views, workflow=workflow, inputs=inputs), loop, budget)

    def fork(
        self,
        run: ExecutionResult | str,
        edits: Mapping[str, Any] | None = None,
        *,
        workflow: Workflow | None = None,
        inputs: Mapping[str, Any] | None = None,
        again: Sequence[str] = (),
        tags: Sequence[str] | str = (),
        loop: Literal["engine", "current"] = "engine",
        views: Sequence[Sink] = (),
    ) -> ExecutionResult:
        """Begin another run from what an earlier one had, and return its result.

        Only what depends on something else than before is run: on an edited output, a changed input, a node that was
        changed. The new run is kept as the child of the earlier one, which stays as it is.

        Args:
            run: The earlier run, or the id of one that was kept, or ``"last"``.
            edits: Outputs that stand in the place of those that the run had, by node.
            workflow: The workflow as it is now; None is that of the run.
            inputs: Inputs that are to be other than they were.
            again: Nodes to be run again, and what follows them.
            tags: See `execute`; so are the others.
            loop: See `execute`.
            views: See `execute`.

        Raises:
            UsageError: an argument is not allowed.
            StorageError: the run cannot be read.
        """
        job = job_forked(run, edits, workflow=workflow, inputs=inputs, again=again, tags=tags, views=views)
        return self._do(job, loop)

    async def run(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any] | None = None,
        *,
        nodes: Sequence[str] | None = None,
        cache: str | None = None,
        answers: Mapping[str, Any] | None = None,
        pinned: Mapping[str, Any] | None = None,
        tags: Sequence[str] | str = (),
        cassette: Any = None,
        budget: BudgetLike = None,
        loop: Literal["engine", "current"] = "engine",
        views: Sequence[Sink] = (),
    ) -> ExecutionResult:
        """Run a workflow and return its result; arguments and errors as for `execute`.

        Cancelling this call cancels the run, waits for its end and raises CancelledError; `graphbit_nb.last` has what
        was finished.
        """
        job = job_for(
            workflow, inputs, nodes=nodes, cache=cache, answers=answers, pinned=pinned, tags=tags, views=views,
            cassette=cassette,
        )  # fmt: skip
        return await self._do_async(job, loop, budget)

    def start(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any] | None = None,
        *,
        nodes: Sequence[str] | None = None,
        cache: str | None = None,
        answers: Mapping[str, Any] | None = None,
        pinned: Mapping[str, Any] | None = None,
        tags: Sequence[str] | str = (),
        views: Sequence[Sink] = (),
        parks: bool = False,
        cassette: Any = None,
        budget: BudgetLike = None,
    ) -> RunHandle:
        """Begin a run and return at once; arguments as for `execute`. What hinders it to begin is raised on waiting.

        The run goes on while it waits for a person: `handle.answer` gives the answer. With `parks` it ends then
        instead, as `execute` does.
        """
        job = job_for(
            workflow, inputs, nodes=nodes, cache=cache, answers=answers, pinned=pinned, tags=tags, views=views,
            parks=parks, cassette=cassette,
        )  # fmt: skip
        return self._start(job, keep_events=True, budget=budget)

    def start_again(
        self,
        run: ExecutionResult | str,
        *,
        workflow: Workflow | None = None,
        inputs: Mapping[str, Any] | None = None,
        answers: Mapping[str, Any] | None = None,
        views: Sequence[Sink] = (),
        parks: bool = False,
        cancel: Sequence[str] = (),
        budget: BudgetLike = None,
    ) -> RunHandle:
        """Begin to go on with a run and return at once, `cancel` without these nodes; see `resume` and `start`."""
        job = job_again(run, answers, views, workflow=workflow, inputs=inputs)
        for path in cancel:
            node_at(job.workflow, path)
        again = replace(job, parks=parks, cancels=frozenset(cancel))
        return self._start(again, keep_events=True, budget=budget)

    def start_fork(
        self,
        run: ExecutionResult | str,
        edits: Mapping[str, Any] | None = None,
        *,
        workflow: Workflow | None = None,
        inputs: Mapping[str, Any] | None = None,
        again: Sequence[str] = (),
        tags: Sequence[str] | str = (),
        views: Sequence[Sink] = (),
        parks: bool = False,
    ) -> RunHandle:
        """Begin a fork of a run and return at once; see `fork` and `start`."""
        job = job_forked(run, edits, workflow=workflow, inputs=inputs, again=again, tags=tags, views=views)
        return self._start(replace(job, parks=parks), keep_events=True)

    # ---- inside

    def _do(self, job: Job, loop: str, budget: BudgetLike = None) -> ExecutionResult:
        one_of("loop", loop, ("engine", "current"))
        within = read_budget(budget)
        if loop == "current":

            def make() -> Coroutine[Any, Any, ExecutionResult]:
                return self._do_async(job, "current", within)

            return type(self).nested(make) if _has_running_loop() else asyncio.run(make())
        if engine_thread().is_current:
            raise UsageError("execute() inside an async node would wait for itself; use: await executor.run(...)")
        handle = self._start(job, budget=within)
        try:
            return handle.result()
        except KeyboardInterrupt:
            handle.cancel()
            handle.result()
            raise

    async def _do_async(self, job: Job, loop: str, budget: BudgetLike = None) -> ExecutionResult:
        one_of("loop", loop, ("engine", "current"))
        within = read_budget(budget) or self.budget
        if loop == "current":
            manager = LlmClientManager(keys=stored_key)
            try:
                return await executed(self, job, RunHandle(job.workflow), manager, self._threads, within)
            finally:
                await manager.aclose()
        handle = self._start(job, budget=within)
        try:
            return await handle
        except asyncio.CancelledError:
            handle.cancel()
            await handle
            raise

    def _start(self, job: Job, *, keep_events: bool = False, budget: BudgetLike = None) -> RunHandle:
        within = read_budget(budget) or self.budget
        handle = RunHandle(job.workflow)
        if keep_events:
            job = replace(job, views=(handle.keep, *job.views))
        thread = engine_thread()

        async def on_engine() -> ExecutionResult:
            try:
                return await executed(self, job, handle, shared_manager(thread), self._threads, within)
            except asyncio.CancelledError:
                if handle.snapshot is None:
                    raise RunCancelled(f"{job.workflow.name} was cancelled before it began") from None
                return ExecutionResult(job.workflow, handle.snapshot)

        handle.attach(thread.submit(on_engine))
        return handle


def _has_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
