"""The kinds of node: what a kind must be able to do, and the registry that built-in kinds and plugins share."""

from __future__ import annotations

import inspect
import keyword
import logging
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.templating import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from graphbit_nb.core.llm import (
        EmbedRequest,
        EmbedResponse,
        GenerateRequest,
        GenerateResponse,
        Message,
        ModelInfo,
        ToolCall,
    )
    from graphbit_nb.core.outputs import OutputType
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.tools import Tool
    from graphbit_nb.templating import Reference

logger = logging.getLogger("graphbit_nb")

BUILT_IN = {
    "agent": "graphbit_nb.graph.kinds.agent:AgentProcessor",
    "condition": "graphbit_nb.graph.kinds.condition:ConditionProcessor",
    "embed": "graphbit_nb.graph.kinds.embed:EmbedProcessor",
    "human": "graphbit_nb.graph.kinds.human:HumanProcessor",
    "prompt": "graphbit_nb.graph.kinds.prompt:PromptProcessor",
    "python": "graphbit_nb.graph.kinds.python:PythonProcessor",
    "workflow": "graphbit_nb.graph.kinds.workflow:WorkflowProcessor",
}
ENTRY_POINTS = "graphbit_nb.processors"


class NodeServices(Protocol):
    """What the engine does for a node while it runs."""

    async def generate(self, request: GenerateRequest) -> GenerateResponse:
        """Ask the node's model, one call at a time. Raises `ProviderError`."""
        ...

    async def embed(self, request: EmbedRequest) -> EmbedResponse:
        """Ask the node's model for vectors. Raises `ProviderError`."""
        ...

    async def call(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run a plain function in a thread and return its value."""
        ...

    async def use_tools(self, calls: Sequence[ToolCall], tools: Sequence[Tool], seconds: float) -> tuple[str, ...]:
        """Call what a model asked for, all at the same time, and return what it is told of each, in its order.

        A call that fails, that no tool answers to, or that has no result after so many `seconds` gives that as text.
        """
        ...

    def model_info(self) -> ModelInfo:
        """Say what is known about the node's model."""
        ...


@dataclass(frozen=True, slots=True)
class Repair:
    """Asks a kind to try again, because its answer did not fit the declared output.

    Attributes:
        number: 1 for the first repair.
        text: The answer as it was.
        error: Why it does not fit.
    """

    number: int
    text: str
    error: str


@dataclass(slots=True, kw_only=True)
class NodeInput:
    """What a node is run with.

    Attributes:
        node: The node.
        path: What the engine calls it: its name, or for one inside another ``"each[3]"``, ``"review.score"``.
        values: Values of the nodes and inputs that it reads, by name.
        rendered: What the kind's `render` returned.
        services: What the engine does for it.
        repair: Set when an earlier answer did not fit.
        said: What a kind keeps of its conversation, after the prompt and before the answer that did not fit.
    """

    node: Node
    path: str
    values: Mapping[str, Any]
    rendered: Any = None
    services: NodeServices
    repair: Repair | None = None
    said: tuple[Message, ...] = ()


@dataclass(slots=True)
class NodeOutput:
    """What a node gives. A kind may also return the bare value.

    Attributes:
        value: The output.
        is_text: Whether `value` is a model's text, still to be read as the declared output.
    """

    value: Any
    is_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A rendered prompt: messages, and for each the pieces that came from a value as (start, end, name).

    `pictures` are what stands for the pictures of its last user's turn: paths, bytes, addresses, figures.
    """

    messages: tuple[Message, ...]
    origins: tuple[tuple[tuple[int, int, str], ...], ...]
    pictures: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateSettings:
    """Settings of a kind that says nothing else: a template and its options."""

    template: Template
    options: Mapping[str, Any] = field(default_factory=dict)


class NodeProcessor:
    """A kind of node. Derive from it, name it, write `process`, and register it.

    As it stands, the body is a template: the nodes that it names are read, and `process` finds the filled-in text
    in ``input.rendered``. Override `prepare`, `references` and `render` for another sort of body.

    Attributes:
        node_type: The kind's name, as in ``Node.NAME(...)`` and ``%%graphbit NAME``.
        options: Names of the keyword arguments that nodes of this kind take.
        default_output: Type of the output when a node does not say.
        asks_model: Whether nodes of this kind call a language model.
        embeds: Whether what they ask it for are vectors.
        runs_as: ``"task"`` for what `process` does; ``"person"`` when a person answers what `render` returns, and
            ``"nodes"`` when the node opens into a workflow: these two never come to `process`.
        body: What a cell's body is for this kind: ``"text"`` or ``"code"``.
        remembers: Whether what a node of this kind gave is taken again when it is run with the same values and its
            code is the same. None: as far as `process`, and what that reads, can be compared, and reads no clock, no
            files, no network and no random numbers. True: those are not asked about. False: never. For kinds that ask
            a model it says nothing: there each call is remembered by itself.
        is_async: Whether `process` is a coroutine function; found out, not set.
    """

    node_type: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()
    default_output: ClassVar[OutputType | None] = None
    asks_model: ClassVar[bool] = False
    embeds: ClassVar[bool] = False
    runs_as: ClassVar[Literal["task", "person", "nodes"]] = "task"
    body: ClassVar[Literal["text", "code"]] = "text"
    remembers: ClassVar[bool | None] = None
    is_async: ClassVar[bool] = False

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.is_async = inspect.iscoroutinefunction(cls.process)

    def prepare(self, body: Any, **options: Any) -> Any:
        """Check what a node is defined with and return its settings. Raises `DefinitionError`."""
        if not isinstance(body, str):
            raise UsageError(f"a {self.node_type} node needs a text, not {body!r}")
        return TemplateSettings(Template(body), options)

    def references(self, settings: Any) -> tuple[Reference, ...]:
        """Return what a node with these settings reads."""
        found: tuple[Reference, ...] = settings.template.references
        return found

    def render(self, node: Node, values: Mapping[str, Any]) -> Any:
        """Fill the values in. Returns a `Prompt`, or whatever `process` wants to find in ``input.rendered``."""
        return node.settings.template.render(values)

    def process(self, input: NodeInput) -> Any:  # noqa: A002 (the name that GraphBit gives it)
        """Do the node's work and return its output; may be async."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it does")


class ProcessorRegistry:
    """Kinds of node by name: built in, registered by hand, or found as entry points of installed packages.

    There is one registry a process; the class stands for it. A package announces its kinds as entry points of the
    group ``graphbit_nb.processors``.
    """

    _found: ClassVar[dict[str, NodeProcessor]] = {}
    _searched: ClassVar[bool] = False

    @classmethod
    def register(cls, processor: NodeProcessor | type[NodeProcessor]) -> NodeProcessor | type[NodeProcessor]:
        """Add a kind; also usable as a decorator of its class. A kind of the same name is replaced.

        Raises:
            UsageError: it is no `NodeProcessor`, or its name cannot be a kind's.
        """
        made = processor() if isinstance(processor, type) else processor
        kind = getattr(made, "node_type", None)
        if not isinstance(made, NodeProcessor):
            raise UsageError(f"a kind of node derives from NodeProcessor; {type(made).__name__} does not")
        if not isinstance(kind, str) or not kind.isidentifier() or keyword.iskeyword(kind) or kind.startswith("_"):
            raise UsageError(f"{type(made).__name__}.node_type must be a name such as 'search', not {kind!r}")
        if kind in _attributes_of_node():
            raise UsageError(f"{kind!r} is an attribute of every node and no name for a kind; try '{kind}_node'")
        cls._found[kind] = made
        return processor

    @classmethod
    def unregister(cls, kind: str) -> None:
        """Take a registered kind away; a built-in kind that it replaced is there again."""
        cls._found.pop(kind, None)

    @classmethod
    def find(cls, kind: str) -> NodeProcessor | None:
        """Return the kind of that name, or None."""
        if kind not in cls._found and kind in BUILT_IN:
            module, _, name = BUILT_IN[kind].partition(":")
            cls._found[kind] = getattr(import_module(module), name)()
        if kind not in cls._found:
            cls._search()
        return cls._found.get(kind)

    @classmethod
    def kinds(cls) -> tuple[str, ...]:
        """Return the names of all kinds, sorted."""
        cls._search()
        return tuple(sorted({*BUILT_IN, *cls._found}))

    @classmethod
    def _search(cls) -> None:
        """Load the kinds that installed packages announce, once."""
        if cls._searched:
            return
        cls._searched = True
        from importlib.metadata import entry_points

        for point in entry_points(group=ENTRY_POINTS):
            if point.name not in cls._found and point.name not in BUILT_IN:
                try:
                    cls.register(point.load())
                except Exception:
                    logger.exception("the kind of node %r of the package %s cannot be loaded", point.name, point.value)


def processor_of(kind: str) -> NodeProcessor:
    """Return the kind of that name. Raises `UsageError` when there is none."""
    found = ProcessorRegistry.find(kind) if isinstance(kind, str) else None
    if found is None:
        kinds = ProcessorRegistry.kinds()
        raise UsageError(f"no kind of node {kind!r}{did_you_mean(kind, kinds) or '; there are ' + ', '.join(kinds)}")
    return found


def _attributes_of_node() -> frozenset[str]:
    from graphbit_nb.graph.node import Node

    return frozenset(Node.__dataclass_fields__)
