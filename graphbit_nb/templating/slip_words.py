"""What to say of a piece of a template that does not parse: what is wrong with it, and what to write instead."""

from __future__ import annotations

import re
from typing import NamedTuple

from graphbit_nb.errors import did_you_mean

TAGS = ("if", "elif", "else", "endif", "for", "endfor", "raw", "endraw")
BARRED = frozenset({
    "set", "endset", "macro", "endmacro", "call", "endcall", "filter", "endfilter", "block", "endblock", "include",
    "import", "from", "extends", "with", "endwith", "autoescape", "endautoescape", "do", "trans", "endtrans",
})  # fmt: skip
PAIRS = {"(": ")", "[": "]", "{": "}"}


class Place(NamedTuple):
    """The place of a slip, as the rules see it."""

    opener: str
    tag: str  # the first word between the marks: if, for
    before: str  # what stands before the place
    found: str  # the word or sign there
    is_token: bool  # whether it was at least a word or a sign
    still_open: list[str]  # brackets
    around: list[str]  # blocks that are open

    @property
    def closer(self) -> str:
        """What ends the piece."""
        return "}}" if self.opener == "{{" else "%}"

    @property
    def what(self) -> str:
        """What stands at the place, in words."""
        return repr(self.found) if self.found not in ("", "}}", "%}") else "the end"


_INSTEAD = {
    "&&": "write 'and'", "&": "write 'and'", "||": "write 'or'", "!": "write 'not'", "=": "write '==' to compare",
    "==": "write a value on both sides of '=='", "===": "write '=='",
    "=>": "write '>='", "=<": "write '<='",
    "?": "write {% if a %}…{% else %}…{% endif %}", "$": "write the name alone", "@": "write the name alone",
    **dict.fromkeys("`\u2018\u2019\u201c\u201d", "put texts between ' and '"),
    "#": "there are no comments in templates",
    ";": "take it out", ":": "take it out", ".": "begin with a name, as in {{ outline.points }}",
    "->": "write '.' to read a part", "::": "write '.' to read a part", "[": "begin with a name, as in {{ points[0] }}",
    "\\": "a backslash stands only in a text in quotes",
}  # fmt: skip
_ENDS = {"elseif": "elif", "elsif": "elif", "fi": "endif", "done": "endfor", "foreach": "for"}
_EXAMPLES = {
    "if": "as in {% if ready %}", "elif": "as in {% elif ready %}", "for": "as in {% for point in outline.points %}",
    "": "as in {{ topic }}",
}  # fmt: skip


def barred(tag: str) -> str:
    """Say that a tag of Jinja2's is not allowed; nothing for any other."""
    return f"{tag!r} is not allowed in a template; there are if, for and raw" if tag in BARRED else ""


def told_of(place: Place, message: str) -> str:
    """Say what is wrong at a place of which Jinja2 said `message`."""
    if told := barred(place.tag):
        return told
    for pattern, said in _RULES:
        if re.match(pattern, message):
            return said(place) if callable(said) else said.format(p=place)
    return f"{place.what} cannot stand here{_instead(place)}"


def _instead(place: Place) -> str:
    advice = _INSTEAD.get(place.found)
    return f"; {advice}" if advice else ""


def _character(place: Place) -> str:
    if place.found in ("'", '"'):
        return f"the text that begins with {place.found} has no end; write {place.found} behind it"
    return f"{place.found!r} has no meaning here{_instead(place)}"


def _sign(place: Place) -> str:
    """Something closes what is not open, or not what is open, or stands where a value should."""
    if place.before + place.found in ("===", "->"):
        return f"{place.before + place.found!r} has no meaning here; {_INSTEAD[place.before + place.found]}"
    if place.found[:1] not in (")", "]", "}", "%"):
        return f"{place.what} cannot stand here{_instead(place)}"
    if place.is_token:
        return _nothing(place)
    if place.still_open:
        return f"{place.still_open[-1]!r} is not closed; write {PAIRS[place.still_open[-1]]!r} before {place.found!r}"
    if place.found[0] in "}%":
        return f"it is closed by {place.found!r}; write {place.closer!r}"
    return f"{place.found!r} closes nothing; take it out"


def _nothing(place: Place) -> str:
    if place.tag in ("if", "elif") and place.before == place.tag:
        return f"{place.tag!r} needs a condition, {_EXAMPLES[place.tag]}"
    if place.tag == "for":
        return f"'for' needs a name and a list, {_EXAMPLES['for']}"
    if place.before.strip("-+") == place.opener:
        return "nothing stands in it; write a name, as in {{ topic }}"
    return f"something is missing after {place.before!r}, before {place.what}{_instead(place)}"


def _more(place: Place) -> str:
    """The piece could end, but goes on."""
    if place.opener == "{{" and place.before in ("if", "for", "else", "elif"):
        return f"{place.before!r} stands between '{{%' and '%}}', {_EXAMPLES.get(place.before, _EXAMPLES['if'])}"
    if place.tag == "else":
        return "'else' stands alone; write {% elif … %} for another condition"
    advice = _instead(place) or "; join them with 'and', 'or', '==', or a filter with '|'"
    return f"{place.found!r} cannot follow {place.before!r}{advice}"


def _name(place: Place) -> str:
    if place.before == "|":
        if place.found == "|":
            return "'||' has no meaning here; write 'or'"
        if place.what == "the end":
            return "the name of a filter is missing after '|', as in {{ topic | upper }}"
        return f"{place.what} is no filter; write its name after '|', as in {{{{ topic | upper }}}}"
    if place.before in ("is", "not"):
        return "after 'is' there is 'defined' or 'none', as in {% if topic is defined %}"
    return f"{place.what} stands where a name should"


def _unknown(place: Place) -> str:
    tag = place.tag
    around = place.around
    if tag in _ENDS:
        return f"unknown tag {tag!r}; write '{_ENDS[tag]}'"
    if tag == "end":
        return f"unknown tag 'end'; write '{f'end{around[-1]}' if around else 'endif'}'"
    if tag in ("endif", "endfor", "endraw", "else", "elif"):
        if around and tag not in ("else", "elif"):
            return f"{tag!r} stands inside '{around[-1]}', which is still open; write {{% end{around[-1]} %}} before it"
        if around and around[-1] == "if":
            return f"{tag!r} comes after 'else'; there is one 'else', and it is the last"
        return f"{tag!r} stands where no '{'if' if tag.startswith('el') else tag[3:]}' is open; take it out"
    return f"unknown tag {tag!r}{did_you_mean(tag, TAGS)}; there are if, for and raw"


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
    (r"expected token ':'", "'{{' inside begins a dict, which is not allowed; write two braces around a name"),
    (r"expected name or number", "after '.' there must be a name or a number, not {p.what}"),
    (r"tag name expected", "no word follows '{{%'; there are if, for and raw"),
    (r"invalid syntax for function call", "calling a function is not allowed in a template"),
    (r"You cannot chain", "'is' cannot follow 'is'; write 'and' between two questions"),
    (r"Invalid character in identifier", "{p.found!r} is no name: a character in it is no letter; write another name"),
    (r"truncated|unknown Unicode|malformed|illegal", "a text has a '\\' that is no escape; write '\\\\' for one"),
)  # fmt: skip
