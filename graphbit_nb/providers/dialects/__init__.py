"""The languages of the providers' interfaces: how a question is written in each, and how its answers are read.

Nothing in here sends anything. Each language is a package whose `DIALECT` says what there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphbit_nb.core.llm import EmbedRequest, GenerateRequest, GenerateResponse, Usage
    from graphbit_nb.providers.catalog import Preset
    from graphbit_nb.providers.dialects.streams import AnswerStream, Clock, OnToken
    from graphbit_nb.providers.failures import Failures

Language = Literal["chat", "messages", "ollama", "responses"]

Vectors = tuple[tuple[tuple[float, ...], ...], "Usage", "str | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One interface.

    Attributes:
        path: Where questions go, below the base URL.
        write: Makes the body of a call from request, preset, further fields, account and whether it streams.
        read: Reads a whole answer.
        stream: Starts to read a streamed one, with account, clock and who is told of the pieces.
        lacks: Parameters of a request that the interface does not have.
        headers: Sent with each call.
        key_header: Header that carries the key; None is a bearer token.
        embed_path: Where texts are turned into vectors; None where they are not.
        write_embed: Makes the body of such a call.
        read_vectors: Reads its answer: vectors in the order asked, usage and model.
        models_path: Where the models are listed.
        read_models: Reads the list.
    """

    path: str
    write: Callable[[GenerateRequest, Preset, Mapping[str, Any], Failures, bool], dict[str, Any]]
    read: Callable[[str, Failures], GenerateResponse]
    stream: Callable[[Failures, Clock, OnToken], AnswerStream]
    lacks: frozenset[str] = frozenset()
    headers: Mapping[str, str]
    key_header: str | None = None
    embed_path: str | None
    write_embed: Callable[[EmbedRequest], dict[str, Any]] | None
    read_vectors: Callable[[str, int, Failures], Vectors] | None
    models_path: str
    read_models: Callable[[str, Failures], tuple[str, ...]]


def dialect_of(language: Language) -> Dialect:
    """Return a language, which is loaded when it is first used."""
    found: Dialect = import_module(f"{__name__}.{language}").DIALECT
    return found
