"""Takes what looks like a key out of a text: the one place that everything goes through before it leaves memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

GONE = "[redacted]"

LEAST = 8  # characters of a key that is known; shorter ones would be found in any text

# How the keys of providers and of other services begin, as their own pages show them; and what stands before a key in
# headers, addresses and settings.
_FORMATS = (
    r"sk-(?:ant-|proj-|or-v1-|svcacct-|admin-)?[A-Za-z0-9_\-]{16,}",  # OpenAI, Anthropic, OpenRouter, DeepSeek
    r"AIza[A-Za-z0-9_\-]{30,}",  # Google
    r"(?:gsk|xai|r8|hf|pplx|nvapi|fw|co|key|rk|pk|sk)[_-](?:live_|test_)?[A-Za-z0-9]{20,}",
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",  # Amazon
    r"gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}",
    r"glpat-[A-Za-z0-9_\-]{18,}",
    r"xox[abposr]-[A-Za-z0-9\-]{10,}",  # Slack
    r"eyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}",  # JSON web tokens
)
_KEY = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_FORMATS)})")
_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_HEADER = re.compile(
    r"(?i)(\b(?:proxy-)?authorization\b[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token|key)\s+)?|\bbearer\s+|"
    r"\b(?:x-)?(?:api[_-]?key|goog-api-key|auth[_-]?token|access[_-]?token|secret[_-]?key|client[_-]?secret|passw(?:or)?d)"
    r"\b[\"']?\s*[:=]\s*[\"']?)(?!\[redacted\])([^\s\"'&,;}\\]{6,})"
)
_LOGIN = re.compile(r"(?<=://)[^\s/:@\"']*:[^\s/@\"']+(?=@)")


def redact(text: str, known: Iterable[str] = ()) -> str:
    """Return a text without keys.

    Args:
        text: Any text; JSON stays JSON.
        known: Keys that are in use, whatever they look like.
    """
    for key in known:
        if len(key) >= LEAST and key in text:
            text = text.replace(key, GONE)
    text = _BLOCK.sub(GONE, text)
    text = _KEY.sub(GONE, text)
    text = _LOGIN.sub(GONE, text)
    return _HEADER.sub(lambda found: f"{found[1]}{GONE}", text)


def has_key(text: str, known: Iterable[str] = ()) -> bool:
    """Whether there is something in a text that `redact` takes out."""
    return redact(text, known) != text
