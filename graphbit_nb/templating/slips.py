"""Says what is wrong with a template that does not parse: what stands where, and what to write instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from graphbit_nb.templating.filters import MARK, environment
from graphbit_nb.templating.slip_words import BARRED, PAIRS, Place, barred, told_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class Slip(NamedTuple):
    """What is wrong, and where.

    Attributes:
        opener: What begins the piece that it is in: ``"{{"`` or ``"{%"``.
        told: What is wrong and what to write instead.
        at: Where in the text, in characters from its beginning.
    """

    opener: str
    told: str
    at: int


class _Token(NamedTuple):
    at: int
    kind: str
    text: str


def slip_in(text: str, message: str) -> Slip:
    """Return what is wrong in a text that Jinja2 refused with a message."""
    tokens: list[_Token] = []
    at = _place_of_error(text, tokens)
    opener = next(
        (token for token in reversed(tokens) if token.kind in _OPENERS and token.at <= at), _Token(0, "", text)
    )
    tags = _tags(tokens)
    around = _open_blocks(tokens, tags)
    if message.startswith("Unexpected end of template") and around:
        opener, tag = around[-1], tags[around[-1].at]
        told = barred(tag) or f"'{{% {tag} %}}' is never closed; write {{% end{tag} %}} where it ends"
        return Slip("{%", told, opener.at)
    before = next((token for token in reversed(tokens) if token.at < at and token.text.strip()), opener)
    place = Place(
        opener.text[:2],
        tags.get(opener.at, ""),
        before.text[:40].replace(MARK, "@"),
        _found(text, at),
        is_token=any(token.at == at for token in tokens[-3:]),
        still_open=_still_open(tokens),
        around=[tags[block.at] for block in around],
    )
    if message.startswith("unexpected end of template") or "'end of template'" in message or place.tag == "raw":
        return Slip(place.opener, f"it has no end; write {place.closer!r} behind it", opener.at)
    if opener.kind == "raw_begin":
        return Slip("{%", "'{% raw %}' is never closed; write {% endraw %} where it ends", opener.at)
    return Slip(place.opener, told_of(place, message), at)


def _place_of_error(text: str, tokens: list[_Token]) -> int:
    """Parse again with places in place of the numbers of lines; return the place that is refused."""
    from jinja2 import TemplateSyntaxError
    from jinja2.lexer import TokenStream
    from jinja2.parser import Parser

    env = environment()

    def placed() -> Iterator[tuple[int, str, str]]:
        at = 0
        try:
            for _, kind, value in env.lexer.tokeniter(text, None):
                if value.strip():  # blanks may have been left out before it
                    at = text.index(value, at)
                tokens.append(_Token(at, kind, value))
                yield at, kind, value
                at += len(value)
        except TemplateSyntaxError as error:  # of the lexer
            raise TemplateSyntaxError(error.message or "", at) from None

    parser = Parser(env, "")
    try:
        parser.stream = TokenStream(env.lexer.wrap(placed(), None, None), None, None)
        parser.parse()
    except TemplateSyntaxError as error:
        return min(error.lineno, len(text))
    return 0


_OPENERS = frozenset({"variable_begin", "block_begin", "raw_begin"})


def _tags(tokens: list[_Token]) -> dict[int, str]:
    """Return the first words of blocks, by where the blocks begin."""
    found: dict[int, str] = {}
    begun: int | None = None
    for token in tokens:
        if token.kind == "block_begin":
            begun = token.at
            found[begun] = ""
        elif begun is not None and token.kind != "whitespace":
            found[begun] = token.text if token.kind == "name" else ""
            begun = None
    return found


def _open_blocks(tokens: list[_Token], tags: dict[int, str]) -> list[_Token]:
    """Return the beginnings of blocks that are not closed."""
    found: list[_Token] = []
    for token in tokens:
        if token.kind == "block_begin":
            tag = tags[token.at]
            if found and f"end{tags[found[-1].at]}" == tag:
                found.pop()
            elif tag in ("if", "for") or f"end{tag}" in BARRED:
                found.append(token)
    return found


_WORD = re.compile(r"\w+|[}%]}|[=!<>]=+|=[<>]|&&|\|\||->|::|:=|\S|")


def _found(text: str, at: int) -> str:
    while at < len(text) and text[at].isspace():
        at += 1
    match = _WORD.match(text, at)
    return match[0][:40].replace(MARK, "@") if match else ""


def _still_open(tokens: list[_Token]) -> list[str]:
    found: list[str] = []
    for token in tokens:
        if token.kind in _OPENERS:
            found = []
        elif token.kind == "operator" and token.text in PAIRS:
            found.append(token.text)
        elif token.kind == "operator" and found and token.text == PAIRS[found[-1]]:
            found.pop()
    return found
