"""One node of one run: its task, its time limit, its retries, and what the engine does for it."""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.events import (
    CircuitChanged,
    ContentFlagged,
    LlmRequested,
    LlmResponded,
    OutputRejected,
    PromptRendered,
    RateLimited,
    RetryScheduled,
    ToolCalled,
)
from graphbit_nb.errors import ContentBlockedError, OutputError
from graphbit_nb.execution import stimuli as s
from graphbit_nb.execution.failures import contained, describe_error
from graphbit_nb.execution.pipeline import run_node
from graphbit_nb.execution.printing import PRINTER
from graphbit_nb.execution.tooling import ToolTurn
from graphbit_nb.graph.registry import processor_of
from graphbit_nb.reliability.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.core.events import ErrorInfo, Event
    from graphbit_nb.core.limits import InputLimits
    from graphbit_nb.core.llm import (
        EmbedRequest,
        EmbedResponse,
        GenerateRequest,
        GenerateResponse,
        LlmClient,
        ModelInfo,
        ToolCall,
    )
    from graphbit_nb.core.personal import Where
    from graphbit_nb.execution.memory import NodeMemory
    from graphbit_nb.execution.run import Run
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.registry import NodeProcessor, Prompt
    from graphbit_nb.graph.tools import Tool

logger = logging.getLogger("graphbit_nb")

_PRINTING = threading.Lock()  # of all nodes: printing is rare, and a node's threads are its own

MOST_PRINTED = 100_000  # characters that are kept of what one node prints


@dataclass(frozen=True, slots=True)
class StandIn:
    """A model of a node's fallback, which of them it is (from 0), and the failure of the node's own model."""

    model: LlmConfig
    turn: int
    instead_of: ErrorInfo


