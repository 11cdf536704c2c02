"""The filters that a template may use: Jinja2's own, on plain data, with limits on what they can make."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import InputTooLarge, TemplateError
from graphbit_nb.templating.values import jsonable, look_up, plain, to_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment

    from graphbit_nb.templating.effort import Effort

FILTERS = (
    "default", "first", "indent", "join", "last", "length", "lower", "replace", "round",
    "sort", "title", "tojson", "trim", "truncate", "unique", "upper",
)  # fmt: skip
MAX_INDENT = 16  # of JSON
MAX_NUMBER = 10_000  # largest number a filter takes: widths, lengths
MARK = "\x00"  # no template may have this character: it marks what the template's own text divides


@cache
def environment() -> Environment:
    """Jinja2's environment: it parses, and its filters are called; it never compiles."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class PlainDataEnvironment(ImmutableSandboxedEnvironment):
        """Filters that take an `attribute` look into plain data only."""

        def getitem(self, obj: Any, argument: Any) -> Any:
            return look_up(obj, argument)

        def getattr(self, obj: Any, attribute: str) -> Any:
            return look_up(obj, attribute)

    # Comments cannot be switched off; their mark is made of a character that no template may have.
    return PlainDataEnvironment(
        comment_start_string=MARK * 3,
        comment_end_string=MARK * 4,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def default_of(present: bool, value: Any, default: Any = "", boolean: bool = False) -> Any:
    """Return the value, or the default when it is missing, none, or (with `boolean`) empty."""
    return value if present and (value or not boolean) and value is not None else default


def apply(name: str, value: Any, args: list[Any], kwargs: dict[str, Any], effort: Effort) -> Any:
    """Apply the filter called `name`, which makes at most what there is room for.

    Raises:
        TemplateError: the value does not fit the filter.
        InputTooLarge: the text would be too long.
    """
    if name in _OF_TEXT and type(value) is not str:
        value = _text(value, name)
    if (own := _OWN.get(name)) is not None:
        return own(effort, value, *args, **kwargs)
    from jinja2 import TemplateError as JinjaError
    from jinja2.nodes import EvalContext

    env = environment()
    try:
        result = env.call_filter(name, value, args, kwargs, eval_ctx=EvalContext(env))
    except (JinjaError, AssertionError) as error:
        raise TemplateError(f"the filter {name!r}: {error}") from None
    if name in ("first", "last") and type(result).__name__ == "Undefined":
        raise TemplateError(f"{name} of an empty list")
    return list(result) if name == "unique" else result


def _text(value: Any, name: str) -> str:
    if value is None:
        raise TemplateError(f"none has no text for the filter {name!r}; test it with 'is none' or give it a default")
    return to_text(value)


def _to_json(_: Effort, value: Any, indent: int | None = None) -> str:
    if indent is not None and not (isinstance(indent, int) and 0 <= indent <= MAX_INDENT):
        raise TemplateError(f"tojson takes an indent of 0 to {MAX_INDENT}, not {indent!r}")
    return json.dumps(plain(value), ensure_ascii=False, indent=indent, default=jsonable)


def _replace(effort: Effort, value: str, old: Any, new: Any, count: int | None = None) -> str:
    old, new = _text(old, "replace"), _text(new, "replace")
    there = value.count(old)
    times = there if count is None or count < 0 else min(count, there)
    if len(value) + times * max(0, len(new) - len(old)) > effort.room:
        raise InputTooLarge("replace makes the text too long")
    return value.replace(old, new, times)


def _join(effort: Effort, value: Any, d: Any = "", attribute: str | int | None = None) -> str:
    if isinstance(value, str):
        raise TemplateError("join needs a list, not a text")
    separator, pieces, length, room = _text(d, "join"), [], 0, effort.room
    for item in value:
        pieces.append(_text(item if attribute is None else _part(item, attribute), "join"))
        length += len(pieces[-1]) + len(separator)
        if length > room + len(separator):
            raise InputTooLarge("join makes the text too long")
    return separator.join(pieces)


def _part(item: Any, path: str | int) -> Any:
    for key in str(path).split("."):
        item = look_up(item, int(key) if key.isdecimal() else key)
    return item


def _indent(effort: Effort, value: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    more = width if isinstance(width, int) else len(width)
    if len(value) + len(value.splitlines()) * more > effort.room:
        raise InputTooLarge("indent makes the text too long")
    from jinja2.filters import do_indent

    return do_indent(value, width, first, blank)


_OF_TEXT = frozenset({"upper", "lower", "title", "trim", "replace", "indent", "truncate"})
_OWN: dict[str, Callable[..., Any]] = {"indent": _indent, "join": _join, "replace": _replace, "tojson": _to_json}
