"""What tells one provider that speaks chat completions from another, as data, and how a config becomes an endpoint."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast, get_args
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from graphbit_nb.core.llm import StructuredOutput
from graphbit_nb.errors import (
    AuthenticationError,
    ConfigurationError,
    ContextTooLongError,
    GraphbitError,
    NotFoundError,
    ProviderConnectionError,
    did_you_mean,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.providers.dialects import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How one provider departs from plain chat completions.

    Attributes:
        name: The provider.
        dialect: The language that it speaks.
        base_url: Its address; None when the config must say it.
        address_variable: Environment variable that may name another address.
        key_variable: Environment variable of the key; None when no key is needed.
        structured_output: How an answer is held to a JSON schema.
        max_tokens_field: What the limit on the answer is called.
        lacks: Parameters of a request that it does not have: asking for one is refused.
        stream_usage: Whether it wants to be asked for the tokens of a streamed answer.
        key_header: Header that carries the key; None is the dialect's.
        path: How the addresses of its calls are made of ``{path}`` and ``{model}``; None is the path alone.
        prices: What the price list calls it; None when it has no prices.
        headers: Sent with each call.
        body: Sent in each chat call.
        always_streams: Whether to stream even when nobody listens.
        hints: What to do about an error, by its class.
        lists_models: Whether it has a list of its models that can be relied on.
        fetch_model: Command that fetches a model. Where there is one the list is complete: what is not in it cannot
            be asked.
    """

    name: str
    dialect: Language = "chat"
    base_url: str | None = None
    address_variable: str | None = None
    key_variable: str | None = None
    structured_output: StructuredOutput = "schema"
    max_tokens_field: str = "max_tokens"
    lacks: frozenset[str] = frozenset()
    stream_usage: bool = True
    key_header: str | None = None
    path: str | None = None
    prices: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    always_streams: bool = False
    hints: Mapping[type[GraphbitError], str] = field(default_factory=dict)
    lists_models: bool = True
    fetch_model: str | None = None


PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            name="openai",
            base_url="https://api.openai.com/v1",
            key_variable="OPENAI_API_KEY",
            max_tokens_field="max_completion_tokens",
            hints={AuthenticationError: "check the key given as api_key= or in OPENAI_API_KEY"},
        ),
        Preset(
            name="anthropic",
            base_url="https://api.anthropic.com/v1",
            key_variable="ANTHROPIC_API_KEY",
            dialect="messages",
            hints={AuthenticationError: "check the key given as api_key= or in ANTHROPIC_API_KEY"},
        ),
        Preset(
            name="ollama",
            base_url="http://127.0.0.1:11434/v1",
            address_variable="OLLAMA_HOST",
            structured_output="grammar",
            hints={
                ProviderConnectionError: "is it running? start it with `ollama serve`",
                NotFoundError: "fetch the model with `ollama pull`",
            },
            fetch_model="ollama pull",
        ),
        Preset(
            name="openai_compatible",
            hints={AuthenticationError: "give the key as api_key=", NotFoundError: "check base_url and model"},
        ),
        Preset(
            name="local",
            structured_output="grammar",
            headers={"Connection": "close"},  # it promises to keep a connection, and closes it after each stream
            body={"cache_prompt": False},  # a cached prompt gives another answer the second time
            always_streams=True,  # only the end of a stream tells the server that nobody waits any more
            hints={ContextTooLongError: "shorten the prompt, or give more with LlmConfig.local(context=...)"},
        ),
    )
}

