"""Whom a config asks, as far as answers depend on it: what remembered and recorded calls are found by."""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from graphbit_nb.core.calls import Identity
from graphbit_nb.core.encoding import CannotKeepError, encode
from graphbit_nb.providers.catalog import PRESETS
from graphbit_nb.providers.environment import environment
from graphbit_nb.providers.registry import ProviderRegistry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.config import LlmConfig

_SECRET = re.compile(r"auth|cookie|credential|key|secret|session|token|user", re.IGNORECASE)
_WITHOUT_EFFECT = frozenset({"check_model", "keep_alive", "slots", "threads", "user"})
"""Options that change no answer."""


def identity_of(config: LlmConfig, environ: Mapping[str, str] | None = None) -> Identity:
    """Return whom a config asks: provider, address, model, and the options and headers that may change answers.

    Keys are not in it. Headers are a digest, and those whose names speak of keys are left out; so are names and
    passwords in addresses.

    Args:
        config: The config.
        environ: Where addresses are read from; None is `environment()`.
    """
    options = {name: _plain(value) for name, value in config.options.items() if name not in _WITHOUT_EFFECT}
    headers = sorted((name.lower(), str(v)) for name, v in config.headers.items() if not _SECRET.search(name))
    if headers:
        options["headers"] = blake2b(json.dumps(headers).encode(), digest_size=16).hexdigest()
    if (factory := ProviderRegistry.registered(config.provider)) is not None:
        options["code"] = _code_of(factory)
    return Identity(config.provider, _endpoint(config, environ), config.model, options)


def _endpoint(config: LlmConfig, environ: Mapping[str, str] | None) -> str | None:
    told, preset = config.base_url, PRESETS.get(config.provider)
    if told is None and preset is not None and preset.address_variable is not None:
        told = (environment() if environ is None else environ).get(preset.address_variable, "").strip() or None
    if told is None or (preset is not None and told.rstrip("/") == preset.base_url):
        return None
    try:
        parts = urlsplit(told)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    except ValueError:
        return "?"


def _code_of(factory: Any) -> str:
    """Return a digest of the code of a provider of the user's own: one that is written anew answers anew."""
    found = blake2b(digest_size=16)
    is_class = isinstance(factory, type)
    for made in [cls for cls in factory.__mro__ if cls.__module__ != "builtins"] if is_class else [factory]:
        held = {made.__qualname__: made} if isinstance(made, FunctionType) else vars(made)
        for name in sorted(held):
            inner = getattr(held[name], "__func__", held[name])
            if isinstance(inner, FunctionType):
                found.update(name.encode())
                _feed(inner.__code__, found)
    return found.hexdigest()


def _feed(code: CodeType, digest: Any) -> None:
    digest.update(code.co_code)
    digest.update(repr(code.co_names).encode("utf-8", "surrogatepass"))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _feed(constant, digest)
        else:
            digest.update(repr(constant).encode("utf-8", "surrogatepass"))


def _plain(value: Any) -> Any:
    try:
        encode(value)
    except CannotKeepError:
        return f"{type(value).__module__}.{type(value).__qualname__}"
    return value
