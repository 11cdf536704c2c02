"""Two texts beside each other, word by word: what went, what came."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, NamedTuple

from graphbit_nb.notebook import html

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_COMPARED = 20_000  # characters of each text; what comes after is only counted
_WORDS = re.compile(r"\w+|\s+|[^\w\s]", re.UNICODE)
_MOST_PIECES = 4_000  # of each text; with more, whole lines are compared


class Piece(NamedTuple):
    """A stretch of both texts.

    Attributes:
        before: What stands there in the first.
        after: What stands there in the second.
        is_same: Whether both are alike.
    """

    before: str
    after: str
    is_same: bool


def pieces(before: str, after: str) -> list[Piece]:
    """Lay two texts beside each other, in stretches that are alike and stretches that are not."""
    one, other = _split(before), _split(after)
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    return [Piece("".join(one[a:b]), "".join(other[c:d]), tag == "equal") for tag, a, b, c, d in matcher.get_opcodes()]


def sides(before: str, after: str) -> tuple[str, str]:
    """Return both texts as HTML, what went marked in the first, what came in the second."""
    found = pieces(before[:MOST_COMPARED], after[:MOST_COMPARED])
    left = "".join(html.text(p.before) if p.is_same else _marked("del", p.before) for p in found)
    right = "".join(html.text(p.after) if p.is_same else _marked("ins", p.after) for p in found)
    return left + _rest(before), right + _rest(after)


def lines(before: str, after: str) -> Iterator[str]:
    """Go through the lines that differ, with ``-`` and ``+`` before them, as `diff -U1` writes them."""
    made = difflib.unified_diff(
        before[:MOST_COMPARED].splitlines(), after[:MOST_COMPARED].splitlines(), n=1, lineterm=""
    )
    for number, line in enumerate(made):
        if number >= 2 and not line.startswith("@@"):
            yield html.visible(line)


def _split(text: str) -> list[str]:
    words = _WORDS.findall(text)
    return words if len(words) <= _MOST_PIECES else text.splitlines(keepends=True)


def _marked(tag: str, text: str) -> str:
    return f"<{tag}>{html.text(text)}</{tag}>" if text else ""


def _rest(text: str) -> str:
    return "" if len(text) <= MOST_COMPARED else f"… ({len(text) - MOST_COMPARED:,} more characters)"
