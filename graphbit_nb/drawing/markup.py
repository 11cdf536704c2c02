"""Writes SVG elements. Every text and every attribute is escaped here, once, and nowhere else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PERHAPS = re.compile("[^ !#-%(-;=?-~]")  # all but plain letters, digits and signs, which is most of what is written


def escape(text: object) -> str:
    """Escape a text for an element or an attribute; what XML does not allow becomes U+FFFD."""
    written = str(text)
    return _NOT_XML.sub("\ufffd", written).translate(_ESCAPES) if _PERHAPS.search(written) else written


def tag(name: str, attributes: Mapping[str, object], *inside: str) -> str:
    """Return an element. Attributes that are None are left out; `inside` is markup already."""
    written = "".join(f' {key}="{_value(value)}"' for key, value in attributes.items() if value is not None)
    return f"<{name}{written}>{''.join(inside)}</{name}>" if inside else f"<{name}{written}/>"


def _value(value: object) -> str:
    return number(value) if isinstance(value, float) else escape(value)


def number(value: float) -> str:
    """Write a number with at most two decimals."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
