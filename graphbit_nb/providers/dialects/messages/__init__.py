"""Anthropic's Messages API."""

from __future__ import annotations

from graphbit_nb.providers.dialects import Dialect
from graphbit_nb.providers.dialects.chat.answers import models
from graphbit_nb.providers.dialects.messages.answers import MessageStream, answer
from graphbit_nb.providers.dialects.messages.requests import body

DIALECT = Dialect(
    path="messages",
    write=body,
    read=answer,
    stream=MessageStream,
    lacks=frozenset({"seed"}),
    headers={"anthropic-version": "2023-06-01"},
    key_header="x-api-key",
    embed_path=None,
    write_embed=None,
    read_vectors=None,
    models_path="models?limit=1000",
    read_models=models,
)
