"""Ollama's own interface, which knows grammars, contexts and how long a model stays loaded."""

from __future__ import annotations

from graphbit_nb.providers.dialects import Dialect
from graphbit_nb.providers.dialects.ollama.answers import OllamaStream, answer, models, vectors
from graphbit_nb.providers.dialects.ollama.requests import body, embed_body

DIALECT = Dialect(
    path="api/chat",
    write=body,
    read=answer,
    stream=OllamaStream,
    headers={},
    embed_path="api/embed",
    write_embed=embed_body,
    read_vectors=vectors,
    models_path="api/tags",
    read_models=models,
)
