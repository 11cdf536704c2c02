"""Values and calls as Python text, broken into lines the way formatters do."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

from graphbit_nb.errors import UsageError

WIDTH = 88
"""Columns that formatters allow when nothing else is said."""


class Group(NamedTuple):
    """Something in brackets: a call, a list, a dict.

    Attributes:
        opening: What stands before the items, the bracket included.
        items: Pairs of what precedes an item, such as ``"name="``, and the item.
        closing: The bracket.
    """

    opening: str
    items: tuple[tuple[str, Code], ...]
    closing: str

    @property
    def is_call(self) -> bool:
        """Whether a name stands before the bracket."""
        return len(self.opening) > 1


Code = str | Group


def call(head: str, *positional: Code, **named: Code) -> Group:
    """Return a call."""
    items = [("", code) for code in positional] + [(f"{name}=", code) for name, code in named.items()]
    return Group(f"{head}(", tuple(items), ")")


def value(given: Any, place: str) -> Code:
    """Return plain Python data as code.

    Raises:
        UsageError: it is no plain data; the message begins with `place`.
    """
    kind = type(given)
    if given is None or kind in (bool, int):
        return repr(given)
    if kind is float:
        return repr(given) if math.isfinite(given) else f'float("{given}")'
    if kind is str:
        return text(given)
    if kind is bytes:
        return "b" + _quoted(repr(given)[2:-1], given.decode("latin-1"))
    if kind is list or kind is tuple:
        items = tuple(("", value(item, f"{place}[{number}]")) for number, item in enumerate(given))
        return Group("[", items, "]") if kind is list else Group("(", items, ")")
    if kind in (set, frozenset):
        listed = tuple(("", value(item, place)) for item in sorted(given, key=repr))
        inner: Code = Group("{", listed, "}") if listed else "set()"
        return inner if kind is set else call("frozenset", *([inner] if listed else []))
    if isinstance(given, Mapping):
        pairs = (
            (flat(value(key, place)) + ": ", value(item, f"{place}[{key!r}]")) for key, item in dict(given).items()
        )
        return Group("{", tuple(pairs), "}")
    raise UsageError(
        f"{place}: a {kind.__name__} cannot be written as Python text; use texts, numbers, lists and dicts"
    )


def text(given: str) -> str:
    """Return a text on one line, with the quotes that need fewer backslashes."""
    return _quoted("".join("\n" if c == "\n" else _printable(c) for c in given).replace("\n", "\\n"), given)


def _quoted(escaped: str, given: str) -> str:
    """Put quotes around a text in which everything but quotes is escaped already."""
    quote = "'" if given.count('"') > given.count("'") else '"'
    bare = escaped.replace("\\'", "'").replace('\\"', '"') if "\\" in escaped and given.count("\\") == 0 else escaped
    return quote + bare.replace(quote, "\\" + quote) + quote


def block(given: str) -> str:
    """Return a text of several lines as it stands, in triple quotes."""
    escaped = "".join(c if c == "\n" else _printable(c) for c in given).replace('"""', '\\"\\"\\"')
    lines = [line[:-1] + "\\x20" if line.endswith(" ") else line for line in escaped.split("\n")]
    body = "\n".join(lines)
    if body.endswith('"'):
        body = body[:-1] + '\\"'
    return f'"""\\\n{body}"""'


def _printable(character: str) -> str:
    if character == "\\":
        return "\\\\"
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def flat(code: Code) -> str:
    """Return code on one line."""
    if isinstance(code, str):
        return code
    inside = ", ".join(before + flat(item) for before, item in code.items)
    comma = "," if code.opening == "(" and len(code.items) == 1 else ""
    return f"{code.opening}{inside}{comma}{code.closing}"


def laid_out(code: Code, indent: int = 0, before: int = 0, after: int = 0) -> str:
    """Return code on one line if it fits, else with one item a line.

    Args:
        code: What to write.
        indent: Columns that its lines are indented.
        before: Columns that are taken on its first line besides.
        after: Columns that are needed behind it.
    """
    on_one = flat(code)
    if isinstance(code, str) or ("\n" not in on_one and indent + before + columns(on_one) + after <= WIDTH):
        return on_one
    inner = indent + 4
    lines = [code.opening]
    comma = "" if code.is_call and len(code.items) == 1 and not code.items[0][0] else ","
    lines += [
        " " * inner + front + laid_out(item, inner, columns(front), len(comma)) + comma for front, item in code.items
    ]
    return "\n".join([*lines, " " * indent + code.closing])


def assignment(name: str, code: Code) -> str:
    """Return ``name = code``."""
    start = f"{name} = "
    if isinstance(code, str) and "\n" not in code and len(start) + columns(code) > WIDTH >= 4 + columns(code):
        return f"{name} = (\n    {code}\n)"
    return start + laid_out(code, 0, len(start))


def columns(line: str) -> int:
    """Return how wide a line is; wide characters count twice."""
    return len(line) if line.isascii() else sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
