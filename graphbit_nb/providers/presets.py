"""How a config becomes a preset, an address and a key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast, get_args
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import SecretStr

from graphbit_nb.core.headers import Headers
from graphbit_nb.core.llm import StructuredOutput
from graphbit_nb.core.redaction import redact, remember
from graphbit_nb.errors import ConfigurationError, did_you_mean
from graphbit_nb.providers.catalog import KEY_VARIABLES, PRESETS
from graphbit_nb.providers.environment import Environment, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.providers.catalog import Preset

OLLAMA_PORT = 11434
_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_NEWER_FIELDS = "2024-09"  # from here on Azure's dated versions know max_completion_tokens and stream_options


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A config whose address and key have been found."""

    preset: Preset
    base_url: str = field(repr=False)
    key: SecretStr | None
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] = field(default_factory=dict)


def resolve(
    config: LlmConfig,
    environ: Mapping[str, str] | None = None,
    keys: Callable[[str], SecretStr | None] | None = None,
) -> Resolved:
    """Find preset, address and key of `config`.

    `config.options` go into the body of each chat call, except `structured_output`, which says how this server holds
    an answer to a JSON schema ("schema", "grammar" or "instruction"), `check_model`, which says whether its list of
    models is believed when it lacks ours (True or False), `account`, which is the label of the kept key to use, `api`,
    which says which of its languages to speak, where it has more than one ("chat", "responses", ...), and Azure's
    `api_version`.

    Args:
        config: What to resolve.
        environ: Where keys and addresses are read from; None is `environment()`.
        keys: Gives the key that is kept under a provider's name, or None; None keeps no keys.

    Raises:
        ConfigurationError: something is missing; the message says what and how to give it.
    """
    environ = Environment(environment() if environ is None else environ)
    try:
        preset = PRESETS[config.provider]
    except KeyError:
        raise ConfigurationError(
            f"there is no provider {config.provider!r}{did_you_mean(config.provider, PRESETS)}"
        ) from None
    if config.model is None:
        raise ConfigurationError(f"{preset.name}: no model is given; name one with model=")
    options = dict(config.options)
    if "api" in options:
        preset = _speaking(preset, options.pop("api"))
    base_url = _address(config, preset, environ)
    if preset.name == "azure":
        base_url, preset = _azure(base_url, preset, options.pop("api_version", None))
    elif preset.name == "openai" and not _is_openais_own(base_url):
        preset = replace(preset, max_tokens_field="max_tokens")
    if "structured_output" in options:
        preset = replace(preset, structured_output=_structured_output(options.pop("structured_output")))
    if not _check_model(options.pop("check_model", True)) or _is_azure(base_url):
        preset = replace(preset, lists_models=False)
    headers = Headers({**preset.headers, **config.headers})
    if (bad := _unsendable(headers)) is not None:
        raise ConfigurationError(f"the header {bad!r} holds characters that cannot be sent")
    signed = not {name.lower() for name in headers}.isdisjoint({"authorization", preset.key_header})
    stored = None if signed else kept_key(config, keys)
    key = _key(config, preset, environ, stored, required=preset.needs_key and not signed)
    remember(key, *(environ.get(name) for name in KEY_VARIABLES))  # the others may be printed as well
    options.pop("account", None)
    return Resolved(preset=preset, base_url=base_url, key=key, headers=headers, body={**preset.body, **options})


def _speaking(preset: Preset, api: Any) -> Preset:
    known = (preset.dialect, *preset.apis)
    if api not in known:
        near = did_you_mean(api, known) if isinstance(api, str) else ""
        raise ConfigurationError(
            f"{preset.name} has no api {api!r}{near} (known: {', '.join(map(repr, known))}); it goes into "
            "options={'api': ...}"
        )
    return replace(preset, dialect=api)


def kept_key(config: LlmConfig, keys: Callable[[str], SecretStr | None] | None) -> SecretStr | None:
    """Return the key that is kept for a config which has none of its own, or None.

    Args:
        config: The config; its option `account` is the label of one of several keys.
        keys: Gives the key that is kept under a name; None keeps none.

    Raises:
        ConfigurationError: none is kept for the account that the config names.
    """
    account = config.options.get("account")
    if config.api_key is not None and config.api_key.get_secret_value().strip():
        return None
    if account is None:
        return None if keys is None else keys(config.provider)
    found = None if keys is None or not isinstance(account, str) else keys(f"{config.provider}:{account}")
    if found is None:
        raise ConfigurationError(
            f"no key is kept for the account {account!r} of {config.provider}; put it there with "
            f"`%graphbit keys set {config.provider} --label ...`, or take options={{'account': ...}} away"
        )
    return found


