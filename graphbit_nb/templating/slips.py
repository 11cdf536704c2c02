"""Says what is wrong with a template that does not parse: what stands where, and what to write instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from graphbit_nb.errors import did_you_mean
from graphbit_nb.templating.filters import MARK, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

TAGS = ("if", "elif", "else", "endif", "for", "endfor", "raw", "endraw")
BARRED = frozenset({
    "set", "endset", "macro", "endmacro", "call", "endcall", "filter", "endfilter", "block", "endblock", "include",
    "import", "from", "extends", "with", "endwith", "autoescape", "endautoescape", "do", "trans", "endtrans",
})  # fmt: skip


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


class _Place(NamedTuple):
    """The place of a slip, as the rules below see it."""

    opener: str
    tag: str  # the first word between the marks: if, for
    before: str  # what stands before the place
    found: str  # the word or sign there
    is_token: bool  # whether it was at least a word or a sign
    still_open: list[str]  # brackets
    around: list[str]  # blocks that are open

    @property
    def closer(self) -> str:
        return "}}" if self.opener == "{{" else "%}"

    @property
    def what(self) -> str:
        return repr(self.found) if self.found not in ("", "}}", "%}") else "the end"


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
        told = _barred(tag) or f"'{{% {tag} %}}' is never closed; write {{% end{tag} %}} where it ends"
        return Slip("{%", told, opener.at)
    before = next((token for token in reversed(tokens) if token.at < at and token.text.strip()), opener)
    place = _Place(
        opener.text[:2],
        tags.get(opener.at, ""),
        before.text,
        _found(text, at),
        is_token=any(token.at == at for token in tokens[-3:]),
        still_open=_still_open(tokens),
        around=[tags[block.at] for block in around],
    )
    if message.startswith("unexpected end of template") or "'end of template'" in message or tags.get(at) == "raw":
        return Slip(place.opener, f"it has no end; write {place.closer!r} behind it", opener.at)
    if opener.kind == "raw_begin":
        return Slip("{%", "'{% raw %}' is never closed; write {% endraw %} where it ends", opener.at)
    return Slip(place.opener, _told(place, message), at)


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


_WORD = re.compile(r"\w+|[}%]}|[=!<>]=+|&&|\|\||->|::|:=|\S|")


def _found(text: str, at: int) -> str:
    while at < len(text) and text[at].isspace():
        at += 1
    match = _WORD.match(text, at)
    return match[0][:40].replace(MARK, "@") if match else ""


_INSTEAD = {
    "&&": "write 'and'", "&": "write 'and'", "||": "write 'or'", "!": "write 'not'", "=": "write '==' to compare",
    "==": "write a value on both sides of '=='", "===": "write '=='",
    "?": "write {% if a %}…{% else %}…{% endif %}", "$": "write the name alone", "@": "write the name alone",
    "`": "put texts between ' and '", "‘": "put texts between ' and '", "“": "put texts between ' and '",
    "’": "put texts between ' and '", "”": "put texts between ' and '", "#": "there are no comments in templates",
    ";": "take it out", ":": "take it out", ".": "begin with a name, as in {{ outline.points }}",
    "->": "write '.' to read a part", "::": "write '.' to read a part", "[": "begin with a name, as in {{ points[0] }}",
    "\\": "a backslash stands only in a text in quotes",
}  # fmt: skip
_ENDS = {"elseif": "elif", "elsif": "elif", "fi": "endif", "done": "endfor", "foreach": "for"}
_EXAMPLES = {
    "if": "as in {% if ready %}", "elif": "as in {% elif ready %}", "for": "as in {% for point in outline.points %}",
    "": "as in {{ topic }}",
}  # fmt: skip


def _barred(tag: str) -> str:
    return f"{tag!r} is not allowed in a template; there are if, for and raw" if tag in BARRED else ""


def _told(place: _Place, message: str) -> str:
    if told := _barred(place.tag):
        return told
    for pattern, said in _RULES:
        if re.match(pattern, message):
            return said(place) if callable(said) else said.format(p=place)
    return f"{place.what} cannot stand here{_instead(place)}"


def _instead(place: _Place) -> str:
    advice = _INSTEAD.get(place.found)
    return f"; {advice}" if advice else ""


def _character(place: _Place) -> str:
    if place.found in ("'", '"'):
        return f"the text that begins with {place.found} has no end; write {place.found} behind it"
    return f"{place.found!r} has no meaning here{_instead(place)}"


def _sign(place: _Place) -> str:
    """Something closes what is not open, or not what is open, or stands where a value should."""
    if place.before + place.found in ("===", "->"):
        return f"{place.before + place.found!r} has no meaning here; {_INSTEAD[place.before + place.found]}"
    if place.found[:1] not in (")", "]", "}", "%"):
        return f"{place.what} cannot stand here{_instead(place)}"
    if place.is_token:
        return _nothing(place)
    if place.still_open:
        return f"{place.still_open[-1]!r} is not closed; write {_PAIRS[place.still_open[-1]]!r} before {place.found!r}"
    if place.found[0] in "}%":
        return f"it is closed by {place.found!r}; write {place.closer!r}"
    return f"{place.found!r} closes nothing; take it out"


_PAIRS = {"(": ")", "[": "]", "{": "}"}


def _still_open(tokens: list[_Token]) -> list[str]:
    found: list[str] = []
    for token in tokens:
        if token.kind in _OPENERS:
            found = []
        elif token.kind == "operator" and token.text in _PAIRS:
            found.append(token.text)
        elif token.kind == "operator" and found and token.text == _PAIRS[found[-1]]:
            found.pop()
    return found


def _nothing(place: _Place) -> str:
    if place.tag in ("if", "elif") and place.before == place.tag:
        return f"{place.tag!r} needs a condition, {_EXAMPLES[place.tag]}"
    if place.tag == "for":
        return f"'for' needs a name and a list, {_EXAMPLES['for']}"
    if place.before.strip("-+") == place.opener:
        return "nothing stands in it; write a name, as in {{ topic }}"
    return f"something is missing after {place.before!r}, before {place.what}{_instead(place)}"


def _more(place: _Place) -> str:
    """The piece could end, but goes on."""
    if place.opener == "{{" and place.before in ("if", "for", "else", "elif"):
        return f"{place.before!r} stands between '{{%' and '%}}', {_EXAMPLES.get(place.before, _EXAMPLES['if'])}"
    if place.tag == "else":
        return "'else' stands alone; write {% elif … %} for another condition"
    advice = _instead(place) or "; join them with 'and', 'or', '==', or a filter with '|'"
    return f"{place.found!r} cannot follow {place.before!r}{advice}"


def _name(place: _Place) -> str:
    if place.before == "|":
        if place.found == "|":
            return "'||' has no meaning here; write 'or'"
        if place.what == "the end":
            return "the name of a filter is missing after '|', as in {{ topic | upper }}"
        return f"{place.what} is no filter; write its name after '|', as in {{{{ topic | upper }}}}"
    if place.before in ("is", "not"):
        return "after 'is' there is 'defined' or 'none', as in {% if topic is defined %}"
    return f"{place.what} stands where a name should"


def _unknown(place: _Place) -> str:
    tag = place.tag
    around = place.around
    if tag in _ENDS:
        return f"there is no tag {tag!r}; write '{_ENDS[tag]}'"
    if tag == "end":
        return f"there is no tag 'end'; write '{f'end{around[-1]}' if around else 'endif'}'"
    if tag in ("endif", "endfor", "endraw", "else", "elif"):
        if around and tag not in ("else", "elif"):
            return f"{tag!r} stands inside '{around[-1]}', which is still open; write {{% end{around[-1]} %}} before it"
        if around and around[-1] == "if":
            return f"{tag!r} comes after 'else'; there is one 'else', and it is the last"
        return f"{tag!r} stands where no '{'if' if tag.startswith('el') else tag[3:]}' is open; take it out"
    return f"there is no tag {tag!r}{did_you_mean(tag, TAGS)}; there are if, for and raw"


_LOOP = "a loop is written 'for', a name, 'in', a list, " + _EXAMPLES["for"].replace("{", "{{").replace("}", "}}")
_RULES = (
    (r"unexpected char", _character),
    (r"unexpected '.'(, expected|$)", _sign),
    (r"[Ee]xpected an expression|unexpected 'end of", _nothing),
    (r"expected token 'end of", _more),
    (r"expected token 'name'", _name),
    (r"Encountered unknown tag", _unknown),
    (r"expected token 'in'", _LOOP),
    (r"can't assign to", "a loop's variable must be a name; " + _LOOP),
    (r"expected token ':'", "'{{' inside begins a dict, which is not allowed; write two braces before a name, and two behind"),
    (r"expected name or number", "after '.' there must be a name or a number, not {p.what}"),
    (r"tag name expected", "no word follows '{{%'; there are if, for and raw"),
    (r"invalid syntax for function call", "calling a function is not allowed in a template"),
    (r"You cannot chain", "'is' cannot follow 'is'; write 'and' between two questions"),
    (r"Invalid character in identifier", "{p.found!r} is no name: a character in it is no letter; write another name"),
    (r"(truncated|unknown Unicode|malformed|illegal Unicode|invalid)", "a text in quotes has a '\\' that is no escape; write '\\\\' for one"),
)  # fmt: skip
