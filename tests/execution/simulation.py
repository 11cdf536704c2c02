"""For the tests of the engine: workflows from short descriptions, run in virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import graphbit_nb as gb
from graphbit_nb.execution.engine import Engine
from graphbit_nb.execution.options import RunOptions
from graphbit_nb.execution.threads import ThreadPool
from graphbit_nb.testing import run_in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.execution.run import Run


class OneClient:
    """Gives every node the same client."""

    def __init__(self, client: Any = None) -> None:
        self.client = client

    def client_for(self, node: gb.Node, instead: gb.LlmConfig | None = None) -> Any:
        return self.client if instead is None else self.client[instead.model]

    def provider_of(self, node: gb.Node) -> str:
        return node.settings.provider or "openai"


class Simulation:
    """A run in virtual time, and everything that it told.

    Args:
        nodes: The nodes.
        script: Called with the run once it has begun; a coroutine function that may cancel.
        **options: `client`, arguments of `Engine` and of `Engine.prepare`.
    """

    def __init__(self, *nodes: gb.Node, script: Callable[[Run], Any] | None = None, **options: Any) -> None:
        builder = gb.WorkflowBuilder("simulated")
        for node in nodes:
            builder.add_node(node)
        self.workflow = builder.build()
        self.events: list[gb.Event] = []
        self._script = script
        self._options = options
        run_in_virtual_time(self._main())

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        options = dict(self._options)
        prepared = {
            name: options.pop(name)
            for name in ("inputs", "nodes", "recorder", "sinks", "views")
            if name in options
        }  # fmt: skip
        client = OneClient(options.pop("client", None))
        engine = Engine(clients=client, threads=ThreadPool(), clock=loop.time)
        prepared["options"] = RunOptions(**options)
        prepared["sinks"] = (self.events.append, *prepared.get("sinks", ()))
        self.run = engine.prepare(self.workflow, **prepared)
        script = asyncio.ensure_future(self._script(self.run)) if self._script else None
        self.snapshot = await self.run.execute()
        self.ended_at = loop.time()
        if script is not None:
            await script

    @property
    def states(self) -> dict[str, str]:
        return {name: str(node.state) for name, node in self.snapshot.nodes.items()}

    @property
    def outputs(self) -> dict[str, Any]:
        return {name: node.output for name, node in self.snapshot.nodes.items() if node.state.has_output}

    def error(self, name: str = "a") -> str:
        return str(self.snapshot.nodes[name].error)

    def told(self, *kinds: str) -> list[Any]:
        return [event for event in self.events if event.kind in kinds]


def python(name: str, fn: Any = None, *, seconds: float = 0, value: Any = None, **more: Any) -> gb.Node:
    """A node that calls `fn`, or sleeps and gives `value`."""

    async def sleeps() -> Any:
        await asyncio.sleep(seconds)
        return name if value is None else value

    return gb.Node.python(name, fn or sleeps, **more)


def raises(error: BaseException | type[BaseException]) -> Callable[[], Any]:
    """A coroutine function that raises."""

    async def fails() -> Any:
        raise error

    return fails
