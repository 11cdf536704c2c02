"""Models to ask, as files hold them: without keys, and without anything else that is secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.errors import UsageError
from graphbit_nb.files.values import plain

if TYPE_CHECKING:
    from graphbit_nb.files.schema import ConfigDocument

_SECRET = re.compile(
    r"(?:^|[-_.])(?:\w*authorization|token|secret|password|cookie|credentials?|\w*key)$", re.IGNORECASE
)


def config_data(config: LlmConfig, place: str) -> dict[str, Any]:
    """Return a config without its key, as it is written.

    Raises:
        UsageError: it holds what no file may hold: another secret, or code.
    """
    data = {"provider": config.provider}
    fresh = LlmConfig(provider=config.provider)
    for key in ("model", "base_url", "timeout", "total_timeout", "headers", "options", "responses"):
        value = getattr(config, key)
        if value != getattr(fresh, key):
            try:
                data[key] = plain(value, f"{place}.{key}")
            except UsageError as error:
                if key != "responses":
                    raise
                raise UsageError(f"{error}; scripted functions and exceptions are for tests, and stay there") from None
    for key in ("headers", "options"):
        for name in data.get(key, ()):
            if _SECRET.search(name):
                raise UsageError(
                    f"{place}.{key}: {name!r} may hold a key, and files never do; take it out of the config, and give "
                    "the key as api_key= or in the environment"
                )
    address = urlsplit(config.base_url or "")
    if "@" in address.netloc or any(_SECRET.search(name) for name, _ in parse_qsl(address.query)):
        raise UsageError(f"{place}.base_url holds a key or a password, and files never do; give it as api_key=")
    return data


def config_of(document: ConfigDocument) -> LlmConfig:
    """Return the config that a document describes; its key is looked for when the client is made.

    Raises:
        UsageError: a value is not allowed.
    """
    return LlmConfig(**document.model_dump(exclude_unset=True))