def _key(
    config: LlmConfig, preset: Preset, environ: Mapping[str, str], stored: SecretStr | None, *, required: bool
) -> SecretStr | None:
    # nothing here is held as a plain text: a debugger, or a traceback with locals, shows whatever a frame holds
    given = None if config.api_key is None else SecretStr(config.api_key.get_secret_value().strip())
    if not given and stored is not None:
        return stored  # checked when it was put there
    found = given or SecretStr(environ.get(preset.key_variable, "").strip() if preset.key_variable else "")
    if not found:
        if preset.key_variable is None or not required:
            return None
        raise ConfigurationError(
            f"{preset.name} needs a key: set {preset.key_variable} in the environment or in a .env file, keep one with "
            f"`%graphbit keys set {preset.name}`, or give api_key=...; LlmConfig.local() is a model that needs none"
        )
    if not _is_sendable(found.get_secret_value()):
        place = "api_key=" if given else preset.key_variable
        raise ConfigurationError(f"the key in {place} holds characters that no key has; was it copied whole?")
    return found


def _unsendable(headers: Headers) -> str | None:
    """Return the name of a header that cannot be sent, if there is one."""
    texts = ((name, f"{name}{value}") for name, value in headers.items())
    return next((name for name, text in texts if not (text.isascii() and text.isprintable())), None)


def _is_sendable(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _address(config: LlmConfig, preset: Preset, environ: Mapping[str, str]) -> str:
    told = config.base_url
    if told is None and preset.address_variable is not None:
        told = environ.get(preset.address_variable, "").strip() or None
        if told is not None and "://" not in told:
            told = f"{'http' if preset.runs_here else 'https'}://{told}"
    address = told or preset.base_url
    if address is None:
        way = "base_url='https://host/v1'"
        if preset.address_variable is not None:
            way = f"endpoint='https://NAME.openai.azure.com' or in {preset.address_variable}"
        raise ConfigurationError(f"{preset.name}: no address is given; name it with {way}")
    return _ollama_address(address, preset) if preset.name == "ollama" else address.rstrip("/")


def _ollama_address(address: str, preset: Preset) -> str:
    """Complete an address as Ollama itself understands it: port and path may be left out, 0.0.0.0 is this machine.

    The native interface lies beside the compatible one, which is below /v1.
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise ConfigurationError(f"the address of ollama cannot be read: {redact(address)!r}") from None
    host = parts.hostname or ""
    host = "127.0.0.1" if host in {"0.0.0.0", ""} else f"[{host}]" if ":" in host else host  # noqa: S104 (is replaced)
    if port is None and parts.scheme == "http":
        port = OLLAMA_PORT
    place = host if port is None else f"{host}:{port}"
    path = parts.path.rstrip("/").removesuffix("/v1").removesuffix("/api").rstrip("/")
    return urlunsplit((parts.scheme, place, f"{path}/v1" if preset.dialect == "chat" else path, "", ""))


def _azure(endpoint: str, preset: Preset, version: Any) -> tuple[str, Preset]:
    """Return where Azure's calls go: to the API without versions, or to the deployment in a dated one."""
    base = endpoint.rstrip("/").removesuffix("/v1").removesuffix("/openai")
    if version is None:
        return f"{base}/openai/v1", preset
    if not isinstance(version, str) or not _API_VERSION.fullmatch(version):
        raise ConfigurationError(
            f"api_version must look like '2024-10-21' or '2025-04-01-preview', not {version!r}; without it the API "
            "that has no versions is asked"
        )
    asked = f"api-version={quote(version)}"
    where = "{path}" if preset.dialect == "responses" else "deployments/{model}/{path}"
    if version < _NEWER_FIELDS:
        preset = replace(preset, max_tokens_field="max_tokens", stream_usage=False)
    return f"{base}/openai", replace(preset, path=f"{where}?{asked}")


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
