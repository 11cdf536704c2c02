"""Tools: Python functions that a model may call. What it is told of them, and how its arguments become a call.

When they are called, side by side and for how long, is decided by whoever talks to the model.
"""

from __future__ import annotations

import builtins
import inspect
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MethodType, SimpleNamespace
from typing import Annotated, Any, NamedTuple, Optional, get_args, get_type_hints

from graphbit_nb.core.llm import ToolSpec
from graphbit_nb.errors import DefinitionError, OutputError, did_you_mean
from graphbit_nb.graph.annotations import DEEPEST
from graphbit_nb.templating import to_text

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SHOWN = 60  # characters of a wrong argument that the model is shown
_MOST_ERRORS = 5  # wrong arguments that it is told of
_LONGEST_ERROR = 2000  # characters of an exception that it is told

# Keywords of a JSON schema that hold one schema, a list of them, and schemas by name. All others hold data.
_ONE = ("items", "contains", "not", "if", "then", "else", "propertyNames", "additionalProperties")
_LIST = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "dependentSchemas")


class _Parameter(NamedTuple):
    """A parameter; `field` is what pydantic is told of it, `fills` says that a `Field`'s default is to be passed."""

    name: str
    field: Any
    fills: bool


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
    _parameters: tuple[_Parameter, ...] = field(repr=False, compare=False)

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
            raise OutputError(
                f"{self.name}: the arguments are no JSON object: {_shown(arguments)}", text=str(arguments)
            )
        try:
            # As JSON, for then a strict model takes a date as well, which is a text there.
            text = json.dumps(dict(arguments))
        except (TypeError, ValueError, RecursionError) as error:
            raise OutputError(f"{self.name}: the arguments are not JSON: {error}", text=_shown(arguments)) from None
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
    title = _title(fn)
    if not callable(fn) or isinstance(fn, type):
        what = "a class" if isinstance(fn, type) else type(fn).__name__
        raise DefinitionError(f"the tool {title}: give a function, not {what}")
    function = _function(fn)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DefinitionError(f"the tool {title} is a generator, which gives no single result; return a list")
    name = _checked_name(title, name)
    if description is not None and not isinstance(description, str):
        raise DefinitionError(f"the tool {title}: description={_shown(description)}: give a text")
    signature = _signature(fn, title)
    summary, described = _read_docstring(_doc(fn), signature)
    parameters = tuple(_parameter(title, function, each, described) for each in signature.values())
    model, schema = _model_of(title, parameters)
    spec = ToolSpec(name, summary if description is None else description, schema)
    called = fn if inspect.isroutine(fn) or isinstance(fn, partial) else type(fn).__call__
    is_async = inspect.iscoroutinefunction(called)
    return Tool(spec=spec, fn=fn, is_async=is_async, _model=model, _parameters=parameters)


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
    """Write what a tool raised as the model reads it."""
    text = str(error) if isinstance(error, OutputError) else f"{type(error).__name__}: {error}".removesuffix(": ")
    return "error: " + (text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…")


def _title(fn: Any) -> str:
    """Return the name of a function; a partial has that of its function, an object that of its class."""
    while isinstance(fn, partial) and not hasattr(fn, "__name__"):
        fn = fn.func
    known = getattr(fn, "__name__", None)
    return known if isinstance(known, str) else type(fn).__name__ if callable(fn) else _shown(fn)


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


def _function(fn: Any) -> Any:
    """Return the function as it was written, whose names its annotations use."""
    for _ in range(DEEPEST):
        match fn:
            case partial():
                fn = fn.func
            case MethodType():
                fn = fn.__func__
            case _ if hasattr(fn, "__wrapped__"):
                fn = fn.__wrapped__
            case _ if inspect.isroutine(fn):
                return fn
            case _:
                fn = type(fn).__call__
    return fn


def _doc(fn: Any) -> str:
    while isinstance(fn, partial) and "__doc__" not in vars(fn):
        fn = fn.func
    if inspect.isroutine(fn) or isinstance(fn, partial):
        return inspect.getdoc(fn) or ""
    return inspect.cleandoc(type(fn).__call__.__doc__ or type(fn).__doc__ or "")


def _signature(fn: Any, title: str) -> dict[str, inspect.Parameter]:
    """Return what the model may give, by name."""
    bound: Mapping[str, Any] = {}
    if isinstance(fn, partial):
        bound = fn.keywords
        fn = partial(fn.func, *fn.args, **fn.keywords)  # as `update_wrapper` has not changed it
    try:
        found = dict(inspect.signature(fn).parameters)
    except (TypeError, ValueError, NameError):
        raise DefinitionError(f"the tool {title}: its parameters cannot be read; wrap it in a function") from None
    first = next(iter(found.values()), None)
    if first is not None and first.name in ("self", "cls") and first.annotation is first.empty:
        raise DefinitionError(f"the tool {title} is a method without its object; give that of an object: x.{title}")
    for name, parameter in found.items():
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise DefinitionError(
                f"the tool {title}: its parameter {name} cannot be given by name, as a model gives it; "
                "wrap it in a function without '/'"
            )
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise DefinitionError(
                f"the tool {title}: a model cannot be told what {str(parameter).partition(':')[0]} takes; "
                "wrap it in a function that names each parameter (a decorator: with functools.wraps)"
            )
    return {name: parameter for name, parameter in found.items() if name not in bound}


def _parameter(title: str, function: Any, given: inspect.Parameter, described: Mapping[str, str]) -> _Parameter:
    from pydantic import Field
    from pydantic.fields import FieldInfo

    annotation = _resolved(title, function, given)
    if given.default is None:
        annotation = Optional[annotation]  # noqa: UP045 (what it is, is only known now)
    by_function = given.default is not given.empty and not isinstance(given.default, FieldInfo)
    try:
        if given.default is given.empty:
            info = FieldInfo.from_annotation(annotation)
        else:
            info = FieldInfo.from_annotated_attribute(annotation, given.default)
        told = Field(alias=given.name, description=info.description or described.get(given.name))
        annotation = Annotated[annotation, told]
    except Exception as error:  # noqa: BLE001 (it runs what the annotation is made of)
        raise _no_schema(title, given.name, error) from None
    if info.alias is not None or info.validation_alias is not None:
        raise DefinitionError(f"the tool {title}: its parameter {given.name} has an alias; rename the parameter")
    field_ = annotation if given.default is given.empty else (annotation, given.default)
    return _Parameter(given.name, field_, not by_function and not info.is_required())


def _resolved(title: str, function: Any, parameter: inspect.Parameter) -> Any:
    """Look up the names in a parameter's annotation. Raises `DefinitionError`."""
    if parameter.annotation is parameter.empty:
        return Any
    names = getattr(function, "__globals__", {})
    nearer = _closed_over(function)
    holder = SimpleNamespace(__annotations__={"it": parameter.annotation})
    try:
        annotation = get_type_hints(holder, names, nearer, include_extras=True)["it"]
    except Exception as error:  # noqa: BLE001 (a text may hold any code)
        name = getattr(error, "name", None) or ""
        near = did_you_mean(name, {**names, **nearer, **vars(builtins)}) if name else ""
        raise DefinitionError(
            f"the tool {title}: the annotation {parameter.annotation!r} of its parameter {parameter.name} "
            f"cannot be read: {error}{near or '; import or define what it names before the tool is made'}"
        ) from None
    if ours := _of_ours(annotation):
        raise DefinitionError(
            f"the tool {title}: its parameter {parameter.name} takes a {ours}, which no model can give; "
            "a tool gets what the model gives and nothing else"
        )
    return annotation


def _of_ours(annotation: Any) -> str | None:
    """Return the name of a class of this package that an annotation mentions."""
    if isinstance(annotation, type) and annotation.__module__.partition(".")[0] == __name__.partition(".")[0]:
        return annotation.__name__
    return next((found for part in get_args(annotation) if (found := _of_ours(part))), None)


def _model_of(title: str, parameters: tuple[_Parameter, ...]) -> tuple[Any, dict[str, Any]]:
    """Return the pydantic model of the arguments, and its schema. Raises `DefinitionError`."""
    from pydantic import ConfigDict, create_model
    from pydantic.json_schema import GenerateJsonSchema

    class Quiet(GenerateJsonSchema):
        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 (pydantic's own)

    def made(some: tuple[_Parameter, ...]) -> tuple[Any, dict[str, Any]]:
        # Numbered, since a parameter may have any name, such as `json` or `_x`, and a model's field may not.
        fields: dict[str, Any] = {f"p{number}": each.field for number, each in enumerate(some)}
        model = create_model(title, __config__=ConfigDict(extra="forbid"), **fields)
        schema = _tidy(model.model_json_schema(schema_generator=Quiet))
        if list(schema.get("properties", ())) != [each.name for each in some]:  # of ClassVar, or Self
            raise TypeError("its annotation has a meaning in classes only")
        return model, schema

    try:
        return made(parameters)
    except Exception as whole:  # noqa: BLE001 (it runs what the annotations are made of)
        for each in parameters:
            try:
                made((each,))
            except Exception as error:  # noqa: BLE001
                raise _no_schema(title, each.name, error) from None
        raise _no_schema(title, "", whole) from None


def _no_schema(title: str, parameter: str, error: Exception) -> DefinitionError:
    where = f" its parameter {parameter}" if parameter else " its arguments"
    reason = str(error).partition("\n")[0].partition(". Set ")[0]
    return DefinitionError(
        f"the tool {title}:{where} cannot be described to a model: {reason}; "
        "annotate it with what JSON has, or with a pydantic model"
    )


def _closed_over(function: Any) -> dict[str, Any]:
    code, found = getattr(function, "__code__", None), {}
    for name, cell in zip(getattr(code, "co_freevars", ()), getattr(function, "__closure__", None) or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not filled yet
            continue
    return found


def _tidy(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Take titles out of a schema, close its objects, and leave out what JSON cannot write, such as infinity."""

    def walk(value: Any) -> Any:
        return _tidy(value) if isinstance(value, dict) else value

    out: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _NAMED and isinstance(value, dict):
            out[key] = {name: walk(one) for name, one in value.items()}
        elif key in _LIST and isinstance(value, list):
            out[key] = [walk(one) for one in value]
        elif key in _ONE:
            out[key] = walk(value)
        elif key != "title" and _is_json(value):
            out[key] = value
    if "properties" in out:
        out.setdefault("additionalProperties", False)
    return out


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


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
            text = f"{place}: {one['msg']}, not {_shown(one['input'])}".removeprefix(": ")
        said[text] = None
    more = [f"and {len(said) - _MOST_ERRORS} more"] if len(said) > _MOST_ERRORS else []
    return "; ".join([*list(said)[:_MOST_ERRORS], *more])


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


_HEADINGS = {
    **dict.fromkeys(("args", "arguments", "parameters", "params", "keyword args", "keyword arguments"), "parameters"),
    **dict.fromkeys(("other parameters", "other args"), "parameters"),
    **dict.fromkeys(("return", "returns"), "return"),
    **dict.fromkeys(("yield", "yields", "raise", "raises", "warns", "example", "examples", "note", "notes"), "other"),
    **dict.fromkeys(("warning", "warnings", "see also", "references", "attributes", "todo", "receives"), "other"),
}
_UNDERLINE = re.compile(r"-{3,}\Z")
_GOOGLE = re.compile(r"\*{0,2}(\w+)\s*(?:\(.*?\))?\s*:(?:\s+(.*))?\Z")
_NUMPY = re.compile(r"([\w*]+(?:\s*,\s*[\w*]+)*)\s*(?::.*)?\Z")
_SPHINX = re.compile(r":(\w+)\s*([^:]*):\s*(.*)\Z")
_SPHINX_PARAMETERS = ("param", "parameter", "arg", "argument", "key", "keyword")


def _read_docstring(doc: str, names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return what a docstring says of its function, and of each parameter: in Google's, NumPy's or Sphinx's style."""
    found: dict[str, list[str]] = {"": [], "return": [], **{name: [] for name in names}}
    style = kind = ""
    into: tuple[str, ...] = ("",)  # whose description the line belongs to
    margin: int | None = None  # of the entries of a section
    lines = doc.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=False):
        text, indented = line.strip(), len(line) - len(line.lstrip())
        heading = None if indented else _HEADINGS.get(text.removesuffix(":").lower())
        if heading and (_UNDERLINE.match(following) or text.endswith(":")):
            style, kind, margin = "numpy" if _UNDERLINE.match(following) else "google", heading, None
            into = ("return",) if kind == "return" else ()
            continue
        if not indented and (field_ := _SPHINX.match(text)):
            style, kind = "sphinx", "other"
            word, name = field_[1], field_[2].rpartition(" ")[2].lstrip("*")
            into = (name,) if word in _SPHINX_PARAMETERS else ("return",) if word in ("return", "returns") else ()
            text = field_[3]
        elif text and not indented and style in ("google", "sphinx"):
            style, kind, into = "", "", ("",)
        elif kind == "parameters" and text and not _UNDERLINE.match(line):
            margin = indented if margin is None else margin
            entry = (_NUMPY if style == "numpy" else _GOOGLE).match(text) if indented <= margin else None
            if entry is not None:
                into = tuple(name.strip(" *") for name in entry[1].split(","))
                text = "" if style == "numpy" else entry[2] or ""
        for name in into:
            if name in found and not _UNDERLINE.match(line):
                found[name].append(line if name == "" else text)
    prose, given = "\n".join(found.pop("")).strip(), _joined(found.pop("return"))
    told = "\n\n".join(part for part in (prose, given and f"Returns: {given}") if part)
    return told, {name: text for name, said in found.items() if (text := _joined(said))}


def _joined(lines: list[str]) -> str:
    return " ".join(filter(None, lines))
