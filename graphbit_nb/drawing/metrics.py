"""How wide texts and how large cards are. Helvetica's own widths, so that a picture is the same on every machine."""

from __future__ import annotations

import unicodedata

# Advance widths of Helvetica in thousandths of the size, for the characters from the blank to "~" (Adobe's AFM).
_ADVANCE = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
_WIDE, _NARROW = 1000, 600  # characters that Helvetica does not have
SLACK = 1.04  # the fonts of operating systems are a little wider
_BOLD = 1.07

INSET = {"condition": 17, "agent": 11, "workflow": 13, "human": 10, "input": 12}
INSET_OTHERS = 10
TILE = 26
FULL_HEIGHT, COMPACT_HEIGHT, INPUT_HEIGHT = 48, 26, 28
NARROWEST, WIDEST = 124, 236
FIGURE_ROOM = 46  # the widest figure a run will show, so that running never asks for a new layout


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a text in pixels at a size in pixels."""
    em = 0
    for character in text:
        code = ord(character)
        if 32 <= code < 127:
            em += _ADVANCE[code - 32]
        elif unicodedata.east_asian_width(character) in "WF":
            em += _WIDE
        elif not unicodedata.combining(character):
            em += _NARROW
    return em / 1000 * size * (_BOLD if bold else 1) * SLACK


def clip(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """Return the text, or as much of its beginning as fits, with an ellipsis."""
    if text_width(text, size, bold=bold) <= room:
        return text
    kept = text[:200]
    while kept and text_width(kept + "…", size, bold=bold) > room:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def inset(kind: str) -> int:
    """Return the room between a card's edge and what stands on it."""
    return INSET.get(kind, INSET_OTHERS)


def card_size(label: str, sub: str, kind: str, density: str) -> tuple[int, int]:
    """Return width and height of a card. They depend on what a node is, never on how a run goes."""
    label, sub = label[:80], sub[:80]
    if kind == "input":
        return round(min(WIDEST, 34 + text_width(label, 12, bold=True) + 18)), INPUT_HEIGHT
    if density == "compact":
        extra = 8 if kind == "condition" else 0
        return round(min(170, max(64, 44 + text_width(label, 12) + extra))), COMPACT_HEIGHT
    edge = inset(kind)
    lines = max(text_width(label, 13, bold=True) + 26, text_width(sub, 11) + 12 + FIGURE_ROOM)
    return round(min(WIDEST, max(NARROWEST, edge + TILE + 9 + lines + edge))), FULL_HEIGHT
