"""One node of one run: its task, its retries, and what the engine does for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.events import LlmRequested, LlmResponded, OutputRejected, PromptRendered, RetryScheduled
from graphbit_nb.execution import scheduler as s
from graphbit_nb.execution.failures import describe_error
from graphbit_nb.execution.pipeline import run_node
from graphbit_nb.reliability.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.core.llm import GenerateRequest, GenerateResponse, LlmClient, ModelInfo
    from graphbit_nb.errors import OutputError
    from graphbit_nb.execution.run import Run
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.registry import NodeProcessor, Prompt


class NodeRun:
    """Serves the pipeline (`PipelineServices`) and listens to the client (`CallListener`) for one node.

    Attributes:
        node: The node.
        attempts: How often it was tried so far.
        wants_tokens: Whether anybody would see text as it comes.
    """

    __slots__ = ("_asked", "_client", "_number", "_processor", "_resumed", "_run", "attempts", "node", "wants_tokens")

    def __init__(self, run: Run, number: int, node: Node, processor: NodeProcessor) -> None:
        self.node = node
        self.attempts = 1
        self.wants_tokens = processor.asks_model and run.wants_tokens
        self._run = run
        self._number = number
        self._processor = processor
        self._client: LlmClient | None = None
        self._asked: GenerateRequest | None = None
        self._resumed: asyncio.Future[None] | None = None

    # ---- the task

    async def execute(self) -> Any:
        """Run the node and return its output."""
        if self.node.timeout is None:
            return await self._attempt()
        try:
            async with asyncio.timeout(self.node.timeout) as limit:
                return await self._attempt()
        except TimeoutError:
            if limit.expired():
                raise TimeoutError(f"no result within {self.node.timeout:g} s") from None
            raise

    async def _attempt(self) -> Any:
        node, processor, values = self.node, self._processor, self._run.values
        if node.retry is None or processor.asks_model:
            return await run_node(node, processor, values, self)
        # A kind that asks no model is tried again whatever it raised: only its author knows what is worth a retry.
        policy = RetryPolicy(max_attempts=node.retry) if isinstance(node.retry, int) else node.retry
        while True:
            try:
                return await run_node(node, processor, values, self)
            except Exception as error:
                if self.attempts >= policy.max_attempts:
                    raise
                failure = error
            await self.retry(self.attempts, policy.delay(self.attempts), failure)

    def done(self, task: asyncio.Task[Any]) -> None:
        """Callback of the task."""
        self._run.ended(self._number, task)

    def resume(self) -> None:
        """The node has its slot again."""
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)

    # ---- for the pipeline

    def rendered(self, prompt: Prompt) -> None:
        """Tell that the prompt is complete."""
        self._run.publish(PromptRendered, self.node.name, prompt.messages, prompt.origins)

    def rejected(self, error: OutputError) -> None:
        """Tell that an answer does not fit."""
        self.attempts += 1
        info = describe_error(error, node=self.node.name, attempts=self.attempts - 1)
        self._run.publish(OutputRejected, self.node.name, info)

    async def generate(self, request: GenerateRequest) -> GenerateResponse:
        """Ask the node's model."""
        client = self._client_of()
        self._asked = request
        self._announce_call()
        response = await client.generate(request, self)
        self._run.flush(self.node.name)
        self._run.publish(
            LlmResponded, self.node.name, response.text, response.finish_reason, response.usage, response.model,
            response.request_id, response.first_token, response.latency, response.cost,
        )  # fmt: skip
        return response

    def model_info(self) -> ModelInfo:
        """Say what is known about the node's model."""
        return self._client_of().model_info()

    async def call(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a plain function in a thread."""
        return await self._run.threads.call(fn, *args, **kwargs)

    def _client_of(self) -> LlmClient:
        if self._client is None:
            self._client = self._run.clients.client_for(self.node)
        return self._client

    def _announce_call(self) -> None:
        request = self._asked
        if request is None:
            return
        info = self._client_of().model_info()
        names = ("temperature", "max_tokens", "top_p", "stop", "seed", "schema")
        parameters = {name: value for name in names if (value := getattr(request, name)) is not None}
        if request.sample:
            parameters["sample"] = request.sample
        model = request.model or info.name
        self._run.publish(LlmRequested, self.node.name, info.provider, model, parameters)

    # ---- for the client

    def token(self, text: str) -> None:
        """A piece of the answer has come."""
        if self.wants_tokens and text:
            self._run.stream(self.node.name, text)

    async def retry(self, attempt: int, delay: float, error: BaseException) -> None:
        """Give the slot back, wait, and return when it is there again."""
        run, name = self._run, self.node.name
        run.flush(name)
        run.publish(RetryScheduled, name, attempt, delay, describe_error(error, node=name, attempts=attempt))
        self._resumed = asyncio.get_running_loop().create_future()
        run.handle(s.Delayed(self._number))
        await asyncio.sleep(delay)
        run.handle(s.Due(self._number))
        await self._resumed
        self.attempts += 1
        self._announce_call()
