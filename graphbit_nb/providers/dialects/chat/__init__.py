"""Chat completions, which OpenAI made up and most providers speak."""

from __future__ import annotations

from graphbit_nb.providers.dialects import Dialect
from graphbit_nb.providers.dialects.chat.answers import ChatStream, answer, models, vectors
from graphbit_nb.providers.dialects.chat.requests import body, embed_body

DIALECT = Dialect(
    path="chat/completions",
    write=body,
    read=answer,
    stream=ChatStream,
    headers={},
    embed_path="embeddings",
    write_embed=embed_body,
    read_vectors=vectors,
    models_path="models",
    read_models=models,
)
