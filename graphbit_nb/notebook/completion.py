"""What Tab offers in cells with our magics.

One matcher of IPython's (API v2). It sees the whole cell, so it knows whether the cursor stands on a magic's line or in
the body below it. On a line only what fits there is offered; in code below, Python's own suggestions stay.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphbit_nb.errors import GraphbitError, TemplateError
from graphbit_nb.graph.registry import ProcessorRegistry
from graphbit_nb.notebook.awaiting import NAMES
from graphbit_nb.notebook.lines import Line, Offer, offer_on
from graphbit_nb.notebook.names import Names
from graphbit_nb.notebook.options import takes_code
from graphbit_nb.notebook.prompt_words import keys_of, place_in, variables_of, words_at
from graphbit_nb.templating import Loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.completer import CompletionContext, SimpleMatcherResult

    from graphbit_nb.notebook.fields import Known
    from graphbit_nb.notebook.magics import GraphbitMagics

_LINE = re.compile(rf"(?:^|[\s=(])%(?:{'|'.join(NAMES)})\s(?P<rest>.*)$")
_CELL = re.compile(rf"^\s*%%(?:{'|'.join(NAMES)})\s(?P<rest>.*)$")
_NAME = re.compile(r"(?:[^\W\d]\w*)?$")
_PATH = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*|\[-?\d+\])*)\.$")


def matcher_for(magics: GraphbitMagics) -> Callable[[CompletionContext], SimpleMatcherResult]:
    """Return the matcher to register with a shell."""
    from IPython.core.completer import SimpleCompletion, SimpleMatcherResult, context_matcher

    @context_matcher(priority=200, identifier="graphbit_nb")
    def graphbit_matcher(context: CompletionContext) -> SimpleMatcherResult:
        # Nothing here may raise: IPython would print a traceback below the line that is typed.
        try:
            offer = _offer(magics, context)
        except GraphbitError:
            offer = Offer()
        found = [SimpleCompletion(text=text, type="graphbit") for text in offer.words if text.startswith(offer.piece)]
        result = SimpleMatcherResult(completions=found, suppress=offer.alone)
        if found:
            result["matched_fragment"] = offer.piece
            result["ordered"] = True
        return result

    return graphbit_matcher  # type: ignore[no-any-return]


def _offer(magics: GraphbitMagics, context: CompletionContext) -> Offer:
    names = Names(magics)
    before = context.text_until_cursor
    lines = context.full_text.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    cell = _CELL.match(before if context.cursor_line == first else lines[first])
    if cell is not None and context.cursor_line == first:
        return offer_on(Line.read(cell["rest"]), names, is_cell=True)
    if cell is not None and context.cursor_line > first:
        body = "\n".join([*lines[first + 1 : context.cursor_line], before])
        return _offer_in_body(Line.read(cell["rest"] + " "), body, names)
    line = _LINE.search(before)
    return Offer() if line is None else offer_on(Line.read(line["rest"]), names, is_cell=False)


def _offer_in_body(head: Line, body: str, names: Names) -> Offer:
    """Offer names in the body of a cell: in code, inside ``{{ }}`` and ``{% %}``, or on either side of ``=``."""
    kind, own = (*head.words, "", "")[:2]
    processor = ProcessorRegistry.find(kind)
    if processor is None:
        return Offer()
    items = _items(head, names)
    readable = [*items, *names.readable(own)]

    def resolve(name: str) -> Known:
        return items[name] if name in items else names.known(name)

    if takes_code(kind) or processor.runs_as == "nodes":
        before = body.rpartition("\n")[2]
        piece = _piece(before)
        start = before[: len(before) - len(piece)]
        if (path := _PATH.search(start)) is not None:
            name, *keys = keys_of(path[1])
            return Offer(piece, resolve(str(name)).at(keys).fields() if name in readable else [])
        if takes_code(kind):
            return Offer(piece, readable if piece else [])
        return Offer(piece, readable if "=" in start else names.inputs_of(head.value("--of")), alone=True)
    return Offer(*words_at(place_in(body), readable, resolve), alone=True)


def _items(head: Line, names: Names) -> dict[str, Known]:
    """Return what is known of the variables of the cell's own ``--for-each``."""
    source = head.value("--for-each")
    try:
        return {} if source is None else variables_of([Loop(source).source], names.known)
    except TemplateError:
        return {}


def _piece(text: str) -> str:
    found = _NAME.search(text)
    return "" if found is None else found[0]
