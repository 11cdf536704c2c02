"""What is said to a language model and what comes back, and the protocol that every provider serves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.errors import ProviderError

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool.

    Attributes:
        id: What the provider calls this call; the result goes back under it.
        name: Name of the tool.
        arguments: What the model gives it, as it was read from JSON.
    """

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model is told of it; `parameters` is the JSON schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture shown to a model: an address that the provider reads, or the bytes themselves.

    Attributes:
        url: Where the provider finds it; None when `data` holds it.
        data: The bytes of the file.
        media_type: What they are, for example ``"image/png"``.
    """

    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    media_type: str = "image/png"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: Who speaks; ``"tool"`` is the result of a tool.
        content: What is said.
        tool_calls: Tools that the assistant asks for.
        tool_call_id: The call that this is the result of.
        images: Pictures that go with it.
        native: What a provider gave with its turn and wants back unchanged, such as signed thoughts; of no use to
            any other.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    images: tuple[Image, ...] = ()
    native: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest:
    """One question to a model. What is None is not sent.

    Attributes:
        messages: The turns, in order.
        model: Overrides the model of the client.
        temperature: Passed on as it is.
        max_tokens: Limit on the answer.
        top_p: Passed on as it is.
        stop: Texts that end the answer.
        seed: Passed on as it is.
        schema: JSON schema (an object) that the answer must fit.
        schema_name: Name the provider shows for the schema.
        tools: Tools that the model may ask for.
        node: Name of the node that asks.
        sample: Which sample of the same request this is; 0 is the first. Providers that sample by seed derive
            the next seed from it.
    """

    messages: tuple[Message, ...]
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] | None = None
    seed: int | None = None
    schema: Mapping[str, Any] | None = None
    schema_name: str = "answer"
    tools: tuple[ToolSpec, ...] = ()
    node: str | None = None
    sample: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call or of many. None means that the provider did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    calls: int = 0

    @property
    def has_tokens(self) -> bool:
        """Whether anything is known of the tokens."""
        return self.input_tokens is not None or self.output_tokens is not None

    @property
    def total_tokens(self) -> int:
        """Tokens in and out, as far as they are known."""
        return (self.input_tokens or 0) + (self.output_tokens or 0)

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=_add(self.input_tokens, other.input_tokens),
            output_tokens=_add(self.output_tokens, other.output_tokens),
            cached_tokens=_add(self.cached_tokens, other.cached_tokens),
            reasoning_tokens=_add(self.reasoning_tokens, other.reasoning_tokens),
            calls=self.calls + other.calls,
        )


def _add(a: int | None, b: int | None) -> int | None:
    return a if b is None else b if a is None else a + b


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateResponse:
    """A model's answer.

    Attributes:
        text: The answer.
        finish_reason: ``"stop"``, ``"length"``, ``"content_filter"`` or what else the provider says.
        usage: Tokens of this call.
        model: The model that answered, in the provider's words.
        provider: Name of the provider.
        request_id: The provider's own id of the call.
        first_token: Seconds from the request to the first piece of text; None when it was not streamed.
        latency: Seconds from the request to the end of the answer.
        cost: Money in US dollars; None when the price is not known.
        tool_calls: Tools that the model asks for, in its order.
        native: What the provider wants back with this turn, see `Message`.
        source: Where it was taken from, if nobody was asked: ``"cache"``, ``"cassette"``. It costs nothing then, and
            no call and no token of it is counted.
    """

    text: str
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    model: str | None = None
    provider: str = ""
    request_id: str | None = None
    first_token: float | None = None
    latency: float | None = None
    cost: float | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    native: Any = field(default=None, repr=False)
    source: str | None = None

    def as_message(self) -> Message:
        """Return the answer as a turn of the conversation that goes on."""
        return Message("assistant", self.text, tool_calls=self.tool_calls, native=self.native)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedRequest:
    """Texts to turn into vectors."""

    texts: tuple[str, ...]
    model: str | None = None
    node: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedResponse:
    """One vector for each text.

    Attributes:
        vectors: In the order asked: `len(texts)` tuples of `dimension` floats.
        usage: Tokens of this call.
        model: The model that answered, in the provider's words.
        cost: Money in US dollars; None when the price is not known.
        source: Where they were taken from, if nobody was asked, see `GenerateResponse`.
    """

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage = field(default_factory=Usage)
    model: str | None = None
    cost: float | None = None
    source: str | None = None


StructuredOutput = Literal["schema", "grammar", "instruction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What is known about a model.

    Attributes:
        provider: Name of the provider.
        name: The model, in the provider's words.
        context_window: Tokens of prompt and answer together; None when unknown.
        structured_output: How a JSON schema is kept to: ``"schema"`` (by the provider), ``"grammar"`` (by the
            sampler, so that a second try asks for another sample) or ``"instruction"`` (told in words).
        always_streams: Whether the client streams even when nobody listens.
    """

    provider: str
    name: str | None
    context_window: int | None = None
    structured_output: StructuredOutput = "schema"
    always_streams: bool = False


class CallListener(Protocol):
    """What a client tells while it works. Every method returns nothing and must not block."""

    wants_tokens: bool

    def token(self, text: str) -> None:
        """A piece of the answer has arrived."""

    async def retry(self, attempt: int, delay: float, error: ProviderError) -> None:
        """Attempt number `attempt` failed; return when the next may start, `delay` seconds from now or later."""

    def limited(self, limit: str, seconds: float | None, ahead: int) -> None:
        """The call waits for a rate limit: `seconds` at least, if known, behind `ahead` others. 0.0: it is over."""

    def circuit(self, name: str, state: str, reason: str) -> None:
        """The call brought the circuit breaker `name` into another state."""


@runtime_checkable
class LlmClient(Protocol):
    """A model behind an address. Custom providers implement this."""

    provider_name: str

    async def generate(self, request: GenerateRequest, listener: CallListener | None = None) -> GenerateResponse:
        """Answer `request`; tell `listener`, if there is one, the tokens as they come.

        Raises:
            ProviderError: the call failed.
        """
        ...

    async def embed(self, request: EmbedRequest, listener: CallListener | None = None) -> EmbedResponse:
        """Turn texts into vectors; tell `listener`, if there is one, when it is tried again.

        Raises:
            ProviderError: the call failed.
        """
        ...

    def model_info(self) -> ModelInfo:
        """Say what is known about the model, without a call."""
        ...

    async def list_models(self) -> tuple[str, ...]:
        """Ask which models there are; empty when that cannot be said.

        Raises:
            ProviderError: the list cannot be had.
        """
        ...

    async def aclose(self) -> None:
        """Give back connections and child processes."""
        ...
