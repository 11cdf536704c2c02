"""The filters that a template may use: Jinja2's own, on plain data, with limits on what they can make."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import InputTooLarge, TemplateError
from graphbit_nb.templating.values import field_names, jsonable, look_up, plain, to_text

if TYPE_CHECKING:
    from jinja2 import Environment

FILTERS = (
    "default", "first", "indent", "join", "last", "length", "lower", "replace", "round",
    "sort", "title", "tojson", "trim", "truncate", "unique", "upper",
)  # fmt: skip
MAX_OUTPUT = 20_000_000  # characters
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


def apply(name: str, value: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Apply the filter called `name`.

    Raises:
        TemplateError: the value does not fit the filter.
        InputTooLarge: the text would be too long.
    """
    if name in ("upper", "lower", "title", "trim", "replace", "indent", "truncate") and not isinstance(value, str):
        value = to_text(value)
    match name:
        case "tojson":
            return _to_json(value, *args, **kwargs)
        case "replace":
            return _replace(value, *args, **kwargs)
        case "join" if isinstance(value, str):
            raise TemplateError("join needs a list, not a text")
        case "indent" if value.count("\n") * len(to_text(args[0] if args else kwargs.get("width", 4))) > MAX_OUTPUT:
            raise InputTooLarge("indent would make the text too long")
        case "join":
            value = (
                [to_text(item) if not field_names(item) else item for item in value]
                if not (args[1:] or "attribute" in kwargs)
                else value
            )
    from jinja2.nodes import EvalContext

    env = environment()
    result = env.call_filter(name, value, args, kwargs, eval_ctx=EvalContext(env))
    if name in ("first", "last") and type(result).__name__ == "Undefined":
        raise TemplateError(f"{name} of an empty list")
    if name == "unique":
        result = list(result)
    if isinstance(result, str) and len(result) > MAX_OUTPUT:
        raise InputTooLarge(f"the filter {name!r} makes the text too long")
    return result


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(plain(value), ensure_ascii=False, indent=indent, default=jsonable)


def _replace(value: str, old: Any, new: Any, count: int | None = None) -> str:
    old, new = to_text(old), to_text(new)
    times = value.count(old) if count is None else min(count, value.count(old))
    if len(value) + times * max(0, len(new) - len(old)) > MAX_OUTPUT:
        raise InputTooLarge("replace makes the text too long")
    return value.replace(old, new, -1 if count is None else count)
