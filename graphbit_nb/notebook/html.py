"""Pieces of HTML for outputs. Every text is escaped here, once; nothing from a model is ever markup."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from graphbit_nb.core.states import NodeState
from graphbit_nb.drawing.marks import MARKS
from graphbit_nb.drawing.reading import duration
from graphbit_nb.drawing.thrift import thrifty
from graphbit_nb.templating import to_text
from graphbit_nb.templating.values import jsonable, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbit_nb.core.snapshot import NodeSnapshot

MOST_SHOWN = 20_000  # characters of an answer in a saved output
PREVIEW = 160
_SAFE_IN_SRC = " !$'()*+,-./:;<=>?@[]^_`{|}~"  # in an attribute in double quotes

_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
_DRAWN = re.compile(r'src="data:image/svg\+xml,([^"]+)"')
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def text(value: Any) -> str:
    """Escape a text for HTML; characters that hide or turn text are shown by their code."""
    return html.escape(visible(str(value)), quote=True)


def visible(value: str) -> str:
    r"""Write control, direction and zero-width characters as ``\\u202e``."""
    return _UNSEEN.sub(lambda match: "\\r" if match[0] == "\r" else f"\\u{ord(match[0]):04x}", value)


@cache
def styles(*names: str) -> str:
    """Return these style sheets as one element, without comments.

    They apply to what is inside of ``.gb``, as which no live view stands on a page: a browser would style all of a
    large one anew with each output that comes.
    """
    folder = files("graphbit_nb.notebook") / "front"
    css = "".join((folder / name).read_text("utf-8") for name in names)
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    short = re.sub(r"\s+", " ", css).strip()
    return f"<style>{short}</style>"


def mark(state: str) -> str:
    """Return a state's mark as a small picture with its name."""
    paint, body, glyph = MARKS[state]
    filled = paint == "solid"
    body_style = "fill:var(--gb-s)" if filled else "stroke:var(--gb-s)"
    glyph_style = "stroke:var(--gb-paper)" if filled else "stroke:var(--gb-s)"
    return (
        f'<svg class="gb-st" data-state="{state}" viewBox="0 0 16 16" role="img" aria-label="{state}">'
        f'<path d="{body}" style="{body_style}"/><path d="{glyph}" style="{glyph_style}"/></svg>'
    )


def page(*parts: str) -> str:
    """Put parts together as one output."""
    return f'{styles("tokens.css", "panels.css")}<div class="gb">{"".join(parts)}</div>'


def shell(parts: Iterable[str], *, done: bool = False) -> str:
    """Put parts into a frame."""
    return f'<div class="gb-shell{" gb-done" if done else ""}">{"".join(parts)}</div>'


def head(title: str, status: str = "", facts: Iterable[tuple[str, str]] = ()) -> str:
    """Return the header: title, state, figures."""
    state = ""
    if status:
        state = f'<span class="gb-status gb-say" data-state="{status}">{mark(status)} {text(status)}</span>'
    # The blanks are for where no style sheet keeps the parts apart.
    told = " ".join(f"<span>{text(name)} <b>{text(figure)}</b></span>" for name, figure in facts)
    name = f'<span class="gb-title">{text(title)}</span>'
    return f'<div class="gb-head">{name} {state} <span class="gb-facts">{told}</span></div>'


def stage(svg: str, description: str) -> str:
    """Return a drawing as a picture that needs no kernel and runs nothing."""
    # A quarter shorter than in base64. No text of a drawing holds a quotation mark: `markup.escape` writes them out.
    data = quote(thrifty(svg).replace('"', "'"), safe=_SAFE_IN_SRC)
    return f'<div class="gb-stage"><img alt="{text(description)}" src="data:image/svg+xml,{data}"></div>'


def picture(page: str) -> str | None:
    """Return the SVG of the first drawing in an output, if there is one."""
    found = _DRAWN.search(page)
    return None if found is None else unquote(found[1])


