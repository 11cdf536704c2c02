"""Which model to ask and how to reach it. Data only: clients are built from it elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_serializer, field_validator

from graphbit_nb.core.headers import Headers, secret_values
from graphbit_nb.core.redaction import redact, remember
from graphbit_nb.errors import UsageError, did_you_mean

LOCAL_MODEL = "smollm2"

# Providers whose class method takes model= and base_url=
_MADE_BY_NAME = frozenset({"openai", "anthropic", "ollama", "openai_compatible", "local", "scripted"})


class LlmConfig(BaseModel):
    """A provider, a model and the way to reach it. Made by the class methods named after the providers.

    Attributes:
        provider: Name of the provider.
        model: Model to ask.
        base_url: Address of the API; None is the provider's own.
        api_key: Key given here; None is looked for in the provider's environment variable when the client is made.
        timeout: Seconds to wait for the next piece of an answer.
        total_timeout: Seconds that a call may take in all; None is any time.
        headers: Further HTTP headers.
        options: What only this provider understands.
        responses: Answers of the scripted provider.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)

    provider: str
    model: str | None = None
    base_url: str | None = None
    api_key: SecretStr | None = Field(default=None, repr=False)
    timeout: float = 120.0
    total_timeout: float | None = None
    headers: Mapping[str, str] = Field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = Field(default_factory=dict)
    responses: Mapping[str, Any] | None = Field(default=None, repr=False)

    def __init__(self, **given: Any) -> None:
        given = _unseen(given)
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise UsageError(f"LlmConfig: {_told(error, given)}") from None

    def model_post_init(self, _: Any) -> None:
        """Know what is secret here, so that it is taken out of whatever leaves the process."""
        object.__setattr__(self, "headers", Headers(self.headers))
        remember(self.api_key, *secret_values(self.headers), _password(self.base_url))

    @field_serializer("headers")
    def _headers_without_secrets(self, headers: Mapping[str, str]) -> dict[str, str]:
        return dict(Headers(headers).without_secrets())

    @field_validator("timeout", "total_timeout")
    @classmethod
    def _timeout_is_positive(cls, value: float | None) -> float | None:
        if value is not None and not value > 0:
            raise ValueError(f"must be more than 0 seconds, not {value:g}")
        return value

    @classmethod
    def openai(cls, model: str, *, api_key: str | None = None, base_url: str | None = None, **more: Any) -> Self:
        """OpenAI, or what calls itself so at `base_url`. The key is read from OPENAI_API_KEY when not given.

        Chat completions are asked, or with ``options={"api": "responses"}`` the Responses API.
        """
        api_key, more = _secret(api_key), _unseen(more)
        return cls(provider="openai", model=model, api_key=api_key, base_url=base_url, **more)

    @classmethod
    def anthropic(cls, model: str, *, api_key: str | None = None, base_url: str | None = None, **more: Any) -> Self:
        """Anthropic. The key is read from ANTHROPIC_API_KEY when not given."""
        api_key, more = _secret(api_key), _unseen(more)
        return cls(provider="anthropic", model=model, api_key=api_key, base_url=base_url, **more)

    @classmethod
    def azure(
        cls,
        deployment: str,
        *,
        endpoint: str | None = None,
        api_version: str | None = None,
        api_key: str | None = None,
        **more: Any,
    ) -> Self:
        """A deployment at Azure OpenAI.

        Args:
            deployment: Its name, which the owner of the resource made up.
            endpoint: Address of the resource, as ``https://NAME.openai.azure.com``; None is AZURE_OPENAI_ENDPOINT.
            api_version: A dated version of the API, as ``"2024-10-21"``; None is the one without versions.
            api_key: None is AZURE_OPENAI_API_KEY.
            **more: Further fields.
        """
        api_key, more = _secret(api_key), _unseen(more)
        if api_version is not None:
            more["options"] = {**(more.get("options") or {}), "api_version": api_version}
        return cls(provider="azure", model=deployment, api_key=api_key, base_url=endpoint, **more)

    @classmethod
    def ollama(cls, model: str, *, base_url: str | None = None, **more: Any) -> Self:
        """A model served by Ollama, on this machine unless `base_url` says otherwise. Needs no key.

        The options of the model and of the call go together, as in ``options={"num_ctx": 8192, "keep_alive": "1h"}``.
        """
        return cls(provider="ollama", model=model, base_url=base_url, **more)

    @classmethod
    def openai_compatible(cls, *, base_url: str, model: str, api_key: str | None = None, **more: Any) -> Self:
        """Any server that speaks OpenAI's chat completions."""
        api_key, more = _secret(api_key), _unseen(more)
        return cls(provider="openai_compatible", model=model, base_url=base_url, api_key=api_key, **more)

    @classmethod
    def local(cls, model: str = LOCAL_MODEL, **options: Any) -> Self:
        """The embedded models, or any GGUF file by its path. Needs the extra ``[local]`` and no key.

        ``LlmConfig.local()`` answers with SmolLM2 and gives vectors with MiniLM.

        Args:
            model: ``"smollm2"``, ``"minilm"`` for vectors alone, or the path of a ``.gguf`` file.
            **options: ``threads``; and for answers ``slots`` (at the same time) and ``context`` (tokens for each).
        """
        return cls(provider="local", model=str(model), timeout=600.0, options=options)

    @classmethod
    def scripted(cls, responses: Mapping[str, Any]) -> Self:
        """Answers written down beforehand, for tests and lessons.

        Args:
            responses: By node name, or ``"*"`` for any node: a text, a list of successive answers, an exception to
                raise, or a function of the request. A request that nothing matches is an error.
        """
        if not isinstance(responses, Mapping):
            raise UsageError(f"LlmConfig.scripted takes a dict of answers by node name, not {type(responses).__name__}")
        return cls(provider="scripted", model="scripted", responses=dict(responses))

    def with_model(self, model: str | None) -> Self:
        """The same provider with another model; None changes nothing."""
        return self if model is None or model == self.model else self.model_copy(update={"model": model})

    def __getstate__(self) -> dict[Any, Any]:
        """Pickle without the key and secret headers: whoever loads the config resolves it again."""
        state = super().__getstate__()
        fields = dict(state["__dict__"])
        fields["api_key"] = None
        return {**state, "__dict__": fields}

    def __repr__(self) -> str:
        if len(vars(self)) < len(type(self).model_fields):
            return "<LlmConfig that was refused>"  # a traceback shows it
        place = f", base_url={redact(self.base_url)!r}" if self.base_url else ""
        if self.provider in _MADE_BY_NAME:
            return f"LlmConfig.{self.provider}(model={self.model!r}{place})"
        dated = {name: value for name, value in self.options.items() if name == "api_version"}
        more = f", options={dated!r}" if dated else ""
        return f"LlmConfig(provider={self.provider!r}, model={self.model!r}{place}{more})"

    __str__ = __repr__


def _password(address: str | None) -> str | None:
    """Return the password in an address, if there is one."""
    try:
        return urlsplit(address or "").password
    except ValueError:
        return None


def _unseen(given: dict[str, Any]) -> dict[str, Any]:
    """Return arguments as what no frame shows."""
    if isinstance(given.get("headers"), Mapping):
        given["headers"] = Headers(given["headers"])
    if "api_key" in given:
        given["api_key"] = _secret(given["api_key"])
    return given


def _secret(key: Any) -> Any:
    """Return a key as what no frame shows: a traceback with locals tells whatever a frame holds."""
    return SecretStr(key) if isinstance(key, str) else key


def _told(error: ValidationError, given: Mapping[str, Any]) -> str:
    """Say the first thing that is wrong; never the value, which may be a key."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"there is no {place!r}{did_you_mean(place, LlmConfig.model_fields)}"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    is_type = first["type"].endswith(("_type", "_parsing")) and place in given and place != "api_key"
    was = f", not {type(given[place]).__name__}" if is_type else ""
    return f"{place}: {first['msg'].removeprefix('Value error, ')}{was}{more}"
