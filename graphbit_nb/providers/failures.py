"""The one table that turns what goes wrong between us and a provider into our own errors.

What reads the answers, and what is done about an error, is elsewhere. No error made here holds a key: the provider's
words are cut, and a key that it echoes is taken out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx  # noqa: TID253 (this module is imported with the first client)

from graphbit_nb.core.redaction import GONE, redact
from graphbit_nb.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    ContentFilteredError,
    ContextTooLongError,
    GraphbitError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ProtocolError,
    ProviderConnectionError,
    ProviderError,
    ProviderTimeoutError,
    QuotaExhaustedError,
    RateLimitError,
    ServerError,
)
from graphbit_nb.providers.hints import hint_for
from graphbit_nb.providers.waits import retry_after, window_ends

LONGEST_WORDS = 500

_STATUS: Mapping[int, type[ProviderError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: QuotaExhaustedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: ProviderTimeoutError,
    409: ConflictError,
    429: RateLimitError,
    503: OverloadedError,
    529: OverloadedError,
}

# `code` and `type` of an error body, which say more than the status does and are all there is in a stream
_WORDS: Mapping[str, type[ProviderError]] = {
    "DeploymentNotFound": NotFoundError,
    "ResponsibleAIPolicyViolation": ContentFilteredError,
    "api_error": ServerError,
    "authentication_error": AuthenticationError,
    "billing_error": QuotaExhaustedError,
    "billing_hard_limit_reached": QuotaExhaustedError,
    "content_filter": ContentFilteredError,
    "content_policy_violation": ContentFilteredError,
    "context_length_exceeded": ContextTooLongError,
    "exceed_context_size_error": ContextTooLongError,
    "insufficient_quota": QuotaExhaustedError,
    "image_content_policy_violation": ContentFilteredError,
    "invalid_api_key": AuthenticationError,
    "invalid_prompt": BadRequestError,
    "invalid_request_error": BadRequestError,
    "model_not_found": NotFoundError,
    "not_found_error": NotFoundError,
    "overloaded_error": OverloadedError,
    "permission_error": PermissionDeniedError,
    "rate_limit_error": RateLimitError,
    "rate_limit_exceeded": RateLimitError,
    "request_too_large": BadRequestError,
    "server_error": ServerError,
    "timeout_error": ProviderTimeoutError,
}

# Refusals that some providers tell only in prose
_PROSE: tuple[tuple[re.Pattern[str], type[ProviderError]], ...] = (
    (
        re.compile(r"(?i)maximum context length|context (length|window|size|limit)|prompt (is )?too long"),
        ContextTooLongError,
    ),
    (re.compile(r"(?i)credit balance is too low"), QuotaExhaustedError),
    (re.compile(r"(?i)api key (is )?(not valid|invalid)|(incorrect|invalid) api key"), AuthenticationError),
)

_TRANSPORT: tuple[tuple[type[Exception], type[GraphbitError], str], ...] = (
    (httpx.ConnectTimeout, ProviderTimeoutError, "gave no connection in time"),
    (httpx.TimeoutException, ProviderTimeoutError, "did not answer in time"),
    (httpx.UnsupportedProtocol, ConfigurationError, "has an address that is not http:// or https://"),
    (httpx.InvalidURL, ConfigurationError, "has an address that cannot be read"),
    (httpx.ProxyError, ProviderConnectionError, "could not be reached through the proxy"),
    (httpx.ConnectError, ProviderConnectionError, "could not be reached"),
    (httpx.DecodingError, ProtocolError, "sent an answer that cannot be decoded"),
    (httpx.TransportError, ProviderConnectionError, "hung up"),
    (httpx.HTTPError, ProtocolError, "sent an answer that cannot be read"),
)

_BLOTTED = re.compile(r"\b(sk|pk|rk)-[\w*.-]{12,}")  # providers show the first and last letters
_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "apim-request-id", "mistral-correlation-id")


@dataclass(slots=True, kw_only=True)
class Failures:
    """Makes the errors of one call, so that each says who failed and keeps the keys to itself.

    Attributes:
        provider: Name of the provider.
        model: Model asked for.
        place: The address without anything secret, for messages.
        secrets: Texts that must not appear in any error.
        hints: What to do, by class of error.
        now: Seconds since the epoch, for dates in headers.
        status: HTTP status, once there is one.
        headers: Headers of the answer, once there are any.
    """

    provider: str
    model: str | None = None
    place: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    hints: Mapping[type[GraphbitError], str] = field(default_factory=dict, repr=False)
    now: float = 0.0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def request_id(self) -> str | None:
        """The provider's own id of the call."""
        found = next((self.headers[name] for name in _REQUEST_ID_HEADERS if name in self.headers), None)
        return None if found is None else self.clean(found, 200)

    def clean(self, text: str, longest: int = LONGEST_WORDS) -> str:
        """Take keys out of what a provider says, on one line, and cut it to what is worth reading."""
        for secret in self.secrets:  # even those that are too short to be looked for in any text
            text = text.replace(secret, GONE)
        text = " ".join(_BLOTTED.sub(GONE, redact(text)[: longest * 8]).split())
        return text if len(text) <= longest else f"{text[: longest - 1]}…"

    def make(self, kind: type[ProviderError], message: str, *, body: str = "") -> ProviderError:
        """Make an error of class `kind` whose text starts with the provider's name."""
        return kind(
            self._tell(kind, message),
            provider=self.provider,
            model=self.model,
            status=self.status,
            request_id=self.request_id,
            retry_after=self._wait(kind),
            body=self.clean(body),
        )

    def _wait(self, kind: type[ProviderError]) -> float | None:
        told = retry_after(self.headers, self.now)
        return window_ends(self.headers, self.now) if told is None and issubclass(kind, RateLimitError) else told

    def protocol(self, message: str, body: str = "") -> ProviderError:
        """Make the error for an answer that cannot be read."""
        return self.make(ProtocolError, message, body=body)

    def transport(self, error: Exception) -> GraphbitError:
        """Make the error for an exception of the HTTP library, of which only type and text are kept."""
        kind, what = next((ours, text) for theirs, ours, text in _TRANSPORT if isinstance(error, theirs))
        place = f" at {self.place}" if self.place else ""
        said = self.clean(str(error))
        message = f"{what}{place} ({type(error).__name__}{': ' if said else ''}{said})"
        if issubclass(kind, ProviderError):
            return self.make(kind, message)
        return kind(self._tell(kind, message))

    def answer(self, body: str) -> ProviderError:
        """Make the error for an answer whose status says that the call failed."""
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            content = body
        return self.told(content, body)

    def told(self, content: Any, body: str = "") -> ProviderError:
        """Make the error that a body, or an event in the midst of a stream, tells in the provider's words."""
        details = _details(content)
        said = str(details.get("message") or details.get("detail") or "")
        kind = self._kind(details, said)
        if kind is ContextTooLongError and {"n_prompt_tokens", "n_ctx"} <= details.keys():
            said = f"the prompt has {details['n_prompt_tokens']} tokens, the context holds {details['n_ctx']}"
        elif not said:
            said = body if isinstance(content, str) else json.dumps(content)
            said = "a page of HTML" if said.lstrip().startswith("<") else said
        head = f"answered {self.status}" if self.status is not None and self.status >= 300 else "failed"
        said = self.clean(said)
        return self.make(kind, f"{head}: {said}" if said else head, body=body or json.dumps(content))

    def _kind(self, details: Mapping[str, Any], said: str) -> type[ProviderError]:
        inner = details.get("innererror")
        codes = [details.get("code"), details.get("type"), details.get("status")]
        codes += [inner.get("code")] if isinstance(inner, Mapping) else []
        words = [_WORDS[str(code)] for code in codes if str(code) in _WORDS]
        status = self.status if self.status is not None and self.status >= 300 else None
        if status is None:
            status = next((code for code in codes if isinstance(code, int) and code >= 400), None)
        by_status = _by_status(status) if status is not None else None
        # the most telling one: a word may narrow what the status says, as prose may narrow a plain refusal
        kinds = [kind for kind in (by_status, *words) if kind is not None] or [ServerError]
        kind = max(kinds, key=lambda one: (len(one.__mro__), one is not BadRequestError))
        if kind in {BadRequestError, RateLimitError}:
            kind = next((ours for pattern, ours in _PROSE if pattern.search(said)), kind)
        return kind

    def _tell(self, kind: type[GraphbitError], message: str) -> str:
        hint = hint_for(kind, self.hints)
        return f"{self.provider} {message}" + (f"; {hint}" if hint else "")


def _by_status(status: int) -> type[ProviderError]:
    if status in _STATUS:
        return _STATUS[status]
    if status >= 500:
        return ServerError
    return NotFoundError if status < 400 else BadRequestError


def _details(content: Any) -> Mapping[str, Any]:
    """Find the object that describes the error in the shapes that providers use."""
    if isinstance(content, list) and content:
        content = content[0]
    if not isinstance(content, Mapping):
        return {}
    inner = content.get("error")
    if isinstance(inner, Mapping):
        return inner
    return {**content, "message": inner} if isinstance(inner, str) else content
