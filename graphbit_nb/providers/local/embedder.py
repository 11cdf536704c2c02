"""Turns texts into vectors with MiniLM, beside the event loop: in a thread, batch by batch.

Texts of more than 256 tokens (some 190 English words) are cut there, as the reference does: what is beyond is not in
the vector. Cut long documents into passages first. Usage counts the tokens that were read.
"""

from __future__ import annotations

import asyncio
import threading
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import EmbedResponse, Usage
from graphbit_nb.errors import ConfigurationError
from graphbit_nb.providers.local import weights
from graphbit_nb.providers.local.catalog import EMBEDDING_MODEL, MINILM
from graphbit_nb.providers.local.minilm import MiniLM
from graphbit_nb.providers.local.process import INSTALL_RUNTIME, default_threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PACKAGES = ("numpy", "threadpoolctl")

_TOKENS_AT_ONCE = 512  # more of them are no faster, and less can be cancelled between them
_TEXTS_AT_ONCE = 64

_turn = threading.Lock()  # one at a time computes: a second would only take the first one's processors


class Embedder:
    """The embedding model. Cancelling a call ends it after the batch that is being computed.

    Args:
        threads: CPU threads; None is one less than there are cores, at most four.

    Raises:
        ConfigurationError: numpy or the weights are missing.
    """

    def __init__(self, threads: int | None = None) -> None:
        missing = [package for package in PACKAGES if find_spec(package) is None]
        if missing:
            raise ConfigurationError(f"{EMBEDDING_MODEL} needs {' and '.join(missing)}; {INSTALL_RUNTIME}")
        self._path = weights.installed(MINILM)
        self._threads = threads or default_threads()
        self._next = asyncio.Lock()  # calls take turns by the batch, and block one thread between them

    async def embed(self, texts: Sequence[str]) -> EmbedResponse:
        """Return a vector of 384 numbers and length 1 for each text."""
        tokens: list[list[int]] = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            async with self._next:
                tokens += await asyncio.to_thread(self._tokens, texts[start : start + _TEXTS_AT_ONCE])
        vectors: dict[int, tuple[float, ...]] = {}
        for batch in batches([len(one) for one in tokens]):
            async with self._next:
                found = await asyncio.to_thread(self._vectors, [tokens[number] for number in batch])
            vectors.update(zip(batch, found, strict=True))
        return EmbedResponse(
            vectors=tuple(vectors[number] for number in range(len(texts))),
            usage=Usage(input_tokens=sum(map(len, tokens)), output_tokens=0, calls=1),
            model=EMBEDDING_MODEL,
        )

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        with _turn:
            model = _model(self._path)
            return [model.tokens(text) for text in texts]

    def _vectors(self, tokens: Sequence[Sequence[int]]) -> list[tuple[float, ...]]:
        with _turn, _pools().limit(limits=self._threads, user_api="blas"):
            return [tuple(vector) for vector in _model(self._path).vectors(tokens).tolist()]


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Put texts that are about as long as each other together, as many as are computed at once; by their numbers."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and lengths[number] * (len(batch) + 1) > _TOKENS_AT_ONCE:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


@cache
def _model(path: Path) -> MiniLM:
    return MiniLM(path, path.with_name("vocab.txt"))


@cache
def _pools() -> Any:
    """What sets the threads of numpy's matrix products.

    By itself it takes every core, and on a busy machine the threads wait for each other, spinning: a quarter of the
    speed of one thread was measured there.
    """
    import numpy as np  # noqa: F401 (only what is loaded is found)

    threadpoolctl: Any = import_module("threadpoolctl")  # it tells no types
    return threadpoolctl.ThreadpoolController()
