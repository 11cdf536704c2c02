"""Widths of text, and texts made safe to show. Nothing here asks the machine for its fonts.

Widths are Helvetica's own, so that Graphviz, Python and the browser agree and the bytes are the same everywhere.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Helvetica's advance widths from space to tilde, in thousandths of the type size.
_ASCII = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
_SIGNS = {"…": 1000, "→": 1000, "—": 1000, "–": 556, "·": 278, "•": 350, "’": 222, "‘": 222, "“": 333, "”": 333}  # noqa: RUF001
_LOWER, _UPPER, _WIDE, _PICTOGRAM = 600, 760, 1000, 1300

SLACK = 1.04  # system-ui, Segoe and Inter are a little wider than Helvetica
_BOLD = 1.07
_MOST_READ = 400  # characters of a text that are looked at; no card shows as many
_MOST_MARKS = 3  # marks over one letter
_IGNORABLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2065\u2800\u3164\uffa0")
_JOINERS = "\u200c\u200d"


def _em(char: str) -> int:
    code = ord(char)
    if 32 <= code < 127:
        return _ASCII[code - 32]
    if char in _SIGNS:
        return _SIGNS[char]
    category = unicodedata.category(char)
    if category in ("Mn", "Me", "Cf"):
        return 0
    if unicodedata.east_asian_width(char) in "WF":
        return _PICTOGRAM if category in ("So", "Sk") else _WIDE
    base = unicodedata.normalize("NFD", char)[0]
    if 32 <= ord(base) < 127:
        return _ASCII[ord(base) - 32]
    return _UPPER if category in ("Lu", "So", "Sm") else _LOWER


@lru_cache(maxsize=4096)
def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a text is at most, in pixels."""
    return sum(map(_em, text)) / 1000 * size * (_BOLD if bold else 1.0) * SLACK


def clip(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """Cut a text that is wider than `room` and end it with an ellipsis."""
    if width(text, size, bold=bold) <= room:
        return text
    left = room - width("…", size, bold=bold)
    kept = 0
    for char in text:
        left -= width(char, size, bold=bold)
        if left < 0:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


@lru_cache(maxsize=4096)
def clean(text: str) -> str:
    r"""Make a text safe to show on one line.

    Blanks of every sort become one space. What cannot be seen, turns the direction of the text or is not allowed in
    XML is written as its code, for example ``\u202e``, so that no two different names look the same.
    """
    read = text[:_MOST_READ] + "…" if len(text) > _MOST_READ else text
    out: list[str] = []
    marks = 0
    for i, char in enumerate(read):
        if " " <= char <= "~":
            out.append(char)
            marks = 0
            continue
        category = unicodedata.category(char)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if category[0] == "Z" or char in "\t\n\r\v\f":
            out.append(" ")
        elif char in _JOINERS and _joins(read, i):
            out.append(char)
        elif category in ("Cc", "Cf", "Cs", "Co") or char in _IGNORABLE or _is_noncharacter(char):
            out.append(f"\\u{ord(char):04x}")
        elif marks <= _MOST_MARKS:
            out.append(char)
    return " ".join("".join(out).split())


def _is_noncharacter(char: str) -> bool:
    return ord(char) & 0xFFFE == 0xFFFE or "\ufdd0" <= char <= "\ufdef"


def _joins(text: str, at: int) -> bool:
    """Whether a joiner stands where scripts and emoji need it: between two characters beyond Latin."""
    return 0 < at < len(text) - 1 and all(ord(text[i]) > 0x2FF and text[i] not in _JOINERS for i in (at - 1, at + 1))
