"""How keys look: as their makers' own pages show them, and by what stands before them in headers and settings.

Everything here is led by a plain substring, for that is what can be looked for quickly in long texts. What is taken out
holds no quote and no backslash, so that JSON stays JSON.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMED = "A-Za-z0-9_\\-"
_RANDOM = f"(?=[a-z_\\-]{{0,200}}[A-Z0-9])[{_NAMED}]"  # words alone are prose, or the name of a package

# What a key begins with, and what follows. Each is at least `SHORTEST` letters, digits, - and _ in a row.
_FORMATS = (
    (
        "sk-",
        rf"(?:[A-Za-z0-9]{{20,}}[{_NAMED}]*|{_RANDOM}{{16,}})",
    ),  # OpenAI (sk-proj-, sk-svcacct-), Anthropic (sk-ant-), OpenRouter, DeepSeek
    ("AIza", rf"[{_NAMED}]{{30,}}"),  # Google
    ("gsk_", r"[A-Za-z0-9]{20,}"),  # Groq
    ("xai-", r"[A-Za-z0-9]{20,}"),
    ("hf_", r"[A-Za-z0-9]{20,}"),  # Hugging Face
    ("r8_", r"[A-Za-z0-9]{20,}"),  # Replicate
    ("pplx-", r"[A-Za-z0-9]{20,}"),
    ("nvapi-", rf"[{_NAMED}]{{20,}}"),
    ("fw_", r"[A-Za-z0-9]{20,}"),  # Fireworks
    ("key_", r"(?=[a-z]{0,200}\d)[A-Za-z0-9]{20,}"),
    ("key-", r"(?=[a-z]{0,200}\d)[A-Za-z0-9]{20,}"),
    ("sk_", r"(?:live_|test_)?(?=[a-z]{0,200}[A-Z0-9])[A-Za-z0-9]{20,}"),  # Stripe, ElevenLabs
    ("rk_", r"(?:live_|test_)?(?=[a-z]{0,200}[A-Z0-9])[A-Za-z0-9]{20,}"),
    ("pk_", r"(?:live_|test_)?(?=[a-z]{0,200}[A-Z0-9])[A-Za-z0-9]{20,}"),
    ("AKIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),  # Amazon
    ("ASIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("ghp_", r"[A-Za-z0-9]{30,}"),
    ("gho_", r"[A-Za-z0-9]{30,}"),
    ("ghu_", r"[A-Za-z0-9]{30,}"),
    ("ghs_", r"[A-Za-z0-9]{30,}"),
    ("ghr_", r"[A-Za-z0-9]{30,}"),
    ("github_pat_", r"[A-Za-z0-9_]{30,}"),
    ("glpat-", rf"[{_NAMED}]{{18,}}"),
    ("xox", r"[a-z]-(?=[A-Za-z\-]{0,200}\d)[A-Za-z0-9\-]{10,}"),  # Slack
    ("eyJ", rf"[{_NAMED}]{{10,}}\.eyJ[{_NAMED}]{{10,}}\.[{_NAMED}]{{10,}}"),  # JSON web tokens
)

SHORTEST = 14

_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[A-Za-z0-9+/=\s:,.]|-(?!----)|\\+[nrt])*"
    r"(?:-----END [A-Z ]*PRIVATE KEY-----)?"
)
_LOGIN = re.compile(r"(://[^\s/:@\"'\\]{0,100}:)([^\s/@\"'\\]{1,500})(?=@)")

_FRONT = 24  # characters before a field that are looked at

# What a field ends with that holds a secret, and what must stand before that.
_SOME = (
    r"(?:^|[^a-z])(?:api|secret|access|private|account|subscription|auth|client|refresh|session|id|encryption|master)"
)
_FIELDS: tuple[tuple[str, re.Pattern[str] | None], ...] = (
    (
        "key",
        re.compile(rf"{_SOME}[ _-]?$|(?<=[A-Za-z0-9])(?:api|secret|access)[ _-]?$|[?&]$|[a-z0-9]_(?:api|access)_$"),
    ),
    ("token", re.compile(rf"{_SOME}[ _-]?$|(?:bearer|api|access|auth)[ _-]?$|[?&]$|[a-z0-9]_$")),
    ("secret", re.compile(r"[a-z0-9][_-]$|client$|[?&]$")),
    ("authorization", None),
    ("password", None),
    ("passwd", None),
    ("passphrase", None),
)
_OPENS = r"""(?P<quoted>\\*"\s*:\s*\\*"|'\s*:\s*'|\s*=\s*\\*["']?)|(?P<bare>\s*:\s*\\*["']?)"""
_VALUE = r"""(?P<value>[^\s"'&,;\\<>(){}\[\]$]{6,}+)(?![(\[{])"""
_AFTER = re.compile(rf"(?:{_OPENS})(?:(?:bearer|basic|token|key|digest)\s+)?{_VALUE}", re.IGNORECASE)
_SET = re.compile(r"""\\*["']?\s*[:=]""")
_BEARER = re.compile(rf"\s+{_VALUE}")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[A-Za-z]?[a-z.:!?/-]*")

# Prefixes end a name that is escaped, too: in JSON the line break before a key is a letter, and so is
# the end of a terminal's colour.
_KEYS = tuple(
    (
        start,
        re.compile(
            rf"{start}(?:(?<![A-Za-z0-9]{start})|(?<=\\[bfnrt]{start})|(?<=\\u[0-9a-fA-F]{{4}}{start})"
            rf"|(?<=%[0-9A-Fa-f]{{2}}{start})|(?<=\x1b\[\dm{start})|(?<=\x1b\[\d\dm{start})){rest}"
        ),
    )
    for start, rest in _FORMATS
)


def without_keys(text: str, gone: str) -> str:
    """Return a text without what has the format of a key."""
    for start, pattern in _KEYS:
        if start in text:
            text = pattern.sub(gone, text)
    return text


def without_fields(text: str, lowered: str, gone: str) -> str:
    """Return a text without the values of headers, settings and parameters that hold secrets.

    Args:
        text: The text.
        lowered: The same in small letters, as long.
        gone: What stands in their place.
    """
    if "private key-----" in lowered:
        text = _BLOCK.sub(gone, text)
        lowered = small(text)
    if "://" in text and "@" in text:
        text = _LOGIN.sub(rf"\g<1>{gone}", text)
        lowered = small(text)
    spans = sorted([*_fields_in(text, lowered), *_bearers_in(text, lowered)])
    if not spans:
        return text
    pieces, at = [], 0
    for begin, end in spans:
        if begin >= at:  # two fields may share a value
            pieces += [text[at:begin], gone]
            at = end
    return "".join([*pieces, text[at:]])


def _fields_in(text: str, lowered: str) -> Iterator[tuple[int, int]]:
    for field, front in _FIELDS:
        at = lowered.find(field)
        while at >= 0:
            end = at + len(field)
            is_set = _SET.match(text, end)  # hardly ever so in prose
            if is_set is not None and (front is None or front.search(lowered[max(0, at - _FRONT) : at])):
                found = _AFTER.match(text, end)
                if found is not None:
                    end = found.end()
                    if _is_secret(found["value"], is_set=found["quoted"] is not None):
                        yield found.span("value")
            at = lowered.find(field, end)


def _bearers_in(text: str, lowered: str) -> Iterator[tuple[int, int]]:
    at = lowered.find("bearer")
    while at >= 0:
        found = _BEARER.match(text, at + 6)
        if found is not None and len(found["value"]) >= SHORTEST and _is_secret(found["value"], is_set=False):
            yield found.span("value")
        at = lowered.find("bearer", at + 6)


def small(text: str) -> str:
    """Return a text in small letters, exactly as long as it was."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(sign.lower() if sign.isascii() else sign for sign in text)


def _is_secret(value: str, *, is_set: bool) -> bool:
    """Whether it may be one: in prose, a word is a word; and numbers are figures, unless they are set to something."""
    if is_set:
        return True
    return not _WORD.fullmatch(value) and not _NUMBER.fullmatch(value)
