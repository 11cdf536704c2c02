"""The public executor: one synchronous door, one asynchronous, and a handle for what goes on in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.errors import RunCancelled, UsageError
from graphbit_nb.execution.engine import Engine, plan_for
from graphbit_nb.execution.options import RunOptions
from graphbit_nb.execution.result import ExecutionResult
from graphbit_nb.execution.threads import ThreadPool
from graphbit_nb.graph.arguments import CACHE_MODES, checked_timeout
from graphbit_nb.graph.fallback import models_of
from graphbit_nb.graph.workflow import Outline, Workflow
from graphbit_nb.providers.clients import LlmClientManager
from graphbit_nb.session.clients import RunClients
from graphbit_nb.session.engine_thread import engine_thread
from graphbit_nb.session.handle import RunHandle
from graphbit_nb.session.job import Job, checked_answers, checked_names, checked_pins, copied, model_nodes, node_at
from graphbit_nb.session.reliability import read_reliability
from graphbit_nb.session.settings import ON_ERROR, STRATEGIES, OnError, Strategy, check_count, one_of, read_limits
from graphbit_nb.session.shared import keep_latest, shared_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from graphbit_nb.core.bus import Sink
    from graphbit_nb.reliability.breaker import CircuitBreaker
    from graphbit_nb.reliability.ratelimit import RateLimiter
    from graphbit_nb.reliability.retry import RetryPolicy


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
        cache: Accepted so that programs need not change when results are kept from run to run; until then every
            call is made, whatever is said here.
        provider_concurrency: Nodes of one run that may ask the same provider at the same time: a number for each
            provider by name, or one number for all.
        deadline: Seconds that a run may take; what works then fails, and what has not begun is cancelled. Time in
            which a person is waited for does not count.
        echo: Whether what nodes print is printed, besides being kept with the node.

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
        provider_concurrency: Mapping[str, int] | int | None = None,
        deadline: float | None = None,
        echo: bool = True,
    ) -> None:
        check_count("max_concurrency", max_concurrency)
        one_of("strategy", strategy, STRATEGIES)
        one_of("on_error", on_error, ON_ERROR)
        one_of("cache", cache, CACHE_MODES)
        if config is not None and not isinstance(config, LlmConfig):
            raise UsageError(f"config={config!r}: give an LlmConfig, such as LlmConfig.openai('gpt-4o-mini')")
        self.config = config
        self.max_concurrency = 1 if strategy == "sequential" else max_concurrency
        self.on_error = on_error
        self.reliability = read_reliability(retry, breaker, rate_limit, hedge_after)
        self.cache = cache
        self.provider_concurrency = read_limits(provider_concurrency)
        self.deadline = checked_timeout("deadline", deadline)
        self.echo = echo
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
        job = self._job(workflow, inputs, nodes=nodes, cache=cache, answers=answers, pinned=pinned, views=views)
        return self._do(job, loop)

    def resume(
        self,
        result: ExecutionResult,
        *,
        answers: Mapping[str, Any] | None = None,
        loop: Literal["engine", "current"] = "engine",
        views: Sequence[Sink] = (),
    ) -> ExecutionResult:
        """Go on with a run that waits for a person, failed, was cancelled or was cut off, and return its new result.

        What has its output keeps it; nothing of it is called again. Everything else is done, or done again.

        Args:
            result: The run as it stood, in this process or from another (results can be pickled).
            answers: What persons answer, by the node that asks.
            loop: See `execute`; so is `views`.
            views: Called with each event from here on.

        Raises:
            UsageError: the run has succeeded already, or an argument is not allowed.
            OutputError: an answer is not what its node declares as its output.
        """
        return self._do(self._job_again(result, answers, views), loop)

    async def resume_async(
        self,
        result: ExecutionResult,
        *,
        answers: Mapping[str, Any] | None = None,
        loop: Literal["engine", "current"] = "engine",
        views: Sequence[Sink] = (),
    ) -> ExecutionResult:
        """Go on with a run, awaiting it; arguments and errors as for `resume`."""
        return await self._do_async(self._job_again(result, answers, views), loop)

    async def run(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any] | None = None,
        *,
        nodes: Sequence[str] | None = None,
        cache: str | None = None,
        answers: Mapping[str, Any] | None = None,
        pinned: Mapping[str, Any] | None = None,
        loop: Literal["engine", "current"] = "engine",
        views: Sequence[Sink] = (),
    ) -> ExecutionResult:
        """Run a workflow and return its result; arguments and errors as for `execute`.

        Cancelling this call cancels the run, waits for its end and raises CancelledError; `graphbit_nb.last` has what
        was finished.
        """
        job = self._job(workflow, inputs, nodes=nodes, cache=cache, answers=answers, pinned=pinned, views=views)
        return await self._do_async(job, loop)

    def start(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any] | None = None,
        *,
        nodes: Sequence[str] | None = None,
        cache: str | None = None,
        answers: Mapping[str, Any] | None = None,
        pinned: Mapping[str, Any] | None = None,
        views: Sequence[Sink] = (),
        parks: bool = False,
    ) -> RunHandle:
        """Begin a run and return at once; arguments as for `execute`. What hinders it to begin is raised on waiting.

        The run goes on while it waits for a person: `handle.answer` gives the answer. With `parks` it ends then
        instead, as `execute` does.
        """
        job = self._job(
            workflow, inputs, nodes=nodes, cache=cache, answers=answers, pinned=pinned, views=views, parks=parks
        )
        return self._start(job, keep_events=True)

    def start_again(
        self,
        result: ExecutionResult,
        *,
        answers: Mapping[str, Any] | None = None,
        views: Sequence[Sink] = (),
        parks: bool = False,
        cancel: Sequence[str] = (),
    ) -> RunHandle:
        """Begin to go on with a run and return at once, `cancel` without these nodes; see `resume` and `start`."""
        job = self._job_again(result, answers, views)
        for path in cancel:
            node_at(job.workflow, path)
        return self._start(replace(job, parks=parks, cancels=frozenset(cancel)), keep_events=True)

    # ---- inside

    def _do(self, job: Job, loop: str) -> ExecutionResult:
        one_of("loop", loop, ("engine", "current"))
        if loop == "current":

            def make() -> Coroutine[Any, Any, ExecutionResult]:
                return self._do_async(job, "current")

            return type(self).nested(make) if _has_running_loop() else asyncio.run(make())
        if engine_thread().is_current:
            raise UsageError("execute() inside an async node would wait for itself; use: await executor.run(...)")
        handle = self._start(job)
        try:
            return handle.result()
        except KeyboardInterrupt:
            handle.cancel()
            handle.result()
            raise

    async def _do_async(self, job: Job, loop: str) -> ExecutionResult:
        one_of("loop", loop, ("engine", "current"))
        if loop == "current":
            manager = LlmClientManager()
            try:
                return await self._execute(job, RunHandle(job.workflow), manager)
            finally:
                await manager.aclose()
        handle = self._start(job)
        try:
            return await handle
        except asyncio.CancelledError:
            handle.cancel()
            await handle
            raise

    def _start(self, job: Job, *, keep_events: bool = False) -> RunHandle:
        handle = RunHandle(job.workflow)
        if keep_events:
            job = replace(job, views=(handle.keep, *job.views))
        thread = engine_thread()

        async def on_engine() -> ExecutionResult:
            try:
                return await self._execute(job, handle, shared_manager(thread))
            except asyncio.CancelledError:
                if handle.snapshot is None:
                    raise RunCancelled(f"{job.workflow.name} was cancelled before it began") from None
                return ExecutionResult(job.workflow, handle.snapshot)

        handle.attach(thread.submit(on_engine))
        return handle

    async def _execute(self, job: Job, handle: RunHandle, manager: LlmClientManager) -> ExecutionResult:
        workflow = job.workflow
        clients = RunClients(manager, self.config, self.reliability)
        try:
            engine = Engine(clients=clients, threads=self._threads)
            nodes = [workflow.nodes[name] for name in plan_for(workflow, job.nodes).names]
            clients.check(nodes)
            await clients.check_models(nodes)
            run = job.prepare(engine, self._options(job, clients))
            result = ExecutionResult(workflow, run.snapshot)
            handle.begin(run)
            try:
                await run.execute()
            finally:
                keep_latest(result)
            return result
        finally:
            await clients.aclose()

    def _options(self, job: Job, clients: RunClients) -> RunOptions:
        limits = self.provider_concurrency
        if isinstance(limits, int):
            nodes = list(model_nodes(job.workflow))
            asked = {clients.provider_of(node) for node in nodes}
            asked |= {model.provider for node in nodes for model in models_of(node.fallback)}
            limits = dict.fromkeys(asked, limits)
        return RunOptions(
            max_concurrency=self.max_concurrency, fail_fast=self.on_error == "fail_fast", provider_limits=limits,
            deadline=self.deadline, answers=job.answers, pinned=job.pinned, cancels=job.cancels, parks=job.parks,
            echoes=self.echo,
        )  # fmt: skip

    @staticmethod
    def _job(
        workflow: Any,
        inputs: Any,
        *,
        nodes: Sequence[str] | None,
        cache: str | None,
        answers: Any,
        pinned: Any,
        views: Sequence[Sink],
        parks: bool = True,
    ) -> Job:
        if not isinstance(workflow, Workflow):
            built = " Call .build() on it first." if hasattr(workflow, "build") else ""
            raise UsageError(f"a Workflow is run, not {type(workflow).__name__}.{built}")
        if isinstance(workflow, Outline):
            raise UsageError(f"this is only the outline of {workflow.name!r}, kept with a run; define its nodes again")
        if cache is not None:
            one_of("cache", cache, CACHE_MODES)
        nodes = checked_names(nodes)
        plan_for(workflow, nodes)
        return Job(
            workflow=workflow, inputs=copied("inputs", inputs), nodes=nodes, views=tuple(views), parks=parks,
            answers=checked_answers(workflow, answers), pinned=checked_pins(workflow, pinned),
        )  # fmt: skip

    @staticmethod
    def _job_again(result: Any, answers: Any, views: Sequence[Sink]) -> Job:
        if not isinstance(result, ExecutionResult):
            raise UsageError(f"a result is resumed, as execute() returns it, not {type(result).__name__}")
        if result.is_success():
            raise UsageError(f"the run {result.run_id} has succeeded; there is nothing left to do")
        return Job(
            workflow=result.workflow, nodes=tuple(result.snapshot.nodes), views=tuple(views), parks=True,
            answers=checked_answers(result.workflow, answers), snapshot=result.snapshot,
        )  # fmt: skip


def _has_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