class NodeRun:
    """Serves the pipeline (`PipelineServices`) and listens to the client (`CallListener`) for one node.

    A node that is told to stop has the run's grace to end. After that it is given up: the run goes on without it,
    and whatever it still says or gives is dropped.

    Attributes:
        number: The node's number in the run's plan.
        node: The node.
        path: What the run calls it.
        stand_in: The model that is asked in place of its own, if there is one.
        attempts: How often it was tried so far.
        wants_tokens: Whether anybody would see text as it comes.
        is_interrupted: Whether it was told to stop because somebody cancelled.
        is_expired: Whether it was told to stop because its time was up.
        is_out_of_time: Whether that was the time of the whole run.
        is_over: Whether the run is done with it.
        has_printed: Whether there is printed text that was not told yet.
        source: Where its output was taken from, if it was not computed.
        uncached: Why its output is not remembered, where it could be.
    """

    attempts = 1
    source: str | None = None
    uncached: str | None = None
    _has_asked = False
    _taken_from: str | None = None
    wants_tokens = False
    is_interrupted = False
    is_expired = False
    is_out_of_time = False
    is_over = False
    has_printed = False
    _printed = 0
    _texts: tuple[str, ...] = ()
    _timer: asyncio.TimerHandle | None = None
    _client: LlmClient | None = None
    _asked: tuple[str | None, Mapping[str, Any]] | None = None
    _asking: asyncio.Lock | None = None
    _resumed: asyncio.Future[None] | None = None
    _why: str | None = None

    def __init__(
        self, run: Run, number: int, node: Node, path: str, values: Mapping[str, Any], stand_in: StandIn | None = None
    ) -> None:
        self.number = number
        self.node = node
        self.path = path
        self._values = values
        self.stand_in = stand_in
        self._instead = None if stand_in is None else stand_in.model
        self._run = run
        self._task = run.loop.create_task(self._execute(), context=run.context.copy())
        self._task.add_done_callback(self._done, context=run.context)
        if node.timeout is not None:
            self._timer = run.loop.call_later(node.timeout, self._expire)

    # ---- the task

    async def _execute(self) -> Any:
        node = self.node
        try:
            processor = processor_of(node.kind)
            memory = self._run.options.memory
            if processor.asks_model:
                self.wants_tokens = self._run.teller.wants_tokens
                return await self._ask(processor, memory)
            PRINTER.set(self)
            if memory is not None:
                return await self._recall(processor, memory)
            if node.retry is not None:
                return await self._persist(processor)
            return await run_node(node, processor, self.path, self._values, self)
        except (SystemExit, KeyboardInterrupt) as error:
            raise self.contain(error) from None

    async def _ask(self, processor: NodeProcessor, memory: NodeMemory | None) -> Any:
        """Run a kind that asks a model. If everything that it asked is remembered, so is its output."""
        is_rejected = False
        try:
            value = await run_node(self.node, processor, self.path, self._values, self)
        except OutputError:
            is_rejected = True
            raise
        finally:
            if memory is not None:
                memory.ended(self.path, is_rejected=is_rejected)
        if not self._has_asked:
            self.source = self._taken_from
        return value

    async def _recall(self, processor: NodeProcessor, memory: NodeMemory) -> Any:
        """Run a kind that asks no model, unless what it gave is remembered."""
        from graphbit_nb.execution.memory import Reminder

        reminder = Reminder(
            memory, self.node, processor, self.path, self._run.roster.siblings_of(self.number), self._values, self.call
        )
        value = await reminder.output(partial(self._compute, processor), self._all_printed)
        self.source, self.uncached = reminder.source, reminder.uncached
        if reminder.printed:
            print(reminder.printed, end="")  # noqa: T201 (as it did when it was computed)
        return value

    def _all_printed(self) -> str:
        self._run.teller.flush(self)
        return self._run.snapshot.index[self.path].printed

    async def _compute(self, processor: NodeProcessor) -> Any:
        if self.node.retry is not None:
            return await self._persist(processor)
        return await run_node(self.node, processor, self.path, self._values, self)

    def _answered_from(self, source: str | None) -> None:
        if source is None or source == "cassette":  # what is played ends as it did when it was asked
            self._has_asked = True
        else:
            self._taken_from = source

    def contain(self, error: BaseException) -> BaseException:
        """Return what the node's code raised as an error that does not end the event loop, where other runs live."""
        if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
            self._run.cancel()  # the user's Ctrl-C met the node's code
        return contained(error)

    async def _persist(self, processor: NodeProcessor) -> Any:
        """Try a kind that asks no model again whatever it raised: only its author knows what is worth a retry."""
        retry = self.node.retry
        policy = RetryPolicy(max_attempts=retry) if isinstance(retry, int) else retry
        while True:
            try:
                return await run_node(self.node, processor, self.path, self._values, self)
            except Exception as error:
                if self.attempts >= policy.max_attempts:
                    raise
                failure = error
            await self.retry(self.attempts, policy.delay(self.attempts), failure)

    def _done(self, task: asyncio.Task[Any]) -> None:
        if not self.is_over:
            self._run.ended(self, task)
        elif not task.cancelled():
            task.exception()  # looked at, so that asyncio does not report it as forgotten

    def close(self) -> None:
        """The run is done with this node."""
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()

    def resume(self) -> None:
        """The node has its slot again."""
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)

    # ---- stopping

    @property
    def is_stopping(self) -> bool:
        """Whether the node was told to stop, or is over."""
        return self.is_interrupted or self.is_expired or self.is_over

    def interrupt(self, expired: str | None = None) -> None:
        """Tell the node to stop because somebody cancelled, or because there is no time left for the reason given."""
        if not self._stop():
            return
        if expired is None:
            self.is_interrupted = True
        else:
            self.is_expired = self.is_out_of_time = True
            self._why = expired

    def abort(self) -> None:
        """End the task; nobody is told."""
        self.close()
        self._task.cancel()

    def stopped_by(self) -> BaseException:
        """Return the error of a task that ended as cancelled without an interrupt."""
        if self.is_expired:
            return TimeoutError(self._why or f"no result within {self.node.timeout:g} s")
        return RuntimeError("it raised CancelledError, but nobody cancelled it")

    def _expire(self) -> None:
        if self._stop():
            self.is_expired = True

    def _stop(self) -> bool:
        if not self._task.cancel():
            return False
        if not self.is_stopping:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._run.loop.call_later(self._run.options.grace, self._give_up)
        return True

    def _give_up(self) -> None:
        logger.warning("%s was told to stop and goes on; it is given up, and its result is dropped", self.path)
        self._run.ended(self, None)

    async def _check_stopping(self) -> None:
        """Raise CancelledError again in a node that did not heed it. Yields first, so that it can spin in no loop."""
        if self.is_stopping:
            await asyncio.sleep(0)
            raise asyncio.CancelledError

    # ---- for the pipeline

    def rendered(self, prompt: Prompt) -> None:
        """Tell that the prompt is complete. Raises `ContentBlockedError`."""
        self._tell(PromptRendered, prompt.messages, prompt.origins)
        if self._run.options.content is not None:
            for message, values in zip(prompt.messages, prompt.origins, strict=True):
                self._screen("prompt", message.content, values)

    def _screen(self, where: Where, text: str, values: Sequence[tuple[int, int, str]] | None = None) -> None:
        """Let the content checks look at a text, and tell what they find. Raises `ContentBlockedError`."""
        policy = self._run.options.content
        if policy is None:
            return
        is_blocked = policy.mode == "block"
        found = policy.look(text, where, values)
        for one in found:
            self._tell(ContentFlagged, where, one.check, one.kind, one.count, one.sample, is_blocked)
        if found and is_blocked:
            said = "; ".join(map(str, found))
            raise ContentBlockedError(f"the {where} was blocked: {said}; take it out, or say content='warn'")

    def rejected(self, error: OutputError) -> None:
        """Tell that an answer does not fit."""
        self.attempts += 1
        self._tell(OutputRejected, describe_error(error, node=self.path, attempts=self.attempts - 1))

    async def generate(self, request: GenerateRequest) -> GenerateResponse:
        """Ask the node's model. One call at a time: a node has one slot."""
        async with self._turn():
            await self._check_stopping()
            client = self._client_of()
            if self._instead is not None:
                request = replace(request, model=None)  # the model named by the node is the one that failed
            names = ("temperature", "max_tokens", "top_p", "stop", "seed", "schema")
            parameters = {name: value for name in names if (value := getattr(request, name)) is not None}
            if request.sample:
                parameters["sample"] = request.sample
            if request.tools:
                parameters["tools"] = [tool.name for tool in request.tools]
            self._asks(request.model, parameters)
            response = await client.generate(request, self)
            self._answered_from(response.source)
            self._run.teller.flush(self)
            self._tell(
                LlmResponded, response.text, response.finish_reason, response.usage, response.model,
                response.request_id, response.first_token, response.latency, response.cost, response.source,
            )  # fmt: skip
            self._screen("answer", response.text)
            return response

    async def embed(self, request: EmbedRequest) -> EmbedResponse:
        """Ask the node's model for vectors. One call at a time, as with `generate`."""
        async with self._turn():
            await self._check_stopping()
            client = self._client_of()
            if self._instead is not None:
                request = replace(request, model=None)
            self._asks(request.model, {"texts": len(request.texts)})
            began = self._run.loop.time()
            response = await client.embed(request, self)
            took = self._run.loop.time() - began
            self._answered_from(response.source)
            self._tell(
                LlmResponded, "", None, response.usage, response.model, None, None, took, response.cost,
                response.source,
            )  # fmt: skip
            return response

    async def use_tools(self, calls: Sequence[ToolCall], tools: Sequence[Tool], seconds: float) -> tuple[str, ...]:
        """Call what a model asked for, all at the same time, and return what it is told of each."""
        await self._check_stopping()
        results = await ToolTurn(self, calls, tools, seconds).results()
        for result in results:
            self._screen("tool", result)
        await self._check_stopping()
        return results

    def model_info(self) -> ModelInfo:
        """Say what is known about the node's model."""
        return self._client_of().model_info()

    async def call(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run a plain function in a thread. Once begun it cannot be stopped: its late result is dropped."""
        future = self._run.threads.submit(partial(fn, *args, **kwargs))
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if future.running():
                logger.warning("%s: its function runs on in its thread; its result is dropped", self.path)
            raise

    # ---- for its tools

    @property
    def answered_at(self) -> float:
        """When its model answered last (seconds since 1970); for a node without an answer, when it started."""
        node = self._run.snapshot.index[self.path]
        answered = node.attempts[-1].finished if node.attempts else None
        return answered or node.started or 0.0

    @property
    def limits(self) -> InputLimits:
        """How large things may be."""
        return self._run.options.limits

    @property
    def grace(self) -> float:
        """Seconds that what is told to stop has to end."""
        return self._run.options.grace

    def used(self, call: ToolCall, result: str, error: ErrorInfo | None, started: float) -> None:
        """Tell what came of a tool that the model asked for."""
        if not self.is_over:
            self._run.teller.flush(self)
        self._tell(ToolCalled, call.id, call.name, call.arguments, result, error, started)

    def _tell(self, kind: Callable[..., Event], *fields: Any) -> None:
        if not self.is_over:
            self._run.publish(kind, self.path, *fields)

    def _client_of(self) -> LlmClient:
        if self._client is None:
            self._client = self._run.clients.client_for(self.node, self._instead)
        return self._client

    def _turn(self) -> asyncio.Lock:
        if self._asking is None:
            self._asking = asyncio.Lock()
        return self._asking

    def _asks(self, model: str | None, parameters: Mapping[str, Any]) -> None:
        self._asked = (model, parameters)
        self._announce_call()

    def _announce_call(self) -> None:
        if self._asked is not None:
            model, parameters = self._asked
            info = self._client_of().model_info()
            self._tell(LlmRequested, info.provider, model or info.name, parameters)

    # ---- for the client

    def token(self, text: str) -> None:
        """A piece of the answer has come."""
        if self.wants_tokens and text and not self.is_over:
            self._run.teller.stream(self.path, text)

    async def retry(self, attempt: int, delay: float, error: BaseException) -> None:
        """Give the slot back, wait, and return when it is there again."""
        await self._check_stopping()
        run = self._run
        run.teller.flush(self)
        self._tell(RetryScheduled, attempt, delay, describe_error(error, node=self.path, attempts=attempt))
        self._resumed = run.loop.create_future()
        run.handle(s.Delayed(self.number))
        await asyncio.sleep(delay)
        run.handle(s.Due(self.number))
        await self._resumed
        self.attempts += 1
        self._announce_call()

    def limited(self, limit: str, seconds: float | None, ahead: int) -> None:
        """The call waits for a limit on what its provider is asked."""
        self._tell(RateLimited, limit, seconds, ahead)

    def circuit(self, name: str, state: str, reason: str) -> None:
        """The call brought a circuit breaker into another state."""
        self._tell(CircuitChanged, name, state, reason)

    # ---- for print

    @property
    def echoes(self) -> bool:
        """Whether what it prints is printed as well as kept."""
        return self._run.options.echoes

    @property
    def stdout(self) -> Any:
        """Where `print` wrote when the run began."""
        return self._run.stdout

    def printed(self, text: str) -> None:
        """Keep what the node's code printed, up to a limit. Called from any thread."""
        if self.is_over or not text or self._printed > MOST_PRINTED:
            return
        with _PRINTING:
            room = MOST_PRINTED - self._printed
            self._printed += len(text)
            if len(text) > room:
                text = f"{text[:room]}\n… (more was printed)\n"
            self._texts = (*self._texts, text)
            is_first, self.has_printed = not self.has_printed, True
        if is_first:
            self._run.loop.call_soon_threadsafe(self._run.teller.prints, self)

    def take_printed(self) -> str:
        """Return what was printed since it was told last."""
        with _PRINTING:
            self.has_printed = False
            texts, self._texts = self._texts, ()
        return "".join(texts)
