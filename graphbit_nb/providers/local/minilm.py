"""all-MiniLM-L6-v2: the model that turns texts into vectors, in numpy alone.

It gives the numbers that sentence-transformers gives (cosine 1.0, see the tests), without its 5.9 GB of packages.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from graphbit_nb.providers.local.wordpiece import WordPiece

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

DIMENSION = 384
MOST_TOKENS = 256  # of a text, as the reference cuts it; the model was trained on fewer
_LAYERS = 6
_HEADS = 12
_EPSILON = 1e-12

# erfc by Abramowitz and Stegun 7.1.26: wrong by less than 1.5e-7, which is what float32 resolves
_ERFC_P = 0.3275911 / math.sqrt(2)
_ERFC = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)


class MiniLM:
    """The model, with its weights mapped from the file. May be used from any thread.

    Args:
        weights: The file ``model.safetensors``.
        vocabulary: The file ``vocab.txt``.
    """

    def __init__(self, weights: Path, vocabulary: Path) -> None:
        self._tokenizer = WordPiece(vocabulary.read_text(encoding="utf-8").splitlines())
        tensors = read_safetensors(weights)
        self._words = tensors["embeddings.word_embeddings.weight"]
        self._places = (
            tensors["embeddings.position_embeddings.weight"] + tensors["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = (tensors["embeddings.LayerNorm.weight"], tensors["embeddings.LayerNorm.bias"])
        self._layers = [_Layer(tensors, f"encoder.layer.{number}.") for number in range(_LAYERS)]

    def tokens(self, text: str) -> list[int]:
        """Cut `text` into tokens; what is beyond the 256th is left out."""
        return self._tokenizer.encode(text, MOST_TOKENS)

    def vectors(self, texts: Sequence[Sequence[int]]) -> Floats:
        """Return a vector of length 1 for each text, given as its tokens; best for texts of about the same length."""
        import numpy as np

        longest = max(map(len, texts))
        numbers = np.zeros((len(texts), longest), np.int64)
        mask = np.zeros((len(texts), longest), np.float32)
        for row, tokens in enumerate(texts):
            numbers[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1.0
        hidden = _normalise(self._words[numbers] + self._places[:longest], self._norm)
        unseen = None if mask.all() else np.where(mask[:, None, None, :] > 0, np.float32(0), np.float32(-1e9))
        for layer in self._layers:
            hidden = layer(hidden, unseen)
        mean: Floats = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        mean /= np.linalg.norm(mean, axis=1, keepdims=True)
        return mean


class _Layer:
    def __init__(self, tensors: Mapping[str, Floats], prefix: str) -> None:
        import numpy as np

        def dense(name: str) -> tuple[Floats, Floats]:
            return tensors[f"{prefix}{name}.weight"].T, tensors[f"{prefix}{name}.bias"]

        def norm(name: str) -> tuple[Floats, Floats]:
            return tensors[f"{prefix}{name}.LayerNorm.weight"], tensors[f"{prefix}{name}.LayerNorm.bias"]

        asked = [dense(f"attention.self.{name}") for name in ("query", "key", "value")]
        matrix = np.concatenate([weight for weight, _ in asked], axis=1)
        self._asked = matrix, np.concatenate([bias for _, bias in asked])
        self._seen, self._seen_norm = dense("attention.output.dense"), norm("attention.output")
        self._wide, self._narrow, self._norm = dense("intermediate.dense"), dense("output.dense"), norm("output")

    def __call__(self, hidden: Floats, unseen: Floats | None) -> Floats:
        hidden = _normalise(hidden + _dense(self._attention(hidden, unseen), self._seen), self._seen_norm)
        return _normalise(hidden + _dense(_gelu(_dense(hidden, self._wide)), self._narrow), self._norm)

    def _attention(self, hidden: Floats, unseen: Floats | None) -> Floats:
        import numpy as np

        texts, longest, width = hidden.shape
        split = _dense(hidden, self._asked).reshape(texts, longest, 3, _HEADS, width // _HEADS)
        query, key, value = split.transpose(2, 0, 3, 1, 4)
        scores = query @ key.swapaxes(-1, -2)
        scores *= np.float32(1 / math.sqrt(width // _HEADS))
        if unseen is not None:
            scores += unseen
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        seen: Floats = (scores @ value).swapaxes(1, 2).reshape(texts, longest, width)
        return seen


def _dense(values: Floats, weights: tuple[Floats, Floats]) -> Floats:
    matrix, bias = weights
    flat = values.reshape(-1, values.shape[-1]) @ matrix
    flat += bias
    return flat.reshape(*values.shape[:-1], -1)


def _normalise(values: Floats, weights: tuple[Floats, Floats]) -> Floats:
    import numpy as np

    values -= values.mean(axis=-1, keepdims=True)
    spread = np.einsum("...i,...i->...", values, values)[..., None] / np.float32(values.shape[-1])
    values /= np.sqrt(spread + np.float32(_EPSILON))
    values *= weights[0]
    values += weights[1]
    return values


def _gelu(values: Floats) -> Floats:
    """Return max(x, 0) - |x| / 2 * erfc(|x| / sqrt 2)."""
    import numpy as np

    size = np.abs(values)
    near = 1 / (1 + np.float32(_ERFC_P) * size)
    tail = np.float32(_ERFC[0]) * near
    for factor in _ERFC[1:]:
        tail += np.float32(factor)
        tail *= near
    near = size * size
    near *= np.float32(-0.5)
    np.exp(near, out=near)
    tail *= near
    tail *= size
    tail *= np.float32(0.5)
    np.maximum(values, 0, out=values)
    values -= tail
    return values


def read_safetensors(path: Path) -> dict[str, Floats]:
    """Map the tensors of a file into memory: what is not used is not read. Those that are no float32 are left out."""
    import numpy as np

    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        told: dict[str, Any] = json.loads(file.read(size))
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + size).view(np.ndarray)
    return {
        name: data[slice(*one["data_offsets"])].view(np.float32).reshape(one["shape"])
        for name, one in told.items()
        if one.get("dtype") == "F32"
    }
