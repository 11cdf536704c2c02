"""Holds a client to what `LlmClient` says: the slips of a provider of one's own are told as what they are."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import GenerateResponse, Usage
from graphbit_nb.errors import ConfigurationError

if TYPE_CHECKING:
    from graphbit_nb.core.llm import CallListener, GenerateRequest, LlmClient


async def answered(client: LlmClient, request: GenerateRequest, listener: CallListener | None) -> GenerateResponse:
    """Ask `client` and return its answer.

    Raises:
        ConfigurationError: it is not made as a client must be.
        Exception: whatever the client raises.
    """
    generate: Any = client.generate
    try:
        answering = generate(request, listener)
    except TypeError:
        if _takes(generate, request, listener):
            raise
        raise ConfigurationError(
            f"{_name(client)}.generate must be `async def generate(self, request, listener=None)`"
        ) from None
    if not inspect.isawaitable(answering):
        raise ConfigurationError(f"{_name(client)}.generate must be `async def`; it gives {_kind(answering)} at once")
    answer: Any = await answering
    if not isinstance(answer, GenerateResponse):
        raise ConfigurationError(f"{_name(client)}.generate must return a GenerateResponse, not {_kind(answer)}")
    text: Any = answer.text
    if not isinstance(text, str):
        raise ConfigurationError(f"{_name(client)}.generate gives {_kind(text)} as its text, which must be a str")
    usage: Any = answer.usage
    if not isinstance(usage, Usage):
        raise ConfigurationError(f"{_name(client)}.generate gives {_kind(usage)} as its usage, which must be a Usage")
    return answer if usage.calls else replace(answer, usage=replace(usage, calls=1))


def _takes(function: Any, *arguments: Any) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # it has no signature that can be read
        pass
    return True


def _name(client: LlmClient) -> str:
    return type(client).__name__


def _kind(value: Any) -> str:
    return "None" if value is None else type(value).__name__
