"""A client whose calls are paid for: each puts aside what it may cost, and says then what it has cost.

It stands inside the client that tries again, right before the one that asks: so every attempt, and each of two hedged
calls, is paid for as it is made, and what is remembered, played or shared with an equal call never comes here.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from graphbit_nb.core.llm import GenerateResponse, Usage
from graphbit_nb.core.paths import without_numbers
from graphbit_nb.errors import GraphbitError, ProtocolError, ProviderError, ProviderTimeoutError
from graphbit_nb.providers.base import BaseClient
from graphbit_nb.providers.contract import answered
from graphbit_nb.session.purse import NOTHING, Amount
from graphbit_nb.session.tariffs import given_tariff, tariff_of, unpriced

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.core.llm import CallListener, EmbedRequest, EmbedResponse, GenerateRequest, LlmClient, ModelInfo
    from graphbit_nb.session.budgets import Accounts
    from graphbit_nb.session.tariffs import Tariff

R = TypeVar("R", "GenerateResponse", "EmbedResponse")

BYTES_PER_TOKEN = 4  # of English text; other alphabets have more bytes a letter, and more tokens
TOKENS_OF_IMAGE = 1_600  # the most that the large providers count for one that they have not scaled down
TOKENS_OF_MESSAGE = 4  # its role, and what divides it from others
FIRST_ANSWER = 512  # tokens, where nothing says how long an answer may be and none has come yet


class Means:
    """How long answers were so far, by node and by model."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[int, int]] = {}

    def note(self, node: str | None, model: str, tokens: int) -> None:
        """An answer had so many tokens."""
        for key in (("node", without_numbers(node or "")), ("model", model)):
            total, count = self._seen.get(key, (0, 0))
            self._seen[key] = total + tokens, count + 1

    def guess(self, node: str | None, model: str) -> int:
        """Return how many the next may have: the node's mean, else the model's."""
        for key in (("node", without_numbers(node or "")), ("model", model)):
            if key in self._seen:
                total, count = self._seen[key]
                return -(-total // count)
        return FIRST_ANSWER


class PayingClient(BaseClient):
    """Wraps a client.

    Args:
        client: Makes the calls.
        accounts: What they are put on.
        config: Whom it asks.
        means: How long answers were so far.
    """

    def __init__(self, client: LlmClient, accounts: Accounts, config: LlmConfig, means: Means) -> None:
        self.provider_name = client.provider_name
        self.remembers = getattr(client, "remembers", True)
        self._client = client
        self._accounts = accounts
        self._config = config
        self._means = means
        self._name = f"{config.provider}/{config.model}" if config.model else config.provider
        self._tariff: Tariff | None = None

    async def generate(self, request: GenerateRequest, listener: CallListener | None = None) -> GenerateResponse:
        """Answer `request`, if it can be paid for.

        Raises:
            BudgetExceeded: it cannot.
            ConfigurationError: there is a budget in money, and nobody knows what the model costs.
        """
        room = request.max_tokens
        output = self._means.guess(request.node, self._name) if room is None else room
        guess = Usage(input_tokens=tokens_in(request), output_tokens=output, calls=1)
        heard = _Heard(listener) if listener is not None and listener.wants_tokens else None

        def call() -> Awaitable[GenerateResponse]:
            told: Any = listener if heard is None else heard
            return answered(self._client, request, told)

        answer = await self._pay(call, _Asked(guess, request.model), heard)
        if answer.usage.output_tokens is not None:
            self._means.note(request.node, self._name, answer.usage.output_tokens)
        return answer

    async def embed(self, request: EmbedRequest, listener: CallListener | None = None) -> EmbedResponse:
        """Turn texts into vectors, if that can be paid for. Raises as `generate` does."""
        guess = Usage(input_tokens=sum(map(tokens_of, request.texts)), output_tokens=0, calls=1)
        return await self._pay(lambda: self._client.embed(request, listener), _Asked(guess, request.model, embeds=True))

    async def _pay(self, call: Callable[[], Awaitable[R]], asked: _Asked, heard: _Heard | None = None) -> R:
        held = await self._accounts.hold(self._may_cost(asked), self._told(asked.guess))
        try:
            answer = await call()
        except BaseException as error:
            held.settle(self._lost(error, asked, heard))
            raise
        held.settle(self._spent(answer, asked))
        return answer

    def _may_cost(self, asked: _Asked) -> Amount:
        cost: float | None = 0.0
        if self._accounts.limits("cost"):
            cost = self._cost(asked.guess, asked)
            if cost is None:
                raise unpriced(self._name)
        return Amount.of(cost=cost or 0.0, tokens=asked.guess.total_tokens, calls=1)

    def _spent(self, answer: Any, asked: _Asked) -> Amount:
        """Return what an answer has cost: what its provider says, else what it comes to by its tokens."""
        usage = answer.usage
        if not usage.has_tokens:
            said = tokens_of(answer.text) if isinstance(answer, GenerateResponse) else 0
            usage = Usage(input_tokens=asked.guess.input_tokens, output_tokens=said, calls=1)
        cost = _sound(answer.cost)
        if cost is None or given_tariff(self._config, self._accounts.prices) is not None:
            cost = self._cost(usage, asked)
        if cost is None:
            self._accounts.unpriced += 1
        return Amount.of(cost=cost or 0.0, tokens=max(0, usage.total_tokens), calls=1)

    def _lost(self, error: BaseException, asked: _Asked, heard: _Heard | None) -> Amount:
        """Return what a call has cost that gave no answer.

        One that was refused costs nothing. Of one that was given up, or whose answer was cut, nobody says what it
        costs: it is taken to be what was asked, and what was heard of the answer.
        """
        if isinstance(error, GraphbitError) and not isinstance(error, ProviderError):
            return NOTHING  # it was not made
        heard_of = 0 if heard is None else heard.size
        is_given_up = isinstance(error, ProviderTimeoutError | ProtocolError) or not isinstance(error, Exception)
        if not heard_of and not is_given_up:
            return Amount(calls=1)
        usage = Usage(input_tokens=asked.guess.input_tokens, output_tokens=-(-heard_of // BYTES_PER_TOKEN), calls=1)
        return Amount.of(cost=self._cost(usage, asked) or 0.0, tokens=usage.total_tokens, calls=1)

    def _cost(self, usage: Usage, asked: _Asked) -> float | None:
        given = given_tariff(self._config, self._accounts.prices)
        if given is not None:
            return _sound(given.cost(usage, None, embeds=asked.embeds))
        if self._tariff is None:
            self._tariff = tariff_of(self._config)
        return _sound(self._tariff.cost(usage, asked.model or self._config.model, embeds=asked.embeds))

    def _told(self, guess: Usage) -> str:
        answer = f" and {guess.output_tokens:,} out" if guess.output_tokens else ""
        return f"the next call ({self._name}, about {guess.input_tokens:,} tokens in{answer})"

    def check_embeddings(self, model: str | None) -> None:
        """Raise `ConfigurationError` if the wrapped client knows that it has no vectors."""
        if isinstance(self._client, BaseClient):
            self._client.check_embeddings(model)

    async def list_models(self) -> tuple[str, ...]:
        """Ask the wrapped client which models there are. Raises as it does."""
        return await self._client.list_models()

    def model_info(self) -> ModelInfo:
        """Say what the wrapped client knows about its model."""
        return self._client.model_info()

    async def aclose(self) -> None:
        """Close the wrapped client."""
        await self._client.aclose()

    def __repr__(self) -> str:
        return repr(self._client)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a call may use, and whom it asks."""

    guess: Usage
    model: str | None
    embeds: bool = False


class _Heard:
    """Passes on what a client tells, and counts what is heard of the answer."""

    def __init__(self, listener: CallListener) -> None:
        self.size = 0
        self._listener = listener

    def token(self, text: str) -> None:
        self.size += len(text.encode(errors="replace"))
        self._listener.token(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)


def _sound(cost: float | None) -> float | None:
    """Return a cost as others say it, or None when it is none."""
    return cost if cost is not None and math.isfinite(cost) and cost >= 0 else None


def tokens_of(text: str) -> int:
    """Guess the number of tokens of a text, rounded up."""
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)


def tokens_in(request: GenerateRequest) -> int:
    """Guess the number of tokens that a request sends: turns, pictures, tools, schema."""
    total = 0
    for message in request.messages:
        total += tokens_of(message.content) + TOKENS_OF_MESSAGE + TOKENS_OF_IMAGE * len(message.images)
        total += sum(tokens_of(call.name) + _tokens_of_data(call.arguments) for call in message.tool_calls)
    for tool in request.tools:
        total += tokens_of(tool.name) + tokens_of(tool.description) + _tokens_of_data(tool.parameters)
    return total if request.schema is None else total + _tokens_of_data(request.schema)


def _tokens_of_data(data: Any) -> int:
    return tokens_of(json.dumps(data, default=str, ensure_ascii=False))
