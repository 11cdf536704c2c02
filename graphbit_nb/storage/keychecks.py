"""What is checked before a key is kept: its name, its text, the place of the file. No message tells what was given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr

from graphbit_nb.errors import ConfigurationError, UsageError, did_you_mean
from graphbit_nb.storage.keyfile import NAME
from graphbit_nb.storage.masterkeys import Kind

VARIABLE = "GRAPHBIT_KEYS"
LONGEST = 8192


def usual_path() -> Path:
    """Return the path of the user's keys: GRAPHBIT_KEYS, else in the configuration directory of the system.

    Raises:
        ConfigurationError: nobody knows where the user's home is.
    """
    try:
        if told := os.environ.get(VARIABLE):
            return absolute(told)
        if os.name == "nt":
            base = os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming"
        else:
            base = os.environ.get("XDG_CONFIG_HOME") or ""
            base = base if Path(base).is_absolute() else Path.home() / ".config"  # XDG: others are ignored
        return Path(base) / "graphbit_nb" / "keys.json"
    except RuntimeError:
        raise ConfigurationError(
            f"nobody knows where your home directory is; say with {VARIABLE} where keys are"
        ) from None


def absolute(path: Any) -> Path:
    """Return the path of a file as it is from anywhere. Raises `UsageError` when it is none."""
    try:
        found = Path(os.fspath(path)).expanduser().absolute()
    except (TypeError, RuntimeError):  # it is no path, or that user has no home
        found = Path()
    if not found.name:
        raise UsageError(f"path={path!r}: give the path of a file")
    return found


def shown(name: str) -> str:
    """Return a name for a message, unless it may be a key that was given in its place."""
    return repr(name) if is_telling(name) else "of that name"


def is_telling(name: Any) -> bool:
    """Whether a name can be shown: it is short and of letters, as no key is."""
    return isinstance(name, str) and len(name) <= 32 and name.replace("_", "").replace(":", "").isalpha()


def checked_name(name: Any) -> str:
    """Return what a key may be kept under. Raises `UsageError` for anything else, without telling it."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UsageError("a key is kept under the name of its provider, such as 'openai', or 'openai:work'")
    return name


def checked_key(key: Any) -> SecretStr:
    """Return a key without the blanks around it, and refuse what no provider gave out. Its text is never told."""
    key = SecretStr(key) if isinstance(key, str) else key  # so that a traceback with locals does not tell it
    secret = key
    if not isinstance(secret, SecretStr):
        raise UsageError(f"a key is a text or a SecretStr, not {type(key).__name__}")
    secret = SecretStr(secret.get_secret_value().strip())
    if not secret:
        raise UsageError("the key is empty; nothing was changed")
    if len(secret) > LONGEST:
        raise UsageError(f"the key has more than {LONGEST:,} characters; was something else copied?")
    if any(not "!" <= sign <= "~" for sign in secret.get_secret_value()):
        raise UsageError("the key holds characters that no key has; was it copied whole?")
    return secret


def checked_kind(kind: Any) -> Kind | None:
    """Return where a master key may be. Raises `UsageError`."""
    if kind is not None and kind not in get_args(Kind):
        near = did_you_mean(kind, get_args(Kind))
        raise UsageError(f"master={kind!r}{near or '; one of ' + ', '.join(get_args(Kind))}")
    return kind  # type: ignore[no-any-return]
