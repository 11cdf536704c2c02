"""Tools: Python functions that a model may call, and what it gets back from them.

When they are called, side by side and for how long, is decided by whoever talks to the model.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from graphbit_nb.core.llm import ToolSpec
from graphbit_nb.errors import DefinitionError, OutputError, did_you_mean
from graphbit_nb.graph.docstrings import read_docstring
from graphbit_nb.graph.tool_arguments import (
    Parameter,
    model_of,
    read_parameter,
    shown,
    signature_of,
    title_of,
    written_function,
)
from graphbit_nb.templating import to_text

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MOST_ERRORS = 5  # wrong arguments that the model is told of
_LONGEST_ERROR = 2000  # characters of an exception that it is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that a model may call. Made by `tool_of`.

    Attributes:
        spec: What the model is told.
        fn: The function.
        is_async: Whether it is awaited; any other runs in a thread.
    """

    spec: ToolSpec = field(hash=False)
    fn: Callable[..., Any]
    is_async: bool
    _model: Any = field(repr=False, compare=False)
    _parameters: tuple[Parameter, ...] = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """What the model calls it."""
        return self.spec.name

    @property
    def description(self) -> str:
        """What the model is told that it does."""
        return self.spec.description

    def validate(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return a model's arguments as the function takes them: models as instances, dates as dates.

        Raises:
            OutputError: they do not fit; the text is for the model to read.
        """
        from pydantic import ValidationError as PydanticError

        if not isinstance(arguments, Mapping):
            raise OutputError(f"{self.name}: the arguments are no JSON object: {shown(arguments)}", text=str(arguments))
        try:
            # As JSON, for then a strict model takes a date as well, which is a text there.
            text = json.dumps(dict(arguments))
        except (TypeError, ValueError, RecursionError) as error:
            raise OutputError(f"{self.name}: the arguments are not JSON: {error}", text=shown(arguments)) from None
        try:
            made = self._model.model_validate_json(text)
        except PydanticError as error:
            told = _told(error, [parameter.name for parameter in self._parameters])
            raise OutputError(f"{self.name}: the arguments do not fit: {told}", text=text) from None
        return {
            parameter.name: getattr(made, f"p{number}")
            for number, parameter in enumerate(self._parameters)
            if parameter.fills or f"p{number}" in made.model_fields_set
        }

    async def call(self, arguments: Mapping[str, Any], run_in_thread: Callable[..., Awaitable[Any]]) -> str:
        """Call the function with a model's arguments and return its result as text.

        Args:
            arguments: As the model gives them.
            run_in_thread: Runs a plain function without arguments in a thread.

        Raises:
            OutputError: the arguments do not fit, or the result cannot be written.
            Exception: whatever the function raises; `render_error` writes it for the model.
        """
        values = self.validate(arguments)
        value = await (self.fn(**values) if self.is_async else run_in_thread(partial(self.fn, **values)))
        if isinstance(value, Awaitable):  # of a plain function that hands out the work of an async one
            value = await value
        return render_result(value)

    def __reduce__(self) -> tuple[Any, ...]:
        # The model of its arguments cannot be pickled.
        return partial(tool_of, name=self.name, description=self.description), (self.fn,)


def tool_of(fn: Callable[..., Any] | Tool, *, name: str | None = None, description: str | None = None) -> Tool:
    """Make a tool of a function, a method, a partial or an object that can be called.

    The schema of its arguments is pydantic's, from the annotations; what they are for is read from the docstring,
    unless `Annotated[..., Field(description=...)]` says it. What a partial binds is not told to the model.

    Args:
        fn: Plain or async. A tool is taken as it is.
        name: What the model calls it; None is the function's own name.
        description: What it does; None is what the docstring says before its sections, and what it returns.

    Raises:
        DefinitionError: it is no function, or no model could call it.
    """
    if isinstance(fn, Tool):
        if name is description is None:
            return fn
        name, description = fn.name if name is None else name, fn.description if description is None else description
        fn = fn.fn
    title = title_of(fn)
    if not callable(fn) or isinstance(fn, type):
        what = "a class" if isinstance(fn, type) else type(fn).__name__
        raise DefinitionError(f"the tool {title}: give a function, not {what}")
    function = written_function(fn)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DefinitionError(f"the tool {title} is a generator, which gives no single result; return a list")
    name = _checked_name(title, name)
    if description is not None and not isinstance(description, str):
        raise DefinitionError(f"the tool {title}: description={shown(description)}: give a text")
    signature = signature_of(fn, title)
    summary, described = read_docstring(_doc_of(fn))
    parameters = tuple(read_parameter(title, function, each, described) for each in signature.values())
    model, schema = model_of(title, parameters)
    spec = ToolSpec(name, summary if description is None else description, schema)
    called = fn if inspect.isroutine(fn) or isinstance(fn, partial) else type(fn).__call__
    is_async = inspect.iscoroutinefunction(called)
    return Tool(spec=spec, fn=fn, is_async=is_async, _model=model, _parameters=parameters)


def tools_of(given: Any) -> tuple[Tool, ...]:
    """Make tools of functions, or take them as they are, in their order.

    Raises:
        DefinitionError: it is no list, one of them cannot be a tool, or two have the same name.
    """
    if isinstance(given, Tool) or callable(given):
        raise DefinitionError(f"tools={shown(given)}: give a list: tools=[{title_of(getattr(given, 'fn', given))}]")
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise DefinitionError(f"tools={shown(given)}: give a list of functions")
    found: dict[str, Tool] = {}
    for one in given:
        tool = tool_of(one)
        if (other := found.get(tool.name)) is not None:
            raise DefinitionError(
                f"two tools are called {tool.name!r}: {_where(other.fn)} and {_where(tool.fn)}; "
                "leave one out, or give it another name with tool_of(fn, name='...')"
            )
        found[tool.name] = tool
    return tuple(found.values())


def render_result(value: Any) -> str:
    """Write what a tool gave as the model reads it: text as it is, data as JSON, None as ``null``.

    Raises:
        OutputError: it cannot be written.
    """
    if isinstance(value, Generator | AsyncGenerator):
        raise OutputError("the tool gives a generator, which can be read once only; return a list")
    try:
        return "null" if value is None else to_text(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise OutputError(f"the result, a {type(value).__name__}, cannot be written as text: {error}") from None


def render_error(error: BaseException) -> str:
    """Write what a tool raised as the model reads it: its type and text, and nothing of the code."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 (the text of a foreign exception is made by foreign code)
        text = "its text cannot be read"
    if not isinstance(error, OutputError):
        text = f"{type(error).__name__}: {text}".removesuffix(": ")
    return "error: " + (text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…")


def _checked_name(title: str, name: Any) -> str:
    if name is None and title == "<lambda>":
        raise DefinitionError("a lambda has no name for the model to call it by; give name='...', or use def")
    wanted = title if name is None else name
    if not isinstance(wanted, str) or not _NAME.fullmatch(wanted):
        allowed = re.sub(r"[^a-zA-Z0-9_-]+", "_", str(wanted)).strip("_")[:64] or "..."
        raise DefinitionError(
            f"the tool {title}: providers refuse the name {wanted!r}: they take 1 to 64 letters, digits, _ and -; "
            f"give one such as name={allowed!r}"
        )
    return wanted


def _where(fn: Any) -> str:
    """Name a function so that it can be told from another of its name."""
    function = written_function(fn)
    title = getattr(function, "__qualname__", title_of(fn))
    line = getattr(getattr(function, "__code__", None), "co_firstlineno", None)
    return f"{getattr(function, '__module__', None) or '?'}.{title}" + (f" (line {line})" if line else "")


def _doc_of(fn: Any) -> str:
    while isinstance(fn, partial) and "__doc__" not in vars(fn):
        fn = fn.func
    if inspect.isroutine(fn) or isinstance(fn, partial):
        return inspect.getdoc(fn) or ""
    return inspect.cleandoc(type(fn).__call__.__doc__ or type(fn).__doc__ or "")


def _told(error: Any, names: list[str]) -> str:
    """Write what is wrong with arguments, each in one sentence."""
    said: dict[str, None] = {}
    for one in error.errors(include_url=False, include_context=False):
        place = ".".join(map(str, one["loc"]))
        if one["type"] == "missing":
            text = f"{place} is missing"
        elif one["type"] == "extra_forbidden":
            near = did_you_mean(place, names) if len(one["loc"]) == 1 else ""
            text = f"there is no {place}{near}"
        else:
            text = f"{place}: {one['msg']}, not {shown(one['input'])}".removeprefix(": ")
        said[text] = None
    more = [f"and {len(said) - _MOST_ERRORS} more"] if len(said) > _MOST_ERRORS else []
    return "; ".join([*list(said)[:_MOST_ERRORS], *more])
