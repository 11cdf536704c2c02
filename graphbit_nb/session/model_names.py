"""When two names of models are the same, and when one is surely the other with a slip in it. Pure: nobody is asked."""

from __future__ import annotations

import difflib
import re
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NEAR = 0.8
SHORTEST_WORD = 3
SHOWN = 3

_EDITION = re.compile(r"[-@:](latest|\d{4}-?\d{2}-?\d{2}|\d{2}-\d{2}|\d{2}-\d{4})$")
_WORD = re.compile(r"[^\W_]+")
_OLLAMAS_OWN = ("registry.ollama.ai/", "library/")


def is_slip(model: str, listed: Iterable[str]) -> bool:
    """Whether a name is surely one of those listed, written wrongly. One that may be another model's is none."""
    names = list(listed)
    return not any(_stands_for(model, name) for name in names) and any(_is_misspelt(model, name) for name in names)


def is_fetched(model: str, there: Iterable[str]) -> bool:
    """Whether a model is among those that a server of fetched models has. Without a tag it is the latest."""
    return _tagged(model) in {_tagged(name) for name in there}


def runs_elsewhere(model: str) -> bool:
    """Whether a server of fetched models would pass the call on, so that nothing need be there."""
    return _tagged(model).endswith("cloud")


def nearest_names(model: str, listed: Sequence[str]) -> list[str]:
    """Those most like it, the nearest first; if it is like none, the first of all."""
    slips = [name for name in listed if _is_misspelt(model, name)]
    candidates = slips or listed
    by_spelling: dict[str, str] = {}
    for name in candidates:
        by_spelling.setdefault(_bare(name), name)
    found = difflib.get_close_matches(_bare(model), by_spelling, n=SHOWN, cutoff=0.5)
    return [by_spelling[one] for one in found] or list(candidates[:SHOWN])


def _tagged(model: str) -> str:
    name = model.strip().casefold()
    for own in _OLLAMAS_OWN:
        name = name.removeprefix(own)
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _bare(name: str) -> str:
    """A name without whose it is, such as ``models/`` or ``openai/``."""
    return name.casefold().rpartition("/")[2]


def _pair(model: str, listed: str) -> tuple[str, str]:
    """Two names as they can be compared: whose they are counts only where both say it."""
    model, listed = model.casefold(), listed.casefold()
    return (model, listed) if "/" in model and "/" in listed else (_bare(model), _bare(listed))


@lru_cache(maxsize=4096)
def _words(name: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(name))


@lru_cache(maxsize=4096)
def _without_edition(name: str) -> str:
    return _EDITION.sub("", name)


def _stands_for(model: str, listed: str) -> bool:
    """Whether a name is the listed one in another edition or otherwise written, or is allowed by its pattern."""
    if "*" in listed:
        return fnmatchcase(model.casefold(), listed.casefold())
    one, other = _pair(model, listed)
    return one == other or _without_edition(one) == _without_edition(other)


def _is_misspelt(model: str, listed: str) -> bool:
    """Whether a name is the listed one but for some letters: other numbers, words and endings are other models."""
    if "*" in listed:
        return False
    one, other = _pair(model, listed)
    return _is_near(one, other) or _is_near(_without_edition(one), _without_edition(other))


def _is_near(one: str, other: str) -> bool:
    if one.startswith(other) or other.startswith(one):
        return False
    words, others = _words(one), _words(other)
    if _folded(words) != _folded(others):
        if len(words) != len(others):
            return False
        if not all(a == b or _is_one_slip(a, b) for a, b in zip(words, others, strict=True)):
            return False
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio() >= NEAR


def _is_one_slip(word: str, other: str) -> bool:
    """Whether one letter is missing, too many or another one, or two changed places, in a word that is long enough."""
    if abs(len(word) - len(other)) > 1 or _digits(word) != _digits(other):
        return False
    if max(_letters(word), _letters(other)) < SHORTEST_WORD:
        return False
    head = _shared(word, other)
    word, other = word[head:], other[head:]
    tail = _shared(word[::-1], other[::-1])
    word, other = word[: len(word) - tail], other[: len(other) - tail]
    return max(len(word), len(other)) <= 1 or (len(word) == 2 and word == other[::-1])


def _folded(words: Iterable[str]) -> str:
    return "".join(words).replace("0", "o")


def _shared(one: str, other: str) -> int:
    """How many letters two words begin with in common."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _digits(word: str) -> str:
    return "".join(letter for letter in word if letter.isdigit())


def _letters(word: str) -> int:
    return sum(letter.isalpha() for letter in word)
