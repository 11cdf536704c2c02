"""The public executor: one synchronous door, one asynchronous, and a handle for what goes on in between."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.errors import RunCancelled, UsageError, did_you_mean
from graphbit_nb.execution.engine import Engine, plan_for
from graphbit_nb.execution.result import ExecutionResult
from graphbit_nb.execution.threads import ThreadPool
from graphbit_nb.graph.node import CACHE_MODES
from graphbit_nb.graph.workflow import Workflow
from graphbit_nb.providers.clients import LlmClientManager
from graphbit_nb.reliability.retry import RetryPolicy
from graphbit_nb.session.clients import RunClients
from graphbit_nb.session.engine_thread import engine_thread
from graphbit_nb.session.handle import RunHandle

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from graphbit_nb.core.bus import Sink
    from graphbit_nb.session.engine_thread import EngineThread

Strategy = Literal["parallel", "sequential"]
OnError = Literal["continue", "fail_fast"]

STRATEGIES = ("parallel", "sequential")
ON_ERROR = ("continue", "fail_fast")


class _Latest:
    """The latest result in this process."""

    result: ExecutionResult | None = None


class _Shared:
    """What all executors of a process share: the clients that live on the engine's loop, and whose loop that is."""

    manager: LlmClientManager | None = None
    thread: EngineThread | None = None
    lock = threading.Lock()