OLLAMA_PORT = 11434


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A config whose address and key have been found."""

    preset: Preset
    base_url: str
    key: SecretStr | None
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] = field(default_factory=dict)


def resolve(config: LlmConfig, environ: Mapping[str, str] | None = None) -> Resolved:
    """Find preset, address and key of `config`.

    `config.options` go into the body of each chat call, except `structured_output`, which says how this server holds
    an answer to a JSON schema ("schema", "grammar" or "instruction"), and `check_model`, which says whether its list
    of models is believed when it lacks ours (True or False).

    Raises:
        ConfigurationError: something is missing; the message says what and how to give it.
    """
    environ = os.environ if environ is None else environ
    try:
        preset = PRESETS[config.provider]
    except KeyError:
        raise ConfigurationError(
            f"there is no provider {config.provider!r}{did_you_mean(config.provider, PRESETS)}"
        ) from None
    if config.model is None:
        raise ConfigurationError(f"{preset.name}: no model is given; name one with model=")
    base_url = _address(config, preset, environ)
    if preset.name == "openai" and not _is_openais_own(base_url):
        preset = replace(preset, max_tokens_field="max_tokens")
    options = dict(config.options)
    if "structured_output" in options:
        preset = replace(preset, structured_output=_structured_output(options.pop("structured_output")))
    if not _check_model(options.pop("check_model", True)) or _is_azure(base_url):
        preset = replace(preset, lists_models=False)
    headers = {**preset.headers, **config.headers}
    for name, value in headers.items():
        if not (name.isascii() and name.isprintable() and value.isascii() and value.isprintable()):
            raise ConfigurationError(f"the header {name!r} holds characters that cannot be sent")
    signed = any(name.lower() == "authorization" for name in headers)
    key = _key(config, preset, environ, required=not signed)
    return Resolved(preset=preset, base_url=base_url, key=key, headers=headers, body={**preset.body, **options})


def _key(config: LlmConfig, preset: Preset, environ: Mapping[str, str], *, required: bool) -> SecretStr | None:
    given = config.api_key.get_secret_value().strip() if config.api_key is not None else ""
    found = given or (environ.get(preset.key_variable, "").strip() if preset.key_variable else "")
    if not found:
        if preset.key_variable is None or not required:
            return None
        raise ConfigurationError(
            f"{preset.name} needs a key: set the environment variable {preset.key_variable}, or give api_key=...; "
            "LlmConfig.local() is a model that needs none"
        )
    if not (found.isascii() and found.isprintable()) or " " in found:
        place = "api_key=" if given else preset.key_variable
        raise ConfigurationError(f"the key in {place} holds characters that no key has; was it copied whole?")
    return SecretStr(found)


def _address(config: LlmConfig, preset: Preset, environ: Mapping[str, str]) -> str:
    told = config.base_url
    if told is None and preset.address_variable is not None:
        told = environ.get(preset.address_variable, "").strip() or None
        if told is not None and "://" not in told:
            told = f"http://{told}"
    address = told or preset.base_url
    if address is None:
        raise ConfigurationError(f"{preset.name}: no address is given; name it with base_url='https://host/v1'")
    return _ollama_address(address) if preset.name == "ollama" else address.rstrip("/")


def _ollama_address(address: str) -> str:
    """Complete an address as Ollama itself understands it: port and path may be left out, 0.0.0.0 is this machine."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise ConfigurationError(f"the address of ollama cannot be read: {address!r}") from None
    host = parts.hostname or ""
    host = "127.0.0.1" if host in {"0.0.0.0", ""} else f"[{host}]" if ":" in host else host  # noqa: S104 (is replaced)
    if port is None and parts.scheme == "http":
        port = OLLAMA_PORT
    place = host if port is None else f"{host}:{port}"
    return urlunsplit((parts.scheme, place, parts.path.rstrip("/") or "/v1", "", ""))


def _is_openais_own(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    return any(host == own or host.endswith(f".{own}") for own in ("openai.com", "openai.azure.com"))


def _is_azure(base_url: str) -> bool:
    """Whether models have names there that each customer makes up, while the list has the makers' names."""
    return (urlsplit(base_url).hostname or "").endswith(".azure.com")


def _check_model(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"check_model must be True or False, not {value!r}")
    return value


def _structured_output(value: Any) -> StructuredOutput:
    known = get_args(StructuredOutput)
    if value not in known:
        raise ConfigurationError(
            f"structured_output must be one of {', '.join(map(repr, known))}, not {value!r}"
            f"{did_you_mean(str(value), known)}"
        )
    return cast("StructuredOutput", value)
