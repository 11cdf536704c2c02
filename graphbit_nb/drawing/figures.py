"""Figures and causes as they stand on a card: short, and never wider than the room that is kept for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphbit_nb.core.events import ErrorInfo

_CAUSES = {
    "AuthenticationError": "key not accepted",
    "BadRequestError": "request refused",
    "BudgetExceeded": "over budget",
    "CircuitOpenError": "circuit open",
    "ConfigurationError": "not set up",
    "ConflictError": "conflict",
    "ContentFilteredError": "content filtered",
    "ContextTooLongError": "prompt too long",
    "InputTooLarge": "input too large",
    "MissingInputError": "input missing",
    "NotFoundError": "no such model",
    "OutputError": "not as declared",
    "OverloadedError": "overloaded",
    "PermissionDeniedError": "not permitted",
    "ProtocolError": "unreadable answer",
    "ProviderConnectionError": "no connection",
    "ProviderTimeoutError": "timed out",
    "QuotaExhaustedError": "quota used up",
    "RateLimitError": "rate limited",
    "ResponseTooLargeError": "answer too large",
    "ServerError": "server error",
    "TemplateError": "template error",
    "TimeoutError": "timed out",
}


def cause(error: ErrorInfo) -> str:
    """Return why something failed, in two or three words."""
    return _CAUSES.get(error.type, error.type)


def duration(seconds: float) -> str:
    """Return a time as it is shown on a card: ``40 ms``, ``9.4 s``, ``1:05``, ``2:00:07``."""
    if seconds < 0.0995:
        return f"{max(0.0, seconds * 1000):.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def characters(count: int) -> str:
    """Return how much of an answer has come: ``312 chars``, ``4.1k chars``."""
    if count < 1000:
        return f"{count} chars"
    return f"{count / 1000:.1f}k chars" if count < 99_950 else f"{round(count / 1000)}k chars"


def part_of(count: int, total: int) -> str:
    """Return how many of how many: ``7/12``, ``9.9k/10k``. It is never rounded up, so nothing looks done before."""
    return f"{short(count)}/{short(total)}"


def short(count: int) -> str:
    """Return a number in at most four characters up to a hundred thousand: ``12``, ``1.2k``, ``10k``."""
    if count < 1000:
        return str(count)
    return f"{count // 100 / 10:g}k" if count < 10_000 else f"{count // 1000}k"