def latest_result() -> ExecutionResult | None:
    """Return the result of the run that ended last in this process, or None."""
    return _Latest.result


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
        cache: Accepted so that programs need not change when results are kept from run to run; until then every
            call is made, whatever is said here.

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
        cache: str = "default",
    ) -> None:
        if isinstance(max_concurrency, bool) or not isinstance(max_concurrency, int) or max_concurrency < 1:
            raise UsageError(f"max_concurrency={max_concurrency!r}: give a number of at least 1")
        _one_of("strategy", strategy, STRATEGIES)
        _one_of("on_error", on_error, ON_ERROR)
        _one_of("cache", cache, CACHE_MODES)
        if config is not None and not isinstance(config, LlmConfig):
            raise UsageError(f"config={config!r}: give an LlmConfig, such as LlmConfig.openai('gpt-4o-mini')")
        if retry is not None and not isinstance(retry, int | RetryPolicy):
            raise UsageError(f"retry={retry!r}: give the number of attempts in all, or a RetryPolicy")
        self.config = config
        self.max_concurrency = 1 if strategy == "sequential" else max_concurrency
        self.on_error = on_error
        self.retry = RetryPolicy(max_attempts=retry) if isinstance(retry, int) else retry or RetryPolicy()
        self.cache = cache
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
        loop: Literal["engine", "current"] = "engine",
        views: Sequence[Sink] = (),
    ) -> ExecutionResult:
        """Run a workflow and return its result. Blocks; works inside a running event loop as well.

        Args:
            workflow: What to run.
            inputs: Values of its inputs.
            nodes: Run only these and what they need.
            cache: See the class.
            loop: ``"current"`` runs the nodes on the caller's own loop, for objects that are bound to it.
            views: Called with each event, on the engine's thread.

        Returns:
            The result, also when nodes failed: `result.raise_for_status()` raises.

        Raises:
            UsageError: an argument is not allowed.
            MissingInputError: an input has no value.
            ConfigurationError: a model is not set up.
            KeyboardInterrupt: the user stopped the run; `graphbit_nb.last` has what was finished.
        """
        _one_of("loop", loop, ("engine", "current"))
        if loop == "current":

            def make() -> Coroutine[Any, Any, ExecutionResult]:
                return self.run(workflow, inputs, nodes=nodes, cache=cache, loop="current", views=views)

            return type(self).nested(make) if _has_running_loop() else asyncio.run(make())
        if engine_thread().is_current:
            raise UsageError("execute() inside an async node would wait for itself; use: await executor.run(...)")
        handle = self._start(workflow, inputs, nodes=nodes, cache=cache, views=views)
        try:
            return handle.result()
        except KeyboardInterrupt:
            handle.cancel()
            handle.result()
            raise

    async def run(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any] | None = None,
        *,
        nodes: Sequence[str] | None = None,
        cache: str | None = None,
        loop: Literal["engine", "current"] = "engine",
        views: Sequence[Sink] = (),
    ) -> ExecutionResult:
        """Run a workflow and return its result; arguments and errors as for `execute`.

        Cancelling this call cancels the run, waits for its end and raises CancelledError; `graphbit_nb.last` has what
        was finished.
        """
        _one_of("loop", loop, ("engine", "current"))
        if loop == "current":
            manager = LlmClientManager()
            try:
                handle = RunHandle(self._checked(workflow, nodes, cache))
                return await self._execute(handle, manager, _copied(inputs), nodes, views)
            finally:
                await manager.aclose()
        handle = self._start(workflow, inputs, nodes=nodes, cache=cache, views=views)
        try:
            return await handle
        except asyncio.CancelledError:
            handle.cancel()
            await handle
            raise

    def start(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any] | None = None,
        *,
        nodes: Sequence[str] | None = None,
        cache: str | None = None,
        views: Sequence[Sink] = (),
    ) -> RunHandle:
        """Begin a run and return at once; arguments as for `execute`. What hinders it to begin is raised on waiting."""
        return self._start(workflow, inputs, nodes=nodes, cache=cache, views=views, keep_events=True)

    def _start(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any] | None,
        *,
        nodes: Sequence[str] | None,
        cache: str | None,
        views: Sequence[Sink],
        keep_events: bool = False,
    ) -> RunHandle:
        handle = RunHandle(self._checked(workflow, nodes, cache))
        inputs = _copied(inputs)
        if keep_events:
            views = (handle.keep, *views)
        thread = engine_thread()

        async def on_engine() -> ExecutionResult:
            try:
                return await self._execute(handle, shared_manager(thread), inputs, nodes, views)
            except asyncio.CancelledError:
                if handle.snapshot is None:
                    raise RunCancelled(f"{workflow.name} was cancelled before it began") from None
                return ExecutionResult(workflow, handle.snapshot)

        handle.attach(thread.submit(on_engine))
        return handle

    async def _execute(
        self,
        handle: RunHandle,
        manager: LlmClientManager,
        inputs: Mapping[str, Any] | None,
        nodes: Sequence[str] | None,
        views: Sequence[Sink],
    ) -> ExecutionResult:
        workflow = handle.workflow
        clients = RunClients(manager, self.config, self.retry)
        try:
            engine = Engine(
                clients=clients,
                threads=self._threads,
                max_concurrency=self.max_concurrency,
                fail_fast=self.on_error == "fail_fast",
            )
            run = engine.prepare(workflow, inputs, nodes=nodes, views=views)
            clients.check(workflow.nodes[name] for name in plan_for(workflow, nodes).names)
            result = ExecutionResult(workflow, run.snapshot)
            handle.begin(run)
            try:
                await run.execute()
            finally:
                _Latest.result = result
            return result
        finally:
            await clients.aclose()

    @staticmethod
    def _checked(workflow: Any, nodes: Sequence[str] | None, cache: str | None) -> Workflow:
        if not isinstance(workflow, Workflow):
            built = " Call .build() on it first." if hasattr(workflow, "build") else ""
            raise UsageError(f"a Workflow is run, not {type(workflow).__name__}.{built}")
        if isinstance(nodes, str):
            raise UsageError(f"nodes={nodes!r}: give a list of names, such as [{nodes!r}]")
        if cache is not None:
            _one_of("cache", cache, CACHE_MODES)
        plan_for(workflow, nodes)
        return workflow


def shared_manager(thread: EngineThread) -> LlmClientManager:
    """Return the clients that live on the loop of `thread`, the engine's. Call it on that loop."""
    with _Shared.lock:
        if _Shared.manager is None or _Shared.thread is not thread:
            _Shared.manager, _Shared.thread = LlmClientManager(), thread
            thread.on_stop(_Shared.manager.aclose)
        return _Shared.manager


def _copied(inputs: Any) -> dict[str, Any]:
    """Return the inputs as they are now, whatever becomes of the caller's dict while the run goes on."""
    if inputs is not None and not isinstance(inputs, Mapping):
        raise UsageError(f"inputs={inputs!r}: give a dict of the workflow's inputs, by name")
    return dict(inputs or {})


def _has_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{name}={value!r}{did_you_mean(str(value), allowed)}; one of {', '.join(allowed)}")
