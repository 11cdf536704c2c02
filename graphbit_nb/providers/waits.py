"""How long a provider asks us to wait, as the headers of its answers tell it in their various ways."""

from __future__ import annotations

import math
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 24 * 3600.0  # what is longer is no wait but a mistake, or a limit of the day that no run waits for
SECONDS_SINCE_1970, MILLISECONDS_SINCE_1970 = 1e9, 1e12  # since 2001, both of them

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}

# What is left of a limit, and when there is all of it again
_WINDOWS = (
    *((f"x-ratelimit-remaining{of}", f"x-ratelimit-reset{of}") for of in ("-requests", "-tokens", "")),
    *(
        (f"anthropic-ratelimit-{of}-remaining", f"anthropic-ratelimit-{of}-reset")
        for of in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that a provider asks us to wait, told in seconds or as the HTTP date of the end.

    What cannot be meant, such as a time gone by or more than a day, is passed over.

    Args:
        headers: Of the answer, by lower-case name.
        now: Seconds since the epoch, against which a date is read.
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if (told := headers.get(name)) is None:
            continue
        try:
            seconds = float(told) * scale
        except ValueError:
            seconds = _until(told, now)
        if _can_be_meant(seconds):
            return seconds
    return None


def window_ends(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds until a used-up limit is there again, for a provider that asks for no wait of its own.

    Of those that are used up it is the last one. Where it is not told which ones are, it is the first one of all: to
    wait less would be in vain in any case.

    Args:
        headers: Of the answer, by lower-case name.
        now: Seconds since the epoch, against which times of day are read.
    """
    used_up: list[float] = []
    others: list[float] = []
    for left, ends in _WINDOWS:
        seconds = _duration(headers[ends], now) if ends in headers else None
        if seconds is not None and _can_be_meant(seconds):
            (used_up if headers.get(left, "").strip() == "0" else others).append(seconds)
    return max(used_up) if used_up else min(others, default=None)


def _duration(told: str, now: float) -> float:
    """Read ``6m0s``, ``20ms``, seconds, seconds or milliseconds since 1970, or a date of RFC 3339."""
    told = told.strip()
    parts = _PART.findall(told)
    if parts and "".join(number + unit for number, unit in parts) == told:
        return math.fsum(float(number) * _UNITS[unit] for number, unit in parts)
    try:
        number = float(told)
    except ValueError:
        return _until(told, now)
    if number >= MILLISECONDS_SINCE_1970:
        return number / 1000 - now
    return number - now if number >= SECONDS_SINCE_1970 else number


def _until(told: str, now: float) -> float:
    """Return the seconds until a date of HTTP or of RFC 3339, or NaN for what is neither."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            found = read(told)
            return found.timestamp() - now if found.tzinfo is not None else math.nan
        except (ValueError, OverflowError, TypeError):
            continue
    return math.nan


def _can_be_meant(seconds: float) -> bool:
    return math.isfinite(seconds) and 0 <= seconds <= LONGEST
