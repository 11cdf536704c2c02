"""A model with a character: a definition that several nodes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.errors import DefinitionError
from graphbit_nb.graph.tools import Tool


@dataclass(frozen=True, slots=True)
class Agent:
    """Who is asked: a system prompt, a model, its parameters and its tools. Immutable; any number of nodes may use it.

        editor = Agent("editor", "You are a strict editor.", model="gpt-4o-mini", temperature=0)
        Node.prompt("short", "Shorten this: {{ draft }}", agent=editor)

    What a node says itself goes before what its agent says.

    Args:
        name: What the agent is called.
        system: Its system prompt, a template.
        tools: Functions that it may call, or tools that `tool_of` made. An agent node calls them, unless it has its
            own; a prompt refuses an agent that has any.
        model: The model; None is the executor's.
        provider: The provider, by name or as a config; None is the executor's.
        temperature: Sent as it is; so are `max_tokens`, `top_p` and `seed`. None is not sent.
        max_tokens: Limit on an answer.
        top_p: See `temperature`.
        seed: See `temperature`.

    Raises:
        DefinitionError: an argument is not allowed.
    """

    name: str
    system: str | None = None
    tools: Sequence[Callable[..., Any] | Tool] = ()
    model: str | None = None
    provider: str | LlmConfig | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise DefinitionError(f"an agent needs a name, not {self.name!r}")
        for argument in ("system", "model"):
            value = getattr(self, argument)
            if value is not None and not isinstance(value, str):
                raise DefinitionError(f"agent {self.name}: {argument}={value!r}: give a text")
        if self.provider is not None and not isinstance(self.provider, str | LlmConfig):
            raise DefinitionError(f"agent {self.name}: provider={self.provider!r}: give a name, or an LlmConfig")
        tools: Any = self.tools
        if isinstance(tools, str) or not isinstance(tools, Sequence):
            raise DefinitionError(f"agent {self.name}: tools={tools!r}: give a list of functions")
        for tool in tools:
            if not callable(tool) and not isinstance(tool, Tool):
                raise DefinitionError(f"agent {self.name}: the tool {tool!r} is no function")
        object.__setattr__(self, "tools", tuple(tools))

    def options(self) -> dict[str, Any]:
        """Return what it says, under the names of a prompt's arguments."""
        names = ("system", "model", "provider", "temperature", "max_tokens", "top_p", "seed")
        return {name: value for name in names if (value := getattr(self, name)) is not None}
