"""What Tab offers: commands and kinds, options and their values, and names inside a cell's body.

One matcher of IPython's (API v2). It sees the whole cell, so it knows whether the cursor stands on a magic's line or in
the body below it. On a line only what fits there is offered; in code below, Python's own suggestions stay.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import GraphbitError
from graphbit_nb.graph.registry import ProcessorRegistry
from graphbit_nb.notebook.arguments import flag
from graphbit_nb.notebook.awaiting import NAMES
from graphbit_nb.notebook.commands.command import COMMANDS
from graphbit_nb.notebook.names import Names
from graphbit_nb.notebook.options import OF_ALL, OF_CELL, options_of, takes_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from IPython.core.completer import CompletionContext, SimpleMatcherResult

    from graphbit_nb.notebook.magics import GraphbitMagics

_LINE = re.compile(rf"(?:^|[\s=(])%(?:{'|'.join(NAMES)})\s(?P<rest>.*)$")
_CELL = re.compile(rf"^\s*%%(?:{'|'.join(NAMES)})\s(?P<rest>.*)$")
_PIECE = re.compile(r"(?:[^\s'\"]|'[^']*(?:'|$)|\"[^\"]*(?:\"|$))+")
_WORD = re.compile(r"[^\s'\"=|,]*$")
_NAME = re.compile(r"(?:[^\W\d]\w*)?$")


def matcher_for(magics: GraphbitMagics) -> Callable[[CompletionContext], SimpleMatcherResult]:
    """Return the matcher to register with a shell."""
    from IPython.core.completer import SimpleCompletion, SimpleMatcherResult, context_matcher

    @context_matcher(priority=200, identifier="graphbit_nb")
    def graphbit_matcher(context: CompletionContext) -> SimpleMatcherResult:
        # Nothing here may raise: IPython would print a traceback below the line that is typed.
        try:
            fragment, found, alone = _offered(magics, context)
        except GraphbitError:
            fragment, found, alone = "", [], False
        offered = [SimpleCompletion(text=text, type="graphbit") for text in found if text.startswith(fragment)]
        result = SimpleMatcherResult(completions=offered, suppress=alone)
        if offered:
            result["matched_fragment"] = fragment
            result["ordered"] = True
        return result

    return graphbit_matcher  # type: ignore[no-any-return]


def _offered(magics: GraphbitMagics, context: CompletionContext) -> tuple[str, list[str], bool]:
    """Return the piece of a word that is there, what may stand in its place, and whether nothing else may."""
    names = Names(magics)
    before = context.text_until_cursor
    first = context.full_text.split("\n", 1)[0]
    cell = _CELL.match(before if context.cursor_line == 0 else first)
    if cell is not None and context.cursor_line == 0:
        return _on_line(cell["rest"], names, is_cell=True)
    if cell is not None:
        return _in_body(cell["rest"].split(), context, names)
    line = _LINE.search(before)
    return ("", [], False) if line is None else _on_line(line["rest"], names, is_cell=False)


def _on_line(rest: str, names: Names, *, is_cell: bool) -> tuple[str, list[str], bool]:
    pieces = list(_PIECE.finditer(rest))
    words = [piece[0].strip("'\"") for piece in pieces]
    begun = ""
    if pieces and pieces[-1].end() == len(rest):
        words.pop()
        begun = pieces[-1][0].lstrip("'\"")
    if not words:
        commands = [name for name, command in COMMANDS.items() if not is_cell or command.free_text]
        return begun, [*(ProcessorRegistry.kinds() if is_cell else ()), *commands], True
    head = words[0]
    if is_cell and head in ProcessorRegistry.kinds():
        readings = {flag(name): reading for name, reading in {**options_of(head), **OF_ALL, **OF_CELL}.items()}
        return (*_word(begun, words[1:], readings, names, lambda: names.undefined(head), most=1, of=_of(words)), True)
    if head not in COMMANDS:
        return "", [], False
    command = COMMANDS[head]
    readings = {text: reading for texts, reading in command.arguments for text in texts if text.startswith("-")}
    most = (
        1
        if all(reading.get("nargs") not in ("*", "+") for texts, reading in command.arguments if texts[0][0] != "-")
        else 99
    )
    choices = [
        str(choice)
        for texts, reading in command.arguments
        if texts[0][0] != "-"
        for choice in reading.get("choices", ())
    ]
    if command.free_text and len(words) == 2:
        return begun, names.answers(words[1]), True
    found = _word(
        begun, words[1:], readings, names, lambda: choices or names.of_sort(command.words), most=most, of=None
    )
    return (*found, command.words != "file")


def _word(
    begun: str, words: list[str], readings: dict[str, Any], names: Names, first: Callable[[], Iterable[str]],
    *, most: int, of: str | None,
) -> tuple[str, list[str]]:  # fmt: skip
    """Complete an option, the value of the option before, or one of the words that come first."""
    if begun.startswith("-"):
        given = {word for word in words if readings.get(word, {}).get("nargs") is None}
        return begun, [
            text for text in readings if text not in given and not readings[text].get("help", "").startswith("refused")
        ]
    option = next((word for word in reversed(words) if word.startswith("-")), None)
    values = 0 if option is None else len(words) - 1 - max(i for i, word in enumerate(words) if word == option)
    reading = readings.get(option or "")
    if reading is not None and _takes(reading, values):
        piece = _WORD.search(begun)
        assert piece is not None  # noqa: S101 (it matches the empty word)
        return piece[0], names.values_of(str(option), begun[: piece.start()], of)
    plain = [word for word in words if not word.startswith("-")] if option is None else []
    if option is None and len(plain) < most:
        return begun, [name for name in first() if name not in plain]
    return begun, list(readings)


def _takes(reading: dict[str, Any], values: int) -> bool:
    """Whether an option takes one more value."""
    return reading.get("action") != "store_true" and (values == 0 or reading.get("nargs") == "+")


def _of(words: list[str]) -> str | None:
    """Return the workflow that a cell's line puts inside, if it says one."""
    return words[words.index("--of") + 1] if "--of" in words[:-1] else None


def _in_body(head: list[str], context: CompletionContext, names: Names) -> tuple[str, list[str], bool]:
    """Complete names in the body of a cell: in code, inside ``{{ }}`` and ``{% %}``, or on either side of ``=``."""
    processor = ProcessorRegistry.find(head[0]) if head else None
    if processor is None:
        return "", [], False
    before = context.text_until_cursor
    piece = _NAME.search(before)
    assert piece is not None  # noqa: S101 (it matches the empty word)
    start = before[: piece.start()]
    if start.endswith("."):
        path = re.search(r"([^\W\d]\w*)\.$", start)
        inside = not takes_code(head[0]) and _is_open(context)
        return piece[0], names.inside(path[1]) if path is not None and inside else [], inside
    own = head[1] if len(head) > 1 else None
    if takes_code(head[0]):
        return piece[0], names.readable(own) if piece[0] else [], False
    if processor.runs_as == "nodes":
        return piece[0], names.readable(own) if "=" in start else names.inputs_of(_of(head)), True
    return (piece[0], names.readable(own), True) if _is_open(context) else ("", [], False)


def _is_open(context: CompletionContext) -> bool:
    """Whether the cursor stands inside ``{{`` or ``{%``."""
    lines = context.full_text.split("\n")[1 : context.cursor_line]
    before = "\n".join([*lines, context.text_until_cursor])
    opened = max(before.rfind("{{"), before.rfind("{%"))
    return opened > max(before.rfind("}}"), before.rfind("%}"))
