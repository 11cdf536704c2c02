"""Every exception that this package raises, in one tree, split by who must act.

    GraphbitError
    ├── DefinitionError             the author of the workflow
    │   ├── UsageError              a magic, a call or a command line was used wrongly
    │   ├── ValidationError         the workflow is not sound; `.problems` lists everything that is wrong
    │   ├── TemplateError           a prompt's template is not allowed or does not parse
    │   └── OutputTypeError         an `output=` that names no type
    ├── ConfigurationError          the person who set the machine up: keys, models, providers
    ├── MissingInputError           the caller of the run: an input without a value
    ├── InputTooLarge               the caller of the run: a value over a limit
    ├── InvalidTextError            the caller of the run: a text that no provider takes
    ├── ContentBlockedError         the caller of the run: a content check has refused a text
    ├── OutputError                 the model: its answer does not fit the declared output
    ├── ProviderError               the provider, or the way to it
    │   ├── AuthenticationError     the key is missing or wrong
    │   ├── PermissionDeniedError   the key may not do this
    │   ├── NotFoundError           no such model or address
    │   ├── BadRequestError         the request was refused as it stands
    │   │   ├── ContextTooLongError
    │   │   └── ContentFilteredError
    │   ├── NotRecordedError        a cassette is played, and this call is not on it
    │   ├── ConflictError           another request was in the way; worth another try
    │   ├── RateLimitError          too many calls; worth another try
    │   │   └── QuotaExhaustedError nothing left to spend; not worth another try
    │   ├── ServerError             the provider failed; worth another try
    │   │   └── OverloadedError
    │   ├── ProviderTimeoutError    no answer in time; worth another try
    │   ├── ProviderConnectionError no connection; worth another try
    │   └── ProtocolError           an answer that cannot be read; worth another try
    │       └── ResponseTooLargeError   an answer larger than the limit; not worth another try
    ├── CircuitOpenError            a provider that failed too often is given a rest
    ├── BudgetExceeded              a limit on money, tokens, calls or time
    ├── RunFailedError              raised on demand by `result.raise_for_status()`
    ├── RunCancelled                somebody stopped the run
    ├── LayoutError                 the drawing could not be laid out
    └── StorageError                what is kept on disk: runs, answers, recordings, keys

Each carries data as well as text, and reads as one line: in a notebook the traceback is that line alone.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(word: Any, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known name most like `word`, or None when none is as close as `cutoff`, of 0 to 1."""
    if not isinstance(word, str):
        return None
    candidates = [k for k in known if k != word]
    found = difflib.get_close_matches(word, candidates, n=1, cutoff=cutoff)
    if found:
        return found[0]
    folded = {k.casefold(): k for k in candidates}
    return folded.get(word.casefold())


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known name, or an empty string."""
    near = nearest(word, known)
    return f"; did you mean {near!r}?" if near is not None else ""


class GraphbitError(Exception):
    """Base of everything that graphbit_nb raises."""

    def _render_traceback_(self) -> list[str]:
        """Show one line in IPython instead of a traceback (a hook that IPython looks for)."""
        return [f"\x1b[31m{type(self).__name__}\x1b[0m: {self}"]


class DefinitionError(GraphbitError):
    """The workflow, as written, cannot be accepted."""


class UsageError(DefinitionError):
    """A magic, a call or a command was used in a way that it does not understand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a workflow.

    Attributes:
        code: Stable word for the sort of problem, for example ``"cycle"`` or ``"duplicate-name"``.
        message: What is wrong, as one sentence.
        node: Name of the node concerned, if there is one.
        place: Where in the node: a line of its template, an argument.
        remedy: What to do.
        severity: ``"error"`` refuses the workflow, ``"warning"`` is only told.
    """

    code: str
    message: str
    node: str | None = None
    place: str | None = None
    remedy: str | None = None
    severity: str = "error"

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.node, self.place) if part)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}; {self.remedy}" if self.remedy else text


class ValidationError(DefinitionError):
    """A workflow was refused; `problems` holds every reason at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        listed = "".join(f"\n  - {problem}" for problem in self.problems)
        return f"{len(self.problems)} problems in the workflow:{listed}"


class TemplateError(DefinitionError):
    """A template was refused.

    Attributes:
        message: What is wrong.
        line: Line of the template, counted from 1.
        node: The node that it belongs to, once that is known.
    """

    def __init__(self, message: str, *, line: int | None = None, node: str | None = None) -> None:
        self.message = message
        self.line = line
        self.node = node
        super().__init__(message)

    def __str__(self) -> str:
        parts = (self.node, None if self.line is None else f"line {self.line}", self.message)
        return ": ".join(part for part in parts if part is not None)


class OutputTypeError(DefinitionError):
    """An `output=` names no type that can be asked of a model."""


