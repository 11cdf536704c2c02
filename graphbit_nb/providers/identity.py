"""Whom a config asks, as far as answers depend on it: what remembered and recorded calls are found by."""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from types import CodeType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from weakref import WeakKeyDictionary

from graphbit_nb.core.calls import Identity
from graphbit_nb.core.encoding import CannotKeepError, encode
from graphbit_nb.providers.catalog import PRESETS
from graphbit_nb.providers.environment import environment
from graphbit_nb.providers.registry import ProviderRegistry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.config import LlmConfig

_SECRET = re.compile(r"auth|cookie|credential|key|secret|session|token|user", re.IGNORECASE)
_WITHOUT_EFFECT = frozenset({"account", "check_model", "keep_alive", "slots", "threads", "user"})
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
    return Identity(config.provider, _endpoint(config, environ), config.model, options)


def code_of_provider(config: LlmConfig) -> str | None:
    """Return a digest of the code of a provider that was registered by hand; None for all others.

    Whoever writes a provider in a notebook changes it there: what the one before answered is of no use then. The class
    is read once; what it counts in its attributes later is no other code.
    """
    made: Any = ProviderRegistry.registered(config.provider)
    if made is None:
        return None
    if made not in _read:
        _read[made] = _digest_of(made)
    return _read[made]


_read: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def _digest_of(made: Any) -> str:
    found = blake2b(digest_size=16)
    for cls in made.__mro__ if isinstance(made, type) else (made,):
        if cls.__module__.partition(".")[0] in ("graphbit_nb", "builtins"):
            continue
        members = vars(cls).items() if isinstance(cls, type) else (("", cls),)
        for name, member in sorted(members, key=lambda item: item[0]):
            inner = getattr(member, "__func__", getattr(member, "fget", member))
            if isinstance(code := getattr(inner, "__code__", None), CodeType):
                found.update(f"{name} {_told(code)}".encode("utf-8", "surrogatepass"))
            elif isinstance(member, str | int | float | bool | None):
                found.update(f"{name} {member!r}".encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def _told(code: CodeType) -> str:
    constants = [_told(one) if isinstance(one, CodeType) else _constant(one) for one in code.co_consts]
    return repr((code.co_code, code.co_names, code.co_varnames, constants))


def _constant(constant: Any) -> str:
    return repr(sorted(map(repr, constant))) if isinstance(constant, frozenset) else repr(constant)


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


def _plain(value: Any) -> Any:
    try:
        encode(value)
    except CannotKeepError:
        return f"{type(value).__module__}.{type(value).__qualname__}"
    return value
