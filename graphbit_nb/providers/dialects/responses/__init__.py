"""OpenAI's Responses API, which gives a model's thoughts along so that they can go back with the next question."""

from __future__ import annotations

from graphbit_nb.providers.dialects import Dialect
from graphbit_nb.providers.dialects.chat.answers import models, vectors
from graphbit_nb.providers.dialects.chat.requests import embed_body
from graphbit_nb.providers.dialects.responses.answers import ResponseStream, answer
from graphbit_nb.providers.dialects.responses.requests import body

DIALECT = Dialect(
    path="responses",
    write=body,
    read=answer,
    stream=ResponseStream,
    lacks=frozenset({"seed", "stop"}),
    headers={},
    embed_path="embeddings",
    write_embed=embed_body,
    read_vectors=vectors,
    models_path="models",
    read_models=models,
)