class ConfigurationError(GraphbitError):
    """Something that the run needs is not set up: a key, a model, a package."""


class MissingInputError(GraphbitError):
    """A run was started, or a template rendered, without a value that it needs.

    Attributes:
        names: The names that have no value.
    """

    def __init__(self, message: str, *, names: tuple[str, ...] = ()) -> None:
        self.names = names
        super().__init__(message)


class InputTooLarge(GraphbitError):
    """A value is larger than the limit that the message names."""


class InvalidTextError(GraphbitError):
    """A prompt has a character that cannot be sent: a NUL, or half of a surrogate pair."""


class ContentBlockedError(GraphbitError):
    """A content check has found something in a prompt, an answer or what a tool gave, and was told to block it."""


class OutputError(GraphbitError):
    """A model's answer, or a function's value, does not fit the node's declared output.

    Attributes:
        text: The answer as it came, cut to what is worth reading.
    """

    def __init__(self, message: str, *, text: str = "") -> None:
        self.text = text
        super().__init__(message)


class ProviderError(GraphbitError):
    """A call to a provider failed.

    Attributes:
        provider: Name of the provider.
        model: Model asked for.
        status: HTTP status, or None when there was no answer.
        request_id: The provider's own id of the request, for its support desk.
        retry_after: Seconds that the provider asks us to wait, if it said so.
        attempts: Calls made before giving up.
        body: The provider's own words, cut to what is worth reading.
    """

    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        provider: str = "",
        model: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        body: str = "",
    ) -> None:
        self.provider = provider
        self.model = model
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after
        self.body = body
        self.attempts = 1
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild_provider_error, (type(self), str(self), dict(self.__dict__)))


def _rebuild_provider_error(cls: type[ProviderError], message: str, state: dict[str, Any]) -> ProviderError:
    error = cls(message)
    error.__dict__.update(state)
    return error


class AuthenticationError(ProviderError):
    """The provider does not accept the key."""


class PermissionDeniedError(ProviderError):
    """The key is known but may not do this."""


class NotFoundError(ProviderError):
    """The provider knows no such model or address."""


class BadRequestError(ProviderError):
    """The provider refuses the request as it stands."""


class ContextTooLongError(BadRequestError):
    """Prompt and answer do not fit the model's context."""


class ContentFilteredError(BadRequestError):
    """The provider's own policy refused the prompt or the answer."""


class NotRecordedError(ProviderError):
    """A cassette is played, and this call is not on it."""


class ConflictError(ProviderError):
    """Another request was in the way."""

    retryable = True


class RateLimitError(ProviderError):
    """Too many calls or tokens for now."""

    retryable = True


class QuotaExhaustedError(RateLimitError):
    """The account has nothing left to spend: waiting does not help."""

    retryable = False


class ServerError(ProviderError):
    """The provider failed."""

    retryable = True


class OverloadedError(ServerError):
    """The provider has more work than it can take."""


class ProviderTimeoutError(ProviderError):
    """The provider did not answer in time."""

    retryable = True


class ProviderConnectionError(ProviderError):
    """The provider could not be reached, or hung up."""

    retryable = True


class ProtocolError(ProviderError):
    """The provider's answer cannot be read: bad JSON, no choices, a stream that was cut."""

    retryable = True


class ResponseTooLargeError(ProtocolError):
    """The answer is larger than the limit: it would be so again."""

    retryable = False


class CircuitOpenError(GraphbitError):
    """The circuit breaker of a provider is open; calls fail at once until it has had its rest.

    Attributes:
        circuit: What the breaker protects, for example ``"openai/gpt-4o"``.
        retry_after: Seconds until it lets a call through, or None when that depends on calls under way.
        until: The same as a time of day, in seconds since 1970.
    """

    def __init__(
        self, message: str, *, circuit: str = "", retry_after: float | None = None, until: float | None = None
    ) -> None:
        self.circuit = circuit
        self.retry_after = retry_after
        self.until = until
        super().__init__(message)


class BudgetExceeded(GraphbitError):
    """A run would pass its budget."""


class RunFailedError(GraphbitError):
    """A run ended with failed nodes.

    Attributes:
        result: The whole result, with everything that did succeed.
    """

    def __init__(self, message: str, *, result: Any = None) -> None:
        self.result = result
        super().__init__(message)


class RunCancelled(GraphbitError):
    """A run was cancelled.

    Attributes:
        result: What was finished before.
    """

    def __init__(self, message: str, *, result: Any = None) -> None:
        self.result = result
        super().__init__(message)


class LayoutError(GraphbitError):
    """No Graphviz could lay the drawing out."""


class StorageError(GraphbitError):
    """The run store cannot be read or written."""
