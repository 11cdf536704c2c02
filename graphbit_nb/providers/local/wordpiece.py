"""Cuts a text into the word pieces that MiniLM reads: BERT's uncased tokenizer.

Written out here, for it is small: the `tokenizers` library gives the same pieces (a test holds the two together) but
brings huggingface-hub and eight further packages, about 37 MB. One thing is meant to differ: a text that spells a
special token, such as ``[SEP]``, is a text.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_WORD = 100  # characters; a longer one is unknown, as in the reference
_CACHED_WORDS = 1 << 14
_LONGEST_CACHED = 40

_BETWEEN_SPACES = re.compile(r"[^ \t\n\r]+")
_CJK = (
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class WordPiece:
    """A vocabulary, and the longest pieces of it that make up each word. May be used from any thread.

    Args:
        vocabulary: The pieces, in the order of their numbers; those that go on within a word begin with ``##``.
    """

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self._numbers = {piece: number for number, piece in enumerate(vocabulary)}
        self._unknown, self._first, self._last = (self._numbers[name] for name in ("[UNK]", "[CLS]", "[SEP]"))
        self._cached = lru_cache(_CACHED_WORDS)(self._pieces)

    def encode(self, text: str, limit: int) -> list[int]:
        """Return the numbers of the pieces, between those of the beginning and the end: at most `limit`.

        What does not fit is left out, and is not even looked at.
        """
        numbers = [self._first]
        for found in _BETWEEN_SPACES.finditer(text):
            if len(numbers) >= limit - 1:
                break
            part = found.group()
            numbers += self._cached(part) if len(part) <= _LONGEST_CACHED else self._pieces(part)
        return [*numbers[: limit - 1], self._last]

    def _pieces(self, part: str) -> tuple[int, ...]:
        words = part.translate(_NORMAL).split()
        return tuple(number for word in words for number in self._split(word))

    def _split(self, word: str) -> list[int]:
        if len(word) > LONGEST_WORD:
            return [self._unknown]
        numbers: list[int] = []
        start = 0
        while start < len(word):
            mark = "##" if start else ""
            for end in range(len(word), start, -1):
                number = self._numbers.get(mark + word[start:end])
                if number is not None:
                    break
            else:
                return [self._unknown]
            numbers.append(number)
            start = end
        return numbers


class _Normal(dict[int, str]):
    """What each character becomes: lower case without accents; punctuation and Chinese characters stand alone."""

    def __missing__(self, code: int) -> str:
        self[code] = normal = "" if code == 0xFFFD or _is_control(chr(code)) else "".join(map(_normal, _parts(code)))
        return normal


def _parts(code: int) -> str:
    alone = f" {chr(code)} " if any(low <= code <= high for low, high in _CJK) else chr(code)
    return unicodedata.normalize("NFD", alone)


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cf", "Co", "Cs"} and char not in "\t\n\r"


def _normal(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Mn":
        return ""
    if category.startswith("P") or (char.isascii() and char.isprintable() and not char.isalnum() and char != " "):
        return f" {char} "
    return " " if char.isspace() else char.lower()


_NORMAL = _Normal()
