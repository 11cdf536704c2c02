"""The 16 px paths: a mark for each state, an icon for each kind. Python and the widgets draw from the same tables."""

from __future__ import annotations

from typing import Any


def _disc(radius: float) -> str:
    return f"M8 {8 - radius:g}a{radius} {radius} 0 1 1 0 {2 * radius:g}a{radius} {radius} 0 1 1 0 {-2 * radius:g}z"


_DASHES = (
    "M6.1 1.8A6.5 6.5 0 0 1 9.9 1.8M12.2 3A6.5 6.5 0 0 1 14.2 6.1M14.2 9.9A6.5 6.5 0 0 1 12.2 13"
    "M9.9 14.2A6.5 6.5 0 0 1 6.1 14.2M3.8 13A6.5 6.5 0 0 1 1.8 9.9M1.8 6.1A6.5 6.5 0 0 1 3.8 3"
)

# state: how its body is painted (solid or line), the body, and a glyph that is stroked over it
MARKS: dict[str, tuple[str, str, str]] = {
    "pending": ("line", _DASHES, ""),
    "ready": ("line", _disc(6.5), "M8 7.9v.2"),
    "running": ("line", "M8 1.5A6.5 6.5 0 1 1 1.5 8", ""),
    "retrying": ("line", "M13.6 6.2A6.1 6.1 0 1 0 14.1 8.6", "M14.3 2.6v3.8h-3.8"),
    "waiting": ("solid", _disc(7.2), "M6.1 5.4v5.2M9.9 5.4v5.2"),
    "succeeded": ("solid", _disc(7.2), "M4.9 8.3l2.2 2.2 4.1-4.7"),
    "cached": ("solid", "M9.6 .8L2.9 9.1h4.3L6.2 15.2L13.1 6.7H8.7z", ""),
    "failed": ("solid", "M5.2 1.2h5.6l4 4v5.6l-4 4H5.2l-4-4V5.2z", "M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8"),
    "skipped": ("line", "", "M3.4 3.8L7.6 8l-4.2 4.2M8.6 3.8L12.8 8l-4.2 4.2"),
    "cancelled": ("line", _disc(6.5), "M5.9 5.9h4.2v4.2H5.9z"),
    "stale": ("line", _disc(6.5), "M8 4.4V8l2.5 1.7"),
}

ICONS: dict[str, str] = {
    "prompt": "M2.5 3.2h11v7.3H7.8L5 13v-2.5H2.5z",
    "python": "M5.3 4.3L1.8 8l3.5 3.7M10.7 4.3L14.2 8l-3.5 3.7M9 3.2L7 12.8",
    "condition": "M1.8 8h3.7l4.3-4h4.2M12 2l2 2-2 2M5.5 8l4.3 4h4.2M12 10l2 2-2 2",
    "agent": "M3.2 5.6h9.6v7.2H3.2zM8 5.6V3M6.9 2.4h2.2M6.2 8.4v1.2M9.8 8.4v1.2M1.4 8.2v2.4M14.6 8.2v2.4",
    "human": "M8 2.2a2.7 2.7 0 1 1 0 5.4a2.7 2.7 0 1 1 0-5.4M2.9 13.8c.4-3 2.4-4.6 5.1-4.6s4.7 1.6 5.1 4.6",
    "embed": "M2.6 13.2V9M6.2 13.2V3.4M9.8 13.2V6.6M13.4 13.2v-2.4",
    "workflow": "M1.8 2.6h4.4V7H1.8zM9.8 9h4.4v4.4H9.8zM6.2 4.8h4.4a1.4 1.4 0 0 1 1.4 1.4V9",
    "input": "M1.8 8h7.4M6.4 5.2L9.2 8l-2.8 2.8M9.6 2.6h4v10.8h-4",
}
OTHER_ICON = "M8 1.6l5.6 3.2v6.4L8 14.4l-5.6-3.2V4.8zM2.4 4.8L8 8l5.6-3.2M8 8v6.4"


def tables() -> dict[str, Any]:
    """Return the tables as JSON for the widgets."""
    marks = {state: {"paint": paint, "body": body, "glyph": glyph} for state, (paint, body, glyph) in MARKS.items()}
    return {"marks": marks, "kinds": dict(ICONS), "other": OTHER_ICON}
