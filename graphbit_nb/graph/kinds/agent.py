"""The `agent` kind: a prompt whose model may call tools before it answers."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import Message
from graphbit_nb.errors import DefinitionError, OutputError
from graphbit_nb.graph.agents import Agent
from graphbit_nb.graph.kinds.prompt import PromptProcessor, PromptSettings
from graphbit_nb.graph.registry import NodeOutput
from graphbit_nb.graph.tools import tools_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbit_nb.core.llm import GenerateRequest, ToolCall
    from graphbit_nb.core.outputs import OutputType
    from graphbit_nb.graph.registry import NodeInput
    from graphbit_nb.graph.tools import Tool

MAX_TURNS = 10
TOOL_TIMEOUT = 60.0
_FORM = "Now give this answer again, alone and in the form that was asked for."


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings(PromptSettings):
    """What an agent node is made of: a prompt, its tools, and how long it may go on with them."""

    tools: tuple[Tool, ...]
    max_turns: int = MAX_TURNS
    tool_timeout: float = TOOL_TIMEOUT


class AgentProcessor(PromptProcessor):
    """A prompt whose model may call functions of yours before it answers.

    The body is a prompt. --tools names functions of the notebook: their docstrings and annotations are what the model
    is told of them. What it asks for at once is called at the same time; a function's exception goes back to it as
    text. A function is the one that has the name when the cell is run: run the cell again after you change it.
    """

    node_type = "agent"
    options = (*PromptProcessor.options, "tools", "max_turns", "tool_timeout")

    def prepare(self, body: Any, **options: Any) -> AgentSettings:
        """Check the template, the tools and the other options. Raises `DefinitionError`."""
        agent, given = options.get("agent"), options.pop("tools", None)
        own = {name: options.pop(name) for name in ("max_turns", "tool_timeout") if name in options}
        if isinstance(agent, Agent):
            given = agent.tools if given is None else given
            options["agent"] = replace(agent, tools=())
        settings = self._prepared(body, options)
        tools = tools_of(() if given is None else given)
        if not tools:
            raise DefinitionError(
                "an agent calls tools, and it has none; give it functions with tools=[...], in a cell with "
                "--tools NAME,NAME, or make it a prompt"
            )
        turns, seconds = own.get("max_turns", MAX_TURNS), own.get("tool_timeout", TOOL_TIMEOUT)
        if isinstance(turns, bool) or not isinstance(turns, int) or turns < 1:
            raise DefinitionError(f"max_turns={turns!r}: give a whole number of at least 1")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
            raise DefinitionError(f"tool_timeout={seconds!r}: give a number of seconds above 0")
        return AgentSettings(**settings, tools=tools, **own)

    async def process(self, input: NodeInput) -> NodeOutput:  # noqa: A002
        """Ask the model, call the tools that it asks for, and ask again, until it answers.

        Raises:
            OutputError: its last turn still asks for tools.
        """
        settings: AgentSettings = input.node.settings
        services, prompt = input.services, input.rendered.messages
        request = self._request(input)
        while True:
            response = await services.generate(request)
            if not response.tool_calls:
                if request.tools and self._is_held(input) and not _fits(response.text, input.node.output):
                    asked = (response.as_message(), Message("user", _FORM))
                    request = replace(super()._request(input), messages=(*request.messages, *asked))
                    continue
                input.said = request.messages[len(prompt) :]
                return NodeOutput(response.text, is_text=True)
            turns = 1 + sum(message.role == "assistant" for message in request.messages[len(prompt) :])
            if turns >= settings.max_turns:
                raise _too_long(turns, response.tool_calls)
            given = await services.use_tools(response.tool_calls, settings.tools, settings.tool_timeout)
            results = (
                Message("tool", text, tool_call_id=call.id)
                for call, text in zip(response.tool_calls, given, strict=True)
            )
            request = replace(request, messages=(*request.messages, response.as_message(), *results))

    def _request(self, input: NodeInput) -> GenerateRequest:  # noqa: A002
        """Return what the model is asked first, or asked again, with everything that was said before."""
        request = super()._request(input)
        specs = tuple(tool.spec for tool in input.node.settings.tools)
        if not self._is_held(input):
            return replace(request, tools=specs)
        return replace(request, tools=specs, schema=None) if input.repair is None else request

    @staticmethod
    def _is_held(input: NodeInput) -> bool:  # noqa: A002
        """Whether a grammar would hold the model to the form of the answer, and so keep it from asking for tools.

        Such a model answers freely at first; what does not fit is asked for again without tools.
        """
        output = input.node.output
        return (
            output is not None
            and output.schema is not None
            and input.services.model_info().structured_output == "grammar"
        )


def _fits(text: str, output: OutputType | None) -> bool:
    try:
        _ = output is None or output.parse(text)
    except OutputError:
        return False
    return True


def own_options(settings: AgentSettings) -> dict[str, Any]:
    """Return those of the limits that are not the usual ones."""
    usual = {field.name: field.default for field in fields(AgentSettings)}
    return {
        name: getattr(settings, name)
        for name in ("max_turns", "tool_timeout")
        if getattr(settings, name) != usual[name]
    }


def _too_long(turns: int, calls: Sequence[ToolCall]) -> OutputError:
    asked = ", ".join(dict.fromkeys(call.name for call in calls))
    many = f"{turns} turns" if turns > 1 else "its only turn"
    return OutputError(
        f"after {many} the model still asks for tools ({asked}) and gives no answer; raise max_turns, "
        "or say in the prompt when it knows enough"
    )
