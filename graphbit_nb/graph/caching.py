"""What is done with remembered answers: the modes, and how old an answer may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from graphbit_nb.errors import UsageError, did_you_mean

Mode = Literal["default", "recompute", "disable", "ignore"]

CACHE_MODES: tuple[Mode, ...] = ("default", "recompute", "disable", "ignore")
UNITS = {"s": 1, "m": 60, "h": 3600, "D": 86400, "W": 604800}
_AGE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([smhDWdw])")
_WORDS = "; one of 'default', 'recompute', 'disable', 'ignore', or how old an answer may be, such as '90s', '3h', '1D'"


@dataclass(frozen=True, slots=True)
class CacheMode:
    """What is done with remembered answers.

    Attributes:
        mode: ``"default"`` takes what is there and keeps what is new; ``"recompute"`` keeps, but takes nothing;
            ``"disable"`` does neither; ``"ignore"`` does neither, and what the node gives does not count when it is
            asked whether a python node that reads it was run with the same before: a client, a connection.
        max_age: Seconds after which an answer is too old to be taken; None is never.
    """

    mode: Mode = "default"
    max_age: float | None = None

    @property
    def reads(self) -> bool:
        """Whether what is remembered is taken."""
        return self.mode == "default"

    @property
    def writes(self) -> bool:
        """Whether what is new is kept."""
        return self.mode in ("default", "recompute")


@lru_cache(maxsize=256)
def _read(text: str) -> CacheMode:
    if text in CACHE_MODES:
        return CacheMode(text)
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"cache={text!r}{did_you_mean(text, CACHE_MODES)}{_WORDS}")
    seconds = float(found[1]) * _unit(found[2])
    if not seconds:
        raise UsageError(f"cache={text!r}: an answer may be no older than nothing; 'recompute' asks anew")
    return CacheMode("default", seconds)


def read_cache_mode(text: Any) -> CacheMode:
    """Read a mode, or how old an answer may be: ``"90s"``, ``"15m"``, ``"3h"``, ``"1D"``, ``"2W"``.

    Raises:
        UsageError: it is neither.
    """
    if isinstance(text, CacheMode):
        return text
    if not isinstance(text, str):
        raise UsageError(f"cache={text!r}{_WORDS}")
    return _read(text)


def read_age(text: Any) -> float:
    """Read a time such as ``"90s"``, ``"15m"``, ``"3h"``, ``"1D"``, ``"2W"`` as seconds. Raises `UsageError`."""
    found = _AGE.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise UsageError(f"{text!r} is no time; write a number and s, m, h, D or W, such as '90s', '3h' or '2W'")
    return float(found[1]) * _unit(found[2])


def first_mode(*told: Any) -> CacheMode:
    """Return the first mode that was said: the node's goes before the call's, the call's before the executor's.

    Raises:
        UsageError: it is none.
    """
    return next((read_cache_mode(one) for one in told if one is not None), CacheMode())


def _unit(letter: str) -> int:
    return UNITS.get(letter) or UNITS[letter.upper()]
