"""Those who ask the server: httpx by itself on two transports, the official client of OpenAI, and this package.

Each keeps its connections from turn to turn, and makes as many calls as it is told, so many at the same time.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Self

import graphbit_nb as gb
from benchmarks.http_server import MODEL, tokens_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KEY = "no-key"


def question(number: int | str) -> str:
    return f"Say something about graphs, in three points. Number {number}."


class Client:
    """One who asks.

    Attributes:
        name: What it is called.
        seconds: The shortest time of a turn.
        processor: The least that a turn took of this process's processor time.
    """

    name: str
    calls = 0

    def __init__(self, address: str, in_flight: int, tokens: int, *, streams: bool = False) -> None:
        self.address = address
        self.in_flight = in_flight
        self.tokens = tokens
        self.streams = streams
        self.seconds = self.processor = float("inf")

    def ask(self, count: int) -> None:
        """Make so many calls and check what they gave."""
        raise NotImplementedError

    def turn(self, count: int) -> Callable[[], float]:
        """Return a turn of so many calls, which tells its seconds."""

        def timed() -> float:
            self.calls = count
            processor, began = time.process_time(), time.perf_counter()
            self.ask(count)
            took, used = time.perf_counter() - began, time.process_time() - processor
            self.seconds, self.processor = min(self.seconds, took), min(self.processor, used)
            return took

        return timed

    @property
    def rate(self) -> float:
        """Calls a second in the best turn."""
        return self.calls / self.seconds

    @property
    def milliseconds(self) -> float:
        """Processor time of a call."""
        return self.processor / self.calls * 1e3

    def close(self) -> None:
        """Give back what is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _OnLoop(Client):
    """One that lives on an event loop and has no limit of its own: so many workers ask, one call after the other."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._runner = asyncio.Runner()
        self._call, self._end = self._runner.run(self._begin())

    async def _begin(self) -> tuple[Callable[[str], Awaitable[str]], Callable[[], Awaitable[None]]]:
        """Return what makes one call, and what closes the connections."""
        raise NotImplementedError

    def ask(self, count: int) -> None:
        answers = self._runner.run(self._ask(count))
        assert answers == ["".join(tokens_of(self.tokens))] * count

    async def _ask(self, count: int) -> list[str]:
        questions, answers = map(question, range(count)), []

        async def work() -> None:
            for text in questions:
                answer = await self._call(text)
                answers.append(answer)

        await asyncio.gather(*(work() for _ in range(self.in_flight)))
        return answers

    def close(self) -> None:
        self._runner.run(self._end())
        self._runner.close()


class BareHttpx(_OnLoop):
    """`httpx.AsyncClient` and `json`, on its own transport."""

    name = "httpx on its own transport"

    async def _begin(self) -> Any:
        import httpx

        limits = httpx.Limits(max_connections=1000, max_keepalive_connections=1000, keepalive_expiry=30.0)
        client = httpx.AsyncClient(timeout=60.0, trust_env=False, transport=self._transport(limits))
        url, headers = f"{self.address}/chat/completions", {"Authorization": f"Bearer {KEY}"}

        async def whole(text: str) -> str:
            body = {"model": MODEL, "messages": [{"role": "user", "content": text}]}
            response = await client.post(url, json=body, headers=headers)
            response.raise_for_status()
            return response.json()["choices"][0]["message"]["content"]

        async def streamed(text: str) -> str:
            body = {"model": MODEL, "messages": [{"role": "user", "content": text}], "stream": True}
            pieces = []
            async with client.stream("POST", url, json=body, headers=headers) as response:
                response.raise_for_status()
                async for line in response.aiter_lines():
                    if line.startswith("data: ") and line != "data: [DONE]":
                        pieces += [choice["delta"].get("content") or "" for choice in json.loads(line[6:])["choices"]]
            return "".join(pieces)

        return (streamed if self.streams else whole), client.aclose

    def _transport(self, limits: Any) -> Any:
        import httpx

        return httpx.AsyncHTTPTransport(limits=limits, trust_env=False)


class BareAiohttp(BareHttpx):
    """The same on aiohttp's connections."""

    name = "httpx on aiohttp"

    def _transport(self, limits: Any) -> Any:
        from httpx_aiohttp import AiohttpTransport

        return AiohttpTransport(limits=limits, trust_env=False)


class Official(_OnLoop):
    """The official `openai` client, as it comes."""

    name = "openai, the official client"

    async def _begin(self) -> Any:
        import openai

        client = openai.AsyncOpenAI(api_key=KEY, base_url=self.address, max_retries=0)

        async def whole(text: str) -> str:
            answer = await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}])
            return answer.choices[0].message.content or ""

        async def streamed(text: str) -> str:
            messages: Any = [{"role": "user", "content": text}]
            pieces = []
            async for chunk in await client.chat.completions.create(model=MODEL, messages=messages, stream=True):
                pieces += [choice.delta.content or "" for choice in chunk.choices]
            return "".join(pieces)

        return (streamed if self.streams else whole), client.close


class Ours(Client):
    """Prompt nodes that wait for nobody, through the public executor. What streams has a view that keeps all events."""

    name = "graphbit_nb"

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.executor = executor_at(self.address, self.in_flight)
        self._workflows: dict[int, gb.Workflow] = {}

    def ask(self, count: int) -> None:
        workflow = self._workflows.get(count)
        if workflow is None:
            workflow = self._workflows[count] = workflow_of(count)
        events: list[gb.Event] = []
        result = self.executor.execute(workflow, {"topic": "graphs"}, views=(events.append,) if self.streams else ())
        check(result, count, self.tokens)
        assert not self.streams or sum(event.kind == "llm.token" for event in events) >= count

    def turn(self, count: int) -> Callable[[], float]:
        self._workflows.setdefault(count, workflow_of(count))
        return super().turn(count)


def executor_at(address: str, in_flight: int) -> gb.WorkflowExecutor:
    config = gb.LlmConfig.openai_compatible(base_url=address, model=MODEL, api_key=KEY)
    return gb.WorkflowExecutor(config, max_concurrency=in_flight)


def workflow_of(count: int) -> gb.Workflow:
    builder = gb.WorkflowBuilder("benchmark")
    for number in range(count):
        builder.add_node(gb.Node.prompt(f"n{number}", question(number).replace("graphs", "{{ topic }}")))
    return builder.build()


def check(result: gb.ExecutionResult, count: int, tokens: int) -> None:
    """See that every node has its answer."""
    result.raise_for_status()
    assert len(result.outputs) == count
    assert set(result.outputs.values()) == {"".join(tokens_of(tokens))}
