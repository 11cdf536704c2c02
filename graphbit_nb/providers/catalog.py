"""The providers that are known, as data: where each one is, what it speaks, and how it departs from that.

How a config becomes an address and a key is told in `presets`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import (
    AuthenticationError,
    ContextTooLongError,
    GraphbitError,
    NotFoundError,
    ProviderConnectionError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.llm import StructuredOutput
    from graphbit_nb.providers.dialects import Language

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})  # names of this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How one provider departs from plain chat completions.

    Attributes:
        name: The provider.
        dialect: The language that it speaks.
        apis: Other languages that it speaks as well, if ``options={"api": ...}`` asks for one.
        base_url: Its address; None when the config must say it.
        address_variable: Environment variable that may name another address.
        key_variable: Environment variable of the key; None when no key is needed.
        needs_key: Whether it cannot be asked without one.
        structured_output: How an answer is held to a JSON schema.
        max_tokens_field: What the limit on the answer is called.
        seed_field: What the seed is called.
        lacks: Parameters of a request that it does not have: asking for one is refused.
        embeds: Whether it turns texts into vectors.
        stream_usage: Whether it wants to be asked for the tokens of a streamed answer.
        key_header: Header that carries the key; None is the dialect's.
        path: How the addresses of its calls are made of ``{path}`` and ``{model}``; None is the path alone.
        prices: What the price list calls it; None when it has no prices.
        runs_here: Whether it is a program of one's own, which costs nothing where it runs on this machine.
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
    apis: tuple[Language, ...] = ()
    base_url: str | None = None
    address_variable: str | None = None
    key_variable: str | None = None
    needs_key: bool = True
    structured_output: StructuredOutput = "schema"
    max_tokens_field: str = "max_tokens"
    seed_field: str = "seed"
    lacks: frozenset[str] = frozenset()
    embeds: bool = True
    stream_usage: bool = True
    key_header: str | None = None
    path: str | None = None
    prices: str | None = None
    runs_here: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    always_streams: bool = False
    hints: Mapping[type[GraphbitError], str] = field(default_factory=dict)
    lists_models: bool = True
    fetch_model: str | None = None


def _hosted(name: str, base_url: str | None, key_variable: str, prices: str | None, **more: Any) -> Preset:
    """Describe a provider on the net that wants a key."""
    check = f"check the key: `%graphbit keys set {name}` keeps another one; else it is api_key= or {key_variable}"
    hints = {AuthenticationError: check, **more.pop("hints", {})}
    return Preset(name=name, base_url=base_url, key_variable=key_variable, prices=prices, hints=hints, **more)


def _own(name: str, base_url: str, start: str, **more: Any) -> Preset:
    """Describe a server of one's own, which holds an answer to a schema with a grammar."""
    hints = {ProviderConnectionError: f"is it running? start it with `{start}`", **more.pop("hints", {})}
    return Preset(name=name, base_url=base_url, structured_output="grammar", runs_here=True, hints=hints, **more)


_HOSTED = (
    _hosted(
        "openai",
        "https://api.openai.com/v1",
        "OPENAI_API_KEY",
        "openai",
        max_tokens_field="max_completion_tokens",
        apis=("responses",),
    ),
    _hosted("anthropic", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY", "anthropic", dialect="messages"),
    _hosted(
        "azure",
        None,
        "AZURE_OPENAI_API_KEY",
        "azure",
        address_variable="AZURE_OPENAI_ENDPOINT",
        key_header="api-key",
        max_tokens_field="max_completion_tokens",
        apis=("responses",),
        lists_models=False,  # it has the makers' names, while each customer makes up those that are asked
        hints={NotFoundError: "check endpoint, api_version and the deployment's name"},
    ),
    _hosted(
        "openrouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        "openrouter",
        apis=("responses",),
        body={"provider": {"require_parameters": True}},  # else it drops what the chosen model does not take
    ),
    _hosted(
        "deepseek",
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        "deepseek",
        structured_output="instruction",  # it knows that an answer is to be JSON, and nothing of schemas
        lacks=frozenset({"seed", "images"}),
        embeds=False,
    ),
    _hosted(
        "groq",
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        "groq",
        apis=("responses",),
        max_tokens_field="max_completion_tokens",
        structured_output="instruction",  # few of its models take a schema, and those neither streamed nor with tools
        embeds=False,
    ),
    _hosted("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY", "together"),
    _hosted(
        "fireworks",
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_API_KEY",
        "fireworks",
        lists_models=False,  # the list holds the account's own models
    ),
    _hosted(
        "mistral",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        "mistral",
        seed_field="random_seed",
        stream_usage=False,  # it tells the tokens unasked, and refuses fields that it does not know
    ),
    _hosted("xai", "https://api.x.ai/v1", "XAI_API_KEY", "x-ai", apis=("responses",)),
    _hosted(
        "perplexity",
        "https://api.perplexity.ai",
        "PERPLEXITY_API_KEY",
        "perplexity",
        lacks=frozenset({"seed", "tools"}),
        lists_models=False,
    ),
    _hosted(
        "gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
        "google",
        lacks=frozenset({"seed"}),  # a field that the compatible address does not know
    ),
)

_OWN = (
    _own(
        "ollama",
        "http://127.0.0.1:11434",
        "ollama serve",
        dialect="ollama",
        apis=("chat",),
        address_variable="OLLAMA_HOST",
        key_variable="OLLAMA_API_KEY",
        needs_key=False,
        hints={NotFoundError: "fetch the model with `ollama pull`"},
        fetch_model="ollama pull",
    ),
    _own(
        "vllm",
        "http://127.0.0.1:8000/v1",
        "vllm serve MODEL",
        key_variable="VLLM_API_KEY",
        needs_key=False,
        apis=("responses",),
    ),
    _own(
        "llamacpp",
        "http://127.0.0.1:8080/v1",
        "llama-server -m MODEL.gguf",
        key_variable="LLAMA_API_KEY",
        needs_key=False,
        lists_models=False,  # it answers under any name
    ),
    _own(
        "lmstudio",
        "http://127.0.0.1:1234/v1",
        "lms server start",
        key_variable="LM_API_TOKEN",
        needs_key=False,
        apis=("responses",),
    ),
)

_OTHERS = (
    Preset(
        name="openai_compatible",
        apis=("responses",),
        hints={
            AuthenticationError: "give the key as api_key=, or keep it with `%graphbit keys set openai_compatible`",
            NotFoundError: "check base_url and model",
        },
    ),
    Preset(
        name="local",
        structured_output="grammar",
        lacks=frozenset({"images"}),  # it is started without what would read them
        runs_here=True,
        headers={"Connection": "close"},  # it promises to keep a connection, and closes it after each stream
        body={"cache_prompt": False},  # a cached prompt gives another answer the second time
        always_streams=True,  # only the end of a stream tells the server that nobody waits any more
        hints={ContextTooLongError: "shorten the prompt, or give more with LlmConfig.local(context=...)"},
    ),
)

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in (*_HOSTED, *_OWN, *_OTHERS)}

KEY_VARIABLES = tuple(sorted({preset.key_variable for preset in PRESETS.values() if preset.key_variable}))
