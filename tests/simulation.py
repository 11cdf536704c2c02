"""For the tests of the engine: workflows from short descriptions, run in virtual time."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any

import graphbit_nb as gb
from graphbit_nb.core.paths import without_numbers
from graphbit_nb.execution.engine import Engine
from graphbit_nb.execution.options import RunOptions
from graphbit_nb.execution.threads import ThreadPool
from graphbit_nb.testing import run_in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.execution.run import Run


class OneClient:
    """Gives every node the same client; to the model that is a fallback, the client of that name in a dict."""

    def __init__(self, client: Any = None) -> None:
        self.client = client

    def client_for(self, node: gb.Node, instead: gb.LlmConfig | None = None) -> Any:
        if isinstance(self.client, dict):
            return self.client["own" if instead is None else instead.model]
        return self.client

    def provider_of(self, node: gb.Node) -> str:
        return node.settings.provider or "openai"


class Model:
    """Answers each node from its own list, or by a function of the request; counts who asks it at the same time.

    Args:
        answers: By the name of the node, or ``"*"``: an answer, a list of successive ones, an exception to raise, or
            a function of the request.
        seconds: How long an answer takes.
    """

    def __init__(self, answers: Any = "yes", *, seconds: float = 0.0, provider: str = "fake") -> None:
        self.answers = dict(answers) if isinstance(answers, dict) else {"*": answers}
        self.seconds = seconds
        self.provider_name = provider
        self.requests: list[Any] = []
        self.busy = self.most = 0

    async def generate(self, request: Any, listener: Any = None) -> gb.GenerateResponse:
        text = str(await self._answer(request))
        return gb.GenerateResponse(text=text, usage=gb.Usage(input_tokens=1, output_tokens=1, calls=1))

    async def embed(self, request: Any, listener: Any = None) -> gb.EmbedResponse:
        value = await self._answer(request)
        vectors = value if isinstance(value, tuple) else tuple((float(len(text)),) for text in request.texts)
        return gb.EmbedResponse(vectors=vectors, usage=gb.Usage(input_tokens=len(request.texts), calls=1))

    async def _answer(self, request: Any) -> Any:
        self.requests.append(request)
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.busy -= 1
        key = next(key for key in (request.node, without_numbers(request.node), "*") if key in self.answers)
        value = self.answers[key]
        if isinstance(value, list):
            value = value.pop(0)
        if callable(value) and not isinstance(value, type):
            value = value(request)
        if isinstance(value, BaseException) or (isinstance(value, type) and issubclass(value, BaseException)):
            raise value
        return value

    def model_info(self) -> gb.ModelInfo:
        return gb.ModelInfo(provider=self.provider_name, name="model", structured_output="schema")

    async def aclose(self) -> None:
        """There is nothing to give back."""


def workflow(*nodes: gb.Node, name: str = "inner") -> gb.Workflow:
    """Build a workflow of these nodes."""
    builder = gb.WorkflowBuilder(name)
    for node in nodes:
        builder.add_node(node)
    return builder.build()


class Simulation:
    """A run in virtual time, and everything that it told.

    Args:
        nodes: The nodes.
        script: Called with the run once it has begun; a coroutine function that may cancel.
        resumes: An earlier simulation whose run is gone on with; then no nodes are given.
        patience: Virtual seconds after which a run is taken to hang; None waits for ever. Not with plain functions,
            whose threads virtual time does not wait for.
        **options: `client`, arguments of `RunOptions` and of `Engine.prepare`.
    """

    def __init__(
        self,
        *nodes: gb.Node,
        script: Callable[[Run], Any] | None = None,
        resumes: Simulation | None = None,
        patience: float | None = None,
        **options: Any,
    ) -> None:
        self.workflow = resumes.workflow if resumes is not None else workflow(*nodes, name="simulated")
        self.events: list[gb.Event] = []
        self._script = script
        self._resumes = resumes
        self._patience = patience
        self._options = options
        run_in_virtual_time(self._main())

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        options = dict(self._options)
        prepared = {
            name: options.pop(name)
            for name in ("inputs", "nodes", "recorder", "run_id", "sinks", "views")
            if name in options
        }  # fmt: skip
        client = OneClient(options.pop("client", None))
        engine = Engine(clients=client, threads=ThreadPool(), clock=loop.time)
        prepared["options"] = RunOptions(**options)
        prepared["sinks"] = (self.events.append, *prepared.get("sinks", ()))
        if self._resumes is None:
            self.run = engine.prepare(self.workflow, **prepared)
        else:
            prepared.pop("run_id", None)
            self.run = engine.resume(self.workflow, self._resumes.snapshot, **prepared)
        script = asyncio.ensure_future(self._script(self.run)) if self._script else None
        self.snapshot = await asyncio.wait_for(self.run.execute(), self._patience)
        self.ended_at = loop.time()
        if script is not None:
            await script

    @property
    def states(self) -> dict[str, str]:
        return {name: str(node.state) for name, node in self.snapshot.nodes.items()}

    @property
    def status(self) -> str:
        return str(self.snapshot.status)

    @property
    def all_states(self) -> dict[str, str]:
        """States of all nodes of the run by path, those inside others as well."""
        return {path: str(node.state) for path, node in self.snapshot.index.items()}

    @property
    def outputs(self) -> dict[str, Any]:
        return {name: node.output for name, node in self.snapshot.nodes.items() if node.state.has_output}

    def error(self, name: str = "a") -> str:
        return str(self.snapshot.index[name].error)

    def reason(self, name: str = "a") -> str | None:
        return self.snapshot.index[name].reason

    def at(self, kind: str, node: str) -> float:
        """When this was told of the node first."""
        return next(event.time for event in self.events if event.kind == kind and event.node == node)

    def told(self, *kinds: str) -> list[Any]:
        return [event for event in self.events if event.kind in kinds]


def python(name: str, fn: Any = None, *, seconds: float = 0, value: Any = None, **more: Any) -> gb.Node:
    """A node that calls `fn`, or sleeps and gives `value`."""

    async def sleeps() -> Any:
        await asyncio.sleep(seconds)
        return name if value is None else value

    return gb.Node.python(name, sleeps if fn is None else fn, **more)


def function(name: str, fn: Any, **more: Any) -> gb.Node:
    """A node whose plain function is called on the loop, since virtual time does not wait for threads."""
    return gb.Node.python(name, on_loop(fn), **more)


def on_loop(fn: Any) -> Any:
    """Return a plain function as a coroutine function with the same parameters."""
    if inspect.iscoroutinefunction(fn):
        return fn

    @functools.wraps(fn)
    async def called(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    return called


def raises(error: BaseException | type[BaseException]) -> Callable[[], Any]:
    """A coroutine function that raises."""

    async def fails() -> Any:
        raise error

    return fails