def bar(counts: Mapping[NodeState, int]) -> str:
    """Return the overall bar and the numbers beside it: how many steps are in each state."""
    order = [state for state in _BAR_ORDER if counts.get(state)]
    parts = "".join(f'<i data-state="{state}" style="flex:{counts[state]}"></i>' for state in order)
    listed = "".join(f"<li>{mark(state)}<b>{counts[state]}</b> {state}</li>" for state in order)
    return f'<div class="gb-over"><div class="gb-bar">{parts}</div><ul class="gb-counts">{listed}</ul></div>'


_BAR_ORDER = (
    NodeState.SUCCEEDED, NodeState.CACHED, NodeState.FAILED, NodeState.RUNNING, NodeState.RETRYING, NodeState.WAITING,
    NodeState.READY, NodeState.PENDING, NodeState.SKIPPED, NodeState.CANCELLED,
)  # fmt: skip


def note(parts: str, state: str = "") -> str:
    """Return one line that says something; `parts` is HTML already."""
    return f'<p class="gb-note"{f" data-state={state!r}" if state else ""}>{parts}</p>'


def answer(value: Any, most: int = MOST_SHOWN) -> str:
    """Return an output as text: prose as it is, data as indented JSON, long ones cut with a note."""
    shown, is_prose = written(value, most)
    rest = ""
    if len(shown) > most:
        rest = '<p class="gb-line">the rest is in the result</p>'
        shown = shown[:most]
    return f'<pre class="{"gb-prose" if is_prose else "gb-text"}">{text(shown)}</pre>{rest}'


def written(value: Any, most: int = MOST_SHOWN, indent: int | None = 2) -> tuple[str, bool]:
    """Return a value as text, and whether it is prose. No more of it is made than a little over `most` characters."""
    if isinstance(value, str):
        return value[: most + 1], True
    try:
        data = plain(value)
        if not isinstance(data, Mapping | list | tuple | set | frozenset):
            return to_text(value)[: most + 1], False
        pieces, length = [], 0
        for piece in json.JSONEncoder(ensure_ascii=False, indent=indent, default=jsonable).iterencode(data):
            pieces.append(piece)
            length += len(piece)
            if length > most:
                break
        return "".join(pieces), False
    except Exception:  # noqa: BLE001 (whatever a value's own repr raises, a view never breaks a run)
        return f"<{type(value).__name__}, whose text cannot be made>", False


def preview(value: Any, most: int = PREVIEW) -> str:
    """Return the beginning of a value, on one line."""
    line = one_line(written(value, 4 * most, indent=None)[0][: 4 * most])
    return line if len(line) <= most else line[: most - 1] + "…"


def cut(value: str) -> str:
    """Return a text, or its beginning with a note when it is too long to be saved in a notebook."""
    return value if len(value) <= MOST_SHOWN else f"{value[:MOST_SHOWN]}… ({len(value) - MOST_SHOWN:,} more characters)"


def one_line(value: Any) -> str:
    """Return a text without line breaks and without the colour codes of terminals."""
    return " ".join(_ANSI.sub("", str(value)).split())


def titled(parts: Iterable[tuple[str, str]]) -> str:
    """Return texts under small titles."""
    return "".join(
        f'<span class="gb-role">{text(title)}</span><pre class="gb-text">{text(content)}</pre>'
        for title, content in parts
    )


def seconds(value: float | None) -> str:
    """Write a time the way people read it, as the drawing does; nothing when there is none."""
    return "" if value is None else duration(value)


def tokens(node: NodeSnapshot) -> str:
    """Write the tokens of a node, as far as they are known."""
    return f"{node.usage.total_tokens:,} tok" if node.usage.has_tokens else ""


def dollars(cost: float) -> str:
    """Write an amount of money, of which two digits count where it is less than a cent."""
    return f"${cost:.4f}" if cost >= 0.01 else f"${cost:.2g}" if cost >= 0.0001 else f"${cost:.8f}".rstrip("0")
