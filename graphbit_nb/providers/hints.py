"""What to do about a failed call, by the class of its error, where the provider's preset knows nothing better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.errors import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ContentFilteredError,
    ContextTooLongError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ProtocolError,
    ProviderConnectionError,
    ProviderTimeoutError,
    QuotaExhaustedError,
    RateLimitError,
    ResponseTooLargeError,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.errors import GraphbitError

HINTS: Mapping[type[GraphbitError], str] = {
    AuthenticationError: "check the key",
    PermissionDeniedError: "ask the owner of the account to allow it, or name another model",
    NotFoundError: "check the model's name and base_url",
    BadRequestError: "change the request: the same one is refused again",
    ContextTooLongError: "shorten the prompt, lower max_tokens, or name a model with a larger context",
    ContentFilteredError: "rephrase the prompt, or name another model",
    ConflictError: "try again later",
    RateLimitError: "ask less at once with max_concurrency= or rate_limit=RateLimiter(...)",
    QuotaExhaustedError: "top the account up, or name another provider",
    OverloadedError: "try again later, or give the node a fallback model",
    ResponseTooLargeError: "ask for less, or allow more with gb.init(pool_limits=PoolLimits(max_response_bytes=...))",
    ServerError: "try again later, or give the node a fallback model",
    ProviderTimeoutError: "allow more with timeout= and total_timeout= of LlmConfig, or give the node a fallback model",
    ProviderConnectionError: "check the network, base_url and proxies",
    ProtocolError: "if it stays so, check that base_url is the address of an API, and which one it speaks",
}


def hint_for(kind: type[GraphbitError], own: Mapping[type[GraphbitError], str]) -> str | None:
    """Return what to do, in the words of the provider's preset if it has any for this class of error."""
    return next((hints[one] for hints in (own, HINTS) for one in kind.__mro__ if one in hints), None)
